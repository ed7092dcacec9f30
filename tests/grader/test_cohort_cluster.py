"""A cohort graded on a cluster of two processes: the same results in the same order, and one writer."""

import json
import shutil
from pathlib import Path

import pytest

from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.grading import Places, grade_course, summary_json
from grader.cohort.roster import sample_students
from grader.errors import GraderError
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab

LAB = "tiny_lab"
VARIES = ("fresh", "cpu_s", "wall_s")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Course:
    root = tmp_path_factory.mktemp("cluster")
    for name in ("datasets", "district"):
        (root / name).mkdir()
    course = create_course(root / "quay", sample_students(4))
    release_lab(course, tiny_lab)
    for _ in custody.prepare_all(course, LAB, course.students(), jobs=2):
        pass
    release = json.loads(course.release_notebook(LAB).read_bytes())
    bank = read_bank(tiny_lab)
    entries = ("wrong_mean", "right_plain", "attack_raises_its_input", "blank")
    for student, entry in zip(course.students(), entries, strict=True):
        durable.write(course.submitted(student.id, LAB), json.dumps(compose(release, bank[entry].answers)).encode())
    return course


def results(course: Course, dask: str = "") -> dict:
    places = Places(course.root.parent / "datasets", course.root.parent / "district")
    summary = summary_json(course.lab(LAB), grade_course(course, LAB, places, jobs=2, dask=dask))
    for student in summary["students"]:
        for name in VARIES:
            del student[name]
    del summary["wall_s"]
    return summary


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_cluster_gives_the_same_results_in_the_same_order(course: Course, tmp_path: Path):
    distributed = pytest.importorskip("distributed")
    shutil.copytree(course.root, tmp_path / "quay")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "district").mkdir()
    here = results(course)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        there = results(open_course(tmp_path / "quay"), cluster.scheduler_address)
    assert there == here
    assert [student["id"] for student in there["students"]] == [student.id for student in course.students()]
    records = list((tmp_path / "quay" / "journal" / LAB).glob("*/*.json"))
    assert len(records) == 4


def test_no_cluster_is_told(course: Course, tmp_path: Path):
    shutil.copytree(course.root, tmp_path / "quay")
    shutil.rmtree(tmp_path / "quay" / "journal", ignore_errors=True)
    with pytest.raises(GraderError, match="no cluster answers"):
        results(open_course(tmp_path / "quay"), "tcp://127.0.0.1:9")
