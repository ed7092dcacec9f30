"""Bundles of the storm lab a second: ``python -m tests.benchmarks.bundles [--students N] [--json]``.

A throw-away course of made-up students on two truth processes; the time of a thousand is extrapolated, without what
the processes take to start. Each bundle holds one night of sewers and streets: nearly all of its processor time.
"""

import argparse
import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from grader.cohort import custody
from grader.cohort.course import create_course, release_lab
from grader.cohort.roster import sample_students
from grader.workshop.lab import load_lab

ROOT = Path(__file__).parents[2]
LAB = ROOT / "labs" / "simulation" / "storm_night"
PROCESSES = 2


def _cpu_s() -> float:
    """Processor time of all children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(students: int) -> dict[str, float]:
    """The figures, for that many students."""
    with tempfile.TemporaryDirectory(prefix="practicum-bundles-") as scratch:
        course = create_course(Path(scratch) / "course", sample_students(students + PROCESSES))
        lab = load_lab(LAB)
        release_lab(course, lab)
        cpu_s, begun = _cpu_s(), time.monotonic()
        ready = custody.prepare_all(course, lab.id, course.students(), PROCESSES)
        times = [time.monotonic() for _ in ready]
        wall_s = times[-1] - times[PROCESSES - 1]
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(30)  # its truth process has then ended, and its time is counted
        spent_s = _cpu_s() - cpu_s
    return {
        "students": students,
        "bundles_per_s": students / wall_s,
        "thousand_s": 1000.0 * wall_s / students,
        "cpu_s_a_bundle": spent_s / (students + PROCESSES),
        "start_s": times[PROCESSES - 1] - begun,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Bundles of the storm lab a second.")
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.students)
    told = json.dumps(figures, indent=1) if given.json else "\n".join(f"{n:<20} {v:10.2f}" for n, v in figures.items())
    sys.stdout.write(told + "\n")


if __name__ == "__main__":
    main()
