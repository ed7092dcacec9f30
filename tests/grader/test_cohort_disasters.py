"""A full disk, a gradebook that is away, a clock set back: what is graded is kept, and the next run goes on."""

import errno
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cli.grade import command
from grader.cohort import custody, desk, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.entering import Clerk
from grader.cohort.grading import Places, Summary, grade_course
from grader.cohort.journal import Journal
from grader.cohort.roster import Student
from grader.cohort.submission import read_lesson
from grader.cohort.turn import turn
from grader.errors import GraderError
from grader.isolation.job import Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import compose
from grader.workshop.lab import Lab

LAB = "tiny_lab"
asked: list[str] = []


def scored(pool: Pool, job: Job) -> Report:
    asked.append(job.bundle.parent.name)
    return Report(verdicts={task: Verdict(task, 1.0, most, "partly", "so") for task, most in job.points.items()})


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    course = create_course(tmp_path_factory.mktemp("bad") / "quay", [Student("ada", "Ada"), Student("ben", "Ben")])
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    for student in course.students():
        hand_in(course, student.id, student.id)
    return course


@pytest.fixture
def course(tmp_path: Path, released: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setattr(Pool, "grade", scored)
    monkeypatch.setattr(Pool, "start", lambda pool: None)
    asked.clear()
    return a_copy(released, tmp_path / "quay")


def a_copy(course: Course, root: Path) -> Course:
    shutil.copytree(course.root, root)
    return open_course(root)


def hand_in(course: Course, student: str, answer: str) -> None:
    release = json.loads(course.release_notebook(LAB).read_bytes())
    content = json.dumps(compose(release, {"total": f"total_mm = {answer!r}"})).encode()
    durable.write(course.submitted(student, LAB), content)


def grade(course: Course) -> Summary:
    return grade_course(course, LAB, Places(Path(), Path()))


def entered(course: Course) -> list[float]:
    return [line.score for line in gradebook.lines(course.root, LAB)]


def test_a_disk_that_fills_up_at_any_write_loses_nothing(
    tmp_path: Path, released: Course, course: Course, monkeypatch: pytest.MonkeyPatch
):
    """From the n-th write on the disk is full, for each n that a run has; then there is room again."""
    write, left = os.write, 0

    def full(descriptor: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            write(descriptor, bytes(data)[:7])  # some of it fits
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    for number in range(100):
        copy = a_copy(released, tmp_path / f"quay{number}")
        asked.clear()
        left = number
        with monkeypatch.context() as patch:
            patch.setattr(durable.os, "write", full)
            try:
                summary = grade(copy)
                told = [*summary.failed.values(), str(summary.refused or "")]
            except GraderError as refused:
                told = [str(refused)]
        assert all("disk is full" in words for words in told if words), told
        kept = [path.name for path in copy.journal(LAB).glob("*/*.json")]
        assert list(copy.root.rglob("*.part")) == []
        if left >= 0:
            break
        before = len(kept)
        asked.clear()
        assert grade(copy).failed == {}
        assert len(asked) == 2 - before  # what was kept is not graded again
        assert entered(copy) == [2.0, 2.0]
        shutil.rmtree(copy.root)
    assert number > 8


def settings(course: Course, url: str) -> None:
    path = course.root / gradebook.CONFIG
    text = re.sub(r"c\.CourseDirectory\.db_url = .*", f"c.CourseDirectory.db_url = {url!r}", path.read_text("utf-8"))
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("how", ["away", "read-only"])
def test_a_gradebook_that_cannot_be_written_costs_no_grading(course: Course, how: str):
    place = course.root / gradebook.DATABASE
    urls = {"away": f"sqlite:///{course.root}/not/there.db", "read-only": f"sqlite:///file:{place}?mode=ro&uri=true"}
    config = (course.root / gradebook.CONFIG).read_text("utf-8")
    settings(course, urls[how])
    summary = grade(course)
    assert summary.refused is not None
    assert "lost" in summary.refused.then
    assert sorted(summary.outcomes) == ["ada", "ben"]
    assert "2 of 9 points" in course.feedback("ada", LAB).read_text(encoding="utf-8")
    (course.root / gradebook.CONFIG).write_text(config, encoding="utf-8")
    asked.clear()
    again = grade(course)
    assert (again.refused, asked, entered(course)) == (None, [], [2.0, 2.0])


def test_the_command_says_that_the_gradebook_is_away_and_ends_with_1(course: Course, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grader.cli.grade.district_places", lambda: Places(Path(), Path()))
    settings(course, f"sqlite:///{course.root}/not/there.db")
    ran = CliRunner().invoke(command, [LAB, "--course", str(course.root)])
    assert isinstance(ran.exception, GraderError)
    assert "2 graded now" in ran.output


def test_a_clock_that_was_set_back_changes_no_order(course: Course, monkeypatch: pytest.MonkeyPatch):
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=UTC)

    grade(course)
    monkeypatch.setattr(desk, "datetime", Earlier)
    hand_in(course, "ada", "second")
    os.utime(course.submitted("ada", LAB), (0, 0))
    summary = grade(course)
    assert summary.outcomes["ada"].record.graded_at.startswith("200")
    assert summary.outcomes["ada"].record.attempt == 2
    assert "second" in course.autograded("ada", LAB).read_text(encoding="utf-8")
    assert not any(one.fresh for one in grade(course).outcomes.values())


def test_a_clerk_that_is_killed_is_done_without(course: Course, monkeypatch: pytest.MonkeyPatch):
    grade(course)
    names = Journal(course.journal(LAB), course.journal_key).entered()
    (course.journal(LAB) / "entered.json").unlink()
    lesson = read_lesson(course.release_notebook(LAB), LAB)
    with turn(course, LAB) as lock:
        clerk = Clerk(desk.Desk(course, course.lab(LAB), lesson), lock)
        clerk._aside = True
        clerk.add("ada")
        assert clerk._process is not None
        clerk._process.kill()
        clerk._process.wait()
        clerk.add("ben")
        clerk._process.kill()
        clerk.finish()
    assert Journal(course.journal(LAB), course.journal_key).entered() == names


def test_a_clerk_beside_the_run_enters_everyone(course: Course):
    grade(course)
    names = Journal(course.journal(LAB), course.journal_key).entered()
    (course.journal(LAB) / "entered.json").unlink()
    clerk = Clerk(desk.Desk(course, course.lab(LAB), read_lesson(course.release_notebook(LAB), LAB)))
    clerk._aside = True
    for student in ("ada", "ben"):
        clerk.add(student)
    clerk.finish()
    assert Journal(course.journal(LAB), course.journal_key).entered() == names
