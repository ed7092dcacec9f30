"""The issuance log: appended, chained, never rewritten unseen."""

import json

import pytest

from grader.credentials.issuance import issuance_log
from grader.errors import GraderError


def add(log, student, competency="storm"):
    facts = {"time": "2026-11-21T12:00:00+00:00", "credential": f"urn:x:{student}", "issuer": "did:x", "sha256": "00"}
    return log.append(student=student, competency=competency, **facts)


@pytest.fixture
def path(tmp_path):
    with issuance_log(tmp_path / "issued.jsonl") as log:
        for student in ("ada", "bob", "eve"):
            add(log, student)
    return tmp_path / "issued.jsonl"


def test_it_is_read_back_and_goes_on(path):
    with issuance_log(path) as log:
        assert [issue.number for issue in log.issues] == [1, 2, 3]
        assert log.find("bob", "storm").credential == "urn:x:bob"
        assert log.find("bob", "other") is None
        assert add(log, "joe").previous == log.issues[2].digest
    with issuance_log(path) as log:
        assert len(log.issues) == 4


def changed(lines):
    entry = json.loads(lines[1])
    return [lines[0], json.dumps({**entry, "student": "mallory"}), lines[2]]


@pytest.mark.parametrize(
    "change",
    [
        changed,
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [*lines[:2], lines[1], lines[2]],
        lambda lines: [lines[0], "{}", lines[2]],
        lambda lines: [lines[0], "not json", lines[2]],
        lambda lines: lines[1:],
    ],
)
def test_a_changed_log_stops_all_issuing(path, change):
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(GraderError, match="the log was changed"), issuance_log(path):
        pass


def test_a_line_that_was_never_finished_is_dropped(path):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"number": 4, "time": "20')
    with issuance_log(path) as log:
        assert len(log.issues) == 3
    assert path.read_bytes() == whole
