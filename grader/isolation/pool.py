"""Grading runs of one lab: what they share is made ready once, then each submission is a job."""

from types import TracebackType
from typing import Self

from grader.isolation.controller import grade
from grader.isolation.job import Ground, Job, Limits, Report, Whole


class Pool:
    """Grades submissions of one lab, several at once; safe to use from several threads.

    Args:
        ground: what all jobs share.
        limits: what one submission may use; the defaults suit a lab of an hour.
        workers: jobs at once.
    """

    def __init__(self, ground: Ground, limits: Limits | None = None, workers: int = 1) -> None:
        self._ground, self._limits, self.workers = ground, limits or Limits(), workers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to make ready, without waiting for it; the first :meth:`grade` does it otherwise."""

    def grade(self, job: Job) -> Report:
        """Run a submission's cells in one sandbox and the lab's checks in another.

        Returns:
            Outputs, one verdict for each task, and what the instructor should know.

        Raises:
            GraderError: nothing can be graded here: no sandbox works, a folder is missing, the answer key does not
                load, or the disk is full. Never for anything that a submission does.
        """
        return grade(Whole(**vars(self._ground), **vars(job)), self._limits)

    def close(self) -> None:
        """End everything that was started."""
