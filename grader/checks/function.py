"""A student's function, called with hidden inputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.checks.reading import as_number
from grader.checks.skill import Steps, earned
from grader.checks.tolerance import Tolerance
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers, CallFailed, Unreadable

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """Judges a function of numbers; see :func:`function`."""

    name: str
    quantity: str
    unit: str
    inputs: Callable[[Truth], Sequence[tuple[Any, ...]]]
    expected: Callable[..., float]
    within: Tolerance
    steps: Steps
    look_at: str

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Points by the share of hidden calls that are right, each in a fork of the frozen notebook."""
        calls = self.inputs(truth)
        failures: list[str] = []
        good = 0
        for arguments in calls:
            try:
                with answers.branch() as branch:
                    found = as_number(self.name, branch.call(self.name, *arguments))
            except CallFailed as failed:
                failures.append(str(failed))
            except Unreadable as unreadable:
                failures.append(str(unreadable))
            else:
                good += self.within.holds(found, self.expected(*arguments))
        score = earned(good / len(calls), self.steps, max_score)
        told = f"{self.quantity}: {good} of {len(calls)} hidden calls of {self.name} are within"
        told += f" {self.within.words(self.unit)}."
        if score == max_score:
            return Verdict(task, score, max_score, "correct", told)
        told += f" {len(failures)} calls gave no number: {failures[0]}" if failures else ""
        return Verdict(task, score, max_score, "partly" if score else "incorrect", f"{told} {self.look_at}")


def function(
    name: str,
    *,
    quantity: str,
    unit: str,
    inputs: Callable[[Truth], Sequence[tuple[Any, ...]]],
    expected: Callable[..., float],
    within: Tolerance,
    steps: Steps,
    look_at: str,
) -> Function:
    """A check for a function that returns one number.

    Args:
        name: the function's name.
        quantity: what it computes, in words.
        unit: the result's unit.
        inputs: takes the student's reality, gives the arguments of each hidden call.
        expected: the right function.
        within: the tolerance of a result and its reason.
        steps: (share of calls right, share of points) pairs.
        look_at: where to look when it is wrong.
    """
    return Function(name, quantity, unit, inputs, expected, within, steps, look_at)
