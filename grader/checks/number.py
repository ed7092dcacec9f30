"""A number with a unit, matched to the truth within a tolerance."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.checks.reading import answer, as_number
from grader.checks.tolerance import Tolerance
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Number:
    """Judges one number; see :func:`number`."""

    name: str
    quantity: str
    unit: str
    truth: Callable[[Truth], float]
    within: Tolerance
    plausible: tuple[float, float]
    look_at: str
    mistaken: Mapping[str, Callable[[Truth], float]] = field(default_factory=dict)

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Full points within the tolerance, else none."""
        found = as_number(self.name, answer(answers, self.name))
        right = self.truth(truth)
        if self.within.holds(found, right):
            told = f"{self.quantity}: {_shown(found)} {self.unit} is within the tolerance."
            return Verdict(task, max_score, max_score, "correct", told)
        return Verdict(task, 0.0, max_score, "incorrect", self._words(found), self._misconception(found, truth))

    def _words(self, found: float) -> str:
        if not math.isfinite(found):
            return f"{self.quantity}: the answer is {found}, not a number. {self.look_at}"
        told = f"{self.quantity}: you found {_shown(found)} {self.unit}"
        low, high = self.plausible
        if not low <= found <= high:
            order = (
                f"that is outside {_shown(low)} to {_shown(high)} {self.unit}, where any {self.quantity} here must lie."
            )
            return f"{told}; {order} Check the unit first. {self.look_at}"
        return f"{told}, outside the tolerance of {self.within.words(self.unit)}. {self.look_at}"

    def _misconception(self, found: float, truth: Truth) -> str:
        for words, value in self.mistaken.items():
            if self.within.holds(found, value(truth)):
                return f"This is what one gets who {words}."
        return ""


def _shown(value: float) -> str:
    """Four digits as a person writes them: 49,770 rather than 4.977e+04."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e9 else f"{value:.4g}"


def number(
    name: str,
    *,
    quantity: str,
    unit: str,
    truth: Callable[[Truth], float],
    within: Tolerance,
    plausible: tuple[float, float],
    look_at: str,
    mistaken: Mapping[str, Callable[[Truth], float]] | None = None,
) -> Number:
    """A check for one number.

    Args:
        name: the variable that holds the answer.
        quantity: what it is, in words.
        unit: its unit.
        truth: takes the student's reality, gives the right number.
        within: the tolerance and its reason.
        plausible: the range of anything physically sensible, in the same unit; wide, so that it gives nothing away.
        look_at: where to look when it is wrong.
        mistaken: misconceptions in words ("took l/s for m³/s") with the number that each leads to.
    """
    return Number(name, quantity, unit, truth, within, plausible, look_at, mistaken or {})
