"""The journal: a record that was altered, cut, swapped or put back counts for nothing, and is made again."""

import json
from dataclasses import dataclass

import pytest

from grader import gradebook
from grader.cohort import custody, durable
from grader.cohort.course import create_course, release_lab
from grader.cohort.grading import Places, grade_course
from grader.cohort.journal import Journal
from grader.cohort.roster import Student
from grader.workshop.bank import compose, read_bank

LAB = "tiny_lab"
HALF = 3.0  # what a wrong sum with a right function earns


def _points(folder):
    path = _record(folder)
    path.write_bytes(path.read_bytes().replace(b'"score": 0.0', b'"score": 2.0'))


def _sealed_anew(folder):
    stored = json.loads(_record(folder).read_bytes())
    stored["seal"] = "0" * 64
    _record(folder).write_text(json.dumps(stored))


def _without_seal(folder):
    stored = json.loads(_record(folder).read_bytes())
    del stored["seal"]
    _record(folder).write_text(json.dumps(stored))


def _cut(folder):
    path = _record(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _another_inside(folder):
    _record(folder).write_bytes(_record(folder.parent / "best").read_bytes())


def _another_beside(folder):
    best = _record(folder.parent / "best")
    _record(folder).unlink()
    (folder / best.name).write_bytes(best.read_bytes())


def _another_name(folder):
    path = _record(folder)
    path.rename(path.with_stem("0" * 64))


def _writes(data):
    return lambda folder: _record(folder).write_bytes(data)


def _record(folder):
    return next(path for path in sorted(folder.iterdir()) if path.suffix == ".json")


TAMPERED = {
    "points raised": _points,
    "a seal of one's own": _sealed_anew,
    "no seal": _without_seal,
    "cut short": _cut,
    "emptied": _writes(b""),
    "not a record": _writes(b'{"record": [], "seal": 7}'),
    "nested 100,000 deep": _writes(b"[" * 100_000),
    "invalid UTF-8": _writes(b"\xff\xfe{"),
    "another's record in the place of one's own": _another_inside,
    "another's record beside one's own": _another_beside,
    "another name": _another_name,
}


@dataclass(frozen=True)
class Two:
    """Two runs of one course, the journal tampered with in between."""

    course: object
    first: object
    second: object


@pytest.fixture(scope="module")
def runs(tmp_path_factory, tiny_lab):
    names = {f"student{number}": tamper for number, tamper in enumerate(TAMPERED.values())}
    course = create_course(
        tmp_path_factory.mktemp("journal") / "quay", [Student(name, "X") for name in ("best", *names)]
    )
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    release, bank = json.loads(course.release_notebook(LAB).read_bytes()), read_bank(tiny_lab)
    for name in ("best", *names):
        answers = bank["right_plain" if name == "best" else "wrong_mean"].answers
        durable.write(course.submitted(name, LAB), json.dumps(compose(release, answers)).encode())
    places = Places(tmp_path_factory.mktemp("datasets"), tmp_path_factory.mktemp("district"))
    first = grade_course(course, LAB, places, jobs=2)
    for name, tamper in names.items():
        tamper(course.journal(LAB) / name)
    return Two(course, first, grade_course(course, LAB, places, jobs=2))


@pytest.mark.parametrize(("number", "name"), list(enumerate(TAMPERED)), ids=list(TAMPERED))
def test_a_record_tampered_with_is_made_again(runs, number, name):
    student = f"student{number}"
    found = runs.second.outcomes[student]
    assert (found.fresh, found.record.score) == (True, HALF)
    assert found.record.student == student
    current = Journal(runs.course.journal(LAB), runs.course.journal_key).current(student)
    assert {record.score for record in current.values()} == {HALF}


def test_the_untouched_record_stays_and_the_gradebook_is_right(runs):
    assert not runs.second.outcomes["best"].fresh
    assert runs.second.outcomes["best"].record == runs.first.outcomes["best"].record
    scores = {line.student: line.score for line in gradebook.lines(runs.course.root, LAB)}
    assert scores == {"best": 5.0} | {f"student{number}": HALF for number in range(len(TAMPERED))}


def test_an_older_record_put_back_does_not_count(runs):
    journal = Journal(runs.course.journal(LAB), runs.course.journal_key)
    folder = runs.course.journal(LAB) / "student0"
    old = _record(folder)
    newer = runs.second.outcomes["student0"].record
    journal.add("f" * 64, newer)
    latest = list(journal.current("student0").values())[-1]
    again = json.loads(old.read_bytes())
    again["record"]["sequence"] = 99  # the seal covers it
    old.write_text(json.dumps(again))
    assert list(journal.current("student0").values())[-1] == latest
