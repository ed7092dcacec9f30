"""A student's sandbox as the controller drives it: cells first, then answers from forks of the frozen process.

A fork forgets what a call did to variables, caches and iterators. What it does not undo is a channel that a student
lays on purpose before the freeze (a scratch file, shared memory): code can then know an earlier hidden input of the
same run. Nothing of it leaves the sandbox but the values that the checker asks for, so checks draw their hidden
inputs independently, and no message quotes what a call returned.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from grader.isolation.job import Cell, Incident, Limits
from grader.isolation.outputs import rebuild, stopped
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.processes import cpu_s, descendants
from grader.isolation.sandbox import Sandbox
from grader.isolation.serving import Reply

_GRACE_S = 3.0
_FORK_S = 10.0
_GONE: Reply = ({"gone": True}, b"")
_WALL_PER_CPU = 4.0  # on a busy machine a call may wait its turn that long


class _CellLost(Exception):  # noqa: N818 - the finding
    def __init__(self, incident: Incident, name: str, words: str) -> None:
        self.incident, self.name, self.words = incident, name, words
        super().__init__(words)


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
class Student:
    """One student's notebook: run, frozen, asked.

    Args:
        start: starts a fresh sandbox of the student.
        cells: the notebook.
        limits: what it may use.
        tick: called while waiting; watches every sandbox of the run.
    """

    start: Callable[[], Sandbox]
    cells: Sequence[Cell]
    limits: Limits
    tick: Callable[[], None]
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    cpu_s: float = 0.0
    sandbox: Sandbox | None = None

    def __post_init__(self) -> None:
        self._left_out: set[str] = set()
        self._deadline = 0.0
        self._branches: dict[int, _Branch] = {}
        self._next_branch = 0
        self._reader: _Branch | None = None
        self._frozen = False

    def run(self) -> None:
        """Run all cells, freeze the process; a cell that ends it is left out and the others run again."""
        begun = time.monotonic()
        for repeat in range(self.limits.repeats + 1):
            # a run that was lost has used up time: the next gets a little more, so that the honest cells can finish
            self._deadline = begun + self.limits.run_s * (1 + repeat / 4)
            try:
                self._run_once()
            except _CellLost as lost:
                self.close()
                self.incidents.append(lost.incident)
                self.outputs[lost.incident.where] = stopped(lost.name, lost.words)
                self._left_out.add(lost.incident.where)
            else:
                self._seal()
                return
        self.incidents.append(Incident("notebook given up", "", f"ended {self.limits.repeats + 1} times; no answers"))

    def close(self) -> None:
        """End the sandbox; asked again, it has no answers."""
        self._close_reader()
        for branch in self._branches.values():
            self._close_branch(branch)
        self._branches, self._frozen = {}, False
        if self.sandbox is not None:
            self.sandbox.close()
            self.cpu_s += self.sandbox.cpu_s
            self.sandbox = None

    def _run_once(self) -> None:
        self.sandbox = self.start()
        self.sandbox.ready()
        for cell in self.cells:
            if cell.id in self._left_out:
                continue
            if time.monotonic() < self._deadline:
                self._run_cell(self.sandbox, cell)
            else:
                words = f"not run: the cells before it took the {self.limits.run_s:g} s that a notebook has"
                self.outputs[cell.id] = stopped("RunTimeout", words)
                self._note(Incident("cell not run", cell.id, words))

    def _note(self, incident: Incident) -> None:
        if not any((known.kind, known.where) == (incident.kind, incident.where) for known in self.incidents):
            self.incidents.append(incident)

    def _run_cell(self, sandbox: Sandbox, cell: Cell) -> None:
        try:
            sandbox.pipe.send({"do": "run", "cell": cell.id}, cell.source.encode("utf-8", "replace"))
            frame = self._cell_result(sandbox, cell)
        except (Closed, Garbled):
            if sandbox.overrun_bytes:
                words = _memory_words(sandbox, self.limits)
                raise _lost("memory", cell, "MemoryLimit", words) from None
            raise _lost("cell ended the process", cell, "ProcessEnded", "the cell ended its process") from None
        except Late:
            words = f"did not end within {self.limits.cell_s:g} s, nor when interrupted"
            raise _lost("cell timed out", cell, "CellTimeout", words) from None
        self.outputs[cell.id] = rebuild(frame.body)
        if frame.header.get("cut"):
            self._note(Incident("output cut", cell.id, "showed more than is kept"))

    def _cell_result(self, sandbox: Sandbox, cell: Cell) -> Frame:
        deadline = min(time.monotonic() + self.limits.cell_s, self._deadline)
        try:
            return self._cell_frame(sandbox, cell, deadline)
        except Late:
            pass
        # one interrupt, and time to write its traceback; a second for what swallowed the first; then the end
        sandbox.signal(signal.SIGINT)
        try:
            frame = self._cell_frame(sandbox, cell, time.monotonic() + _GRACE_S)
        except Late:
            sandbox.signal(signal.SIGINT)
            frame = self._cell_frame(sandbox, cell, time.monotonic() + _GRACE_S / 2)
        self._note(Incident("cell timed out", cell.id, f"interrupted after {self.limits.cell_s:g} s"))
        return frame

    @staticmethod
    def _cell_frame(sandbox: Sandbox, cell: Cell, deadline: float) -> Frame:
        frame = sandbox.pipe.receive(deadline)
        if frame.header.get("cell") != cell.id:
            raise Garbled("another cell")
        return frame

    def _seal(self) -> None:
        sandbox = self.sandbox
        if sandbox is None:
            return
        try:
            sandbox.pipe.send({"do": "seal"})
            sealed = sandbox.pipe.receive(time.monotonic() + _GRACE_S)
            at_rest = sealed.header.get("sealed") is True and sandbox.follow(sealed.sender_pid)
            at_rest = at_rest and sandbox.end_others()
        except (Closed, Garbled, Late):
            at_rest = False
        if not at_rest:
            self.incidents.append(Incident("notebook given up", "", "its process did not come to rest; no answers"))
            self.close()
            return
        if sandbox.ended_others:
            detail = f"{sandbox.ended_others} processes were still running after the last cell and were ended"
            self.incidents.append(Incident("leftover process", "", detail))
        sandbox.signal(signal.SIGSTOP)
        self._frozen = True

    def value(self, name: str) -> Reply:
        """What ``name`` holds, packed; read in a fork that never saw a hidden input."""
        if self._reader is None:
            self._reader = self._fork()
        if self._reader is None:
            return _GONE
        reply = self._request(self._reader, {"ask": "value", "name": name}, b"", self.limits.call_s * 2)
        if self._reader.failed:
            self._reader = None
            return ({"no_value": "too large"}, b"") if self._frozen else _GONE
        return reply

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
        if branch is None or not self._frozen:
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
                if self.sandbox is not None:
                    self.sandbox.end_others()

    def _fork(self) -> _Branch | None:
        sandbox = self.sandbox
        if sandbox is None or not self._frozen:
            return None
        ours, theirs = socket.socketpair()
        pipe = Pipe(ours, tick=self.tick, identify=True)
        sandbox.signal(signal.SIGCONT)
        try:
            with theirs:
                sandbox.pipe.send({"do": "branch"}, files=[theirs.fileno()])
            pid = pipe.receive(time.monotonic() + _FORK_S).sender_pid
            pidfd = os.pidfd_open(pid)
        except (Closed, Garbled, Late, OSError):
            pid, pidfd = 0, -1
        # the kernel names the sender: an answer must come from a new process, not from the frozen one
        if pid in {0, sandbox.pid} or pid in {branch.pid for branch in self._branches.values()}:
            pipe.close()
            self.incidents.append(Incident("answers lost", "", "the frozen process did not fork"))
            self.close()
            return None
        sandbox.signal(signal.SIGSTOP)
        sandbox.expendable.add(pid)
        return _Branch(pipe, pid, pidfd)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._close_branch(self._reader)
            self._reader = None

    def _close_branch(self, branch: _Branch) -> None:
        if self.sandbox is not None and branch.pidfd >= 0:
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
            if self.sandbox is not None and self.sandbox.overrun_bytes:
                self.incidents.append(Incident("memory", "", "a hidden call filled the memory; no answers after it"))
                self._frozen = False
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


def _memory_words(sandbox: Sandbox, limits: Limits) -> str:
    used, most = sandbox.overrun_bytes >> 20, limits.memory_bytes >> 20
    return f"held {used:,} MiB of memory; all processes of a notebook together may hold {most:,} MiB"


def _tree_cpu_s(pid: int) -> float:
    return cpu_s([pid, *descendants(pid)])


def _lost(kind: str, cell: Cell, name: str, words: str) -> _CellLost:
    return _CellLost(Incident(kind, cell.id, f"{words}; left out, the other cells ran again"), name, words)
