"""One job's process group, forked from a warm parent: watched, signalled, ended."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.errors import GraderError
from grader.isolation.job import Limits
from grader.isolation.kinds import MAX_BYTES
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.processes import cpu_s, descendants, is_zombie, private_bytes

_START_S = 60.0
_END_S = 10.0
_FREEING_S = 1.0  # what a killed process may take to give its memory back


class Sandbox:
    """A process group that can reach its control pipe and its own file tree, nothing else.

    Args:
        role: what runs inside: "student", "checker" or "probe".
        connection: this end of its pipe.
        user: holds the user that it runs as, until it has ended.
        limits: what the group may use.
        tick: called every 50 ms while something is awaited from it.
    """

    def __init__(
        self,
        role: str,
        connection: socket.socket,
        user: socket.socket,
        limits: Limits,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.role, self._limits, self._user = role, limits, user
        self.pipe = Pipe(connection, max_body=_max_body(role, limits), tick=tick, identify=True)
        self.pid = 0
        self.cpu_s = 0.0
        self.expendable: set[int] = set()  # forks that are ended before the whole group is
        self.kept: set[int] = set()  # copies of the main process that stay until the end
        self.ended_others = 0
        self.overrun_bytes = 0  # what it held when it was ended for its memory
        self._patient_until = 0.0
        self._first = 0
        self._pidfd = self._first_pidfd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> Frame:
        """Wait until it has locked itself in.

        Raises:
            GraderError: its walls could not be built here.
            Closed: it ended before; perhaps with its parent.
        """
        deadline = time.monotonic() + _START_S
        try:
            frame = self.pipe.receive(deadline)
            if "refused" in frame.header:
                raise GraderError(
                    f"sandbox of the {self.role}",
                    f"it did not start ({frame.header['refused']})",
                    then="Run `practicum doctor` to see what this machine lacks.",
                )
            self._first = self.pid = frame.sender_pid
            self._first_pidfd, self._pidfd = os.pidfd_open(self.pid), os.pidfd_open(self.pid)
        except (Late, Garbled, ProcessLookupError):
            raise Closed from None
        return frame

    def watch(self) -> None:
        """Look after the group once: one that uses more memory than it may is ended, a fork of it first."""
        if not self._first:
            return
        group = [self._first, *descendants(self._first)]
        used = private_bytes(group, self._limits.memory_bytes)
        if used <= self._limits.memory_bytes:
            return
        if self.expendable & set(group):
            for pid in (*self.expendable, *self.others()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.expendable.clear()
            self._patient_until = time.monotonic() + _FREEING_S
        elif time.monotonic() > self._patient_until:
            self.overrun_bytes = used
            self.kill()

    def used_s(self) -> float:
        """Processor seconds of all its processes so far."""
        return cpu_s([self._first, *descendants(self._first)])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process inside."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def follow(self, pid: int) -> bool:
        """Take ``pid`` for the main process, if it is that or a fork of it; whether it has a single thread."""
        if pid != self.pid:
            if pid not in descendants(self.pid):
                return False
            self.signal(signal.SIGSTOP)  # all others end with the first one, so it stays
            os.close(self._pidfd)
            self.pid, self._pidfd = pid, os.pidfd_open(pid)
        return len(list(Path(f"/proc/{pid}/task").iterdir())) == 1

    def others(self) -> list[int]:
        """Processes of the group but the first, its main one and the copies of it that stay."""
        stay = {self.pid, *self.kept}
        return [pid for pid in descendants(self._first) if pid not in stay and not is_zombie(pid)]

    def end_others(self) -> bool:
        """End all of :meth:`others`; whether none is left."""
        deadline, wait_s, told = time.monotonic() + _END_S, 0.001, set[int]()
        while others := self.others():
            if time.monotonic() > deadline:
                return False
            fresh = [pid for pid in others if pid not in told]
            self.ended_others += len(fresh)
            self.cpu_s += cpu_s(fresh)
            told.update(fresh)
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, 0.05)
        self.expendable.clear()
        return True

    def kill(self) -> None:
        """End every process in it: the first takes all others of its namespace along, where it has one."""
        for pid in self.others():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._first_pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first_pidfd, signal.SIGKILL)

    def close(self) -> None:
        """End it, collect what it used, and wait until nothing of it is left."""
        if self._first_pidfd >= 0:
            self.cpu_s += cpu_s([self._first, *descendants(self._first)])
            self.kill()
            ended = select.poll()
            ended.register(self._first_pidfd, select.POLLIN)
            ended.poll(_END_S * 1000)
        self.pipe.close()
        self._user.close()
        for name in ("_pidfd", "_first_pidfd"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)
        self._first = 0


def _max_body(role: str, limits: Limits) -> int:
    # a cell's outputs as JSON: a character outside ASCII takes up to twelve bytes
    return 12 * limits.output_bytes + (1 << 20) if role == "student" else MAX_BYTES + (1 << 20)
