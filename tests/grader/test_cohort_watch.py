"""Grade on submit: whatever comes in is graded once, when it is whole; what goes away or breaks holds nobody up."""

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort import watch as watching
from grader.cohort.collecting import collect
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.desk import Desk, Outcome
from grader.cohort.journal import Journal, Record
from grader.cohort.roster import sample_students
from grader.cohort.submission import read_lesson
from grader.cohort.turn import turn
from grader.cohort.watch import Watch, watch
from grader.errors import GraderError
from grader.isolation.job import Ground, Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab

LAB = "tiny_lab"
ADA, BEN, CAI = "sample-01", "sample-02", "sample-03"


def scored(pool: Pool, job: Job) -> Report:
    return Report(verdicts={task: Verdict(task, 1.0, most, "partly", "so") for task, most in job.points.items()})


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    course = create_course(tmp_path_factory.mktemp("watch") / "quay", sample_students(3))
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    return course


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


class Place:
    """A watched course whose time is the test's."""

    def __init__(self, course: Course, clock: Clock) -> None:
        self.course, self.clock, self.told, self.done = course, clock, [], []
        lesson = read_lesson(course.release_notebook(LAB), LAB)
        self.watch = Watch(
            Desk(course, course.lab(LAB), lesson, Pool(Ground(Path(), Path(), Path()))), tell=self.told.append
        )

    def after(self, seconds: float) -> list[str]:
        """Who is graded when so much time has passed."""
        self.clock.now_s += seconds
        before = len(self.done)
        self.watch.look(lambda outcome: self.done.append(outcome.record.student))
        return self.done[before:]


@pytest.fixture
def place(tmp_path: Path, released: Course, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(Pool, "grade", scored)
    monkeypatch.setattr(Pool, "start", lambda pool: None)
    shutil.copytree(released.root, tmp_path / "quay")
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    return Place(open_course(tmp_path / "quay"), clock)


def notebook(course: Course, answer: str = "total_mm = 1") -> bytes:
    release = json.loads(course.release_notebook(LAB).read_bytes())
    return json.dumps(compose(release, {"total": answer})).encode()


def hand_in(course: Course, student: str, content: bytes | None = None) -> Path:
    path = course.submitted(student, LAB)
    durable.write(path, notebook(course) if content is None else content)
    return path


def test_a_file_is_graded_when_it_lies_still_and_once(place: Place):
    assert place.after(0) == []
    hand_in(place.course, ADA)
    assert [place.after(seconds) for seconds in (0.25, 0.25, 0.25, 0.25, 9)] == [[], [], [ADA], [], []]
    place.watch.finish()
    assert [line.student for line in gradebook.lines(place.course.root, LAB)] == [ADA]


def test_what_lay_there_before_is_graded_too_and_a_burst_at_once(place: Place):
    for student in (ADA, BEN, CAI):
        hand_in(place.course, student)
    place.after(0)
    assert place.after(1) == [ADA, BEN, CAI]


def test_a_half_written_file_is_waited_for(place: Place):
    whole = notebook(place.course)
    path = hand_in(place.course, ADA, whole[:400])
    place.after(0)
    assert [place.after(1), place.after(3)] == [[], []]
    path.write_bytes(whole)
    assert [place.after(0.25), place.after(1)] == [[], [ADA]]
    journal = Journal(place.course.journal(LAB), place.course.journal_key)
    assert [record.readable for record in journal.current(ADA).values()] == [True]


def test_one_that_stays_broken_is_told_to_its_student_and_uses_up_no_attempt(place: Place):
    hand_in(place.course, ADA, b"no notebook")
    place.after(0)
    assert place.after(9.9) == []
    assert place.after(0.2) == [ADA]
    assert "it is not JSON" in place.course.feedback(ADA, LAB).read_text(encoding="utf-8")


def test_a_folder_that_goes_away_and_comes_back_loses_nothing(place: Place):
    content = notebook(place.course, "total_mm = 2")
    path = hand_in(place.course, ADA, content)
    place.after(0)
    shutil.rmtree(path.parent)
    assert [place.after(0.5), place.after(20)] == [[], []]
    hand_in(place.course, ADA, content)
    assert [place.after(0.1), place.after(1)] == [[], [ADA]]
    shutil.rmtree(path.parent)
    assert place.after(20) == []
    hand_in(place.course, BEN)
    assert [place.after(0.1), place.after(1)] == [[], [BEN]]


@pytest.mark.parametrize("what", ["link", "pipe", "file for a folder", "folder for a file"])
def test_what_is_no_file_waits_for_nothing(place: Place, what: str):
    path = place.course.submitted(ADA, LAB)
    path.parent.parent.mkdir(parents=True)
    if what == "file for a folder":
        path.parent.write_text("x")
    else:
        path.parent.mkdir()
    if what == "link":
        path.symlink_to("/etc/hostname")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder for a file":
        path.mkdir()
    hand_in(place.course, BEN)
    place.after(0)
    assert place.after(1) == [BEN]
    assert place.after(11) == [ADA]


def test_what_cannot_be_kept_now_is_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch):
    add = Journal.add

    def full(self: Journal, name: str, record: Record) -> str:
        raise GraderError("journal", "the disk is full")

    monkeypatch.setattr(Journal, "add", full)
    hand_in(place.course, ADA)
    place.after(0)
    assert place.after(1) == []
    assert "the disk is full" in place.told[-1]
    monkeypatch.setattr(Journal, "add", add)
    assert [place.after(1), place.after(5)] == [[], [ADA]]


def test_a_hand_in_over_the_number_is_told_once(place: Place):
    (place.course.root / "grading.toml").write_text("[attempts]\nmost = 1\n", encoding="utf-8")
    for number in range(2):
        hand_in(place.course, ADA, notebook(place.course, f"total_mm = {number}"))
        place.after(0)
        place.after(1)
    place.after(5)
    assert [told for told in place.told if "over the number" in told] == place.told


def exchanged(course: Course, name: str, stamp: str, content: bytes) -> Path:
    folder = course.root / "exchange" / course.id / "inbound" / name
    folder.mkdir(parents=True)
    (folder / f"{LAB}.ipynb").write_bytes(content)
    (folder / "timestamp.txt").write_text(stamp)
    return folder


def test_the_newest_of_nbgraders_exchange_is_collected_once(place: Place):
    course = place.course
    for hour in ("09", "11", "10"):
        stamp = f"2026-11-20 {hour}:00:00.000000 UTC"
        exchanged(course, f"{ADA}+{LAB}+{stamp}+Ab12", stamp, notebook(course, f"total_mm = {hour!r}"))
    exchanged(course, f"stranger+{LAB}+2026-11-20 09:00:00.000000 UTC", "2026-11-20 09:00:00.000000 UTC", b"{}")
    exchanged(course, f"{BEN}+other+2026-11-20 09:00:00.000000 UTC", "2026-11-20 09:00:00.000000 UTC", b"{}")
    exchanged(course, "nonsense", "x", b"{}")
    assert collect(course, LAB) == [ADA]
    assert "'11'" in course.submitted(ADA, LAB).read_text(encoding="utf-8")
    assert collect(course, LAB) == []
    place.after(0)
    assert place.after(1) == [ADA]


def test_another_accounts_folder_is_not_collected_for_a_student(place: Place, monkeypatch: pytest.MonkeyPatch):
    stamp = "2026-11-20 09:00:00.000000 UTC"
    exchanged(place.course, f"{ADA}+{LAB}+{stamp}", stamp, notebook(place.course))
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)  # the folder is another account's now, and not the student's
    assert collect(place.course, LAB) == []


def test_a_second_run_waits_its_turn_and_is_told_whose(place: Place):
    told: list[str] = []
    order: list[str] = []

    def second() -> None:
        with turn(place.course, LAB, told.append):
            order.append("second")

    with turn(place.course, LAB):
        waiting = threading.Thread(target=second)
        waiting.start()
        end = time.monotonic() + 20
        while not told and time.monotonic() < end:
            time.sleep(0.01)
        order.append("first")
    waiting.join(20)
    assert order == ["first", "second"]
    assert f"process {os.getpid()}" in told[0]


def test_from_hand_in_to_feedback_in_the_sandbox(tmp_path: Path, released: Course, tiny_lab: Lab):
    """The engine is warm, so what is left is the rest time of the file and the grading itself."""
    shutil.copytree(released.root, tmp_path / "quay")
    course = open_course(tmp_path / "quay")
    for name in ("datasets", "district"):
        (tmp_path / name).mkdir()
    ground = Ground(course.lab(LAB).folder, tmp_path / "datasets", tmp_path / "district")
    done: list[tuple[float, Outcome]] = []
    going_on = threading.Event()
    going_on.set()
    work = threading.Thread(
        target=watch,
        args=(course, LAB, ground),
        kwargs={
            "on_outcome": lambda outcome: done.append((time.monotonic(), outcome)),
            "going_on": going_on.is_set,
        },
    )
    work.start()
    release = json.loads(course.release_notebook(LAB).read_bytes())
    content = json.dumps(compose(release, read_bank(tiny_lab)["right_plain"].answers)).encode()
    handed_in_at = []
    for count, student in enumerate((ADA, BEN), start=1):
        handed_in_at.append(time.monotonic())
        hand_in(course, student, content)
        while len(done) < count and time.monotonic() < handed_in_at[-1] + 120:
            time.sleep(0.02)
    going_on.clear()
    work.join(120)
    assert [outcome.record.score for _, outcome in done] == [5.0, 5.0]
    assert done[1][0] - handed_in_at[1] < 5.0
    assert [line.score for line in gradebook.lines(course.root, LAB)] == [5.0, 5.0]
