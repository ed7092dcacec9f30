"""The student's process: runs the cells, is sealed and frozen, then answers in forks of itself only."""

import importlib
import json
import os
import shutil
import signal
import socket
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe
from grader.isolation.serving import glance, serve_branch

if TYPE_CHECKING:
    from grader.isolation.parent import Job, Settings
    from grader.isolation.shell import RawOutput, Recorder

# taken before any student code runs: replacing os.fork or the like must not keep branches apart from their names
_fork, _exit, _signal = os.fork, os._exit, signal.signal


def warm(settings: "Settings") -> Any:  # noqa: ANN401 - IPython's shell carries no types
    """A shell that no cell has run in yet, and the libraries that a lesson imports."""
    _bring_fonts()
    shell_module = importlib.import_module("grader.isolation.shell")
    # the shell first, and in place: pandas and others look at their import whether they are in a notebook
    shell = shell_module.open_shell(shell_module.Recorder(settings.output_bytes))
    with shell.builtin_trap, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in settings.modules:
            _load(name)
    return shell


def _load(name: str) -> None:
    module, _, attribute = name.partition(":")
    with suppress(Exception):  # what cannot be loaded here is the notebook's own to stumble over
        loaded = importlib.import_module(module)
        if attribute:
            getattr(loaded, attribute)


def main(shell: Any, job: "Job") -> None:  # noqa: ANN401 - IPython's shell carries no types
    """Serve the controller until it hangs up."""
    _signal(signal.SIGINT, signal.SIG_IGN)
    _bring_fonts()
    shell_module = importlib.import_module("grader.isolation.shell")
    recorder = shell.recorder
    raw = recorder.raw = shell_module.RawOutput()
    streams = shell_module.open_streams(recorder)
    sys.stdout, sys.stderr = streams["stdout"], streams["stderr"]
    with suppress(Closed, Garbled, Late):
        job.pipe.send({"ready": True})
        _Student(job.pipe, shell, recorder, raw).serve()
    _exit(0)


def _bring_fonts() -> None:
    # matplotlib wants its cache writable
    own = Path(os.environ["MPLCONFIGDIR"])
    own.mkdir(exist_ok=True)
    with suppress(OSError):
        for fonts in Path(os.environ["PRACTICUM_FONTS"]).glob("fontlist-*.json"):
            shutil.copyfile(fonts, own / fonts.name)


def _rest() -> None:
    # a handler or a timer would act each time the frozen process wakes for a fork, after the last cell
    for clock in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(clock, 0)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            _signal(number, signal.SIG_DFL)
    _signal(signal.SIGINT, signal.SIG_IGN)
    _signal(signal.SIGCHLD, signal.SIG_DFL)


def _collect() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork_in_time() -> int:
    # threads count as processes: where they have used up the limit, some may end shortly
    for _ in range(20):
        with suppress(BlockingIOError):
            return _fork()
        time.sleep(0.1)
    return _fork()


def _leave_threads() -> None:
    # a thread would go on as well, and could alter an answer: what is frozen and asked is a fork, which has none
    if len(list(Path("/proc/self/task").iterdir())) > 1 and _fork_in_time():
        while True:
            signal.pause()


class _Student:
    def __init__(self, pipe: Pipe, shell: Any, recorder: "Recorder", raw: "RawOutput") -> None:  # noqa: ANN401 - IPython's
        self._pipe, self._shell, self._recorder, self._raw = pipe, shell, recorder, raw

    def serve(self) -> None:
        at_rest = False
        while True:
            frame = self._pipe.receive()
            if at_rest:
                _collect()
            match frame.header.get("do"):
                case "run":
                    self._run(frame)
                case "seal":
                    _rest()
                    _leave_threads()
                    at_rest = True
                    self._pipe.send({"sealed": True})
                case "branch":
                    self._branch(frame)
                case "glance":
                    self._pipe.send(*glance(self._shell.user_ns, frame))
                case "snapshot":
                    self._snapshot(frame)

    def _run(self, frame: Frame) -> None:
        self._recorder.begin()
        begun = time.process_time()
        ok = False
        try:
            _signal(signal.SIGINT, signal.default_int_handler)
            ok = bool(self._shell.run_cell(frame.body.decode(), store_history=True).success)
        except BaseException as error:  # noqa: BLE001 - an interrupt outside the cell's own code, or a broken shell
            self._recorder.error(type(error).__name__, "the cell was stopped", [])
        while True:
            try:
                _signal(signal.SIGINT, signal.SIG_IGN)
                break
            except KeyboardInterrupt:
                continue
        self._raw.move_to(self._recorder, self._recorder.limit_bytes)
        try:
            outputs = json.dumps(self._recorder.end(), default=str, skipkeys=True).encode()
        except (TypeError, ValueError, RecursionError):  # a display of the student's own that is no JSON
            outputs = b"[]"
        used_s = time.process_time() - begun
        told = {"cell": frame.header["cell"], "ok": ok, "cpu_s": used_s}
        if self._recorder.cut:
            told["shown_bytes"] = self._recorder.shown_bytes
        self._pipe.send(told, outputs)

    def _snapshot(self, frame: Frame) -> None:
        if _fork() == 0:
            try:
                self._pipe.close()
                _rest()
                self._pipe = Pipe(socket.socket(fileno=frame.files[0]), takes_files=True)
                self._pipe.send({"sealed": True})
                self.serve()
            finally:
                _exit(0)
        for number in frame.files:
            os.close(number)

    def _branch(self, frame: Frame) -> None:
        # The fork speaks after this process has closed its copy of the connection: it is frozen on the fork's first
        # word, and a copy that it still held would hide the fork's end from the controller.
        waits, goes = os.pipe()
        if _fork() == 0:
            try:
                os.close(goes)
                os.read(waits, 1)
                os.close(waits)
                self._pipe.close()
                serve_branch(socket.socket(fileno=frame.files[0]), self._shell.user_ns)
            finally:
                _exit(0)
        for number in (*frame.files, waits, goes):
            os.close(number)
