"""The heat loop: plugs of water, exchangers, a balance that closes."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin_sandbox import TwinError
from twin_sandbox.engines.heat.engine import HeatLoop
from twin_sandbox.engines.heat.pipe import HEAT_J_KGK, Pipe
from twin_sandbox.engines.heat.substation import Exchangers, HeatModel
from twin_sandbox.world.models.heat import heat_model
from twin_sandbox.world.weather import Weather

START = pd.Timestamp("2026-01-15 00:00+08:00")


def model(hours=12, **changes):
    """A station, a main to a fork, from there a short and a long branch: substations near and far, 600 kW each.

    Two houses hang on the near one (400 and 200 kW), one on the far one. The main holds 5 t, the branches 1 t and 12 t.
    """
    moments = hours * 12 + 1
    plain = HeatModel(
        start=START, step_s=300, source="station", supply_c=120.0, rated_kw=1500.0, pipes=("main", "near", "far"),
        pipe_from=np.array([0, 1, 1]), pipe_to=np.array([1, 2, 3]), pipe_mass_kg=np.array([5000.0, 1000.0, 12_000.0]),
        pipe_cooling_per_s=np.array([2e-6, 4e-6, 4e-6]), ground_c=5.0, substations=("x near", "x far"),
        substation_node=np.array([2, 3]), design_kw=np.array([600.0, 600.0]), primary_supply_c=np.full(2, 120.0),
        primary_return_c=np.full(2, 60.0), secondary_supply_c=np.full(2, 50.0), secondary_return_c=np.full(2, 40.0),
        buildings=("a", "b", "c"), building_substation=np.array([0, 0, 1]),
        building_design_kw=np.array([400.0, 200.0, 600.0]), outside_c=np.full(moments, -5.0), design_outside_c=-5.0,
        in_season=np.ones(moments, np.bool_),
    )  # fmt: skip
    return replace(plain, **changes)


def run(engine, hours, inputs=None):
    found = [engine.start().found]
    found += [engine.step(at * 300.0, inputs or {}).found for at in range(1, hours * 12 + 1)]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def test_what_goes_in_comes_out_after_the_pipes_mass_has_passed():
    """6 t at 1 kg/s: after 6,000 s, that is 20 steps of 300 s, to the step; no heat lost on the way."""
    pipe = Pipe(6000.0, 0.0, 5.0)
    pipe.fill(60.0, 1.0, 300.0)
    out = [pipe.passes(300.0, 100.0, 300.0 * k + 150.0)[0] for k in range(40)]
    assert out[:20] == [60.0] * 20
    assert out[20:] == [100.0] * 20


def test_a_plug_cools_by_newtons_law_for_as_long_as_it_is_under_way():
    """e^(−k t) with k = 1e-4 1/s over 6,000 s: from 95 K above the ground to 52.14 K."""
    pipe = Pipe(6000.0, 1e-4, 5.0)
    assert pipe.fill(100.0, 1.0, 300.0) == pytest.approx(5.0 + 95.0 * math.exp(-0.6))
    leaves, lost_j = pipe.passes(300.0, 100.0, 150.0)
    assert leaves == pytest.approx(5.0 + 95.0 * math.exp(-0.6))
    assert lost_j == pytest.approx(300.0 * HEAT_J_KGK * (100.0 - leaves))


@given(
    st.lists(st.tuples(st.floats(0.1, 5000.0), st.floats(20.0, 130.0)), min_size=1, max_size=30),
    st.floats(10.0, 20_000.0),
)
def test_no_water_and_no_heat_appears_or_vanishes_in_a_pipe(flows, mass_kg):
    """Came in = went out + lost + holds more than before, whatever flows."""
    pipe = Pipe(mass_kg, 1e-5, 5.0)
    pipe.fill(70.0, 1.0, 300.0)
    before_j, lost_before_j = pipe.holds(0.0)
    came = went = lost_j = 0.0
    for k, (kg, c) in enumerate(flows):
        out_c, lost = pipe.passes(kg, c, 300.0 * k + 150.0)
        came, went, lost_j = came + kg * c * HEAT_J_KGK, went + kg * out_c * HEAT_J_KGK, lost_j + lost
        assert 5.0 < out_c <= 130.0
    after_j, lost_after_j = pipe.holds(300.0 * len(flows))
    whole_lost_j = lost_j + lost_after_j - lost_before_j
    assert came - went - whole_lost_j == pytest.approx(after_j - before_j, abs=1e-6 * max(before_j, came))


def test_an_exchanger_on_its_coldest_day_works_as_it_was_designed():
    """120/60 against 50/40 °C: LMTD = (70 − 20) / ln(70 / 20) = 39.91 K, so UA = 600 / 39.91 = 15.03 kW/K."""
    exchangers = Exchangers(model())
    assert exchangers.size_w_k[0] / 1000.0 == pytest.approx(15.03, abs=0.01)
    asked, arrives = np.full(2, 600_000.0), np.full(2, 120.0)
    assert [each[0] for each in exchangers.houses_c(asked)] == [50.0, 40.0]
    flow = exchangers.valves(asked, arrives)
    assert flow[0] == pytest.approx(600.0 / (4.2 * 60.0), rel=0.02)
    assert exchangers.hands_w(asked, flow, arrives) == pytest.approx(asked)


def test_an_exchanger_with_even_ends_has_their_difference_as_its_mean():
    """Where both ends differ by 20 K, so does the mean: 600 kW / 20 K = 30 kW/K."""
    even = model(primary_supply_c=np.full(2, 70.0), primary_return_c=np.full(2, 60.0))
    assert Exchangers(even).size_w_k == pytest.approx(30_000.0)


@given(st.floats(0.02, 1.0), st.floats(95.0, 125.0))
def test_a_valve_lets_in_what_the_heat_asked_for_needs(share, arrives_c):
    exchangers = Exchangers(model())
    asked, arrives = np.full(2, 600_000.0 * share), np.full(2, arrives_c)
    flow = exchangers.valves(asked, arrives)
    handed = exchangers.hands_w(asked, flow, arrives)
    if flow[0] < exchangers.most_kg_s[0]:
        assert handed[0] == pytest.approx(asked[0], rel=0.01)
    assert arrives_c - handed[0] / (HEAT_J_KGK * flow[0]) > exchangers.houses_c(asked)[1][0]  # second law


def test_at_rest_the_station_puts_in_what_houses_get_and_pipes_lose():
    found = run(HeatLoop(model()), 12)
    assert found["heat_supplied_kw"][-1] == pytest.approx([400.0, 200.0, 600.0])
    flow = found["mass_kg_s"][-1]
    main = 5.0 + 115.0 * math.exp(-2e-6 * 5000.0 / flow.sum())
    near = 5.0 + (main - 5.0) * math.exp(-4e-6 * 1000.0 / flow[0])
    assert found["supply_c"][-1, 0] == pytest.approx(near, abs=1e-3)
    assert found["supply_c"][-1, 1] < near
    assert 1200.0 < found["source_kw"][-1, 0] < 1250.0


def test_the_balance_closes_through_stops_and_starts():
    engine = HeatLoop(model())
    engine.start()
    rng = np.random.default_rng(4)
    for at in range(1, 145):
        powered = rng.integers(0, 2, 2).astype(float)
        engine.step(at * 300.0, {"heat_demand_kw": rng.uniform(0.0, 700.0, 3), "powered": powered})
    balance = engine.finish().balances
    assert abs(balance["heat_error"]) < 1e-12
    assert balance["station_kwh"] > 1000.0
    assert balance["lost_kwh"] > 10.0


def test_cold_water_from_a_standstill_reaches_the_far_end_later():
    """Pumps off for six hours: what stood in the pipes comes first, 1 t of it near and 12 t far."""
    engine = HeatLoop(model(hours=24, pipe_cooling_per_s=np.full(3, 3e-5)))
    engine.start()
    off = {"powered": np.zeros(2)}
    for at in range(1, 73):
        stood = engine.step(at * 300.0, off)
    assert stood.found["heat_supplied_kw"].max() == 0.0
    assert stood.found["source_kw"][0] == 0.0
    assert stood.found["supply_c"].max() < 80.0
    supply, flow = [], []
    for at in range(73, 130):
        found = engine.step(at * 300.0, {}).found
        supply.append(found["supply_c"])
        flow.append(found["mass_kg_s"])
    hot = np.array(supply) > 100.0
    after_s = 300.0 * (hot.argmax(axis=0) + 1)
    passed_kg = np.cumsum(np.array(flow) * 300.0, axis=0)
    assert passed_kg[hot[:, 1].argmax(), 1] == pytest.approx(12_000.0 + 2500.0, rel=0.15)  # and its part of the main
    assert after_s[0] < 0.5 * after_s[1]


def test_a_substation_without_power_hands_over_nothing_and_the_other_its_all():
    found = run(HeatLoop(model()), 3, {"powered": np.array([0.0, 1.0])})
    assert found["heat_supplied_kw"][-1] == pytest.approx([0.0, 0.0, 600.0])
    assert found["mass_kg_s"][-1, 0] == 0.0


def test_what_is_short_is_shared_by_what_was_asked():
    """2,000 kW asked of a substation for 600: all get less, in the ratio of 3 to 1."""
    found = run(HeatLoop(model()), 6, {"heat_demand_kw": np.array([1500.0, 500.0, 0.0])})
    first, second, third = found["heat_supplied_kw"][-1]
    assert first / second == pytest.approx(3.0)
    assert 500.0 < first + second < 900.0
    assert third == 0.0


def test_a_station_at_its_limit_sends_cooler_water():
    found = run(HeatLoop(model(rated_kw=700.0)), 12)
    assert found["source_kw"][1:].max() <= 700.0 * 1.1
    assert found["source_kw"][-1, 0] == pytest.approx(700.0, rel=0.02)
    assert found["supply_c"][-1].max() < 100.0


def test_out_of_season_the_loop_stands_still():
    found = run(HeatLoop(model(in_season=np.zeros(145, np.bool_))), 3, {"heat_demand_kw": np.full(3, 100.0)})
    assert found["source_kw"].max() == 0.0
    assert found["heat_supplied_kw"].max() == 0.0


def test_left_to_itself_it_follows_the_weather_and_nan_leaves_it_alone():
    mild = run(HeatLoop(model(outside_c=np.full(145, 7.5))), 6)
    assert mild["heat_supplied_kw"][-1].sum() == pytest.approx(600.0)
    left = run(HeatLoop(model()), 3, {"heat_demand_kw": np.full(3, np.nan), "powered": np.full(2, np.nan)})
    alone = run(HeatLoop(model()), 3)
    for name, values in alone.items():
        assert np.array_equal(values, left[name]), name


def test_the_districts_loop_serves_every_house_with_the_heat_it_was_designed_for(twin):
    day = Weather.normal(START, 86_400)
    cold = day.changed(temperature_c=np.full_like(day.temperature_c, -5.0))
    engine = HeatLoop(heat_model(twin.district, START, 7200, cold))
    engine.start()
    found = engine.step(7200.0, {}).found
    wanted = twin.entities["heat_services"]["design_load_kw"].to_numpy()
    assert found["heat_supplied_kw"] == pytest.approx(wanted)
    assert found["supply_c"].min() > 115.0


@given(
    st.sampled_from(["heat_demand_kw", "powered", "valve"]),
    st.lists(st.floats(), min_size=0, max_size=4),
)
def test_any_input_is_taken_or_refused_by_its_name(name, values):
    engine = HeatLoop(model(hours=1))
    engine.start()
    port = engine.takes.get(name)
    most = 1.0 if name == "powered" else 1e300
    fits = port is not None and len(values) == len(port.codes)
    if fits and all(np.isnan(value) or 0.0 <= value <= most for value in values):
        found = engine.step(300.0, {name: np.array(values)}).found
        assert all(np.isfinite(each).all() for each in found.values())
    else:
        with pytest.raises(TwinError, match=f"heat engine, {name}"):
            engine.step(300.0, {name: np.array(values)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pipe_to": np.array([1, 2, 2])}, "two pipes feed"),
        ({"pipe_from": np.array([0, 3, 2])}, "does not feed"),
        ({"substation_node": np.array([2, 9])}, "no pipe feeds"),
        ({"pipe_mass_kg": np.array([1.0, 0.0, 1.0])}, "0 or less"),
        ({"design_kw": np.array([600.0])}, "2 values"),
        ({"secondary_return_c": np.array([40.0, np.nan])}, "2 values"),
        ({"secondary_return_c": np.array([40.0, 70.0])}, "no heat can flow"),
        ({"outside_c": np.zeros(3)}, "in_season"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_its_part(changes, words):
    with pytest.raises(TwinError, match=words):
        HeatLoop(model(**changes))


def test_time_goes_forward_within_the_run_alone():
    engine = HeatLoop(model(hours=1))
    with pytest.raises(TwinError, match="before it was started"):
        engine.step(300.0, {})
    engine.start()
    for until in (0.0, 100.0, 3900.0, float("nan"), float("inf")):
        with pytest.raises(TwinError, match="A multiple of 300 s"):
            engine.step(until, {})
    engine.close()
    engine.close()
    assert engine.finish().balances == {}
