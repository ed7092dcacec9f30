"""The checker's process: the answer key and the truth, no student code; judges what comes through the pipe."""

import json
import os
import resource
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.checks.judge import judge_all
from grader.isolation import values
from grader.isolation.failures import CallFailed, Failure, Gone, Missing, Unreadable
from grader.isolation.kinds import ADVICE
from grader.isolation.pipe import Closed, Frame, Pipe
from grader.workshop.lab import load_key

if TYPE_CHECKING:
    from types import ModuleType

    from grader.isolation.parent import Job, Settings

_FAILURES: tuple[Failure, ...] = ("raised", "timed out", "died", "unreadable")


def warm(settings: "Settings") -> "ModuleType":
    """The lab's answer key, with all it imports."""
    return load_key(Path(settings.lab))


def main(key: "ModuleType", job: "Job") -> None:
    """Judge the tasks that the controller names, one verdict a frame."""
    pipe = job.pipe
    _silence()
    with suppress(Closed):
        pipe.send({"ready": True})
        with os.fdopen(job.truth, "rb") as file:
            truth = json.load(file)
        points: dict[str, float] = json.loads(pipe.receive().body)
        answers = PipedAnswers(pipe)
        for task, max_score in points.items():
            try:
                (verdict,) = judge_all(key, answers, truth, {task: max_score})
                told = json.dumps(verdict.as_json() | {"score": float(verdict.score)}).encode()
            except Exception:  # noqa: BLE001 - a check that fails must not take the other tasks along
                pipe.send({"failed": task, "replay_s": _replay_s()}, traceback.format_exc().encode()[-20_000:])
            else:
                pipe.send({"verdict": task, "replay_s": _replay_s()}, told)
        pipe.send({"done": True, "replay_s": _replay_s()})
        pipe.receive()  # the controller ends this process, when it has read what it used


class PipedAnswers:
    """Answers behind the controller; see :class:`grader.isolation.answers.Answers`.

    Args:
        pipe: the connection to the controller.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def value(self, name: str) -> object:
        """See :class:`grader.isolation.answers.Answers`."""
        return _value(name, self._ask({"ask": "value", "name": name}))

    @contextmanager
    def branch(self) -> Iterator["_PipedBranch"]:
        """See :class:`grader.isolation.answers.Answers`."""
        opened = self._ask({"ask": "open"}).header
        if "branch" not in opened:
            raise Gone(_GONE)
        try:
            yield _PipedBranch(self._pipe, opened["branch"])
        finally:
            self._ask({"ask": "close", "branch": opened["branch"]})

    def _ask(self, header: dict[str, Any]) -> Frame:
        self._pipe.send(header)
        return self._pipe.receive()


class _PipedBranch:
    def __init__(self, pipe: Pipe, number: int) -> None:
        self._pipe, self._number = pipe, number

    def call(self, name: str, *args: object, timeout_s: float | None = None) -> object:
        header = {"ask": "call", "branch": self._number, "name": name, "timeout_s": timeout_s}
        self._pipe.send(header, values.pack(args))
        reply = self._pipe.receive()
        try:
            return _value(name, reply)
        except values.Damaged:
            raise CallFailed(name, "unreadable") from None


_GONE = "Your notebook's process ended before this could be checked. Look for code that ends it or fills its memory."


def _value(name: str, reply: Frame) -> object:
    header = reply.header
    if header.get("gone"):
        raise Gone(_GONE)
    if header.get("missing"):
        raise Missing(name)
    if "no_value" in header:
        raise Unreadable(values.NoValue(str(header["no_value"])).advice(name))
    if "failed" in header:
        kind = header["failed"]
        raise CallFailed(name, kind if kind in _FAILURES else "raised")
    try:
        return values.unpack(reply.body)
    except values.Damaged:
        raise Unreadable(f"{name} {ADVICE['damaged']}.") from None


def _replay_s() -> float:
    # hidden twins run in worker processes of the checker's
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
