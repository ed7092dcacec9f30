"""Runs a lab's checks over one student's answers."""

import math
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Protocol

from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers, Gone, Missing, Unreadable


class Check(Protocol):
    """One task's check: judges an answer against the truth of one student's reality."""

    def judge(self, task: str, answers: Answers, truth: Mapping[str, Any], max_score: float) -> Verdict:
        """The verdict; the answer's own failures are raised as :mod:`grader.isolation.answers` names them."""
        ...


def judge_all(
    key: ModuleType, answers: Answers, truth: Mapping[str, Any], points: Mapping[str, float]
) -> Iterator[Verdict]:
    """Judge every task that ``points`` names, in its order; one broken answer costs its own task alone.

    Args:
        key: the lab's answer key; ``key.checks`` maps task ids to checks.
        answers: what the student handed in.
        truth: the reality of that student.
        points: task id to points.
    """
    for task, max_score in points.items():
        yield _judge(key.checks[task], task, answers, truth, max_score)


def _judge(check: Check, task: str, answers: Answers, truth: Mapping[str, Any], max_score: float) -> Verdict:
    try:
        verdict = check.judge(task, answers, truth, max_score)
    except Missing as missing:
        message = f"{missing} is not defined: the task has no answer yet, or its cell stopped before the end."
        return Verdict(task, 0.0, max_score, "not attempted", message)
    except Unreadable as unreadable:
        return Verdict(task, 0.0, max_score, "could not be checked", str(unreadable))
    except Gone as gone:
        return Verdict(task, 0.0, max_score, "could not be checked", str(gone))
    if not (math.isfinite(verdict.score) and 0.0 <= verdict.score <= max_score):
        raise AssertionError(f"{task}: the check gave {verdict.score} of {max_score} points")
    return verdict
