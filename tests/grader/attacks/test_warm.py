"""The warm parents: nothing of one job is left to the next, whoever ends them; and nothing is left at the end."""

import os
import signal
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.isolation import tiers, warm
from grader.isolation.pipe import Pipe
from grader.isolation.plan import REAL_UIDS, has_real_users
from grader.isolation.sandbox import Sandbox
from tests.grader.attacks.conftest import a_job, a_room, honest, same_as, until
from tests.grader.attacks.entry import ALL, RIGHT, Attack
from tests.grader.attacks.judging import as_deserved, text

LEFT_BEHIND = [
    Attack(
        "libraries poisoned for the next",
        """
import builtins, json, numpy, os, pandas, random, sys
numpy.float64 = numpy.mean = pandas.DataFrame = json.loads = None
os.environ["LEFT"] = "behind"; sys.path.insert(0, "/tmp"); sys.argv.append("x")
sys.modules["geopandas"] = sys.modules["shapely"] = None
import grader.isolation.pipe as pipe, grader.isolation.values as values
values.pack = pipe.Pipe.receive = None
""",
        deserves=dict.fromkeys(ALL, 0.0),
        reports=("cell ended the process",),
        maybe=("answers lost", "notebook given up"),
    ),
    Attack(
        "names that the sandbox's users are held by",
        """
import socket
held = []
for uid in range(61_000, 61_200):
    one = socket.socket(socket.AF_UNIX)
    try: one.bind(f"\\0practicum-sandbox-{uid}")
    except OSError: pass
    held.append(one)
""",
    ),
    Attack(
        "files, links, folders and sockets in every writable place",
        """
import socket
for folder in ("/tmp", "/dev/shm", "."):
    open(folder + "/left", "w").write("behind"); os.symlink("/etc", folder + "/link"); os.mkdir(folder + "/dir")
    one = socket.socket(socket.AF_UNIX); one.bind(folder + "/socket"); one.listen()
""",
    ),
    Attack(
        "clocks, priorities, masks and groups changed",
        """
import os, signal, time
os.nice(19); os.setpgid(0, 0) if os.getpgrp() != os.getpid() else None
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
os.environ["TZ"] = "Mars/Base"; time.tzset(); os.umask(0)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
""",
    ),
]


@pytest.fixture(scope="module")
def room(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("warm"), host) as room:
        yield room


@pytest.mark.parametrize("attack", LEFT_BEHIND, ids=lambda attack: attack.name)
def test_nothing_is_left_to_the_next(room, attack):
    as_deserved(room, attack)


def test_chance_is_not_the_parents(room):
    source = "import random, numpy\nprint(random.random(), numpy.random.random())"
    one, two = (text(room.pool.grade(a_job(room.bundle, {"chance": source, **RIGHT}))) for _ in range(2))
    assert one != two


def below(pid):
    """Processes below one, with their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            found.setdefault(int((path / "stat").read_text().rpartition(")")[2].split()[1]), []).append(int(path.name))
    waiting, seen = [pid], []
    while waiting:
        children = found.get(waiting.pop(), [])
        seen += children
        waiting += children
    return seen


def test_twenty_jobs_leave_no_process_descriptor_or_file(room):
    def state():
        return len(below(os.getpid())), len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208

    same_as(room.pool.grade(honest(room.bundle)), room.undisturbed)
    before = until(state, lambda found: found == state())
    mounts = Path("/proc/self/mountinfo").read_text()
    for _ in range(20):
        room.pool.grade(a_job(room.bundle, {"leave": "import os\nopen('/tmp/x', 'w').close()"}))
    assert until(state, lambda found: found == before) == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_a_job_that_is_ready_before_anyone_listens_is_known(room, monkeypatch):
    def late(*arguments):
        time.sleep(0.3)  # as on a machine that has other things to do
        return Sandbox(*arguments)

    monkeypatch.setattr(warm, "Sandbox", late)
    same_as(room.pool.grade(honest(room.bundle)), room.undisturbed)


@pytest.mark.parametrize("name", tiers.NAMES)
def test_a_sandbox_is_found_to_work_on_a_machine_that_has_other_things_to_do(name, monkeypatch):
    receive = Pipe.receive

    def late(*arguments):
        frame = receive(*arguments)
        time.sleep(0.3)
        return frame

    monkeypatch.setattr(Pipe, "receive", late)
    tried = tiers.try_tier.__wrapped__(name)
    assert tried.works or "not installed" in tried.lacks[0], tried.lacks


@pytest.mark.parametrize("victim", ["student", "checker"])
def test_a_parent_that_is_killed_costs_no_answer(room, victim):
    def kill():
        parents = room.pool._parents
        os.kill(parents[victim].pid, signal.SIGKILL)

    slow = a_job(room.bundle, {"wait": "import time\ntime.sleep(1)", **RIGHT})
    timer = threading.Timer(0.5, kill)
    timer.start()
    report = room.pool.grade(slow)
    timer.join()
    assert {task: verdict.score for task, verdict in report.verdicts.items()} == ALL
    same_as(room.pool.grade(honest(room.bundle)), room.undisturbed)


@pytest.mark.skipif(not has_real_users(), reason="only root has the sandbox's users")
def test_users_that_are_all_taken_are_told_and_come_back(room):
    with ExitStack() as taken:
        for uid in REAL_UIDS:
            held = taken.enter_context(socket.socket(socket.AF_UNIX))
            with suppress(OSError):
                held.bind(f"\0practicum-sandbox-{uid}")
        with pytest.raises(GraderError, match="users are taken"):
            room.pool.grade(honest(room.bundle))
    same_as(room.pool.grade(honest(room.bundle)), room.undisturbed)


def test_a_closed_pool_leaves_nothing(tmp_path, host, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before, mounts = below(os.getpid()), Path("/proc/self/mountinfo").read_text()
    (tmp_path / "room").mkdir()
    with a_room(tmp_path / "room", host) as room:
        begun = time.monotonic()
        report = room.pool.grade(a_job(room.bundle, {"leave": "import os, time\nif os.fork() == 0: time.sleep(600)"}))
        assert [incident.kind for incident in report.incidents] == ["leftover process"]
        assert time.monotonic() - begun < 60.0
    assert until(lambda: set(below(os.getpid())) - set(before), lambda left: not left) == set()
    assert list(scratch.iterdir()) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
