"""One grading run of a lab: takes hand-ins, has them graded, keeps what is found, and has it entered."""

import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from grader.cohort.attempts import Attempt, Attempts
from grader.cohort.course import Course
from grader.cohort.custody import Realities, is_complete
from grader.cohort.desk import Desk, Outcome
from grader.cohort.entering import Clerk, Ledger
from grader.cohort.journal import Record
from grader.cohort.policy import read_policy
from grader.cohort.roster import Student
from grader.cohort.submission import read_lesson
from grader.cohort.summary import Forecast, Summary, typical_cpu_s
from grader.cohort.turn import turn
from grader.errors import GraderError
from grader.isolation.job import Ground, Limits
from grader.isolation.pool import Pool
from grader.isolation.unsafe import NAME as UNSAFE

_COSTS_OF = 50  # earlier results that tell what one more will cost


@dataclass(frozen=True)
class Work:
    """One hand-in to be graded."""

    student: Student
    attempt: Attempt


Examined: TypeAlias = tuple[Work, Record | GraderError]


@contextmanager
def open_desk(
    course: Course, lab_id: str, ground: Ground, *, jobs: int = 1, limits: Limits | None = None, unsafe: bool = False
) -> Iterator[Desk]:
    """A desk with an engine, which is started with the first hand-in.

    Raises:
        GraderError: the lab is not released.
    """
    lab = course.lab(lab_id)
    lesson = read_lesson(course.release_notebook(lab_id), lab_id)
    with Realities(course) as realities, Pool(ground, limits, workers=jobs, unsafe=unsafe) as pool:
        yield Desk(course, lab, lesson, pool, realities, unsafe)


@contextmanager
def open_run(
    desk: Desk,
    *,
    jobs: int = 1,
    cluster: tuple[str, Ground] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> "Iterator[Run]":
    """A run that holds the lab's lock.

    Args:
        desk: where hand-ins are graded.
        jobs: at once.
        cluster: address of a Dask scheduler that grades instead, and what its workers read.
        tell: called with who is waited for, in words.

    Raises:
        GraderError: the journal cannot be written.
    """
    with turn(desk.course, desk.lab.id, tell) as lock:
        yield Run(desk, Clerk(desk, lock), jobs, cluster)


class Run:
    """A grading run of one lab.

    Args:
        desk: where its hand-ins are graded.
        clerk: enters what counts in the gradebook.
        jobs: at once.
        cluster: address of a Dask scheduler that grades instead, and what its workers read.
    """

    def __init__(self, desk: Desk, clerk: Clerk, jobs: int, cluster: tuple[str, Ground] | None = None) -> None:
        self.desk, self.summary = desk, Summary()
        self._clerk, self._jobs, self._cluster = clerk, jobs, cluster
        policy = read_policy(desk.course)
        self.attempts = Attempts(desk.course, desk.lesson, policy)
        self._ledger = Ledger(desk, policy)

    def grade(
        self,
        chosen: Sequence[Student],
        *,
        force: bool = False,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
        on_forecast: Callable[[Forecast], None] = lambda _: None,
        arrived_at: datetime | None = None,
    ) -> None:
        """Take and grade what these students have handed in."""
        work = self._plan(chosen, force=force, arrived_at=arrived_at)
        waiting = {one.student.id for one in work}
        kept = [one for one in chosen if one.id not in waiting and self._ledger.standing(one.id)]
        on_forecast(self._forecast(work, kept))
        for student in kept:
            on_outcome(self.show(student, fresh=False))
        left = {one.student.id: sum(other.student.id == one.student.id for other in work) for one in work}
        with closing(self.examine(work)) as results:
            for one, found in results:
                student = one.student
                left[student.id] -= 1
                failure = self._keep(one, found)
                if failure:
                    self.summary.failed[student.id] = str(failure)
                elif not left[student.id]:
                    on_outcome(self.show(student, fresh=True))

    def show(self, student: Student, *, fresh: bool) -> Outcome:
        """What counts for a student now; brings their pages up to date, and has it entered."""
        standing = self._ledger.standing(student.id)
        assert standing is not None  # noqa: S101 - called for those whose records are kept
        try:
            self.desk.show(student, standing)
        except GraderError as error:  # the record is kept: the next run shows it
            self.summary.failed[student.id] = str(error)
        self._clerk.add(student.id)
        outcome = self.summary.outcomes[student.id] = Outcome(standing, fresh)
        return outcome

    def finish(self) -> None:
        """Bring the gradebook up to date; if it cannot be, the summary says why."""
        try:
            self._clerk.finish()
        except GraderError as error:
            self.summary.refused = error

    def _plan(self, chosen: Sequence[Student], *, force: bool, arrived_at: datetime | None) -> list[Work]:
        work: list[Work] = []
        for student in chosen:
            try:
                held = self.attempts.take(student.id, arrived_at)
                attempts = self.attempts.of(student.id)
                missing = self._missing(student, attempts, force=force)
            except GraderError as error:
                self.summary.failed[student.id] = str(error)
                continue
            if held:
                self.summary.held[student.id] = held
            if not attempts:
                self.summary.absent.append(student.id)
            if missing and not work and not self._cluster and self.desk.pool:
                self.desk.pool.start()
            work += missing
        return work

    def _missing(self, student: Student, attempts: Sequence[Attempt], *, force: bool) -> list[Work]:
        records = self.desk.journal.current(student.id)
        graded = {
            (record.attempt, record.submission)
            for record in records.values()
            if self.desk.unsafe or record.tier != UNSAFE
        }
        newest = attempts[-1:] if force else []
        missing = [one for one in attempts if one in newest or (one.number, one.digest) not in graded]
        names = {record.attempt: name for name, record in records.items()}
        if not missing and any(
            not names[one.number].startswith(self.desk.name(student, one.digest, one.number)) for one in attempts
        ):
            self.summary.outdated.append(student.id)
        return [Work(student, one) for one in missing]

    def _forecast(self, work: Sequence[Work], kept: Sequence[Student]) -> Forecast:
        course, lab_id = self.desk.course, self.desk.lab.id
        realities = sum(not is_complete(course, one.student, lab_id, one.attempt.number) for one in work)
        known = [standing.record for one in kept[:_COSTS_OF] if (standing := self._ledger.standing(one.id))]
        return Forecast(len(work), len(kept), realities, self._jobs, typical_cpu_s(known))

    def examine(self, work: Sequence[Work]) -> "Generator[Examined]":
        """Grade hand-ins, several at once, and give each as it is done; keeps nothing."""
        if self._cluster:
            from grader.cohort.cluster import examine_on_dask

            return examine_on_dask(*self._cluster, self.desk, work)
        return _examine_here(self.desk, work, self.attempts, self._jobs)

    def _keep(self, work: Work, found: Record | GraderError) -> GraderError | None:
        if isinstance(found, GraderError):
            return found
        try:
            self.desk.journal.add(self.desk.name(work.student, work.attempt.digest, work.attempt.number), found)
        except GraderError as error:
            return error
        return None


def _examine_here(desk: Desk, work: Sequence[Work], attempts: Attempts, jobs: int) -> "Generator[Examined]":
    if jobs <= 1 or len(work) <= 1:
        for one in work:
            yield one, examined(desk, one, attempts)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        running: dict[Future[Record | GraderError], Work] = {
            pool.submit(examined, desk, one, attempts): one for one in work
        }
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def examined(desk: Desk, work: Work, attempts: Attempts) -> Record | GraderError:
    """What grading one hand-in finds, or why it could not be done."""
    try:
        return desk.examine(work.student, attempts.content(work.attempt), work.attempt.number)
    except GraderError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a fault of ours costs one submission, not the cohort
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"the grader itself failed ({type(error).__name__}: {error}, {Path(at.filename).name} line {at.lineno})"
        where = f"{desk.lab.id}, {work.student.id}"
        return GraderError(where, found, then="Please report this; the others are graded.")
