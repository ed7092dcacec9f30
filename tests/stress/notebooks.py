"""Generated notebooks, hostile or broken, and the line that grades them: read, grafted, run, judged, one by one."""

import copy
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from grader.cohort import custody
from grader.cohort.course import create_course, release_lab
from grader.cohort.roster import Student
from grader.cohort.submission import Lesson, read_lesson, read_submission
from grader.isolation import Ground, Job, Limits, Pool, Report
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab
from tests.grader.attacks.forged import FORGED
from tests.grader.attacks.frames import FRAMES
from tests.grader.attacks.harmed import HARMED
from tests.grader.attacks.leaked import LEAKED
from tests.stress.kills import descendants, mounted

LAB = "tiny_lab"
LIMITS = Limits(
    cell_s=2.0, run_s=10.0, call_s=0.3, check_s=20.0, memory_bytes=400 << 20, output_bytes=100_000, repeats=2
)
BOUND_S = 120.0
_ROUND = 25  # an honest notebook after so many others

# what the suite of attacks tries, as pieces; those that only use up time or memory come rarely enough
_PIECES = sorted(
    {
        piece
        for table in (FORGED, FRAMES, HARMED, LEAKED)
        for group in table.values()
        for attack in group
        for piece in (attack.source, attack.last, *attack.answers.values())
        if piece and "<<" not in piece and "attempt(" not in piece
    }
)
_NAMES = ("total_mm", "doubled", "rain_mm", "note", "__builtins__", "In", "_", "get_ipython")
_VALUES = ("0", "1e400", "float('nan')", "[]", "{}", "None", "...", "print", "object()", "range(9)", "b'x'", "{1: {2}}")
_LINES = (
    st.builds("{} = {}".format, st.sampled_from(_NAMES), st.sampled_from(_VALUES))
    | st.builds("del {}".format, st.sampled_from(_NAMES))
    | st.builds("def doubled(*a, **k):\n    {}".format, st.sampled_from(("return a", "raise a", "yield a", "1 / 0")))
    | st.sampled_from(
        ("%%bash\nsleep 0", "%reset -f", "!kill $PPID", "?print", "raise SystemExit", "exit", "import this")
    )
    | st.sampled_from(_PIECES)
    | st.text(max_size=30)
)
SOURCES = st.lists(_LINES, max_size=3).map("\n".join)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KEYS = ("source", "metadata", "id", "cell_type", "outputs", "execution_count", "attachments", "nbgrader", "tags")


@st.composite
def notebooks(draw: st.DrawFn, right: dict[str, Any]) -> bytes:
    """A notebook file: a right one with a few changes to its cells, fields or bytes."""
    notebook = copy.deepcopy(right)
    cells = notebook["cells"]
    for _ in range(draw(st.integers(0, 3))):
        whole = [at for at, cell in enumerate(cells) if isinstance(cell, dict)]
        at = draw(st.sampled_from(whole)) if whole else 0
        match draw(st.sampled_from(("source", "source", "source", "field", "mark", "copy", "drop", "move", "own"))):
            case "source" if whole:
                cells[at]["source"] = draw(SOURCES)
            case "field" if whole:
                cells[at][draw(st.sampled_from(_KEYS))] = draw(_JSON)
            case "mark" if whole and isinstance(cells[at].get("metadata"), dict):
                cells[at]["metadata"]["nbgrader"] = draw(_JSON)
            case "copy" if whole:
                cells.insert(draw(st.integers(0, len(cells))), copy.deepcopy(cells[at]))
            case "drop" if whole:
                del cells[at]
            case "move" if whole:
                cells.append(cells.pop(at))
            case "own":
                cells.append(draw(_JSON))
            case _:
                notebook[draw(st.text(max_size=8))] = draw(_JSON)
    content = json.dumps(notebook).encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=8)) + content[at + draw(st.integers(0, 40)) :]
    return content


@dataclass
class Line:
    """A lab, a student and a pool, ready for one notebook after the other.

    Args:
        root: the course's folder.
        lab: the lab.
        lesson: what was released.
        right: a right notebook.
        job: what is the same in each: truth, data and points.
        pool: grades them.
    """

    root: Path
    lab: Lab
    lesson: Lesson
    right: dict[str, Any]
    job: dict[str, Any]
    pool: Pool
    graded: int = field(default=0)
    undisturbed: Report | None = None

    def grade(self, content: bytes) -> Report | None:
        """The report of one notebook, within its form; nothing if the file is no notebook of the lab."""
        path = self.root / "submitted" / "ada" / LAB / f"{LAB}.ipynb"
        path.write_bytes(content)
        submission = read_submission(self.root, path, self.lesson)
        assert submission.readable or submission.findings
        if not submission.readable:
            return None
        begun = time.monotonic()
        report = self.pool.grade(Job(cells=self.lesson.graft(submission.answers), **self.job))
        assert time.monotonic() - begun < BOUND_S
        assert set(report.verdicts) == set(self.job["points"])
        for task, verdict in report.verdicts.items():
            assert type(verdict.score) is float
            assert 0.0 <= verdict.score <= self.job["points"][task]
        json.dumps(report.outputs, allow_nan=False).encode("utf-8")
        self.graded += 1
        if self.graded % _ROUND == 0:
            self.neighbour()
        return report

    def neighbour(self) -> None:
        """An honest notebook comes out as it did when it was the first."""
        answers = read_submission(self.root, self._honest(), self.lesson).answers
        report = self.pool.grade(Job(cells=self.lesson.graft(answers), **self.job))
        if self.undisturbed is None:
            assert sum(verdict.score for verdict in report.verdicts.values()) == 5.0
            self.undisturbed = report
        for name in ("verdicts", "outputs", "incidents", "tier"):
            assert getattr(report, name) == getattr(self.undisturbed, name), f"an honest neighbour's {name} changed"

    def _honest(self) -> Path:
        path = self.root / "submitted" / "ada" / LAB / f"{LAB}.ipynb"
        path.write_text(json.dumps(self.right))
        return path


@contextmanager
def a_line(folder: Path, lab: Lab) -> Iterator[Line]:
    """A line in ``folder``; at its end no process, mount, descriptor or temporary file is left."""
    before = _held()
    scratch = folder / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    course = create_course(folder / "quay", [Student("ada", "Ada")])
    release_lab(course, lab)
    for _ in custody.prepare_all(course, LAB, course.students()):
        pass
    lesson = read_lesson(course.release_notebook(LAB), LAB)
    right = compose(json.loads(course.release_notebook(LAB).read_bytes()), read_bank(lab)["right_plain"].answers)
    course.submitted("ada", LAB).parent.mkdir(parents=True)
    for name in ("datasets", "district"):
        (folder / name).mkdir()
    ground = Ground(course.lab(LAB).folder, folder / "datasets", folder / "district")
    job = {
        "truth": custody.truth(course, course.student("ada"), LAB),
        "bundle": course.bundle("ada", LAB),
        "points": lab.auto_points,
    }
    assert not _left(before)  # what has derived the reality has ended
    tempfile.tempdir = str(scratch)
    try:
        with Pool(ground, LIMITS, workers=2) as pool:
            line = Line(course.root, lab, lesson, right, job, pool)
            line.neighbour()
            in_use = _held()
            yield line
            line.neighbour()
            assert not (left := _left(in_use)), f"jobs leave something: {left}"
        assert not (left := _left(before)), f"the pool leaves something: {left}"
        assert list(scratch.iterdir()) == []
    finally:
        tempfile.tempdir = None


def _held() -> dict[str, object]:
    return {
        "processes": len(descendants(os.getpid())),
        "open files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "mounts": mounted(),
    }


def _left(wanted: dict[str, object]) -> dict[str, tuple[object, object]]:
    """What does not become as it was."""
    end = time.monotonic() + 20.0
    while (found := _held()) != wanted and time.monotonic() < end:
        time.sleep(0.1)
    return {name: (wanted[name], found[name]) for name in wanted if found[name] != wanted[name]}
