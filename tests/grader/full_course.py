"""A made-up course as large as one likes, its gradebook filled at once by SQL: sample ids, names and points alone."""

import hashlib
import json
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from grader.gradebook import write_config
from grader.gradebook.book import open_book

CHECKED, ESSAYS = 8, 1
MAX_SCORE = 2.0 * CHECKED + 4.0 * ESSAYS
_FIRST = ("Ada", "Ben", "Cai", "Dina", "Edo", "Fay", "Gil", "Hana", "Ivo", "Jun")
_LAST = ("Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gingko", "Hazel", "Ilex", "Juniper", "Kapok", "Larch")


def build_course(root: Path, students: int, labs: int) -> Path:
    """Make a course folder: every student has handed in every lab, all is graded, every second essay waits."""
    root.mkdir(parents=True, exist_ok=True)
    write_config(root, "sample", "# here", "Here.")
    (root / "exchange").mkdir(exist_ok=True)
    (root / "exchange").chmod(0o777)
    fill_gradebook(root, students, labs)
    for lab in range(labs):
        _files(root, f"lab_{lab:02}", [_student_id(number) for number in range(students)])
    return root


def fill_gradebook(root: Path, students: int, labs: int) -> None:
    """Fill the gradebook that the course's settings name."""
    from nbgrader.api import Base

    rows = _rows(students, labs)
    with open_book(root) as book:
        for table in Base.metadata.sorted_tables:
            if rows.get(table.name):
                book.db.execute(insert(table), [_scattered(row) for row in rows[table.name]])
        book.db.commit()


def points(student: int, lab: int, cell: int) -> float:
    """Made-up points of a check cell: 0, 0.5 … 2."""
    return ((student * 7 + lab * 3 + cell * 5) % 5) / 2


def waits(student: int, lab: int) -> bool:
    """Whether an essay has no points yet."""
    return (student + lab) % 2 == 0


def score(student: int, lab: int) -> float:
    """What the gradebook must say in all."""
    essays = 0.0 if waits(student, lab) else 3.0 * ESSAYS
    return math.fsum(points(student, lab, cell) for cell in range(CHECKED)) + essays


def _student_id(number: int) -> str:
    return f"sample-{number:04}"


def _scattered(row: dict[str, Any]) -> dict[str, Any]:
    """Ids as long and in as little order as nbgrader's own; what people read stays."""
    return {
        name: hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest()
        if (name == "id" or name.endswith("_id")) and not str(value).startswith("sample")
        else value
        for name, value in row.items()
    }


def _rows(students: int, labs: int) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            *("student", "assignment", "notebook", "base_cell", "grade_cells", "solution_cells"),
            *("submitted_assignment", "submitted_notebook", "grade", "comment"),
        )
    }
    for number in range(students):
        first, last = _FIRST[number % len(_FIRST)], _LAST[number // len(_FIRST) % len(_LAST)]
        rows["student"].append({"id": _student_id(number), "first_name": first, "last_name": f"{last} {number:04}"})
    handed_in = datetime(2026, 3, 2, 8, tzinfo=UTC).replace(tzinfo=None)
    for lab in range(labs):
        name = f"lab_{lab:02}"
        rows["assignment"].append({"id": name, "name": name, "course_id": "sample"})
        rows["notebook"].append({"id": f"{name}.nb", "name": name, "assignment_id": name, "kernelspec": "{}"})
        graded, answered = _cells(rows, name)
        for number in range(students):
            one = f"{lab:02}.{number:05}"
            rows["submitted_assignment"].append(
                {
                    "id": one,
                    "assignment_id": name,
                    "student_id": _student_id(number),
                    "timestamp": handed_in + timedelta(minutes=number),
                }
            )
            rows["submitted_notebook"].append(
                {"id": f"{one}.nb", "assignment_id": one, "notebook_id": f"{name}.nb", "flagged": False}
            )
            for cell, cell_id in enumerate(graded):
                essay = cell >= CHECKED
                rows["grade"].append(
                    {
                        "id": f"{one}.g{cell}",
                        "notebook_id": f"{one}.nb",
                        "cell_id": cell_id,
                        "auto_score": None if essay else points(number, lab, cell),
                        "manual_score": 3.0 if essay and not waits(number, lab) else None,
                        "needs_manual_grade": essay and waits(number, lab),
                    }
                )
            rows["comment"] += [
                {"id": f"{one}.c{cell}", "notebook_id": f"{one}.nb", "cell_id": cell_id}
                for cell, cell_id in enumerate(answered)
            ]
    return rows


def _cells(rows: dict[str, list[dict[str, Any]]], lab: str) -> tuple[list[str], list[str]]:
    graded = [*(f"{lab}.check_{cell}" for cell in range(CHECKED)), *(f"{lab}.essay_{cell}" for cell in range(ESSAYS))]
    answered = [f"{lab}.task_{cell}" for cell in range(CHECKED)]
    for cell_id in (*graded, *answered):
        kind = "SolutionCell" if cell_id in answered else "GradeCell"
        rows["base_cell"].append(
            {"id": cell_id, "name": cell_id.split(".")[1], "notebook_id": f"{lab}.nb", "type": kind}
        )
    for cell_id in graded:
        essay = ".essay" in cell_id
        rows["grade_cells"].append(
            {"id": cell_id, "max_score": 4.0 if essay else 2.0, "cell_type": "markdown" if essay else "code"}
        )
    for cell_id in answered:
        rows["solution_cells"].append({"id": cell_id})
    for number in range(ESSAYS):  # an essay is graded and a solution: nbgrader keeps two cells of one name
        cell_id = f"{lab}.essay_{number}.text"
        rows["base_cell"].append(
            {"id": cell_id, "name": f"essay_{number}", "notebook_id": f"{lab}.nb", "type": "SolutionCell"}
        )
        rows["solution_cells"].append({"id": cell_id})
        answered.append(cell_id)
    return graded, answered


def _files(root: Path, lab: str, students: list[str]) -> None:
    """The files that formgrader looks for; one notebook, linked to as often as there are students."""
    for folder in ("source", "release"):
        (root / folder / lab).mkdir(parents=True, exist_ok=True)
        (root / folder / lab / f"{lab}.ipynb").write_text(_notebook(), encoding="utf-8")
    first = root / "release" / lab / f"{lab}.ipynb"
    for number, student in enumerate(students):
        for folder in ("submitted", "autograded"):
            place = root / folder / student / lab
            place.mkdir(parents=True, exist_ok=True)
            os.link(first, place / f"{lab}.ipynb")
        time = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(minutes=number)
        (root / "submitted" / student / lab / "timestamp.txt").write_text(f"{time:%Y-%m-%d %H:%M:%S.%f} UTC")


def _notebook() -> str:
    cells: list[dict[str, Any]] = []
    for number in range(CHECKED):
        answer = _marks(f"task_{number}", solution=True)
        cells.append(_code(f"task_{number}", f"total_{number}_mm = {number}.5", answer))
        check = _marks(f"check_{number}", grade=True, points=2.0)
        cells.append(_code(f"check_{number}", f'check("task_{number}")', check))
    for number in range(ESSAYS):
        essay = _marks(f"essay_{number}", grade=True, solution=True, points=4.0)
        text = "The underpass floods first, since it lies lowest."
        about = {"metadata": {"nbgrader": essay}, "source": text}
        cells.append({"cell_type": "markdown", "id": f"essay_{number}", **about})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


def _code(cell_id: str, source: str, marks: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {"nbgrader": marks},
        "source": source,
        "execution_count": None,
        "outputs": [],
    }


def _marks(
    grade_id: str, *, grade: bool = False, solution: bool = False, points: float | None = None
) -> dict[str, Any]:
    marks: dict[str, Any] = {
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "task": False,
        "locked": grade and not solution,
        "schema_version": 3,
    }
    return marks if points is None else marks | {"points": points}
