"""The practice service's grading process: takes what is handed in, one after the other, and keeps its pools warm."""

import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from grader.isolation import kernel

Answer = Callable[[socket.socket, Mapping[str, Any]], None]


class GradingProcess:
    """A fork of the service that lives as long as it does.

    Args:
        answer: grades one request and answers on its connection; called in the fork alone.
        finish: called in the fork when the service ends.
    """

    def __init__(self, answer: Answer, finish: Callable[[], None]) -> None:
        self._answer, self._finish = answer, finish
        self._to: socket.socket | None = None
        self._pid = 0

    def hand_over(self, connection: socket.socket, request: Mapping[str, Any]) -> None:
        """Let the process answer ``request``; it is started if it is not there. The connection stays the caller's."""
        if self._to is None or _has_ended(self._pid):
            self._start(connection)
        assert self._to is not None  # noqa: S101 - just started
        text = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(text), "wb") as file:
                file.write(json.dumps(request).encode())
            socket.send_fds(self._to, [b"."], [connection.fileno(), text])
        finally:
            os.close(text)

    def _start(self, connection: socket.socket) -> None:
        if self._to is not None:
            self._to.close()
        self._to, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._to.close()
                connection.close()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                kernel.control(kernel.PDEATHSIG, signal.SIGKILL)
                self._serve(theirs)
            finally:
                os._exit(0)
        theirs.close()

    def _serve(self, requests: socket.socket) -> None:
        while True:
            _, files, _, _ = socket.recv_fds(requests, 1, 2)
            if not files:
                self._finish()
                return
            with socket.socket(fileno=files[0]) as connection, os.fdopen(files[1], "rb") as text:
                text.seek(0)
                self._answer(connection, json.load(text))


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:  # collected already, with the forks that answer checks
        return True
