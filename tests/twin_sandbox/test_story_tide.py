"""Tide high → gate shut → storage fills → pumps must run; and what happens if they cannot.

A storm of 5 years on a spring tide with a surge (high water 2.6 m at 19:00):

    18:05  the sea stands above the tank: the gate shuts and stays shut
    18:3x  water in the tank reaches −1.65 m: pump 1 starts; pumps 2 and 3 follow by 19:00
    19:10  the tank is fullest, 1.3 m with the pumps; without them 2.4 m and more, up to what the sewers push in
    20:15  with the pumps the tank is being emptied; without them it stays full and the underpass drowns, 2.8 m deep
"""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox.views.stories import UNDERPASS, first, play


@pytest.fixture(scope="module")
def pumped(twin):
    return play(twin, "story_tide")


@pytest.fixture(scope="module")
def unpumped(twin):
    return play(twin, "story_tide_no_pumps")


@pytest.fixture(scope="module")
def tank(twin):
    return twin.district.entities["storages"].index[0]


def test_the_tide_shuts_the_gate_then_the_tank_fills_then_pumps_start_one_after_another(twin, pumped, tank):
    level, setting = pumped["drainage.level_m"][tank], pumped["drainage.setting"]
    sea = pd.Series(pumped.scenario.tide.level_m(level.index), level.index)
    shut = first(setting["gate_1"] == 0.0)
    assert sea[shut] > level[shut] - 0.2
    starts = [first(setting[f"pump_{k}"] > 0.0) for k in (1, 2, 3)]
    assert shut < starts[0] <= starts[1] <= starts[2] <= pd.Timestamp("2026-07-18 19:05+08:00")
    start_m = twin.district.entities["pumps"]["start_level_m"].to_numpy()
    assert level[starts[0]] >= start_m[0] - 0.05
    high = sea > level + 0.05
    assert (setting["gate_1"][high].iloc[2:] == 0.0).all()
    assert starts[2] < level.idxmax()
    assert level.iloc[-1] < -3.5  # emptied down to where pumps stop


def test_pumps_that_cannot_run_leave_the_tank_full_and_drown_the_underpass(pumped, unpumped, tank):
    full, kept = unpumped["drainage.level_m"][tank], pumped["drainage.level_m"][tank]
    assert (unpumped["drainage.pump_kw"] == 0.0).all(axis=None)
    assert full.max() > kept.max() + 0.8
    assert full.iloc[-1] > kept.iloc[-1] + 4.0
    depth, dry = unpumped["drainage.street_depth_m"], pumped["drainage.street_depth_m"]
    assert depth[UNDERPASS].iloc[-1] > 2.0
    assert depth[UNDERPASS].max() > dry[UNDERPASS].max() + 1.0
    drowned = [(one.iloc[-1] > 0.15).sum() for one in (depth, dry)]
    assert drowned[0] > drowned[1]


def test_water_goes_out_by_the_pumps_or_stays(pumped, unpumped):
    """What does not leave by the outfalls stays in tank, sewers and streets, or runs over the shore."""
    lifted = float(pumped["drainage.flow_m3s"].filter(regex="FPM").sum(axis=1).sum() * 300.0)
    assert 15_000 < lifted < 60_000
    names = ("outfall_m3", "sea_m3", "stored_m3")
    went = {name: [run.balances["drainage"][name] for run in (pumped, unpumped)] for name in names}
    assert went["outfall_m3"][0] - went["outfall_m3"][1] > 15_000
    assert went["stored_m3"][1] - went["stored_m3"][0] > 10_000
    assert sum(went[name][0] for name in names) == pytest.approx(sum(went[name][1] for name in names), rel=0.01)
    for run in (pumped, unpumped):
        assert abs(run.balances["drainage"]["mass_error"]) < 0.005


def test_the_same_story_gives_the_same_bytes(twin, pumped):
    assert np.array_equal(pumped.tracks.block, play(twin, "story_tide").tracks.block, equal_nan=True)
