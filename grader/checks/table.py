"""A table of numbers by place, matched row by row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grader.checks.reading import answer, as_keyed
from grader.checks.skill import earned
from grader.checks.tolerance import Tolerance
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Judges numbers by code; see :func:`table`."""

    name: str
    column: str
    quantity: str
    unit: str
    truth: Callable[[Truth], Mapping[str, float]]
    within: Tolerance
    steps: tuple[tuple[float, float], ...]
    look_at: str

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Points by the share of rows that are right, in coarse steps; a row too many counts as a wrong row."""
        found = as_keyed(self.name, answer(answers, self.name), self.column)
        right = self.truth(truth)
        good = sum(code in found and self.within.holds(found[code], value) for code, value in right.items())
        spare = sum(code not in right for code in found)
        share = good / (len(right) + spare)
        score = earned(share, self.steps, max_score)
        told = f"{self.quantity}: {good} of {len(right)} places are within {self.within.words(self.unit)}"
        told += f", and {spare} rows name a place that was not asked for." if spare else "."
        if score == max_score:
            return Verdict(task, score, max_score, "correct", told)
        missing = sum(code not in found for code in right)
        told += f" {missing} places are missing." if missing else ""
        return Verdict(task, score, max_score, "partly" if score else "incorrect", f"{told} {self.look_at}")


def table(
    name: str,
    *,
    column: str,
    quantity: str,
    unit: str,
    truth: Callable[[Truth], Mapping[str, float]],
    within: Tolerance,
    steps: tuple[tuple[float, float], ...],
    look_at: str,
) -> Table:
    """A check for a table of one number a place.

    Args:
        name: the variable that holds the answer: a table, a Series or a dict by unified code.
        column: the column's name, where the answer is a table.
        quantity: what it is, in words.
        unit: its unit.
        truth: takes the student's reality, gives code → value.
        within: the tolerance of a row and its reason.
        steps: (share of rows right, share of points) pairs, as :func:`grader.checks.skill.earned` reads them.
        look_at: where to look when it is wrong.
    """
    return Table(name, column, quantity, unit, truth, within, steps, look_at)
