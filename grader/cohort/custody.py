"""Asks the truth process for realities and bundles; it alone reads the course key."""

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.cohort import durable
from grader.cohort.course import Course
from grader.cohort.roster import Student
from grader.errors import GraderError
from grader.isolation.processes import cpu_s, descendants

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
        request = self._request(student, lab_id, attempt)
        for name in ("truth", "bundle"):
            durable.make_folder(Path(request[name]).parent, 0o700)
        for later in self._course.truth(student.id, lab_id).parent.glob(f"{lab_id}.attempt-*.json"):
            later.unlink()  # hidden inputs that belong to the reality which is about to be replaced
        return str(self._ask(request, f"{lab_id}, reality of {student.id}")["commitment"])

    def complete(self, student: Student, lab_id: str, attempt: int = 1) -> None:
        """Work out what only grading needs of a student's reality, which was drawn with their bundle.

        Each attempt gets hidden inputs of its own; the reality and the bundle stay.

        Raises:
            GraderError: the lab's key failed for this student, or the process is gone.
        """
        request = self._request(student, lab_id, attempt) | {"complete": True}
        self._ask(request, f"{lab_id}, reality of {student.id}")

    def _request(self, student: Student, lab_id: str, attempt: int) -> dict[str, Any]:
        course = self._course
        return {
            "lab": str(course.lab(lab_id).folder),
            "course": course.id,
            "student": student.derived_from,
            "form": "a",
            "attempt": attempt,
            "truth": str(course.truth(student.id, lab_id, attempt)),
            "drawn": str(course.drawn(student.id, lab_id)),
            "bundle": str(course.bundle(student.id, lab_id)),
        }

    def cpu_s(self) -> float:
        """Processor seconds that the process has used so far."""
        return cpu_s([self._process.pid, *descendants(self._process.pid)])

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


class Realities:
    """Truth processes that are kept for the next student; a context manager, safe to use from several threads."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._idle: queue.SimpleQueue[TruthProcess] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().__exit__(kind, error, at)

    def truth(self, student: Student, lab_id: str, attempt: int = 1) -> tuple[bytes, float]:
        """A student's whole reality, and the processor seconds that working it out has cost now.

        Raises:
            GraderError: nothing was derived for this student, or the lab's key failed.
        """
        used = 0.0
        if not is_complete(self._course, student, lab_id, attempt):
            try:
                process = self._idle.get_nowait()
            except queue.Empty:
                process = TruthProcess(self._course).__enter__()
            try:
                before = process.cpu_s()
                process.complete(student, lab_id, attempt)
                used = process.cpu_s() - before
            except BaseException:
                process.__exit__(*sys.exc_info())
                raise
            self._idle.put(process)
        return truth(self._course, student, lab_id, attempt), used


def commitment(bundle: Path) -> str:
    """The commitment to a student's reality, as their bundle's manifest gives it.

    Raises:
        GraderError: there is no bundle.
    """
    path = bundle / "manifest.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["commitment"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GraderError(
            str(path), "not found or damaged", then="Make it again: practicum cohort bundles --course DIR"
        ) from error


def is_prepared(course: Course, student: Student, lab_id: str) -> bool:
    """Whether a student's reality and bundle exist already."""
    drawn = course.truth(student.id, lab_id).is_file() or course.drawn(student.id, lab_id).is_file()
    return drawn and (course.bundle(student.id, lab_id) / "manifest.json").is_file()


def truth(course: Course, student: Student, lab_id: str, attempt: int = 1) -> bytes:
    """A student's whole hidden reality; what only grading needs of it is worked out now if it was not before.

    Raises:
        GraderError: nothing was derived for this student, or the lab's key failed.
    """
    if not is_complete(course, student, lab_id, attempt):
        with TruthProcess(course) as process:
            process.complete(student, lab_id, attempt)
    path = course.truth(student.id, lab_id, attempt if _has_hidden_inputs(course, student, lab_id) else 1)
    try:
        return path.read_bytes()
    except OSError as error:
        then = f"Derive it again: practicum cohort bundles --course {course.root}"
        raise GraderError(f"{lab_id}, reality of {student.id}", "not found", then=then) from error


def is_complete(course: Course, student: Student, lab_id: str, attempt: int = 1) -> bool:
    """Whether nothing of a student's reality is left to be worked out for an attempt."""
    whole = course.truth(student.id, lab_id, attempt)
    return whole.is_file() or not _has_hidden_inputs(course, student, lab_id)


def _has_hidden_inputs(course: Course, student: Student, lab_id: str) -> bool:
    """Whether the lab's key works some of the reality out later, attempt by attempt."""
    return course.drawn(student.id, lab_id).is_file()


def complete_all(
    course: Course, lab_id: str, students: Sequence[Student], jobs: int = 2, attempts: Mapping[str, int] | None = None
) -> Iterator[Student]:
    """Work out, of realities that were drawn, what only grading needs; gives each student as theirs is ready.

    Args:
        course: the course.
        lab_id: a lab that it has released.
        students: those whose work is going to be graded.
        jobs: truth processes at once.
        attempts: by student, the number of the attempt; the first if not named.

    Raises:
        GraderError: the lab's key failed.
    """
    number = {student.id: (attempts or {}).get(student.id, 1) for student in students}
    drawn = [student for student in students if not is_complete(course, student, lab_id, number[student.id])]
    return _share_out(course, drawn, jobs, lambda process, one: process.complete(one, lab_id, number[one.id]))


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
    yield from _share_out(course, missing, jobs, lambda process, student: process.prepare(student, lab_id))


def _share_out(
    course: Course, students: Sequence[Student], jobs: int, work: Callable[[TruthProcess, Student], object]
) -> Iterator[Student]:
    waiting: queue.SimpleQueue[Student] = queue.SimpleQueue()
    for student in students:
        waiting.put(student)
    done: queue.SimpleQueue[Student | BaseException] = queue.SimpleQueue()
    for _ in range(min(jobs, len(students))):
        threading.Thread(target=_work, args=(course, waiting, done, work), daemon=True).start()
    for _ in students:
        one = done.get()
        if isinstance(one, BaseException):
            raise one
        yield one


def _work(
    course: Course,
    waiting: "queue.SimpleQueue[Student]",
    done: "queue.SimpleQueue[Student | BaseException]",
    work: Callable[[TruthProcess, Student], object],
) -> None:
    try:
        with TruthProcess(course) as process, contextlib.suppress(queue.Empty):
            while True:
                student = waiting.get_nowait()
                work(process, student)
                done.put(student)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the results are read
        done.put(error)
