"""Several hand-ins of one lab: each is kept and graded once, the course's rules say what counts, lateness costs."""

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader import gradebook
from grader.certify.work import graded_work
from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.grading import Places, Summary, grade_course, summary_json
from grader.cohort.journal import Journal, Record
from grader.cohort.late import LateRule
from grader.cohort.policy import Policy, read_policy
from grader.cohort.roster import Student
from grader.cohort.standing import FOR_CERTIFICATE, standing
from grader.errors import GraderError
from grader.isolation.job import Incident, Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import compose
from grader.workshop.lab import load_lab

LAB = "tiny_lab"
DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONSEQUENCES = '''

def consequences(truth, leaves):
    """Hidden inputs of one attempt."""
    return {"attempt_inputs": [round(float(value), 3) for value in leaves.generator("attempt").uniform(-50, 50, 3)]}
'''


def scored(pool: Pool, job: Job) -> Report:
    """As many points for each task as the answer says: ``points = 1``."""
    text = "\n".join(cell.source for cell in job.cells)
    found = re.search(r"points = ([\d.]+)", text)
    earned = float(found[1]) if found else 0.0
    verdicts = {task: Verdict(task, earned, most, "partly", "so") for task, most in job.points.items()}
    return Report(verdicts=verdicts, wall_s=0.1, cpu_s={"student": 0.1, "checker": 0.2, "replay": 0.1})


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Two students, and a lab that draws hidden inputs anew for each attempt."""
    folder = tmp_path_factory.mktemp("attempts")
    shutil.copytree(Path(__file__).parent / "fixtures" / LAB, folder / LAB)
    key = folder / LAB / "key.py"
    key.write_text(key.read_text(encoding="utf-8") + CONSEQUENCES, encoding="utf-8")
    course = create_course(folder / "quay", [Student("ada", "Ada"), Student("ben", "Ben")])
    release_lab(course, load_lab(folder / LAB))
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    return course


@pytest.fixture
def course(tmp_path: Path, released: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setattr(Pool, "grade", scored)
    monkeypatch.setattr(Pool, "start", lambda pool: None)
    shutil.copytree(released.root, tmp_path / "quay")
    return open_course(tmp_path / "quay")


def hand_in(course: Course, answer: float | bytes, *, at: datetime | None = None, student: str = "ada") -> None:
    content = answer
    if not isinstance(content, bytes):
        release = json.loads(course.release_notebook(LAB).read_bytes())
        content = json.dumps(compose(release, {"total": f"points = {answer}"})).encode()
    path = course.submitted(student, LAB)
    durable.write(path, content)
    if at:
        durable.write(path.parent / "timestamp.txt", f"{at:%Y-%m-%d %H:%M:%S.%f} UTC".encode())


def grade(course: Course) -> Summary:
    return grade_course(course, LAB, Places(Path(), Path()))


def rules(course: Course, text: str) -> None:
    (course.root / "grading.toml").write_text(text, encoding="utf-8")


def line(course: Course) -> gradebook.Line:
    (found,) = gradebook.lines(course.root, LAB)
    return found


@pytest.mark.parametrize(("counts", "score"), [("last", 1.0), ("best", 4.0), ("mean", 2.0)])
def test_what_counts_of_three(course: Course, counts: str, score: float):
    """Points a task 0.5, 2, 0.5 of two tasks: 1, 4, 1 in all; their mean is 2."""
    rules(course, f'[attempts]\ncounts = "{counts}"\n')
    for points in (0.5, 2.0, 0.5):
        hand_in(course, points)
        found = grade(course).outcomes["ada"].standing
    assert (found.score, found.attempts) == (score, 3)
    assert line(course).score == score
    page = course.feedback("ada", LAB).read_text(encoding="utf-8")
    assert f"{score:g} of 9 points" in page
    assert "hand-in" in page
    notebook = json.loads(course.autograded("ada", LAB).read_bytes())
    shown = [cell["outputs"][-1]["data"]["text/plain"] for cell in notebook["cells"] if cell["id"].startswith("check_")]
    assert sum(map(float, shown)) == score  # what `nbgrader autograde` would read
    by_certificate = graded_work(course)[0].submissions[LAB].scores
    assert sum(one.score for one in by_certificate.values()) == {"last": 1.0, "best": 1.0, "mean": 2.0}[counts]


def test_a_certificate_never_hangs_on_the_best():
    verdict = Verdict("total", 2.0, 2.0, "correct", "")
    good = Record("ada", LAB, "1", "", {}, (), {"total": verdict})
    bad = replace(good, attempt=2, verdicts={"total": replace(verdict, score=0.0)})
    assert standing({"a": good, "b": bad}, "best").score == 2.0
    assert standing({"a": good, "b": bad}, FOR_CERTIFICATE["best"]).score == 0.0
    assert standing({"a": good, "b": bad}, FOR_CERTIFICATE["mean"]).score == 1.0


def test_each_hand_in_is_kept_as_it_was_and_graded_once(course: Course, monkeypatch: pytest.MonkeyPatch):
    contents = []
    for points in (0.5, 1.0):
        hand_in(course, points)
        contents.append(course.submitted("ada", LAB).read_bytes())
        grade(course)
    kept = sorted((course.root / "attempts" / LAB / "ada").glob("*/tiny_lab.ipynb"))
    assert [path.read_bytes() for path in kept] == contents
    shutil.rmtree(course.submitted("ada", LAB).parent)

    def never(pool: Pool, job: Job) -> Report:
        raise AssertionError("graded again")

    monkeypatch.setattr(Pool, "grade", never)
    assert grade(course).outcomes["ada"].standing.score == 2.0  # the last, though nothing lies there any more


def test_a_hand_in_that_was_taken_before_a_kill_is_graded_beside_a_newer_one(
    course: Course, monkeypatch: pytest.MonkeyPatch
):
    def dies(pool: Pool, job: Job) -> Report:
        raise KeyboardInterrupt

    hand_in(course, 0.5)
    monkeypatch.setattr(Pool, "grade", dies)
    with pytest.raises(KeyboardInterrupt):
        grade(course)
    monkeypatch.setattr(Pool, "grade", scored)
    hand_in(course, 1.0)
    assert grade(course).outcomes["ada"].standing.attempts == 2


def test_pages_that_a_kill_left_behind_are_written_at_the_next_run(course: Course, monkeypatch: pytest.MonkeyPatch):
    hand_in(course, 0.5)
    grade(course)
    write = durable.write

    def dies(path: Path, content: bytes, mode: int = 0o644) -> None:
        if path.suffix == ".html":
            raise KeyboardInterrupt
        write(path, content, mode)

    hand_in(course, 1.0)
    monkeypatch.setattr(durable, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        grade(course)
    monkeypatch.setattr(durable, "write", write)
    assert "1 of 9 points" in course.feedback("ada", LAB).read_text(encoding="utf-8")
    assert not grade(course).outcomes["ada"].fresh
    assert "2 of 9 points" in course.feedback("ada", LAB).read_text(encoding="utf-8")


def test_each_attempt_has_hidden_inputs_of_its_own_and_the_same_reality(course: Course):
    for points in (0.5, 1.0):
        hand_in(course, points)
        grade(course)
    first, second = (json.loads(course.truth("ada", LAB, attempt).read_bytes()) for attempt in (1, 2))
    assert first.pop("attempt_inputs") != second.pop("attempt_inputs")
    assert first == second


def test_more_than_the_rules_allow_is_not_graded_and_a_broken_file_uses_up_none(course: Course):
    rules(course, "[attempts]\nmost = 2\n")
    for answer in (0.5, b"no notebook", 1.0):
        hand_in(course, answer)
        assert grade(course).held == {}
    hand_in(course, 2.0)
    summary = grade(course)
    assert summary.held["ada"].kind == "over the number"
    assert summary.outcomes["ada"].standing.score == 2.0
    rules(course, "[attempts]\nmost = 0\n")
    assert grade(course).outcomes["ada"].standing.score == 4.0


def test_a_broken_file_counts_only_where_there_is_nothing_else(course: Course):
    hand_in(course, b"no notebook")
    assert "not JSON" in [finding.kind for finding in grade(course).outcomes["ada"].record.findings]
    hand_in(course, 1.0)
    grade(course)
    hand_in(course, b"again no notebook")
    summary = grade(course)
    assert summary.outcomes["ada"].standing.score == 2.0
    told = "Your last hand-in could not be read"
    assert told in course.feedback("ada", LAB).read_text(encoding="utf-8")
    assert [one["kind"] for one in summary_json(course.lab(LAB), summary)["students"][0]["findings"]] == ["not JSON"]
    hand_in(course, 1.5)
    assert grade(course).outcomes["ada"].standing.attempts == 2
    assert told not in course.feedback("ada", LAB).read_text(encoding="utf-8")


def test_too_soon_is_not_graded_but_a_clock_that_was_set_back_holds_nobody(course: Course):
    rules(course, "[attempts]\ncool_down_h = 2\n")
    hand_in(course, 0.5, at=DUE)
    grade(course)
    hand_in(course, 1.0, at=DUE + timedelta(minutes=119))
    assert grade(course).held["ada"].kind == "too soon"
    hand_in(course, 1.0, at=DUE + timedelta(minutes=120))
    assert grade(course).outcomes["ada"].standing.score == 2.0
    hand_in(course, 2.0, at=DUE - timedelta(days=3))
    assert grade(course).outcomes["ada"].standing.score == 4.0  # the last by number, not by time


@pytest.mark.parametrize(
    ("late", "begun", "points"),
    [
        (timedelta(minutes=10), None, 0.0),
        (timedelta(minutes=11), 1, 0.9),
        (timedelta(days=1), 1, 0.9),
        (timedelta(days=1, seconds=1), 2, 1.8),
        (timedelta(days=40), 40, 4.5),
    ],
)
def test_a_share_for_each_day_begun_up_to_a_cap(late: timedelta, begun: int | None, points: float):
    """A lab of 9 points, 10 % a day: 0.9 each, at most half of 9."""
    found = LateRule(0.1, "day", 0.5, 10).lateness(DUE + late, DUE, 9.0)
    assert (found.begun if found else None) == begun
    assert (found.points if found else 0.0) == pytest.approx(points)


def test_lateness_is_entered_and_told_and_takes_no_more_than_was_earned(course: Course):
    rules(course, f'[late]\nshare = 0.1\nper = "hour"\n[due]\ntiny_lab = {DUE.isoformat()}\n')
    hand_in(course, 1.0, at=DUE + timedelta(minutes=61))
    found = grade(course).outcomes["ada"].standing
    assert (found.score, found.taken()) == (2.0, pytest.approx(1.8))
    assert line(course).late_penalty_points == pytest.approx(1.8)
    page = course.feedback("ada", LAB).read_text(encoding="utf-8")
    assert "0.2 of 9 points" in page
    assert "2 hours begun, so 20 % of the lab" in page
    hand_in(course, 1.0001, at=DUE + timedelta(hours=3))
    assert grade(course).outcomes["ada"].standing.taken() == pytest.approx(2.0002)
    assert "0 of 9 points" in course.feedback("ada", LAB).read_text(encoding="utf-8")


def test_an_extension_is_one_students_own_and_the_gradebook_shows_it(course: Course):
    rules(course, f"[late]\nshare = 0.1\n[due]\ntiny_lab = {DUE.isoformat()}\n[extension_h.ada]\ntiny_lab = 48\n")
    for student in ("ada", "ben"):
        hand_in(course, 1.0, at=DUE + timedelta(hours=47), student=student)
    taken = {name: one.standing.taken() for name, one in grade(course).outcomes.items()}
    assert taken == {"ada": 0.0, "ben": pytest.approx(1.8)}
    assert gradebook.deadlines(course.root, LAB) == (DUE, {"ada": timedelta(hours=48)})


def test_nbgraders_due_date_counts_where_the_rules_name_none(course: Course):
    rules(course, "[late]\nshare = 0.1\n")
    gradebook.enter_deadlines(course.root, LAB, DUE, {})
    hand_in(course, 1.0, at=DUE + timedelta(hours=1))
    grade(course)
    assert line(course).late_penalty_points == pytest.approx(0.9)
    assert "1.1 of 9 points" in course.feedback("ada", LAB).read_text(encoding="utf-8")


def test_the_best_is_the_best_after_lateness(course: Course):
    """2 points in time are more than 4 less half of the 9 that the lab can give."""
    rules(course, f'[attempts]\ncounts = "best"\n[late]\nshare = 0.5\n[due]\ntiny_lab = {DUE.isoformat()}\n')
    hand_in(course, 1.0, at=DUE)
    grade(course)
    hand_in(course, 2.0, at=DUE + timedelta(hours=1))
    found = grade(course).outcomes["ada"].standing
    assert (found.record.attempt, found.score, found.taken()) == (1, 2.0, 0.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[attempts]\nmost = 2.5", "attempts.most"),
        ('[attempts]\ncounts = "worst"', "last, best, mean"),
        ("[attempts]\nmany = 2", "attempts.many"),
        ("[late]\nshare = 2", "late.share"),
        ('[late]\nshare = 0.1\nper = "week"', "day, hour"),
        ("[due]\ntiny_lab = 2026-11-20T12:00:00", "with its zone"),
        ("[extension_h.ada]\ntiny_lab = true", "extension_h.ada.tiny_lab"),
        ("late = 3", "late"),
        ("[attempts", "cannot be read"),
    ],
)
def test_a_rule_that_cannot_be_is_named(course: Course, text: str, told: str):
    rules(course, text)
    with pytest.raises(GraderError, match=re.escape(told)):
        read_policy(course)


def test_without_rules_three_count_the_last_and_practice_has_no_limit(course: Course):
    assert read_policy(course) == Policy(3, "last")
    assert read_policy(replace(course, practice=True)).most == 0


def test_records_of_one_name_stand_beside_each_other(course: Course):
    journal = Journal(course.journal(LAB), course.journal_key)
    record = Record(
        "ada", LAB, "1", "2026-11-20T12:00:00+00:00", {}, (), {"total": Verdict("total", 1.0, 2.0, "partly", "")}
    )
    first, second = journal.add("x", record), journal.add("x", replace(record, graded_at="2020-01-01T00:00:00+00:00"))
    assert first != second
    assert list(journal.current("ada")) == [second]  # the later one, though the clock said otherwise
    assert journal.find("ada", first) is not None


def test_what_was_graded_without_a_sandbox_stands_only_until_it_is_graded_in_one(
    course: Course, monkeypatch: pytest.MonkeyPatch
):
    def loose(pool: Pool, job: Job) -> Report:
        return replace(scored(pool, job), tier="unsafe")

    hand_in(course, 1.0)
    monkeypatch.setattr(Pool, "grade", loose)
    places = Places(Path(), Path())
    assert grade_course(course, LAB, places, unsafe=True).outcomes["ada"].record.tier == "unsafe"
    assert not grade_course(course, LAB, places, unsafe=True).outcomes["ada"].fresh
    monkeypatch.setattr(Pool, "grade", scored)
    official = grade(course).outcomes["ada"]
    assert (official.fresh, official.record.tier, official.standing.attempts) == (True, "", 1)


@pytest.mark.parametrize(("wanting", "told"), [(1.0, []), (400.0, ["busy machine"])])
def test_time_that_ran_out_on_a_busy_machine_is_told(
    course: Course, monkeypatch: pytest.MonkeyPatch, wanting: float, told: list[str]
):
    def slow(pool: Pool, job: Job) -> Report:
        return replace(scored(pool, job), incidents=[Incident("cell timed out", "total", "interrupted after 30.0 s")])

    monkeypatch.setattr(Pool, "grade", slow)
    monkeypatch.setattr(os, "getloadavg", lambda: (wanting, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    hand_in(course, 1.0)
    incidents = [one.kind for one in grade(course).outcomes["ada"].record.incidents]
    assert incidents == ["cell timed out", *told]
