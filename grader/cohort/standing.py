"""What counts of a student's attempts at a lab, and what lateness takes off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.cohort.course import Course
from grader.cohort.journal import Journal, Record
from grader.cohort.late import Lateness

Counts = Literal["last", "best", "mean"]
# The best of several tries is also the luckiest: a certificate hangs on the last instead.
FOR_CERTIFICATE: dict[Counts, Counts] = {"last": "last", "best": "last", "mean": "mean"}
_RULES = {
    "last": "the last one counts",
    "best": "the best one counts",
    "mean": "the mean of all counts",
}


@dataclass(frozen=True)
class Standing:
    """What counts of a student's attempts.

    Args:
        record: the attempt that is shown, and whose essay a person reads.
        name: its name in the journal.
        scores: points by task that count.
        attempts: how many attempts were graded and could be read, or all if none could.
        most: how many are; 0 for no limit.
        counts: the rule.
        lateness: of the attempt that is shown; None if it was in time.
        penalty: points that lateness may take off; never more than was earned is.
        unread: a later hand-in that could not be read, and so does not count.
    """

    record: Record
    name: str
    scores: Mapping[str, float]
    attempts: int
    most: int
    counts: Counts
    lateness: Lateness | None = None
    penalty: float = 0.0
    unread: Record | None = None

    @property
    def score(self) -> float:
        """Points that count, of the tasks that checks judge, before lateness."""
        return float(sum(self.scores.values()))

    def taken(self, person_points: float = 0.0) -> float:
        """Points that lateness takes off, where a person gave ``person_points``."""
        return min(self.penalty, self.score + person_points)

    def notes(self, person_points: float = 0.0) -> list[str]:
        """What a student should know of it, a sentence each."""
        told = []
        if self.unread:
            why = " ".join(finding.detail for finding in self.unread.findings)
            told.append(f"Your last hand-in could not be read, so it does not count, and uses up no attempt. {why}")
        if self.attempts > 1:
            of = f" of {self.most}" if self.most else ""
            told.append(f"Shown is your hand-in {self.record.attempt}{of}; {_RULES[self.counts]}.")
        if self.lateness:
            told.append(self.lateness.words(self.taken(person_points)))
        return told


def standing(
    records: Mapping[str, Record],
    counts: Counts,
    most: int = 0,
    lateness: Mapping[int, Lateness | None] | None = None,
) -> Standing:
    """What counts of one student's attempts at a lab.

    A file that could not be read at all counts only where there is nothing else.

    Args:
        records: one or more by their names in the journal, an attempt each.
        counts: ``"last"``, ``"best"`` (after lateness; of equals the later) or ``"mean"`` (task by task, and so the
            penalty; the last is shown).
        most: how many attempts are graded; 0 for no limit.
        lateness: by attempt.
    """
    late = lateness or {}
    in_order = sorted(records.items(), key=lambda item: item[1].attempt)
    real = [item for item in in_order if item[1].readable] or in_order
    name, shown = max(real, key=lambda item: _best(item[1], late)) if counts == "best" else real[-1]
    scores = {task: float(verdict.score) for task, verdict in shown.verdicts.items()}
    penalty = _points(late.get(shown.attempt))
    if counts == "mean":
        found = [record for _, record in real]
        scores = {task: _mean([_score(record, task) for record in found]) for task in scores}
        penalty = _mean([min(_points(late.get(record.attempt)), record.score) for record in found])
    newest = in_order[-1][1]
    unread = None if newest.readable or newest is shown else newest
    return Standing(shown, name, scores, len(real), most, counts, late.get(shown.attempt), penalty, unread)


def graded_answers(course: Course, lab_id: str) -> dict[str, Mapping[str, str]]:
    """By student of the roster, what they answered in the attempt that was graded last, by answer cell."""
    journal = Journal(course.journal(lab_id), course.journal_key)
    records = {student.id: list(journal.current(student.id).values()) for student in course.students()}
    return {student: found[-1].answers for student, found in records.items() if found}


def _best(record: Record, late: Mapping[int, Lateness | None]) -> tuple[float, int]:
    return max(record.score - _points(late.get(record.attempt)), 0.0), record.attempt


def _score(record: Record, task: str) -> float:
    # a lab that has gained a task since gives nothing for it in an older attempt
    return float(record.verdicts[task].score) if task in record.verdicts else 0.0


def _points(lateness: Lateness | None) -> float:
    return lateness.points if lateness else 0.0


def _mean(numbers: Sequence[float]) -> float:
    return float(sum(numbers)) / len(numbers)
