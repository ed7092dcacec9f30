"""Either kind of run tells its water alike, and maps, charts, key figures and devices read either."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError, kpi
from twin_sandbox.views import district_map
from twin_sandbox.views.charts import night_chart
from twin_sandbox.world.coupled import CoupledSession
from twin_sandbox.world.kpi.exposure import STEP_M
from twin_sandbox.world.models.surface import cells_beside
from twin_sandbox.world.result import Result
from twin_sandbox.world.surface_water import NO_GROUND


def coupled(twin, scenario):
    with CoupledSession(twin.district, scenario) as session:
        return session.result()


@pytest.fixture(scope="module")
def scenario(night):
    return replace(night(50, surge_m=0.8), grid_m=10, horizon_h=3.0)


@pytest.fixture(scope="module")
def drains_alone(twin, scenario):
    return twin.run(replace(scenario, grid_m=None))


@pytest.fixture(scope="module")
def run(twin, scenario):
    return coupled(twin, scenario)


@pytest.mark.parametrize("name", [field.name for field in fields(Result)])
def test_it_tells_all_that_a_run_of_the_drains_alone_tells(drains_alone, run, name):
    theirs, ours = getattr(drains_alone, name), getattr(run.water, name)
    if isinstance(theirs, pd.DataFrame):
        assert set(ours.columns) == set(theirs.columns)
    if isinstance(theirs, pd.DataFrame | pd.Series):
        pd.testing.assert_index_equal(ours.index, theirs.index)
        assert np.isfinite(ours.to_numpy()).all()
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
    else:
        assert type(ours) is type(theirs)


def test_what_comes_from_outside_is_the_same(drains_alone, run):
    pd.testing.assert_series_equal(run.water.rain_mm_h, drains_alone.rain_mm_h)
    pd.testing.assert_series_equal(run.water.tide_m, drains_alone.tide_m)
    assert run.water.pump_power_kw == drains_alone.pump_power_kw
    assert run.water.rain_m3 == pytest.approx(drains_alone.rain_m3, rel=1e-3)


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
    result = run if grid_m == 10 else coupled(twin, replace(scenario, grid_m=5, horizon_h=1.5))
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


def test_key_figures_of_both_kinds_are_of_one_size(drains_alone, run):
    """Two models of one night: their figures differ, by no more than models do."""
    for figure in (kpi.flooded_buildings, kpi.flooded_street_length_m, kpi.flood_damage, kpi.night_cost):
        assert 0.6 < figure(run) / figure(drains_alone) < 1.8, figure.__name__
    assert kpi.pump_energy_kwh(run) == pytest.approx(kpi.pump_energy_kwh(drains_alone), rel=0.1)
    assert kpi.pump_starts(run) == kpi.pump_starts(drains_alone)
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
        kpi.flood_damage(coupled(twin, dry))


def test_a_moment_outside_the_run_is_refused(run):
    with pytest.raises(TwinError, match="result, time"):
        run.water.depth_map_m(run.scenario.end + pd.Timedelta("1min"))
