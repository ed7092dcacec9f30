"""What a student holds tells nothing of what is hidden, and is the same on every machine."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twin_sandbox import truth
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build

KEY = bytes(range(7, 39))
ROOT = Path(truth.__file__).parents[1]
PURPOSES = ("truth", "commitment-nonce", "noise", "device_faults", "gap", "reality", "scenario", "pump_nights")

LAB = """
import pandas as pd
from twin_sandbox import Reality
from twin_sandbox.world.priors import draw_reality, read_priors

def reality(leaves):
    priors = read_priors()
    hidden = {name: priors[name].draw(leaves.generator("reality-" + name)) for name in priors}
    return {"hidden": hidden, "secret": leaves.leaf("truth").hex()}

def consequences(truth, leaves):
    return {"tonight": leaves.generator("nights").normal(size=3).round(6)}

def bundle(truth, leaves):
    level = leaves.generator("noise").normal(size=200) + truth["hidden"]["surge_m"]
    frame = pd.DataFrame({"datastream": "level-01", "level_m": (level / 0.01).round() * 0.01})
    frame["level_m"] = frame["level_m"].round(2)
    return {"levels.csv": frame, "about.json": {"unit": "m"}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "lab.toml").write_text('id = "secrets"\n', encoding="utf-8")
    (folder / "key.py").write_text(LAB, encoding="utf-8")
    return folder


def request(lab: Path, out: Path, student: str = "s001") -> dict:
    names = {name: str(out / f"{student}.{name}") for name in ("truth", "drawn", "bundle")}
    return {"lab": str(lab), "course": "c", "student": student, "form": "a", "attempt": 1, **names}


def ask(wanted: dict) -> dict:
    return truth.Custodian(KEY).answer(json.dumps(wanted).encode())


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def forms(secret: bytes) -> list[bytes]:
    """How secret bytes may be written."""
    number = str(int.from_bytes(secret, "big")).encode()
    text = secret.hex().encode()
    return [
        *(secret, secret[::-1], text, text.upper(), number),
        *(base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"=")),
        *(base64.b32encode(secret).rstrip(b"="), base64.b85encode(secret)),
    ]


def test_a_bundle_holds_no_form_of_any_secret(lab, tmp_path):
    wanted = request(lab, tmp_path)
    assert ask(wanted)["ok"]
    leaves = truth.Leaves(KEY, "c", "s001", "secrets")
    hidden = json.loads(Path(wanted["drawn"]).read_bytes())["hidden"]
    secrets = [KEY, truth.signing_key(KEY).private_bytes_raw(), *(leaves.leaf(purpose) for purpose in PURPOSES)]
    for name, content in bytes_of(Path(wanted["bundle"])).items():
        for secret in secrets:
            assert not [form for form in forms(secret) if form in content], name
        for quantity, value in hidden.items():
            assert len(repr(value)) < 5 or repr(value).encode() not in content, f"{quantity} in {name}"


def test_a_bundle_keeps_to_its_columns_and_its_resolution(lab, tmp_path):
    wanted = request(lab, tmp_path)
    ask(wanted)
    lines = (Path(wanted["bundle"]) / "levels.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "datastream,level_m"
    assert all(len(line.split(",")[1].split(".")[1]) <= 2 for line in lines[1:])


def test_what_grading_needs_is_added_to_what_was_drawn_and_nothing_is_drawn_again(lab, tmp_path):
    wanted = request(lab, tmp_path)
    assert ask(wanted)["ok"]
    drawn, whole = Path(wanted["drawn"]), Path(wanted["truth"])
    before = json.loads(drawn.read_bytes())
    given = bytes_of(Path(wanted["bundle"]))
    assert not whole.exists()
    (lab / "key.py").write_text(LAB.replace("def reality(leaves):", "def reality(leaves):\n    1 / 0"), "utf-8")
    assert ask(wanted | {"complete": True})["ok"]
    after = json.loads(whole.read_bytes())
    assert len(after.pop("tonight")) == 3
    assert after == before
    assert whole.stat().st_mode & 0o777 == 0o600
    assert bytes_of(Path(wanted["bundle"])) == given


def test_another_attempt_keeps_what_was_drawn_and_has_hidden_inputs_of_its_own(lab, tmp_path):
    wanted = request(lab, tmp_path)
    ask(wanted)
    again = wanted | {"complete": True, "attempt": 2, "truth": str(tmp_path / "second")}
    assert ask(wanted | {"complete": True})["ok"]
    assert ask(again)["ok"]
    first, second = (json.loads(Path(one["truth"]).read_bytes()) for one in (wanted, again))
    assert first.pop("tonight") != second.pop("tonight")
    assert first == second


def test_consequences_never_overwrite_what_was_drawn(lab, tmp_path):
    wanted = request(lab, tmp_path)
    ask(wanted)
    (lab / "key.py").write_text(LAB.replace('{"tonight":', '{"secret":'), encoding="utf-8")
    answer = ask(wanted | {"complete": True})
    assert not answer["ok"]
    assert "names that reality() lacks" in answer["error"]
    assert Path(wanted["drawn"]).exists()


def test_bundles_of_two_students_differ_in_every_hidden_quantity(lab, tmp_path):
    made = [request(lab, tmp_path, student) for student in ("s001", "s002")]
    assert all(ask(wanted)["ok"] for wanted in made)
    one, other = (json.loads(Path(wanted["drawn"]).read_bytes())["hidden"] for wanted in made)
    differ = {name for name in one if one[name] != other[name]}
    assert differ >= set(one) - {"closed_valves"}  # that one knows 0 and 1 alone
    levels = [(Path(wanted["bundle"]) / "levels.csv").read_bytes() for wanted in made]
    assert levels[0] != levels[1]


def test_another_machine_gives_the_same_bytes(lab, tmp_path):
    wanted = [request(lab, tmp_path / place) for place in ("here", "there")]
    for one in wanted:
        Path(one["bundle"]).parent.mkdir()
    assert ask(wanted[0])["ok"]
    read, write = os.pipe()
    os.write(write, KEY.hex().encode())
    os.close(write)
    elsewhere = {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "4711",
        "TZ": "Pacific/Chatham",
        "LC_ALL": "C",
        "HOME": str(tmp_path),
        "HOSTNAME": "elsewhere",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "twin_sandbox.truth", "--key-fd", str(read)],
        input=json.dumps(wanted[1]) + "\n",
        pass_fds=(read,),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd="/",
        env=elsewhere,
    )
    os.close(read)
    assert json.loads(done.stdout)["ok"], done.stdout
    assert bytes_of(Path(wanted[1]["bundle"])) == bytes_of(Path(wanted[0]["bundle"]))
    assert Path(wanted[1]["drawn"]).read_bytes() == Path(wanted[0]["drawn"]).read_bytes()


def test_observations_do_not_seed_the_noise_that_is_in_them(lab, tmp_path):
    """Nothing that a bundle shows, taken as a key or a leaf, gives the stream of the noise."""
    wanted = request(lab, tmp_path)
    promise = ask(wanted)["commitment"]
    leaves = truth.Leaves(KEY, "c", "s001", "secrets")
    first = leaves.generator("noise").normal(size=4)
    files = bytes_of(Path(wanted["bundle"]))
    public = json.loads(files["manifest.json"])
    shown = [bytes.fromhex(promise), *(bytes.fromhex(digest) for digest in public["files"].values())]
    shown += [base64.b64decode(public["signature"])[:32], files["levels.csv"][:32]]
    for guess in shown:
        assert not np.isclose(truth.generator(guess).normal(size=4), first).any()
        assert not np.isclose(
            truth.Leaves(guess, "c", "s001", "secrets").generator("noise").normal(size=4), first
        ).any()


def test_purposes_are_independent_even_where_their_leaves_are_known():
    leaves = truth.Leaves(KEY, "c", "s001", "secrets")
    known = [leaves.leaf(purpose) for purpose in PURPOSES]
    assert len(set(known)) == len(PURPOSES)
    # A leaf is no course key: knowing one purpose derives no other.
    for one in known:
        pretended = truth.Leaves(one, "c", "s001", "secrets")
        assert not {pretended.leaf(purpose) for purpose in PURPOSES} & set(known)
    draws = np.array([truth.generator(one).normal(size=20_000) for one in known])
    between = np.corrcoef(draws)[np.triu_indices(len(known), 1)]
    # 28 correlations, each with a standard error of 1/√20000 = 0.0071; five of them.
    assert np.abs(between).max() < 0.036


def test_a_district_that_a_sandbox_cannot_build_is_told_as_what_it_is(monkeypatch, tmp_path):
    refused = build._unwritable(tmp_path, OSError(30, "Read-only file system"))
    assert "PRACTICUM_CACHE" in str(refused)
    monkeypatch.setenv("PRACTICUM_SANDBOX", "student")
    told = build._unwritable(tmp_path, OSError(30, "Read-only file system"))
    assert isinstance(told, TwinError)
    assert "practicum up" in str(told)
    assert "cannot be written" not in str(told)
