"""A small cohort whose grading is killed at drawn moments, and what must be true after it was run again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, release_lab
from grader.cohort.journal import Journal
from grader.cohort.roster import sample_students
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab

LAB = "tiny_lab"
TARGETS = ("controller", "student", "checker", "clerk", "group")
_PATIENCE_S = 120.0
_CALL = "from grader.cli import main; main()"


def a_cohort(root: Path, lab: Lab, students: int) -> Course:
    """A course in which everyone has handed in something of the bank."""
    course = create_course(root, sample_students(students))
    release_lab(course, lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    bank = list(read_bank(lab).values())
    release = json.loads(course.release_notebook(LAB).read_bytes())
    for number, student in enumerate(course.students()):
        content = compose(release, bank[number % len(bank)].answers)
        durable.write(course.submitted(student.id, LAB), json.dumps(content).encode())
    return course


def start(course: Course, scratch: Path, *more: str) -> "subprocess.Popen[bytes]":
    """``practicum grade`` with a folder of its own for temporary files."""
    scratch.mkdir(exist_ok=True)
    scratch.chmod(0o1777)
    return subprocess.Popen(
        [sys.executable, "-c", _CALL, "grade", LAB, "--course", str(course.root), "--jobs", "2", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(scratch)},
        start_new_session=True,
    )


def graded(course: Course, scratch: Path) -> dict:
    """The summary of a whole run."""
    ran = start(course, scratch, "--json")
    said, errors = ran.communicate(timeout=600)
    assert ran.returncode == 0, errors.decode()
    return json.loads(said)


def scores(summary: dict) -> dict[str, dict[str, float]]:
    """By student, points by task."""
    return {one["id"]: one["tasks"] for one in summary["students"]}


def records(course: Course) -> dict[str, int]:
    """Each record's file, and its number on the disk: another number means that it was written again."""
    folder = course.journal(LAB)
    return {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.glob("*/*.json")}


def kill(course: Course, scratch: Path, target: str, draw: random.Random) -> bool:
    """Start a run and kill ``target`` at a drawn moment; whether it was there to be killed.

    The moment is drawn by what the run has done, not by the clock: so a slow machine sees the same kills.
    """
    before, students = len(records(course)), len(course.students())
    ran = start(course, scratch)
    seen = {ran.pid}
    try:
        wanted = before + draw.randrange(max(students - before, 1))
        _until(lambda: ran.poll() is not None or len(records(course)) >= wanted)
        if target in ("student", "checker", "clerk"):
            _until(lambda: ran.poll() is not None or bool(_victims(ran.pid, target)))
        time.sleep(draw.uniform(0.0, 0.3))
        tree = [ran.pid, *descendants(ran.pid)]
        seen |= set(tree)
        hit = ran.poll() is None
        victims = {"controller": [ran.pid], "group": tree}.get(target) or _victims(ran.pid, target)
        for pid in [draw.choice(victims)] if victims and target in ("student", "checker") else victims:
            _end(pid)
        if target in ("student", "checker", "clerk"):
            _, errors = ran.communicate(timeout=600)
            assert ran.returncode == 0, errors.decode()
            return hit and bool(victims)
        ran.communicate(timeout=600)
        return hit
    finally:
        if ran.poll() is None:
            _end(ran.pid)
            ran.communicate()
        _until(lambda: not [pid for pid in seen if _is_there(pid)])


def all_is_well(course: Course, undisturbed: dict, scratch: Path, mounts: Sequence[str]) -> None:
    """Run once more, and compare with a run that nobody disturbed."""
    before = records(course)
    after = graded(course, scratch)
    assert scores(after) == scores(undisturbed)
    assert [one["id"] for one in after["students"] if not one["fresh"]] == sorted(
        {name.split("/")[0] for name in before}
    )
    kept = records(course)
    assert {name: kept[name] for name in before} == before, "a submission was graded twice"
    assert sorted(name.split("/")[0] for name in kept) == [student.id for student in course.students()]
    journal = Journal(course.journal(LAB), course.journal_key)
    assert {journal.current(name.split("/")[0])[Path(name).stem].sequence for name in kept} == {1}
    assert left_in(scratch) == []
    assert parts(course.root) == []
    assert mounted() == list(mounts)


def left_in(scratch: Path) -> list[str]:
    """Temporary files."""
    return sorted(path.relative_to(scratch).as_posix() for path in scratch.rglob("*"))[:20]


def parts(root: Path) -> list[str]:
    """Drafts of files that were never finished."""
    return sorted(str(path) for path in root.rglob("*.part"))


def mounted() -> list[str]:
    """Where something is mounted, as this process sees it."""
    return sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())


def descendants(pid: int) -> list[int]:
    """Every process below one."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _victims(pid: int, target: str) -> list[int]:
    sign = "grader.cohort.entering" if target == "clerk" else f'"role": "{target}"'
    return [one for one in descendants(pid) if sign in _command(one)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
