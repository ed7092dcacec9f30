"""A decision, replayed in the hidden twin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grader.checks.reading import answer
from grader.checks.skill import Steps, earned, skill
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """Judges a decision by what it brings about; see :func:`decision`."""

    name: str
    quantity: str
    read: Callable[[object], Any]
    cost: Callable[[Any, Truth], float]
    baseline_cost: Callable[[Truth], float]
    oracle_cost: Callable[[Truth], float]
    steps: Steps
    look_at: str

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Points by the skill of the decision in the student's own hidden reality."""
        decided = self.read(answer(answers, self.name))
        reached = skill(self.cost(decided, truth), self.baseline_cost(truth), self.oracle_cost(truth))
        score = earned(reached, self.steps, max_score)
        told = f"{self.quantity}: replayed in the real night, your decision has a skill of {reached:.1f}"
        told += " (0 as good as deciding nothing, 1 as the best decision)."
        if score == max_score:
            return Verdict(task, score, max_score, "correct", told)
        return Verdict(task, score, max_score, "partly" if score else "incorrect", f"{told} {self.look_at}")


def decision(
    name: str,
    *,
    quantity: str,
    read: Callable[[object], Any],
    cost: Callable[[Any, Truth], float],
    baseline_cost: Callable[[Truth], float],
    oracle_cost: Callable[[Truth], float],
    steps: Steps,
    look_at: str,
) -> Decision:
    """A check for a decision.

    Args:
        name: the variable that holds the decision.
        quantity: what it is to achieve, in words.
        read: makes plain values of it; raises ``Unreadable`` with what to mend.
        cost: replays it in the hidden twin, gives its cost, lower is better.
        baseline_cost: the cost of deciding nothing.
        oracle_cost: the cost of the best decision.
        steps: (skill, share of points) pairs.
        look_at: where to look when it does badly.
    """
    return Decision(name, quantity, read, cost, baseline_cost, oracle_cost, steps, look_at)
