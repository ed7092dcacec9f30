"""What a test cell earns: nbgrader's rule of partial credit, with scores that are always plain finite numbers.

A cell that raises earns nothing; one that ends in a number earns that number; any other earns all of its points.
Where nbgrader lets something through that is no score (a number of numpy's, NaN, less than 0, more than the
maximum), the number is read, and kept within the cell's range.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from grader.checks.verdict import Status

_NUMPY = re.compile(r"np\.(?:float|int|uint)\d+\((.*)\)")


def of_value(value: object, max_score: float) -> float:
    """Points of a test cell whose last line has this value."""
    if value is None or isinstance(value, bool | str | bytes | complex):
        return max_score
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever is no number says so
    except (TypeError, ValueError, OverflowError):
        return max_score
    return _within(number, max_score)


def of_outputs(outputs: Sequence[dict[str, Any]], max_score: float) -> float:
    """Points of a test cell that ran in a shell and left these outputs (nbformat 4); warnings cost nothing."""
    for output in outputs:
        if output.get("output_type") == "error":
            return 0.0
        if output.get("output_type") == "execute_result":
            return _of_text(output.get("data", {}).get("text/plain", ""), max_score)
    return max_score


def status(score: float, max_score: float) -> Status:
    """What the points say in a word."""
    if score >= max_score:
        return "correct"
    return "partly" if score > 0 else "incorrect"


def _of_text(text: object, max_score: float) -> float:
    shown = text if isinstance(text, str) else ""
    numpy = _NUMPY.fullmatch(shown.strip())
    try:
        return _within(float(numpy[1] if numpy else shown), max_score)
    except ValueError:
        return max_score


def _within(number: float, max_score: float) -> float:
    return min(max(number, 0.0), max_score) if math.isfinite(number) else 0.0
