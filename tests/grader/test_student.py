"""What a notebook's kernel may ask: verdicts at once from the practice service, and to hand in what is saved."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from grader import student
from grader.cohort.course import open_course
from grader.cohort.practice import Service, start_service, unsaved_answers
from grader.cohort.submission import read_lesson
from grader.errors import GraderError
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab
from tests.grader.test_cohort_secrets import SEARCH
from twin_sandbox.truth import Leaves

LAB = "tiny_lab"
NEEDLE = "the-depth-that-nobody-may-know-5127"


def up(secret: bytes) -> bytes:
    """A secret as a search may hold it without finding itself: each byte one higher."""
    return bytes((byte + 1) % 256 for byte in secret)


PLANT = up(b"a text that the cell 42 keeps")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_lab: Lab) -> Path:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_lab.folder, home / "labs" / "sensing" / LAB)
    (home / "district").mkdir()
    (home / "datasets").mkdir()
    return home


def start(home: Path) -> Service:
    folders = (home / name for name in ("state", "work", "labs", "datasets", "district"))
    return start_service(*folders)


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    service = start(home)
    yield service
    service.close()


@pytest.fixture
def notebook(service: Service) -> Path:
    """The student's notebook as released."""
    path = service.workspace / LAB / f"{LAB}.ipynb"
    release = service.workspace.parent / "state" / "practice" / "release" / LAB / f"{LAB}.ipynb"
    shutil.copyfile(release, path)
    return path


def run(
    path: Path, service: Service | None, monkeypatch: pytest.MonkeyPatch, cells: int | None = None
) -> dict[str, Any]:
    """Run a notebook as JupyterLab does; gives each cell's outputs as text and as HTML."""
    monkeypatch.setenv("PRACTICUM_COURSE", str(service.socket) if service else "")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    shown = nbformat.read(path, as_version=4)
    shown.cells = shown.cells[:cells]
    nbclient.NotebookClient(shown, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    return {cell.id: cell.outputs for cell in shown.cells if cell.cell_type == "code"}


def text(outputs: list[Any]) -> str:
    return "\n".join(str(one.get("text") or one.data["text/plain"]) for one in outputs)


def fill(path: Path, lab: Lab, entry: str) -> None:
    filled = compose(json.loads(path.read_bytes()), read_bank(lab)[entry].answers)
    path.write_text(json.dumps(filled), encoding="utf-8")


def test_verdicts_come_at_once_and_name_the_misconception(
    service: Service, notebook: Path, tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    fill(notebook, tiny_lab, "wrong_mean")
    outputs = run(notebook, service, monkeypatch)
    assert "Not correct yet: 0 of 2 points (practice)" in text(outputs["check_total"])
    assert "took the mean" in text(outputs["check_total"])
    assert "Correct: 3 of 3 points (practice)" in text(outputs["check_doubled"])
    assert 'role="status"' in outputs["check_total"][0].data["text/html"]
    truth = json.loads((service.workspace.parent / "state/practice/truth/me" / f"{LAB}.json").read_bytes())
    assert f"{sum(truth['rain_mm']):.1f}" not in text(outputs["check_total"])
    assert "3 of 5 points" in text(outputs["submit"])
    feedback = service.workspace / LAB / "feedback.html"
    assert "counts for no certificate" in feedback.read_text(encoding="utf-8")


def test_a_check_takes_less_than_two_seconds(
    service: Service, notebook: Path, tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    fill(notebook, tiny_lab, "right_plain")
    cell = next(cell for cell in json.loads(notebook.read_bytes())["cells"] if cell["id"] == "check_total")
    timed = json.loads(notebook.read_bytes())
    source = (
        "import time\nbegun = time.perf_counter()\n" + "".join(cell["source"]) + "\nprint(time.perf_counter() - begun)"
    )
    next(one for one in timed["cells"] if one["id"] == "check_total")["source"] = source
    notebook.write_text(json.dumps(timed), encoding="utf-8")
    outputs = run(notebook, service, monkeypatch, cells=5)
    assert "Correct" in text(outputs["check_total"])
    assert float(outputs["check_total"][-1].text) < 2.0


def test_a_blank_answer_is_not_attempted(service: Service, notebook: Path, monkeypatch: pytest.MonkeyPatch):
    outputs = run(notebook, service, monkeypatch, cells=5)
    assert "Not attempted" in text(outputs["check_total"])


def test_a_hidden_call_changes_nothing_in_the_notebook(
    service: Service, notebook: Path, monkeypatch: pytest.MonkeyPatch
):
    answers = {
        "doubled": "seen = []\ndef doubled(number):\n    seen.append(number)\n    print(number)\n    return 2 * number"
    }
    filled = compose(json.loads(notebook.read_bytes()), answers)
    filled["cells"][-1]["source"] = "print('seen:', seen)"
    notebook.write_text(json.dumps(filled), encoding="utf-8")
    outputs = run(notebook, service, monkeypatch)
    assert "Correct" in text(outputs["check_doubled"])
    assert text(outputs["submit"]).strip() == "seen: []"


def test_no_secret_is_in_a_notebooks_process_after_its_checks(
    service: Service, notebook: Path, tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch
):
    """Environment, command line, open files, memory, its own folder; what a check asks of a function it must tell."""
    course = service.workspace.parent / "state" / "practice"
    truth = course / "truth" / "me" / f"{LAB}.json"
    before = truth.read_bytes()
    truth.write_text(json.dumps(json.loads(before) | {"needle": NEEDLE}), encoding="utf-8")
    keys = [bytes.fromhex((course / "keys" / name).read_text()) for name in ("course.key", "journal.key")]
    opened = open_course(course)
    leaves = Leaves(keys[0], opened.id, "me", LAB)
    keys += [leaves.leaf(purpose) for purpose in ("reality", "hidden-inputs", "commitment-nonce", "truth")]
    secrets = [NEEDLE.encode(), *keys, *(key.hex().encode() for key in keys)]
    searched = (
        SEARCH.replace('("/tmp", "/dev/shm", os.getcwd(), os.path.expanduser("~"))', "(os.getcwd(),)")
        .replace('("self", "1")', '("self",)')
        .replace('(("planted", PLANTED), ("needle", HIDDEN))', f"{[('planted', PLANT), *enumerate(map(up, secrets))]}")
    )
    fill(notebook, tiny_lab, "right_plain")
    filled = json.loads(notebook.read_bytes())
    modules = (
        "import sys\nprint(sorted(name for name in sys.modules if name.startswith(('grader.', 'twin_sandbox'))))\n"
    )
    filled["cells"][-1]["source"] = modules + searched
    notebook.write_text(json.dumps(filled), encoding="utf-8")
    try:
        outputs = run(notebook, service, monkeypatch)
    finally:
        truth.write_bytes(before)
    assert "Correct: 2 of 2" in text(outputs["check_total"])
    assert "Correct: 3 of 3" in text(outputs["check_doubled"])
    loaded, found = filter(None, text(outputs["submit"]).splitlines())
    assert found == "searched: {'planted': ['memory']}"
    assert "grader.student" in loaded
    assert not [name for name in ("cohort", "checks", "truth", "workshop", "gradebook") if name in loaded]


def test_without_a_service_a_check_says_what_to_do(notebook: Path, tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch):
    fill(notebook, tiny_lab, "right_plain")
    outputs = run(notebook, None, monkeypatch)
    assert "practicum up" in text(outputs["check_total"])
    assert "practicum up" in text(outputs["submit"])
    assert all(one.output_type != "error" for cell in outputs.values() for one in cell)


def test_work_that_is_there_stays_when_the_service_starts_again(service: Service, notebook: Path, home: Path):
    notebook.write_text("my own work", encoding="utf-8")
    truth = home / "state" / "practice" / "truth" / "me" / f"{LAB}.json"
    before = truth.read_bytes()
    second = start(home)
    try:
        assert notebook.read_text(encoding="utf-8") == "my own work"
        assert truth.read_bytes() == before
        assert open_course(home / "state" / "practice").practice
    finally:
        second.close()
    assert service.process.poll() is None


def test_unsaved_answers_are_not_handed_in_silently(service: Service, notebook: Path, tiny_lab: Lab):
    fill(notebook, tiny_lab, "right_plain")
    lesson = read_lesson(service.workspace.parent / "state/practice/release" / LAB / f"{LAB}.ipynb", LAB)
    now = time.time()
    os.utime(notebook, (now, now))
    later = {"total": {"source": "total_mm = 8", "at": now + 5}}
    assert unsaved_answers(notebook, lesson, later) == ["total"]
    assert unsaved_answers(notebook, lesson, {"total": {"source": "total_mm = 8", "at": now - 5}}) == []
    same = read_bank(tiny_lab)["right_plain"].answers["total"]
    assert unsaved_answers(notebook, lesson, {"total": {"source": same + "\n", "at": now + 5}}) == []
    assert unsaved_answers(notebook, lesson, ["odd"]) == []
    assert unsaved_answers(notebook.with_name("gone.ipynb"), lesson, later) == []


def ask(service: Service, request: bytes) -> dict[str, Any]:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(str(service.socket))
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            line = answers.readline()
    return dict(json.loads(line)) if line else {}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"do": "check", "task": "nothing"}, "Its tasks are total, doubled"),
        ({"do": "dance"}, "none that this service knows"),
        ({"do": "check"}, "Its tasks are"),
    ],
)
def test_odd_requests_are_refused_in_words(service: Service, request_: dict[str, Any], told: str):
    answer = ask(service, json.dumps({"folder": str(service.workspace / LAB), **request_}).encode() + b"\n")
    assert told in answer["text"]


def test_noise_on_the_socket_is_survived(service: Service):
    assert ask(service, b"\x00\xff not json\n") == {}
    assert ask(service, b"[1]\n") == {}
    assert ask(service, b'{"do": "dance"}\n')["refused"]


def test_a_service_that_cannot_start_says_why(home: Path, tmp_path: Path):
    (tmp_path / "state" / "practice").mkdir(parents=True)
    (tmp_path / "state" / "practice" / "course.toml").write_text("id = 7\nname", encoding="utf-8")
    with pytest.raises(GraderError, match="cannot be read"):
        start_service(tmp_path / "state", tmp_path / "work", home / "labs", home / "datasets", home / "district")


def test_importing_the_client_is_light_and_brings_no_other_part_of_the_grader():
    script = (
        "import sys, grader.student as s; s.submit();"
        "heavy = ('grader', 'numpy', 'pandas', 'nbgrader');"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in heavy)); s.check('total')"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PRACTICUM")}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.splitlines() == [
        "['grader', 'grader.student']",
        "Checks are made by the course when this notebook is graded.",
    ]


def test_a_stock_autograder_gives_no_points_for_running_check_cells(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(RuntimeError, match="practicum grade"):
        student.check("total")
