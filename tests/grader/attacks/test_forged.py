"""Scores forged: each trick earns what the answers earn."""

import pytest

from tests.grader.attacks.conftest import a_room
from tests.grader.attacks.forged import FORGED
from tests.grader.attacks.judging import as_deserved

ATTACKS = [attack for group in FORGED.values() for attack in group]


@pytest.fixture(scope="module")
def room(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("forged"), host) as room:
        yield room


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_point_is_forged(room, attack):
    as_deserved(room, attack)
