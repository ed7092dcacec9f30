"""A cohort graded in the sandbox: everyone gets what they deserve, once; what is odd holds nobody else up."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.feedback import PersonMark, feedback_page
from grader.cohort.grading import Places, Summary, grade_course, summary_json
from grader.cohort.journal import Journal, Record
from grader.cohort.roster import Student
from grader.cohort.submission import read_lesson
from grader.errors import GraderError
from grader.isolation.job import Incident, Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import Entry, compose, read_bank
from grader.workshop.lab import Lab

LAB = "tiny_lab"
SCRIPT = 'Water stood <script>alert(1)</script> [here](javascript:alert(1)) <img src="https://example.org/x.png">'
NOISY = """
total_mm = sum(rain_mm)
from IPython.display import HTML, display
display(HTML("<script>alert(2)</script><b onclick='alert(3)'>bold</b><img src='https://example.org/y.png'>"))
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("datasets"), tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def bank(tiny_lab: Lab) -> dict[str, Entry]:
    return read_bank(tiny_lab)


def hand_in(course: Course, student: str, content: Mapping[str, str] | bytes) -> None:
    if not isinstance(content, bytes):
        release = json.loads(course.release_notebook(LAB).read_bytes())
        content = json.dumps(compose(release, content)).encode()
    durable.write(course.submitted(student, LAB), content)


def course_with(root: Path, lab: Lab, handed_in: Mapping[str, Mapping[str, str] | bytes | None]) -> Course:
    course = create_course(root / "quay", [Student(name, name.title()) for name in handed_in])
    release_lab(course, lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    for name, content in handed_in.items():
        if content is not None:
            hand_in(course, name, content)
    return course


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab, bank: dict[str, Entry]) -> Course:
    handed_in: dict[str, Mapping[str, str] | bytes | None] = {
        "ada": bank["right_plain"].answers,
        "ben": bank["wrong_mean"].answers,
        "cai": bank["attack_raises_its_input"].answers,
        "dan": {},
        "eve": {"total": NOISY, "note": SCRIPT},
        "fay": b"this is no notebook",
        "gus": None,
    }
    course = course_with(tmp_path_factory.mktemp("cohort"), tiny_lab, handed_in)
    durable.write(course.submitted("stranger", LAB), b"{}")
    return course


@pytest.fixture(scope="module")
def summary(course: Course, places: Places) -> Summary:
    return grade_course(course, LAB, places, jobs=2)


def lines(course: Course) -> dict[str, gradebook.Line]:
    return {line.student: line for line in gradebook.lines(course.root, LAB)}


def page(course: Course, student: str) -> str:
    return course.feedback(student, LAB).read_text(encoding="utf-8")


def test_everyone_gets_what_they_deserve(summary: Summary):
    scores = {student: outcome.record.score for student, outcome in summary.outcomes.items()}
    assert scores == {"ada": 5.0, "ben": 3.0, "cai": 2.0, "dan": 0.0, "eve": 2.0, "fay": 0.0}
    assert (summary.absent, summary.strangers, summary.failed) == (["gus"], ["stranger"], {})


def test_a_broken_file_is_told_and_holds_nobody_up(course: Course, summary: Summary):
    record = summary.outcomes["fay"].record
    assert [finding.kind for finding in record.findings] == ["not JSON"]
    assert {verdict.status for verdict in record.verdicts.values()} == {"could not be checked"}
    assert "it is not JSON" in page(course, "fay")


def test_the_gradebook_has_the_points_exactly(course: Course, summary: Summary):
    assert summary.outcomes
    found = lines(course)
    assert found["ben"].by_cell == {"check_total": 0.0, "check_doubled": 3.0, "note": 0.0}
    assert found["eve"].by_cell == {"check_total": 2.0, "check_doubled": 0.0, "note": None}
    assert [found[name].waits for name in ("ada", "dan", "eve")] == [False, False, True]
    assert (found["ada"].score, found["ada"].max_score) == (5.0, 9.0)
    assert "gus" not in found


def test_a_blank_cell_is_not_attempted_rather_than_wrong(summary: Summary):
    assert {verdict.status for verdict in summary.outcomes["dan"].record.verdicts.values()} == {"not attempted"}


@pytest.mark.parametrize("student", ["ada", "ben", "cai", "dan", "eve", "fay"])
def test_feedback_is_one_page_that_gives_nothing_away(course: Course, summary: Summary, student: str):
    assert summary.outcomes
    shown = page(course, student)
    assert re.findall(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:)?//", shown) == []
    assert re.findall(r"<(?:script|link|iframe|object)\b", shown) == []
    assert (
        re.findall(r"\bon(?:click|error|load)\s*=\s*[\"'](?!&)", re.sub(r"<pre>.*?</pre>", "", shown, flags=re.DOTALL))
        == []
    )
    truth = json.loads(course.truth(student, LAB).read_bytes())
    hidden = [repr(number) for number in truth["numbers"]]
    assert [number for number in hidden if number in shown] == []
    assert "key-only-text" not in shown
    assert "solution-of" not in shown
    assert "took the mean" not in shown  # the likely misconception is for practice


def test_a_wrong_sum_is_not_answered_by_the_right_one(course: Course, summary: Summary):
    assert summary.outcomes
    truth = json.loads(course.truth("ben", LAB).read_bytes())
    assert f"{sum(truth['rain_mm']):.1f}" not in page(course, "ben")
    assert "Add up all six hours" in page(course, "ben")


def test_the_graded_notebook_is_nbgraders_and_harmless(course: Course, summary: Summary):
    assert summary.outcomes
    import logging

    from grader.gradebook import read_points

    notebook = json.loads(course.autograded("eve", LAB).read_bytes())
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    # code is shown as text; outputs and prose are shown as they are
    shown = json.dumps([cell.get("outputs", cell["source"]) for cell in notebook["cells"]])
    assert [mark for mark in ("<script", "<img src", "javascript:", "onclick") if mark in shown] == []
    assert "sum(rain_mm)" in "".join(cells["total"]["source"])
    assert "<b>bold</b>" in cells["total"]["outputs"][0]["data"]["text/html"]
    assert "Water stood" in cells["note"]["source"]
    # what stock nbgrader reads from the check cells' outputs are the same points
    assert read_points(course.autograded("eve", LAB), logging.getLogger("test")) == {
        "check_total": 2.0,
        "check_doubled": 0.0,
        "note": None,
    }


def test_stock_nbgrader_autogrades_by_the_sandbox(course: Course, summary: Summary):
    assert summary.outcomes
    command = [sys.executable, "-m", "nbgrader", "autograde", LAB, "--student=ben", "--force"]
    ran = subprocess.run(command, cwd=course.root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert lines(course)["ben"].by_cell == {"check_total": 0.0, "check_doubled": 3.0, "note": 0.0}
    assert "Add up all six hours" in course.autograded("ben", LAB).read_text(encoding="utf-8")


def never(pool: Pool, job: Job) -> Report:
    raise AssertionError("graded again")


def test_running_again_grades_nothing_twice(
    course: Course, summary: Summary, places: Places, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Pool, "grade", never)
    again = grade_course(course, LAB, places)
    assert {name: one.record for name, one in again.outcomes.items()} == {
        name: one.record for name, one in summary.outcomes.items()
    }
    assert not any(one.fresh for one in again.outcomes.values())
    with pytest.raises(GraderError, match="graded again"):
        grade_course(course, LAB, places, students=["ada"], force=True)


def test_lost_pages_are_made_from_the_journal(
    course: Course, summary: Summary, places: Places, monkeypatch: pytest.MonkeyPatch
):
    assert summary.outcomes
    before = course.autograded("ada", LAB).read_bytes(), page(course, "ada")
    course.autograded("ada", LAB).unlink()
    course.feedback("ada", LAB).unlink()
    monkeypatch.setattr(Pool, "grade", never)
    grade_course(course, LAB, places, students=["ada"])
    assert (course.autograded("ada", LAB).read_bytes(), page(course, "ada")) == before


def test_a_persons_points_stay_when_graded_again(course: Course, summary: Summary, places: Places):
    assert summary.outcomes
    gradebook.enter_person_score(course.root, LAB, "eve", "note", 3.5)
    grade_course(course, LAB, places, students=["eve"])
    line = lines(course)["eve"]
    assert (line.score, line.waits) == (5.5, False)
    assert "5.5 of 9 points" in page(course, "eve")
    assert "wait for a person" not in page(course, "eve")


def scored(pool: Pool, job: Job) -> Report:
    verdicts = {task: Verdict(task, most, most, "correct", "right") for task, most in job.points.items()}
    return Report(verdicts=verdicts, incidents=[Incident("memory", "total", "for the instructor alone")], wall_s=1.0)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    answers = {name: {"total": f"total_mm = {name!r}"} for name in ("ada", "ben", "cai")}
    return course_with(tmp_path_factory.mktemp("three"), tiny_lab, answers)


@pytest.fixture
def quick(tmp_path: Path, three: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    """Three students, and a sandbox that gives everyone full points."""
    monkeypatch.setattr(Pool, "grade", scored)
    shutil.copytree(three.root, tmp_path / "quay")
    return open_course(tmp_path / "quay")


def test_stopping_at_any_moment_loses_nothing(quick: Course, places: Places, monkeypatch: pytest.MonkeyPatch):
    def stop(outcome: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_course(quick, LAB, places, on_outcome=stop)
    graded: list[str] = []

    def count(pool: Pool, job: Job) -> Report:
        graded.append(job.bundle.parent.name)
        return scored(pool, job)

    monkeypatch.setattr(Pool, "grade", count)
    grade_course(quick, LAB, places)
    assert graded == ["ben", "cai"]
    assert [line.score for line in gradebook.lines(quick.root, LAB)] == [5.0, 5.0, 5.0]


def test_a_changed_submission_is_graded_again_and_a_tampered_record_too(quick: Course, places: Places):
    first = grade_course(quick, LAB, places)
    hand_in(quick, "ada", {"total": "total_mm = 7"})
    record = next((quick.journal(LAB) / "ben").iterdir())
    record.write_bytes(record.read_bytes().replace(b'"score": 2.0', b'"score": 1.0'))
    second = grade_course(quick, LAB, places)
    assert {name for name, one in second.outcomes.items() if one.fresh} == {"ada", "ben"}
    assert second.outcomes["ada"].name != first.outcomes["ada"].name


def test_after_a_changed_key_results_stay_and_are_called_outdated(quick: Course, places: Places):
    first = grade_course(quick, LAB, places, students=["ada"])
    assert first.outdated == []
    key = quick.root / "labs" / LAB / "key.py"
    key.write_text(key.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    second = grade_course(quick, LAB, places, students=["ada"])
    assert first.outcomes["ada"].name == second.outcomes["ada"].name
    assert second.outdated == ["ada"]


def test_a_full_disk_is_told_and_the_next_run_goes_on(quick: Course, places: Places, monkeypatch: pytest.MonkeyPatch):
    keep = Journal.keep

    def full(self: Journal, name: str, record: Record) -> None:
        if record.student == "ben":
            raise GraderError("journal", "the disk is full")
        keep(self, name, record)

    monkeypatch.setattr(Journal, "keep", full)
    first = grade_course(quick, LAB, places)
    assert (sorted(first.outcomes), list(first.failed)) == (["ada", "cai"], ["ben"])
    with pytest.raises(GraderError, match="disk is full"):
        grade_course(quick, LAB, places, students=["ben"])
    monkeypatch.setattr(Journal, "keep", keep)
    assert [name for name, one in grade_course(quick, LAB, places).outcomes.items() if one.fresh] == ["ben"]


def test_a_fault_of_the_grader_costs_one_submission(quick: Course, places: Places, monkeypatch: pytest.MonkeyPatch):
    def breaks(pool: Pool, job: Job) -> Report:
        if job.bundle.parent.name == "ben":
            raise KeyError("a bug")
        return scored(pool, job)

    monkeypatch.setattr(Pool, "grade", breaks)
    summary = grade_course(quick, LAB, places)
    assert sorted(summary.outcomes) == ["ada", "cai"]
    assert "the grader itself failed (KeyError: 'a bug'" in summary.failed["ben"]


def test_own_cells_are_told_to_who_lost_points(quick: Course, places: Places, monkeypatch: pytest.MonkeyPatch):
    notebook = json.loads(quick.submitted("ada", LAB).read_bytes())
    notebook["cells"].append({"cell_type": "code", "id": "mine", "metadata": {}, "source": "x = 1", "outputs": []})
    durable.write(quick.submitted("ada", LAB), json.dumps(notebook).encode())
    assert grade_course(quick, LAB, places, students=["ada"]).outcomes["ada"].record.findings == ()

    def wrong(pool: Pool, job: Job) -> Report:
        return Report({}, {task: Verdict(task, 0.0, most, "incorrect", "no") for task, most in job.points.items()})

    monkeypatch.setattr(Pool, "grade", wrong)
    again = grade_course(quick, LAB, places, students=["ada"], force=True).outcomes["ada"].record
    assert [finding.kind for finding in again.findings] == ["own cells"]


def test_no_isolation_is_refused_and_nothing_is_entered(quick: Course, places: Places, monkeypatch: pytest.MonkeyPatch):
    def refuses(pool: Pool, job: Job) -> Report:
        raise GraderError("this machine", "cannot isolate")

    monkeypatch.setattr(Pool, "grade", refuses)
    with pytest.raises(GraderError, match="cannot isolate"):
        grade_course(quick, LAB, places)
    assert gradebook.lines(quick.root, LAB) == []


def test_incidents_are_for_the_instructor_alone(quick: Course, places: Places, tiny_lab: Lab):
    summary = grade_course(quick, LAB, places, students=["ada"])
    told: dict[str, Any] = summary_json(tiny_lab, summary)
    assert told["students"][0]["incidents"][0]["kind"] == "memory"
    assert "for the instructor alone" not in page(quick, "ada")


def test_feedback_shows_a_persons_words_and_practice(quick: Course, places: Places, tiny_lab: Lab):
    record = grade_course(quick, LAB, places, students=["ada"]).outcomes["ada"].record
    lesson = read_lesson(quick.release_notebook(LAB), LAB)
    read = replace(record, practice=True, blank=())
    shown = feedback_page(tiny_lab, lesson, read, "Ada <b>", {"note": PersonMark(3.0, "Name the <i>street</i>.")})
    assert "8 of 9 points" in shown
    assert "Name the &lt;i&gt;street&lt;/i&gt;." in shown
    assert "counts for no certificate" in shown
    assert "Ada &lt;b&gt;" in shown
