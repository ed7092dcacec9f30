"""The pool: warm parents, forks that share nothing, places between cells, deaths that cost nobody else anything."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.isolation import Limits, Pool
from grader.isolation.processes import descendants
from tests.grader.isolation_runs import RIGHT, a_ground, a_job, kinds, scores, shown

LIMITS = Limits(cell_s=20.0, run_s=60.0, call_s=2.0, check_s=60.0, output_bytes=100_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pool")


@pytest.fixture(scope="module")
def pool(folder):
    with Pool(a_ground(folder), LIMITS, workers=3) as pool:
        yield pool


def test_nothing_of_one_job_is_seen_by_the_next(pool, folder):
    leaves = (
        "import builtins, os, sys\nbuiltins.left = sys.modules['left'] = kept = 1\nos.environ['LEFT'] = '1'\n"
        "for place in ('.', '/tmp', '/dev/shm'):\n    open(place + '/left', 'w').close()\n"
        "import numpy, pandas\npandas.options.display.max_rows = 7\nnumpy.set_printoptions(precision=2)"
    )
    looks = (
        "import builtins, os, sys\nprint([name for name in ('left', 'kept') if name in globals() or "
        "hasattr(builtins, name)], 'left' in sys.modules, os.environ.get('LEFT'), "
        "[place for place in ('.', '/tmp', '/dev/shm') if os.path.exists(place + '/left')])\n"
        "import numpy, pandas\nprint(pandas.options.display.max_rows, numpy.get_printoptions()['precision'])\n"
        "import random\nprint('chance', random.random(), numpy.random.random())"
    )
    pool.grade(a_job(folder, {"leaves": leaves}))
    first, second = (shown(pool.grade(a_job(folder, {"looks": looks})), "looks") for _ in range(2))
    assert first.splitlines()[:2] == ["[] False None []", "60 8"]
    assert first.splitlines()[2] != second.splitlines()[2]


def test_jobs_side_by_side_have_nothing_to_do_with_each_other(pool, folder):
    cells = {
        "listen": "import os, socket, time\nserver = socket.socket(socket.AF_UNIX)\nserver.bind('\\0neighbour')\n"
        "port = socket.socket()\nport.bind(('127.0.0.1', 4711))\nopen('/tmp/mine', 'x').close()\n"
        "print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))\ntime.sleep(0.5)",
    }
    with ThreadPoolExecutor(3) as threads:
        reports = list(threads.map(pool.grade, [a_job(folder, cells) for _ in range(3)]))
    assert [shown(report, "listen") for report in reports] == ["[1]\n"] * 3


def test_a_check_may_look_at_names_as_they_were_between_two_cells(pool, folder):
    cells = {
        "first": "volume_m3 = 12.5\nlevel_m = 0.0\ndef double(x):\n    return 2 * x",
        "second": "volume_m3 = 'overwritten'\nlevel_m = 3.25",
        "third": "def double(x):\n    return 0\nlevel_m = 'overwritten'",
    }
    job = a_job(folder, cells, ("volume_m3", "double", "level_m"))
    assert scores(pool.grade(job)) == {"volume_m3": 0.0, "double": 0.0, "level_m": 0.0}
    places = {"volume_m3": 1, "double": 2, "level_m": 2}
    seen = pool.grade(type(job)(**vars(job) | {"places": places}))
    assert scores(seen) == {"volume_m3": 2.0, "double": 2.0, "level_m": 2.0}
    assert kinds(seen) == []


def test_a_place_is_kept_when_a_later_cell_ends_the_process(pool, folder):
    cells = {"first": "volume_m3 = 12.5", "exit": "import os; os._exit(3)", "last": "volume_m3 = 0.0"}
    job = a_job(folder, cells, ("volume_m3",))
    report = pool.grade(type(job)(**vars(job) | {"places": {"volume_m3": 2}}))
    assert scores(report) == {"volume_m3": 2.0}
    assert kinds(report) == ["cell ended the process"]


def test_a_parent_that_dies_is_started_again_and_its_jobs_run_again(pool, folder):
    pool.grade(a_job(folder, RIGHT))
    waiting = a_job(folder, {"wait": "import time; time.sleep(2)"} | RIGHT)
    for role in ("student", "checker"):
        before = pool._parents[role].pid
        with ThreadPoolExecutor(2) as threads:
            running = [threads.submit(pool.grade, waiting) for _ in range(2)]
            time.sleep(1.0)
            os.kill(before, signal.SIGKILL)
            reports = [each.result() for each in running]
        assert [scores(report) for report in reports] == [{"volume_m3": 2.0, "double": 2.0}] * 2
        assert pool._parents[role].pid != before


def test_a_job_that_ends_the_parent_twice_is_reported_and_its_neighbour_graded(pool, folder):
    pool.grade(a_job(folder, RIGHT))

    def strike(report_of, job):
        # what no job can do is done for it here: whenever its own process appears, the parent is ended
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(report_of, job)
            struck = set()
            while not running.done():
                parent = pool._parents.get("student")
                marked = parent is not None and any(b"4242" in _words(pid) for pid in descendants(parent.pid))
                if marked and parent.pid not in struck:
                    struck.add(parent.pid)
                    os.kill(parent.pid, signal.SIGKILL)
                time.sleep(0.02)
            return running.result(), len(struck)

    harms = {"harms": "import os, time\nos.system('sleep 4242 &')\ntime.sleep(20)"}
    slow = {"wait": "import time; time.sleep(1)"} | RIGHT
    with ThreadPoolExecutor(2) as threads:
        harmful = threads.submit(strike, pool.grade, a_job(folder, harms))
        honest = threads.submit(pool.grade, a_job(folder, slow))
        report, struck = harmful.result()
        assert scores(honest.result()) == {"volume_m3": 2.0, "double": 2.0}
    assert struck == 2
    assert kinds(report) == ["notebook given up"]
    assert {verdict.status for verdict in report.verdicts.values()} == {"could not be checked"}


def _words(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_closed_pool_leaves_no_process_and_starts_again(folder):
    others = descendants(os.getpid())
    pool = Pool(a_ground(folder), LIMITS)
    assert scores(pool.grade(a_job(folder, RIGHT))) == {"volume_m3": 2.0, "double": 2.0}
    assert len(set(descendants(os.getpid())) - set(others)) >= 2
    pool.close()
    assert set(descendants(os.getpid())) - set(others) == set()
    assert scores(pool.grade(a_job(folder, RIGHT))) == {"volume_m3": 2.0, "double": 2.0}
    pool.close()


def test_without_a_sandbox_the_report_says_so_and_nothing_is_left(tmp_path):
    cells = RIGHT | {"data": "print(open('data/levels.csv').read())\nimport os\nos.system('sleep 4243 &')"}
    with Pool(a_ground(tmp_path), LIMITS, unsafe=True) as pool:
        report = pool.grade(a_job(tmp_path, cells))
        assert (report.tier, scores(report)) == ("unsafe", {"volume_m3": 2.0, "double": 2.0})
        assert "0,1" in shown(report, "data")
        assert kinds(report) == ["leftover process"]
    assert not any(b"4243" in _words(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def test_a_student_is_told_which_limit_a_cell_met_and_by_how_much(tmp_path):
    cells = {
        "loop": "while True: pass",
        "shows": "print('x' * 300_000)",
        "hoards": "hoard = [bytearray(b'x') * (150 << 20) for _ in range(9)]\nimport time; time.sleep(9)",
        "writes": "open('/tmp/big', 'wb').write(bytes(30 << 20))",
        "starts": "import threading, time\nfor _ in range(99): threading.Thread(target=time.sleep, args=[0.5]).start()",
    }
    limits = Limits(cell_s=5.0, output_bytes=100_000, memory_bytes=500 << 20, scratch_bytes=8 << 20)
    with Pool(a_ground(tmp_path), limits) as pool:
        report = pool.grade(a_job(tmp_path, RIGHT | cells))
    told = {
        name: " ".join(str(output.get("text") or output.get("evalue")) for output in report.outputs[name])
        for name in cells
    }
    assert "stopped after 5 s: a cell may take 5 s, a notebook 240 s" in told["loop"]
    assert "this cell showed 292 KiB; 97 KiB are kept" in told["shows"]
    assert "all processes of a notebook together may hold 500 MiB" in told["hoards"]
    assert "all files in one folder together may hold 8 MiB" in told["writes"]
    assert "64 processes and threads at once" in told["starts"]
    assert scores(report) == {"volume_m3": 2.0, "double": 2.0}
    assert {incident.kind: incident.where for incident in report.incidents} == {
        "cell timed out": "loop",
        "output cut": "shows",
        "memory": "hoards",
    }


def test_a_signal_to_its_own_group_reaches_no_neighbour(pool, folder):
    signals = {"all": "import os, signal\nos.kill(0, signal.SIGKILL)\nos.killpg(os.getpgrp(), signal.SIGKILL)"}
    waits = {"wait": "import time; time.sleep(2)"} | RIGHT
    pool.grade(a_job(folder, RIGHT))
    before = [pool._parents[role].pid for role in ("student", "checker")]
    with ThreadPoolExecutor(2) as threads:
        honest = threads.submit(pool.grade, a_job(folder, waits))
        time.sleep(0.5)
        pool.grade(a_job(folder, signals))
        assert (scores(honest.result()), kinds(honest.result())) == ({"volume_m3": 2.0, "double": 2.0}, [])
    assert [pool._parents[role].pid for role in ("student", "checker")] == before
