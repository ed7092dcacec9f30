"""Grading again what is graded already: what would change is shown before anything does, and no record is lost.

New records wait in ``journal/<lab>/.regrade/``, durable like the others, until they are applied: then each becomes the
newest of its attempt, and the old one stays beside it.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from grader.cohort.journal import Journal, Record
from grader.cohort.roster import Student
from grader.cohort.run import Run, Work
from grader.errors import GraderError

_FOLDER = ".regrade"


@dataclass(frozen=True)
class Change:
    """One attempt, as it was graded and as it would be now.

    Args:
        student: whose.
        name: what the new record is called.
        before: the record that stands.
        after: the record that waits.
    """

    student: Student
    name: str
    before: Record
    after: Record

    @property
    def tasks(self) -> dict[str, tuple[float, float]]:
        """By task whose points differ: before and after; a task that one of them lacks gives 0 there."""
        names = dict.fromkeys([*self.before.verdicts, *self.after.verdicts])
        pairs = {task: (_score(self.before, task), _score(self.after, task)) for task in names}
        return {task: pair for task, pair in pairs.items() if pair[0] != pair[1]}

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.student.id,
            "attempt": self.before.attempt,
            "before": self.before.score,
            "after": self.after.score,
            "tasks": {task: list(pair) for task, pair in self.tasks.items()},
        }


class Regrade:
    """The regrading of one lab.

    Args:
        run: a run of that lab.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._course, self._lab_id = run, run.desk.course, run.desk.lab.id
        self._folder = self._course.journal(self._lab_id) / _FOLDER
        self._waiting = Journal(self._folder, self._course.journal_key)

    def compare(
        self,
        students: Sequence[Student],
        *,
        everything: bool = False,
        on_change: Callable[[Change], None] = lambda _: None,
        on_count: Callable[[int], None] = lambda _: None,
    ) -> list[Change]:
        """Grade again; what an earlier run has graded again and not applied is not graded a third time.

        Args:
            students: whose attempts.
            everything: also what this version of lab and grader has graded.
            on_change: called with each as it is there.
            on_count: called once with how many there are.

        Raises:
            GraderError: it cannot be done here, or cannot be kept.
        """
        work = [one for student in students for one in self._work(student, everything=everything)]
        on_count(len(work))
        found: list[Change] = []
        todo: dict[tuple[str, int], tuple[str, Record]] = {}

        def add(change: Change) -> None:
            found.append(change)
            on_change(change)

        for one, name, before in work:
            after = self._waiting.find(one.student.id, name)
            if after is not None:
                add(Change(one.student, name, before, after))
            else:
                todo[one.student.id, one.attempt.number] = (name, before)
        missing = [one for one, _, _ in work if (one.student.id, one.attempt.number) in todo]
        with closing(self._run.examine(missing)) as results:
            for one, result in results:
                if isinstance(result, GraderError):
                    raise result
                name, before = todo[one.student.id, one.attempt.number]
                self._waiting.keep(name, result)
                add(Change(one.student, name, before, result))
        order = {student.id: place for place, student in enumerate(students)}
        return sorted(found, key=lambda change: (order[change.student.id], change.before.attempt))

    def apply(self, changes: Sequence[Change]) -> None:
        """Let the new records stand, and bring pages and gradebook up to date; going on after a kill is safe.

        Raises:
            GraderError: a record cannot be kept, or the gradebook cannot be written.
        """
        journal = self._run.desk.journal
        for change in changes:
            newest = {one.attempt: one for one in journal.current(change.student.id).values()}[change.before.attempt]
            if replace(newest, sequence=0) != change.after:  # else it was applied before the run was killed
                journal.add(change.name, change.after)
        for student in dict.fromkeys(change.student for change in changes):
            self._run.show(student, fresh=True)
        self._run.finish()
        if self._run.summary.refused:
            raise self._run.summary.refused
        shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self, student: Student, *, everything: bool) -> list[tuple[Work, str, Record]]:
        desk, graded = self._run.desk, self._run.desk.journal.current(student.id)
        stands = {record.attempt: (name, record) for name, record in graded.items()}
        found = []
        for attempt in self._run.attempts.of(student.id):
            if attempt.number not in stands:
                continue  # not graded yet: that is what grading is for
            old, before = stands[attempt.number]
            name = desk.name(student, attempt.digest, attempt.number)
            applied = self._waiting.find(student.id, name)  # by a run that was killed before it had entered it
            if everything or applied or not old.startswith(name):
                found.append((Work(student, attempt), name, before))
        return found


def _score(record: Record, task: str) -> float:
    return float(record.verdicts[task].score) if task in record.verdicts else 0.0
