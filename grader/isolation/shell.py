"""An IPython shell that records what a notebook shows, without a kernel around it."""

import base64
import io
import os
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any as AnyTrait
from traitlets.config import Config

_MAX_WORDS = 5_000
_MAX_TRACE = 20_000


class Recorder:
    """The outputs of one cell as nbformat has them, up to a number of bytes.

    Args:
        limit_bytes: what is kept; the rest is dropped and the end says so.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._shown: dict[str, list[dict[str, Any]]] = {}
        self.begin()

    def begin(self) -> None:
        """Start with the next cell."""
        self._outputs: list[dict[str, Any]] = []
        self._bytes, self._clear_next, self.cut = 0, False, False

    def end(self) -> list[dict[str, Any]]:
        """The outputs of the cell."""
        if self.cut:
            words = f"\n[output beyond {self.limit_bytes >> 10} KiB was cut]\n"
            self._outputs.append({"output_type": "stream", "name": "stderr", "text": [words]})
        for output in self._outputs:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return self._outputs

    def text(self, name: str, text: str) -> None:
        """Text on a standard stream."""
        room = self.limit_bytes - self._bytes
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
        """A displayed object, or a new content for the ones with the same mark."""
        data = _plain(data)
        if not self._fits(sum(len(str(value)) for value in data.values())):
            return
        if update:
            for output in self._shown.get(mark or "", ()):
                output.update(data=data, metadata=metadata)
            return
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        self._outputs.append(output)
        if mark:
            self._shown.setdefault(mark, []).append(output)

    def result(self, count: int, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of a cell's last line."""
        data = _plain(data)
        if self._fits(sum(len(str(value)) for value in data.values())):
            self._outputs.append(
                {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": metadata}
            )

    def error(self, name: str, words: str, trace: list[str]) -> None:
        """An exception that ended the cell."""
        self._outputs.append(
            {
                "output_type": "error",
                "ename": name[:200],
                "evalue": words[:_MAX_WORDS],
                "traceback": [line[:_MAX_TRACE] for line in trace[-50:]],
            }
        )

    def clear(self, *, wait: bool) -> None:
        """Forget what the cell has shown, at once or at its next output."""
        if wait:
            self._clear_next = True
        else:
            self._outputs = []

    def _fits(self, size: int) -> bool:
        if self._clear_next:
            self._outputs, self._clear_next = [], False
        self._bytes += size
        if self._bytes > self.limit_bytes:
            self.cut = True
        return not self.cut


class _Stream(io.TextIOBase):
    def __init__(self, recorder: Recorder, name: str, number: int) -> None:
        self._recorder, self._name, self._number = recorder, name, number

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a text stream's is always set
        return "utf-8"

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
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
    """IPython's shell with a recorder in place of a terminal."""

    recorder = AnyTrait()
    display_pub_class = _Publisher
    displayhook_class = _Hook

    def _showtraceback(self, kind: type[BaseException], error: BaseException, trace: list[str]) -> None:
        self.recorder.error(kind.__name__, str(error), list(trace))

    def init_virtualenv(self) -> None:
        """There is none inside."""

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no screen."""

    def ask_exit(self) -> None:
        """``exit`` in a notebook ends nothing."""

    def system(self, command: str) -> None:
        """``!command``: what it prints goes to the standard streams' files."""
        shell: Any = self
        shell.system_raw(command)


def open_shell(recorder: Recorder) -> Any:  # noqa: ANN401 - IPython's shell carries no types
    """The process's one :class:`Shell`, with ``display`` and ``get_ipython`` at work."""
    config = Config()
    config.HistoryManager.enabled = False
    shell: Any = Shell.instance(config=config, recorder=recorder)
    shell.display_pub.recorder = recorder
    shell.displayhook.recorder = recorder
    shell.kernel = None
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
            data = os.pread(file, limit_bytes + 1, 0)
            if data:
                recorder.text(name, data.decode(errors="replace"))
                os.ftruncate(file, 0)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        str(kind): base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for kind, value in data.items()
    }
