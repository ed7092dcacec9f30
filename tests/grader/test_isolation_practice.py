"""A notebook's kernel answers a checker over a socket; calls happen in forks, so the notebook stays as it is."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from grader.isolation.answers import CallFailed, Missing, Unreadable
from grader.isolation.checker import PipedAnswers
from grader.isolation.pipe import Closed, Pipe

KERNEL = """
import os, socket, sys, threading
from grader.isolation import serve
count = 0
def step():
    global count
    count += 1
    print("heard by nobody")
    return count
def hangs(): threading.Event().wait()
def exits(): os._exit(1)
connection = socket.socket(fileno=int(sys.argv[1]))
serve(connection, {"level_m": 3.25, "lazy": (n for n in ()), "step": step, "hangs": hangs, "exits": exits})
connection.sendall(f"after, count {count}".encode())
"""


@pytest.fixture
def kernel():
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    theirs.close()
    with ours, process:
        yield ours, process


def test_values_and_calls_come_from_the_kernel_and_change_nothing_in_it(kernel):
    connection, process = kernel
    pipe = Pipe(connection)
    answers = PipedAnswers(pipe)
    assert answers.value("level_m") == 3.25
    with pytest.raises(Missing):
        answers.value("volume_m3")
    with pytest.raises(Unreadable, match="Make it a list"):
        answers.value("lazy")
    for _ in range(2):
        with answers.branch() as branch:
            assert [branch.call("step") for _ in range(3)] == [1, 2, 3]
    with answers.branch() as branch, pytest.raises(CallFailed, match="did not return in time"):
        branch.call("hangs", timeout_s=0.1)
    with answers.branch() as branch, pytest.raises(CallFailed, match="ended the whole process"):
        branch.call("exits")
    pipe.send({"ask": "done"})
    connection.setblocking(True)
    assert connection.recv(100) == b"after, count 0"
    assert process.communicate()[0] == b""


def test_a_kernel_that_goes_away_hangs_up(kernel):
    connection, process = kernel
    answers = PipedAnswers(Pipe(connection))
    assert answers.value("level_m") == 3.25
    process.kill()
    with pytest.raises(Closed):
        answers.value("level_m")
