"""The course's rules for hand-ins, ``grading.toml``: how many, which of them counts, what lateness costs.

    [attempts]
    most = 3                 # hand-ins of a lab that are graded; 0: as many as they like
    counts = "last"          # which of them is the score: "last", "best" or "mean"
    cool_down_h = 0          # hours from one hand-in to the next that is graded

    [late]
    share = 0.1              # of the lab's points, for each day or hour begun after the due date
    per = "day"              # or "hour"
    cap = 0.5                # never more than this share
    grace_min = 10           # so late is not late

    [due]
    storm_night = 2026-11-30T23:59:00+08:00

    [extension_h.ada]        # hours more, for one student
    storm_night = 48

A file that is not there means three attempts, the last counts, and lateness costs nothing.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from grader.cohort.course import Course
from grader.cohort.late import LateRule, Per
from grader.cohort.standing import Counts
from grader.errors import GraderError

FILE = "grading.toml"
_TABLES = ("attempts", "late", "due", "extension_h")


@dataclass(frozen=True)
class Policy:
    """One course's rules.

    Args:
        most: hand-ins of a lab that are graded; 0 for no limit.
        counts: which of them is the score.
        cool_down_h: hours from one hand-in to the next that is graded.
        late: what lateness costs; nothing if None.
        due: by lab, when it is due, with a zone.
        extension_h: by student and lab, hours more.
    """

    most: int = 3
    counts: Counts = "last"
    cool_down_h: float = 0.0
    late: LateRule | None = None
    due: Mapping[str, datetime] = field(default_factory=dict)
    extension_h: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def extension(self, student: str, lab_id: str) -> timedelta | None:
        """The time that a student has been given beyond the due date; None if none."""
        hours = self.extension_h.get(student, {}).get(lab_id)
        return None if hours is None else timedelta(hours=hours)


def read_policy(course: Course) -> Policy:
    """The rules of a course; a practice course has no limits.

    Raises:
        GraderError: the file cannot be read, or says something that cannot be.
    """
    if course.practice:
        return Policy(most=0)
    path = course.root / FILE
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}", then="Mend the file, then try again.") from error
    return _Reading(str(path)).policy(found)


class _Reading:
    """Reads each value with its place, so that a mistake is told where it stands."""

    def __init__(self, path: str) -> None:
        self._path = path

    def policy(self, found: Mapping[str, Any]) -> Policy:
        self._known("", found, _TABLES)
        attempts, late = (self._table(found, name) for name in ("attempts", "late"))
        self._known("attempts", attempts, ("most", "counts", "cool_down_h"))
        self._known("late", late, ("share", "per", "cap", "grace_min"))
        most = self._number("attempts.most", attempts.get("most", 3), 0, 9999)
        if most != int(most):
            self._refuse("attempts.most", most, "A whole number; 0 for no limit.")
        return Policy(
            int(most),
            self._one_of("attempts.counts", attempts.get("counts", "last"), get_args(Counts)),
            self._number("attempts.cool_down_h", attempts.get("cool_down_h", 0), 0, 24 * 365),
            self._late(late) if late else None,
            {name: self._time(f"due.{name}", value) for name, value in self._table(found, "due").items()},
            {
                student: {
                    lab: self._number(f"extension_h.{student}.{lab}", hours, 0, 24 * 365)
                    for lab, hours in self._table(self._table(found, "extension_h"), student).items()
                }
                for student in self._table(found, "extension_h")
            },
        )

    def _late(self, late: Mapping[str, Any]) -> LateRule:
        return LateRule(
            self._number("late.share", late.get("share", 0.0), 0, 1),
            self._one_of("late.per", late.get("per", "day"), get_args(Per)),
            self._number("late.cap", late.get("cap", 1.0), 0, 1),
            self._number("late.grace_min", late.get("grace_min", 0.0), 0, 60 * 24 * 365),
        )

    def _table(self, found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = found.get(name, {})
        if not isinstance(table, dict):
            self._refuse(name, table, f"A table: [{name}].")
        return dict(table)

    def _known(self, table: str, found: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for name in found:
            if name not in names:
                self._refuse(f"{table}.{name}".lstrip("."), found[name], f"Known here: {', '.join(names)}.")

    def _number(self, name: str, value: object, low: float, high: float) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        number = float(value) if plain else math.nan  # type: ignore[arg-type]  # plain says that it is a number
        if not low <= number <= high:
            self._refuse(name, value, f"A number from {low:g} to {high:g}.")
        return number

    def _one_of(self, name: str, value: object, allowed: tuple[Any, ...]) -> Any:  # noqa: ANN401 - one of a Literal's
        if value not in allowed:
            self._refuse(name, value, f"One of {', '.join(allowed)}.")
        return value

    def _time(self, name: str, value: object) -> datetime:
        if not isinstance(value, datetime) or value.tzinfo is None:
            self._refuse(name, value, "A time with its zone, e.g. 2026-11-30T23:59:00+08:00.")
        assert isinstance(value, datetime)  # noqa: S101 - refused above otherwise
        return value.astimezone(UTC)

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        raise GraderError(f"{self._path}, {name}", repr(value), allowed, "Mend the file, then try again.")
