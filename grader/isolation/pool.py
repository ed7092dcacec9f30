"""Grading runs of one lab: two warm parents, and a submission's processes forked from them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from types import TracebackType
from typing import Self

from grader.checks.verdict import Verdict
from grader.errors import GraderError
from grader.isolation.controller import Run
from grader.isolation.job import Ground, Incident, Job, Limits, Report
from grader.isolation.lesson import modules
from grader.isolation.processes import cpu_s
from grader.isolation.staging import Staging
from grader.isolation.tiers import tier
from grader.isolation.unsafe import NAME as UNSAFE
from grader.isolation.unsafe import Room
from grader.isolation.view import checker_view, lab_inside, student_view
from grader.isolation.warm import ParentLost, WarmParent

_TRIES = 2
_ROLES = ("student", "checker")


class Pool:
    """Grades submissions of one lab, several at once; safe to use from several threads.

    Args:
        ground: what all jobs share.
        limits: what one submission may use; the defaults suit a lab of an hour.
        workers: jobs at once.
        unsafe: run without a sandbox; each report's tier then says "unsafe", and nothing of it may certify.
    """

    def __init__(self, ground: Ground, limits: Limits | None = None, workers: int = 1, *, unsafe: bool = False) -> None:
        self._ground, self._limits, self.workers = ground, limits or Limits(), workers
        self._turns = _Turns(workers)
        self._starting = threading.Lock()
        self._starter: ThreadPoolExecutor | None = None
        self._staging = Staging()
        self._staged: Ground | None = None
        self._parents: dict[str, WarmParent] = {}
        self._tier = UNSAFE if unsafe else ""
        self._room: Room | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to load what all jobs share, without waiting for it; the first :meth:`grade` does it otherwise.

        Raises:
            GraderError: no sandbox works here, or a folder is missing.
        """
        with self._starting, _disk():
            if self._starter is None:
                self._tier = self._tier or tier().name
                # a parent dies with the thread that started it: this one lives until the pool is closed
                self._starter = ThreadPoolExecutor(1, "practicum-parents")
            if self._tier == UNSAFE and self._room is None:
                self._room = Room()
            if self._staged is None:
                self._staged = self._staging.stage(self._ground)
            for role in _ROLES:
                parent = self._parents.get(role)
                if parent is None or parent.lost:
                    if parent is not None:
                        parent.close()
                    self._parents[role] = self._starter.submit(self._start, role, self._staged).result()

    def _start(self, role: str, ground: Ground) -> WarmParent:
        if self._room is not None:
            view = student_view(ground) if role == "student" else checker_view(ground)
            lesson, lab = modules(ground.lab) if role == "student" else (), self._room.lab(ground)
            folder = self._room.folder
            return WarmParent(role, self._room.view(view, ground), self._limits, UNSAFE, lesson, lab, folder)
        if role == "student":
            return WarmParent(role, student_view(ground), self._limits, self._tier, modules(self._ground.lab))
        inside = str(lab_inside(ground.lab))
        return WarmParent(role, checker_view(ground), self._limits, self._tier, lab=inside)

    def grade(self, job: Job) -> Report:
        """Run a submission's cells in one sandbox and the lab's checks in another.

        Returns:
            Outputs, one verdict for each task, and what the instructor should know.

        Raises:
            GraderError: nothing can be graded here: no sandbox works, a folder is missing, the answer key does not
                load, or the disk is full. Never for anything that a submission does.
        """
        begun = time.monotonic()
        if not job.bundle.is_dir():
            raise GraderError(f"bundle {job.bundle}", "not found", then="Build or fetch it first, then grade again.")
        for repeat in range(_TRIES):
            # after a parent's death each of its jobs runs again, alone: so it is known which one ends it
            with self._turns.one(alone=repeat > 0):
                student, checker = self._both_ready()
                report = Report(tier=self._tier)
                try:
                    with _disk():
                        Run(job, student, checker, self._limits, report).run()
                except ParentLost:
                    continue
                report.wall_s = time.monotonic() - begun
                return report
        return self._given_up(job, time.monotonic() - begun)

    def _both_ready(self) -> tuple[WarmParent, WarmParent]:
        self.start()
        student, checker = (self._parents[role] for role in _ROLES)
        try:
            student.ready()
            checker.ready()
        except GraderError:
            self.close()
            raise
        if checker.broken:
            last = checker.broken.splitlines()[-1]
            raise GraderError(
                str(self._ground.lab / "key.py"),
                f"the answer key does not load ({last})",
                then="Mend it, run `practicum lab verify`, then grade again: no submission has lost anything.",
            )
        return student, checker

    def _given_up(self, job: Job, wall_s: float) -> Report:
        words = "This task could not be checked. It is not marked as wrong: your instructor has been told."
        verdicts = {
            task: Verdict(task, 0.0, float(most), "could not be checked", words) for task, most in job.points.items()
        }
        detail = f"it ended the process that all jobs are forked from {_TRIES} times, the last time running alone"
        incidents = [Incident("notebook given up", "", detail)]
        outputs: dict[str, list[dict[str, object]]] = {cell.id: [] for cell in job.cells}
        return Report(outputs, verdicts, incidents, {"student": 0.0, "checker": 0.0, "replay": 0.0}, wall_s, self._tier)

    def cpu_s(self) -> float:
        """Processor seconds of what was started, and of every job that has ended since."""
        return cpu_s([parent.pid for parent in self._parents.values()])

    def ready(self) -> None:
        """Start, and wait until everything is loaded.

        Raises:
            GraderError: nothing can be graded here.
        """
        self._both_ready()

    def close(self) -> None:
        """End everything that was started; a later :meth:`grade` starts it again."""
        with self._starting:
            for parent in self._parents.values():
                parent.close()
            self._parents.clear()
            if self._starter is not None:
                self._starter.shutdown()
                self._starter = None
            self._staging.close()
            if self._room is not None:
                self._room.close()
                self._room = None
            self._staged = None


class _Turns:
    """At most ``most`` at once, or one alone."""

    def __init__(self, most: int) -> None:
        self._most, self._running, self._alone = most, 0, False
        self._changed = threading.Condition()

    @contextmanager
    def one(self, *, alone: bool) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._alone and self._running < (1 if alone else self._most))
            self._running, self._alone = self._running + 1, alone
        try:
            yield
        finally:
            with self._changed:
                self._running, self._alone = self._running - 1, False
                self._changed.notify_all()


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {ENOSPC, EDQUOT}:
            raise
        then = "Free some space, or point TMPDIR at another disk, and grade again: what is finished is kept."
        raise GraderError("grading", "the disk is full", then=then) from None
