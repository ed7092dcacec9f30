"""Issuing: once each, to whoever earned it, verifiable by a stranger."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.certify.framework import load_framework
from grader.certify.issuing import Student, issue_for
from grader.certify.rules import Submission, TaskScore
from grader.credentials.identity import Person
from grader.credentials.trust import read_trust_pack
from grader.credentials.verify import verify
from grader.errors import GraderError

FRAMEWORK = load_framework(Path(__file__).parents[2] / "curriculum")
STORM = FRAMEWORK.competency("simulate-a-storm")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSPHRASE = "correct horse battery"  # noqa: S105 - opens nothing but this test's keys


def student(name, score, **facts):
    scores = {task: TaskScore(score, 2.0, "correct") for task in STORM.evidence[0].tasks}
    fixed = {"lab": "storm_night", "lab_title": "Storm night", "commitment": "cd" * 32, "grader": "practicum 0.1.0"}
    work = Submission(**{**fixed, "sha256": "ab" * 32, "tier": "bubblewrap", "scores": scores, **facts})
    return Student(Person(name, name.title(), f"{name}@example.org", sample=True), {"storm_night": work})


COHORT = (student("ada", 2.0), student("bob", 1.0), student("eve", 2.0, incidents=("attack",)))


def issue(course, students=COHORT, now=NOW):
    return issue_for(course, students, FRAMEWORK, issuer_name="Gulls' Quay Practicum", passphrase=PASSPHRASE, now=now)


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    return course, issue(course)


def test_only_who_earned_it_gets_one(issued):
    course, result = issued
    files = [decision.file for decision in result.decisions if decision.file]
    assert files == [course / "credentials" / "ada" / "simulate-a-storm.json"]
    assert not (course / "credentials" / "bob").exists()
    assert not (course / "credentials" / "eve").exists()


def test_the_page_lies_beside_it(issued):
    course, _ = issued
    page = (course / "credentials" / "ada" / "simulate-a-storm.html").read_text(encoding="utf-8")
    assert "Carry a drainage district through a storm night" in page
    assert "SAMPLE" in page


def test_a_stranger_verifies_it(issued):
    course, result = issued
    pack = read_trust_pack(course / "trust", result.fingerprint)
    content = (course / "credentials" / "ada" / "simulate-a-storm.json").read_bytes()
    found = verify(content, pack, now=NOW, person="ada@example.org")
    assert found.valid
    assert found.lines[4].verdict == "pass"
    assert "Gulls' Quay Practicum" in found.lines[1].says
    assert "samples" in found.lines[1].says
    document = json.loads(content)
    assert document["credentialSubject"]["result"][0]["value"] == "100.0"
    assert "cd" * 32 in document["evidence"][0]["narrative"]
    assert "provisional" in document["credentialSubject"]["achievement"]["criteria"]["narrative"]


def test_running_again_issues_nothing_twice(issued):
    course, first = issued
    file = course / "credentials" / "ada" / "simulate-a-storm.json"
    before, log = file.read_bytes(), (course / "credentials" / "issued.jsonl").read_bytes()
    again = issue(course)
    assert [decision.new for decision in again.decisions] == [False] * len(again.decisions)
    assert [decision.file for decision in again.decisions] == [decision.file for decision in first.decisions]
    assert file.read_bytes() == before
    assert (course / "credentials" / "issued.jsonl").read_bytes() == log
    assert again.fingerprint == first.fingerprint


def test_who_earns_it_later_gets_it_later(tmp_path):
    issue(tmp_path, [student("bob", 1.0)])
    result = issue(tmp_path, [student("bob", 2.0)])
    assert [decision.new for decision in result.decisions if decision.file] == [True]


@pytest.mark.parametrize("loss", ["changed", "gone"])
def test_an_issued_file_that_changed_is_told_not_replaced(tmp_path, loss):
    issue(tmp_path, [student("ada", 2.0)])
    file = tmp_path / "credentials" / "ada" / "simulate-a-storm.json"
    if loss == "gone":
        file.unlink()
    else:
        file.write_text("{}")
    with pytest.raises(GraderError, match=r"not issued twice|as it was issued"):
        issue(tmp_path, [student("ada", 2.0)])


def test_an_id_that_cannot_name_a_folder_is_refused(tmp_path):
    with pytest.raises(GraderError, match="cannot name a folder"):
        issue(tmp_path, [student("../ada", 2.0)])


def test_a_read_only_course_is_told(tmp_path):
    (tmp_path / "credentials").write_text("a file where a folder should be")
    with pytest.raises(GraderError, match="cannot be opened"):
        issue(tmp_path)
