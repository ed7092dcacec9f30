"""A lesson as its author writes it: one percent-format text whose cell marks carry everything.

``answer="task"`` is a cell to be filled, ``check="task" points=2`` asks for its verdict,
``essay="task" points=4 rubric="id"`` (a markdown cell) is read by a person. Every other cell has an ``id``.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.errors import GraderError
from grader.workshop.lab import Lab

Kind = Literal["prose", "code", "answer", "check", "essay"]

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKS = {"id", "answer", "check", "essay", "points", "rubric"}
_JUPYTEXT_OWN = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}


@dataclass(frozen=True)
class SourceCell:
    """One cell of a lesson.

    Args:
        id: the same in every language and in every notebook made from the source.
        kind: what it is for.
        text: what stands in it, solutions included.
        task: the task it belongs to; empty for prose and example code. An answer without a check is not
            graded, but runs at grading.
        points: of a check or an essay; else 0.
        rubric: of an essay; else empty.
    """

    id: str
    kind: Kind
    text: str
    task: str = ""
    points: float = 0.0
    rubric: str = ""


def parse_source(path: Path, *, bank: bool = False) -> list[SourceCell]:
    """The cells of a percent-format file, in order.

    Args:
        path: the file.
        bank: whether it holds answers alone: then no solution is marked in them, and whatever stands
            outside the answers' cells (a header) does not count.

    Raises:
        GraderError: the file cannot be read, or a cell's marks make no sense.
    """
    import jupytext

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}") from error
    notebook = jupytext.reads(text, fmt="py:percent")
    marked = [
        (f"{path}, cell {place}", cell)
        for place, cell in enumerate(notebook.cells, start=1)
        if not bank or {"answer", "essay"} & set(cell.metadata)
    ]
    cells = [_cell(where, cell, bank=bank) for where, cell in marked]
    _refuse_repeated(path, cells)
    return cells


def lesson(lab: Lab) -> list[SourceCell]:
    """The cells of a lab's lesson, proven to agree with its ``lab.toml``.

    Raises:
        GraderError: a task lacks its answer, its check or its essay, or the points differ.
    """
    cells = parse_source(lab.source)
    answers = {cell.task for cell in cells if cell.kind == "answer"}
    judged = {cell.task: cell for cell in cells if cell.kind in ("check", "essay")}
    for task in lab.tasks:
        kind = "check" if task.kind == "auto" else "essay"
        cell = judged.pop(task.id, None)
        where = f"{lab.source}, {kind}={task.id!r}"
        if cell is None or cell.kind != kind:
            raise GraderError(where, "missing", f"lab.toml lists the task {task.id!r} ({task.kind}).")
        if cell.points != task.points:
            raise GraderError(where, f"points={cell.points:g}", f"lab.toml gives {task.points:g} points.")
        if kind == "check" and task.id not in answers:
            raise GraderError(f"{lab.source}, answer={task.id!r}", "missing", "A check needs a cell to judge.")
        if kind == "essay" and cell.rubric != task.rubric:
            raise GraderError(where, f"rubric={cell.rubric!r}", f"lab.toml gives {task.rubric!r}.")
    if judged:
        raise GraderError(
            str(lab.source), f"{', '.join(judged)} not in lab.toml", "Each check and essay is a [[task]]."
        )
    return cells


def without_solution(text: str) -> str:
    """What is left of an answer's text when the solution region is taken out.

    Raises:
        GraderError: a region is not closed, or opened twice.
    """
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if "BEGIN SOLUTION" in line:
            if inside:
                raise GraderError("BEGIN SOLUTION", "stands twice before END SOLUTION")
            inside = True
        elif "END SOLUTION" in line:
            if not inside:
                raise GraderError("END SOLUTION", "has no BEGIN SOLUTION before it")
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise GraderError("BEGIN SOLUTION", "has no END SOLUTION")
    return "\n".join(kept)


def _cell(where: str, cell: object, *, bank: bool) -> SourceCell:
    # nbformat publishes no types
    marks = {name: value for name, value in cell.metadata.items() if name not in _JUPYTEXT_OWN}  # type: ignore[attr-defined]
    markdown = cell.cell_type == "markdown"  # type: ignore[attr-defined]
    text = str(cell.source)  # type: ignore[attr-defined]
    strange = sorted(set(marks) - _MARKS)
    if strange:
        raise GraderError(where, f"the mark {strange[0]!r}", f"A cell carries {', '.join(sorted(_MARKS))}.")
    tasks = [name for name in ("answer", "check", "essay") if name in marks]
    if len(tasks) > 1:
        raise GraderError(where, f"both {tasks[0]} and {tasks[1]}", "A cell is one of the two.")
    kind: Kind = "prose" if markdown else "code"
    if tasks:
        kind = tasks[0]  # type: ignore[assignment]  # the three names are kinds
        if (kind == "essay") != markdown:
            raise GraderError(where, f"{kind} in a {'markdown' if markdown else 'code'} cell", "An essay is markdown.")
    task = str(marks.get(kind, ""))
    cell_id = {"answer": task, "essay": task, "check": f"check_{task}"}.get(kind, str(marks.get("id", "")))
    if not _CELL_ID.fullmatch(cell_id):
        raise GraderError(where, f"id {cell_id!r}", "Every cell has an id of letters, digits, _ and -.")
    points = marks.get("points", 0)
    pointed = kind in ("check", "essay") and not bank
    if pointed and (isinstance(points, bool) or not isinstance(points, int | float) or points <= 0):
        raise GraderError(f"{where} ({cell_id})", f"points={points!r}", "A number of points, more than 0.")
    if kind == "check" and text.strip():
        raise GraderError(f"{where} ({cell_id})", "a check with text in it", "A check's cell is empty in the source.")
    if kind == "answer" and not bank and without_solution(text) == text:
        raise GraderError(
            f"{where} ({cell_id})", "no solution", "It stands between # BEGIN SOLUTION and # END SOLUTION."
        )
    return SourceCell(cell_id, kind, text, task, float(points), str(marks.get("rubric", "")))


def _refuse_repeated(path: Path, cells: list[SourceCell]) -> None:
    seen: set[str] = set()
    for cell in cells:
        if cell.id in seen:
            raise GraderError(f"{path}, cell {cell.id!r}", "stands twice", "Each cell has an id of its own.")
        seen.add(cell.id)
