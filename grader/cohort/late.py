"""What lateness costs: a share of the lab's points for each day or hour begun, up to a cap.

The share is of the points that the lab can give, not of those that were earned: so the penalty is known when the work
is handed in, and stays the same when a person's points are added. It never takes more than was earned.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Per = Literal["day", "hour"]
_SECONDS: dict[Per, int] = {"day": 86_400, "hour": 3_600}


@dataclass(frozen=True)
class LateRule:
    """A course's rule.

    Args:
        share: of the lab's points, for each ``per`` begun after the due date.
        per: ``"day"`` or ``"hour"``.
        cap: the greatest share in all.
        grace_min: minutes that are forgiven; whoever is later is late from the due date on.
    """

    share: float
    per: Per = "day"
    cap: float = 1.0
    grace_min: float = 0.0

    def lateness(self, submitted_at: datetime | None, due: datetime | None, max_score: float) -> "Lateness | None":
        """How late a hand-in is and what that costs; None if it is in time, or a time is not known.

        Args:
            submitted_at: when it was handed in, with a zone.
            due: when it was due for this student, with a zone.
            max_score: points that the lab can give.
        """
        if submitted_at is None or due is None:
            return None
        late_s = (submitted_at - due).total_seconds()
        if late_s <= 60 * self.grace_min:
            return None
        begun = math.ceil(late_s / _SECONDS[self.per])
        share = min(self.share * begun, self.cap)
        return Lateness(due, late_s, begun, self.per, share, share * max_score)


@dataclass(frozen=True)
class Lateness:
    """How late one hand-in is.

    Args:
        due: when it was due.
        late_s: seconds after that.
        begun: days or hours begun.
        per: which of the two.
        share: of the lab's points that is taken off.
        points: the same in points; never take off more than was earned.
    """

    due: datetime
    late_s: float
    begun: int
    per: Per
    share: float
    points: float

    def words(self, taken: float) -> str:
        """The penalty as a sentence to the student, where ``taken`` points were taken off."""
        length = timedelta(seconds=int(self.late_s))
        unit = self.per if self.begun == 1 else f"{self.per}s"
        due = self.due.astimezone().strftime("%Y-%m-%d %H:%M")
        taken_off = f"{taken:.2f}".rstrip("0").rstrip(".")
        told = f"Handed in late by {_length(length)} (it was due {due}): {self.begun} {unit} begun"
        return f"{told}, so {100 * self.share:g} % of the lab's points are taken off, {taken_off} points."


def _length(length: timedelta) -> str:
    hours, rest = divmod(length.seconds, 3600)
    parts = [(length.days, "d"), (hours, "h"), (rest // 60, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a minute"
