"""The cohort stopped: whatever lies in one student's folder, the others get their points and the run ends."""

import json
import time

import pytest

from grader import gradebook
from grader.cohort import custody, durable
from grader.cohort.course import create_course, release_lab
from grader.cohort.grading import Places, grade_course
from grader.cohort.roster import Student
from grader.isolation import Limits
from grader.workshop.bank import compose, read_bank
from tests.grader.attacks.files import FILES

LAB = "tiny_lab"
HOSTILE = [one for group in FILES.values() for one in group]
BOUND_S = 300.0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, tiny_lab):
    """A course with an honest student before, between and after the hostile ones, and what grading it found."""
    root = tmp_path_factory.mktemp("cohort")
    names = [name for number in range(len(HOSTILE)) for name in _around(number)] + [f"honest{len(HOSTILE) // 8 + 1}"]
    course = create_course(root / "quay", [Student(name, name.title()) for name in names])
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    release = json.loads(course.release_notebook(LAB).read_bytes())
    right = compose(release, read_bank(tiny_lab)["right_plain"].answers)
    for name in names:
        path = course.submitted(name, LAB)
        path.parent.mkdir(parents=True)
        if name.startswith("honest"):
            durable.write(path, json.dumps(right).encode())
        else:
            HOSTILE[int(name.removeprefix("hostile"))].lay(path, right)
    places = Places(tmp_path_factory.mktemp("datasets"), tmp_path_factory.mktemp("district"))
    begun = time.monotonic()
    summary = grade_course(course, LAB, places, jobs=2, limits=Limits(cell_s=5.0, run_s=30.0, check_s=30.0))
    return course, summary, time.monotonic() - begun


def _around(number):
    # an honest student before every eighth
    return ([f"honest{number // 8}"] if number % 8 == 0 else []) + [f"hostile{number}"]


@pytest.mark.parametrize(("number", "hostile"), list(enumerate(HOSTILE)), ids=[one.name for one in HOSTILE])
def test_a_hostile_file_costs_nobody_else_anything(cohort, number, hostile):
    _, summary, _ = cohort
    record = summary.outcomes[f"hostile{number}"].record
    kinds = [finding.kind for finding in record.findings if finding.kind != "own cells"]
    assert (record.score, tuple(kinds)) == (hostile.score, hostile.finds), record.findings


def test_the_honest_keep_everything_and_the_run_ends(cohort):
    course, summary, took_s = cohort
    honest = {name: one.record for name, one in summary.outcomes.items() if name.startswith("honest")}
    assert len(honest) > 5
    assert {record.score for record in honest.values()} == {5.0}
    assert {(record.findings, record.incidents) for record in honest.values()} == {((), ())}
    assert summary.failed == {}
    assert took_s < BOUND_S
    lines = {line.student: line.score for line in gradebook.lines(course.root, LAB)}
    assert {lines[name] for name in honest} == {5.0}
    assert len(lines) == len(HOSTILE) + len(honest)


def test_no_page_shows_another_students_or_the_instructors_text(cohort):
    course, summary, _ = cohort
    for name in summary.outcomes:
        shown = course.feedback(name, LAB).read_text() + course.autograded(name, LAB).read_text()
        assert "solution-of" not in shown
        assert "key-only-text" not in shown
