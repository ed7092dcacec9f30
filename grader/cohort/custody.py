"""Asks the truth process for realities and bundles; it alone reads the course key."""

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.cohort import durable
from grader.cohort.course import Course
from grader.cohort.roster import Student
from grader.errors import GraderError

PATIENCE_S = 300.0


class TruthProcess:
    """One truth process of a course; a context manager.

    The key's file is handed over as a descriptor: it stands in no argument, in no environment, and not in
    the memory of this process.
    """

    def __init__(self, course: Course) -> None:
        self._course = course

    def __enter__(self) -> Self:
        descriptor = os.open(self._course.course_key, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "twin_sandbox.truth", "--key-fd", str(descriptor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(descriptor,),
                cwd="/",
            )
        finally:
            os.close(descriptor)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        if kind is not None:
            self._process.kill()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def prepare(self, student: Student, lab_id: str, attempt: int = 1) -> str:
        """Derive a student's reality and write their bundle afresh; gives the commitment.

        Raises:
            GraderError: the lab's key failed for this student, or the process is gone.
        """
        course = self._course
        truth, bundle = course.truth(student.id, lab_id), course.bundle(student.id, lab_id)
        for folder in (truth.parent, bundle.parent):
            durable.make_folder(folder, 0o700)
        answer = self._ask(
            {
                "lab": str(course.lab(lab_id).folder),
                "course": course.id,
                "student": student.derived_from,
                "form": "a",
                "attempt": attempt,
                "truth": str(truth),
                "bundle": str(bundle),
            },
            f"{lab_id}, reality of {student.id}",
        )
        return str(answer["commitment"])

    def public_key(self) -> str:
        """What a bundle's signature is checked with."""
        return str(self._ask({"public_key": True}, "public key")["public_key"])

    def _ask(self, request: dict[str, Any], where: str) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - made with pipes above
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(where)
        except BrokenPipeError as error:
            raise GraderError(where, "the truth process has ended", then="Its own message stands above.") from error
        if not line:
            raise GraderError(where, "the truth process has ended", then="Its own message stands above.")
        answer: dict[str, Any] = json.loads(line)
        if not answer.get("ok"):
            raise GraderError(where, str(answer.get("error", "failed")), then="Run `practicum lab verify` on the lab.")
        return answer

    def _line(self, where: str) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - made with pipes above
        descriptor, line, until = self._process.stdout.fileno(), b"", time.monotonic() + PATIENCE_S
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise GraderError(where, f"not derived within {PATIENCE_S:g} s", then="Run `practicum lab verify`.")
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return b""
            line += piece
        return line


def commitment(bundle: Path) -> str:
    """The commitment to a student's reality, as their bundle's manifest gives it.

    Raises:
        GraderError: there is no bundle.
    """
    path = bundle / "manifest.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["commitment"])
    except (OSError, ValueError, KeyError) as error:
        raise GraderError(
            str(path), "not found or damaged", then="Make it again: practicum cohort bundles --course DIR"
        ) from error


def is_prepared(course: Course, student: Student, lab_id: str) -> bool:
    """Whether a student's reality and bundle exist already."""
    return (
        course.truth(student.id, lab_id).is_file() and (course.bundle(student.id, lab_id) / "manifest.json").is_file()
    )


def prepare_all(
    course: Course, lab_id: str, students: Sequence[Student], jobs: int = 2, *, afresh: bool = False
) -> Iterator[Student]:
    """Derive what is missing; gives each student as theirs is ready. Nobody's existing reality is touched.

    Args:
        course: the course.
        lab_id: a lab that it has released.
        students: those who need a reality.
        jobs: truth processes at once.
        afresh: derive existing ones again as well, after the lab's key has changed.

    Raises:
        GraderError: a reality cannot be derived.
    """
    missing = [student for student in students if afresh or not is_prepared(course, student, lab_id)]
    if not missing:
        return
    count = min(jobs, len(missing))
    done: queue.Queue[Student | BaseException] = queue.Queue()
    for place in range(count):
        share = missing[place::count]
        threading.Thread(target=_prepare_share, args=(course, lab_id, share, done), daemon=True).start()
    for _ in missing:
        one = done.get()
        if isinstance(one, BaseException):
            raise one
        yield one


def _prepare_share(
    course: Course, lab_id: str, students: Sequence[Student], done: "queue.Queue[Student | BaseException]"
) -> None:
    try:
        with TruthProcess(course) as process:
            for student in students:
                process.prepare(student, lab_id)
                done.put(student)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the results are read
        done.put(error)
