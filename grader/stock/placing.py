"""A submission's cells put into the instructor's notebook: what runs for the student, and where each test stands.

Solution cells are found by their grade id, wherever they are and however often. The instructor's other cells keep
their place and, where they are read-only, their text. Cells that a student added, which stock nbgrader runs too, run
after the cell they follow in the student's file. Nothing else of the file is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.cohort.submission import MAX_ANSWER_CHARS, Submission, cell_marks, cell_text
from grader.stock import names
from grader.stock.notebook import StockCell, StockNotebook

MOST_OWN_CELLS = 500


@dataclass(frozen=True)
class Step:
    """One cell in the order of running.

    Args:
        id: names it in the outputs.
        source: its text.
        test: whether it is a test cell of the instructor's, whose text no student's process may see.
    """

    id: str
    source: str
    test: bool = False


def place(notebook: StockNotebook, submission: Submission) -> tuple[Step, ...]:
    """The steps of a submission: its own cells and the tests, in the instructor's order."""
    texts, added = _own(notebook, submission)
    steps: list[Step] = [Step(f"own-{at}", text) for at, text in added.get(-1, ())]
    for number, cell in enumerate(notebook.cells):
        if cell.code and cell.role == "test":
            steps.append(Step(cell.id, cell.source, test=True))
        elif cell.code:
            steps.append(Step(cell.id, _text(cell, number, submission, texts)))
        steps += [Step(f"own-{at}", text) for at, text in added.get(number, ())]
    return _with_seen_tests(notebook, steps)


def model(notebook: StockNotebook) -> tuple[Step, ...]:
    """The steps of the instructor's own solution."""
    steps = [Step(cell.id, cell.source, test=cell.role == "test") for cell in notebook.cells if cell.code]
    return _with_seen_tests(notebook, steps)


def changed(steps: Sequence[Step]) -> dict[str, list[str]]:
    """For each test, the names that cells of the student's process may have set since the test before it."""
    found: dict[str, list[str]] = {}
    bound: set[str] = set()
    for step in steps:
        if step.test:
            found[step.id], bound = sorted(bound), set()
        else:
            bound |= names.read(step.source).bound
    return found


def _text(cell: StockCell, number: int, submission: Submission, texts: Mapping[int, str]) -> str:
    if cell.role in ("answer", "manual"):
        return submission.answers.get(cell.id, cell.released)
    return texts.get(number, cell.released)


def _own(notebook: StockNotebook, submission: Submission) -> tuple[dict[int, str], dict[int, list[tuple[int, str]]]]:
    """The student's text of plain cells by their place, and added cells by the place they follow."""
    by_id = {cell.id: number for number, cell in enumerate(notebook.cells) if cell.role != "plain"}
    plain = {number: cell for number, cell in enumerate(notebook.cells) if cell.role == "plain"}
    texts: dict[int, str] = {}
    added: dict[int, list[tuple[int, str]]] = {}
    after = -1
    for at, cell in enumerate(submission.cells[:MOST_OWN_CELLS]):
        known = by_id.get(str(cell_marks(cell).get("grade_id")))
        if known is None:
            known = _same_plain(cell, plain)
            if known is not None:
                found = plain.pop(known)
                if found.code and cell.get("cell_type") == "code":
                    texts[known] = cell_text(cell)[:MAX_ANSWER_CHARS]
        if known is not None:
            after = known
        elif cell.get("cell_type") == "code" and cell_text(cell).strip():
            added.setdefault(after, []).append((at, cell_text(cell)[:MAX_ANSWER_CHARS]))
    return texts, added


def _same_plain(cell: Mapping[str, Any], plain: Mapping[int, StockCell]) -> int | None:
    name, text = cell.get("id"), cell_text(cell)
    for number, known in plain.items():
        if (known.notebook_id and known.notebook_id == name) or (known.source.split() == text.split()):
            return number
    return None


def _with_seen_tests(notebook: StockNotebook, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Where a later cell uses a name that a test cell sets, the student's process runs that test as it was released."""
    released = {cell.id: cell.released for cell in notebook.test_cells}
    found: list[Step] = []
    for number, step in enumerate(steps):
        found.append(step)
        if step.test:
            reading = names.read(released[step.id])
            later = [names.read(other.source) for other in steps[number + 1 :] if not other.test]
            if reading.bound & frozenset().union(*(other.loaded for other in later)) - _set_elsewhere(steps, step):
                found.append(Step(f"seen-{step.id}", released[step.id]))
    return tuple(found)


def _set_elsewhere(steps: Sequence[Step], test: Step) -> frozenset[str]:
    # a name that cells set as well is theirs: only what tests alone set has to come from the test
    return frozenset().union(*(names.read(step.source).bound for step in steps if not step.test and step is not test))
