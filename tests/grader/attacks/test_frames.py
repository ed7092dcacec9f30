"""Frames: what a student's process writes on its connections is read as frames of its own, or not at all."""

import pytest

from tests.grader.attacks.conftest import a_room
from tests.grader.attacks.frames import FRAMES
from tests.grader.attacks.judging import as_deserved

ATTACKS = [attack for group in FRAMES.values() for attack in group]


@pytest.fixture(scope="module")
def room(tmp_path_factory, host):
    with a_room(tmp_path_factory.mktemp("frames"), host) as room:
        yield room


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_frame_of_its_own_helps_a_notebook(room, attack):
    as_deserved(room, attack)
