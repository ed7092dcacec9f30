"""Derivation, bundles and the truth process."""

import json
import os
import stat
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from twin_sandbox import truth
from twin_sandbox.errors import TwinError

KEY = bytes(range(32))
IDS = {"course": "hydro-26", "student": "s001", "lab": "storm_night", "purpose": "truth"}

LAB_KEY = """
import pandas as pd

def reality(leaves):
    print("a lab may print")
    return {"n": round(float(leaves.generator("truth").uniform(0.011, 0.03)), 6), "secret": "hunter2"}

def bundle(truth, leaves):
    noise = leaves.generator("noise").normal(size=3)
    return {"levels.csv": pd.DataFrame({"time": [1, 2, 3], "level_m": noise.round(2)}), "about.json": {"unit": "m"}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "lab.toml").write_text('id = "storm_night"\n', encoding="utf-8")
    (folder / "key.py").write_text(LAB_KEY, encoding="utf-8")
    return folder


def request(lab: Path, out: Path, **changes) -> dict:
    return {
        "lab": str(lab),
        "course": "c",
        "student": "s001",
        "form": "a",
        "attempt": 1,
        "truth": str(out / "truth" / "s001" / "storm_night.json"),
        "bundle": str(out / "bundles" / "s001" / "storm_night"),
        **changes,
    }


def ask(custodian: truth.Custodian, wanted: dict) -> dict:
    return custodian.answer(json.dumps(wanted).encode())


def test_a_leaf_is_what_it_was_when_this_test_was_written():
    # A changed derivation would move every student's reality in every running course.
    assert truth.leaf(KEY, **IDS).hex() == "c3802aca5f9b093a7578c5084ad4bd209f20bde6ee92cac1bb46a844d8ddc8cd"
    assert truth.generator(truth.leaf(KEY, **IDS)).integers(0, 2**32, 3).tolist() == [848399578, 3762277770, 4261637136]


def test_each_part_of_the_name_gives_another_leaf():
    base = truth.leaf(KEY, **IDS)
    for name, value in (
        ("course", "hydro-27"),
        ("student", "s002"),
        ("lab", "other"),
        ("purpose", "noise"),
        ("form", "b"),
        ("attempt", 2),
    ):
        assert truth.leaf(KEY, **{**IDS, name: value}) != base
    assert truth.leaf(b"x" * 32, **IDS) != base


def test_moving_a_letter_between_two_ids_gives_another_leaf():
    assert truth.leaf(KEY, **{**IDS, "course": "ab", "student": "c"}) != truth.leaf(
        KEY, **{**IDS, "course": "a", "student": "bc"}
    )


def test_ids_that_differ_only_in_unicode_form_are_the_same():
    composed, taken_apart = "Zoé", unicodedata.normalize("NFD", "Zoé")
    assert composed != taken_apart
    assert truth.leaf(KEY, **{**IDS, "student": composed}) == truth.leaf(KEY, **{**IDS, "student": taken_apart})


@pytest.mark.parametrize(
    "wrong", ["", "../s001", "a/b", "a\\b", "..", ".hidden", " s1", "s1\n", "s\u200b1", "x" * 200, 7]
)
def test_ids_that_could_be_paths_or_look_alike_are_refused(wrong):
    with pytest.raises(TwinError, match="student"):
        truth.leaf(KEY, **{**IDS, "student": wrong})


@pytest.mark.parametrize("attempt", [0, -1, True, 1.0, "1"])
def test_attempts_are_whole_numbers_from_one(attempt):
    with pytest.raises(TwinError, match="attempt"):
        truth.leaf(KEY, **IDS, attempt=attempt)


def test_a_short_course_key_is_refused():
    with pytest.raises(TwinError, match="course key"):
        truth.leaf(b"short", **IDS)


def test_a_generator_uses_all_256_bits():
    draws = set()
    for bit in range(256):
        flipped = (int.from_bytes(KEY, "big") ^ (1 << bit)).to_bytes(32, "big")
        draws.add(int(truth.generator(flipped).integers(0, 2**63)))
    assert len(draws) == 256


def test_purposes_have_streams_that_know_nothing_of_each_other():
    leaves = truth.Leaves(KEY, "c", "s001", "storm_night")
    noise, faults = (leaves.generator(purpose).normal(size=20_000) for purpose in ("noise", "faults"))
    # Standard error of a correlation of independent draws: 1/√20000 = 0.007; four of them.
    assert abs(float(np.corrcoef(noise, faults)[0, 1])) < 0.028
    assert not np.isin(noise, faults).any()


def test_the_commitment_needs_leaf_and_nonce_and_shows_neither():
    leaves = truth.Leaves(KEY, "c", "s001", "storm_night")
    promise = leaves.commitment()
    assert promise == truth.commitment(leaves.leaf("truth"), leaves.leaf("commitment-nonce"))
    assert promise != truth.commitment(leaves.leaf("truth"), b"other")
    assert KEY.hex() not in repr(leaves)
    assert repr(KEY)[2:-1] not in repr(leaves)


def test_a_request_writes_a_truth_for_its_owner_and_a_bundle_that_verifies(lab, tmp_path):
    custodian = truth.Custodian(KEY)
    wanted = request(lab, tmp_path)
    answer = ask(custodian, wanted)
    assert answer == {"ok": True, "commitment": truth.Leaves(KEY, "c", "s001", "storm_night").commitment()}
    path = Path(wanted["truth"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert 0.011 <= json.loads(path.read_bytes())["n"] <= 0.03
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["storm_night.json"]
    manifest = truth.verify_bundle(wanted["bundle"], ask(custodian, {"public_key": True})["public_key"])
    assert manifest["student"] == "s001"
    assert manifest["commitment"] == answer["commitment"]
    assert sorted(entry.name for entry in Path(wanted["bundle"]).iterdir()) == [
        "about.json",
        "levels.csv",
        "manifest.json",
    ]


def test_nothing_of_the_truth_is_in_the_bundle(lab, tmp_path):
    wanted = request(lab, tmp_path)
    ask(truth.Custodian(KEY), wanted)
    secret = json.loads(Path(wanted["truth"]).read_bytes())
    for path in Path(wanted["bundle"]).iterdir():
        text = path.read_text(encoding="utf-8")
        assert secret["secret"] not in text
        assert str(secret["n"]) not in text
        assert KEY.hex() not in text


def test_the_same_request_gives_the_same_bytes_and_leaves_no_residue(lab, tmp_path):
    custodian = truth.Custodian(KEY)
    wanted = request(lab, tmp_path)
    ask(custodian, wanted)
    bundle = Path(wanted["bundle"])
    first = {path.name: path.read_bytes() for path in bundle.iterdir()}
    (bundle / "left_over.csv").write_text("truth", encoding="utf-8")
    ask(custodian, wanted)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == first
    assert [path.name for path in bundle.parent.iterdir()] == ["storm_night"]


@pytest.mark.parametrize("change", ["edit", "add", "drop", "resign", "foreign"])
def test_any_change_of_a_bundle_is_found(lab, tmp_path, change):
    custodian = truth.Custodian(KEY)
    wanted = request(lab, tmp_path)
    ask(custodian, wanted)
    bundle, key = Path(wanted["bundle"]), ask(custodian, {"public_key": True})["public_key"]
    if change == "edit":
        (bundle / "levels.csv").write_bytes((bundle / "levels.csv").read_bytes() + b" ")
    elif change == "add":
        (bundle / "extra.csv").write_text("", encoding="utf-8")
    elif change == "drop":
        (bundle / "levels.csv").unlink()
    elif change == "resign":
        manifest = json.loads((bundle / "manifest.json").read_bytes())
        (bundle / "manifest.json").write_text(json.dumps({**manifest, "student": "s002"}), encoding="utf-8")
    else:
        key = truth.signing_key(b"y" * 32).public_key().public_bytes_raw()
    with pytest.raises(TwinError, match="bundle storm_night"):
        truth.verify_bundle(bundle, key)


def test_a_failing_key_tells_class_and_line_but_not_its_text(lab, tmp_path):
    (lab / "key.py").write_text("def reality(leaves):\n    raise ValueError('n is 0.0234')\n", encoding="utf-8")
    answer = ask(truth.Custodian(KEY), request(lab, tmp_path))
    assert answer == {"ok": False, "error": "lab/key.py: reality() failed: ValueError at line 2 of key.py"}


@pytest.mark.parametrize(
    ("bundle", "found"),
    [
        ('{"../x.csv": {}}', "not a plain file name"),
        ('{"manifest.json": {}}', "not a plain file name"),
        ('{"x.pkl": {}}', "not a plain file name"),
        ('{"x.csv": {}}', "a dict"),
    ],
)
def test_what_is_no_table_and_no_dict_stays_out_of_a_bundle(lab, tmp_path, bundle, found):
    text = f"def reality(leaves):\n    return {{}}\ndef bundle(truth, leaves):\n    return {bundle}\n"
    (lab / "key.py").write_text(text, encoding="utf-8")
    answer = ask(truth.Custodian(KEY), request(lab, tmp_path))
    assert not answer["ok"]
    assert found in answer["error"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"student": "../x"}, "student"),
        ({"attempt": 0}, "attempt"),
        ({"lab": "/nowhere"}, "lab.toml"),
        ({"bundle": ""}, "lacks bundle"),
    ],
)
def test_requests_that_make_no_sense_are_answered(lab, tmp_path, change, found):
    answer = ask(truth.Custodian(KEY), {**request(lab, tmp_path), **change})
    assert not answer["ok"]
    assert found in answer["error"]
    assert not (tmp_path / "truth").exists()


def test_a_line_that_is_not_json_is_answered():
    assert truth.Custodian(KEY).answer(b"{")["ok"] is False
    assert truth.Custodian(KEY).answer(b"[]")["ok"] is False


def test_the_process_answers_line_by_line_and_takes_the_key_by_descriptor_alone(lab, tmp_path):
    read, write = os.pipe()
    os.write(write, KEY.hex().encode() + b"\n")
    os.close(write)
    lines = [request(lab, tmp_path), {"public_key": True}, {"student": "x"}]
    root = Path(truth.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "twin_sandbox.truth", "--key-fd", str(read)],
        input="".join(json.dumps(line) + "\n" for line in lines),
        pass_fds=(read,),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    os.close(read)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["ok"] for answer in answers] == [True, True, False]
    assert "a lab may print" in done.stderr
    truth.verify_bundle(lines[0]["bundle"], answers[1]["public_key"])
    assert KEY.hex() not in done.stdout + done.stderr
