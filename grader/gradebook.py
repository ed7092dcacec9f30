"""nbgrader's part: the release of a lab, the gradebook, its flags for a person's work.

The only module that imports nbgrader, and only inside functions: that import takes seconds, and no first
result waits for it.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from grader.errors import GraderError

CONFIG = "nbgrader_config.py"
DATABASE = "gradebook.db"

# Without these the formgrader's pages take seconds on a full course.
_INDEXES = {
    "practicum_grade_notebook": "grade (notebook_id)",
    "practicum_comment_notebook": "comment (notebook_id)",
    "practicum_submitted_notebook_assignment": "submitted_notebook (assignment_id)",
    "practicum_submitted_assignment_student": "submitted_assignment (student_id)",
}

_CONFIG_TEXT = '''\
"""nbgrader's settings of this course; written once, yours to change."""

from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader provides it
root = Path(__file__).resolve().parent

c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = str(root)
c.CourseDirectory.db_url = f"sqlite:///{{root / {database!r}}}"
c.Exchange.root = str(root / "exchange")

# What stands in a release where a solution stood.
c.ClearSolutions.code_stub = {{"python": {code_stub!r}}}
c.ClearSolutions.text_stub = {text_stub!r}

# `nbgrader autograde` and the formgrader's button grade as `practicum grade` does: in the sandbox.
c.Autograde.autograde_preprocessors = [
    "grader.gradebook.SandboxedGrading",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''


@dataclass(frozen=True)
class Grades:
    """One student's grades of one assignment, as they are written to the gradebook.

    Args:
        student: the id in the roster.
        scores: points by grade cell, plain finite floats within the cell's maximum.
        waiting: grade cells that wait for a person.
        fresh: whether this submission was graded just now; an unchanged one keeps what a person has set.
        comments: what the machine says beside an answer, by solution cell.
        submitted_at: when it was handed in, with a zone; unknown if none.
    """

    student: str
    scores: Mapping[str, float]
    waiting: frozenset[str] = frozenset()
    fresh: bool = True
    comments: Mapping[str, str] = field(default_factory=dict)
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One student's line in the gradebook.

    Args:
        score: points, a person's included.
        waits: whether something waits for a person.
        by_cell: points by grade cell; ``None`` where nobody has set any.
        by_person: points that a person has set, by grade cell.
        comments: what a person wrote, by solution cell.
    """

    student: str
    score: float
    max_score: float
    waits: bool
    by_cell: Mapping[str, float | None]
    by_person: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)


def write_config(course: Path, course_id: str, code_stub: str, text_stub: str) -> Path:
    """Write the course's ``nbgrader_config.py`` unless there is one, and give its path."""
    path = course / CONFIG
    if not path.exists():
        path.write_text(
            _CONFIG_TEXT.format(course_id=course_id, database=DATABASE, code_stub=code_stub, text_stub=text_stub),
            encoding="utf-8",
        )
    return path


def release(course: Path, assignment: str) -> Path:
    """Make ``release/<assignment>`` from ``source/<assignment>`` by nbgrader's own converter, and enter its cells.

    Raises:
        GraderError: nbgrader refuses, e.g. because submissions exist and the graded cells have changed.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    config = _config(course)
    directory = CourseDirectory(config=config)
    directory.assignment_id = assignment
    log = _CollectingLog()
    working = Path.cwd()
    with _own_programs():
        try:
            converter = GenerateAssignment(coursedir=directory, config=config, force=True, log=log.logger)
            converter.start()
        except NbGraderException as error:
            said = "; ".join(log.said) or str(error)
            raise GraderError(
                f"{course}, release of {assignment}",
                f"nbgrader refused: {said}",
                "Graded cells cannot be added or removed once there are submissions.",
                "Give the changed lab another id, or start a new course.",
            ) from error
        finally:
            os.chdir(working)
    with _open(course) as book:
        _index(book)
    return course / "release" / assignment / f"{assignment}.ipynb"


def enter_students(course: Path, students: Sequence[Mapping[str, str]]) -> None:
    """Enter students (``id``, ``first_name``, ``last_name``, ``email``) or bring them up to date."""
    with _open(course) as book:
        for student in students:
            facts = {name: student[name] for name in ("first_name", "last_name", "email") if student.get(name)}
            book.update_or_create_student(student["id"], **facts)


def enter_grades(course: Path, assignment: str, grades: Sequence[Grades]) -> None:
    """Write grades exactly; a person's score stays, and a changed submission asks them to look again.

    Raises:
        GraderError: the assignment is not released here, or a score is not a plain number within its maximum.
    """
    from nbgrader.api import MissingEntry

    with _open(course) as book:
        for one in grades:
            try:
                book.find_assignment(assignment)
                book.update_or_create_student(one.student)
                facts = {"timestamp": one.submitted_at} if one.submitted_at else {}
                with book.db.no_autoflush:  # a half-made submission must not be flushed by nbgrader's look-ups
                    submission = book.update_or_create_submission(assignment, one.student, **facts)
            except MissingEntry as error:
                raise GraderError(
                    f"{course}, gradebook", str(error), then=f"Release it: practicum lab release {assignment}."
                ) from error
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    _enter(grade, one)
                for comment in notebook.comments:
                    comment.auto_comment = one.comments.get(comment.name)
        book.db.commit()


def enter_person_score(course: Path, assignment: str, student: str, cell: str, score: float) -> None:
    """Set a person's score for one cell, as the formgrader does."""
    with _open(course) as book:
        grade = book.find_grade(cell, assignment, assignment, student)
        grade.manual_score = float(score)
        grade.needs_manual_grade = False
        book.db.commit()


def lines(course: Path, assignment: str) -> list[Line]:
    """What the gradebook says of every submission of an assignment, by student."""
    with _open(course) as book:
        found = []
        for submission in book.assignment_submissions(assignment):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            by_cell = {
                grade.name: None if grade.needs_manual_grade and grade.manual_score is None else float(grade.score)
                for grade in grades
            }
            by_person = {str(grade.name): float(grade.score) for grade in grades if grade.manual_score is not None}
            comments = {
                str(comment.name): str(comment.manual_comment)
                for notebook in submission.notebooks
                for comment in notebook.comments
                if comment.manual_comment
            }
            found.append(
                Line(
                    submission.student.id,
                    float(submission.score),
                    float(submission.max_score),
                    any(grade.needs_manual_grade for grade in grades),
                    by_cell,
                    by_person,
                    comments,
                )
            )
    return sorted(found, key=lambda line: line.student)


def read_points(notebook: Path, log: logging.Logger) -> dict[str, float | None]:
    """The points that stock nbgrader reads from a graded notebook's outputs, by grade cell."""
    import nbformat
    from nbgrader import utils

    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat types some of itself
    return {
        str(cell.metadata.nbgrader.grade_id): utils.determine_grade(cell, log)[0]
        for cell in cells
        if utils.is_grade(cell)
    }


def assignments(course: Path) -> list[str]:
    """Names of what was released in a course."""
    if not (course / DATABASE).exists():
        return []
    with _open(course) as book:
        return sorted(str(assignment.name) for assignment in book.assignments)


def __getattr__(name: str) -> object:
    # nbgrader's settings name this class; to define it, nbgrader must be imported
    if name == "SandboxedGrading":
        return _sandboxed_grading()
    raise AttributeError(name)


@cache
def _sandboxed_grading() -> type:
    from nbgrader.preprocessors import NbGraderPreprocessor

    class SandboxedGrading(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader publishes no types
        """Stands where nbgrader would run a submission in a plain kernel."""

        def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:  # noqa: ANN401, ARG002 - nbgrader's signature
            """The notebook that ``practicum grade`` has made of this submission."""
            import nbformat

            about = resources["nbgrader"]
            student, assignment = str(about["student"]), str(about["assignment"])
            course = Path.cwd()  # nbgrader works in the course's folder
            call = "from grader.cli import main; main()"
            graded = course / "autograded" / student / assignment / f"{assignment}.ipynb"
            # nbgrader has put the bare submission there: check cells without outputs would count as full points
            graded.unlink(missing_ok=True)
            command = ["grade", assignment, "--course", str(course), "--student", student, "--json"]
            ran = subprocess.run([sys.executable, "-c", call, *command], capture_output=True, text=True, check=False)
            if ran.returncode:
                raise RuntimeError(ran.stderr.strip() or "practicum grade failed")
            return nbformat.read(graded, as_version=4), resources  # type: ignore[no-untyped-call]

    return SandboxedGrading


def _enter(grade: Any, one: Grades) -> None:  # noqa: ANN401 - nbgrader publishes no types
    name, most = str(grade.name), float(grade.max_score)
    if name in one.scores:
        score = one.scores[name]
        # nbgrader would give full points for numpy's 0.0, nan, -1 or None.
        if type(score) is not float or not 0.0 <= score <= most:
            raise GraderError(f"grade of {one.student}, {name}", repr(score), f"A plain float from 0 to {most:g}.")
        grade.auto_score = score
        if one.fresh or grade.manual_score is None:
            grade.needs_manual_grade = grade.manual_score is not None and one.fresh
    elif name in one.waiting:
        grade.auto_score = None
        if one.fresh or grade.manual_score is None:
            grade.needs_manual_grade = True


@contextmanager
def _open(course: Path) -> Iterator[Any]:
    from nbgrader.api import Gradebook
    from sqlalchemy.exc import DatabaseError

    config = _config(course)
    url = config.CourseDirectory.get("db_url", f"sqlite:///{course / DATABASE}")
    try:
        with _own_programs():
            book = Gradebook(url, str(config.CourseDirectory.get("course_id", "")))
        with book:
            yield book
    except DatabaseError as error:
        found = f"cannot be used: {str(error.orig or error).splitlines()[0]}"
        then = "Move it away and release the labs again; grading again brings back every point but a person's."
        raise GraderError(f"{course / DATABASE}", found, then=then) from error


def _config(course: Path) -> Any:  # noqa: ANN401 - traitlets publishes no types
    from traitlets.config.loader import PyFileConfigLoader

    if not (course / CONFIG).is_file():
        raise GraderError(str(course), f"is no course (no {CONFIG})", then="Make one: practicum cohort init DIR.")
    try:
        return PyFileConfigLoader(CONFIG, path=str(course.resolve())).load_config()
    except Exception as error:  # a program of the course's owner: anything can go wrong in it
        raise GraderError(str(course / CONFIG), f"fails: {type(error).__name__}: {error}", then="Mend it.") from error


def _index(book: Any) -> None:  # noqa: ANN401 - nbgrader publishes no types
    from sqlalchemy import text

    for name, columns in _INDEXES.items():
        book.db.execute(text(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}"))
    book.db.commit()


@contextmanager
def _own_programs() -> Iterator[None]:
    """Let nbgrader, which calls ``alembic`` by name, find the one installed beside it."""
    before = os.environ.get("PATH", os.defpath)
    if shutil.which("alembic") is None:
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


class _CollectingLog(logging.Handler):
    """Keeps nbgrader's errors, so that they reach the person in one message."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []
        self.logger = logging.Logger("practicum.nbgrader", logging.ERROR)  # noqa: LOG001 - its own, not the process's
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if text and "Traceback" not in text:
            self.said.append(text.splitlines()[-1])
