"""The water supply engine: EPANET's own figures, and what is done to the net while it runs."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin_sandbox.engines.supply.account import VOLUMES
from twin_sandbox.engines.supply.engine import Supply
from twin_sandbox.engines.supply.links import gate_loss
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.supply import supply_model

TWO_TANKS = Path(__file__).parent / "fixtures" / "two_tanks.inp"
START = pd.Timestamp("2026-07-15 00:00", tz="Asia/Shanghai")
DAY_S, HOUR_S = 86400, 3600
FOOT_M = 0.3048


@pytest.fixture(scope="module")
def model(twin):
    """Four hours from six in the morning on."""
    return supply_model(twin.district, START + pd.Timedelta(hours=6), 4 * HOUR_S)


def alone(text, folder, keys, end_s=DAY_S, options=()):
    """EPANET without the engine: values of ``keys`` at each of its own steps, chlorine in step."""
    import epanet.toolkit as en

    path = folder / "alone.inp"
    path.write_text(text, encoding="utf-8")
    project = en.createproject()
    en.open(project, str(path), str(folder / "alone.rpt"), str(folder / "alone.bin"))
    for name, value in options:
        en.settimeparam(project, getattr(en, name), value)
    quality = en.getqualinfo(project)[0] != en.NONE
    nodes, links = en.getcount(project, en.NODECOUNT), en.getcount(project, en.LINKCOUNT)
    found = {}
    en.openH(project)
    en.initH(project, en.NOSAVE)
    if quality:
        en.openQ(project)
        en.initQ(project, en.NOSAVE)
    while True:
        second = en.runH(project)
        row = []
        for key in keys:
            many, read = (links, en.getlinkvalue) if key == "FLOW" else (nodes, en.getnodevalue)
            row.append(np.array([read(project, k + 1, getattr(en, key)) for k in range(many)]))
        found[second] = row
        if quality:
            en.runQ(project)
        if second >= end_s or en.nextH(project) <= 0:
            break
        if quality:
            en.nextQ(project)
    names = [en.getnodeid(project, k + 1) for k in range(nodes)], [en.getlinkid(project, k + 1) for k in range(links)]
    en.deleteproject(project)
    return found, *names


def run(model, hours=4.0, inputs=None):
    """Outputs of every step and what is finished; ``inputs`` is a dict, or a function of the second."""
    engine = Supply(model)
    outputs = [engine.start()]
    for second in range(0, int(hours * HOUR_S), model.step_s):
        handed = inputs(second) if callable(inputs) else inputs or {}
        outputs.append(engine.step(second + model.step_s, handed))
    return outputs, engine.finish()


def one(port, code, value):
    """NaN for everything but one code."""
    return np.where(np.array(port.codes) == code, value, np.nan)


@pytest.fixture(scope="module")
def calm(model):
    return run(model)


def test_the_district_alone_is_epanet_alone_to_the_last_digit(model, calm, tmp_path):
    found, nodes, links = alone(model.text, tmp_path, ("PRESSURE", "QUALITY", "FLOW"), 4 * HOUR_S)
    at = [nodes.index(name) for name in model.junctions.values()]
    along = [links.index(name) for name in model.pipes.values()]
    assert len(calm[0]) == 49
    for outputs in calm[0]:
        pressure, chlorine, flow = found[int(outputs.time_s)]
        assert (outputs.found["pressure_m"] == np.maximum(pressure[at], 0.0)).all()
        assert (outputs.found["flow_m3s"] == flow[along] * 1e-3).all()
        assert (outputs.found["chlorine_mg_l"] == chlorine[at]).all()


def test_a_day_costs_little_more_than_epanets_own(model, tmp_path):
    """Reading everything at each step costs about as much as EPANET takes itself: 2.3 in all on a quiet machine."""
    import epanet.toolkit as en

    path = tmp_path / "own.inp"
    path.write_text(model.text, encoding="utf-8")

    def own_s():
        project = en.createproject()
        en.open(project, str(path), str(tmp_path / "own.rpt"), "")
        for name in ("openH", "openQ"):
            getattr(en, name)(project)
        en.initH(project, en.NOSAVE)
        en.initQ(project, en.NOSAVE)
        began, left = time.process_time(), 1
        while left > 0:
            en.runH(project)
            en.runQ(project)
            left = en.nextH(project)
            en.nextQ(project)
        took = time.process_time() - began
        en.deleteproject(project)
        return took

    def engines_s():
        engine = Supply(model)
        engine.start()
        began = time.process_time()
        for second in range(300, 4 * HOUR_S + 1, 300):
            engine.step(second, {})
        took = time.process_time() - began
        engine.close()
        return took

    assert min(engines_s() for _ in range(5)) < 5.0 * min(own_s() for _ in range(5))


def test_a_full_disk_is_said(model, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(TwinError, match="cannot be written: No space left on device"):
        Supply(model).start()


def test_any_file_runs_and_gives_what_epanet_alone_gives(tmp_path):
    """Tanks, a pump with controls, patterns of three hours, US units: EPANET takes 30 odd steps of its own a day."""
    engine = Supply.from_input(TWO_TANKS)
    assert (engine.step_s, engine.model.horizon_s) == (HOUR_S, DAY_S)
    found, nodes, _ = alone(TWO_TANKS.read_text(), tmp_path, ("PRESSURE",))
    at = [nodes.index(name) for name in engine.gives["pressure_m"].codes]
    tanks = [nodes.index(name) for name in engine.gives["tank_level_m"].codes]
    psi_m = FOOT_M / 0.4333
    outputs = engine.start()
    for hour in range(24):
        for port, places in (("pressure_m", at), ("tank_level_m", tanks)):
            assert (outputs.found[port] == np.maximum(found[hour * HOUR_S][0][places] * psi_m, 0.0)).all()
        outputs = engine.step((hour + 1) * HOUR_S, {})
    finished = engine.finish()
    assert len(finished.records.time_s) > 24
    assert finished.balances["worst_step_error"] < 1e-3
    assert finished.balances["stored_m3"] > 100.0


def test_what_is_nan_is_left_to_epanet(model, calm):
    engine = Supply(model)
    nothing = {name: np.full(len(port.codes), np.nan) for name, port in engine.takes.items()}
    outputs, _ = run(model, 1.0, nothing)
    for mine, theirs in zip(outputs, calm[0], strict=False):
        assert all((mine.found[name] == theirs.found[name]).all() for name in engine.gives)


def test_a_demand_handed_over_is_drawn_and_the_rest_keeps_its_pattern(model, calm):
    engine = Supply(model)
    port = engine.takes["demand_m3s"]
    outputs, _ = run(model, 1.0, {"demand_m3s": one(port, port.codes[2], 0.004)})
    for mine, theirs in zip(outputs[1:], calm[0][1:], strict=False):
        drawn, own = mine.found["delivered_m3s"], theirs.found["delivered_m3s"]
        assert drawn[2] == pytest.approx(0.004, rel=1e-3)
        assert np.delete(drawn, 2) == pytest.approx(np.delete(own, 2), abs=1e-6)
    back, _ = run(model, 1.0, lambda second: {"demand_m3s": np.full(len(port.codes), 0.0 if second < 1800 else np.nan)})
    assert back[6].found["delivered_m3s"].max() == 0.0
    assert back[-1].found["delivered_m3s"] == pytest.approx(calm[0][12].found["delivered_m3s"], abs=1e-6)


def test_a_demand_is_met_by_the_root_of_the_pressure_below_20_m(twin, model):
    """Behind one feed throttled to a trickle the pressure falls; a tap has √(p / 20 m) of its demand."""
    valves = twin.entities["water_valves"]
    prv = list(valves.index[valves["kind"] == "prv"])
    engine = Supply(model)
    codes = engine.takes["valve_open"].codes
    shut = np.array([0.0 if code == prv[0] else 0.02 if code == prv[1] else np.nan for code in codes])
    engine.start()
    demand = np.full(len(engine.takes["demand_m3s"].codes), 2e-4)
    found = engine.step(300, {"demand_m3s": demand, "valve_open": shut}).found
    engine.close()
    pressure = dict(zip(model.junctions.values(), found["pressure_m"], strict=True))
    pumped = {booster.building for booster in model.boosters}
    low = 0
    for service, had in zip(model.services, found["delivered_m3s"], strict=True):
        if service.building not in pumped and 0.5 < pressure[service.junction] < 19.5:
            assert had == pytest.approx(2e-4 * (pressure[service.junction] / 20.0) ** 0.5, rel=2e-3)
            low += 1
    assert low > 100


def test_a_leak_flows_by_the_root_of_the_head_at_the_pipes_lower_end(twin, model, calm):
    pipe = twin.entities["water_pipes"].index[40]
    engine = Supply(model)
    port = engine.takes["leak_coefficient"]
    k, end = port.codes.index(pipe), twin.entities["water_pipes"]["to_code"][pipe]
    outputs, finished = run(
        model, 1.0, lambda second: {"leak_coefficient": one(port, pipe, 0.001 if second < 1800 else np.nan)}
    )
    junction = engine.gives["pressure_m"].codes.index(end)
    for outputs_ in outputs[1:7]:
        assert outputs_.found["leak_m3s"][k] == pytest.approx(
            0.001 * outputs_.found["pressure_m"][junction] ** 0.5, rel=1e-4
        )
    assert outputs[7].found["leak_m3s"][k] == 0.0
    assert outputs[-1].found["inflow_m3s"].sum() == pytest.approx(calm[0][12].found["inflow_m3s"].sum(), rel=1e-4)
    own = -sum(row["leaked_m3"] for row in [calm[1].balances]) * 0.25
    assert finished.balances["leaked_m3"] + own == pytest.approx(1800 * 0.001 * 40**0.5, rel=0.1)


def test_a_shut_gate_stops_its_pipe_and_a_half_open_one_takes_its_head(twin, model, calm):
    valves = twin.entities["water_valves"]
    engine = Supply(model)
    port, pipes = engine.takes["valve_open"], engine.gives["flow_m3s"].codes
    usual = dict(zip(pipes, calm[0][1].found["flow_m3s"], strict=True))
    gates = valves[valves["kind"] == "gate"]
    gate = max(gates.index, key=lambda code: abs(usual[gates["pipe_code"][code]]))
    k = pipes.index(gates["pipe_code"][gate])
    flow = {
        opening: run(model, 300 / HOUR_S, {"valve_open": one(port, gate, opening)})[0][1].found["flow_m3s"][k]
        for opening in (0.0, 0.1, 0.5, 1.0)
    }
    assert abs(flow[0.0]) < 1e-9
    assert abs(flow[0.0]) < abs(flow[0.1]) < abs(flow[0.5]) < abs(flow[1.0])
    assert flow[1.0] == usual[pipes[k]]
    outputs, _ = run(model, 1.0, lambda second: {"valve_open": one(port, gate, 0.0 if second < 600 else 1.0)})
    assert outputs[-1].found["flow_m3s"][k] == pytest.approx(calm[0][12].found["flow_m3s"][k], rel=1e-3)


def test_what_is_no_longer_handed_over_follows_the_model_again(model, calm):
    engine = Supply(model)
    takes, chance = engine.takes, np.random.default_rng(2)
    most = {"demand_m3s": 0.001, "powered": 0.4, "valve_open": 0.0, "fire_m3s": 0.001, "leak_coefficient": 0.001}
    for name, port in takes.items():
        codes = len(port.codes)
        handed = {name: np.where(chance.random(codes) < 0.1, most[name], np.nan)}
        engine.start()
        changed = engine.step(300, handed).found
        assert any(
            (changed[port] != calm[0][1].found[port]).any() for port in ("delivered_m3s", "flow_m3s", "booster_kw")
        )
        back = [engine.step(second, {}).found for second in range(600, 7501, 300)][-1]
        usual = calm[0][25].found
        assert back["pressure_m"] == pytest.approx(usual["pressure_m"], abs=1e-2)
        assert back["delivered_m3s"].sum() == pytest.approx(usual["delivered_m3s"].sum(), rel=1e-4)
        assert back["leak_m3s"].max() == 0.0
    engine.close()


def test_a_gate_valves_loss_is_perrys():
    assert [round(gate_loss(opening), 2) for opening in (1.0, 0.75, 0.5, 0.25)] == [0.0, 0.73, 4.33, 23.83]
    assert gate_loss(0.125) == 4 * 24.0


def test_a_hydrant_gives_what_is_asked_or_leaves_ten_metres(model):
    engine = Supply(model)
    port = engine.takes["fire_m3s"]
    engine.start()
    usual = engine.step(300, {"fire_m3s": one(port, port.codes[5], 0.015)})
    assert usual.found["fire_flow_m3s"][5] == pytest.approx(0.015, rel=1e-3)
    assert usual.found["hydrant_m"][5] > 10.0
    greedy = engine.step(600, {"fire_m3s": one(port, port.codes[5], 0.5)})
    assert greedy.found["hydrant_m"][5] == pytest.approx(10.0, abs=0.03)
    assert 0.05 < greedy.found["fire_flow_m3s"][5] < 0.4
    three = engine.step(900, {"fire_m3s": np.where(np.arange(len(port.codes)) < 3, 0.5, 0.0)})
    assert three.found["hydrant_m"][:3] == pytest.approx(10.0, abs=0.5)
    after = engine.step(1200, {"fire_m3s": np.zeros(len(port.codes))})
    assert after.found["fire_flow_m3s"].max() == 0.0
    finished = engine.finish()
    assert finished.balances["fire_m3"] == pytest.approx(
        300 * sum(found.found["fire_flow_m3s"].sum() for found in (usual, greedy, three)), rel=0.02
    )
    assert finished.balances["worst_step_error"] < 1e-3


def test_a_house_without_power_lives_on_its_roof_tank(model):
    """A house draws q for its upper storeys and its roof tank holds V: these are dry after V / q."""
    engine = Supply(model)
    booster = model.boosters[3]
    buildings = engine.takes["demand_m3s"].codes
    k, drawn = buildings.index(booster.building), 0.0006
    upper = drawn * booster.lifted_share
    dry_s = booster.roof_tank_m3 / upper
    off_s = 2 * HOUR_S

    def inputs(second):
        power = one(engine.takes["powered"], booster.code, 0.0 if second < off_s else 1.0)
        return {"demand_m3s": one(engine.takes["demand_m3s"], booster.building, drawn), "powered": power}

    outputs, finished = run(model, 4.0, inputs)
    top = np.array([outputs_.found["service_pressure_m"][k] for outputs_ in outputs])
    had = np.array([outputs_.found["delivered_m3s"][k] for outputs_ in outputs])
    time_s = np.array([outputs_.time_s for outputs_ in outputs])
    kw = np.array([outputs_.found["booster_kw"][3] for outputs_ in outputs])
    assert 600 < dry_s < off_s
    lasting = (time_s > 0) & (time_s < dry_s - 300)
    assert (top[lasting] == booster.roof_head_m).all()
    assert had[lasting] == pytest.approx(drawn, rel=1e-3)
    dry = (time_s > dry_s + 300) & (time_s <= off_s)
    assert (top[dry] == 0.0).all()
    assert had[dry] == pytest.approx(drawn - upper, rel=1e-3)
    assert (kw[1:][time_s[1:] <= off_s] == 0.0).all()
    assert kw[time_s == off_s + 300] == pytest.approx(9.81 * booster.rated_m3s * booster.head_m / 0.6, rel=1e-6)
    assert top[-1] == pytest.approx(booster.head_m - booster.lift_m)
    assert had[-1] == pytest.approx(drawn, rel=1e-3)
    assert kw[-1] == pytest.approx(9.81 * upper * booster.head_m / 0.6, rel=1e-3)
    assert outputs[-1].found["roof_tank_m3"][3] > 0.99 * booster.roof_tank_m3
    assert finished.balances["worst_step_error"] < 1e-3


def test_a_house_without_water_lives_on_its_break_tank(twin, model):
    """With both feeds shut a house with power has its break tank and its roof tank: V / q, then nothing."""
    engine = Supply(model)
    booster = model.boosters[3]
    k, drawn = engine.takes["demand_m3s"].codes.index(booster.building), 0.001
    valves = twin.entities["water_valves"]
    feeds = valves.index[valves["kind"] == "prv"]
    shut = np.where(np.isin(engine.takes["valve_open"].codes, feeds), 0.0, np.nan)
    demand = {"demand_m3s": one(engine.takes["demand_m3s"], booster.building, drawn), "valve_open": shut}
    outputs, finished = run(model, 4.0, demand)
    had = np.array([outputs_.found["delivered_m3s"][k] for outputs_ in outputs])
    upper = drawn * booster.lifted_share
    last_s = (booster.break_tank_m3 + booster.roof_tank_m3) / upper
    lasted_s = 300 * int((had[1:] > 0.5 * upper).sum())
    assert last_s < 4 * HOUR_S
    assert lasted_s == pytest.approx(last_s, abs=600)
    assert finished.balances["produced_m3"] == pytest.approx(0.0, abs=0.01)
    assert finished.balances["stored_m3"] < -10.0
    assert finished.balances["worst_step_error"] < 1e-3
    said = finished.records.statements
    assert said
    assert said[0].code == 1
    assert "unbalanced" in said[0].says
    assert outputs[2].found["warning"][0] == 1.0
    assert outputs[2].found["pressure_m"].min() == 0.0


def test_the_balance_closes_at_every_step_whatever_is_done(model):
    engine = Supply(model)
    takes, chance = engine.takes, np.random.default_rng(5)

    def inputs(_):
        def some(port, most, share):
            count = len(takes[port].codes)
            return np.where(chance.random(count) < share, chance.random(count) * most, np.nan)

        return {
            "demand_m3s": some("demand_m3s", 0.002, 0.3),
            "valve_open": some("valve_open", 1.0, 0.05),
            "powered": some("powered", 1.0, 0.5),
            "fire_m3s": some("fire_m3s", 0.02, 0.02),
            "leak_coefficient": some("leak_coefficient", 0.001, 0.02),
        }

    _, finished = run(model, 2.0, inputs)
    assert finished.balances["worst_step_error"] < 1e-3
    volumes = dict(zip(VOLUMES, finished.records.volumes_m3.T, strict=True))
    assert all(np.abs(volumes[name]).min() > 0 for name in ("produced_m3", "delivered_m3", "leaked_m3", "stored_m3"))


def test_age_grows_by_the_clock_and_is_renewed_at_the_feeds(twin):
    start = START + pd.Timedelta(hours=6)
    model = supply_model(twin.district, start, 6 * HOUR_S, age=True)
    outputs, _ = run(replace(model, first_age_h={}), 6.0)
    age = np.array([outputs_.found["age_h"] for outputs_ in outputs])
    hours = np.arange(73)[:, None] / 12
    assert (age <= hours + 1e-6).all()
    assert age[-1].max() == pytest.approx(6.0, abs=0.1)
    assert age[-1].min() < 0.5
    assert np.median(age[-1]) < 5.0
    engine = Supply(model)
    known = engine.start().found["age_h"]
    engine.close()
    assert known == pytest.approx(list(model.first_age_h.values()))
    assert known.max() > 24.0


def test_a_pump_of_the_net_stands_still_without_power_against_its_controls():
    engine = Supply.from_input(TWO_TANKS)
    engine.start()
    assert engine.step(HOUR_S, {}).found["pump_kw"][0] > 10.0
    for hour in range(2, 8):
        found = engine.step(hour * HOUR_S, {"powered": np.array([0.0, np.nan])}).found
        assert found["pump_kw"][0] == 0.0
        assert found["inflow_m3s"].sum() == pytest.approx(0.0, abs=1e-9)
    assert engine.step(8 * HOUR_S, {"powered": np.array([1.0, np.nan])}).found["pump_kw"][0] > 10.0
    engine.close()


def test_a_broken_file_is_refused_with_epanets_code_meaning_and_line(tmp_path):
    path = tmp_path / "broken.inp"
    path.write_text(TWO_TANKS.read_text().replace(" 12 12 13 5280 10 100 0 CV", " 12 12 99 5280 10 100 0 CV"))
    with pytest.raises(TwinError, match=r"EPANET error 203.*undefined node.*12 12 99 5280"):
        Supply.from_input(path)
    with pytest.raises(TwinError, match="cannot be read"):
        Supply.from_input(tmp_path / "none.inp")
    for changes in ({"step_s": 0.5}, {"horizon_s": -1}):
        with pytest.raises(TwinError, match="Whole seconds"):
            Supply.from_input(TWO_TANKS, **changes)


def test_a_failure_in_mid_run_has_epanets_code_and_keeps_what_was_found(model):
    engine = Supply(model)
    engine.start()
    engine.step(1800, {})
    engine._net.call("closeQ")
    with pytest.raises(TwinError, match="Error 105"):
        engine.step(3600, {})
    with pytest.raises(TwinError, match="not running"):
        engine.step(3600, {})
    finished = engine.finish()
    assert list(finished.records.time_s) == [0, 300, 600, 900, 1200, 1500]
    assert finished.balances["produced_m3"] > 10.0
    engine.close()


@pytest.mark.parametrize(
    ("until_s", "inputs", "said"),
    [
        (600, {"demand_m3s": -1.0}, r"demand_m3s of .*: -1\. 0 to 10 m³/s"),
        (600, {"demand_m3s": np.inf}, "inf"),
        (600, {"valve_open": 1.5}, r"valve_open of .*: 1\.5\. 0 to 1, or NaN"),
        (600, {"powered": 2.0}, "powered"),
        (600, {"leak_coefficient": 0.2}, "leak_coefficient"),
        (600, {"fire_m3s": -0.1}, "fire_m3s"),
        (600, {"rain_mm_h": 1.0}, "no such port"),
        (600, {"powered": "on"}, "An array of numbers"),
        (600, {"powered": [1.0]}, "One for each of its 39 codes"),
        (600, "pumps off", "inputs are a str"),
        (0, {}, "until 0 s"),
        (300, {}, "until 300 s"),
        (700, {}, "A multiple of 300 s after 300 s"),
        (float("nan"), {}, "until nan s"),
        (86400, {}, "at most 14400 s"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(model, calm, until_s, inputs, said):
    engine = Supply(model)
    engine.start()
    engine.step(300, {})
    if isinstance(inputs, dict):
        inputs = {
            name: np.full(len(engine.takes[name].codes), value)
            if name in engine.takes and isinstance(value, float)
            else value
            for name, value in inputs.items()
        }
    with pytest.raises(TwinError, match=said):
        engine.step(until_s, inputs)
    after = engine.step(600, {})
    assert (after.found["pressure_m"] == calm[0][2].found["pressure_m"]).all()
    engine.close()


def test_an_engine_that_is_not_running_says_so(model):
    engine = Supply(model)
    with pytest.raises(TwinError, match="not running"):
        engine.step(300, {})
    engine.close()
    engine.close()


@settings(max_examples=25)
@given(st.data())
def test_any_input_is_obeyed_or_refused(two_tanks, data):
    port = data.draw(st.sampled_from(sorted(two_tanks.takes)))
    size = len(two_tanks.takes[port].codes)
    sensible = st.one_of(st.just(float("nan")), st.floats(0.0, 0.1), st.sampled_from([0.0, 1.0]))
    value = data.draw(st.sampled_from([sensible, st.floats(width=32)]))
    values = data.draw(st.lists(value, min_size=size, max_size=size))
    two_tanks.start()
    try:
        found = two_tanks.step(HOUR_S, {port: values}).found
    except TwinError:
        most = 0.1 if port == "leak_coefficient" else 10.0 if port == "demand_m3s" else 1.0
        assert any(not (np.isnan(value) or 0.0 <= value <= most) for value in values)
        return
    assert all(np.isfinite(found[name]).all() for name in found)
    assert found["pressure_m"].min() >= 0.0


@pytest.fixture(scope="module")
def two_tanks():
    engine = Supply.from_input(TWO_TANKS)
    yield engine
    engine.close()
