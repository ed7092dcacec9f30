"""Three kills of a run, each at another place, and each student still gets exactly their points, once."""

import random
import shutil
from pathlib import Path

from grader.cohort.course import open_course
from grader.workshop.lab import Lab
from tests.stress.kills import a_cohort, all_is_well, graded, kill, mounted


def test_three_kills_lose_nothing(tmp_path: Path, tiny_lab: Lab):
    course, mounts = a_cohort(tmp_path / "quay", tiny_lab, 4), mounted()
    draw = random.Random(7)  # noqa: S311 - the same moments each time, no secret
    shutil.copytree(course.root, tmp_path / "undisturbed")
    undisturbed = graded(open_course(tmp_path / "undisturbed"), tmp_path / "scratch")
    hit = [kill(course, tmp_path / "scratch", target, draw) for target in ("controller", "checker", "group")]
    assert any(hit)
    all_is_well(course, undisturbed, tmp_path / "scratch", mounts)
