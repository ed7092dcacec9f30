"""Frames on a unix stream socket: a small JSON header and an opaque body."""

import array
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_LENGTHS = struct.Struct("!II")
_MAX_HEADER = 64 << 10
_TICK_S = 0.05
_FD_BYTES = array.array("i").itemsize
_CREDENTIALS = struct.Struct("iII")


class Closed(Exception):  # noqa: N818 - the other end's state, not this end's fault
    """The other end is no longer there."""


class Late(Exception):  # noqa: N818 - likewise
    """The other end did not answer, or did not read, in time."""


class Garbled(Exception):  # noqa: N818 - likewise
    """The other end sent what is no frame."""


@dataclass
class Frame:
    """One message.

    Args:
        header: a few named values.
        body: bytes that only the receiver interprets.
        files: descriptors that came along; the receiver closes them.
        sender_pid: the sender as the kernel knows it, where the receiving pipe asks for it; else 0.
    """

    header: dict[str, Any]
    body: bytes = b""
    files: list[int] = field(default_factory=list)
    sender_pid: int = 0


class Pipe:
    """One end of a connection.

    Args:
        connection: a connected unix stream socket, owned by the pipe from now on.
        max_body: bytes that a received body may have.
        tick: called every 50 ms while waiting; may raise.
        identify: let the kernel tell who sent each frame.
        takes_files: accept descriptors; otherwise any that come are closed at once.
    """

    def __init__(
        self,
        connection: socket.socket,
        max_body: int = 80 << 20,
        tick: Callable[[], None] | None = None,
        *,
        identify: bool = False,
        takes_files: bool = False,
    ) -> None:
        self.connection = connection
        self._max_body, self._tick, self._takes_files = max_body, tick, takes_files
        connection.setblocking(False)
        if identify:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def send(
        self, header: dict[str, Any], body: bytes = b"", files: list[int] | None = None, within_s: float = 30.0
    ) -> None:
        """Send one frame.

        Raises:
            Closed: nobody is there. Late: nobody reads.
        """
        text = json.dumps(header).encode()
        data = memoryview(_LENGTHS.pack(len(text), len(body)) + text + body)
        deadline = time.monotonic() + within_s
        if files:
            self._wait(select.POLLOUT, deadline)
            try:
                sent = socket.send_fds(self.connection, [data[:1]], files)
            except OSError:
                raise Closed from None
            data = data[sent:]
        while data:
            try:
                data = data[self.connection.send(data) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise Closed from None

    def receive(self, deadline: float | None = None) -> Frame:
        """The next frame.

        Args:
            deadline: on the monotonic clock; none waits for ever.

        Raises:
            Closed: the other end is gone. Late: the deadline passed. Garbled: what came is no frame.
        """
        frame = Frame({})
        header_length, body_length = _LENGTHS.unpack(self._read(_LENGTHS.size, deadline, frame))
        if header_length > _MAX_HEADER or body_length > self._max_body:
            raise Garbled("too long")
        try:
            frame.header = json.loads(self._read(header_length, deadline, frame))
        except (ValueError, RecursionError):
            raise Garbled("header") from None
        if type(frame.header) is not dict:
            raise Garbled("header")
        frame.body = self._read(body_length, deadline, frame)
        return frame

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def _read(self, length: int, deadline: float | None, frame: Frame) -> bytes:
        parts: list[bytes] = []
        while length:
            try:
                data, control, _, _ = self.connection.recvmsg(
                    min(length, 1 << 20), socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4 * _FD_BYTES)
                )
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                raise Closed from None
            self._take_control(control, frame)
            if not data:
                raise Closed
            parts.append(data)
            length -= len(data)
        return b"".join(parts)

    def _wait(self, event: int, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self.connection, event)
        while True:
            left = _TICK_S if deadline is None else min(_TICK_S, deadline - time.monotonic())
            if left < 0:
                raise Late
            ready = poll.poll(None if self._tick is None and deadline is None else left * 1000)
            if self._tick is not None:
                self._tick()
            if ready:
                return

    def _take_control(self, control: list[tuple[int, int, bytes]], frame: Frame) -> None:
        for level, kind, data in control:
            if level != socket.SOL_SOCKET:
                continue
            if kind == socket.SCM_RIGHTS:
                files = array.array("i")
                files.frombytes(data[: len(data) - len(data) % _FD_BYTES])
                for number in files:
                    if self._takes_files:
                        os.set_inheritable(number, False)
                        frame.files.append(number)
                    else:
                        os.close(number)
            elif kind == socket.SCM_CREDENTIALS:
                frame.sender_pid = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
