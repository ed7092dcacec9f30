"""The district as sewers and streets together: rain counted once, gullies where water gathers, the reality obeyed."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Reality, Storm, Tide, TwinError
from twin_sandbox.engines.drainage.city_water import CityWater
from twin_sandbox.world.models.city_water import GULLIES, city_water_model, ground

CELL_M = 10.0


@pytest.fixture(scope="module")
def evening(night):
    """Two hours at 10 m with the whole of a short storm of 20 years in it."""

    def make(return_period_a: float = 20, **changes):
        start = pd.Timestamp("2026-07-18 18:00+08:00")
        given = {"horizon_h": 2.0, "grid_m": 10, "storm": Storm.chicago(return_period_a, 60), "storm_start": start}
        return night(return_period_a, **{**given, **changes})

    return make


def finished(model):
    engine = CityWater(model)
    try:
        engine.start()
        engine.step(model.horizon_s, {})
        return engine.finish()
    finally:
        engine.close()


@pytest.fixture(scope="module")
def storm(twin, evening):
    model = city_water_model(twin.district, evening())
    return model, finished(model)


@pytest.mark.parametrize("cell_m", [5.0, 10.0])
def test_rain_falls_once_on_every_square_metre(twin, cell_m):
    """Streets by the surface, the rest of each subcatchment by SWMM: together the land, within a cell at its edges."""
    found = ground(twin.district, cell_m)
    streets_m2 = float(found.rain_share.sum()) * cell_m**2
    cover = twin.terrain.land_cover
    assert streets_m2 == pytest.approx(25.0 * np.count_nonzero(cover == 1))
    rest_m2 = sum(found.area_m2.values())
    assert rest_m2 <= 25.0 * np.count_nonzero((cover != 1) & (cover != 0))
    assert rest_m2 + streets_m2 == pytest.approx(twin.entities["subcatchments"]["area_m2"].sum(), rel=0.002)


def test_each_manhole_with_a_street_has_its_gullies_in_its_lowest_cells(twin):
    found = ground(twin.district, 5.0)
    junctions = twin.entities["junctions"]
    counted = pd.Series(found.inlet_junction).value_counts()
    assert set(counted.index) == set(junctions.index[junctions["kind"] == "manhole"])
    assert (counted == GULLIES).all()
    level = found.grid.ground_m.ravel()
    assert np.isfinite(level[found.inlet_cell]).all()
    for code, row in twin.entities["low_areas"].iterrows():
        cells = [cell for cell, own in zip(found.inlet_cell, found.inlet_junction, strict=True)
                 if junctions["low_area"][own] == code]  # fmt: skip
        assert level[cells].min() <= row["bottom_m"] + 0.05


@pytest.mark.parametrize("cell_m", [5.0, 10.0])
def test_a_street_on_a_bridge_does_not_drown_with_the_underpass(twin, cell_m):
    found = ground(twin.district, cell_m)
    streets = twin.entities["streets"]["street_class"]
    below = np.concatenate([found.streets[code] for code in streets.index[streets == "underpass"]])
    lowest = found.grid.ground_m.ravel()[below].min()
    rest = np.concatenate([found.streets[code] for code in streets.index[streets != "underpass"]])
    assert found.grid.ground_m.ravel()[rest].min() > lowest + 1.0
    assert set(found.streets) == set(streets.index)


def test_a_storm_floods_low_streets_and_keeps_its_water(twin, storm):
    model, done = storm
    found = done.balances
    assert abs(found["mass_error"]) < 0.005
    fallen_m = float((model.rain_mm_h / 60.0).sum()) / 1000.0
    land_m2 = model.ground_m2 + model.rain_share.sum() * CELL_M**2
    assert found["rain_m3"] == pytest.approx(fallen_m * land_m2, rel=0.003)
    assert found["down_m3"] > found["up_m3"] > 0.0
    assert abs(found["lost_m3"]) < 1e-3 * found["rain_m3"]
    records = done.records
    low = list(twin.entities["low_areas"]["street_code"])
    deepest = pd.Series(records.street_depth_m.max(axis=0), index=list(model.streets))
    assert deepest[low].max() > 0.3
    assert deepest.drop(low).median() < 0.1
    assert records.depth_m.shape == (25, 100, 110)
    assert records.depth_m.max() == pytest.approx(records.street_depth_m.max(), rel=0.05)
    assert set(model.pump_codes) == set(twin.entities["pumps"].index)


@pytest.mark.parametrize(
    ("reality", "found", "sign"),
    [
        (Reality(rain_factor=1.2), "rain_m3", 1),
        (Reality(inlet_factor=0.3), "down_m3", -1),
        (Reality(impervious_factor=0.7), "runoff_m3", -1),
        (Reality(trunk_roughness_n=0.03, pipe_roughness_n=0.03), "up_m3", 1),
        (Reality(pump_efficiency=0.5), "outfall_m3", -1),
    ],
)
def test_the_reality_is_obeyed(twin, evening, storm, reality, found, sign):
    changed = finished(city_water_model(twin.district, evening(), reality)).balances
    assert sign * (changed[found] - storm[1].balances[found]) > 0.02 * abs(storm[1].balances[found])
    assert abs(changed["mass_error"]) < 0.005


def test_a_blockage_of_no_conduit_is_refused(twin, evening):
    with pytest.raises(TwinError, match="Codes of conduits"):
        city_water_model(twin.district, evening(), Reality(blockage={"nowhere": 0.5}))


@pytest.mark.parametrize(
    "changes",
    [
        {"pumps": "off", "tide": Tide(0.0, 3.4, pd.Timestamp("2026-07-18 19:00+08:00"), 0.8)},
        # A surge over the quay: the sea runs through the streets.
        {"storm": None, "storm_start": None, "tide": Tide(0.5, 2.8, pd.Timestamp("2026-07-18 19:00+08:00"), 1.2)},
        {"storm": Storm.chicago(300, 60), "pumps": "on"},
    ],
)
def test_every_night_keeps_its_water(twin, evening, changes):
    model = city_water_model(twin.district, evening(**changes))
    assert abs(finished(model).balances["mass_error"]) < 0.005


def test_wrong_connections_flow_on_a_dry_day(twin, evening):
    dry = evening(storm=None, storm_start=None, tide=Tide(-1.0, 1.0, pd.Timestamp("2026-07-18 19:00+08:00")))
    foul_m3s = float(twin.entities["wrong_connections"]["dry_weather_m3s"].sum())
    done = finished(city_water_model(twin.district, dry))
    assert foul_m3s > 0
    assert done.balances["dry_weather_m3"] == pytest.approx(foul_m3s * dry.horizon_s, rel=0.01)
    assert done.records.deepest_m.max() == 0.0
    assert done.balances["down_m3"] == 0.0


def test_the_maps_of_a_long_run_stay_small(twin, evening):
    long = city_water_model(twin.district, replace(evening(), horizon_h=48.0, grid_m=5, report_step_s=60))
    rows, columns = (n // long.map_cells for n in long.grid.ground_m.shape)
    assert (48 * 60 + 1) * rows * columns * 4 <= 100e6
    assert long.map_cells > 1


READ = (
    "import sys, numpy as np; from swmm.toolkit import output as o; from swmm.toolkit.solver import swmm_run;"
    "from swmm.toolkit.shared_enum import ElementType as E, LinkAttribute as L, Time;"
    "swmm_run('m.inp', 'm.rpt', 'm.out'); h = o.init(); o.open(h, 'm.out'); n = o.get_times(h, Time.NUM_PERIODS);"
    "np.savez('m.npz', **{o.get_elem_name(h, E.LINK, i): o.get_link_series(h, i, L.FLOW_RATE, 0, n - 1)"
    " for i in range(o.get_proj_size(h)[2])})"
)


@pytest.mark.parametrize(("changes", "moves"), [({}, "pump_1"), ({"pumps": "off"}, "gate_1")])
def test_cut_from_the_streets_the_sewers_flow_as_swmm_alone_lets_them(twin, evening, tmp_path, changes, moves):
    """SWMM alone on the exported file, its station worked by its own controls: the same flows to the last digit.

    With its pumps off the tank follows the sea: a gate that shut when the sea stands higher would open four times.
    """
    model = city_water_model(twin.district, evening(50, **changes), coupled=False)
    (tmp_path / "m.inp").write_text(model.text_with_rules, encoding="utf-8")
    subprocess.run([sys.executable, "-W", "ignore", "-c", READ], cwd=tmp_path, check=True, capture_output=True)
    with np.load(tmp_path / "m.npz") as alone:
        flows = np.stack([alone[name] for name in model.links], axis=1)
    done = finished(model)
    assert np.array_equal(flows.astype(np.float32), done.records.flows_m3s[1:].astype(np.float32))
    assert 0 < done.records.starts[moves] < 3
    assert done.balances["lost_m3"] > 0.0
