"""What grading refuses or withstands besides attacks: no sandbox, a full disk, closed folders, foreign outputs."""

import errno
import json
import os

import pytest
from click.testing import CliRunner

from grader.checks.verdict import Verdict
from grader.cli.doctor import command
from grader.errors import GraderError
from grader.isolation import staging, tier, tiers
from grader.isolation.controller import _verdict
from grader.isolation.outputs import rebuild
from grader.isolation.pipe import Frame, Garbled
from grader.isolation.staging import Staging
from grader.isolation.tiers import FORCE, Tier
from tests.grader.isolation_runs import LIMITS, RIGHT, a_ground, a_job, grade, scores


@pytest.fixture
def nothing_works(monkeypatch):
    monkeypatch.delenv(FORCE, raising=False)
    monkeypatch.setattr(tiers, "try_tier", lambda name: Tier(name, False, (), ("user namespaces are forbidden",)))


@pytest.mark.usefixtures("nothing_works")
def test_without_a_sandbox_grading_says_so_and_what_to_do(tmp_path):
    with pytest.raises(GraderError) as refused:
        grade(a_job(tmp_path, RIGHT), LIMITS)
    assert "no sandbox works on this machine" in refused.value.found
    assert "user namespaces are forbidden" in refused.value.found
    assert "bubblewrap" in refused.value.then


def test_an_unknown_sandbox_is_named(monkeypatch):
    monkeypatch.setenv(FORCE, "chroot")
    with pytest.raises(GraderError, match=r"isolation 'chroot': unknown. Allowed: bubblewrap, namespaces"):
        tier()


def test_the_sandbox_in_use_says_what_it_enforces():
    assert any("network" in words for words in tier().enforces)
    assert tier().lacks == ()


def test_a_full_disk_is_said_plainly(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging.Staging, "stage", full)
    with pytest.raises(GraderError, match=r"the disk is full. Free some space"):
        grade(a_job(tmp_path, RIGHT), LIMITS)


def test_folders_that_only_the_owner_can_read_do_not_stop_grading(tmp_path):
    job = a_job(tmp_path, RIGHT | {"read": "volume_m3 += 0 * len(open('data/levels.csv').read())"})
    (job.bundle / "levels.csv").chmod(0o600)
    job.bundle.chmod(0o700)
    assert scores(grade(job, LIMITS)) == {"volume_m3": 2.0, "double": 2.0}


def test_a_staged_copy_leaves_links_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "has_real_users", lambda: True)
    ground = a_ground(tmp_path)
    (ground.datasets / "table.csv").write_text("x")
    (ground.datasets / "key").symlink_to("/etc/passwd")
    with Staging() as stage:
        staged = stage.stage(ground)
        assert [path.name for path in staged.datasets.iterdir()] == ["table.csv"]
        folder = staged.datasets
    assert not folder.exists()


def test_a_leftover_is_locked_until_it_is_gone(tmp_path, monkeypatch):
    """Else another run, whose new folder looks like one, could take it and lose it a moment later."""
    monkeypatch.setattr(staging.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "practicum-ground-left").mkdir()
    remove = staging.shutil.rmtree

    def watched(path, **how):
        with pytest.raises(BlockingIOError):
            staging._locked(path)
        remove(path, **how)

    monkeypatch.setattr(staging.shutil, "rmtree", watched)
    staging._remove_leftovers()
    folder, lock = staging._own_folder()
    os.close(lock)
    assert list(tmp_path.iterdir()) == [folder]


def test_foreign_outputs_become_plain_ones_or_nothing():
    outputs = [
        {"output_type": "stream", "name": ["x"], "text": ["a", 7, "b\ud800"], "evil": 1},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)", "text/plain": {"a": 1}}},
        {"output_type": "execute_result", "data": {"text/plain": "1"}, "execution_count": "many"},
        {"output_type": "error", "ename": None, "evalue": 7, "traceback": "no list"},
        {"output_type": "widget"},
        "text",
    ]
    assert rebuild(json.dumps(outputs).encode()) == [
        {"output_type": "stream", "name": "stdout", "text": "ab?"},
        {"output_type": "display_data", "data": {"text/plain": ""}, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}, "execution_count": None},
        {"output_type": "error", "ename": "", "evalue": "", "traceback": []},
    ]
    assert rebuild(b"no json") == rebuild(b"7") == rebuild(b"[" * 100_000) == []


RIGHT_VERDICT = Verdict("volume_m3", 1.5, 2.0, "partly", "words").as_json()


def test_a_verdict_within_its_form_is_believed():
    found = _verdict(Frame({}, json.dumps(RIGHT_VERDICT).encode()), {"volume_m3": 2.0})
    assert found == Verdict("volume_m3", 1.5, 2.0, "partly", "words")


@pytest.mark.parametrize(
    "change",
    [
        {"score": 2.5},
        {"score": -1.0},
        {"score": "2"},
        {"score": True},
        {"score": None},
        {"status": "excellent"},
        {"task": "another"},
        {"task": ["volume_m3"]},
    ],
    ids=str,
)
def test_a_verdict_beyond_its_form_is_not(change):
    with pytest.raises(Garbled):
        _verdict(Frame({}, json.dumps(RIGHT_VERDICT | change).encode()), {"volume_m3": 2.0})


@pytest.mark.parametrize("text", [b'{"task": "volume_m3", "score": NaN', b"[]", b"\xff", b"{}"])
def test_what_is_no_verdict_is_not(text):
    with pytest.raises(Garbled):
        _verdict(Frame({}, text), {"volume_m3": 2.0})


def test_the_doctor_names_everything_and_agrees_with_the_machine():
    done = CliRunner().invoke(command, ["--json"])
    found = json.loads(done.output)
    assert done.exit_code == 0
    assert found["ok"] is True
    assert {line["name"] for line in found["lines"]} >= {"python", "sandbox: bubblewrap", "sandbox: namespaces", "disk"}
    assert found["isolation"] == tier().name


@pytest.mark.usefixtures("nothing_works")
def test_the_doctor_ends_with_an_error_where_nothing_can_be_graded():
    done = CliRunner().invoke(command, [])
    assert done.exit_code == 1
    assert "missing" in done.output
    assert "user namespaces are forbidden" in done.output
