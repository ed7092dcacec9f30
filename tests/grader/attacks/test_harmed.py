"""The machine harmed: each attempt meets a limit, is told, and costs nobody else anything."""

from dataclasses import replace

import pytest

from tests.grader.attacks.conftest import LIMITS, a_room
from tests.grader.attacks.harmed import HARMED, LOOPS
from tests.grader.attacks.judging import as_deserved, text

ATTACKS = [attack for group in HARMED.values() for attack in group]


@pytest.fixture(scope="module")
def room(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("harmed"), host) as room:
        yield room


@pytest.fixture(scope="module")
def short(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("short"), host, replace(LIMITS, cell_s=2.0)) as room:
        yield room


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_limit_gives_way(room, attack):
    report = as_deserved(room, attack)
    assert len(text(report)) < 3 * LIMITS.output_bytes


@pytest.mark.parametrize("attack", LOOPS, ids=lambda attack: attack.name)
def test_no_loop_is_endless(short, attack):
    as_deserved(short, attack)
