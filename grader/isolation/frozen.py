"""A student's process at rest, as the controller asks it: values and calls, in forks that are forgotten.

A fork forgets what a call did to variables, caches and iterators. What it does not undo is a channel that a student
lays on purpose before the freeze (a scratch file, shared memory): code can then know an earlier hidden input of the
same run. Nothing of it leaves the sandbox but the values that the checker asks for, so checks draw their hidden
inputs independently, and no message quotes what a call returned.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from grader.isolation.job import Incident, Limits
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.processes import cpu_s, descendants
from grader.isolation.sandbox import Sandbox
from grader.isolation.serving import Reply

_GRACE_S = 3.0
_FORK_S = 10.0
_GLANCE_S = 2.0
_GONE: Reply = ({"gone": True}, b"")
_WALL_PER_CPU = 4.0  # on a busy machine a call may wait its turn that long


@dataclass
class _Branch:
    pipe: Pipe
    pid: int
    pidfd: int
    failed: str = ""

    def close(self) -> None:
        self.pipe.close()
        if self.pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            os.close(self.pidfd)
            self.pidfd = -1


@dataclass
class Frozen:
    """One process that runs no cell any more, stopped but for the moments in which it forks or is looked at.

    Args:
        sandbox: its group.
        pipe: the connection to it.
        pid: the process.
        limits: what a call may use.
        tick: called while waiting; watches every sandbox of the run.
        incidents: of the run; added to.
    """

    sandbox: Sandbox
    pipe: Pipe
    pid: int
    limits: Limits
    tick: Callable[[], None]
    incidents: list[Incident]
    _branches: dict[int, _Branch] = field(default_factory=dict)
    _next_branch: int = 0
    _reader: _Branch | None = None
    _at_rest: bool = True

    def __post_init__(self) -> None:
        self._pidfd = os.pidfd_open(self.pid)
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        """Ask it no more; it ends with its sandbox."""
        self._close_reader()
        for branch in self._branches.values():
            self._close_branch(branch)
        self._branches, self._at_rest = {}, False
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def value(self, name: str) -> Reply:
        """What ``name`` holds, packed; read where no hidden input was ever seen."""
        glance = self._glance(name)
        if glance is not None:
            return glance
        if self._reader is None:
            self._reader = self._fork()
        if self._reader is None:
            return _GONE
        reply = self._request(self._reader, {"ask": "value", "name": name}, b"", self.limits.call_s * 2)
        if self._reader.failed:
            self._reader = None
            return ({"no_value": "too large"}, b"") if self._at_rest else _GONE
        return reply

    def _glance(self, name: str) -> Reply | None:
        """A small plain value, from the process itself; none where a fork has to be asked."""
        if not self._at_rest:
            return _GONE
        self._signal(signal.SIGCONT)
        try:
            self.pipe.send({"do": "glance", "name": name})
            reply = self.pipe.receive(time.monotonic() + _GLANCE_S)
        except (Closed, Garbled, Late):
            return self._lose("the frozen process did not answer")
        self._signal(signal.SIGSTOP)
        if reply.sender_pid != self.pid:
            return self._lose("another process answered for the frozen one")
        return None if reply.header.get("ask_a_fork") else _plain_reply(reply)

    def _lose(self, words: str) -> Reply:
        self.incidents.append(Incident("answers lost", "", words))
        self.close()
        return _GONE

    def open(self) -> int | None:
        """A fresh fork for one hidden run; its number, or nothing if the process is gone."""
        self._close_reader()
        branch = self._fork()
        if branch is None:
            return None
        self._next_branch += 1
        self._branches[self._next_branch] = branch
        return self._next_branch

    def call(self, number: object, name: str, arguments: bytes, timeout_s: float) -> Reply:
        """What the student's function returns, packed, or the class of its failure."""
        branch = self._branches.get(number) if isinstance(number, int) else None
        if branch is None or not self._at_rest:
            return _GONE
        if branch.failed:
            return {"failed": branch.failed}, b""
        return self._request(branch, {"ask": "call", "name": name}, arguments, min(timeout_s, self.limits.call_s))

    def end(self, number: object) -> None:
        """Forget a fork and whatever it started."""
        branch = self._branches.pop(number, None) if isinstance(number, int) else None
        if branch is not None:
            self._close_branch(branch)
            if not self._branches:
                self._close_reader()
                self.sandbox.end_others()

    def _fork(self) -> _Branch | None:
        if not self._at_rest:
            return None
        ours, theirs = socket.socketpair()
        pipe = Pipe(ours, tick=self.tick, identify=True)
        self._signal(signal.SIGCONT)
        try:
            with theirs:
                self.pipe.send({"do": "branch"}, files=[theirs.fileno()])
            pid = pipe.receive(time.monotonic() + _FORK_S).sender_pid
            pidfd = os.pidfd_open(pid)
        except (Closed, Garbled, Late, OSError):
            pid, pidfd = 0, -1
        # the kernel names the sender: an answer must come from a new process, not from a frozen one
        if pid in {0, self.pid, *self.sandbox.kept} or pid in {branch.pid for branch in self._branches.values()}:
            pipe.close()
            self._lose("the frozen process did not fork")
            return None
        self._signal(signal.SIGSTOP)
        self.sandbox.expendable.add(pid)
        return _Branch(pipe, pid, pidfd)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._close_branch(self._reader)
            self._reader = None

    def _close_branch(self, branch: _Branch) -> None:
        if branch.pidfd >= 0:
            self.sandbox.cpu_s += _tree_cpu_s(branch.pid)
        branch.close()

    def _request(self, branch: _Branch, header: dict[str, Any], body: bytes, timeout_s: float) -> Reply:
        begun, used_s = time.monotonic(), _tree_cpu_s(branch.pid)
        interrupted = False
        deadline = begun + timeout_s
        try:
            branch.pipe.send(header, body)
            while True:
                try:
                    reply = branch.pipe.receive(deadline)
                except Late:
                    now = time.monotonic()
                    starved = _tree_cpu_s(branch.pid) - used_s < 0.8 * timeout_s
                    if starved and not interrupted and now < begun + _WALL_PER_CPU * timeout_s:
                        deadline = now + timeout_s / 4
                    elif now < begun + _WALL_PER_CPU * timeout_s + _GRACE_S and not interrupted:
                        interrupted = True
                        signal.pidfd_send_signal(branch.pidfd, signal.SIGINT)
                        deadline = now + min(_GRACE_S, max(0.5, timeout_s))
                    else:
                        raise
                else:
                    return ({"failed": "timed out"}, b"") if interrupted else _plain_reply(reply)
        except Late:
            branch.failed = "timed out"
        except (Closed, Garbled, ProcessLookupError):
            branch.failed = "died"
            if self.sandbox.overrun_bytes:
                self.incidents.append(Incident("memory", "", "a hidden call filled the memory; no answers after it"))
                self._at_rest = False
        self._close_branch(branch)
        return {"failed": branch.failed}, b""


def _plain_reply(reply: Frame) -> Reply:
    """The reply within its form: a packed value, or one word for why there is none."""
    header = reply.header
    if header.get("ok") is True:
        return {"ok": True}, reply.body
    for name in ("no_value", "failed"):
        if isinstance(header.get(name), str):
            return {name: header[name][:20]}, b""
    return {"missing": True}, b""


def _tree_cpu_s(pid: int) -> float:
    return cpu_s([pid, *descendants(pid)])
