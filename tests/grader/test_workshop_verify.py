"""Verifying a lab runs its whole bank in the sandbox; a check with a hole is found, and named."""

from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.workshop import verify
from grader.workshop.lab import Lab, load_lab
from grader.workshop.verify import verify_lab


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setattr(verify, "KINDS", ("times 1000",))  # one mutant of eight: the tests should stay short
    for name in ("datasets", "district"):
        (tmp_path / name).mkdir()
    return tmp_path / "datasets", tmp_path / "district"


def test_a_sound_lab_is_proven(tiny_lab: Lab, places: tuple[Path, Path]):
    told: list[dict[str, object]] = []
    proof = verify_lab(tiny_lab, *places, seeds=1, on_row=told.append)
    assert proof.ok
    assert (proof.right_total, proof.right_failed) == (2, 0)
    assert (proof.misconceptions_total, proof.misconceptions_missed) == (2, 0)
    assert (proof.mutants_total, proof.mutants_killed) == (2, 2)
    assert (proof.blank_score, proof.neighbour_gain) == (0.0, 0.0)
    assert all(row["as_expected"] for row in proof.rows if "as_expected" in row)
    assert len(told) == len(proof.rows) == 10
    assert "proven" in proof.in_words()


def test_a_hole_in_a_check_is_found(own_tiny_lab: Lab, places: tuple[Path, Path]):
    for name in ("right_otherwise", "wrong_squares", "half_right", "blank", "attack_raises_its_input"):
        (own_tiny_lab.bank / f"{name}.py").unlink()
    (own_tiny_lab.bank / "expected.toml").write_text(
        '[right_plain]\nkind = "right"\nscore = 5.0\n'
        '[wrong_mean]\nkind = "misconception"\nscore = 3.0\ncaught_by = "total"\n',
        encoding="utf-8",
    )
    key = own_tiny_lab.key.read_text(encoding="utf-8")
    own_tiny_lab.key.write_text(key.replace("absolute(0.05", "absolute(1e9"), encoding="utf-8")
    proof = verify_lab(load_lab(own_tiny_lab.folder), *places, seeds=1)
    assert not proof.ok
    assert proof.misconceptions_missed == 1
    assert (proof.mutants_total, proof.mutants_killed) == (2, 1)
    assert proof.neighbour_gain == 1.0
    assert {row["entry"] for row in proof.rows if not row["ok"]} == {
        "wrong_mean",
        "mutant: times 1000",
        "right_plain (a neighbour's values)",
    }
    assert "NOT PROVEN" in proof.in_words()


def test_a_lab_without_a_right_answer_and_absurd_seeds_are_refused(own_tiny_lab: Lab, places: tuple[Path, Path]):
    with pytest.raises(GraderError, match="From 1 to 1000"):
        verify_lab(own_tiny_lab, *places, seeds=0)
    expected = own_tiny_lab.bank / "expected.toml"
    expected.write_text(expected.read_text(encoding="utf-8").replace('"right"', '"wrong"'), encoding="utf-8")
    with pytest.raises(GraderError, match="holds no right answer"):
        verify_lab(own_tiny_lab, *places)


def test_a_mutant_that_is_excused_needs_a_reason(own_tiny_lab: Lab, places: tuple[Path, Path]):
    path = own_tiny_lab.folder / "lab.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[[equivalent]]\ntask = "total"\nmutant = "sorted"\n', encoding="utf-8")
    with pytest.raises(GraderError, match="because"):
        verify_lab(own_tiny_lab, *places, seeds=1)
