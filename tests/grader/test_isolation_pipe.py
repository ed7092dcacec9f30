"""Frames: whole ones arrive as sent; late, cut, foreign and oversized ones are told apart."""

import os
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from grader.isolation.pipe import Closed, Garbled, Late, Pipe


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_frame_arrives_whole_with_its_sender(ends):
    ours, theirs = ends
    receiver, sender = Pipe(ours, identify=True), Pipe(theirs)
    sender.send({"first": 0})  # the kernel names senders from the moment it is asked to
    body = os.urandom(3 << 20)
    thread = threading.Thread(target=sender.send, args=({"ask": "value"}, body))
    thread.start()
    receiver.receive()
    frame = receiver.receive(time.monotonic() + 10)
    thread.join()
    assert (frame.header, frame.body) == ({"ask": "value"}, body)
    assert frame.sender_pid == os.getpid()


def test_a_descriptor_comes_along_only_where_it_is_wanted(ends):
    ours, theirs = ends
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    with Path(os.devnull).open("rb") as file:
        Pipe(theirs).send({"a": 1}, files=[file.fileno()])
        assert Pipe(ours).receive().files == []
        assert len(list(descriptors.iterdir())) == before + 1
        Pipe(theirs).send({"a": 1}, files=[file.fileno()])
        (number,) = Pipe(ours, takes_files=True).receive().files
    assert str((descriptors / str(number)).readlink()) == os.devnull
    assert not os.get_inheritable(number)
    os.close(number)


def test_silence_is_late_and_the_watcher_is_called_meanwhile(ends):
    ticks = []
    pipe = Pipe(ends[0], tick=lambda: ticks.append(1))
    with pytest.raises(Late):
        pipe.receive(time.monotonic() + 0.2)
    assert len(ticks) >= 3


def test_a_reader_that_does_not_read_is_late(ends):
    with pytest.raises(Late):
        Pipe(ends[0]).send({}, b"x" * (8 << 20), within_s=0.2)


def test_an_end_that_hangs_up_is_closed(ends):
    ours, theirs = ends
    theirs.sendall(struct.pack("!II", 100, 0) + b'{"a"')
    theirs.close()
    with pytest.raises(Closed):
        Pipe(ours).receive()
    with pytest.raises(Closed):
        Pipe(ours).send({})


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!II", 2, 1 << 31) + b"{}",
        struct.pack("!II", 1 << 20, 0),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 2, 0) + b"{x",
        struct.pack("!II", 5000, 0) + b"[" * 5000,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["long body", "long header", "list", "no json", "deep", "another protocol"],
)
def test_what_is_no_frame_is_garbled(ends, data):
    ours, theirs = ends
    theirs.sendall(data)
    with pytest.raises(Garbled):
        Pipe(ours).receive(time.monotonic() + 5)
