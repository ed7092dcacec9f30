"""What grading costs: ``python -m tests.benchmarks.grading [--submissions N] [--json]``.

A made-up course (:mod:`tests.benchmarks.grading_course`): six solution cells, eight test cells, geopandas. Figures:

- ``overhead_cpu_s``: processor time a submission beyond the student's own code and the replays: of the forks, the
  checker and the controller. Own code is what the same cells use alone, in a fork of a process with the same shell
  and libraries loaded, without a sandbox; as many at once as are graded at once, half of them before and half after,
  since processors are slower when they are shared. ``replay_cpu_s`` is what the hidden twins' stand-in used.
- ``floor_share``: (own code + replays) ÷ cores ÷ wall time, which is 1 where cores do nothing else; on a machine that
  others use as well, ``cpu_share``, own code and replays ÷ all processor time, tells more.
- ``vs_nbgrader``: wall time a submission of ``nbgrader autograde`` ÷ this engine's, in the same run, with 0.4 s of
  own code; ``vs_nbgrader_cpu``: the same of processor time. Starting either is left out.
- ``first_result_s``: from the call to the first result; ``first_after_ready_s``: from when the parents are loaded.
- ``peak_mib``: proportional memory of both parents and eight jobs at once, sampled.
- ``seconds_per_1000``, and ``second_half``: wall time of the second half ÷ the first half's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from grader.isolation import Cell, Ground, Job, Pool
from grader.isolation.processes import descendants
from tests.benchmarks.grading_course import ASKED, SETUP, solutions, write_key, write_nbgrader_course

OWN_CPU_S, NBGRADER_OWN_CPU_S, REPLAY_S = 0.9, 0.4, 0.05
CORES = 2
MEMORY_WORKERS = 8

_ALONE = """
import json, os, sys, time, warnings
from grader.isolation.lesson import LIBRARIES
from grader.isolation.shell import Recorder, open_shell
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
warnings.simplefilter("ignore")
shell = open_shell(Recorder(1 << 20))
for name in LIBRARIES:
    __import__(name)
cells, times, at_once = json.load(sys.stdin)
read, write = os.pipe()
running = 0
for _ in range(times):
    if running == at_once:
        os.wait()
        running -= 1
    running += 1
    if os.fork() == 0:
        begun = time.process_time()
        for cell in cells:
            shell.run_cell(cell, store_history=True)
        os.write(write, repr(time.process_time() - begun).encode() + b"\\n")
        os._exit(0)
for _ in range(running):
    os.wait()
os.close(write)
print(json.dumps([float(line) for line in open(read)]))
"""


def own_cpu_s(cells: list[str], times: int, at_once: int = CORES + 1) -> list[float]:
    """Processor time of the cells alone, each time in a fork of a warm shell."""
    done = subprocess.run(
        [sys.executable, "-c", _ALONE],
        input=json.dumps([cells, times, at_once]),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    return [float(used) for used in json.loads(done.stdout.splitlines()[-1])]


class Bench:
    """The made-up course on disk, and submissions of it."""

    def __init__(self, folder: Path) -> None:
        for name in ("datasets", "district", "bundle"):
            (folder / name).mkdir()
        (folder / "bundle" / "levels.csv").write_text("time,value\n0,1\n")
        self.bundle = folder / "bundle"
        self.ground = Ground(write_key(folder / "labs" / "bench"), folder / "datasets", folder / "district")

    def job(self, own_s: float) -> Job:
        """One right submission."""
        cells = [Cell("setup", SETUP), *(Cell(name, source) for name, source in solutions(own_s).items())]
        truth = json.dumps({"level_m": 30.0, "replay_s": REPLAY_S}).encode()
        return Job(cells, truth, self.bundle, dict.fromkeys(ASKED, 2.0))

    def grade(self, pool: Pool, own_s: float, submissions: int, workers: int) -> tuple[list[float], float]:
        """Seconds at which each result was there, and all replays' processor time."""
        begun = time.monotonic()
        ends: list[float] = []
        replays: list[float] = []

        def one(_: int) -> None:
            report = pool.grade(self.job(own_s))
            ends.append(time.monotonic() - begun)
            replays.append(report.cpu_s["replay"])
            score = sum(verdict.score for verdict in report.verdicts.values())
            if score != 2.0 * len(ASKED):
                raise SystemExit(f"a right submission got {score} points: {report.verdicts}, {report.incidents}")

        with ThreadPoolExecutor(workers) as threads:
            list(threads.map(one, range(submissions)))
        return sorted(ends), sum(replays)


def measure(submissions: int) -> dict[str, float]:
    """The figures, for that many submissions."""
    cells = [SETUP, *solutions(OWN_CPU_S).values()]
    with tempfile.TemporaryDirectory(prefix="practicum-grading-") as scratch:
        bench = Bench(Path(scratch))
        alone = own_cpu_s(cells, max(6, submissions // 8))
        begun = time.monotonic()
        # one more at once than cores: while one job's walls are built, no core has nothing to do
        with Pool(bench.ground, workers=CORES + 1) as pool:
            pool.ready()
            ready_s = time.monotonic() - begun
            pool.grade(bench.job(OWN_CPU_S))
            first_s = time.monotonic() - begun
            before = pool.cpu_s() + time.process_time()
            ends, replay_s = bench.grade(pool, OWN_CPU_S, submissions, CORES + 1)
            used_s = pool.cpu_s() + time.process_time() - before
        alone += own_cpu_s(cells, max(6, submissions // 8))
        own_s = sum(alone) / len(alone)
        half = ends[len(ends) // 2 - 1]
        needed_s = own_s * submissions + replay_s
        figures = {
            "submissions": submissions,
            "own_cpu_s": own_s,
            "overhead_cpu_s": (used_s - needed_s) / submissions,
            "replay_cpu_s": replay_s / submissions,
            "floor_share": needed_s / CORES / ends[-1],
            "cpu_share": needed_s / used_s,
            "first_result_s": first_s,
            "first_after_ready_s": first_s - ready_s,
            "seconds_per_1000": ends[-1] / submissions * 1000,
            "second_half": (ends[-1] - half) / half,
            "peak_mib": peak_mib(bench),
        }
        return figures | against_nbgrader(bench, Path(scratch) / "course")


def against_nbgrader(bench: Bench, root: Path, submissions: int = 4) -> dict[str, float]:
    """Both engines on the same submissions, one after the other."""
    students = [f"student{number}" for number in range(submissions + 1)]
    write_nbgrader_course(root, NBGRADER_OWN_CPU_S, students)
    _nbgrader(root, "generate_assignment", "bench", "--create")
    alone = _nbgrader(root, "autograde", "bench", f"--student={students[0]}", "--create")
    # each with its start, and the start is what the first alone took beyond one more
    all_of_them = _nbgrader(root, "autograde", "bench", "--create", "--force")
    theirs = [(many - one) / submissions for many, one in zip(all_of_them, alone, strict=True)]
    with Pool(bench.ground, workers=CORES + 1) as pool:
        pool.ready()
        before = pool.cpu_s() + time.process_time()
        count = 6 * submissions
        ends, _ = bench.grade(pool, NBGRADER_OWN_CPU_S, count, CORES + 1)
        used_s = (pool.cpu_s() + time.process_time() - before) / count
    return {"vs_nbgrader": theirs[0] / (ends[-1] / count), "vs_nbgrader_cpu": theirs[1] / used_s}


def _nbgrader(root: Path, *command: str) -> tuple[float, float]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=root,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_mib(bench: Bench) -> float:
    """Most memory that the parents and eight jobs at once were seen to hold."""
    with Pool(bench.ground, workers=MEMORY_WORKERS) as pool:
        pool.ready()
        with _sampled() as seen:
            bench.grade(pool, NBGRADER_OWN_CPU_S, 2 * MEMORY_WORKERS, MEMORY_WORKERS)
    return max(seen)


@contextmanager
def _sampled() -> Iterator[list[float]]:
    seen = [0.0]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            kib = 0
            for pid in descendants(os.getpid()):
                try:
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                except OSError:
                    continue
                kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            seen.append(kib / 1024)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.grading")
    parser.add_argument("--submissions", type=int, default=160)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = {name: round(value, 4) for name, value in measure(given.submissions).items()}
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    for name, value in figures.items():
        sys.stdout.write(f"{name:20} {value:10.4g}\n")


if __name__ == "__main__":
    main()
