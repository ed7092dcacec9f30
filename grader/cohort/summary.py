"""What a grading run is about to do, and what it has done."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.cohort.attempts import Held
from grader.cohort.desk import Outcome
from grader.cohort.journal import Record
from grader.errors import GraderError
from grader.workshop.lab import Lab


@dataclass(frozen=True)
class Forecast:
    """What a run is about to do.

    Args:
        hand_ins: to be graded.
        kept: students whose results are all there already.
        realities: of how many hand-ins hidden inputs must be worked out first.
        jobs: at once.
        cpu_s: median processor seconds of earlier results of this lab, by kind ("student", "checker", of which
            "replay", and "reality"); empty if there are none.
    """

    hand_ins: int
    kept: int
    realities: int
    jobs: int
    cpu_s: Mapping[str, float]

    @property
    def left_s(self) -> float | None:
        """Seconds that the run will take, by what earlier results have cost; None if nothing is known."""
        if not self.cpu_s:
            return None
        each = self.cpu_s.get("student", 0.0) + self.cpu_s.get("checker", 0.0)
        return (each * self.hand_ins + self.cpu_s.get("reality", 0.0) * self.realities) / max(self.jobs, 1)


def typical_cpu_s(records: Sequence[Record]) -> dict[str, float]:
    """Median processor seconds of what was graded before, by kind; empty if nothing was."""
    known = [record.cpu_s for record in records if record.cpu_s]
    kinds = sorted({kind for costs in known for kind in costs})
    return {kind: statistics.median([costs[kind] for costs in known if kind in costs]) for kind in kinds}


@dataclass
class Summary:
    """What a grading run did.

    Args:
        outcomes: by student, in the roster's order.
        absent: students of the roster who handed in nothing.
        strangers: folders below ``submitted/`` that no student of the roster has.
        failed: by student, why grading itself could not be done; they are graded at the next run.
        held: by student, why what lies in ``submitted/`` is not graded.
        outdated: students whose results are of an earlier version of lab or grader.
        refused: why the gradebook could not be brought up to date; the journal has all results.
        wall_s: seconds that the run took.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    outdated: list[str] = field(default_factory=list)
    refused: GraderError | None = None
    wall_s: float = 0.0


def summary_json(lab: Lab, summary: Summary) -> dict[str, Any]:
    """A grading run as plain values."""
    return {
        "lab": lab.id,
        "max_score": lab.max_auto_score,
        "students": [_outcome_json(student, one) for student, one in summary.outcomes.items()],
        "absent": summary.absent,
        "strangers": summary.strangers,
        "failed": summary.failed,
        "held": {student: vars(held) for student, held in summary.held.items()},
        "outdated": summary.outdated,
        "not_entered": str(summary.refused) if summary.refused else "",
        "wall_s": round(summary.wall_s, 3),
    }


def _outcome_json(student: str, outcome: Outcome) -> dict[str, Any]:
    record, standing = outcome.record, outcome.standing
    return {
        "id": student,
        "score": standing.score,
        "max_score": record.max_score,
        "late_penalty": standing.taken(),
        "attempt": record.attempt,
        "attempts": standing.attempts,
        "fresh": outcome.fresh,
        "tasks": dict(standing.scores),
        "verdicts": {task: verdict.status for task, verdict in record.verdicts.items()},
        "findings": [vars(finding) for one in (record, standing.unread) if one for finding in one.findings],
        "incidents": [vars(incident) for incident in record.incidents],
        "cpu_s": dict(record.cpu_s),
        "wall_s": record.wall_s,
        "tier": record.tier,
    }
