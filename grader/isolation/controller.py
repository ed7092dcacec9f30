"""One grading run: starts both sandboxes, carries frames between them, keeps the limits; sees no value itself."""

import json
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from errno import EDQUOT, ENOSPC
from typing import Any, Protocol, get_args

from grader.checks.verdict import Status, Verdict
from grader.errors import GraderError
from grader.isolation.frozen import Student
from grader.isolation.job import Incident, Limits, Report, Whole
from grader.isolation.pipe import Closed, Frame, Garbled, Late
from grader.isolation.sandbox import Sandbox
from grader.isolation.serving import Reply
from grader.isolation.staging import Staging
from grader.isolation.tiers import tier
from grader.isolation.view import checker_view, lab_inside, student_view

_MAX_WORDS = 4_000
_CHECKER_STARTS = 3


class _Answerer(Protocol):
    def value(self, name: str) -> Reply: ...
    def open(self) -> int | None: ...
    def call(self, number: object, name: str, arguments: bytes, timeout_s: float) -> Reply: ...
    def end(self, number: object) -> None: ...


def grade(job: Whole, limits: Limits | None = None) -> Report:
    """Run a submission's cells in one sandbox and the lab's checks in another.

    Args:
        job: the submission.
        limits: what it may use; the defaults suit a lab of an hour.

    Returns:
        Outputs, one verdict for each task, and what the instructor should know.

    Raises:
        GraderError: nothing can be graded here: no sandbox works, a folder is missing, the answer key does not
            load, or the disk is full. Never for anything that a submission does.
    """
    limits = limits or Limits()
    begun = time.monotonic()
    report = Report(tier=tier().name)
    try:
        with ExitStack() as stack:
            staging = stack.enter_context(Staging())
            run = _Run(job, limits, report, staging)
            stack.callback(run.close)
            run.student.run()
            run.judge(run.student)
    except OSError as error:
        if error.errno not in {ENOSPC, EDQUOT}:
            raise
        then = "Free some space, or point TMPDIR at another disk, and grade again: what is finished is kept."
        raise GraderError("grading", "the disk is full", then=then) from None
    report.wall_s = time.monotonic() - begun
    return report


class _Run:
    def __init__(self, job: Whole, limits: Limits, report: Report, staging: Staging) -> None:
        self._job, self._limits, self._report = job, limits, report
        staged = staging.stage(job)
        self._staged = staged
        self._lab = lab_inside(staged.lab)
        self._checker: Sandbox | None = self._start_checker()
        self.student = Student(self._start_student, job.cells, limits, self._watch)
        self._cpu = {"checker": 0.0, "replay": 0.0}
        self._replay_s = 0.0

    def close(self) -> None:
        self.student.close()
        self._end_checker()
        self._report.outputs.update({cell.id: self.student.outputs.get(cell.id, []) for cell in self._job.cells})
        self._report.incidents[:0] = self.student.incidents
        self._report.cpu_s = {"student": self.student.cpu_s, **self._cpu}

    def judge(self, answerer: _Answerer) -> None:
        """Collect a verdict for every task; a checker that dies costs the task it was at."""
        open_tasks = dict(self._job.points)
        deadline = time.monotonic() + self._limits.check_s
        for _ in range(_CHECKER_STARTS):
            if not open_tasks:
                return
            if self._checker is None:
                self._checker = self._start_checker()
            try:
                self._one_checker(self._checker, answerer, open_tasks, deadline)
            except (Closed, Garbled, Late) as end:
                words = "ran out of time" if isinstance(end, Late) else "ended"
                words = "ran out of memory" if self._checker.overrun else words
                for task in list(open_tasks)[:1]:
                    self._give_up(task, f"the checker {words} at this task", open_tasks)
            self._end_checker()
            if time.monotonic() > deadline:
                break
        for task in list(open_tasks):
            self._give_up(task, "no time was left for this task", open_tasks)

    def _one_checker(
        self, checker: Sandbox, answerer: _Answerer, open_tasks: dict[str, float], deadline: float
    ) -> None:
        checker.ready()
        checker.pipe.send({"lab": str(self._lab)}, json.dumps(open_tasks).encode())
        while True:
            frame = checker.pipe.receive(deadline)
            header = frame.header
            self._replay_s = _seconds(header.get("replay_s")) or self._replay_s
            if "ask" in header:
                checker.pipe.send(*_relay(answerer, frame, self._limits))
            elif "verdict" in header:
                verdict = _verdict(frame, open_tasks)
                self._report.verdicts[verdict.task] = verdict
                del open_tasks[verdict.task]
            elif "failed" in header:
                self._give_up(str(header["failed"]), frame.body.decode(errors="replace"), open_tasks)
            elif "broken" in header:
                last = frame.body.decode(errors="replace").strip().splitlines()[-1:]
                raise GraderError(
                    str(self._job.lab / "key.py"),
                    f"the answer key does not load ({' '.join(last)})",
                    then="Mend it, run `practicum lab verify`, then grade again: no submission has lost anything.",
                )
            else:
                return

    def _give_up(self, task: str, detail: str, open_tasks: dict[str, float]) -> None:
        if task not in open_tasks:
            raise Garbled("a verdict for no task")
        max_score = float(open_tasks.pop(task))
        words = "This task could not be checked. It is not marked as wrong: your instructor has been told."
        self._report.verdicts[task] = Verdict(task, 0.0, max_score, "could not be checked", words)
        self._report.incidents.append(Incident("check failed", task, detail))

    def _start_student(self) -> Sandbox:
        return Sandbox("student", student_view(self._staged), self._limits, self._report.tier, tick=self._watch)

    def _start_checker(self) -> Sandbox:
        tick = self._watch
        return Sandbox("checker", checker_view(self._staged), self._limits, self._report.tier, self._job.truth, tick)

    def _end_checker(self) -> None:
        if self._checker is not None:
            self._checker.close()
            self._cpu["checker"] += self._checker.cpu_s
            self._cpu["replay"] += self._replay_s
            self._replay_s = 0.0
            self._checker = None

    def _watch(self) -> None:
        for sandbox in (self.student.sandbox, self._checker):
            if sandbox is not None:
                sandbox.watch()


def _relay(answerer: _Answerer, frame: Frame, limits: Limits) -> Reply:
    header = frame.header
    match header["ask"]:
        case "value":
            return answerer.value(str(header.get("name")))
        case "open":
            number = answerer.open()
            return ({"gone": True}, b"") if number is None else ({"branch": number}, b"")
        case "call":
            timeout_s = _seconds(header.get("timeout_s")) or limits.call_s
            return answerer.call(header.get("branch"), str(header.get("name")), frame.body, timeout_s)
        case _:
            answerer.end(header.get("branch"))
            return {"ok": True}, b""


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
