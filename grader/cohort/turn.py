"""One grading run of a lab at a time: a lock that the kernel gives back when its holder ends, however it ends."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from grader.cohort import durable
from grader.cohort.course import Course

_LOOK_S = 0.2


@contextmanager
def turn(course: Course, lab_id: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[int]:
    """Hold the lab's lock, and give its descriptor; waits while another run holds it.

    Args:
        course: the course.
        lab_id: the lab whose journal is going to be written.
        tell: called once with who is waited for, in words, if anyone is.

    Raises:
        GraderError: the lock's file cannot be made.
    """
    path = course.journal(lab_id) / ".lock"
    durable.make_folder(path.parent, 0o700)
    try:
        # not inherited: a sandbox that outlives its run for a moment must not keep the lock
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise durable.refusal(path, error) from error
    try:
        _wait(descriptor, path, tell)
        about = {"pid": os.getpid(), "since": datetime.now().astimezone().isoformat(timespec="seconds")}
        with suppress(OSError):  # on a full disk the lock holds all the same; only its note is missing
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield descriptor
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, tell: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                tell(f"Another run is grading this lab{_holder(path)}; waiting for its end (Ctrl-C stops waiting).")
            told = True
            time.sleep(_LOOK_S)
        else:
            return


def _holder(path: Path) -> str:
    try:
        about = json.loads(path.read_bytes())
        return f" (process {int(about['pid'])}, since {str(about['since'])[11:16]})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
