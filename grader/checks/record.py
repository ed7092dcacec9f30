"""A record of named fields, each with its own rule and its own share of the points."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grader.checks.reading import answer, as_mapping
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers, Unreadable

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One rule over a record.

    Args:
        names: the fields it reads.
        share: the share of the task's points that it carries.
        right: takes the fields' values and the student's reality; may raise ``Unreadable``.
        wrong: what to say when it is not right.
    """

    names: tuple[str, ...]
    share: float
    right: Callable[[Mapping[str, Any], Truth], bool]
    wrong: str


@dataclass(frozen=True)
class Record:
    """Judges a record; see :func:`record`."""

    name: str
    quantity: str
    fields: tuple[Field, ...]

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Points add up rule by rule, until the first that fails: a later field is evidence for an earlier one."""
        found = as_mapping(self.name, answer(answers, self.name))
        wanted = [name for rule in self.fields for name in rule.names]
        absent = [name for name in wanted if name not in found]
        if absent:
            told = f"{self.name} lacks the field {', '.join(absent)}; it needs {', '.join(wanted)}."
            raise Unreadable(told)
        share = 0.0
        for rule in self.fields:
            if not rule.right({name: found[name] for name in rule.names}, truth):
                score = round(share * max_score, 6)
                words = f"{self.quantity}: {rule.wrong}"
                return Verdict(task, score, max_score, "partly" if score else "incorrect", words)
            share += rule.share
        return Verdict(task, max_score, max_score, "correct", f"{self.quantity}: right, with the evidence for it.")


def field(names: tuple[str, ...], share: float, right: Callable[[Mapping[str, Any], Truth], bool], wrong: str) -> Field:
    """One rule of a record; see :class:`Field`."""
    return Field(names, share, right, wrong)


def record(name: str, *, quantity: str, fields: tuple[Field, ...]) -> Record:
    """A check for a dict of named fields whose rules' shares add up to one."""
    if abs(sum(rule.share for rule in fields) - 1.0) > 1e-9:
        raise ValueError(f"{name}: the shares of the fields must add up to 1")
    return Record(name, quantity, fields)
