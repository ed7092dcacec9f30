"""One grading run: drives both processes, carries frames between them, keeps the limits; sees no value itself."""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

from grader.checks.verdict import Status, Verdict
from grader.isolation import packing
from grader.isolation.job import Incident, Job, Limits, Report
from grader.isolation.notebook import Student
from grader.isolation.outputs import settle
from grader.isolation.pipe import Closed, Frame, Garbled, Late
from grader.isolation.sandbox import Sandbox
from grader.isolation.serving import Reply
from grader.isolation.warm import ParentLost, WarmParent

_MAX_WORDS = 4_000
_CHECKER_STARTS = 3
_LOOK_S = 0.045


class Run:
    """One grading run over two warm parents.

    Args:
        job: the submission.
        student: parent of its process.
        checker: parent of the checks'.
        limits: what it may use.
        report: filled as the run goes on.
    """

    def __init__(self, job: Job, student: WarmParent, checker: WarmParent, limits: Limits, report: Report) -> None:
        self._job, self._limits, self._report = job, limits, report
        self._parents = {"student": student, "checker": checker}
        self._checker: Sandbox | None = None
        self._student = Student(self._start_student, job.cells, frozenset(job.places.values()), limits, self._watch)
        self._cpu = {"checker": 0.0, "replay": 0.0}
        self._replay_s = 0.0
        self._next_look = 0.0

    def run(self) -> None:
        """Run the cells, judge the tasks, end both processes.

        Raises:
            ParentLost: a parent ended meanwhile.
            GraderError: a sandbox cannot be built.
        """
        try:
            self._student.run()
            self._judge()
        except Closed:
            raise ParentLost from None
        finally:
            self._close()
        if any(parent.lost for parent in self._parents.values()):
            raise ParentLost

    def _close(self) -> None:
        self._student.close()
        self._end_checker()
        self._report.outputs.update({cell.id: self._student.outputs.get(cell.id, []) for cell in self._job.cells})
        settle(self._report.outputs.values())
        self._report.incidents[:0] = self._student.incidents
        self._report.cpu_s = {"student": self._student.cpu_s, **self._cpu}

    def _judge(self) -> None:
        """Collect a verdict for every task; a checker that dies costs the task it was at."""
        open_tasks = dict(self._job.points)
        deadline = time.monotonic() + self._limits.check_s
        for _ in range(_CHECKER_STARTS):
            if not open_tasks:
                return
            if self._checker is None:
                self._checker = self._start_checker()
            try:
                self._one_checker(self._checker, open_tasks, deadline)
            except (Closed, Garbled, Late) as end:
                if self._parents["checker"].lost:
                    raise ParentLost from None
                words = "ran out of time" if isinstance(end, Late) else "ended"
                words = "ran out of memory" if self._checker.overrun_bytes else words
                for task in list(open_tasks)[:1]:
                    self._give_up(task, f"the checker {words} at this task", open_tasks)
            self._end_checker()
            if time.monotonic() > deadline:
                break
        for task in list(open_tasks):
            self._give_up(task, "no time was left for this task", open_tasks)

    def _one_checker(self, checker: Sandbox, open_tasks: dict[str, float], deadline: float) -> None:
        checker.ready()
        checker.pipe.send({}, json.dumps(open_tasks).encode())
        while True:
            frame = checker.pipe.receive(deadline)
            header = frame.header
            self._replay_s = _seconds(header.get("replay_s")) or self._replay_s
            if "ask" in header:
                checker.pipe.send(*self._relay(frame, next(iter(open_tasks), "")))
            elif "verdict" in header:
                verdict = _verdict(frame, open_tasks)
                self._report.verdicts[verdict.task] = verdict
                del open_tasks[verdict.task]
            elif "failed" in header:
                self._give_up(str(header["failed"]), frame.body.decode(errors="replace"), open_tasks)
            else:
                return

    def _relay(self, frame: Frame, task: str) -> Reply:
        header = frame.header
        frozen = self._student.at(self._job.places.get(task, len(self._job.cells)))
        if frozen is None:
            return {"gone": True}, b""
        match header["ask"]:
            case "value":
                return frozen.value(str(header.get("name")))
            case "open":
                number = frozen.open()
                return ({"gone": True}, b"") if number is None else ({"branch": number}, b"")
            case "call":
                timeout_s = _seconds(header.get("timeout_s")) or self._limits.call_s
                return frozen.call(header.get("branch"), str(header.get("name")), frame.body, timeout_s)
            case _:
                frozen.end(header.get("branch"))
                return {"ok": True}, b""

    def _give_up(self, task: str, detail: str, open_tasks: dict[str, float]) -> None:
        if task not in open_tasks:
            raise Garbled("a verdict for no task")
        max_score = float(open_tasks.pop(task))
        words = "This task could not be checked. It is not marked as wrong: your instructor has been told."
        self._report.verdicts[task] = Verdict(task, 0.0, max_score, "could not be checked", words)
        self._report.incidents.append(Incident("check failed", task, detail))

    def _start_student(self) -> Sandbox:
        with _open(packing.pack(self._job.bundle)) as bundle:
            return self._parents["student"].fork({"bundle": bundle}, self._watch)

    def _start_checker(self) -> Sandbox:
        with _open(_in_memory(self._job.truth)) as truth:
            return self._parents["checker"].fork({"truth": truth}, self._watch)

    def _end_checker(self) -> None:
        if self._checker is not None:
            self._checker.close()
            self._cpu["checker"] += max(self._checker.cpu_s, self._replay_s)  # one that died told the latter alone
            self._cpu["replay"] += self._replay_s
            self._replay_s = 0.0
            self._checker = None

    def _watch(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_S
        for sandbox in (self._student.sandbox, self._checker):
            if sandbox is not None:
                sandbox.watch()


@contextmanager
def _open(number: int) -> Iterator[int]:
    try:
        yield number
    finally:
        os.close(number)


def _in_memory(data: bytes) -> int:
    number = os.memfd_create("truth", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _verdict(frame: Frame, open_tasks: Mapping[str, float]) -> Verdict:
    # the checker has decoded bytes that a student made: what it says is believed only within its form
    try:
        found: dict[str, Any] = json.loads(frame.body)
        task, score, status = found["task"], found["score"], found["status"]
        max_score = float(open_tasks[task])
        words = [str(found[name])[:_MAX_WORDS] for name in ("message", "practice_hint")]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Garbled("no verdict") from None
    if type(score) not in {int, float} or not math.isfinite(score) or not 0.0 <= score <= max_score:
        raise Garbled("no score")
    if status not in get_args(Status):
        raise Garbled("no status")
    return Verdict(task, float(score), max_score, status, *words)


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and math.isfinite(value) and value > 0:
        return float(value)
    return 0.0
