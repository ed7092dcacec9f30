"""The power engine: the library's own numbers, what it refuses, and what it adds to the library."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from power_grid_model import PowerGridModel, initialize_array

from tests.twin_sandbox.power_networks import rows, street
from twin_sandbox.engines.power.engine import Power
from twin_sandbox.engines.power.model import Batteries, Course, Outage, TapChanger, held
from twin_sandbox.engines.power.relief import EMERGENCY_S, RESTORE_S
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import PowerGrid, power_grid, read_power_grid, write_power_grid
from twin_sandbox.world.models.power import power_model
from twin_sandbox.world.models.power_file import grid_model

NIGHT = pd.Timestamp("2026-07-15 19:59+08:00")


@pytest.fixture(scope="module")
def district(twin):
    return twin.district


def started(model) -> Power:
    engine = Power(model)
    engine.start()
    return engine


def of(engine, found, quantity: str, code: str) -> float:
    return float(found.found[quantity][engine.gives[quantity].codes.index(code)])


def setting(engine, quantity: str, **values: float):
    """An input with NaN but for these codes; a code's blanks are written as _."""
    port = engine.takes[quantity]
    array = np.full(len(port.codes), np.nan)
    for code, value in values.items():
        array[port.codes.index(code.replace("_", " "))] = value
    return {quantity: array}


# --- the library's own numbers


def test_alone_it_gives_what_the_library_gives_for_the_exported_file(district, tmp_path):
    """At 20:00 of a summer workday: district → file → power-grid-model alone, against the engine; every bit."""
    write_power_grid(power_grid(district, "summer", "workday", 20), tmp_path / "grid.json")
    alone = PowerGridModel(read_power_grid(tmp_path / "grid.json").components).calculate_power_flow()
    engine = started(power_model(district, NIGHT, 3600))
    found = engine.step(60, {"battery_kw": np.zeros(4)}).found
    assert np.array_equal(found["voltage_pu"], alone["node"]["u_pu"])
    assert np.array_equal(found["line_load"], alone["line"]["loading"])
    assert np.array_equal(found["transformer_load"], alone["transformer"]["loading"])
    assert np.array_equal(found["feed_kw"], alone["source"]["p"] / 1e3)


def test_a_day_of_its_own_is_the_library_s_day(district):
    """24 hours with sun, batteries and taps: the library, handed what the engine set, finds the same bits."""
    model = power_model(district, pd.Timestamp("2026-07-18 00:00+08:00"), 86400, step_s=300)
    engine = started(model)
    library = PowerGridModel(dict(model.components))
    loads = initialize_array("update", "sym_load", len(model.components["sym_load"]))
    gens = initialize_array("update", "sym_gen", len(model.components["sym_gen"]))
    for name, update in (("sym_load", loads), ("sym_gen", gens)):
        update["id"], update["p_specified"], update["q_specified"] = model.components[name]["id"], 0.0, 0.0
    for hour in range(1, 25):
        found = engine.step(hour * 3600, {}).found
        now = np.array([hour * 3600.0])
        loads["p_specified"][: len(model.consumers)] = model.load_w.at(now)[0]
        loads["q_specified"][: len(model.consumers)] = model.load_var.at(now)[0]
        gens["p_specified"][model.panels.gens] = model.panels.watts.at(now)[0]
        gens["p_specified"][model.batteries.gens] = found["battery_given_kw"] * 1e3
        library.update(update_data={"sym_load": loads, "sym_gen": gens})
        assert np.array_equal(found["voltage_pu"], library.calculate_power_flow()["node"]["u_pu"])
    assert engine.finish().balances["tap_moves"] == 0


def test_many_steps_at_once_give_the_bits_of_one_after_the_other(district):
    model = power_model(district, NIGHT, 3600)
    at_once = started(model).step(1200, {})
    engine = started(model)
    for until_s in range(60, 1201, 60):
        found = engine.step(until_s, {})
    assert found.time_s == at_once.time_s
    for quantity, values in found.found.items():
        assert np.array_equal(values, at_once.found[quantity]), quantity


def test_a_cable_of_pure_resistance_by_hand():
    """Feed 400 V, 0.02 Ω a phase, 50 kW behind: U² − 400 U + 0.02 · 50000 = 0, so U = 397.484 V.

    Three phases: P = 3 V I and V = V₀ − R I with V = U/√3 give U² − U₀ U + R P = 0. Losses R P² / U² = 316.5 W.
    """
    volts = (400 + math.sqrt(400**2 - 4 * 0.02 * 50e3)) / 2
    engine = started(grid_model(street([50e3])))
    found = engine.step(60, {})
    assert of(engine, found, "voltage_pu", "corner 1") == pytest.approx(volts / 400, abs=1e-8)
    assert found.found["losses_kw"][0] == pytest.approx(0.02 * (50e3 / volts) ** 2 / 1e3, rel=1e-6)
    assert of(engine, found, "line_load", "cable 1") == pytest.approx(50e3 / volts / math.sqrt(3) / 400, rel=1e-6)


def test_power_is_balanced_at_every_step_and_so_are_the_books(district):
    """Feeds, sun, batteries and diesel give what is served and lost; batteries return what was put in, less losses."""
    engine = started(power_model(district, pd.Timestamp("2026-05-17 00:00+08:00"), 86400, step_s=300))
    engine.step(86400, {})
    books = engine.finish().balances
    assert books["balance_error"] < 1e-6
    given = books["feed_kwh"] + books["pv_kwh"] + books["battery_kwh"] + books["diesel_kwh"]
    assert given == pytest.approx(books["served_kwh"] + books["losses_kwh"], rel=1e-6)
    assert books["pv_kwh"] > 5000
    assert books["unserved_kwh"] == pytest.approx(0, abs=1e-3)
    assert -books["battery_kwh"] > books["stored_kwh"]  # what a battery lost on its way


def test_a_stretch_in_one_call_costs_less_than_the_library_minute_by_minute(district):
    """A stretch in one call against the library one moment after the other, measured in one run: the least of three."""
    model = power_model(district, NIGHT, 86400)
    count = 288
    times_s = np.arange(1, count + 1) * 60.0
    watts, var = model.load_w.at(times_s), model.load_var.at(times_s)
    loads = initialize_array("update", "sym_load", len(model.components["sym_load"]))
    loads["id"], loads["p_specified"], loads["q_specified"] = model.components["sym_load"]["id"], 0.0, 0.0
    ratios = []
    for _ in range(3):
        library, engine = PowerGridModel(dict(model.components)), started(model)
        begun = time.process_time()
        for k in range(count):
            loads["p_specified"][: watts.shape[1]], loads["q_specified"][: watts.shape[1]] = watts[k], var[k]
            library.update(update_data={"sym_load": loads})
            library.calculate_power_flow()
        middle = time.process_time()
        engine.step(count * 60, {})
        ratios.append((time.process_time() - middle) / (middle - begun))
    assert min(ratios) < 0.6


# --- other people's networks


def test_a_file_of_power_grid_model_runs_behind_the_engine(tmp_path):
    write_power_grid(street(), tmp_path / "street.json")
    grid = read_power_grid(tmp_path / "street.json")
    engine = started(grid_model(grid))
    found = engine.step(600, {})
    alone = PowerGridModel(grid.components).calculate_power_flow()
    assert np.array_equal(found.found["voltage_pu"], alone["node"]["u_pu"])
    assert engine.gives["voltage_pu"].codes == ("board", "corner 1", "corner 2")
    assert engine.takes["load_kw"].codes == ("house 1", "house 2")
    nameless = grid_model(PowerGrid(grid.components, dict.fromkeys(grid.codes, "")))
    assert nameless.buses == ("node_0", "node_1", "node_2")


@pytest.mark.parametrize(
    ("component", "column", "value", "told"),
    [
        ("line", "to_node", 99, "IDNotFound: a component names an id that no component has"),
        ("line", "id", 0, "ConflictID: two components have one id"),
        ("line", "to_node", 0, "InvalidBranch: a branch begins and ends at one bus"),
        ("node", "u_rated", 10e3, "ConflictVoltage: a line or link joins buses of different rated voltage"),
    ],
)
def test_a_broken_file_is_refused_with_the_library_s_words_and_what_they_mean(tmp_path, component, column, value, told):
    write_power_grid(street([50e3]), tmp_path / "street.json")
    tree = json.loads((tmp_path / "street.json").read_text(encoding="utf-8"))
    tree["data"][component][0][column] = value
    (tmp_path / "street.json").write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(TwinError, match="power-grid-model refuses it") as refused:
        read_power_grid(tmp_path / "street.json")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("component", "column", "value"),
    [("line", "r1", math.nan), ("node", "u_rated", -400.0), ("line", "i_n", 0.0), ("sym_load", "type", 7)],
)
def test_a_network_that_makes_no_sense_is_refused_by_the_library_s_validator(component, column, value):
    grid = street()
    grid.components[component][column] = value
    with pytest.raises(TwinError, match="power-grid-model finds"):
        grid_model(grid)


def test_a_network_without_a_source_is_refused_and_one_without_loads_runs():
    grid = street()
    with pytest.raises(TwinError, match="it has no source"):
        grid_model(PowerGrid({**grid.components, "source": grid.components["source"][:0]}, grid.codes))
    bare = {name: rows_ for name, rows_ in grid.components.items() if name != "sym_load"}
    found = started(grid_model(PowerGrid(bare, grid.codes))).step(120, {})
    assert found.found["voltage_pu"] == pytest.approx([1, 1, 1])
    assert found.found["served_kw"].size == 0


def test_what_a_file_holds_beyond_the_district_s_kinds_is_solved_and_balanced():
    """A shunt, an unbalanced load and a panel: none is switched, all count in the balance."""
    grid = street()
    shunt = rows("shunt", 60, 1, node=1, status=1, g1=0.01, b1=0.0, g0=0.01, b0=0.0)
    load = rows("asym_load", 70, 1, node=2, status=1, type=0, p_specified=[3e3, 1e3, 2e3], q_specified=0.0)
    sun = rows("sym_gen", 80, 1, node=2, status=1, type=0, p_specified=20e3, q_specified=0.0)
    more = {**grid.components, "shunt": shunt, "asym_load": load, "sym_gen": sun}
    engine = started(grid_model(PowerGrid(more, grid.codes)))
    found = engine.step(3600, {})
    assert of(engine, found, "pv_given_kw", "sym_gen_80") == pytest.approx(20)
    books = engine.finish().balances
    assert books["balance_error"] < 1e-6
    assert books["served_kwh"] == pytest.approx(106)
    assert books["losses_kwh"] > 0.01 * 0.9 * 400**2 / 1e3  # the shunt's share alone


# --- what is handed over


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"load_kw": np.array([-1.0, 1.0])}, r"load_kw, house 1: -1\. A number 0 or more"),
        ({"load_kw": np.array([math.inf, 1.0])}, "load_kw, house 1: inf"),
        ({"load_kw": np.array([1.0])}, r"shape \(1,\)"),
        ({"load_kw": "much"}, "no numbers"),
        ({"loads": np.array([1.0, 1.0])}, "takes no 'loads'"),
        ({"tap_pos": np.array([9.0])}, r"tap_pos, feed: 9\. A whole number from -8 to 8"),
        ({"tap_pos": np.array([0.5])}, r"tap_pos, feed: 0\.5"),
        ({"switch_closed": np.array([0.5])}, r"switch_closed, tie: 0\.5. A whole number from 0 to 1"),
        ({"switch_closed": np.array([2.0])}, "switch_closed, tie: 2"),
    ],
)
def test_values_out_of_their_limits_are_refused_and_change_nothing(inputs, told):
    engine = started(with_tie())
    before = engine.step(60, {})
    with pytest.raises(TwinError, match=told):
        engine.step(120, inputs)
    after = engine.step(120, {})
    assert np.array_equal(before.found["voltage_pu"], after.found["voltage_pu"])


@pytest.mark.parametrize("until_s", [0, 60, 90, 61, -60, math.nan, math.inf])
def test_a_moment_that_no_step_ends_at_is_refused(until_s):
    engine = started(grid_model(street()))
    engine.step(60, {})
    with pytest.raises(TwinError, match=r"Power\.step: until"):
        engine.step(until_s, {})


def test_who_has_not_started_cannot_step():
    engine = Power(grid_model(street()))
    for call in (lambda: engine.step(60, {}), engine.finish):
        with pytest.raises(TwinError, match=r"Call start\(\) first"):
            call()
    engine.close()
    engine.close()


def with_tie():
    """The street with a tie from its board to its end, open, and a regulated feed."""
    grid = street()
    link = rows("link", 40, 1, from_node=0, to_node=2, from_status=0, to_status=0)
    codes = {**grid.codes, 40: "tie"}
    return replace(grid_model(PowerGrid({**grid.components, "link": link}, codes)), tap_changer=TapChanger())


numbers = st.one_of(st.just(math.nan), st.floats(-10, 2000), st.floats(), st.sampled_from([0.0, 1.0, 0.5, 1e9]))


@settings(max_examples=80, deadline=None)
@given(load=st.lists(numbers, min_size=2, max_size=2), tie=numbers, tap=numbers)
def test_whatever_is_handed_over_is_refused_or_solved(load, tie, tap):
    """Never a traceback of the library, never an unbalanced or nonsensical state."""
    engine = started(with_tie())
    told = {"load_kw": np.array(load), "switch_closed": np.array([tie]), "tap_pos": np.array([tap])}
    try:
        found = engine.step(180, told)
    except TwinError:
        return
    assert np.isfinite(found.found["voltage_pu"]).all()
    assert set(found.found["energised"]) <= {0.0, 1.0}
    asked = np.where(np.isnan(load), 50.0, load)
    assert (found.found["served_kw"] <= asked * (1 + 1e-6) + 1e-6).all()
    assert engine.finish().balances["balance_error"] < 1e-6


def test_nan_leaves_a_consumer_to_itself_and_a_switch_as_it_stands():
    engine = started(with_tie())
    alone = engine.step(60, {}).found
    told = engine.step(120, {**setting(engine, "load_kw", house_1=10.0), **setting(engine, "switch_closed", tie=1.0)})
    assert told.found["served_kw"] == pytest.approx([10.0, 50.0])
    assert told.found["switch_position"].tolist() == [1.0]
    again = engine.step(180, {}).found
    assert np.array_equal(again["voltage_pu"], alone["voltage_pu"])


# --- what the library does not know


def test_an_overload_that_has_no_solution_is_relieved_in_the_order_of_rank():
    """4 MW asked at the first house cannot pass 0.02 Ω: who is of the least rank loses the supply before the other.

    The greatest power that a cable of R = 0.02 Ω passes from 400 V is U²/4R = 2 MW.
    """
    model = replace(grid_model(street([4e6, 50e3], rated_a=1000.0)), rank=np.array([0, 1]))
    engine = Power(model)
    found = engine.start()
    assert 0 < of(engine, found, "served_kw", "house 1") < 2000
    assert of(engine, found, "served_kw", "house 2") == pytest.approx(50)
    later = engine.step(EMERGENCY_S + 60, {})
    assert of(engine, later, "line_load", "cable 1") == pytest.approx(1.0, abs=0.1)
    other = Power(replace(model, rank=np.array([1, 0])))
    found = other.start()
    assert of(other, found, "energised", "house 2") == 0


def test_a_line_bears_its_emergency_load_for_its_time_and_no_longer():
    """100 kW on a cable of 100 A (69.3 kW at 400 V): 1.45 of its rating, borne for half an hour, then cut to 1."""
    model = replace(grid_model(street([50e3, 50e3], rated_a=100.0)), rank=np.array([0, 1]))
    engine = started(model)
    before = engine.step(EMERGENCY_S, {})
    assert 1.3 < of(engine, before, "line_load", "cable 1") < 2
    after = engine.step(EMERGENCY_S + 120, {})
    assert of(engine, after, "line_load", "cable 1") == pytest.approx(1.0, abs=0.01)
    assert 0 < of(engine, after, "served_kw", "house 1") < 25
    assert of(engine, after, "served_kw", "house 2") == pytest.approx(50)
    restored = engine.step(EMERGENCY_S + 120 + RESTORE_S, {})
    assert of(engine, restored, "served_kw", "house 1") == pytest.approx(50)
    assert engine.finish().balances["unserved_kwh"] > 25


def test_a_network_that_nothing_can_save_is_refused_with_the_library_s_words():
    grid = street([1.0])
    gens = rows("sym_gen", 50, 1, node=1, status=1, type=0, p_specified=-9e6, q_specified=0.0)
    engine = Power(grid_model(PowerGrid({**grid.components, "sym_gen": gens}, grid.codes)))
    with pytest.raises(TwinError, match=r"no voltages, whoever is cut.*IterationDiverge"):
        engine.start()


def test_a_tap_changer_waits_goes_one_tap_and_waits_again():
    """From 0.97 up into 1.015 ± 0.0125: three taps of 0.0125, each after 120 s; from above it stops at the fourth."""
    model = replace(grid_model(street([2e3], ohm=2.0)), tap_changer=TapChanger(delay_s=120.0))
    grid = {**model.components, "source": model.components["source"].copy()}
    grid["source"]["u_ref"], grid["source"]["sk"] = 0.97, 1e12
    engine = started(replace(model, components=grid))
    taps = [engine.step(until_s, {}).found["tap_position"][0] for until_s in range(60, 661, 60)]
    assert taps == [1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3]
    # A tap commanded is held; left to itself the regulator goes on from there, one tap at a time.
    assert engine.step(720, {"tap_pos": np.array([8.0])}).found["tap_position"][0] == 8
    left = [engine.step(until_s, {}).found["tap_position"][0] for until_s in range(780, 1261, 60)]
    assert left[-1] == 4
    assert np.abs(np.diff(left)).max() == 1


def test_a_battery_returns_what_its_efficiency_leaves():
    """40 kWh in, 0.81 of a round trip: 32.4 kWh out, and no more; never more power than it has."""
    grid = street()
    gens = rows("sym_gen", 50, 1, node=1, status=1, type=0, p_specified=0.0, q_specified=0.0)
    plain = grid_model(PowerGrid({**grid.components, "sym_gen": gens}, {**grid.codes, 50: "battery"}))
    battery = Batteries(
        ("battery",), np.array([0]), np.array([100.0]), np.array([40.0]), np.array([0.81]), (np.array([0]),),
        (np.zeros(0, np.intp),),
    )  # fmt: skip
    model = replace(plain, panels=replace(plain.panels, codes=(), gens=np.zeros(0, np.intp), watts=held(np.zeros(0))),
                    batteries=battery)  # fmt: skip
    engine = started(model)
    empty = engine.step(7200, setting(engine, "battery_kw", battery=500.0))
    assert empty.found["battery_kwh"][0] == pytest.approx(0, abs=1e-9)
    full = engine.step(7200 + 3600, setting(engine, "battery_kw", battery=-500.0))
    assert full.found["battery_given_kw"][0] == pytest.approx(-40)
    assert full.found["battery_kwh"][0] == pytest.approx(40 * 0.9)
    before = engine.finish().balances["battery_kwh"]
    engine.step(7200 + 3600 + 7200, setting(engine, "battery_kw", battery=500.0))
    assert engine.finish().balances["battery_kwh"] - before == pytest.approx(0.81 * 40)


def test_a_charger_s_limit_makes_vehicles_wait_until_there_is_room():
    """50 kW wanted, 20 allowed for an hour: 30 kWh wait, and are charged when the limit is gone."""
    model = replace(grid_model(street()), chargers=np.array([1]), charger_kw=np.array([120.0]))
    engine = started(model)
    limited = engine.step(3600, setting(engine, "charger_kw", house_2=20.0))
    assert of(engine, limited, "served_kw", "house 2") == pytest.approx(20)
    freed = engine.step(3660, {})
    assert of(engine, freed, "served_kw", "house 2") == pytest.approx(80, abs=0.5)
    engine.step(3600 * 13, {})
    assert engine.finish().balances["served_kwh"] == pytest.approx(13 * 100, rel=1e-3)


def test_an_outage_is_obeyed_whatever_is_commanded():
    model = replace(with_tie(), outages=(Outage("switch", (0,), 0, 600), Outage("line", (1,), 600, 1200)))
    engine = started(model)
    kept_open = engine.step(540, setting(engine, "switch_closed", tie=1.0))
    assert kept_open.found["switch_position"].tolist() == [0.0]
    cut = engine.step(660, {})
    assert of(engine, cut, "energised", "house 2") == 0
    assert of(engine, cut, "voltage_pu", "corner 2") == 0
    saved = engine.step(720, setting(engine, "switch_closed", tie=1.0))
    assert of(engine, saved, "energised", "house 2") == 1
    assert of(engine, engine.step(1260, {}), "energised", "house 2") == 1


def test_a_course_runs_straight_and_is_exact_at_its_knots():
    course = Course(np.array([0.0, 3600.0]), np.array([[0.1, 7.0], [0.3, 7.0]]))
    times_s = np.array([-5.0, 0.0, 1800.0, 3600.0, 9000.0])
    assert course.at(times_s)[:, 0] == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.3])
    assert course.at(times_s)[3, 0] == 0.3
    assert [course.at(np.array([t]))[0, 0] for t in times_s] == course.at(times_s)[:, 0].tolist()
