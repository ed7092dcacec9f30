"""A made-up course for stock nbgrader: four assignments that use what such courses use, and submissions to them."""

import copy
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.grader.fixtures.stock_notebooks import COURSE, FILES

CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'made-up'\n"
# nbgrader's command line, several commands in one process: its imports take seconds
PROGRAM = """
import json, sys
from nbgrader.apps.nbgraderapp import NbGraderApp
for words in json.loads(sys.argv[1]):
    NbGraderApp.clear_instance()
    try:
        NbGraderApp.launch_instance(words)
    except SystemExit as end:
        if end.code:
            raise
"""


def nbgrader(course, *commands):
    """Run nbgrader commands in the course's folder; what they said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it calls alembic by name
    environment = os.environ | {"PATH": path}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps(commands)]
    ran = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def make_course(folder, names=tuple(COURSE)):
    """The course's sources, released by nbgrader itself."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(CONFIG)
    for name in names:
        source = folder / "source" / name
        source.mkdir(parents=True)
        for title, body in COURSE[name].items():
            (source / f"{title}.ipynb").write_text(json.dumps(body))
        for title, content in FILES.get(name, {}).items():
            (source / title).write_text(content)
    nbgrader(folder, *(["generate_assignment", name] for name in names))
    return folder


def released(course, assignment, title):
    return json.loads((course / "release" / assignment / f"{title}.ipynb").read_text())


def solved(course, assignment, title, changes=None):
    """The released notebook with the model's solutions, or other ones."""
    body = released(course, assignment, title)
    models = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell
        for cell in COURSE[assignment][title]["cells"]
        if cell["metadata"]
    }
    for cell in body["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution"):
            own = re.sub(r"### (BEGIN|END) SOLUTION\n?", "", models[marks["grade_id"]]["source"])
            cell["source"] = (changes or {}).get(marks["grade_id"], own)
    return body


def hand_in(course, student, assignment, notebooks):
    folder = course / "submitted" / student / assignment
    shutil.copytree(course / "release" / assignment, folder)
    for path in folder.glob("*.ipynb"):
        path.unlink()
    for title, body in notebooks.items():
        (folder / f"{title}.ipynb").write_text(json.dumps(body))
    return folder


def hand_in_all(course, student, changes=None):
    for assignment, notebooks in COURSE.items():
        if (course / "source" / assignment).is_dir():
            bodies = {title: solved(course, assignment, title, (changes or {}).get(title)) for title in notebooks}
            hand_in(course, student, assignment, bodies)


def cell_of(body, name):
    return next(cell for cell in body["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def split(body, name, at):
    """A copy in which a cell is split in two, as an editor does it: both parts carry its marks."""
    body = copy.deepcopy(body)
    place = next(n for n, cell in enumerate(body["cells"]) if cell is cell_of(body, name))
    lines = body["cells"][place]["source"].splitlines(keepends=True)
    first, second = copy.deepcopy(body["cells"][place]), copy.deepcopy(body["cells"][place])
    first["source"], second["source"] = "".join(lines[:at]), "".join(lines[at:])
    body["cells"][place : place + 1] = [first, second]
    return body


def book(course, assignment):
    """(student, notebook, cell) to (automatic score, whether a person must look)."""
    query = """
        SELECT handed.student_id, notebook.name, cell.name, grade.auto_score, grade.needs_manual_grade FROM grade
        JOIN base_cell cell ON cell.id = grade.cell_id JOIN notebook ON notebook.id = cell.notebook_id
        JOIN submitted_notebook one ON one.id = grade.notebook_id
        JOIN submitted_assignment handed ON handed.id = one.assignment_id
        JOIN assignment ON assignment.id = handed.assignment_id WHERE assignment.name = ?
    """
    with closing(sqlite3.connect(Path(course) / "gradebook.db")) as database:
        rows = database.execute(query, (assignment,)).fetchall()
    return {(student, title, cell): (score, bool(waits)) for student, title, cell, score, waits in rows}


def forget_scores(course):
    """Leave the gradebook without a score."""
    with closing(sqlite3.connect(Path(course) / "gradebook.db")) as database:
        database.execute("UPDATE grade SET auto_score = NULL")
        database.commit()
