"""What a student who copies hands in: the numbers on a neighbour's screen, in the place of their own."""

import json
from collections.abc import Mapping
from typing import Any

from grader.checks.controller import Controller
from grader.checks.function import Function
from grader.errors import GraderError
from grader.isolation.job import Cell
from grader.workshop.lab import Lab, load_key

_CELL = "what_the_neighbour_shows"

_SHOW = """
import json as _json

def _plain(value):
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, dict):
        return {str(getattr(key, "isoformat", lambda: key)()): _plain(item) for key, item in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.tolist() if hasattr(value, "tolist") else value

print(_json.dumps({name: _plain(globals().get(name)) for name in %s}))
"""


def value_names(lab: Lab) -> dict[str, str]:
    """Task → variable, of the tasks that are judged by a value; functions are copied as code, not as numbers."""
    checks = load_key(lab.folder).checks
    tasks = [task for task in lab.auto_points if not isinstance(checks[task], Function | Controller)]
    return {task: checks[task].name for task in tasks}


def showing_cell(lab: Lab) -> Cell:
    """A last cell that prints the neighbour's values, to be run after the neighbour's own notebook."""
    return Cell(_CELL, _SHOW % repr(sorted(value_names(lab).values())))


def copied_answers(lab: Lab, outputs: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Answers that are the neighbour's values as literals: text by task.

    Args:
        lab: the lab.
        outputs: of the run that ended with :func:`showing_cell`, by cell id.

    Raises:
        GraderError: the neighbour's notebook showed nothing.
    """
    shown = "".join(str(output.get("text", "")) for output in outputs.get(_CELL, []))
    try:
        values = json.loads(shown)
    except ValueError as error:
        raise GraderError(f"{lab.id}, the neighbour's notebook", "showed no values") from error
    return {task: f"{name} = {values[name]!r}\n" for task, name in value_names(lab).items()}
