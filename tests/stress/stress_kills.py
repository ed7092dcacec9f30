"""``make stress``: 25 kills at drawn moments, and each student still gets exactly their points, once."""

import random
import shutil
from pathlib import Path

import pytest

from grader.cohort.course import Course, open_course
from grader.workshop.lab import load_lab
from tests.stress.kills import TARGETS, a_cohort, all_is_well, graded, kill, mounted

FIXTURES = Path(__file__).parents[1] / "grader" / "fixtures"
ROUNDS = 5


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict]:
    """A course as it was handed in, and what an undisturbed run of a copy gives."""
    root = tmp_path_factory.mktemp("kills")
    course = a_cohort(root / "quay", load_lab(FIXTURES / "tiny_lab"), 8)
    shutil.copytree(course.root, root / "undisturbed")
    return course, graded(open_course(root / "undisturbed"), root / "scratch")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_five_kills_lose_nothing(cohort: tuple[Course, dict], tmp_path: Path, number: int):
    course, undisturbed = cohort
    shutil.copytree(course.root, tmp_path / "quay")
    copy, mounts = open_course(tmp_path / "quay"), mounted()
    draw = random.Random(number)  # noqa: S311 - the same moments each time, no secret
    targets = list(TARGETS)
    draw.shuffle(targets)
    for target in targets:
        kill(copy, tmp_path / "scratch", target, draw)
    all_is_well(copy, undisturbed, tmp_path / "scratch", mounts)
