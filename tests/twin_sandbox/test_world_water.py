"""The water of a run: its tables and account, and what maps, charts, key figures and devices make of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError, kpi
from twin_sandbox.views import district_map
from twin_sandbox.views.charts import night_chart
from twin_sandbox.world.kpi.exposure import STEP_M
from twin_sandbox.world.models.surface import cells_beside
from twin_sandbox.world.water import NO_GROUND


@pytest.fixture(scope="module")
def scenario(night):
    return replace(night(50, surge_m=0.8), grid_m=10, horizon_h=3.0)


@pytest.fixture(scope="module")
def run(twin, scenario):
    return twin.run(scenario)


TABLES = ("levels_m", "flows_m3s", "street_depth_m", "pump_flow_m3s", "settings")


def test_every_table_has_a_row_a_moment_and_a_column_an_entity(twin, run):
    entities, water = twin.entities, run.water
    for name in (*TABLES, "rain_mm_h", "tide_m"):
        pd.testing.assert_index_equal(getattr(water, name).index, run.scenario.times(), obj=name)
        assert np.isfinite(getattr(water, name).to_numpy()).all(), name
    nodes = [code for table in ("junctions", "storages", "outfalls", "low_areas") for code in entities[table].index]
    links = [code for table in ("conduits", "pumps", "gates") for code in entities[table].index]
    pumps = ["pump_1", "pump_2", "pump_3"]
    columns = {name: set(getattr(water, name).columns) for name in TABLES}
    assert columns == {
        "levels_m": set(nodes), "flows_m3s": set(links), "street_depth_m": set(entities["low_areas"].index),
        "pump_flow_m3s": set(pumps), "settings": {*pumps, "gate_1"},
    }  # fmt: skip
    for facts in (water.pump_running_s, water.pump_starts, water.pump_power_kw):
        assert list(facts) == pumps
    assert set(water.pump_power_kw.values()) == set(entities["pumps"]["power_kw"].astype(float))
    assert water.seconds == 3 * 3600.0


def test_what_comes_from_outside_is_the_scenarios(twin, run):
    """On the whole district rain falls once: depth × area of the subcatchments."""
    scenario, water = run.scenario, run.water
    pd.testing.assert_series_equal(water.rain_mm_h, scenario.rain_mm_h())
    np.testing.assert_allclose(water.tide_m, scenario.tide.level_m(scenario.times()))
    fallen_m = scenario.rain_depth_mm(scenario.start, scenario.end) / 1000.0
    assert water.rain_m3 == pytest.approx(fallen_m * twin.entities["subcatchments"]["area_m2"].sum(), rel=5e-3)


def test_the_account_of_water_closes(run):
    water = run.water
    assert water.runoff_m3 - water.outfall_m3 - water.stored_m3 == pytest.approx(0.0, abs=5e-3 * water.runoff_m3)
    assert abs(water.mass_error) < 5e-3


def test_levels_of_low_areas_stand_on_their_bottoms(twin, run):
    low = twin.entities["low_areas"]
    depth = run.water.levels_m[list(low.index)] - low["bottom_m"]
    pd.testing.assert_frame_equal(depth, run.water.street_depth_m)
    along = run["drainage.street_depth_m"][list(low["street_code"])]
    np.testing.assert_allclose(run.water.street_depth_m, along, atol=1e-6)


@pytest.mark.parametrize("grid_m", [5, 10])
def test_maps_hold_the_surface_s_depths_and_no_house_beach_or_sea(twin, scenario, run, grid_m):
    result = run if grid_m == 10 else twin.run(replace(scenario, grid_m=5, horizon_h=1.5))
    water, terrain = result.water, twin.terrain
    deepest = water.max_depth_map_m()
    assert deepest.shape == terrain.elevation_m.shape
    assert deepest.dtype == np.float32
    assert not deepest[np.isin(terrain.land_cover, NO_GROUND)].any()
    wide = np.repeat(np.repeat(water.records.deepest_m, grid_m // 5, axis=0), grid_m // 5, axis=1)
    assert (deepest <= wide + 1e-6).all()
    street = terrain.land_cover == 1
    if grid_m == 5:
        np.testing.assert_allclose(deepest[street], wide[street], atol=1e-5)
    else:
        # the lowest point of a cell's street is as deep as the cell
        blocks = np.where(street, deepest, 0).reshape(100, 2, 110, 2).max(axis=(1, 3))
        wet = street.reshape(100, 2, 110, 2).any(axis=(1, 3)) & (water.records.deepest_m > 0.1)
        np.testing.assert_allclose(blocks[wet], water.records.deepest_m[wet], atol=6e-3)
    last = water.depth_map_m(result.scenario.end)
    assert (last <= deepest + 1e-6).all()


def test_buildings_under_water_are_those_beside_which_it_stands_above_their_floor(twin, run):
    water, grid = run.water, run.water.ground.grid
    deepest = water.records.depth_m.max(axis=0).ravel()
    houses = twin.entities["buildings"]
    expected = []
    for code, house in houses.iterrows():
        cells = cells_beside(twin.district, grid, house.geometry)
        above = deepest[cells] - np.maximum(house.floor_m - grid.ground_m.ravel()[cells], STEP_M)
        if above.max() > 0:
            expected.append(code)
    assert list(kpi.buildings_under_water(run)) == expected
    assert 5 <= len(expected) <= 60
    at = run.scenario.start + pd.Timedelta("1h")
    assert set(kpi.buildings_under_water(run, at)) <= set(expected)


def test_key_figures_of_a_flood_are_of_a_floods_size(run):
    """Energy and starts by hand from the pumps' records."""
    water = run.water
    assert 0 < kpi.flooded_buildings(run) < 100
    assert 500.0 < kpi.flooded_street_length_m(run) < 6_000.0
    kwh = sum(water.pump_power_kw[name] * seconds / 3600.0 for name, seconds in water.pump_running_s.items())
    assert kpi.pump_energy_kwh(run) == pytest.approx(kwh)
    assert kpi.pump_starts(run) == sum(water.pump_starts.values()) > 0
    assert kpi.night_cost(run) == pytest.approx(kpi.flood_damage(run) + 0.75 * kwh + 30.0 * kpi.pump_starts(run))
    assert kpi.flooded_street_length_m(run, 3.5) == 0.0


def test_a_street_on_the_bridge_is_not_as_deep_as_the_underpass(twin, run):
    low = twin.entities["low_areas"]
    underpass = low["street_code"][low["kind"] == "underpass"].iloc[0]
    length_m = float(twin.entities["streets"].geometry[underpass].length)
    assert 0 < kpi.flooded_street_length_m(run, 1.0) <= length_m


def test_map_and_chart_draw_it(twin, run):
    at = run.scenario.start + pd.Timedelta("2h")
    shown = district_map(twin, run, at)
    assert set(shown.live) == {"water", "buildings", "roofs"}
    assert shown.overlay["lines"][0] == run.scenario.name
    assert night_chart(run, at, "en") != night_chart(run, run.scenario.end, "en")


def test_devices_see_what_it_tells(twin, run):
    seen = twin.observe(run, np.random.default_rng(1))
    gauges = twin.things[twin.things["kind"] == "street_depth"]
    name, host = gauges.index[0], gauges["host"].iloc[0]
    table = seen[seen["datastream"] == name].set_index("time")["value"]
    true = run.water.street_depth_m[host].reindex(table.index)
    assert np.abs(table - true).median() < 0.05


def test_a_run_without_drains_has_no_water(twin, night):
    dry = replace(night(1), engines=("sun",), horizon_h=2.0)
    with pytest.raises(TwinError, match="without the engine drainage"):
        kpi.flood_damage(twin.run(dry))


def test_a_moment_outside_the_run_is_refused(run):
    with pytest.raises(TwinError, match="result, time"):
        run.water.depth_map_m(run.scenario.end + pd.Timedelta("1min"))
