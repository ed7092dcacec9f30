"""Every mark of a course as rows, and a person's marks back into the gradebook, all or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.gradebook.book import open_book
from grader.gradebook.grades import plain_score


@dataclass(frozen=True)
class Mark:
    """One student's mark for one task.

    Args:
        student: the id in the roster.
        name: in words, ``"first last"``.
        assignment: the lab.
        task: nbgrader's grade cell, e.g. ``"check_total"`` or an essay's task.
        points: what counts; None while it waits for a person.
        max_points: what the task is worth.
        by: ``"person"`` if a person has set it, else ``"machine"``; empty while it waits.
        extra_points: a person's extra credit; not in ``points``.
        comment: what a person wrote beside the answer.
    """

    student: str
    name: str
    assignment: str
    task: str
    points: float | None
    max_points: float
    by: str
    extra_points: float = 0.0
    comment: str = ""


def marks(course: Path, assignment: str = "") -> list[Mark]:
    """Every mark of a course, or of one assignment, by assignment, student and task.

    Raises:
        BookError: the database cannot be read.
    """
    with open_book(course) as book:
        comments = _comments(book)
        rows = [_mark(row, comments) for row in _rows(book) if assignment in ("", row["assignment"])]
    return sorted(rows, key=lambda one: (one.assignment, one.student, one.task))


def enter_marks(course: Path, points: Mapping[tuple[str, str, str], float]) -> int:
    """Set a person's points by student, assignment and task, all or none; gives the number of those that changed.

    What is there already with the same points stays as it is: an export that comes back unchanged changes nothing.

    Raises:
        GraderError: there is no such mark, or the points are no plain number within the task's.
        BookError: the database cannot be written.
    """
    from nbgrader.api import Grade
    from sqlalchemy import update

    with open_book(course) as book:
        there = {(row["student"], row["assignment"], row["task"]): row for row in _rows(book)}
        changed = 0
        for key, score in points.items():
            where = "mark of {} in {}, {}".format(*key)
            if key not in there:
                raise GraderError(where, "there is no such mark", "Tasks of submissions that are in the gradebook.")
            plain_score(where, score, float(there[key]["max_points"]))
            if _counts(there[key]) == score:
                continue
            changed += 1
            entry = {"manual_score": score, "needs_manual_grade": False}
            book.db.execute(update(Grade).where(Grade.id == there[key]["id"]).values(entry))
        book.db.commit()
    return changed


def _rows(book: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 - nbgrader publishes no types
    from nbgrader.api import Base
    from sqlalchemy import func, select

    tables = Base.metadata.tables
    grade, cell, student = tables["grade"], tables["base_cell"], tables["student"]
    submitted, submission, lab = tables["submitted_notebook"], tables["submitted_assignment"], tables["assignment"]
    graded, task = tables["grade_cells"], tables["task_cells"]
    joined = (
        grade.join(submitted, grade.c.notebook_id == submitted.c.id)
        .join(submission, submitted.c.assignment_id == submission.c.id)
        .join(lab, submission.c.assignment_id == lab.c.id)
        .join(student, submission.c.student_id == student.c.id)
        .join(cell, grade.c.cell_id == cell.c.id)
        .outerjoin(graded, graded.c.id == cell.c.id)
        .outerjoin(task, task.c.id == cell.c.id)
    )
    statement = select(
        grade.c.id,
        grade.c.notebook_id,
        grade.c.auto_score,
        grade.c.manual_score,
        grade.c.extra_credit,
        grade.c.needs_manual_grade,
        student.c.id.label("student"),
        student.c.first_name,
        student.c.last_name,
        lab.c.name.label("assignment"),
        cell.c.name.label("task"),
        func.coalesce(graded.c.max_score, task.c.max_score).label("max_points"),
    ).select_from(joined)
    found: Sequence[Mapping[str, Any]] = book.db.execute(statement).mappings().all()
    return found


def _comments(book: Any) -> dict[tuple[str, str], str]:  # noqa: ANN401
    from nbgrader.api import Base
    from sqlalchemy import select

    comment, cell = Base.metadata.tables["comment"], Base.metadata.tables["base_cell"]
    joined = comment.join(cell, comment.c.cell_id == cell.c.id)
    statement = select(comment.c.notebook_id, cell.c.name, comment.c.manual_comment).select_from(joined)
    written = book.db.execute(statement.where(comment.c.manual_comment.is_not(None)))
    return {(str(notebook), str(name)): str(text) for notebook, name, text in written}


def _mark(row: Mapping[str, Any], comments: Mapping[tuple[str, str], str]) -> Mark:
    points = _counts(row)
    by = "" if points is None else "machine" if row["manual_score"] is None else "person"
    answer = str(row["task"]).removeprefix("check_")
    return Mark(
        student=str(row["student"]),
        name=" ".join(filter(None, (row["first_name"], row["last_name"]))),
        assignment=str(row["assignment"]),
        task=str(row["task"]),
        points=points,
        max_points=float(row["max_points"]),
        by=by,
        extra_points=float(row["extra_credit"] or 0.0),
        comment=comments.get((str(row["notebook_id"]), answer), ""),
    )


def _counts(row: Mapping[str, Any]) -> float | None:
    if row["manual_score"] is not None:
        return float(row["manual_score"])
    return None if row["needs_manual_grade"] or row["auto_score"] is None else float(row["auto_score"])
