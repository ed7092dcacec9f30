"""What a student of the storm night is given: only what the lesson needs, nothing of the truth, the same anywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from twin_sandbox import truth
from twin_sandbox.data import cache_folder

ROOT = Path(__file__).parent.parent.parent
LAB = ROOT / "labs" / "simulation" / "storm_night"
KEY = bytes(range(11, 43))
OBSERVED = {
    "ledger.csv": ["datastream", "kind", "host", "quantity", "unit", "resolution", "interval_s"],
    "observations.csv": ["datastream", "time", "value"],
}


def request(folder: Path, student: str) -> str:
    folder.mkdir(exist_ok=True)
    names = {name: str(folder / f"{student}.{name}") for name in ("truth", "drawn", "bundle")}
    wanted = {"lab": str(LAB), "course": "c", "student": student, "form": "a", "attempt": 1, **names}
    return json.dumps(wanted)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    custodian = truth.Custodian(KEY)
    for student in ("s001", "s002"):
        assert custodian.answer(request(folder, student).encode())["ok"]
    return folder


def test_it_holds_the_columns_that_the_lesson_needs_and_no_finer_value_than_the_sensor_tells(made):
    bundle = made / "s001.bundle"
    assert set(bytes_of(bundle)) == {*OBSERVED, "last_night.json", "tonight.json", "manifest.json"}
    for name, columns in OBSERVED.items():
        assert list(pd.read_csv(bundle / name).columns) == columns
    resolution = pd.read_csv(bundle / "ledger.csv").set_index("datastream")["resolution"]
    observations = pd.read_csv(bundle / "observations.csv")
    steps = observations["value"] / observations["datastream"].map(resolution)
    assert (steps - steps.round()).abs().max() < 1e-6
    assert observations.equals(observations.sort_values(["datastream", "time"], key=_order(observations)))


def _order(observations: pd.DataFrame):
    """By the ledger's order of datastreams, then time: an order that tells nothing."""
    rank = {name: place for place, name in enumerate(dict.fromkeys(observations["datastream"]))}
    return lambda column: column.map(rank) if column.name == "datastream" else column


def test_nothing_in_it_tells_the_truth(made):
    drawn = json.loads((made / "s001.drawn").read_bytes())
    told = b"\n".join(bytes_of(made / "s001.bundle").values()).decode()
    assert str(drawn["trunk_roughness_n"]) not in told
    assert drawn["fault"]["fault"] not in told
    assert KEY.hex() not in told
    for night in (drawn["last_night"],):
        assert json.dumps(night["rain_mm_h"])[1:60] not in told
    assert set(json.loads((made / "s001.bundle" / "last_night.json").read_text())) == {"start", "horizon_h", "tide"}


def test_two_students_differ(made):
    one, other = (json.loads((made / f"{student}.drawn").read_bytes()) for student in ("s001", "s002"))
    for name in ("trunk_roughness_n", "last_night", "tonight", "runoff_m3"):
        assert one[name] != other[name]
    bundles = [bytes_of(made / f"{student}.bundle") for student in ("s001", "s002")]
    assert all(bundles[0][name] != bundles[1][name] for name in ("observations.csv", "tonight.json"))


def test_another_machine_gives_one_student_the_same_bytes(made, tmp_path):
    """Another home, zone, hash seed and place to work in, and a processor without its vector instructions."""
    read, write = os.pipe()
    os.write(write, KEY.hex().encode())
    os.close(write)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "twin_sandbox.truth", "--key-fd", str(read)],
        input=request(tmp_path / "there", "s001") + "\n",
        pass_fds=(read,),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        cwd="/",
        env={
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "4711",
            "TZ": "Pacific/Chatham",
            "LC_ALL": "C",
            "HOME": str(tmp_path),
            "PRACTICUM_CACHE": str(cache_folder()),
            "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
            "PATH": os.environ["PATH"],
        },
    )
    os.close(read)
    assert json.loads(done.stdout)["ok"], done.stdout
    assert bytes_of(tmp_path / "there" / "s001.bundle") == bytes_of(made / "s001.bundle")
