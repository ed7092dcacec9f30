"""The storm night proves itself: every right answer, every known mistake, a blank and a neighbour, in the sandbox."""

import json
from pathlib import Path

import pytest

from grader.workshop.lab import load_lab
from grader.workshop.verify import verify_lab
from twin_sandbox.generate import build_district

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def proof():
    lab = load_lab(ROOT / "labs" / "simulation" / "storm_night")
    return verify_lab(lab, ROOT / "datasets", build_district(), seeds=1, jobs=2)


def rows(proof, kind):
    found = [row for row in proof.rows if row["kind"] == kind]
    assert found
    return found


def test_every_right_answer_earns_all_points(proof):
    assert [row["score"] for row in rows(proof, "right")] == [22.0, 22.0]


def test_every_misconception_is_caught_by_the_check_that_should(proof):
    assert {row["entry"]: row["missed"] for row in rows(proof, "misconception") if row["missed"]} == {}
    assert len(rows(proof, "misconception")) >= 4


def test_the_public_models_own_answers_earn_nothing(proof):
    [row] = [row for row in rows(proof, "misconception") if row["entry"] == "wrong_public_model"]
    assert row["score"] == 0.0


def test_an_empty_lesson_earns_nothing(proof):
    assert proof.blank_score == 0.0


def test_a_neighbours_values_gain_no_more_than_a_guess(proof):
    assert proof.neighbour_gain <= 0.1


def test_attacks_earn_only_what_their_honest_answers_do(proof):
    assert {row["entry"]: row["score"] for row in rows(proof, "attack")} == {"attack_hooks": 0.0, "attack_echo": 5.0}


def test_the_proof_says_what_the_command_prints(proof):
    told = json.loads(json.dumps(proof.as_json()))
    assert told["lab"] == "storm_night"
    assert told["right_failed"] == 0
    assert told["misconceptions_missed"] == 0
