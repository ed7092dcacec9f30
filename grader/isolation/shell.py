"""An IPython shell that records what a notebook shows, without a kernel around it."""

import asyncio
import base64
import io
import os
import shutil
import subprocess
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets.config import Config

from grader.isolation import frontend

_MAX_WORDS = 5_000
_MAX_TRACE = 20_000
_MAX_FRAMES = 50


class Recorder:
    """The outputs of one cell as nbformat has them, up to a number of bytes.

    Args:
        limit_bytes: what is kept; the rest is dropped and the end says so.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._diverted: set[str] = set()
        self.raw: RawOutput | None = None
        self.begin()

    def begin(self) -> None:
        """Start with the next cell."""
        self._outputs: list[dict[str, Any]] = []
        self.shown_bytes, self._clear_next, self.cut = 0, False, False
        self._diverted.clear()

    def end(self) -> list[dict[str, Any]]:
        """The outputs of the cell."""
        if self.cut:
            words = f"\n[this cell showed {self.shown_bytes >> 10:,} KiB; {self.limit_bytes >> 10:,} KiB are kept]\n"
            self._outputs.append({"output_type": "stream", "name": "stderr", "text": [words]})
        for output in self._outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return self._outputs

    def text(self, name: str, text: str) -> None:
        """Text on a standard stream."""
        self._catch_up()
        if self._diverted:
            return
        room = self.limit_bytes - self.shown_bytes
        if not self._fits(len(text)):
            text = text[: max(room, 0)]
        if not text:
            return
        last = self._outputs[-1] if self._outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        else:
            self._outputs.append({"output_type": "stream", "name": name, "text": [text]})

    def display(self, data: dict[str, Any], metadata: dict[str, Any], mark: str | None, *, update: bool) -> None:
        """A displayed object, or a new content for the ones with the same mark, in this cell or an earlier one."""
        self._catch_up()
        data = _plain(data)
        if self._diverted or not self._fits(sum(len(str(value)) for value in data.values())):
            return
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        if mark:
            output["display_id"] = mark
        if not update:
            self._outputs.append(output)
            return
        own = [each for each in self._outputs if each.get("display_id") == mark]
        for each in own:
            each.update(data=data, metadata=metadata)
        if not any(each["output_type"] == "update_display_data" for each in own):
            # the earlier ones have left the process already
            self._outputs.append({**output, "output_type": "update_display_data"})

    def result(self, count: int, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of a cell's last line."""
        self._catch_up()
        data = _plain(data)
        if not self._diverted and self._fits(sum(len(str(value)) for value in data.values())):
            self._outputs.append(
                {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": metadata}
            )

    def error(self, name: str, words: str, trace: list[str]) -> None:
        """An exception that ended the cell."""
        self._catch_up()
        if len(trace) > _MAX_FRAMES:
            left_out = f"[{len(trace) - _MAX_FRAMES} frames left out]"
            trace = [*trace[: _MAX_FRAMES // 2], left_out, *trace[-_MAX_FRAMES // 2 :]]
        self._outputs.append(
            {
                "output_type": "error",
                "ename": name[:200],
                "evalue": words[:_MAX_WORDS],
                "traceback": [line[:_MAX_TRACE] for line in trace],
            }
        )

    def clear(self, *, wait: bool) -> None:
        """Forget what the cell has shown, at once or at its next output."""
        if wait:
            self._clear_next = True
        else:
            self._outputs = []

    def _catch_up(self) -> None:
        # what C code and other processes have printed came first
        if self.raw is not None:
            self.raw.move_to(self, self.limit_bytes)

    def divert(self, widget: str, *, within: bool) -> None:
        """What is shown goes to a widget from now on, or no longer does."""
        (self._diverted.add if within else self._diverted.discard)(widget)

    def _fits(self, size: int) -> bool:
        if self._clear_next:
            self._outputs, self._clear_next = [], False
        self.shown_bytes += size
        if self.shown_bytes > self.limit_bytes:
            self.cut = True
        return not self.cut


class _Stream(io.TextIOBase):
    def __init__(self, recorder: Recorder, name: str, number: int) -> None:
        self._recorder, self._name, self._number = recorder, name, number

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a text stream's is always set
        return "UTF-8"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._recorder.text(self._name, text)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number


class _Publisher(DisplayPublisher):
    recorder: Any = AnyTrait()

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: object = None,  # noqa: ARG002 - IPython's
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: object,
    ) -> None:
        mark = (transient or {}).get("display_id")
        self.recorder.display(data, metadata or {}, mark, update=update)

    def clear_output(self, wait: bool = False) -> None:  # noqa: FBT001, FBT002 - IPython's
        self.recorder.clear(wait=wait)


class _Hook(DisplayHook):
    recorder: Any = AnyTrait()

    def __call__(self, result: object = None) -> None:
        hook: Any = self  # IPython's methods carry no types
        hook.check_for_underscore()
        if result is None or hook.quiet():
            return
        data, metadata = hook.compute_format_data(result)
        hook.update_user_ns(result)
        hook.fill_exec_result(result)
        if data:
            self.recorder.result(self.prompt_count, data, metadata)


class Shell(InteractiveShell):
    """IPython's shell with a recorder in place of a terminal; libraries take it for a kernel's by its name."""

    recorder = AnyTrait()
    kernel = AnyTrait()
    display_pub_class = _Publisher
    displayhook_class = _Hook
    compiler_class = frontend.CellCompiler
    _loop: asyncio.AbstractEventLoop | None = None

    def run_cell(self, raw_cell: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - IPython's
        """Run a cell within a running loop, as a kernel does; ``await`` at its top level waits in that loop."""
        if self._loop is None:  # made by the job itself: a loop's files must not be shared between forks
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        plain: Any = super()
        if self._loop.is_running():
            return plain.run_cell(raw_cell, *args, **kwargs)
        task = self._loop.create_task(self._in_loop(raw_cell, *args, **kwargs))
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:  # it came while the cell waited
            task.cancel()
            return self._loop.run_until_complete(task)

    async def _in_loop(self, raw_cell: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        shell: Any = self
        failed = None
        try:
            transformed = shell.transform_cell(raw_cell)
        except Exception:  # noqa: BLE001 - shown by the run, as its own
            transformed, failed = raw_cell, sys.exc_info()
        read = {"transformed_cell": transformed, "preprocessing_exc_tuple": failed}
        if shell.should_run_async(raw_cell, **read):
            return await shell.run_cell_async(raw_cell, *args, **kwargs, **read)
        plain: Any = super()
        return plain.run_cell(raw_cell, *args, **kwargs)

    def _showtraceback(self, kind: type[BaseException], error: BaseException, trace: list[str]) -> None:
        self.recorder.error(kind.__name__, str(error), list(trace))

    def init_virtualenv(self) -> None:
        """There is none inside."""

    def init_hooks(self) -> None:
        """Help goes to a pager, which a notebook file does not keep."""
        shell: Any = super()
        shell.init_hooks()
        shell.set_hook("show_in_pager", lambda *_, **__: None, 99)

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no screen."""

    def ask_exit(self) -> None:
        """``exit`` in a notebook ends nothing."""

    def system(self, command: str) -> None:
        """``!command``: what it prints is shown as it comes, both streams as one."""
        shell: Any = self
        ready = shell.var_expand(command, depth=1)
        program = shutil.which("bash") or "/bin/sh"
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        with subprocess.Popen([program, "-c", ready], stdin=subprocess.DEVNULL, stdout=pipe, stderr=both) as ran:
            for line in ran.stdout or ():
                sys.stdout.write(line.decode(errors="replace"))
        shell.user_ns["_exit_code"] = ran.returncode


Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"


def open_shell(recorder: Recorder) -> Any:  # noqa: ANN401 - IPython's shell carries no types
    """The process's one :class:`Shell`, with ``display`` and ``get_ipython`` at work."""
    config = Config()
    config.HistoryManager.enabled = False
    config.IPKernelApp = Config()
    shell: Any = Shell.instance(config=config, recorder=recorder, kernel=frontend.Kernel())
    shell.display_pub.recorder = recorder
    shell.displayhook.recorder = recorder
    frontend.refuse_input()
    frontend.take_widgets(recorder)
    return shell


def open_streams(recorder: Recorder) -> dict[str, _Stream]:
    """Standard streams for Python code, by name; what C code and commands print is caught by :class:`RawOutput`."""
    return {name: _Stream(recorder, name, number) for name, number in (("stdout", 1), ("stderr", 2))}


class RawOutput:
    """Descriptors 1 and 2 on nameless files, read after each cell."""

    def __init__(self) -> None:
        self._files = {}
        for name, number in (("stdout", 1), ("stderr", 2)):
            file = os.open(os.environ["TMPDIR"], os.O_TMPFILE | os.O_RDWR | os.O_APPEND, 0o600)
            os.dup2(file, number)
            self._files[name] = file
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def move_to(self, recorder: Recorder, limit_bytes: int) -> None:
        """Hand over what was printed since the last time."""
        for name, file in self._files.items():
            if os.fstat(file).st_size:
                size_bytes = os.fstat(file).st_size
                data = os.pread(file, limit_bytes + 1, 0)
                os.ftruncate(file, 0)
                recorder.text(name, data.decode(errors="replace"))
                recorder.shown_bytes += size_bytes - len(data)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        str(kind): base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for kind, value in data.items()
    }
