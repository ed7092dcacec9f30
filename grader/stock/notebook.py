"""An instructor's notebook of a stock course: which cell is an answer, which a test, which only reads."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from grader.cohort.submission import Lesson, cell_marks, cell_text
from grader.errors import GraderError
from grader.stock import names
from grader.stock.checking import TestCell, Tests
from grader.stock.hidden import without_hidden, without_solution

Role = Literal["plain", "locked", "answer", "manual", "test", "task"]


@dataclass(frozen=True)
class StockCell:
    """One cell of the instructor's notebook.

    Args:
        id: its grade id, or ``"cell-N"`` for one without nbgrader's marks.
        role: "plain" (no marks), "locked" (read-only), "answer" (a solution that tests judge), "manual" (a solution
            that a person judges), "test" or "task".
        code: whether it is a code cell.
        source: its text with solution and hidden tests.
        points: what a graded cell is worth.
        notebook_id: the cell's id in the notebook's format, if it has one.
    """

    id: str
    role: Role
    code: bool
    source: str
    points: float = 0.0
    notebook_id: str = ""

    @property
    def released(self) -> str:
        """Its text as students are given it."""
        if self.role in ("answer", "manual"):
            return without_solution(self.source, code=self.code)
        return without_hidden(self.source)


@dataclass(frozen=True)
class StockNotebook:
    """One notebook of an assignment.

    Args:
        name: the file's name without its ending.
        path: the file below ``source/``.
        body: nbformat 4.
        cells: in order.
        released: text of each solution cell as students got it, by grade id.
        digest: SHA-256 of the file.
    """

    name: str
    path: Path
    body: Mapping[str, Any]
    cells: tuple[StockCell, ...]
    released: Mapping[str, str]
    digest: str

    @property
    def lesson(self) -> Lesson:
        """The notebook as :mod:`grader.cohort.submission` reads a submission against it."""
        return Lesson(self.name, self.body, self.digest, dict(self.released))

    @property
    def test_cells(self) -> tuple[StockCell, ...]:
        """Cells whose running gives points."""
        return tuple(cell for cell in self.cells if cell.role == "test" and cell.code)

    @property
    def points(self) -> dict[str, float]:
        """Points by test cell, in order."""
        return {cell.id: cell.points for cell in self.test_cells}

    @cached_property
    def tests(self) -> Tests:
        """The test cells with what the instructor's other cells give them."""
        imports: dict[str, str] = {}
        definitions: dict[str, str] = {}
        asked: set[str] = set()
        for cell in self.cells:
            if not cell.code or cell.role == "test":
                continue
            reading = names.read(cell.source)
            imports |= reading.imports
            if cell.role in ("answer", "manual"):
                asked |= reading.bound - reading.imports.keys()
            else:
                definitions |= reading.definitions
        cells = tuple(TestCell(cell.id, cell.source) for cell in self.test_cells)
        return Tests(cells, imports, definitions, frozenset(asked))


def read_notebook(path: Path, released: Path | None = None) -> StockNotebook:
    """The instructor's notebook at ``path``.

    Args:
        path: a file below ``source/``.
        released: the same notebook below ``release/``, if there is one: what an unanswered cell looks like.

    Raises:
        GraderError: it is no notebook of format 4, two cells have one grade id, or points are no number.
    """
    try:
        content = path.read_bytes()
        body = json.loads(content)
        found = body["cells"]
        read = tuple(_cell(path, number, cell) for number, cell in enumerate(found))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        then = "Open it in JupyterLab and save it again."
        raise GraderError(str(path), f"is no notebook ({type(error).__name__})", "nbformat 4.", then) from error
    ids = [cell.id for cell in read]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise GraderError(str(path), f"{', '.join(twice)} stands twice", "Each grade id is one cell's.")
    texts = {cell.id: cell.released for cell in read if cell.role in ("answer", "manual")}
    texts |= _released(released, texts) if released else {}
    return StockNotebook(path.stem, path, body, read, texts, hashlib.sha256(content).hexdigest())


def _cell(path: Path, number: int, cell: Mapping[str, Any]) -> StockCell:
    marks = cell_marks(cell)
    grade, solution = bool(marks.get("grade")), bool(marks.get("solution"))
    role: Role = "plain"
    if marks.get("task"):
        role = "task"
    elif solution:
        role = "manual" if grade else "answer"
    elif grade:
        role = "test"
    elif marks.get("locked"):
        role = "locked"
    name = marks.get("grade_id")
    if role == "plain" or not isinstance(name, str) or not name:
        name, role = f"cell-{number}", "plain"
    points = marks.get("points", 0)
    if role in ("test", "manual", "task") and (isinstance(points, bool) or not isinstance(points, int | float)):
        raise GraderError(f"{path}, cell {name!r}, points", repr(points), "A number.")
    code = cell["cell_type"] == "code"
    return StockCell(name, role, code, cell_text(cell), float(points or 0), str(cell.get("id", "")))


def _released(path: Path, texts: Mapping[str, str]) -> dict[str, str]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {
        str(cell_marks(cell)["grade_id"]): cell_text(cell)
        for cell in cells
        if cell_marks(cell).get("grade_id") in texts
    }
