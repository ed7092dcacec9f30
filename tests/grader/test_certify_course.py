"""``practicum certify`` on a course: from the journal's records to certificates that verify."""

import json

import pytest
from click.testing import CliRunner

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cli import certify, credential
from grader.cohort.course import Course, create_course, release_lab
from grader.cohort.journal import Journal, Record
from grader.cohort.roster import Student
from grader.errors import GraderError
from grader.isolation.job import Incident

PASSPHRASE = "correct horse battery"  # noqa: S105 - opens nothing but this test's key
FRAMEWORK = """
id = "tiny"
version = "1"
title = "Tiny framework"
cut_status = "provisional"
domain = [{ id = "sensing", title = "Sensing" }]
level = [{ id = "foundation", title = "Foundation" }]

[[competency]]
id = "add-up"
code = "SEN.F.1"
domain = "sensing"
level = "foundation"
title = "Add up the rain"
title_zh = "雨量求和"
statement = "Adds."
certificate = "sample"
cut = 0.7
blueprint = [1]
evidence = [{ lab = "tiny_lab", tasks = ["total", "doubled"], waits = ["note"] }]
"""
# What the check gave for `total` (of 2) and `doubled` (of 3), and what happened.
WORK = {
    "right": (2.0, 3.0, ()),
    "half": (2.0, 1.0, ()),
    "forger": (2.0, 3.0, (Incident("attack", "total", "patched the kernel"),)),
    "absent": None,
}


def hand_in(course: Course, student: str, total: float, doubled: float, incidents) -> None:
    record = Record(
        student=student,
        lab="tiny_lab",
        submission="ab" * 32,
        graded_at="2026-11-21T12:00:00+08:00",
        answers={},
        blank=(),
        verdicts={
            "total": Verdict("total", total, 2.0, "correct", ""),
            "doubled": Verdict("doubled", doubled, 3.0, "partly", ""),
        },
        incidents=incidents,
        tier="namespaces",
    )
    journal = Journal(course.journal("tiny_lab"), course.journal_key)
    journal.keep(student, record)
    journal.note_entered({student: student})
    scores = {"check_total": total, "check_doubled": doubled}
    gradebook.enter_grades(course.root, "tiny_lab", [gradebook.Grades(student, scores, frozenset({"note"}))])
    bundle = course.bundle(student, "tiny_lab")
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps({"commitment": "cd" * 32}))


@pytest.fixture(scope="module")
def course(tmp_path_factory, tiny_lab):
    root = tmp_path_factory.mktemp("certify") / "quay"
    students = [Student(name, name.title(), f"{name}@example.org", sample=True) for name in WORK]
    course = create_course(root, students, name="Quay course")
    release_lab(course, tiny_lab)
    for student, work in WORK.items():
        if work:
            hand_in(course, student, *work)
    return course


@pytest.fixture
def curriculum(tmp_path, monkeypatch):
    (tmp_path / "framework.toml").write_text(FRAMEWORK, encoding="utf-8")
    monkeypatch.setattr(certify, "data_folder", lambda _: tmp_path)


def run(course, *arguments, passphrase=PASSPHRASE):
    runner = CliRunner(env={"PRACTICUM_SIGNING_PASSPHRASE": passphrase} if passphrase else {})
    return runner.invoke(certify.command, ["--course", str(course.root), *arguments])


@pytest.mark.usefixtures("curriculum")
def test_certify_and_verify(course):
    result = run(course, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    by_student = {decision["student"]: decision for decision in facts["decisions"]}
    assert {name for name, decision in by_student.items() if decision["file"]} == {"right"}
    assert "0.5 more needed" in by_student["half"]["says"]
    assert "attack" in by_student["forger"]["says"]
    assert "absent" not in by_student
    assert by_student["right"]["waits"] == ["note"]
    asked = ["--trust", facts["trust"], "--pin", facts["fingerprint"], "--person", "right@example.org"]
    shown = CliRunner().invoke(credential.command, ["verify", by_student["right"]["file"], *asked])
    assert shown.exit_code == 0, shown.output
    assert "Quay course" in shown.output
    again = run(course)
    assert "has it" in again.output
    assert "0 certificates issued" in again.output
    assert facts["fingerprint"] in again.output


@pytest.mark.usefixtures("curriculum")
def test_a_score_changed_in_a_record_is_not_believed(course):
    path = course.journal("tiny_lab") / "half" / "half.json"
    genuine = path.read_text()
    path.write_text(genuine.replace('"score": 1.0', '"score": 3.0'))
    assert path.read_text() != genuine
    decisions = json.loads(run(course, "--json").stdout)["decisions"]
    path.write_text(genuine)
    assert "half" not in {decision["student"] for decision in decisions}


@pytest.mark.usefixtures("curriculum")
def test_no_passphrase_and_a_wrong_one(course):
    run(course)
    assert "not given" in str(run(course, passphrase="").exception)
    wrong = run(course, passphrase=PASSPHRASE[::-1]).exception
    assert isinstance(wrong, GraderError)
    assert "does not open" in str(wrong)


def test_what_is_no_course(tmp_path):
    result = CliRunner().invoke(certify.command, ["--course", str(tmp_path)])
    assert isinstance(result.exception, GraderError)
    assert CliRunner().invoke(certify.command, ["--course", str(tmp_path / "nowhere")]).exit_code == 2
