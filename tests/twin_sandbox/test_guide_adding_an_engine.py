"""The guide's example engine, taken from the page itself, on the clock beside another engine.

A steady spill Q into a box V with decay k: C(t) = C∞ (1 − exp(−(Q/V + k) t)), C∞ = (Q/V) C_in / (Q/V + k).
"""

import math
import re
import tomllib

import numpy as np
import pytest

from twin_sandbox.data import data_folder
from twin_sandbox.engines.protocol import Finished, Outputs, Port
from twin_sandbox.errors import TwinError
from twin_sandbox.world.wiring import read_wiring

PAGE = (data_folder("curriculum") / "guides" / "adding-an-engine.md").read_text(encoding="utf-8")


class Outfall:
    """Spills half a cubic metre a second."""

    step_s = 60
    takes: dict = {}  # noqa: RUF012 - a stand-in
    gives = {"spill_m3s": Port(("OF1",), "m³/s", "spill")}  # noqa: RUF012 - likewise

    def start(self):
        return Outputs(0.0, {"spill_m3s": np.array([0.5])})

    def step(self, until_s, inputs):
        return Outputs(until_s, {"spill_m3s": np.array([0.5])})

    def finish(self):
        return Finished()

    def close(self):
        pass


@pytest.fixture(scope="module")
def page():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - the page is ours
    return names | {"lines": sum(block.count("\n") for block in blocks)}


def test_the_engine_of_the_guide_runs_on_the_clock_and_solves_its_equation(page):
    found = page["a_day"](Outfall(), (("B1", "B2"), ("OF1",)))
    rate = 0.25 / 50_000.0
    total = rate + page["DECAY_PER_S"]
    steady = rate * 0.02 * page["SEWAGE_PER_100ML"] / total
    expected = [steady * (1.0 - math.exp(-total * 3600.0 * hour)) for hour in range(25)]
    assert found[:, 0] == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(found[:, 0], found[:, 1])


def test_one_step_alone_solves_it_too(page):
    """Hours are even numbers of steps, at which a wrong sign before the decaying part would not show."""
    engine = page["BathingWater"](("B1",), ("OF1",))
    found = engine.step(60.0, {"spill_m3s": np.array([0.5])}).found["ecoli_per_100ml"]
    rate = 0.5 / 50_000.0
    total = rate + page["DECAY_PER_S"]
    steady = rate * 0.02 * page["SEWAGE_PER_100ML"] / total
    assert found == pytest.approx([steady * (1.0 - math.exp(-total * 60.0))], rel=1e-9)


def test_it_takes_less_than_a_hundred_lines(page):
    assert page["lines"] < 100


def test_its_wire_is_one_that_a_wiring_file_may_hold(tmp_path):
    wire = re.search(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert wire is not None
    assert tomllib.loads(wire.group(1))["wire"][0]["from"] == "drainage.spill_m3s"
    (tmp_path / "wiring.toml").write_text(wire.group(1), encoding="utf-8")
    assert str(read_wiring(tmp_path / "wiring.toml").wires[0]) == "drainage.spill_m3s → bathing.spill_m3s"


def test_it_refuses_a_beach_without_water(page):
    with pytest.raises(TwinError, match="0 beaches"):
        page["BathingWater"]((), ("OF1",))
