"""Hostile notebooks against each sandbox that works here: nothing gets through, honest answers keep their points."""

import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from grader.isolation import Limits
from grader.isolation.processes import descendants
from grader.isolation.seccomp import DENIED, MACHINES
from grader.isolation.tiers import FORCE, try_tier
from grader.isolation.warm import TIERS
from tests.grader.attacks.walls import CALLS, FORGED, NO_FORK, TRY, WALLS
from tests.grader.isolation_runs import LAB, LIMITS, RIGHT, a_job, grade, kinds, scores, shown

CHECKOUT = Path(__file__).parents[3]
AVAILABLE = [name for name in TIERS if try_tier(name).works]
MACHINE = MACHINES[platform.machine()]
NUMBERS = {
    name.upper(): numbers[MACHINE.column]
    for name, numbers in DENIED.items()
    if name in {"unshare", "mount", "bpf", "keyctl", "userfaultfd", "shmget", "chroot", "personality"}
} | {
    "MEMFD": DENIED["memfd_create"][MACHINE.column],
    "CLOCK": DENIED["clock_settime"][MACHINE.column],
    "PERF": DENIED["perf_event_open"][MACHINE.column],
    "CLONE": MACHINE.clone,
    "SETUID": {"x86_64": 105, "aarch64": 146}[platform.machine()],
}


@pytest.fixture(scope="module", params=AVAILABLE)
def sandbox(request):
    """The name of the sandbox in use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORCE, request.param)
        yield request.param


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Things of the host that a notebook may try to reach; placeholders of the attacks to what stands for them."""
    folder = tmp_path_factory.mktemp("host")
    secret = folder / "secret.txt"
    secret.write_text("the secret")
    listeners = []
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_UNIX, f"\0practicum-attack-test-{os.getpid()}"),
        (socket.AF_UNIX, str(folder / "socket")),
    ):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        threading.Thread(target=_greet, args=(listener,), daemon=True).start()
        listeners.append(listener)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={"PRACTICUM_SECRET": "1"})
    yield {
        "SECRET": str(secret),
        "LAB": str(LAB),
        "CHECKOUT": str(CHECKOUT),
        "HOSTPID": str(sleeper.pid),
        "PORT": str(listeners[0].getsockname()[1]),
        "ABSTRACT": f"practicum-attack-test-{os.getpid()}",
        "SOCKET": str(folder / "socket"),
    } | {name: str(number) for name, number in NUMBERS.items()}
    sleeper.kill()
    sleeper.wait()
    for listener in listeners:
        listener.close()


def _greet(listener):
    with suppress(OSError):
        while True:
            peer, _ = listener.accept()
            peer.sendall(b"reached")
            peer.close()


def _filled(source, host):
    for name in sorted(host, key=len, reverse=True):
        source = source.replace(name, host[name])
    return source


@pytest.fixture(scope="module")
def walls(sandbox, host, tmp_path_factory):
    cells = {"try": TRY} | {name: _filled(source, host) for name, source in WALLS.items()} | RIGHT
    return grade(a_job(tmp_path_factory.mktemp(sandbox), cells), LIMITS)


@pytest.mark.parametrize("attack", WALLS)
def test_no_wall_lets_a_notebook_through(walls, attack):
    text = shown(walls, attack)
    assert "LEAK" not in text, text
    assert text.count("held") > 1, walls.outputs[attack]


def test_after_all_that_the_right_answers_have_their_points(walls):
    assert scores(walls) == {"volume_m3": 2.0, "double": 2.0}


def test_no_trick_in_the_kernel_raises_a_score(sandbox, tmp_path):
    report = grade(a_job(tmp_path, FORGED, ("volume_m3", "level_m", "double")), LIMITS)
    assert sum(scores(report).values()) == 0.0
    assert report.tier == sandbox


@pytest.fixture(scope="module")
def calls(sandbox, tmp_path_factory):
    cells = {name: source.replace("{name}", name) for name, source in CALLS.items()}
    job = a_job(tmp_path_factory.mktemp(sandbox), {"volume": RIGHT["volume"]} | cells, ("volume_m3", *CALLS))
    return grade(job, Limits(call_s=0.5, memory_bytes=500 << 20))


@pytest.mark.parametrize(
    ("attack", "points", "words"),
    [
        ("raises_it", 0.0, "raised, raised, raised"),
        ("says", 2.0, ""),
        ("remembers", 2.0, ""),
        ("exits", 0.0, "died, died, died"),
        ("leaves", 0.0, "raised, raised, raised"),
        ("loops", 4 / 3, "timed out"),
        ("loops_deaf", 4 / 3, "timed out"),
        ("yields", 0.0, "unreadable, unreadable, unreadable"),
        ("equals_all", 0.0, ""),
        ("starts", 2.0, ""),
        ("is_a_number", 0.0, "is_a_number should be a function. Define it with def, under this very name."),
    ],
)
def test_a_hidden_call_tells_its_class_of_failure_and_nothing_else(calls, attack, points, words):
    assert calls.verdicts[attack].score == pytest.approx(points)
    assert calls.verdicts[attack].message == words


def test_a_hidden_call_that_fills_the_memory_ends_its_own_fork(calls):
    assert set(calls.verdicts["hoards"].message.split(", ")) <= {"died", "timed out"}  # a busy machine fills slowly
    assert calls.verdicts["is_a_number"].status == "could not be checked"  # asked later, of the same process


def test_hidden_inputs_are_told_to_nobody(calls):
    told = str(calls.outputs) + str(calls.incidents) + str(calls.verdicts)
    assert not any(number in told for number in ("1415", "92653"))


def test_the_other_answers_of_such_a_notebook_count(calls):
    assert calls.verdicts["volume_m3"].score == 2.0


def test_a_process_that_does_not_fork_answers_no_call(sandbox, tmp_path):
    report = grade(a_job(tmp_path, {"volume": RIGHT["volume"], "double": NO_FORK}), LIMITS)
    assert scores(report) == {"volume_m3": 2.0, "double": 0.0}  # a plain number is read without a fork
    assert "answers lost" in kinds(report)
    assert report.tier == sandbox


def test_cells_that_loop_or_end_the_process_lose_themselves_only(sandbox, tmp_path):
    cells = {
        "volume": RIGHT["volume"],
        "loop": "while True: pass",
        "exit": "import os\nos._exit(0)",
        "deaf": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        time.sleep(600)\n    os._exit(0)",
        "flood": "while True: print('x' * 100_000)",
        "double": RIGHT["double"],
    }
    report = grade(a_job(tmp_path, cells), Limits(cell_s=0.7, run_s=60.0, output_bytes=200_000))
    assert scores(report) == {"volume_m3": 2.0, "double": 2.0}
    assert report.outputs["loop"][-1]["ename"] == "KeyboardInterrupt"
    assert report.outputs["exit"][0]["ename"] == "ProcessEnded"
    assert report.outputs["deaf"][0]["ename"] == "CellTimeout"
    assert len(shown(report, "flood")) < 201_000
    assert "leftover process" in kinds(report)
    assert {incident.where for incident in report.incidents} == {"loop", "exit", "deaf", "flood", ""}
    assert report.tier == sandbox


def test_memory_is_bounded_for_the_group_and_the_honest_cells_keep_theirs(sandbox, tmp_path):
    hoard = (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        hoard = bytearray(b'x') * (150 << 20)\n"
    )
    hoard += "        time.sleep(60)\ntime.sleep(60)"
    cells = {"volume": RIGHT["volume"], "hoard": hoard, "double": RIGHT["double"]}
    report = grade(a_job(tmp_path, cells), Limits(memory_bytes=500 << 20, cell_s=20.0))
    assert scores(report) == {"volume_m3": 2.0, "double": 2.0}
    assert kinds(report) == ["memory"]
    assert report.tier == sandbox


def test_nothing_stays_behind_when_the_controller_goes(sandbox, tmp_path):
    # started in the background, a shell's child ignores Ctrl-C; a person's terminal doesn't
    program = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(CHECKOUT)!r})
from pathlib import Path

from tests.grader.isolation_runs import LIMITS, a_ground, a_job, grade
grade(a_job(Path({str(tmp_path)!r}), {{"sleep": "import time; time.sleep(600)"}}), LIMITS)
"""
    command, environment = [sys.executable, "-c", program], {**os.environ, FORCE: sandbox}
    ends = (signal.SIGKILL, signal.SIGINT)
    controllers = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in ends]
    groups = []
    for controller in controllers:
        inside = _until(
            lambda pid=controller.pid: [found for found in descendants(pid) if _is_inside(found)],
            lambda found: len(found) > 1,
        )
        assert len(inside) > 1
        groups += [controller.pid, *descendants(controller.pid)]
    for controller, end in zip(controllers, ends, strict=True):
        controller.send_signal(end)
    for controller in controllers:
        controller.wait(10)
    assert _until(lambda: [pid for pid in groups if Path(f"/proc/{pid}").exists()], lambda left: not left) == []


NAPPING_KEY = """
import time

class Nap:
    def judge(self, task, answers, truth, max_score):
        time.sleep(600)

checks = {"nap": Nap()}
"""


def test_a_frozen_notebook_ends_with_its_controller(sandbox, tmp_path):
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "key.py").write_text(NAPPING_KEY)
    program = f"""
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from dataclasses import replace
from pathlib import Path

from tests.grader.isolation_runs import LIMITS, a_ground, a_job, grade
grade(replace(a_job(Path({str(tmp_path)!r}), {{"x": "x = 1"}}), points={{"nap": 1.0}}), LIMITS,
      a_ground(Path({str(tmp_path)!r}), Path({str(lab)!r})))
"""
    controller = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, FORCE: sandbox}, stderr=subprocess.DEVNULL
    )
    frozen = _until(lambda: [pid for pid in descendants(controller.pid) if _state(pid) == "T"], bool)
    assert frozen
    group = descendants(controller.pid)
    controller.kill()
    controller.wait(10)
    assert _until(lambda: [pid for pid in group if Path(f"/proc/{pid}").exists()], lambda left: not left) == []


def _state(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return ""


def _is_inside(pid):
    with suppress(OSError):
        return b"grader.isolation.parent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _until(look, enough, within_s=20.0):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = look()
        if enough(found):
            return found
        time.sleep(0.05)
    return look()
