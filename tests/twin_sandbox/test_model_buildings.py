"""The district's buildings as the engine's model."""

import numpy as np
import pandas as pd
import pytest
import shapely

from twin_sandbox import Scenario, TwinError
from twin_sandbox.engines.buildings.engine import Buildings
from twin_sandbox.world.models.buildings import buildings_model, engine, heating_season, season_of
from twin_sandbox.world.models.buildings_fabric import facade_lengths
from twin_sandbox.world.weather import Weather

JULY = pd.Timestamp("2026-07-20 00:00+08:00")
DAY_S = 86_400


@pytest.fixture(scope="module")
def mean_day(twin):
    return buildings_model(twin.district, JULY, DAY_S, Weather.normal(JULY, DAY_S))


def test_on_the_climates_mean_day_every_buildings_load_is_its_profile(twin, mean_day):
    """Share × coincident peak at each full hour, to the last digits."""
    rooms = Buildings(mean_day)
    rooms.start()
    services = twin.entities["power_services"].set_index("consumer_code").reindex(list(mean_day.codes))
    profiles = twin.district.facts["load_profiles"]
    hit = profiles[(profiles["season"] == "summer") & (profiles["day_kind"] == "workday")]
    share = hit.set_index(["profile", "hour"])["load_share"]
    for hour in (4, 12, 20):
        found = rooms.step(hour * 3600.0, {}).found["electric_kw"]
        wanted = services["coincident_peak_kw"] * [share[name, hour] for name in services["profile"]]
        assert found == pytest.approx(wanted.to_numpy(), rel=1e-12)


def test_walls_face_where_the_sun_finds_them():
    """A house of 20 m by 10 m whose long sides face north and south, drawn either way round."""
    west_east = shapely.box(0, 0, 20, 10)
    shapes = pd.Series([west_east, shapely.reverse(west_east)])
    assert facade_lengths(shapes).tolist() == [[20.0, 10.0, 20.0, 10.0]] * 2
    wedge = pd.Series([shapely.Polygon([(0, 0), (10, 0), (0, 10)])])  # its long side faces north-east
    north, east, south, west = facade_lengths(wedge)[0]
    assert (south, west) == (10.0, 10.0)
    assert north + east == pytest.approx(np.sqrt(200))


def test_older_houses_lose_more(twin, mean_day):
    details = twin.district.facts["building_details"].set_index("building_code").reindex(list(mean_day.codes))
    each = mean_day.fabric.loss_w_k / details["floor_area_m2"].to_numpy()
    homes = (twin.entities["buildings"]["use"] == "residential").to_numpy() & mean_day.on_net
    by_class = [each[homes & (details["energy_class"] == name).to_numpy()].mean() for name in "ABCD"]
    assert by_class == sorted(by_class)


def test_the_net_serves_whom_the_services_name(twin, mean_day):
    served = {code for code, on in zip(mean_day.codes, mean_day.on_net, strict=True) if on}
    assert served == set(twin.entities["heat_services"]["building_code"])


def test_the_season_begins_and_ends_as_the_city_sets_it():
    days = pd.DatetimeIndex(["2026-11-15", "2026-11-16", "2027-04-05", "2027-04-06"], tz="Asia/Shanghai")
    assert heating_season(days).tolist() == [False, True, True, False]
    assert [season_of(month) for month in (12, 2, 3, 6, 9)] == ["winter", "winter", "spring", "summer", "autumn"]


def test_a_day_of_rest_is_told_by_the_calendar_or_by_name(twin, mean_day):
    sunday = JULY - pd.Timedelta(days=1)
    rest = buildings_model(twin.district, sunday, 3600, Weather.normal(sunday, DAY_S), step_s=3600)
    named = buildings_model(twin.district, JULY, 3600, Weather.normal(JULY, DAY_S), day_kind="holiday", step_s=3600)
    assert np.array_equal(rest.load_kw[0], named.load_kw[0])
    assert not np.array_equal(rest.load_kw[0], mean_day.load_kw[0])


def test_the_three_engines_run_a_winter_day_by_their_names(twin):
    names = ("buildings", "heat", "sun")
    result = twin.run(Scenario("winter", "2026-01-15 06:00+08:00", 3.0, engines=names))
    assert result["buildings.indoor_c"].notna().all(axis=None)
    assert abs(result.balances["heat"]["heat_error"]) < 1e-9
    assert result["heat.source_kw"].iloc[-1, 0] == pytest.approx(
        result["heat.heat_supplied_kw"].iloc[-1].sum(), rel=0.1
    )


def test_a_run_shorter_than_the_engines_step_is_stepped_finer(twin):
    scenario = Scenario("short", JULY, 31 / 60, report_step_s=60, engines=("buildings",))
    assert engine(twin.district, scenario, None).step_s == 60


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tariff_cny_kwh": [0.5] * 23}, "24 prices"),
        ({"tariff_cny_kwh": [-1.0] * 24}, "24 prices"),
        ({"step_s": 7}, "divisor"),
        ({"horizon_s": 3 * DAY_S}, "whole run"),
    ],
)
def test_what_fits_no_run_is_refused(twin, changes, words):
    given = {"horizon_s": DAY_S, **changes}
    with pytest.raises(TwinError, match=words):
        buildings_model(twin.district, JULY, weather=Weather.normal(JULY, DAY_S), **given)
