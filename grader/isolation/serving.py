"""The answering end of the pipe: values and calls out of a namespace, beside the student's code.

Used inside the sandbox in forks of the frozen process, and in a notebook's kernel for practice.
"""

import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from grader.isolation import values
from grader.isolation.pipe import Closed, Frame, Garbled, Late, Pipe

_CALL_S = 30.0
_SMALL = 1_000
_SMALL_BYTES = 1 << 18
_NUMBERS = "biufmM"
_WALL_PER_CPU = 4.0  # a kernel shares its machine with the person at work

Reply = tuple[dict[str, Any], bytes]


def answer(namespace: Mapping[str, object], frame: Frame) -> Reply:
    """What ``namespace`` has to say to one request; nothing of an exception but that there was one."""
    name = frame.header.get("name")
    if not isinstance(name, str) or name not in namespace:
        return {"missing": True}, b""
    if frame.header.get("ask") == "value":
        return _packed(namespace[name], {})
    function = namespace[name]
    if not callable(function):
        return {"no_value": "uncallable"}, b""
    arguments = values.unpack(frame.body)
    if not isinstance(arguments, tuple):
        return {"failed": "unreadable"}, b""
    try:
        returned = function(*arguments)
    except BaseException:  # noqa: BLE001 - an exit or an interrupt is a failed call as well
        return {"failed": "raised"}, b""
    return _packed(returned, {"failed": "unreadable"})


def glance(namespace: Mapping[str, object], frame: Frame) -> Reply:
    """The value of a name if it is small and of an exact plain type; else a fork is to be asked.

    Nothing that a student's class defines runs for it, so the process that answers stays as it is.
    """
    name = frame.header.get("name")
    if isinstance(name, str) and name in namespace and _is_small(namespace[name]):
        return _packed(namespace[name], {})
    return {"ask_a_fork": True}, b""


def _is_small(value: object) -> bool:
    if type(value) is list or type(value) is tuple:
        return len(value) < _SMALL and all(map(_is_plain, value))
    if type(value) is dict:
        return len(value) < _SMALL and all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return _is_plain(value) or _is_small_table(value)


def _is_small_table(value: Any) -> bool:  # noqa: ANN401 - what it is, it finds out
    numpy, pandas, geopandas = (sys.modules.get(name) for name in ("numpy", "pandas", "geopandas"))
    if numpy is not None and type(value) is numpy.ndarray:
        return value.dtype.kind in _NUMBERS and value.nbytes < _SMALL_BYTES
    if pandas is not None and type(value) is pandas.Series:
        dtypes = [value.dtype, value.index.dtype]
    elif (pandas is not None and type(value) is pandas.DataFrame) or (
        geopandas is not None and type(value) is geopandas.GeoDataFrame
    ):
        dtypes = [*value.dtypes, value.index.dtype]
    else:
        return False
    plain = all(getattr(dtype, "kind", "") in _NUMBERS or str(dtype) == "geometry" for dtype in dtypes)
    return plain and len(dtypes) * len(value) * 8 < _SMALL_BYTES


def _is_plain(value: object) -> bool:
    if type(value) is str or type(value) is bytes:
        return len(value) < _SMALL
    if type(value) is int:
        return value.bit_length() < _SMALL
    return type(value) in {float, bool, type(None)}


def serve_branch(connection: socket.socket, namespace: Mapping[str, object]) -> None:
    """In a fresh fork: answer until the connection ends, deaf to what the answers print."""
    _silence()
    pipe = Pipe(connection)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with suppress(Closed, Garbled, Late):
        pipe.send({"ready": True})
        while True:
            frame = pipe.receive()
            pipe.send(*_interruptible(namespace, frame))


def serve(connection: socket.socket, namespace: Mapping[str, object]) -> None:
    """Answer a course service's checker from a notebook's own namespace until it says that it is done.

    Each branch is a fork of the kernel, so a hidden call changes nothing in the notebook. The connection
    stays open, and what follows the last frame stays unread.

    Args:
        connection: a connected unix stream socket, left in blocking mode.
        namespace: the notebook's variables.

    Raises:
        ConnectionError: the service went away.
    """
    pipe = Pipe(connection)
    branches: dict[int, tuple[Pipe, int]] = {}
    try:
        while True:
            frame = pipe.receive()
            asked, number = frame.header.get("ask"), frame.header.get("branch")
            if asked == "done":
                return
            if asked == "open":
                branches[len(branches)] = _fork_branch(namespace)
                pipe.send({"branch": len(branches) - 1})
            elif asked == "close" and number in branches:
                _end_branch(branches[number])
                pipe.send({"ok": True})
            elif asked == "call" and number in branches:
                pipe.send(*_relay(branches[number], frame))
            elif asked == "value":
                pipe.send(*answer(namespace, frame))
            else:
                pipe.send({"missing": True})
    except (Closed, Garbled, Late):
        raise ConnectionError("the course service went away") from None
    finally:
        for branch in branches.values():
            _end_branch(branch)
        connection.setblocking(True)


def _packed(value: object, failure: dict[str, Any]) -> Reply:
    try:
        return {"ok": True}, values.pack(value)
    except values.NoValue as no_value:
        return failure or {"no_value": no_value.kind}, b""


def _interruptible(namespace: Mapping[str, object], frame: Frame) -> Reply:
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        reply = answer(namespace, frame)
    except BaseException:  # noqa: BLE001 - an interrupt between two lines of ours
        reply = {"failed": "raised"}, b""
    while True:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            continue
        return reply


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)

    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the fork
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    warnings.simplefilter("ignore")


def _fork_branch(namespace: Mapping[str, object]) -> tuple[Pipe, int]:
    ours, theirs = socket.socketpair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a kernel has threads; the fork only calls and ends
        pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            serve_branch(theirs, namespace)
        finally:
            os._exit(0)
    theirs.close()
    pipe = Pipe(ours)
    pipe.receive()
    return pipe, pid


def _relay(branch: tuple[Pipe, int], frame: Frame) -> Reply:

    pipe, pid = branch
    timeout_s = frame.header.get("timeout_s")
    within_s = float(timeout_s) * _WALL_PER_CPU if isinstance(timeout_s, int | float) else _CALL_S
    try:
        pipe.send(frame.header, frame.body)
        reply = pipe.receive(time.monotonic() + within_s)
    except Late:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return {"failed": "timed out"}, b""
    except (Closed, Garbled):
        return {"failed": "died"}, b""
    return reply.header, reply.body


def _end_branch(branch: tuple[Pipe, int]) -> None:
    pipe, pid = branch
    pipe.close()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
