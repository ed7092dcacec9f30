"""What the instructor's own solution shows of its tests: which work by value, and which it does not pass itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.cohort import durable
from grader.stock import names
from grader.stock.notebook import StockNotebook
from grader.stock.placing import model
from grader.stock.run import Room

_VALUE_ALONE = "the model solution passes it only there"


@dataclass(frozen=True)
class Study:
    """What is known of a notebook's tests before the first submission.

    Args:
        beside: test cells that have to run beside the student's code, and why.
        broken: test cells that the instructor's own solution does not pass, and what it is told.
    """

    beside: Mapping[str, str]
    broken: Mapping[str, str]


def study(notebook: StockNotebook, room: Room) -> Study:
    """Run the instructor's solution: by value, and beside it what does not pass so."""
    named = {cell.id: why for cell in notebook.test_cells if (why := names.read(cell.source).beside)}
    steps = model(notebook)
    judged = room.run(notebook.name, steps, beside=named).judged
    missed = {name: one for name, one in judged.items() if one.verdict.score < one.verdict.max_score}
    doubtful = {name: one.beside or _VALUE_ALONE for name, one in missed.items() if name not in named}
    if doubtful:
        judged = room.run(notebook.name, steps, beside={**named, **doubtful}).judged
        missed = {name: one for name, one in judged.items() if one.verdict.score < one.verdict.max_score}
    works = {name: why for name, why in doubtful.items() if name not in missed}
    return Study({**named, **works}, {name: one.verdict.message for name, one in missed.items()})


def kept_study(path: Path, notebook: StockNotebook, room: Room, digest: str) -> Study:
    """The study in the file ``path``, made anew if the notebook, a file beside it or the grader has changed.

    Args:
        path: where it is kept.
        notebook: the instructor's.
        room: where it would be run.
        digest: of all that it depends on.
    """
    try:
        kept = json.loads(path.read_bytes())
        if kept["digest"] == digest:
            return Study(kept["beside"], kept["broken"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # made anew
    found = study(notebook, room)
    durable.write(path, json.dumps({"digest": digest, **asdict(found)}, indent=1).encode())
    return found
