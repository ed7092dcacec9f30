"""nbgrader's own release and gradebook: nothing secret released, points entered exactly, a person's score kept."""

import math
from pathlib import Path

import numpy as np
import pytest

from grader import gradebook
from grader.errors import GraderError
from grader.gradebook import Grades
from grader.workshop.bank import read_bank
from grader.workshop.lab import Lab
from grader.workshop.notebook import CODE_STUB, TEXT_STUB, write_source_notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Path:
    root = tmp_path_factory.mktemp("course")
    gradebook.write_config(root, "quay-2026", CODE_STUB, TEXT_STUB)
    write_source_notebook(tiny_lab, root / "source")
    gradebook.release(root, "tiny_lab")
    return root


def enter(course: Path, student: str, total: float, *, fresh: bool = True) -> gradebook.Line:
    grades = Grades(student, {"check_total": total, "check_doubled": 1.5}, frozenset({"note"}), fresh=fresh)
    gradebook.enter_grades(course, "tiny_lab", [grades])
    return next(line for line in gradebook.lines(course, "tiny_lab") if line.student == student)


def test_release_holds_no_solution_no_key_and_no_answer_of_the_bank(course: Path, tiny_lab: Lab):
    released = "\n".join(path.read_text(encoding="utf-8") for path in (course / "release").rglob("*") if path.is_file())
    assert 'check(\\"total\\")' in released
    secrets = ["solution-of", "BEGIN SOLUTION", "END SOLUTION", "key-only-text", "hidden", "within", "plausible"]
    for entry in read_bank(tiny_lab).values():
        secrets += [line.strip() for text in entry.answers.values() for line in text.splitlines() if "=" in line]
    assert [secret for secret in secrets if secret in released] == []


def test_release_is_the_same_bytes_each_time(course: Path):
    path = course / "release" / "tiny_lab" / "tiny_lab.ipynb"
    before = path.read_bytes()
    assert gradebook.release(course, "tiny_lab") == path
    assert path.read_bytes() == before


def test_partial_points_reach_the_gradebook_exactly(course: Path):
    line = enter(course, "ada", 1.37)
    assert line.by_cell == {"check_total": 1.37, "check_doubled": 1.5, "note": None}
    assert (line.score, line.max_score, line.waits) == (1.37 + 1.5, 9.0, True)


def test_a_persons_score_stays_and_a_changed_submission_asks_them_again(course: Path):
    enter(course, "ben", 0.5)
    gradebook.enter_person_score(course, "tiny_lab", "ben", "note", 3)
    line = enter(course, "ben", 2.0, fresh=False)
    assert (line.score, line.waits) == (6.5, False)
    line = enter(course, "ben", 2.0, fresh=True)
    assert (line.score, line.waits) == (6.5, True)


@pytest.mark.parametrize("score", [np.float64(0.0), math.nan, -1.0, 2.5, 1, None, True])
def test_what_nbgrader_would_take_for_full_points_is_refused(course: Path, score: object):
    with pytest.raises(GraderError, match="plain float from 0 to 2"):
        gradebook.enter_grades(course, "tiny_lab", [Grades("eve", {"check_total": score})])  # type: ignore[dict-item]


def test_a_folder_that_is_no_course_and_a_lab_that_is_not_released_are_refused(course: Path, tmp_path: Path):
    with pytest.raises(GraderError, match="is no course"):
        gradebook.lines(tmp_path, "tiny_lab")
    with pytest.raises(GraderError, match="practicum lab release"):
        gradebook.enter_grades(course, "other_lab", [Grades("ada", {})])
    with pytest.raises(GraderError, match="nbgrader refused"):
        gradebook.release(course, "other_lab")


def test_a_released_lab_with_submissions_keeps_its_graded_cells(course: Path, tiny_lab: Lab):
    enter(course, "ada", 1.0)
    path = course / "source" / "tiny_lab" / "tiny_lab.ipynb"
    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b"check_total", b"check_other"))
        with pytest.raises(GraderError, match="nbgrader refused"):
            gradebook.release(course, "tiny_lab")
    finally:
        path.write_bytes(before)
    assert gradebook.release(course, tiny_lab.id).exists()
