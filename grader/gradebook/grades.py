"""Points into the gradebook and out of it, many students at a time."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.gradebook.book import open_book

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_TOGETHER = 200  # students read and changed at once


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
        late_penalty_points: points taken off for lateness, which nbgrader shows apart from the score.
    """

    student: str
    scores: Mapping[str, float]
    waiting: frozenset[str] = frozenset()
    fresh: bool = True
    comments: Mapping[str, str] = field(default_factory=dict)
    submitted_at: datetime | None = None
    late_penalty_points: float = 0.0


@dataclass(frozen=True)
class Line:
    """One student's line in the gradebook.

    Args:
        score: points, a person's included.
        waits: whether something waits for a person.
        by_cell: points by grade cell; ``None`` where nobody has set any.
        by_person: points that a person has set, by grade cell.
        comments: what a person wrote, by solution cell.
        late_penalty_points: points taken off for lateness; not taken off ``score``.
    """

    student: str
    score: float
    max_score: float
    waits: bool
    by_cell: Mapping[str, float | None]
    by_person: Mapping[str, float] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    late_penalty_points: float = 0.0


def enter_grades(course: Path, assignment: str, grades: Sequence[Grades], *, by_notebook: bool = False) -> None:
    """Write grades exactly, all of them or none.

    A person's score stays, and a changed submission asks them to look again.

    Args:
        course: the course's folder.
        assignment: as it was released.
        grades: by student.
        by_notebook: cells are named ``notebook/cell``: two notebooks of an assignment may both have a cell ``q1``.

    Raises:
        GraderError: the assignment is not released here, or a score is not a plain number within its maximum.
        BookError: the database cannot be written.
    """
    with open_book(course) as book:
        sheet = _Sheet(book, _released(course, book, assignment), by_notebook=by_notebook)
        for one in grades:
            sheet.refuse_wrong_points(one)
        for start in range(0, len(grades), _TOGETHER):
            for one, submission in sheet.submissions(grades[start : start + _TOGETHER]):
                sheet.enter(submission, one)
            book.db.flush()
        book.db.commit()


def enter_person_score(course: Path, assignment: str, student: str, cell: str, score: float) -> None:
    """Set a person's score for one cell, as the formgrader does.

    Raises:
        GraderError: the score is not a plain number within the cell's maximum.
    """
    with open_book(course) as book:
        grade = book.find_grade(cell, assignment, assignment, student)
        grade.manual_score = plain_score(f"grade of {student}, {cell}", float(score), float(grade.max_score))
        grade.needs_manual_grade = False
        book.db.commit()


def lines(course: Path, assignment: str) -> list[Line]:
    """What the gradebook says of every submission of an assignment, by student."""
    with open_book(course) as book:
        released = _released(course, book, assignment, missing_is_empty=True)
        if released is None:
            return []
        sheet = _Sheet(book, released)
        return sorted((sheet.line(submission) for submission in sheet.all()), key=lambda line: line.student)


def plain_score(where: str, score: object, most: float) -> float:
    """``score``, if it is a plain finite float from 0 to ``most``.

    nbgrader would give full points for numpy's 0.0, nan, -1 or None.

    Raises:
        GraderError: it is anything else.
    """
    if type(score) is not float or not math.isfinite(score) or not 0.0 <= score <= most:
        raise GraderError(where, repr(score), f"A plain float from 0 to {most:g}.")
    return score


def _released(course: Path, book: Any, assignment: str, *, missing_is_empty: bool = False) -> Any:  # noqa: ANN401
    from nbgrader.api import MissingEntry

    try:
        return book.find_assignment(assignment)
    except MissingEntry as error:
        if missing_is_empty:
            return None
        then = f"Release it: practicum lab release {assignment} (in a stock course: nbgrader generate_assignment)."
        raise GraderError(f"{course}, gradebook", str(error), then=then) from error


class _Sheet:
    """One assignment's submissions, read in a few statements however many they are."""

    def __init__(self, book: Any, assignment: Any, *, by_notebook: bool = False) -> None:  # noqa: ANN401 - nbgrader publishes no types
        self.book, self.assignment, self.by_notebook = book, assignment, by_notebook
        self.graded: dict[str, tuple[str, float]] = {}
        self.commented: dict[str, str] = {}
        for notebook in assignment.notebooks:
            before = f"{notebook.name}/" if by_notebook else ""
            for cell in (*notebook.grade_cells, *notebook.task_cells):
                self.graded[cell.id] = (f"{before}{cell.name}", float(cell.max_score))
            for cell in (*notebook.solution_cells, *notebook.task_cells):
                self.commented[cell.id] = f"{before}{cell.name}"
        self.most = dict(self.graded.values())

    def refuse_wrong_points(self, one: Grades) -> None:
        for name, score in one.scores.items():
            if name in self.most:
                plain_score(f"grade of {one.student}, {name}", score, self.most[name])
        plain_score(f"late penalty of {one.student}", one.late_penalty_points, math.inf)

    def all(self) -> Iterator[Any]:
        return iter(self.book.db.scalars(self._query()).all())

    def submissions(self, grades: Sequence[Grades]) -> list[tuple[Grades, Any]]:
        """Each student's submission, made if it was not there."""
        from nbgrader.api import Student, SubmittedAssignment
        from sqlalchemy import select

        names = [one.student for one in grades]
        known = set(self.book.db.scalars(select(Student.id).where(Student.id.in_(names))))
        self.book.db.add_all(Student(id=name) for name in dict.fromkeys(names) if name not in known)
        self.book.db.flush()
        found = {
            str(submission.student_id): submission
            for submission in self.book.db.scalars(self._query().where(SubmittedAssignment.student_id.in_(names)))
        }
        for name in names:
            if name not in found:
                found[name] = self._new(name)
        return [(one, found[one.student]) for one in grades]

    def enter(self, submission: Any, one: Grades) -> None:  # noqa: ANN401
        if one.submitted_at is not None:
            submission.timestamp = one.submitted_at.astimezone(UTC).replace(tzinfo=None)
        for notebook in submission.notebooks:
            if not self.by_notebook:  # in a stock course it is nbgrader's own to give
                notebook.late_submission_penalty = one.late_penalty_points
            for grade in notebook.grades:
                _enter(grade, self.graded[grade.cell_id][0], one)
            for comment in notebook.comments:
                comment.auto_comment = _shown(one.comments.get(self.commented[comment.cell_id]))

    def line(self, submission: Any) -> Line:  # noqa: ANN401
        grades = {self.graded[grade.cell_id][0]: grade for nb in submission.notebooks for grade in nb.grades}
        points = {name: float(grade.score) for name, grade in grades.items()}
        unset = {name for name, one in grades.items() if one.needs_manual_grade and one.manual_score is None}
        return Line(
            str(submission.student_id),
            sum(points.values()),
            sum(self.most.values()),
            any(grade.needs_manual_grade for grade in grades.values()),
            {name: None if name in unset else score for name, score in points.items()},
            {name: points[name] for name, grade in grades.items() if grade.manual_score is not None},
            {
                self.commented[comment.cell_id]: str(comment.manual_comment)
                for notebook in submission.notebooks
                for comment in notebook.comments
                if comment.manual_comment
            },
            sum(float(notebook.late_submission_penalty or 0.0) for notebook in submission.notebooks),
        )

    def _query(self) -> Any:  # noqa: ANN401
        from nbgrader.api import SubmittedAssignment, SubmittedNotebook
        from sqlalchemy import select
        from sqlalchemy.orm import selectinload

        notebooks = selectinload(SubmittedAssignment.notebooks)
        return (
            select(SubmittedAssignment)
            .where(SubmittedAssignment.assignment_id == self.assignment.id)
            .options(notebooks.selectinload(SubmittedNotebook.grades))
            .options(notebooks.selectinload(SubmittedNotebook.comments))
        )

    def _new(self, student: str) -> Any:  # noqa: ANN401
        from nbgrader.api import Comment, Grade, SubmittedAssignment, SubmittedNotebook

        submission = SubmittedAssignment(assignment_id=self.assignment.id, student_id=student)
        for notebook in self.assignment.notebooks:
            graded = (*notebook.grade_cells, *notebook.task_cells)
            commented = (*notebook.solution_cells, *notebook.task_cells)
            submission.notebooks.append(
                SubmittedNotebook(
                    notebook_id=notebook.id,
                    grades=[Grade(cell_id=cell.id) for cell in graded],
                    comments=[Comment(cell_id=cell.id) for cell in commented],
                )
            )
        self.book.db.add(submission)
        return submission


def _shown(comment: str | None) -> str | None:
    """A comment without tags: nbgrader's feedback takes it for Markdown."""
    return comment and _TAG.sub("＜", comment)


def _enter(grade: Any, name: str, one: Grades) -> None:  # noqa: ANN401
    if name in one.scores:
        grade.auto_score = one.scores[name]
        if one.fresh or grade.manual_score is None:
            grade.needs_manual_grade = grade.manual_score is not None and one.fresh
    elif name in one.waiting:
        grade.auto_score = None
        if one.fresh or grade.manual_score is None:
            grade.needs_manual_grade = True
