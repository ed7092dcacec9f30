"""What a notebook's libraries find in a kernel, for a shell that has none: a running loop's names, stdin, widgets.

Each stands here because a library, IPython itself or an error's text shows the difference: pandas asks for the shell's
class before it measures the screen, tracebacks quote a cell by its file's name, ``input()`` has to say that nobody
answers, and what a widget shows goes into the widget.
"""

import builtins
import getpass
import os
import tempfile
import zlib
from typing import Any, NoReturn

from IPython.core.compilerop import CachingCompiler
from IPython.core.error import StdinNotImplementedError

_NO_STDIN = "{} was called, but this frontend does not support input requests."


class CellCompiler(CachingCompiler):
    """Names a cell's file as ipykernel does; tracebacks and warnings show it."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002 - IPython's
        """The name of the file that the cell would be."""
        folder = os.path.join(tempfile.gettempdir(), f"ipykernel_{os.getpid()}")  # noqa: PTH118 - a name only
        return f"{folder}/{zlib.crc32(raw_code.encode('utf-8', 'replace'))}.py"


class Kernel:
    """What widgets ask a kernel: which request is being answered."""

    @staticmethod
    def get_parent(_channel: str | None = None) -> dict[str, Any]:
        """The request; one name for all, since a widget only asks whether it is its own."""
        return {"header": {"msg_id": "cell"}}


def refuse_input() -> None:
    """Let ``input`` and ``getpass`` say that nobody answers, as a kernel without a person before it does."""
    builtins.input = _no_input
    getpass.getpass = _no_password


def _no_input(prompt: object = "") -> NoReturn:  # noqa: ARG001 - the built-in's
    raise StdinNotImplementedError(_NO_STDIN.format("raw_input"))


def _no_password(prompt: str = "", stream: object = None) -> NoReturn:  # noqa: ARG001 - the library's
    raise StdinNotImplementedError(_NO_STDIN.format("getpass"))


def take_widgets(recorder: Any) -> None:  # noqa: ANN401 - the shell's
    """Let an ``Output`` widget take what is shown within it; the notebook shows the widget itself."""
    import comm

    class Comm(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:  # noqa: ANN401, ARG002 - comm's
            state = (data or {}).get("state") or {}
            if "msg_id" in state:
                recorder.divert(self.comm_id, within=bool(state["msg_id"]))

    comm.create_comm = Comm
