"""The same grading on a Dask cluster: workers that see the course at the same path grade, this process keeps.

A worker gives back a record and writes nothing; the journal has one writer, here. So a worker that dies loses only what
it was about: the cluster gives it to another. The truth is worked out here too, the course key stays where it is.
"""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.cohort.course import open_course
from grader.cohort.custody import complete_all
from grader.cohort.desk import Desk
from grader.cohort.journal import Record
from grader.cohort.submission import read_lesson
from grader.errors import GraderError
from grader.isolation.job import Ground
from grader.isolation.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from grader.cohort.run import Examined, Work

TRIES = 3
"""How often a hand-in is begun before its worker's death is called its own fault."""


@lru_cache(maxsize=2)
def _desk(root: Path, lab_id: str, ground: Ground) -> Desk:
    """One a worker process: its parents stay warm from one hand-in to the next, and end with the process."""
    course = open_course(root)
    pool = Pool(ground).__enter__()
    return Desk(course, course.lab(lab_id), read_lesson(course.release_notebook(lab_id), lab_id), pool)


def _examine(root: Path, ground: Ground, lab_id: str, work: "Work") -> Record | tuple[str, str, str, str]:
    """The record, or the four parts of a refusal: an exception of ours does not survive the way back."""
    from grader.cohort.attempts import Attempts
    from grader.cohort.policy import Policy
    from grader.cohort.run import examined

    desk = _desk(root, lab_id, ground)
    found = examined(desk, work, Attempts(desk.course, desk.lesson, Policy()))
    return found if isinstance(found, Record) else (found.where, found.found, found.allowed, found.then)


def examine_on_dask(address: str, ground: Ground, desk: Desk, work: "Sequence[Work]") -> "Generator[Examined]":
    """Grade hand-ins on a cluster and give each as it is done.

    Args:
        address: of the scheduler, e.g. ``"tcp://127.0.0.1:8786"``.
        ground: what all hand-ins share, at the same paths on each worker.
        desk: the lab's, here.
        work: what is to be graded.

    Raises:
        GraderError: Dask is not installed, or no cluster answers there.
    """
    if not work:
        return
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise GraderError("--dask", "Dask is not installed", then="pip install 'practicum[dask]'.") from error
    numbers = {one.student.id: one.attempt.number for one in work}
    for _ in complete_all(desk.course, desk.lab.id, [one.student for one in work], attempts=numbers):
        pass
    try:
        client = distributed.Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise GraderError("--dask", f"no cluster answers at {address}", then="Start its scheduler.") from error
    root = desk.course.root
    with client, client.as_current():
        futures = [
            client.submit(_examine, root, ground, desk.lab.id, one, pure=False, retries=TRIES - 1) for one in work
        ]
        of = {future.key: one for future, one in zip(futures, work, strict=True)}
        for future in distributed.as_completed(futures):
            yield of[future.key], _result(of[future.key], future)


def _result(work: "Work", future: Any) -> "Record | GraderError":  # noqa: ANN401 - Dask publishes no types
    try:
        found = future.result()
    except Exception as error:  # noqa: BLE001 - whatever a worker died of costs one submission, not the cohort
        return GraderError(work.student.id, f"its worker failed ({type(error).__name__}: {error})")
    return found if isinstance(found, Record) else GraderError(*found)
