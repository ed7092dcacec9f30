"""A room where attacks are graded: one pool, honest neighbours beside and after each, and things to reach for."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.isolation import Cell, Ground, Job, Limits, Pool, Report
from tests.grader.attacks.entry import ALL, HIDDEN_INPUTS, RIGHT, TRY, Attack

LAB = Path(__file__).parent / "labs" / "attacked" / "gauge"
CHECKOUT = Path(__file__).parents[3]
NEEDLE = "the-level-that-nobody-may-know-7391"
TRUTH = {
    "level_m": 3.25,
    "depths_m": {"GQ-1": 0.5, "GQ-2": 0.75},
    "inputs": HIDDEN_INPUTS,
    "gate": "GQ-7",
    "needle": NEEDLE,
}
LIMITS = Limits(
    cell_s=10.0,
    run_s=40.0,
    call_s=1.0,
    check_s=40.0,
    memory_bytes=500 << 20,
    scratch_bytes=64 << 20,
    scratch_files=2_000,
    output_bytes=200_000,
)
BOUND_S = 120.0  # of one run, on a machine that does other things too

# what an honest notebook finds of its surroundings: the same every time, whoever was there before
SURROUNDINGS = """
import builtins, gc, json, os, signal, socket, struct, sys, threading
print([sorted(os.listdir(folder)) for folder in ("/tmp", "/dev/shm", ".", "data")])
print(sorted(os.environ.items()), os.getcwd(), sys.path, sys.flags)
print(threading.active_count(), len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")))
print(len([name for name in os.listdir("/proc") if name.isdigit()]), len(open("/proc/self/mounts").readlines()))
print([signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGTERM, signal.SIGCONT)])
print(signal.getitimer(signal.ITIMER_REAL), sys.gettrace(), sys.getprofile(), gc.get_threshold(), len(gc.callbacks))
print(float is type(1.5), json.dumps({"a": 1}), struct.pack("!I", 200), 0.5 + 0.5, len(sys.meta_path))
print(sorted(name for name in sys.modules if name.startswith(("grader", "sitecustomize", "usercustomize"))))
import resource
print([resource.getrlimit(number) for number in range(16)], os.sched_getaffinity(0) != set(), os.nice(0))
"""


@dataclass(frozen=True)
class Room:
    """Where submissions are graded.

    Args:
        pool: grades them.
        bundle: every student's data.
        undisturbed: the report of an honest notebook that was alone.
        host: placeholder to thing of the host.
        threads: where neighbours run.
    """

    pool: Pool
    bundle: Path
    undisturbed: Report
    host: dict[str, str]
    threads: ThreadPoolExecutor

    def grade(self, attack: Attack) -> Report:
        """The attack's report; honest neighbours beside and after it must be as if it was not there."""
        beside = self.threads.submit(self.pool.grade, honest(self.bundle))
        report = self.pool.grade(a_job(self.bundle, self.cells(attack)))
        same_as(beside.result(), self.undisturbed)
        same_as(self.pool.grade(honest(self.bundle)), self.undisturbed)
        return report

    def cells(self, attack: Attack) -> dict[str, str]:
        """The notebook of an attack, with the host's things filled in."""
        cells = {"try": TRY, "attack": attack.source, **attack.answers, "last": attack.last}
        return {name: filled(source, self.host) for name, source in cells.items() if source}


def a_job(bundle: Path, cells: dict[str, str]) -> Job:
    """A submission of the gauge lab."""
    return Job(
        cells=[Cell(name, source) for name, source in cells.items()],
        truth=json.dumps(TRUTH).encode(),
        bundle=bundle,
        points=dict(ALL),
    )


def honest(bundle: Path) -> Job:
    """A right notebook that also looks around."""
    return a_job(bundle, {"around": SURROUNDINGS, **RIGHT})


def same_as(report: Report, undisturbed: Report) -> None:
    """Fail unless both runs showed, earned and reported the same."""
    for name in ("verdicts", "outputs", "incidents", "tier"):
        assert getattr(report, name) == getattr(undisturbed, name), f"an honest neighbour's {name} changed"


def filled(source: str, host: dict[str, str]) -> str:
    """``source`` with each ``<<NAME>>`` replaced."""
    return re.sub("<<([A-Z_]+)>>", lambda found: host[found[1]], source)


@contextmanager
def a_room(folder: Path, host: dict[str, str], limits: Limits = LIMITS, workers: int = 2):
    """A room in ``folder``."""
    for name in ("bundle", "datasets", "district"):
        (folder / name).mkdir()
    (folder / "bundle" / "levels.csv").write_text("time,value\n0,1\n")
    ground = Ground(lab=LAB, datasets=folder / "datasets", district=folder / "district")
    with Pool(ground, limits, workers=workers) as pool, ThreadPoolExecutor(workers) as threads:
        undisturbed = pool.grade(honest(folder / "bundle"))
        scores = {task: verdict.score for task, verdict in undisturbed.verdicts.items()}
        assert (scores, undisturbed.incidents) == (ALL, [])
        yield Room(pool, folder / "bundle", undisturbed, host, threads)


@pytest.fixture(scope="package")
def host(tmp_path_factory):
    """Things of the host that a notebook may try to reach, by placeholder."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "secret.txt").write_text(NEEDLE)
    course = folder / "course"
    for name in ("journal", "keys", "truth", "source"):
        (course / name).mkdir(parents=True)
        (course / name / "secret").write_text(NEEDLE)
    (course / "gradebook.db").write_bytes(b"the gradebook")
    listeners = []
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_UNIX, f"\0practicum-attacks-{os.getpid()}"),
        (socket.AF_UNIX, str(folder / "socket")),
    ):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        threading.Thread(target=_greet, args=(listener,), daemon=True).start()
        listeners.append(listener)
    environment = {"PRACTICUM_SECRET": NEEDLE}
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", NEEDLE], env=environment)
    yield {
        "SECRET": str(folder / "secret.txt"),
        "COURSE": str(course),
        "LAB": str(LAB),
        "CHECKOUT": str(CHECKOUT),
        "HOSTPID": str(sleeper.pid),
        "TESTPID": str(os.getpid()),
        "PORT": str(listeners[0].getsockname()[1]),
        "ABSTRACT": f"practicum-attacks-{os.getpid()}",
        "SOCKET": str(folder / "socket"),
    }
    sleeper.kill()
    sleeper.wait()
    for listener in listeners:
        listener.close()
    assert (course / "gradebook.db").read_bytes() == b"the gradebook"


def _greet(listener):
    with suppress(OSError):
        while True:
            peer, _ = listener.accept()
            peer.sendall(b"reached")
            peer.close()


def until(look, enough, within_s=20.0):
    """What ``look`` finds as soon as it is ``enough``, or at the end."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = look()
        if enough(found):
            return found
        time.sleep(0.05)
    return look()
