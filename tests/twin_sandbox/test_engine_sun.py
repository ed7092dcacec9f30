"""Solar systems: what the engine gives is pvlib's own; neighbours cut it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError
from twin_sandbox.engines.sun import (
    ALBEDO,
    CELL,
    GAMMA_PER_K,
    INVERTER_EFFICIENCY,
    LOSSES_PERCENT,
    Sun,
    SunModel,
    generation,
)
from twin_sandbox.world.models.sun import horizons, sky_share, sun_model
from twin_sandbox.world.weather import ALTITUDE_M, LATITUDE_DEG, LONGITUDE_DEG, Weather

START = pd.Timestamp("2026-05-03 00:00+08:00")
DAY_S = 86_400


@pytest.fixture(scope="module")
def weather():
    return Weather.ordinary(START, DAY_S, 300)


def free_model(weather, tilts=(30.0, 10.0), azimuths=(180.0, 245.0)):
    """Two systems that nothing shades, 10 kWp behind 8 kW."""
    count = len(tilts)
    return SunModel(
        START, 300, LATITUDE_DEG, LONGITUDE_DEG, ALTITUDE_M, weather.temperature_c, weather.ghi_w_m2, weather.dni_w_m2,
        weather.dhi_w_m2, weather.wind_m_s, tuple(f"system {k}" for k in range(count)), np.full(count, 10.0),
        np.full(count, 8.0), np.array(tilts), np.array(azimuths), np.zeros((count, 72)), np.ones(count),
    )  # fmt: skip


def by_pvlib_alone(weather, tilt, azimuth):
    """pvlib's own chain of models for one system [kW]."""
    from pvlib.location import Location
    from pvlib.modelchain import ModelChain
    from pvlib.pvsystem import Array, FixedMount, PVSystem

    array = Array(
        FixedMount(tilt, azimuth),
        albedo=ALBEDO,
        module_parameters={"pdc0": 10_000.0, "gamma_pdc": GAMMA_PER_K},
        temperature_model_parameters=CELL,
    )
    inverter = {"pdc0": 8_000.0 / INVERTER_EFFICIENCY, "eta_inv_nom": INVERTER_EFFICIENCY}
    system = PVSystem(arrays=[array], inverter_parameters=inverter, losses_parameters=LOSSES_PERCENT)
    chain = ModelChain(
        system, Location(LATITUDE_DEG, LONGITUDE_DEG, altitude=ALTITUDE_M), transposition_model="haydavies",
        dc_model="pvwatts", ac_model="pvwatts", aoi_model="physical", spectral_model="no_loss",
        temperature_model="sapm", losses_model="pvwatts",
    )  # fmt: skip
    table = weather.at(weather.times).rename(
        columns={"temperature_c": "temp_air", "wind_m_s": "wind_speed", "ghi_w_m2": "ghi", "dni_w_m2": "dni",
                 "dhi_w_m2": "dhi"}
    )  # fmt: skip
    chain.run_model(table.drop(columns="humidity_percent"))
    return chain.results.ac.to_numpy() / 1000.0


@pytest.mark.parametrize("number", [0, 1])
def test_without_neighbours_it_is_pvlibs_own_to_the_last_digit(weather, number):
    model = free_model(weather)
    alone = by_pvlib_alone(weather, model.tilt_deg[number], model.azimuth_deg[number])
    assert np.array_equal(generation(model).ac_kw[:, number], alone)
    assert alone.max() > 3.0


def test_the_engine_gives_what_the_models_gave_at_each_moment(weather):
    model = free_model(weather)
    engine = Sun(model)
    found = [engine.start().found["pv_kw"]]
    found += [engine.step(at, {}).found["pv_kw"] for at in (43_200.0, 43_500.0, 86_400.0)]
    assert np.array_equal(np.array(found), generation(model).ac_kw[[0, 144, 145, 288]])
    balance = engine.finish().balances
    assert balance["pv_kwh"] == pytest.approx(np.trapezoid(generation(model).ac_kw.sum(axis=1), dx=1 / 12))


def test_behind_a_wall_to_the_zenith_only_the_ground_shines(weather):
    """Horizon 90° all round, nothing of the sky: what is left is light from the ground, GHI · ρ · (1 − cos β) / 2."""
    model = free_model(weather)
    walled = replace(model, horizon_deg=np.full((2, 72), 90.0), sky_share=np.zeros(2))
    ground = weather.ghi_w_m2[:, None] * ALBEDO * (1.0 - np.cos(np.radians(model.tilt_deg))) / 2.0
    assert np.allclose(generation(walled).plane_w_m2, ground)
    assert np.array_equal(generation(walled).free_w_m2, generation(model).free_w_m2)


def test_a_house_in_the_east_takes_the_morning_alone(weather):
    model = free_model(weather)
    east = np.zeros((2, 72))
    east[:, 8:28] = 40.0  # 40° to 135°
    shaded, free = generation(replace(model, horizon_deg=east)).ac_kw, generation(model).ac_kw
    assert shaded[96, 0] < 0.9 * free[96, 0]  # at 8
    assert np.array_equal(shaded[168:], free[168:])  # from 14 on


def test_what_a_level_plane_sees_above_an_even_horizon_is_its_cosine_squared():
    """∫ sin ε cos ε dε from h to 90° by that from 0 is 1 − sin² h."""
    for degrees in (0.0, 10.0, 35.0, 60.0):
        share = sky_share(np.full((1, 72), degrees), np.zeros(1), np.array([180.0]))
        assert share[0] == pytest.approx(np.cos(np.radians(degrees)) ** 2, abs=1e-4)


def test_the_districts_horizons_are_those_of_its_buildings(twin):
    """A system sees its neighbour's roof where it stands: tan(elevation) = rise / distance to its near wall."""
    seen = horizons(twin.district)
    systems, buildings = twin.entities["pv_systems"], twin.entities["buildings"]
    assert seen.horizon_deg.shape == (len(systems), 72)
    assert seen.horizon_deg.min() >= 0.0
    assert seen.horizon_deg.max() < 90.0
    assert ((seen.sky_share > 0.3) & (seen.sky_share <= 1.0)).all()
    roofs = twin.district.facts["roofs"].set_index("building_code")
    worst = int(seen.horizon_deg.max(axis=1).argmax())
    direction = int(seen.horizon_deg[worst].argmax())
    at, own = systems.geometry.iloc[worst], systems["building_code"].iloc[worst]
    turn = np.radians(5.0 * direction)
    from shapely.geometry import LineString

    ray = LineString([at, (at.x + 400 * np.sin(turn), at.y + 400 * np.cos(turn))])
    hit = buildings[buildings.intersects(ray) & (buildings.index != own)]
    roof = roofs.loc[own]
    eye = (roof["eaves_m"] + roof["ridge_m"]) / 2 if roof["pitch_deg"] > 8 else roof["ridge_m"] + 0.5
    angles = [
        np.degrees(np.arctan2((roofs.loc[code, "eaves_m"] + roofs.loc[code, "ridge_m"]) / 2 - eye,
                              at.distance(shape.intersection(ray))))
        for code, shape in hit.geometry.items()
    ]  # fmt: skip
    assert max(angles) == pytest.approx(seen.horizon_deg[worst, direction], abs=6.0)  # cells of 2.5 m


def test_horizons_are_computed_once_a_district(twin):
    assert horizons(twin.district) is horizons(twin.district)


def test_the_engine_refuses_what_it_cannot_do(weather):
    engine = Sun(free_model(weather))
    with pytest.raises(TwinError, match="before it was started"):
        engine.step(300.0, {})
    engine.start()
    for until in (250.0, 86_700.0, float("inf"), float("nan")):
        with pytest.raises(TwinError, match="A multiple of 300 s"):
            engine.step(until, {})
    engine.step(600.0, {})
    with pytest.raises(TwinError, match="from 600"):
        engine.step(300.0, {})
    engine.close()
    engine.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kwp": np.array([10.0])}, "kwp"),
        ({"kwp": np.array([10.0, np.nan])}, "kwp"),
        ({"kwp": np.array([10.0, 0.0])}, "without panels"),
        ({"dni_w_m2": np.zeros(3)}, "dni_w_m2"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_its_part(weather, changes, words):
    with pytest.raises(TwinError, match=words):
        Sun(replace(free_model(weather), **changes)).start()


def test_a_weather_that_ends_too_soon_is_refused(twin, weather):
    with pytest.raises(TwinError, match="whole run"):
        sun_model(twin.district, START, 2 * DAY_S, weather)
