"""How long the formgrader's pages take with a full course: ``python -m tests.benchmarks.formgrader [--json]``.

Each page is opened in Chromium and timed until its last row is on the screen: first by nbgrader's own formgrader on its
own schema, then by ours, on the same course in the same run. Wall time depends on what else the machine does; the
processor seconds of server and browser together, and their ratio, much less.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from grader.gradebook.book import open_book
from grader.gradebook.indexes import add_indexes
from grader.room.jupyter import FORMGRADER, Server
from tests.grader.formgrader_served import CHROMIUM, served
from tests.grader.full_course import build_course

PAGES = {
    "manage assignments": "manage_assignments",
    "manage submissions": "manage_submissions/lab_00",
    "gradebook": "gradebook",
    "gradebook of a lab": "gradebook/lab_00/lab_00",
    "manage students": "manage_students",
    "a student": "manage_students/sample-0003",
}


class Stock(Server):
    """nbgrader's own formgrader."""

    def configuration(self) -> dict[str, Any]:
        """Jupyter's settings, without ours."""
        told = super().configuration()
        told["ServerApp"]["jpserver_extensions"] |= {FORMGRADER: False, "nbgrader.server_extensions.formgrader": True}
        return told


def measure(students: int, labs: int, rounds: int) -> dict[str, Any]:
    """Open every page of both, ``rounds`` times; gives medians."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        course = build_course(root / "course", students, labs)
        before = _pages(course, root / "stock", Stock, 1)
        with open_book(course) as book:
            add_indexes(book)
        after = _pages(course, root / "ours", Server, rounds)
    pages = {
        name: {
            **{f"before_{figure}": before[name][figure] for figure in before[name]},
            **{f"after_{figure}": after[name][figure] for figure in after[name]},
            "cpu_ratio": round(before[name]["cpu_s"] / after[name]["cpu_s"], 1),
        }
        for name in PAGES
    }
    return {
        "students": students,
        "labs": labs,
        "slowest_s": max(one["wall_s"] for one in after.values()),
        "pages": pages,
    }


def _pages(course: Path, state: Path, kind: type[Server], rounds: int) -> dict[str, dict[str, float]]:
    from playwright.sync_api import sync_playwright

    state.mkdir()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PAGES}
    with served(course, state, kind) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(server.url)
        for _ in range(rounds):
            for name, path in PAGES.items():
                cpu, begun = _cpu_s(), time.perf_counter()
                page.goto(f"http://127.0.0.1:{server.port}/formgrader/{path}")
                page.wait_for_function("typeof models !== 'undefined' && models && models.loaded", timeout=600_000)
                page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                found[name].append((time.perf_counter() - begun, _cpu_s() - cpu))
        browser.close()
    return {
        name: {
            "wall_s": round(_median([one[0] for one in seen]), 2),
            "cpu_s": round(_median([one[1] for one in seen]), 2),
        }
        for name, seen in found.items()
    }


def _cpu_s() -> float:
    """Processor seconds of every process that this one has started: the server and the browser."""
    ticks, waiting = 0, _children(os.getpid())
    while waiting:
        process = waiting.pop()
        try:
            facts = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            waiting += _children(process)
        except OSError:
            continue
        ticks += int(facts[11]) + int(facts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{process}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text(encoding="utf-8").split()]
    return found


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--labs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    figures = measure(asked.students, asked.labs, asked.rounds)
    if asked.json:
        print(json.dumps(figures))  # noqa: T201 - a command's output
        return
    print(f"{'page':<22}{'before s':>10}{'after s':>10}{'before CPU':>12}{'after CPU':>11}{'ratio':>8}")  # noqa: T201
    for name, one in figures["pages"].items():
        print(  # noqa: T201
            f"{name:<22}{one['before_wall_s']:>10}{one['after_wall_s']:>10}{one['before_cpu_s']:>12}"
            f"{one['after_cpu_s']:>11}{one['cpu_ratio']:>8}"
        )


if __name__ == "__main__":
    main()
