"""``practicum twin scenario check``: samples pass, mistakes are named by line, and the exit code says which."""

import json

import pytest
from click.testing import CliRunner

from grader.cli.twin import command
from twin_sandbox.data import data_folder

WRONG = "name: x\nstart: 2026-07-18 18:00\nhorizon_h: 6 h\nclosures: [{street: S}]\n"


def check(*arguments: str):
    return CliRunner().invoke(command, ["scenario", "check", *arguments])


def test_the_samples_pass():
    samples = sorted(str(path) for path in data_folder("datasets").glob("gulls_quay/scenarios/*.yaml"))
    result = check(*samples)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == len(samples) >= 9
    assert "101 mm of rain" in result.stdout


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG, encoding="utf-8")
    return str(path)


def test_every_mistake_is_printed_with_its_line(wrong):
    result = check(wrong, "--no-codes")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.split(",")[0].strip() for line in result.stderr.splitlines()[1:]] == ["line 2", "line 3", "line 4"]


def test_a_program_gets_the_mistakes_as_json(wrong):
    result = check(wrong, "--no-codes", "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.stdout).values()
    assert [(one["line"], one["where"]) for one in told] == [(2, "start"), (3, "horizon_h"), (4, "closures[0].start")]
