"""A warm parent: a process inside a sandbox that has loaded what a role needs, and forks one job after the other.

Called as ``python -m grader.isolation.parent SETTINGS`` with a JSON object of :class:`Settings`' fields, as process 1
of its namespace, so that its end is the end of every job. It runs no student's code and reads nothing of a job:
cells, values, truth and bundle go by descriptors that it hands on unread.
"""

import gc
import importlib
import json
import os
import random
import signal
import socket
import stat
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.isolation import enter, kernel
from grader.isolation.pipe import Closed, Frame, Garbled, Pipe


@dataclass(frozen=True)
class Settings:
    """What a parent is told.

    Args:
        role: module of this package: "student", "checker" or "probe"; it has ``warm(settings)`` and
            ``main(warmed, job)``.
        control: descriptor of the controller's socket.
        walls: fields of :class:`grader.isolation.enter.Walls`.
        output_bytes: output kept of one cell.
        modules: what to load, as ``module`` or ``module:name``.
        lab: the lab's folder as seen inside.
    """

    role: str
    control: int
    walls: dict[str, Any]
    output_bytes: int
    modules: tuple[str, ...] = ()
    lab: str = ""


@dataclass(frozen=True)
class Job:
    """What a fork has of its own.

    Args:
        pipe: the connection to the controller.
        truth: descriptor of the truth; -1 if there is none.
    """

    pipe: Pipe
    truth: int


def main() -> None:
    """Load, say so, then fork a job for each request until the controller hangs up."""
    settings = Settings(**json.loads(sys.argv[1]))
    control = Pipe(socket.socket(fileno=settings.control), takes_files=True)
    walls = enter.Walls(**settings.walls)
    if walls.sandboxed:
        kernel.keep_capabilities(kernel.ROOT_CAPABILITIES if os.getuid() == 0 else kernel.CAPABILITIES)
    role = importlib.import_module(f"grader.isolation.{settings.role}")
    try:
        warmed = role.warm(settings)
    except Exception:  # noqa: BLE001 - the lab's author must hear of anything the key raises
        control.send({"broken": True}, traceback.format_exc().encode()[-20_000:])
        return
    gc.collect()
    gc.freeze()  # what is loaded stays in pages that all jobs share
    kernel.use_large_pages()
    with suppress(Closed, Garbled):
        control.send({"ready": True, "threads": len(list(Path("/proc/self/task").iterdir()))})
        _Forks(walls, role.main, warmed, control).serve()


class _Forks:
    def __init__(self, walls: enter.Walls, work: Any, warmed: object, control: Pipe) -> None:  # noqa: ANN401 - a module's function
        self._walls, self._work, self._warmed, self._control = walls, work, warmed, control
        # PROJ and its like keep files open: closing them behind a library's back would mix up its data
        self._kept = {number for number in _open_files() if stat.S_ISREG(os.fstat(number).st_mode)}
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if walls.sandboxed else -1
        signal.signal(signal.SIGCHLD, _collect)

    def serve(self) -> None:
        while True:
            frame = self._control.receive()
            try:
                self._fork(frame)
            except OSError as error:
                Pipe(socket.socket(fileno=os.dup(frame.files[0]))).send({"refused": str(error)})
            for number in frame.files:
                os.close(number)

    def _fork(self, frame: Frame) -> None:
        if not self._walls.sandboxed:
            if os.fork() == 0:
                self._begin(frame)
            return
        kernel.unshare(kernel.NEWPID)  # of this process's children, not its own
        try:
            if os.fork() == 0:
                self._begin(frame)
        finally:
            kernel.join(self._own, kernel.NEWPID)

    def _begin(self, frame: Frame) -> None:
        try:
            _Start(self._walls, frame, self._kept).run(self._work, self._warmed)
        except BaseException:  # noqa: BLE001 - whatever it was, the fork must not go on as a parent
            traceback.print_exc()
        finally:
            os._exit(70)


class _Start:
    """In a fresh fork: from the request to the role's work."""

    def __init__(self, walls: enter.Walls, frame: Frame, kept: set[int]) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.setsid()  # a signal to "my group" crosses namespaces: it must find no parent and no neighbour in it
        self._walls, self._uid = walls, frame.header["uid"]
        self._connection = frame.files[0]
        named = dict(zip(frame.header["files"], frame.files[1:], strict=True))
        self._truth, self._bundle = named.get("truth", -1), named.get("bundle", -1)
        for number in _open_files():
            if number > 2 and number not in kept and number not in frame.files:
                os.close(number)

    def run(self, work: Any, warmed: object) -> None:  # noqa: ANN401 - a module's function
        pipe = Pipe(socket.socket(fileno=self._connection), takes_files=True)
        try:
            if self._walls.sandboxed:
                enter.build(self._walls, self._uid, self._bundle)
            else:
                enter.work_in_the_open(self._walls, self._bundle)
            enter.lock(self._walls, self._uid)
        except OSError as error:
            pipe.send({"refused": str(error)})
            return
        if self._bundle >= 0:
            os.close(self._bundle)
        _reseed()
        work(warmed, Job(pipe, self._truth))
        os._exit(0)


def _open_files() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - each job does this: no path objects
        with suppress(OSError):
            os.fstat(int(name))
            found.append(int(name))
    return found


def _collect(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _reseed() -> None:
    """Chance of its own for each job: a fork starts where its parent stood."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


if __name__ == "__main__":
    main()
