"""A worker process for a library that holds one simulation a process: its life, its frames, and how it died."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.workers.frames import HEADER, frame
from twin_sandbox.engines.workers.warm import Forked, warm_parent
from twin_sandbox.errors import TwinError

ANSWER_WITHIN_S = 60.0
"""A request that takes longer than this has gone wrong."""


@dataclass
class Process:
    """The worker, its pipes and its folder, and how to be rid of them all."""

    popen: "subprocess.Popen[bytes] | Forked"
    folder: Path
    owner: int = field(default_factory=os.getpid)

    def end(self) -> None:
        """Close the pipes, wait a little, kill what is left, remove the folder."""
        # A fork of this process holds copies of the pipes; the worker and its folder aren't its to remove.
        if os.getpid() != self.owner:
            return
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self.popen.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


Starter = Callable[[str, dict[str, str], Path, int], "subprocess.Popen[bytes] | Forked"]


def _spawned(module: str, environment: dict[str, str], folder: Path, console: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=console,
        cwd=folder,
        env=environment,
        bufsize=0,
    )


def _forked(module: str, environment: dict[str, str], folder: Path, console: int) -> Forked:
    return warm_parent(module, environment).fork(folder, console)


class Worker:
    """One worker: started, asked, and gone with :meth:`close` or when this object is no longer used.

    Args:
        name: the engine, for messages: ``"drainage engine"``.
        library: what runs in it: ``"EPA SWMM"``.
        module: run as ``python -m``; it serves frames on standard input and output.
        roots: folders that hold the libraries that it imports.
        files: name → content of the files that it finds in its folder.
        advice: what a user can do about an error of the library.
        warm: fork it from this process's warm parent instead (`twin_sandbox.engines.workers.warm`).
    """

    def __init__(
        self,
        name: str,
        library: str,
        module: str,
        roots: Sequence[Path] = (),
        files: Mapping[str, bytes] | None = None,
        advice: str = "",
        *,
        warm: bool = False,
    ) -> None:
        self.name, self.library, self.advice = name, library, advice
        start = _forked if warm else _spawned
        self.process: Process | None = self._start(start, module, roots, files or {})
        self._finalizer = weakref.finalize(self, self.process.end)

    @property
    def folder(self) -> Path:
        """Where the worker keeps its files.

        Raises:
            TwinError: it is gone.
        """
        return self._alive().folder

    def _start(self, start: Starter, module: str, roots: Sequence[Path], files: Mapping[str, bytes]) -> Process:
        folder = Path(tempfile.mkdtemp(prefix=f"practicum-{self.name.split()[0]}-"))
        try:
            for file, data in files.items():
                (folder / file).write_bytes(data)
            # The worker must find this package and its library wherever they came from, and nothing in the caller's
            # folder.
            paths = [Path(__file__).parents[3], *roots]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(path) for path in paths)}
            with (folder / "console").open("wb") as console:
                return Process(start(module, environment, folder, console.fileno()), folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise TwinError(self.name, f"its process did not start ({error.strerror})") from error

    def _alive(self) -> Process:
        if self.process is None:
            raise TwinError(self.name, "not running", then="Start a new run.")
        if self.process.owner != os.getpid():
            raise TwinError(self.name, "opened by another process", then="Open a session in the process that steps it.")
        return self.process

    def ask(self, request: Mapping[str, Any], block: bytes = b"") -> tuple[dict[str, Any], NDArray[np.float64]]:
        """Send one request and wait for its answer: what it says, and its floats.

        Raises:
            TwinError: the library refused (the worker is gone then), the worker died or was silent, or it isn't ours.
        """
        popen = self._alive().popen
        assert popen.stdin is not None  # noqa: S101 - both were asked for as pipes
        assert popen.stdout is not None  # noqa: S101 - likewise
        deadline = time.monotonic() + ANSWER_WITHIN_S
        try:
            self._write(popen.stdin.fileno(), frame(dict(request), block))
            sizes = HEADER.unpack(self._read(popen.stdout.fileno(), HEADER.size, deadline))
            answer: dict[str, Any] = json.loads(self._read(popen.stdout.fileno(), sizes[0], deadline))
            found = np.frombuffer(self._read(popen.stdout.fileno(), sizes[1], deadline), dtype=np.float64)
        except (OSError, EOFError) as error:
            raise self._death() from error
        except KeyboardInterrupt:
            # The answer is still to come, and would be taken for the next one.
            self.close()
            raise
        if "error" in answer:
            self.close()
            raise TwinError(f"{self.name} ({self.library})", answer["error"], then=self.advice)
        return answer, found

    @staticmethod
    def _write(descriptor: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def _read(self, descriptor: int, size: int, deadline: float) -> bytes:
        parts = bytearray()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while len(parts) < size:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self.close()
                raise TwinError(self.name, f"no answer within {ANSWER_WITHIN_S:g} s; it was stopped")
            part = os.read(descriptor, min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _death(self) -> TwinError:
        """Why the worker is gone, from its exit and its last words."""
        process = self.process
        if process is None:
            return TwinError(self.name, "not running")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(timeout=2.0)
        code = process.popen.returncode
        words = ""
        with contextlib.suppress(OSError):
            lines = (process.folder / "console").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            words = lines[-1].strip() if lines else ""
        self.close()
        return TwinError(
            f"{self.name} ({self.library})", f"its process {ended(code)}" + (f" ({words})" if words else "")
        )

    def close(self) -> None:
        """End the worker and remove its folder; more than once does no harm."""
        self._finalizer()
        self.process = None


def ended(code: int | None) -> str:
    """An exit status in words: ``"was ended by SIGKILL"``."""
    if code is None:
        return "ended"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
