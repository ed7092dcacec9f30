"""Rooms by the standard's network; electricity by profiles, people, weather, power and price."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from twin_sandbox import TwinError
from twin_sandbox.engines.buildings.engine import Buildings
from twin_sandbox.engines.buildings.rooms import BuildingsModel, cop
from twin_sandbox.engines.buildings.zone import AIR_TO_SURFACE_W_M2K, MASS_TO_SURFACE_W_M2K, Fabric, Zones

START = pd.Timestamp("2026-01-15 00:00+08:00")
HOUSE = {
    "floor_m2": 100.0, "opaque_w_k": 80.0, "windows_w_k": 60.0, "air_w_k": 50.0, "capacity_j_k": 16.5e6,
    "mass_m2": 250.0,
}  # fmt: skip


def fabric(count=1):
    return Fabric(**{name: np.full(count, value) for name, value in HOUSE.items()})


def model(hours=24, outside_c=0.0, **changes):
    """Two houses alike, a home on the net and an office with a boiler; 1 kW by the profiles each."""
    moments = hours * 12 + 1
    zeros, ones = np.zeros((moments, 2)), np.ones((moments, 2))
    air = np.full(moments, float(outside_c))
    plain = BuildingsModel(
        start=START, step_s=300, codes=("home", "office"), fabric=fabric(2), customer=("residential", "office"),
        outside_c=air, usual_outside_c=air, sun_w=zeros, usual_sun_w=zeros, people=zeros, appliances_w=zeros,
        load_kw=ones, working_kw=ones, heating=np.ones(moments, np.bool_), heat_set_c=np.array([20.0, 18.0]),
        heat_most_w=np.array([20_000.0, 20_000.0]), on_net=np.array([True, False]), boiler_efficiency=0.9,
        cool_set_c=np.array([26.0, 26.0]), cooled_share=ones, cool_most_w=np.array([9_000.0, 9_000.0]),
        price_cny_kwh=np.full(moments, 0.5),
    )  # fmt: skip
    return replace(plain, **changes)


def run(engine, hours, every_s=300, inputs=None):
    """What it found from its start on, quantity → one row a step."""
    found = [engine.start().found]
    found += [engine.step(float(at), inputs or {}).found for at in range(every_s, hours * 3600 + 1, every_s)]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def reference(hours, outside_c, inner_w, sun_w, air_w, mass_c):
    """The network of five resistances solved by scipy: mass after so many hours, and the air then.

    Air and surfaces hold no heat: two linear equations at each moment give them from the mass.
    """
    h = HOUSE
    inner, mass_area = 4.5 * h["floor_m2"], h["mass_m2"]
    to_air, to_mass = AIR_TO_SURFACE_W_M2K * inner, MASS_TO_SURFACE_W_M2K * mass_area
    out = 1.0 / (1.0 / h["opaque_w_k"] - 1.0 / to_mass)
    rest = 0.5 * inner_w + sun_w
    into_mass = mass_area / inner * rest
    into_surface = (1.0 - mass_area / inner - h["windows_w_k"] / (MASS_TO_SURFACE_W_M2K * inner)) * rest

    def nodes(mass):
        matrix = [[to_air + h["air_w_k"], -to_air], [-to_air, to_air + to_mass + h["windows_w_k"]]]
        right = [
            h["air_w_k"] * outside_c + 0.5 * inner_w + air_w,
            to_mass * mass + h["windows_w_k"] * outside_c + into_surface,
        ]
        return np.linalg.solve(matrix, right)

    def change(_, mass):
        surface = nodes(mass[0])[1]
        return [(to_mass * (surface - mass[0]) + out * (outside_c - mass[0]) + into_mass) / h["capacity_j_k"]]

    solved = solve_ivp(change, (0.0, hours * 3600.0), [mass_c], rtol=1e-10, atol=1e-10)
    mass = solved.y[0, -1]
    return mass, nodes(mass)[0]


@pytest.mark.parametrize(("step_s", "mass_k", "air_k"), [(300, 1e-4, 0.02), (3600, 2e-3, 0.2)])
def test_a_step_in_the_weather_is_answered_as_scipy_answers_it(step_s, mass_k, air_k):
    """From 20 °C through, 0 °C outside with 300 W inside and 200 W of sun and 500 W taken from the air, for a day."""
    zones = Zones(fabric(), step_s)
    mass = np.array([20.0])
    for _ in range(86_400 // step_s):
        mass, air = zones.step(mass, 0.0, np.array([300.0]), np.array([200.0]))
        mass, air = zones.heated(mass, air, np.array([0.0]), np.array([500.0]))
    mass_there, air_there = reference(24, 0.0, 300.0, 200.0, -500.0, 20.0)
    assert mass[0] == pytest.approx(mass_there, abs=mass_k)
    assert air[0] == pytest.approx(air_there, abs=air_k)  # the standard's air is the step's mean


def test_at_rest_a_house_loses_what_its_resistances_say():
    """Q = ΔT · (H_ve + 1 / (1 / H_is + 1 / (H_w + H_op))), by hand 50 + 1 / (1 / 1552.5 + 1 / 140) = 178.4 W/K."""
    zones, mass = Zones(fabric(), 3600.0), np.array([20.0])
    for _ in range(2000):
        mass, air = zones.step(mass, 0.0, np.zeros(1), np.zeros(1))
        mass, air = zones.heated(mass, air, np.zeros(1), np.array([-1000.0]))
    assert fabric().loss_w_k[0] == pytest.approx(178.4, abs=0.1)
    assert air[0] == pytest.approx(1000.0 / 178.4, abs=0.01)


def test_heat_holds_the_rooms_and_is_asked_of_the_net_or_burnt():
    found = run(Buildings(model()), 24)
    assert found["indoor_c"][1:, 0] == pytest.approx(20.0)
    assert found["indoor_c"][1:, 1] == pytest.approx(18.0)
    asked_kw = found["heat_demand_kw"][-1, 0]
    assert asked_kw > 0.1784 * 20.0  # half of it radiates and is lost through the walls first
    assert found["gas_kw"][-1, 0] == pytest.approx(asked_kw * 18.0 / 20.0 / 0.9, rel=0.02)


def test_without_the_nets_heat_the_rooms_cool_and_ask_for_more():
    held = run(Buildings(model()), 12)
    cold = run(Buildings(model()), 12, inputs={"heat_supplied_kw": np.array([0.0])})
    assert cold["indoor_c"][-1, 0] < 15.0
    assert cold["heat_demand_kw"][-1, 0] > 1.5 * held["heat_demand_kw"][-1, 0]
    assert np.array_equal(cold["indoor_c"][:, 1], held["indoor_c"][:, 1])


def test_out_of_season_the_net_is_asked_for_nothing_and_a_boiler_burns_on():
    found = run(Buildings(model(heating=np.zeros(289, np.bool_))), 24)
    assert found["heat_demand_kw"].max() == 0.0
    assert found["gas_kw"].min() > 0.0


def test_without_power_nothing_is_drawn_and_the_boiler_is_out():
    engine = Buildings(model())
    found = run(engine, 12, inputs={"powered": np.array([1.0, 0.0])})
    assert found["electric_kw"][1:, 1].max() == 0.0
    assert found["gas_kw"][1:].max() == 0.0
    assert found["indoor_c"][-1, 1] < 14.0
    assert found["electric_kw"][:, 0].tolist() == [1.0] * 145


def test_an_ordinary_days_load_is_the_profiles():
    """Cooling on the climate's mean day is in the profiles already; what is beyond it comes on top, by the COP."""
    usual = run(Buildings(model(outside_c=33.0)), 6)
    assert usual["cooling_kw"].min() > 0.1
    assert usual["electric_kw"] == pytest.approx(1.0)
    hot_model = model(outside_c=33.0, usual_outside_c=np.full(289, 20.0))
    hot = run(Buildings(hot_model), 6)
    assert hot["electric_kw"] == pytest.approx(1.0 + hot["cooling_kw"])
    assert cop(35.0) == 3.2
    assert cop(25.0) == pytest.approx(3.84)


def test_where_it_is_cool_outside_windows_are_opened_instead():
    found = run(Buildings(model(outside_c=20.0, appliances_w=np.full((289, 2), 1500.0))), 24)
    assert found["cooling_kw"].max() == 0.0
    assert found["indoor_c"][-1] == pytest.approx(26.0, abs=0.01)


def test_people_switch_things_on_and_warm_the_rooms():
    twice = run(Buildings(model()), 1, inputs={"activity_factor": np.array([2.0, np.nan])})
    assert twice["electric_kw"][-1].tolist() == pytest.approx([0.35 + 0.65 * 2.0, 1.0])
    rest = run(Buildings(model(working_kw=np.full((289, 2), 3.0))), 1, inputs={"activity_factor": np.array([0.5, 1.0])})
    assert rest["electric_kw"][-1].tolist() == pytest.approx([3.0 * (0.35 + 0.65 * 0.5), 3.0])  # by a working day's
    full = run(Buildings(model()), 6, inputs={"occupants": np.array([20.0, np.nan])})
    empty = run(Buildings(model()), 6)
    assert empty["heat_demand_kw"][-1, 0] - full["heat_demand_kw"][-1, 0] == pytest.approx(1.4, abs=0.1)


def test_dear_hours_put_load_off_and_cheap_ones_make_it_up():
    """15 % of a home's 1 kW waits for four dear hours: 0.6 kWh; none is lost, what still waits is told."""
    price = np.where(np.arange(289) // 12 < 4, 1.0, 0.4)
    engine = Buildings(model(price_cny_kwh=price))
    found = run(engine, 24)
    assert found["electric_kw"][1:48, 0] == pytest.approx(0.85)
    assert found["electric_kw"][48, 0] == pytest.approx(1.0 + 0.6 / 3.0)
    balance = engine.finish().balances
    assert balance["electric_kwh"] + balance["waiting_kwh"] == pytest.approx(48.0)
    assert balance["waiting_kwh"] < 0.01


def test_a_price_that_comes_from_outside_does_the_same():
    engine = Buildings(model())
    engine.start()
    by_customer = dict(zip(engine.takes["tariff_cny_kwh"].codes, (np.nan, 2.0), strict=True))
    assert by_customer == {"office": pytest.approx(np.nan, nan_ok=True), "residential": 2.0}
    found = engine.step(300.0, {"tariff_cny_kwh": np.array([np.nan, 2.0])}).found
    assert found["electric_kw"].tolist() == pytest.approx([0.85, 1.0])


def test_long_steps_find_what_short_ones_find():
    short, long = run(Buildings(model()), 12), run(Buildings(model()), 12, 3600)
    for name, values in long.items():
        assert np.array_equal(values, short[name][::12]), name


def test_nan_leaves_all_to_the_engine():
    engine = Buildings(model())
    inputs = {name: np.full(len(port.codes), np.nan) for name, port in engine.takes.items()}
    left, alone = run(engine, 6, inputs=inputs), run(Buildings(model()), 6)
    for name, values in alone.items():
        assert np.array_equal(values, left[name]), name


@given(
    st.sampled_from(["occupants", "activity_factor", "powered", "heat_supplied_kw", "tariff_cny_kwh", "wind"]),
    st.lists(st.floats(), min_size=0, max_size=3),
)
def test_any_input_is_taken_or_refused_by_its_name(name, values):
    engine = Buildings(model(hours=1))
    engine.start()
    port = engine.takes.get(name)
    most = 1.0 if name == "powered" else 1e300
    fits = port is not None and len(values) == len(port.codes)
    if fits and all(np.isnan(value) or 0.0 <= value <= most for value in values):
        assert set(engine.step(300.0, {name: np.array(values)}).found) == set(engine.gives)
    else:
        with pytest.raises(TwinError, match=f"buildings engine, {name}"):
            engine.step(300.0, {name: np.array(values)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load_kw": np.ones((3, 2))}, "load_kw: shape"),
        ({"outside_c": np.full(289, np.nan)}, "outside_c: a value that is no number"),
        ({"load_kw": np.zeros((289, 2))}, "load_kw: 0 kW or less"),
        ({"heat_most_w": np.ones(3)}, "heat_most_w: shape"),
        ({"fabric": replace(fabric(2), floor_m2=np.array([1.0, 0.0]))}, "without floor"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_its_part(changes, words):
    with pytest.raises(TwinError, match=words):
        Buildings(replace(model(), **changes))


def test_time_goes_forward_within_the_run_alone():
    engine = Buildings(model(hours=1))
    with pytest.raises(TwinError, match="before it was started"):
        engine.step(300.0, {})
    engine.start()
    for until in (0.0, 100.0, 3900.0, float("nan"), float("inf")):
        with pytest.raises(TwinError, match="A multiple of 300 s"):
            engine.step(until, {})
    engine.close()
    engine.close()
    assert engine.finish().balances == {}


def test_people_stay_in_the_rooms_that_are_cooled():
    """Half of a house is cooled to 26 °C on a hot day: its mean lies above, where people stay is at 26 °C.

    Without power nobody has such a room, and a plant that is too small leaves the cooled rooms warm too.
    """
    hot = {"outside_c": 36.0, "cooled_share": np.full((289, 2), 0.5)}
    half = run(Buildings(model(**hot)), 24)
    assert half["indoor_c"][-1].min() > 27.0
    assert half["stay_c"][1:] == pytest.approx(26.0)
    dark = run(Buildings(model(**hot)), 24, inputs={"powered": np.zeros(2)})
    assert np.array_equal(dark["stay_c"][1:], dark["indoor_c"][1:])
    small = run(Buildings(model(**hot, cool_most_w=np.array([500.0, 9_000.0]))), 24)
    assert small["stay_c"][-1, 0] > 28.0
    whole = run(Buildings(model(outside_c=36.0)), 24)
    assert whole["stay_c"] == pytest.approx(whole["indoor_c"])
