"""A student's own kernel as the one that answers, for practice; see :func:`grader.isolation.serving.serve`."""

import socket
import time
from contextlib import suppress
from typing import Any

from grader.isolation.frozen import plain_reply
from grader.isolation.pipe import Closed, Garbled, Late, Pipe
from grader.isolation.serving import Reply

_ANSWER_S = 30.0
_GONE: Reply = ({"gone": True}, b"")


class RemoteKernel:
    """Asks over a socket what :class:`grader.isolation.frozen.Student` asks its sandbox.

    Args:
        connection: a connected unix stream socket, blocking again once :meth:`done` is called.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pipe = Pipe(connection)
        self._gone = False

    def value(self, name: str) -> Reply:
        """The packed value of ``name``."""
        return self._ask({"ask": "value", "name": name}, b"", _ANSWER_S)

    def open(self) -> int | None:
        """The number of a fresh fork of the kernel."""
        header, _ = self._ask({"ask": "open"}, b"", _ANSWER_S)
        number = header.get("branch")
        return number if isinstance(number, int) else None

    def call(self, number: object, name: str, arguments: bytes, timeout_s: float) -> Reply:
        """The packed value that a call returns, or the class of its failure."""
        header = {"ask": "call", "branch": number, "name": name, "timeout_s": timeout_s}
        return self._ask(header, arguments, timeout_s + _ANSWER_S)

    def end(self, number: object) -> None:
        """Forget a fork."""
        self._ask({"ask": "close", "branch": number}, b"", _ANSWER_S)

    def done(self) -> None:
        """Tell the kernel that nothing more will be asked."""
        if not self._gone:
            with suppress(Closed, Late):
                self._pipe.send({"ask": "done"})
        self._connection.setblocking(True)

    def _ask(self, header: dict[str, Any], body: bytes, within_s: float) -> Reply:
        if self._gone:
            return _GONE
        try:
            self._pipe.send(header, body)
            reply = self._pipe.receive(time.monotonic() + within_s)
        except (Closed, Garbled, Late):
            self._gone = True
            return _GONE
        return ({"branch": reply.header["branch"]}, b"") if "branch" in reply.header else plain_reply(reply)
