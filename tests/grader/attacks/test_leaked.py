"""Secrets leaked: what a student's process can reach tells nothing that it should not know."""

import pytest

from tests.grader.attacks.conftest import NEEDLE, a_room
from tests.grader.attacks.entry import HIDDEN_INPUTS
from tests.grader.attacks.judging import as_deserved
from tests.grader.attacks.leaked import LEAKED

ATTACKS = [attack for group in LEAKED.values() for attack in group]


@pytest.fixture(scope="module")
def room(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("leaked"), host) as room:
        yield room


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_secret_is_told(room, attack):
    report = as_deserved(room, attack)
    told = str(report.outputs) + str(report.incidents) + str(report.verdicts)
    assert not any(hidden in told for hidden in (NEEDLE, "5527", *map(str, HIDDEN_INPUTS[1:])))
