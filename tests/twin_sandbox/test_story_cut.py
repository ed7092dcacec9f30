"""With every wire cut, all eight engines of a coupled run give byte for byte what each gives alone on the clock."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Scenario, Storm, Tide
from twin_sandbox.world.assemble import EVERY
from twin_sandbox.world.session import Session
from twin_sandbox.world.wiring import Wiring, read_wiring

START = pd.Timestamp("2026-07-15 17:00+08:00")
STORM = Scenario(
    "a storm for all engines", START, 0.5, storm=Storm.chicago(100, 30), tide=Tide(0.0, 2.8, START), grid_m=10,
    engines=EVERY, day_kind="weekday", report_step_s=300,
)  # fmt: skip


def run(twin, scenario, wiring):
    with Session(twin.district, scenario, wiring=wiring) as session:
        return session.result()


@pytest.fixture(scope="module")
def coupled(twin):
    return run(twin, STORM, read_wiring())


@pytest.fixture(scope="module")
def cut(twin):
    wiring = read_wiring()
    return run(twin, STORM, wiring.without(*map(str, wiring.wires)))


@pytest.mark.parametrize("engine", EVERY)
def test_an_engine_with_every_wire_cut_gives_what_it_gives_alone(twin, cut, engine):
    every_s = read_wiring().every_s
    alone = run(twin, replace(STORM, engines=(engine,)), Wiring((), every_s).among([engine]))
    assert alone.quantities
    for quantity in alone.quantities:
        assert alone.tracks.array(quantity).tobytes() == cut.tracks.array(quantity).tobytes(), quantity
    assert alone.balances[engine] == cut.balances[engine]


def test_coupled_every_engine_that_takes_something_gives_something_else(coupled, cut):
    """So that the test above can fail: the wires carry. Sun, drainage with its power on, and people take nothing."""
    changed = {
        quantity.split(".")[0]
        for quantity in cut.quantities
        if not np.array_equal(coupled.tracks.array(quantity), cut.tracks.array(quantity), equal_nan=True)
    }
    assert changed >= {"buildings", "supply", "power", "traffic"}


def test_a_coupled_run_of_all_engines_gives_the_same_bytes_again(twin, coupled):
    again = run(twin, STORM, read_wiring())
    assert again.tracks.block.tobytes() == coupled.tracks.block.tobytes()
    assert again.balances == coupled.balances
