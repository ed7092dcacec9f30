"""What a check says of one task."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["correct", "partly", "incorrect", "not attempted", "could not be checked"]


@dataclass(frozen=True)
class Verdict:
    """One task's score and the words that go with it.

    Args:
        task: the task's id in ``lab.toml``.
        score: points earned, a plain float in [0, ``max_score``].
        max_score: points the task is worth.
        status: the verdict in one word.
        message: names the quantity, the unit, what was found and what to look at.
            Never the truth, a hidden input, or where the tolerance band lies.
        practice_hint: the likely misconception; shown in practice only, never where a
            certificate hangs on the task, because it gives the answer away.
    """

    task: str
    score: float
    max_score: float
    status: Status
    message: str
    practice_hint: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain values, as they cross the pipe."""
        return dict(vars(self))
