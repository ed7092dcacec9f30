"""Grading again: what would change is shown before anything does, and the old records stay."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cli.regrade import command
from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.grading import Places, grade_course
from grader.cohort.journal import Journal
from grader.cohort.roster import Student
from grader.isolation.job import Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import compose
from grader.workshop.lab import Lab

LAB = "tiny_lab"
POINTS = {"total": 2.0, "doubled": 1.0}


def scored(pool: Pool, job: Job) -> Report:
    found = {task: Verdict(task, POINTS[task], most, "partly", "so") for task, most in job.points.items()}
    return Report(verdicts=found)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    """Two students, graded by a lab whose key has changed since."""
    course = create_course(tmp_path_factory.mktemp("regrade") / "quay", [Student("ada", "Ada"), Student("ben", "Ben")])
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    release = json.loads(course.release_notebook(LAB).read_bytes())
    for student in course.students():
        content = compose(release, {"total": f"total_mm = {student.id!r}"})
        durable.write(course.submitted(student.id, LAB), json.dumps(content).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pool, "grade", scored)
        patch.setattr(Pool, "start", lambda pool: None)
        grade_course(course, LAB, Places(Path(), Path()))
    key = course.root / "labs" / LAB / "key.py"
    key.write_text(key.read_text(encoding="utf-8") + "\n# mended\n", encoding="utf-8")
    return course


@pytest.fixture
def course(tmp_path: Path, graded: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setattr(Pool, "grade", scored)
    monkeypatch.setattr(Pool, "start", lambda pool: None)
    monkeypatch.setitem(POINTS, "doubled", 3.0)
    monkeypatch.setattr("grader.cli.regrade.district_places", lambda: Places(Path(), Path()))
    shutil.copytree(graded.root, tmp_path / "quay")
    return open_course(tmp_path / "quay")


def regrade(course: Course, *more: str) -> Result:
    ran = CliRunner().invoke(command, [LAB, "--course", str(course.root), *more])
    assert ran.exit_code == 0, ran.output
    return ran


def scores(course: Course) -> list[float]:
    return [line.score for line in gradebook.lines(course.root, LAB)]


def test_nothing_changes_before_it_is_applied(course: Course):
    before = sorted(path.read_bytes() for path in course.journal(LAB).glob("*/*.json"))
    told = regrade(course).stdout
    assert "2 graded again, 2 with other points" in told
    assert "doubled 1 → 3" in told
    assert "total 2" not in told
    assert "--apply" in told
    assert sorted(path.read_bytes() for path in course.journal(LAB).glob("*/*.json")) == before
    assert scores(course) == [3.0, 3.0]
    assert not grade_course(course, LAB, Places(Path(), Path())).outcomes["ada"].fresh


def test_applied_the_new_record_counts_and_the_old_one_stays(course: Course):
    told = json.loads(regrade(course, "--apply", "--json").stdout)
    assert told["changes"][0] == {
        "id": "ada",
        "attempt": 1,
        "before": 3.0,
        "after": 5.0,
        "tasks": {"doubled": [1.0, 3.0]},
    }
    assert scores(course) == [5.0, 5.0]
    assert "5 of 9 points" in course.feedback("ben", LAB).read_text(encoding="utf-8")
    journal = Journal(course.journal(LAB), course.journal_key)
    kept = [journal.find("ada", path.stem) for path in (course.journal(LAB) / "ada").glob("*.json")]
    assert sorted(record.score for record in kept if record) == [3.0, 5.0]
    assert "Nothing to grade again" in regrade(course).stdout
    assert grade_course(course, LAB, Places(Path(), Path())).outdated == []


def test_what_was_graded_again_is_not_graded_a_third_time(course: Course, monkeypatch: pytest.MonkeyPatch):
    regrade(course, "--student", "ada")
    asked: list[str] = []

    def count(pool: Pool, job: Job) -> Report:
        asked.append(job.bundle.parent.name)
        return scored(pool, job)

    monkeypatch.setattr(Pool, "grade", count)
    regrade(course, "--apply")
    assert asked == ["ben"]


def test_applying_goes_on_after_a_kill(course: Course, monkeypatch: pytest.MonkeyPatch):
    add = Journal.add

    def dies(self: Journal, name: str, record: object) -> str:
        if getattr(record, "student", "") == "ben":
            raise KeyboardInterrupt
        return add(self, name, record)  # type: ignore[arg-type]

    class EndedError(Exception):
        pass

    def ended(words: str) -> None:
        raise EndedError(words)

    monkeypatch.setattr(Journal, "add", dies)
    monkeypatch.setattr("grader.cli.regrade.stop", ended)
    ran = CliRunner().invoke(command, [LAB, "--course", str(course.root), "--apply"])
    assert isinstance(ran.exception, EndedError)
    monkeypatch.setattr(Journal, "add", add)
    regrade(course, "--apply")
    assert scores(course) == [5.0, 5.0]
    assert len(list((course.journal(LAB) / "ada").glob("*.json"))) == 2


def test_a_persons_points_and_what_they_have_read_stay(course: Course):
    release = json.loads(course.release_notebook(LAB).read_bytes())
    content = compose(release, {"total": "total_mm = 1", "note": "It rained."})
    durable.write(course.submitted("ada", LAB), json.dumps(content).encode())
    grade_course(course, LAB, Places(Path(), Path()))
    gradebook.enter_person_score(course.root, LAB, "ada", "note", 4.0)
    regrade(course, "--all", "--apply")
    line = gradebook.lines(course.root, LAB)[0]
    assert (line.score, line.waits) == (9.0, False)


def test_everything_can_be_graded_again(course: Course):
    regrade(course, "--apply")
    assert json.loads(regrade(course, "--all", "--json").stdout)["changes"][1]["after"] == 5.0
