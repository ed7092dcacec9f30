"""A warm parent: a process that has imported what a worker needs, and forks one child for each simulation.

numba and its kernels take more than a second to load, a fork a few milliseconds. Each process that runs simulations
has one parent of its own for each worker module. The parent has a single thread, holds no simulation, and ends when its
caller closes the socket between them or dies; its children serve one caller each and end with their own socket.

    caller ── control socket ──> python -m twin_sandbox.engines.workers.warm MODULE ── fork ──> child
       └────────────────────────── one socket a child ─────────────────────────────────────┘

MODULE has ``warm()``, called once in the parent, and ``serve_on(requests, answers)``, called in each child.
"""

import atexit
import contextlib
import errno
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

STARTS_WITHIN_S = 60.0
SIZE = 4096
"""Longest message on the control socket [bytes]."""


class Forked:
    """One child, with as much of `subprocess.Popen` as its caller needs."""

    def __init__(self, parent: "WarmParent", pid: int, end: socket.socket) -> None:
        self.parent, self.pid = parent, pid
        self.stdin, self.stdout = end, end.dup()

    @property
    def returncode(self) -> int | None:
        """As in Popen: None while it runs, minus the signal if one ended it."""
        return self.parent.statuses.get(self.pid)

    def poll(self) -> int | None:
        """Look whether it has ended."""
        self.parent.listen(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        until = time.monotonic() + (60.0 if timeout is None else timeout)
        while self.returncode is None and self.parent.listen(until - time.monotonic()):
            pass
        if self.returncode is None and self.parent.gone:  # nobody can tell any more
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.parent.statuses[self.pid] = -signal.SIGKILL
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 60.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class WarmParent:
    """The caller's side of a parent.

    Args:
        module: the worker's module.
        environment: of the parent and all its children.
    """

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        self.owner = os.getpid()
        self.statuses: dict[int, int] = {}
        self.gone = False
        self._lock = threading.Lock()
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", __name__, module],
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",  # nothing of the caller's folder is imported
                # One thread: a process with more must not fork.
                env={**environment, "OPENBLAS_NUM_THREADS": "1"},
            )
        atexit.register(self.close)

    def fork(self, folder: Path, console: int) -> Forked:
        """A child that works in ``folder`` and prints to the descriptor ``console``.

        Raises:
            OSError: the parent is gone; what it could not load is in the error's text.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            with contextlib.suppress(OSError):  # then its last words tell why
                socket.send_fds(self._control, [str(folder).encode()], [theirs.fileno(), console])
            heard = self._hear(STARTS_WITHIN_S)
            while "ended" in heard:
                heard = self._hear(STARTS_WITHIN_S)
        if "forked" not in heard:
            ours.close()
            raise OSError(errno.EPIPE, str(heard.get("failed", "its warm parent is gone")))
        return Forked(self, int(heard["forked"]), ours)

    def listen(self, seconds: float) -> bool:
        """Note who has ended; say whether anything was heard in this time."""
        with self._lock:
            return bool(self._hear(seconds))

    def _hear(self, seconds: float) -> dict[str, Any]:
        try:
            if not select.select([self._control], [], [], max(0.0, seconds))[0]:
                return {}
            said = self._control.recv(SIZE)
        except (OSError, ValueError):  # closed
            said = b""
        self.gone = self.gone or not said
        heard: dict[str, Any] = json.loads(said or b"{}")
        if "ended" in heard:
            self.statuses[heard["ended"]] = heard["code"]
        return heard

    def alive(self) -> bool:
        """Whether this process can still fork children of it."""
        return self.owner == os.getpid() and not self.gone and self._popen.poll() is None

    def close(self) -> None:
        """End the parent; its children end with their own sockets."""
        if self.owner != os.getpid():
            return
        self._control.close()
        try:
            self._popen.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


_PARENTS: dict[str, WarmParent] = {}
_ONE = threading.Lock()


def _forget_lock() -> None:
    """In a fork, whoever held the lock is not there to release it."""
    global _ONE  # noqa: PLW0603 - the lock is one for the process
    _ONE = threading.Lock()


os.register_at_fork(after_in_child=_forget_lock)


def warm_parent(module: str, environment: dict[str, str]) -> WarmParent:
    """This process's parent for a worker module, started when first asked for."""
    with _ONE:
        parent = _PARENTS.get(module)
        if parent is None or not parent.alive():
            parent = _PARENTS[module] = WarmParent(module, environment)
        return parent


def main() -> None:
    """Fork a child for each message on the control socket, and tell who has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the caller
    ends, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with socket.socket(fileno=os.dup(0)) as control:
        try:
            worker = importlib.import_module(sys.argv[1])
            worker.warm()
        except Exception as error:  # noqa: BLE001 - the caller is told, whatever it is
            control.send(json.dumps({"failed": f"{error}"[: SIZE // 4]}).encode())
            return
        gc.freeze()
        while True:
            watched: list[Any] = [control, ends]
            ready = select.select(watched, [], [])[0]
            if ends in ready:
                os.read(ends, SIZE)
            tell_ended(control)
            if control in ready:
                said, handed, _, _ = socket.recv_fds(control, SIZE, 2)
                if not said:
                    return
                fork(control, worker.serve_on, said.decode(), handed)


def tell_ended(control: socket.socket) -> None:
    """Tell the caller of every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with contextlib.suppress(OSError):
                control.send(json.dumps({"ended": ended[0], "code": os.waitstatus_to_exitcode(ended[1])}).encode())


def fork(
    control: socket.socket, serve_on: Callable[[IO[bytes], IO[bytes]], None], folder: str, handed: list[int]
) -> None:
    """Fork one child that serves on the socket handed over."""
    end, console = handed
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            control.close()
            signal.set_wakeup_fd(-1)
            os.chdir(folder)
            for descriptor in (1, 2):
                os.dup2(console, descriptor)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            with socket.socket(fileno=end) as caller, caller.makefile("rb") as asked, caller.makefile("wb") as answers:
                serve_on(asked, answers)
            code = 0
        except BaseException as error:  # noqa: BLE001 - the child's last words, for its caller
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - likewise
        finally:
            os._exit(code)
    os.close(end)
    os.close(console)
    control.send(json.dumps({"forked": pid}).encode())


if __name__ == "__main__":
    main()
