"""Points of many submissions in one statement each; nbgrader's own model asks a dozen a student."""

from typing import Any

from nbgrader.api import Base
from sqlalchemy import Select, case, func, select

_TABLES = Base.metadata.tables
STUDENT, ASSIGNMENT, NOTEBOOK = _TABLES["student"], _TABLES["assignment"], _TABLES["notebook"]
SUBMISSION, SUBMITTED = _TABLES["submitted_assignment"], _TABLES["submitted_notebook"]
_GRADE, _CELL, _GRADED, _TASK = _TABLES["grade"], _TABLES["base_cell"], _TABLES["grade_cells"], _TABLES["task_cells"]

KINDS = ("", "code_", "written_", "task_")
_IS_KIND = {
    "": True,
    "code_": _GRADED.c.cell_type == "code",
    "written_": _GRADED.c.cell_type == "markdown",
    "task_": _TASK.c.id.is_not(None),
}
_SET = func.coalesce(_GRADE.c.manual_score, _GRADE.c.auto_score)
_POINTS = case((_SET.is_not(None), _SET + func.coalesce(_GRADE.c.extra_credit, 0.0)), else_=0.0)
_MOST = func.coalesce(_GRADED.c.max_score, _TASK.c.max_score, 0.0)
_FAILED = (_GRADED.c.cell_type == "code") & (_GRADE.c.auto_score < _GRADED.c.max_score)


def submitted_notebooks(db: Any, *conditions: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - nbgrader publishes no types
    """One row a submitted notebook: whose it is, its points by kind of cell, and what it waits for."""
    owners = (
        select(
            SUBMITTED.c.id,
            SUBMITTED.c.flagged,
            NOTEBOOK.c.name,
            SUBMISSION.c.id.label("submission"),
            SUBMISSION.c.timestamp,
            ASSIGNMENT.c.name.label("assignment"),
            STUDENT.c.id.label("student"),
            STUDENT.c.first_name,
            STUDENT.c.last_name,
        )
        .select_from(_submitted())
        .where(*conditions)
    )
    sums = [
        *_points(),
        *_most(),
        _any("needs_manual_grade", _GRADE.c.needs_manual_grade),
        _any("failed_tests", _FAILED),
    ]
    graded = select(_GRADE.c.notebook_id, *sums).select_from(_graded()).where(*conditions)
    points = {row["notebook_id"]: row for row in _rows(db, graded.group_by(_GRADE.c.notebook_id))}
    rows = []
    for owner in _rows(db, owners):
        found = points.get(owner["id"])
        if found is None:
            found = {f"{sign}{kind}score": 0.0 for kind in KINDS for sign in ("", "max_")}
            found |= {"needs_manual_grade": 0, "failed_tests": 0}
        row = owner | {name: value for name, value in found.items() if name != "notebook_id"}
        row["needs_manual_grade"], row["failed_tests"] = bool(row["needs_manual_grade"]), bool(row["failed_tests"])
        rows.append(row)
    return rows


def points_by(db: Any, key: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Sums of points by kind of cell, for each value of a column."""
    statement = select(key.label("key"), *_points()).select_from(_graded()).group_by(key)
    return {str(row["key"]): row for row in _rows(db, statement)}


def most_by_assignment(db: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Points that an assignment is worth, by kind of cell."""
    cells = _CELL.join(NOTEBOOK, _CELL.c.notebook_id == NOTEBOOK.c.id)
    cells = cells.outerjoin(_GRADED, _GRADED.c.id == _CELL.c.id).outerjoin(_TASK, _TASK.c.id == _CELL.c.id)
    statement = select(NOTEBOOK.c.assignment_id, *_most()).select_from(cells).group_by(NOTEBOOK.c.assignment_id)
    return {str(row["assignment_id"]): row for row in _rows(db, statement)}


def submissions_by_assignment(db: Any) -> dict[str, int]:  # noqa: ANN401
    """How many have handed an assignment in."""
    counted = select(SUBMISSION.c.assignment_id, func.count().label("n")).group_by(SUBMISSION.c.assignment_id)
    return {str(row["assignment_id"]): int(row["n"]) for row in _rows(db, counted)}


def table(db: Any, one: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Every row of a small table."""
    return _rows(db, select(one))


def _submitted() -> Any:  # noqa: ANN401
    joined = SUBMITTED.join(SUBMISSION, SUBMITTED.c.assignment_id == SUBMISSION.c.id)
    joined = joined.join(ASSIGNMENT, SUBMISSION.c.assignment_id == ASSIGNMENT.c.id)
    joined = joined.join(NOTEBOOK, SUBMITTED.c.notebook_id == NOTEBOOK.c.id)
    return joined.join(STUDENT, SUBMISSION.c.student_id == STUDENT.c.id)


def _graded() -> Any:  # noqa: ANN401
    joined = _submitted().join(_GRADE, _GRADE.c.notebook_id == SUBMITTED.c.id)
    return joined.outerjoin(_GRADED, _GRADED.c.id == _GRADE.c.cell_id).outerjoin(_TASK, _TASK.c.id == _GRADE.c.cell_id)


def _points() -> list[Any]:
    return [func.sum(case((which, _POINTS), else_=0.0)).label(f"{kind}score") for kind, which in _IS_KIND.items()]


def _most() -> list[Any]:
    return [func.sum(case((which, _MOST), else_=0.0)).label(f"max_{kind}score") for kind, which in _IS_KIND.items()]


def _any(name: str, which: Any) -> Any:  # noqa: ANN401
    return func.max(case((which, 1), else_=0)).label(name)


def _rows(db: Any, statement: Select[Any]) -> list[dict[str, Any]]:  # noqa: ANN401
    found = db.execute(statement)
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]
