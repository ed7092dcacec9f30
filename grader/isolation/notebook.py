"""A student's notebook as the controller runs it: cell by cell, with places at which a copy of the process stays."""

import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from grader.isolation.frozen import Frozen
from grader.isolation.job import Cell, Incident, Limits
from grader.isolation.outputs import rebuild, stopped
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.processes import idle_s
from grader.isolation.sandbox import Sandbox

_GRACE_S = 3.0
_SNAPSHOT_S = 10.0
_SHORT_S = 1.0
_IDLE_SHARE = 0.2  # of one processor: with less to spare, the machine is busy
_MOST_WAITING = 0.5


class _CellLost(Exception):  # noqa: N818 - the finding
    def __init__(self, incident: Incident, name: str, words: str) -> None:
        self.incident, self.name, self.words = incident, name, words
        super().__init__(words)


class _Turn:
    """How long a cell takes, without what it waits for a processor on a busy machine, which counts half at least."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._began = sandbox, time.monotonic()
        self._since: tuple[float, float, float] | None = None

    def own_s(self) -> float:
        wall_s = time.monotonic() - self._began
        if wall_s < _SHORT_S:  # most cells: they cost no look at the machine
            return wall_s
        if self._since is None:
            self._since = wall_s, idle_s(), self._sandbox.used_s()
        at_s, idle, used = self._since
        long_s = wall_s - at_s
        if idle_s() - idle > _IDLE_SHARE * long_s:
            return wall_s
        return at_s + min(long_s, max(self._sandbox.used_s() - used, _MOST_WAITING * long_s))


@dataclass
class Student:
    """One student's notebook: run, frozen, asked.

    Args:
        start: starts a fresh sandbox of the student.
        cells: the notebook.
        places: numbers of cells after which a snapshot is taken.
        limits: what it may use.
        tick: called while waiting; watches every sandbox of the run.
    """

    start: Callable[[], Sandbox]
    cells: Sequence[Cell]
    places: frozenset[int]
    limits: Limits
    tick: Callable[[], None]
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    cpu_s: float = 0.0
    sandbox: Sandbox | None = None

    def __post_init__(self) -> None:
        self._left_out: set[str] = set()
        self._allowed_s = self._spent_s = 0.0
        self._interrupted: dict[str, float] = {}
        self._snapshots: dict[int, Frozen] = {}
        self._end: Frozen | None = None

    def at(self, place: int) -> Frozen | None:
        """The process as it was after ``place`` cells, else as it was at the end; none if it is gone."""
        return self._snapshots.get(place, self._end)

    def run(self) -> None:
        """Run all cells, freeze the process; a cell that ends it is left out and the others run again."""
        for repeat in range(self.limits.repeats + 1):
            # a run that was lost has used up time: the next gets a little more, so that the honest cells can finish
            self._allowed_s = self.limits.run_s * (1 + repeat / 4)
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
        for frozen in self._snapshots.values():
            frozen.close()
            frozen.pipe.close()
        if self._end is not None:
            self._end.close()
        self._snapshots, self._end = {}, None
        if self.sandbox is not None:
            self.sandbox.close()
            self.cpu_s += self.sandbox.cpu_s
            self.sandbox = None

    def _run_once(self) -> None:
        self.sandbox = self.start()
        self.sandbox.ready()
        for place, cell in enumerate(self.cells):
            if place in self.places:
                self._snapshot(self.sandbox, place)
            if cell.id in self._left_out:
                continue
            if self._spent_s < self._allowed_s:
                self._run_cell(self.sandbox, cell)
            else:
                words = f"not run: the cells before it took the {self.limits.run_s:g} s that a notebook has"
                self.outputs[cell.id] = stopped("RunTimeout", words)
                self._note(Incident("cell not run", cell.id, words))

    def _snapshot(self, sandbox: Sandbox, place: int) -> None:
        ours, theirs = socket.socketpair()
        pipe = Pipe(ours, tick=self.tick, identify=True)
        try:
            with theirs:
                sandbox.pipe.send({"do": "snapshot"}, files=[theirs.fileno()])
            pid = pipe.receive(time.monotonic() + _SNAPSHOT_S).sender_pid
            if pid == sandbox.pid or pid in sandbox.kept:
                raise Garbled("no fork")  # noqa: TRY301 - handled as what came from elsewhere
            self._snapshots[place] = Frozen(sandbox, pipe, pid, self.limits, self.tick, self.incidents)
            sandbox.kept.add(pid)
        except (Closed, Garbled, Late, ProcessLookupError):
            pipe.close()
            words = f"no copy of the notebook could be kept after {place} cells: what is looked at there is the end"
            self._note(Incident("answers lost", "", words))

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
        outputs = rebuild(frame.body)
        if cell.id in self._interrupted:
            words = f"[stopped after {self._interrupted[cell.id]:.0f} s: a cell may take {self.limits.cell_s:g} s, "
            words += f"a notebook {self.limits.run_s:g} s]\n"
            outputs.insert(max(len(outputs) - 1, 0), {"output_type": "stream", "name": "stderr", "text": words})
        outputs += _limit_met(outputs, self.limits)
        self.outputs[cell.id] = outputs
        shown_bytes = frame.header.get("shown_bytes")
        if type(shown_bytes) is int:
            kept = self.limits.output_bytes >> 10
            self._note(Incident("output cut", cell.id, f"showed {shown_bytes >> 10:,} KiB; {kept:,} KiB are kept"))

    def _cell_result(self, sandbox: Sandbox, cell: Cell) -> Frame:
        turn, most_s = _Turn(sandbox), min(self.limits.cell_s, self._allowed_s - self._spent_s)
        try:
            while (left_s := most_s - turn.own_s()) > 0:
                with suppress(Late):
                    return self._cell_frame(sandbox, cell, time.monotonic() + min(left_s, _SHORT_S))
            self._interrupted[cell.id] = turn.own_s()
        finally:
            self._spent_s += turn.own_s()
        # one interrupt, and time to write its traceback; a second for what swallowed the first; then the end
        sandbox.signal(signal.SIGINT)
        try:
            frame = self._cell_frame(sandbox, cell, time.monotonic() + _GRACE_S)
        except Late:
            sandbox.signal(signal.SIGINT)
            frame = self._cell_frame(sandbox, cell, time.monotonic() + _GRACE_S / 2)
        self._note(Incident("cell timed out", cell.id, f"interrupted after {self._interrupted[cell.id]:.1f} s"))
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
        self._end = Frozen(sandbox, sandbox.pipe, sandbox.pid, self.limits, self.tick, self.incidents)


def _limit_met(outputs: Sequence[dict[str, Any]], limits: Limits) -> list[dict[str, Any]]:
    """A sentence for a cell whose error is what a limit looks like from within."""
    last = outputs[-1] if outputs and outputs[-1]["output_type"] == "error" else {"ename": "", "evalue": ""}
    scratch, one = limits.scratch_bytes >> 20, limits.file_bytes >> 20
    known = {
        "[Errno 28]": f"all files in one folder together may hold {scratch:,} MiB, and be {limits.scratch_files:,}",
        "[Errno 27]": f"one file may hold {one:,} MiB",
        "[Errno 11]": f"a notebook may have {limits.processes} processes and threads at once",
        "can't start new thread": f"a notebook may have {limits.processes} processes and threads at once",
        "[Errno 24]": f"a process may have {limits.open_files} open files",
    }
    words = next((words for mark, words in known.items() if last["evalue"].startswith(mark)), "")
    if last["ename"] == "MemoryError":
        words = f"one process may use {limits.address_bytes >> 20:,} MiB of address space"
    return [{"output_type": "stream", "name": "stderr", "text": f"[{words}]\n"}] if words else []


def _memory_words(sandbox: Sandbox, limits: Limits) -> str:
    used, most = sandbox.overrun_bytes >> 20, limits.memory_bytes >> 20
    return f"held {used:,} MiB of memory; all processes of a notebook together may hold {most:,} MiB"


def _lost(kind: str, cell: Cell, name: str, words: str) -> _CellLost:
    return _CellLost(Incident(kind, cell.id, f"{words}; left out, the other cells ran again"), name, words)
