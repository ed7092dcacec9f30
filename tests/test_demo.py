"""The main job as a stranger runs it: the wheel in an empty environment, outside any checkout."""

import base64
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {
        name: os.environ[name] for name in ("PATH", "HOME", "UV_CACHE_DIR", "XDG_CACHE_HOME") if name in os.environ
    }
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=plain | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )


def checked(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = run(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `practicum` command of a wheel, in an environment that knows nothing of this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    checked(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", cwd=ROOT)
    [wheel] = (folder / "dist").glob("practicum-*.whl")
    uv = BIN / "uv"
    checked(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    # The lock was installed from the same cache when this environment was set up: nothing is downloaded.
    install = (uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python)
    checked(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder)
    checked(*install, wheel, cwd=folder)
    return python.parent / "practicum"


@pytest.fixture(scope="module")
def demo(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("somewhere")
    checked(installed, "demo", "--json", "demo.json", cwd=folder, PRACTICUM_CACHE=str(folder / "cache"))
    return folder, json.loads((folder / "demo.json").read_text(encoding="utf-8"))


def test_everyone_in_the_sample_cohort_gets_exactly_what_they_deserve(demo):
    _, result = demo
    assert result["ok"] is True
    kinds = [student["kind"] for student in result["students"]]
    assert len(kinds) >= 9
    assert {"right", "half", "blank", "neighbour", "misconception", "attack", "limit"} <= set(kinds)
    for student in result["students"]:
        assert student["score"] == pytest.approx(student["expected"]), student


def test_those_who_meet_the_cut_hold_a_certificate_that_a_stranger_can_check(demo, installed):
    folder, result = demo
    holders = {credential["student"] for credential in result["credentials"]}
    assert holders == {s["id"] for s in result["students"] if s["expected"] >= 0.7 * s["max_score"]}
    for credential in result["credentials"]:
        told = checked(
            installed, "credential", "verify", credential["file"], "--trust", result["trust"],
            "--pin", result["fingerprint"], "--person", credential["student"], "--json", cwd=folder,
        )  # fmt: skip
        assert json.loads(told)["valid"] is True


def test_one_flipped_byte_is_refused(demo, installed):
    folder, result = demo
    text = Path(result["credentials"][0]["file"]).read_text(encoding="utf-8")
    (folder / "tampered.json").write_text(text.replace("Sample Student", "Simple Student", 1), encoding="utf-8")
    done = run(installed, "credential", "verify", "tampered.json", "--trust", result["trust"], "--json", cwd=folder)
    assert done.returncode != 0
    assert json.loads(done.stdout)["untampered"] == "fail"


def test_no_feedback_page_shows_a_hidden_input_or_the_truth(demo):
    folder, result = demo
    course = folder / "practicum-demo" / "course"
    pages = sorted((course / "feedback").rglob("*.html"))
    assert len(pages) == len(result["students"])
    for student in result["students"]:
        truth = json.loads((course / "truth" / student["id"] / "storm_night.json").read_text(encoding="utf-8"))
        hidden = [f"{years} {minutes}" for years, minutes in truth["storm_depth_calls"]]
        truths = [repr(truth["trunk_roughness_n"]), repr(round(truth["runoff_m3"], 1))]
        [page] = [page for page in pages if student["id"] in page.parts]
        text = page.read_text(encoding="utf-8")
        assert [value for value in hidden if value in text] == [], student["id"]
        # who calibrates well may hand in the truth to its last digit, and reads their own answer on the page
        if student["score"] < student["max_score"] / 2:
            assert [value for value in truths if value in text] == [], student["id"]


def test_nothing_a_student_holds_tells_the_truth(demo):
    folder, result = demo
    course = folder / "practicum-demo" / "course"
    for student in result["students"]:
        truth = json.loads((course / "truth" / student["id"] / "storm_night.json").read_text(encoding="utf-8"))
        held = [*(course / "bundles" / student["id"]).rglob("*"), *(course / "release").rglob("*.ipynb")]
        text = "".join(path.read_text(encoding="utf-8") for path in held if path.is_file())
        assert repr(truth["trunk_roughness_n"]) not in text
        assert "BEGIN SOLUTION" not in text
        assert str(truth["pump_oracles"][0]) not in text


def test_an_installed_practicum_holds_no_secret_of_the_course_that_it_ran(demo, installed):
    """Its files are those of the wheel still, and no key and no truth stands in any of them."""
    folder, result = demo
    course = folder / "practicum-demo" / "course"
    [site] = (installed.parents[1] / "lib").glob("python*/site-packages")
    [record] = site.glob("practicum-*.dist-info/RECORD")
    listed = {site / row[0]: row[1] for row in csv.reader(record.read_text(encoding="utf-8").splitlines())}
    for path, digest in listed.items():
        if digest:
            now = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={now}", path
    keys = [path.read_bytes().strip() for path in (course / "keys").iterdir()]
    assert len(keys) >= 3
    secrets = [*keys, *(bytes.fromhex(key.decode()) for key in keys if re.fullmatch(rb"[0-9a-f]{64}", key))]
    for student in result["students"]:
        truth = json.loads((course / "truth" / student["id"] / "storm_night.json").read_text(encoding="utf-8"))
        secrets += [repr(truth[name]).encode() for name in ("trunk_roughness_n", "runoff_m3")]
    parts = {path.relative_to(site).parts[0] for path in listed} - {".."}  # the command itself lies in bin/
    files = [path for part in parts for path in (site / part).rglob("*") if path.is_file()]
    assert len(files) > 300
    for path in files:
        content = path.read_bytes()
        assert [secret for secret in secrets if secret in content] == [], path


def test_running_it_again_continues_and_changes_nothing(demo, installed):
    folder, result = demo
    journal = folder / "practicum-demo" / "course" / "journal"
    before = {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()}
    checked(installed, "demo", "--json", "again.json", cwd=folder, PRACTICUM_CACHE=str(folder / "cache"))
    again = json.loads((folder / "again.json").read_text(encoding="utf-8"))
    assert [s["score"] for s in again["students"]] == [s["score"] for s in result["students"]]
    assert [c["file"] for c in again["credentials"]] == [c["file"] for c in result["credentials"]]
    assert {path: path.read_bytes() for path in journal.rglob("*") if path.is_file()} == before


def test_a_folder_with_other_things_in_it_is_left_alone(installed, tmp_path):
    (tmp_path / "practicum-demo").mkdir()
    (tmp_path / "practicum-demo" / "letters.txt").write_text("mine", encoding="utf-8")
    done = run(installed, "demo", cwd=tmp_path, PRACTICUM_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert "not a demo" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "practicum-demo" / "letters.txt").read_text(encoding="utf-8") == "mine"


def test_without_a_sandbox_the_demo_says_so_and_ends(installed, tmp_path):
    done = run(
        installed, "demo", cwd=tmp_path, PRACTICUM_ISOLATION="none-such", PRACTICUM_CACHE=str(tmp_path / "cache")
    )
    assert done.returncode == 1
    assert "none-such" in done.stderr
    assert "Traceback" not in done.stderr
