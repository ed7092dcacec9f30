"""The commands of an instructor's day: make a course, release, fetch, grade; a mistake ends in one message."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli import lab as lab_command
from grader.cli.cohort import command as cohort
from grader.cli.grade import command as grade
from grader.cli.lab import command as lab
from grader.cohort import durable
from grader.cohort.course import open_course
from grader.errors import GraderError
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab
from grader.workshop.verify import Proof

LAB = "tiny_lab"


def run(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Path:
    root = tmp_path_factory.mktemp("cli") / "quay"
    ran = run(cohort, "init", root, "--lab", tiny_lab.folder, "--sample", 2, "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == {"course": str(root), "id": "quay", "students": 2, "labs": [LAB]}
    return root


def hand_in(course: Path, student: str, entry: str, lab: Lab) -> None:
    opened = open_course(course)
    release = json.loads(opened.release_notebook(LAB).read_bytes())
    durable.write(opened.submitted(student, LAB), json.dumps(compose(release, read_bank(lab)[entry].answers)).encode())


def test_a_day_of_an_instructor(course: Path, tiny_lab: Lab, tmp_path: Path):
    assert run(cohort, "bundles", "--course", course).output == "tiny_lab: 0 made\n"
    fetched = run(lab, "fetch", LAB, "--course", course, "--student", "sample-01", "--to", tmp_path)
    assert Path(fetched.output.strip()) == tmp_path / LAB / f"{LAB}.ipynb"
    assert (tmp_path / LAB / "data" / "rain.json").is_file()
    hand_in(course, "sample-01", "right_plain", tiny_lab)
    told = run(grade, LAB, "--course", course, "--jobs", 1)
    assert told.exit_code == 0, told.output
    assert "sample-01" in told.output
    assert "5 of 5" in told.output
    assert "1 graded now, 0 kept from before, 1 handed in nothing" in told.output
    again = json.loads(run(grade, LAB, "--course", course, "--json").stdout)
    assert [(one["id"], one["score"], one["fresh"]) for one in again["students"]] == [("sample-01", 5.0, False)]
    assert again["absent"] == ["sample-02"]


def test_a_killed_run_goes_on(course: Path, tiny_lab: Lab):
    for student in ("sample-01", "sample-02"):
        hand_in(course, student, "wrong_squares", tiny_lab)
    call = "from grader.cli import main; main()"
    arguments = [sys.executable, "-c", call, "grade", LAB, "--course", str(course), "--jobs", "1"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "sample-01" in running.stdout.readline()  # told as soon as it is kept
        os.kill(running.pid, signal.SIGKILL)
    told = json.loads(run(grade, LAB, "--course", course, "--json").stdout)
    assert [(one["id"], one["score"], one["fresh"]) for one in told["students"]] == [
        ("sample-01", 2.0, False),
        ("sample-02", 2.0, True),
    ]


def test_ctrl_c_ends_in_a_sentence(course: Path, tiny_lab: Lab):
    for student in ("sample-01", "sample-02"):
        hand_in(course, student, "half_right", tiny_lab)
    call = "from grader.cli import main; main()"
    arguments = [sys.executable, "-c", call, "grade", LAB, "--course", str(course), "--jobs", "2"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        os.kill(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert "Traceback" not in said
    if running.returncode:  # else it was done before the signal came
        assert running.returncode == 130
        assert "run the same command to go on" in said
    told = json.loads(run(grade, LAB, "--course", course, "--json").stdout)
    assert [one["score"] for one in told["students"]] == [2.0, 2.0]


def test_labs_are_listed_and_built(tiny_lab: Lab, tmp_path: Path, own_tiny_lab: Lab):
    listed = json.loads(run(lab, "list", "--labs", own_tiny_lab.folder.parents[1], "--json").stdout)
    assert [(one["id"], one["tasks"], one["points"]) for one in listed] == [(LAB, 3, 9.0)]
    assert "Two sums at the quay" in run(lab, "list", "--labs", own_tiny_lab.folder.parents[1]).output
    built = run(lab, "build", tiny_lab.folder, "--out", tmp_path / "out").output.split()
    assert [Path(path).relative_to(tmp_path / "out").parts[0] for path in built] == ["source", "release"]
    before = [Path(path).read_bytes() for path in built]
    run(lab, "build", tiny_lab.folder, "--out", tmp_path / "out")
    assert [Path(path).read_bytes() for path in built] == before


def test_verify_prints_its_proof_and_its_exit_code_says_it(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch):
    from grader.workshop import verify

    def proof(*_: object, **__: object) -> Proof:
        return Proof(LAB, 1, right_total=1, rows=[{"ok": failed == 0}], right_failed=failed)

    monkeypatch.setattr(verify, "verify_lab", proof)
    failed = 0
    told = run(lab, "verify", tiny_lab.folder, "--json")
    assert told.exit_code == 0
    assert set(json.loads(told.stdout)) >= {
        "lab",
        "seeds",
        "right_total",
        "right_failed",
        "blank_score",
        "misconceptions_total",
        "misconceptions_missed",
        "mutants_total",
        "mutants_killed",
        "neighbour_gain",
        "run_s",
        "rows",
    }
    failed = 1
    told = run(lab, "verify", tiny_lab.folder)
    assert told.exit_code == 1
    assert "NOT PROVEN" in told.output
    lab_command._tell_row({"ok": False, "seed": 1, "entry": "x", "score": 1.0, "expected": 2.0})


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        (cohort, ["init", "{new}", "--lab", "no_such_lab", "--sample", "2"], "Known labs"),
        (cohort, ["init", "{new}", "--roster", "{new}.csv"], "not found"),
        (cohort, ["init", "{course}", "--sample", "2"], "is not empty"),
        (cohort, ["bundles", "--course", "{new}"], "is no course"),
        (grade, ["no_such_lab", "--course", "{course}"], "is not released here"),
        (grade, [LAB, "--course", "{course}", "--student", "nobody"], "no student 'nobody'"),
        (grade, [LAB, "--course", "{new}"], "is no course"),
        (lab, ["fetch", LAB, "--course", "{course}", "--student", "nobody"], "no student 'nobody'"),
        (lab, ["release", "no_such_lab", "--course", "{course}"], "not found"),
        (lab, ["verify", "no_such_lab"], "not found"),
    ],
)
def test_mistakes_end_in_one_message(course: Path, tmp_path: Path, command: object, arguments: list[str], told: str):
    given = [argument.format(new=tmp_path / "new", course=course) for argument in arguments]
    ran = run(command, *given)
    assert isinstance(ran.exception, GraderError)
    assert told in str(ran.exception)


@pytest.mark.parametrize("arguments", [["init", "x"], ["init", "x", "--sample", "2", "--roster", "r.csv"], ["bundles"]])
def test_wrong_usage_ends_with_2(arguments: list[str]):
    assert run(cohort, *arguments).exit_code == 2
