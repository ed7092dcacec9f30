"""Grade on submit: whatever comes into ``submitted/`` is graded as soon as it lies still.

The folder is looked at a few times a second: that works on every file system, shared ones included, and misses nothing
that came in while nobody watched. A file is taken when it has not changed for a moment and is a whole notebook; one
that stays broken is graded as what it is after a while. The lab's lock is held only while something is graded.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from grader.cohort.collecting import collect
from grader.cohort.course import Course
from grader.cohort.desk import Desk, Outcome
from grader.cohort.entering import Clerk
from grader.cohort.roster import Student
from grader.cohort.run import Run, open_desk
from grader.cohort.submission import parse, read_handed_in
from grader.cohort.turn import turn
from grader.errors import GraderError
from grader.isolation.job import Ground, Limits

EVERY_S = 0.25
QUIET_S = 0.5  # unchanged for so long, a file that reads as a notebook is whole
PATIENCE_S = 10.0  # unchanged for so long, a file that does not is not going to be
_AGAIN_S = 5.0  # after something went wrong here

_Signature: TypeAlias = tuple[tuple[str, int, int, int], ...]


@dataclass
class _Place:
    """What lies in one student's folder.

    Args:
        signature: its files; none if there is no folder.
        since: when it was first seen so, on the monotonic clock.
        done: whether it is graded.
    """

    signature: _Signature | None = None
    since: float = 0.0
    done: bool = True


class Watch:
    """Looks at a lab's submissions, and grades what is new.

    Args:
        desk: where they are graded; its engine is made ready at once.
        jobs: at once.
        tell: called with what a person should know.
    """

    def __init__(self, desk: Desk, *, jobs: int = 1, tell: Callable[[str], None] = lambda _: None) -> None:
        self._desk, self._jobs, self._tell = desk, jobs, tell
        self._clerk = Clerk(desk)
        self._places: dict[str, _Place] = {}
        if desk.pool:
            desk.pool.start()

    def look(self, on_outcome: Callable[[Outcome], None]) -> None:
        """Look once, and grade whatever lies still."""
        course, lab_id = self._desk.course, self._desk.lab.id
        collect(course, lab_id)
        now = time.monotonic()
        ready = [student for student in course.students() if self._is_ready(student, now)]
        if not ready:
            return
        with turn(course, lab_id, self._tell):
            run = Run(self._desk, self._clerk, self._jobs)
            run.grade(ready, on_outcome=on_outcome, arrived_at=datetime.now(UTC))
        for student in ready:
            why = run.summary.failed.get(student.id)
            held = run.summary.held.get(student.id)
            if why:
                self._tell(f"{student.id}: not graded yet: {why}")
                self._places[student.id].since = time.monotonic() + _AGAIN_S
            else:
                self._places[student.id].done = True
            if held:
                self._tell(f"{student.id}: not graded, {held.kind}: {held.why}")

    def finish(self) -> None:
        """Wait until everything is entered in the gradebook.

        Raises:
            GraderError: the gradebook cannot be written.
        """
        self._clerk.finish()

    def _is_ready(self, student: Student, now: float) -> bool:
        course, lab_id = self._desk.course, self._desk.lab.id
        path = course.submitted(student.id, lab_id)
        place = self._places.setdefault(student.id, _Place())
        signature = _signature(path.parent)
        if signature != place.signature:
            self._places[student.id] = _Place(signature, now, done=signature is None)
            return False
        quiet_s = now - place.since
        if place.done or quiet_s < QUIET_S:
            return False
        whole = parse(read_handed_in(course.root, path), self._desk.lesson).readable
        return whole or quiet_s >= PATIENCE_S


def watch(
    course: Course,
    lab_id: str,
    ground: Ground,
    *,
    jobs: int = 1,
    limits: Limits | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    going_on: Callable[[], bool] = lambda: True,
) -> None:
    """Grade what has come in and what comes in, until ``going_on`` says no or the process is stopped.

    Raises:
        GraderError: the lab is not released, or the gradebook cannot be written at the end.
    """
    with open_desk(course, lab_id, ground, jobs=jobs, limits=limits) as desk:
        place = Watch(desk, jobs=jobs, tell=tell)
        tell(f"Watching {course.root / 'submitted'} for {lab_id}; Ctrl-C ends it.")
        while going_on():
            try:
                place.look(on_outcome)
            except GraderError as error:  # e.g. the roster is being edited: what came in stays where it is
                tell(f"{error} Trying again.")
                time.sleep(_AGAIN_S)
            time.sleep(EVERY_S)
        place.finish()


def _signature(folder: Path) -> _Signature | None:
    """Names, file numbers, sizes and times of what lies in a folder; None if there is no folder."""
    found = []
    try:
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):
                facts = entry.stat(follow_symlinks=False)
                found.append((entry.name, facts.st_ino, facts.st_size, facts.st_mtime_ns))
    except FileNotFoundError:
        return None
    except OSError:  # a link or a file where a folder should be
        return (("", 0, 0, 0),)
    return tuple(sorted(found))
