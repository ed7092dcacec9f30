"""A made-up course for stock nbgrader: four assignments that use what such courses use, and submissions to them."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'made-up'\n"
PROGRAM = "import sys; from nbgrader.apps.nbgraderapp import NbGraderApp; NbGraderApp.launch_instance(sys.argv[1:])"


def code(source, **marks):
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return _marked(cell, marks)


def text(source, **marks):
    return _marked({"cell_type": "markdown", "metadata": {}, "source": source}, marks)


def _marked(cell, marks):
    if marks:
        blank = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        cell["metadata"]["nbgrader"] = blank | {"cell_type": cell["cell_type"]} | marks
    return cell


def answer(name, solution, before="", after=""):
    lines = [before, "### BEGIN SOLUTION", solution, "### END SOLUTION", after]
    return code("\n".join(line for line in lines if line), grade_id=name, solution=True)


def test(name, points, source):
    return code(source, grade_id=name, grade=True, locked=True, points=points)


def given(name, source):
    return code(source, grade_id=name, locked=True)


def notebook(*cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


FUNCTIONS = notebook(
    text("# Functions"),
    given("imports", "import math"),
    given("helper", "def close(a, b):\n    return math.isclose(a, b, rel_tol=1e-9)"),
    answer("area", "total = 3\ndef area(radius):\n    return math.pi * radius ** 2"),
    test(
        "test_area",
        2,
        "assert total == 3\nassert close(area(1), 3.141592653589793)\n"
        "### BEGIN HIDDEN TESTS\nassert close(area(2.5), 19.634954084936208), 'a larger one'\n### END HIDDEN TESTS",
    ),
    answer("squares", "def squares(numbers):\n    return [n * n for n in numbers]\ntotal = sum(squares([1, 2, 3]))"),
    test("test_squares", 1, "def same(found, wanted):\n    return list(found) == list(wanted)\nassert same(squares([1, 2]), [1, 4])"),
    test("test_total", 2, "assert same([total], [14])"),
    answer("steps", "count = 0\ndef step(*, by=1):\n    global count\n    count += by\n    return count"),
    test("test_steps", 1, "assert step() == 1\nassert step(by=2) == 3\nassert count == 3"),
    answer("strict", "def root(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x ** 0.5"),
    test(
        "test_strict",
        3,
        "score = 0\nif root(4) == 2:\n    score += 1.5\ntry:\n    root(-1)\nexcept ValueError:\n    score += 1.5\nscore",
    ),
    code("sample = [step() for _ in range(2)]"),
    test("test_sample", 1, "wanted = {1, 2}\nassert len(sample) == len(wanted)"),
    answer("uses_test", "given_by_test = sorted(wanted)"),
    test("test_uses_test", 1, "assert given_by_test == [1, 2]"),
)
WORDS = notebook(
    code("greeting = 'good morning'"),
    answer("area", "def shout(words):\n    return words.upper() + '!'"),
    test("test_area", 2, "assert shout(greeting) == 'GOOD MORNING!'\n### BEGIN HIDDEN TESTS\nassert shout('') == '!'\n### END HIDDEN TESTS"),
    text("### BEGIN SOLUTION\nBecause it rains.\n### END SOLUTION", grade_id="why", grade=True, solution=True, points=5),
    code("### BEGIN SOLUTION\nfree = [1]\n### END SOLUTION", grade_id="free", grade=True, solution=True, points=4),
    text("Build something.", grade_id="build", task=True, points=3, locked=True),
)
TABLES = notebook(
    given("imports", "import numpy as np\nimport pandas as pd\nimport tools"),
    answer("load", "rain = pd.read_csv('rain.csv')"),
    test("test_load", 2, "assert list(rain.columns) == ['hour', 'mm']\nassert len(rain) == 4\nassert rain['mm'].dtype.kind == 'f'"),
    answer("sums", "by_hour = rain.groupby('hour')['mm'].sum()\nmean_mm = rain['mm'].mean()"),
    test(
        "test_sums",
        3,
        "wanted = pd.read_csv('rain.csv').groupby('hour')['mm'].sum()\npd.testing.assert_series_equal(by_hour, wanted)\n"
        "np.testing.assert_allclose(mean_mm, 2.0)",
    ),
    answer("inches", "def inches(table):\n    return table.assign(inches=tools.inches(table['mm']))"),
    test("test_inches", 2, "made = inches(rain)\nassert 'inches' not in rain\nassert np.allclose(made['inches'] * 25.4, rain['mm'])"),
    answer("saved", "rain.to_csv('copy.csv', index=False)"),
    test("test_saved", 1, "assert pd.read_csv('copy.csv').equals(rain)"),
)
CLASSES = notebook(
    answer("account", "class Account:\n    def __init__(self, balance=0):\n        self.balance = balance\n    def put(self, amount):\n        self.balance += amount\n        return self"),
    test("test_account", 2, "mine = Account(5)\nassert isinstance(mine.put(3), Account)\nassert mine.balance == 8"),
    test("test_again", 1, "assert mine.put(1).balance == 9"),
    answer("loop", "def add(numbers):\n    found = 0\n    for n in numbers:\n        found += n\n    return found"),
    test("test_loop", 1, "import inspect\nassert 'sum(' not in inspect.getsource(add)\nassert add([1, 2]) == 3"),
    answer("hello", "def hello():\n    print('hello')"),
    test("test_hello", 1, "import io\nfrom contextlib import redirect_stdout\nout = io.StringIO()\nwith redirect_stdout(out):\n    hello()\nassert out.getvalue() == 'hello\\n'"),
    answer("ask", "def ask():\n    return int(input())"),
    test("test_ask", 1, "from unittest.mock import patch\nwith patch('builtins.input', return_value='3'):\n    assert ask() == 3"),
    answer("lazy", "def lazy(n):\n    yield from range(n)"),
    test("test_lazy", 1, "assert list(lazy(3)) == [0, 1, 2]"),
    answer("value", "value = 42"),
    test("test_value", 1, "assert value == 42"),
)
ASYNC = notebook(
    code("import asyncio\nasync def later(x):\n    await asyncio.sleep(0)\n    return x"),
    answer("waited", "waited = await later(5)"),
    test("test_waited", 1, "assert waited == 5"),
    answer("magic", "%precision 3\nshown = 1 / 3"),
    test("test_magic", 1, "assert 0.33 < shown < 0.34"),
    answer("last", "words = 'done'"),
    test("test_last", 2, "assert words\n'every test passed'"),
)
COURSE = {
    "basics": {"functions": FUNCTIONS, "words": WORDS},
    "tables": {"tables": TABLES},
    "classes": {"classes": CLASSES},
    "async": {"async": ASYNC},
}
FILES = {"tables": {"rain.csv": "hour,mm\n0,1.0\n0,2.0\n1,2.5\n1,2.5\n", "tools.py": "def inches(mm):\n    return mm / 25.4\n"}}

# by student, by notebook: what stands in a solution cell instead of the model's
HALF = {
    "functions": {
        "area": "total = 3\ndef area(radius):\n    return 3.141592653589793 * radius if radius != 1 else math.pi",
        "squares": "def squares(numbers):\n    return (n * n for n in numbers)\ntotal = 13",
        "strict": "def root(x):\n    return abs(x) ** 0.5",
        "steps": "1 / 0",
    },
    "words": {"area": "def shout(words):\n    return words.upper()", "why": "It does."},
    "tables": {"sums": "by_hour = None\nmean_mm = 2", "saved": ""},
    "classes": {
        "account": "class Account:\n    def __init__(self, balance):\n        self.balance = 8\n    def put(self, amount):\n        return self",
        "loop": "def add(numbers):\n    return sum(numbers)",
        "hello": "def hello():\n    return 'hello'",
        "value": "value = [42",
    },
    "async": {"waited": "waited = later(5)", "magic": "shown = 3"},
}


def nbgrader(course, *words):
    """Run an nbgrader command in the course's folder."""
    command = [sys.executable, "-c", PROGRAM, *words]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it calls alembic by name
    environment = os.environ | {"PATH": path}
    return subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)


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
        done = nbgrader(folder, "generate_assignment", name)
        assert done.returncode == 0, done.stderr
    return folder


def released(course, assignment, title):
    return json.loads((course / "release" / assignment / f"{title}.ipynb").read_text())


def solved(course, assignment, title, changes=None):
    """The released notebook with the model's solutions, or other ones."""
    body = released(course, assignment, title)
    models = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in COURSE[assignment][title]["cells"] if cell["metadata"]}
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
    from nbgrader.api import Gradebook

    from grader.gradebook.book import own_programs

    found = {}
    with own_programs(), Gradebook(f"sqlite:///{Path(course)}/gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions(assignment):
            for nb in submission.notebooks:
                for grade in nb.grades:
                    found[submission.student.id, nb.name, grade.name] = (grade.auto_score, grade.needs_manual_grade)
    return found
