"""The traffic engine: SUMO to the last digit, vehicles conserved, closures, water, signals, ambulances, bad input."""

import math
import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sumo
from hypothesis import given
from hypothesis import strategies as st

from twin_sandbox.engines.traffic.engine import Call, Traffic, TrafficModel, TrafficRecords, wet_speed_share
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.traffic import traffic_model
from twin_sandbox.world.models.traffic_opening import sumo_model
from twin_sandbox.world.twin import Twin, open_district

MORNING = pd.Timestamp("2026-07-15 07:30+08:00")
ROAD = "Anning Road"


@pytest.fixture(scope="module")
def twin() -> Twin:
    return open_district()


@pytest.fixture(scope="module")
def model(twin: Twin) -> TrafficModel:
    """Half an hour of the morning, with an ambulance called after five minutes."""
    buildings = twin.entities["buildings"].index
    return traffic_model(twin.district, MORNING, 1800, calls=(Call(300.0, buildings[5], buildings[-20]),))


@pytest.fixture(scope="module")
def junction(twin: Twin) -> TrafficModel:
    """The junction of two arterials, every vehicle's own movement, for ten minutes of the peak."""
    signals = twin.entities["signals"]
    crossing = signals.index[signals["name_en"].str.contains(f"{ROAD} / Lighthouse Avenue")][0]
    return traffic_model(twin.district, pd.Timestamp("2026-07-15 08:00+08:00"), 600, junction=crossing)


def only(codes: tuple[str, ...], chosen: list[str], value: float) -> np.ndarray:
    return np.array([value if code in chosen else np.nan for code in codes])


def run(
    model: TrafficModel, inputs: dict[str, np.ndarray], until_s: float = 1800.0
) -> tuple[Traffic, TrafficRecords, dict]:
    engine = Traffic(model)
    engine.start()
    engine.step(300.0, {})
    engine.step(until_s, inputs)
    done = engine.finish()
    assert isinstance(done.records, TrafficRecords)
    return engine, done.records, dict(done.balances)


def sumo_alone(model: TrafficModel, folder: Path, until_s: int) -> dict[tuple[float, str], tuple[float, float]]:
    """SUMO's own program on the exported files: (minute, edge) → seconds sampled, mean speed."""
    configuration = model.write(folder)
    program = Path(sumo.SUMO_HOME, "bin", "sumo")
    subprocess.run(
        [program, "-c", configuration.name, "--end", str(until_s), "-X", "never"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    found = {}
    for part in (folder / "edges.xml").read_text().split("</interval>")[:-1]:
        begin = float(re.search(r'<interval begin="([^"]*)"', part)[1])  # type: ignore[index]
        for edge, seconds, speed in re.findall(r'<edge id="([^"]*)" sampledSeconds="([^"]*)" speed="([^"]*)"', part):
            found[begin, edge] = float(seconds), float(speed)
    return found


def test_alone_it_is_sumo_to_the_last_digit(model: TrafficModel, tmp_path: Path) -> None:
    """Every street, every minute: seconds and metres of the engine's edges equal those of the program ``sumo``."""
    plain = TrafficModel(**{**vars(model), "calls": ()})
    _, records, _ = run(plain, {}, 600.0)
    alone = sumo_alone(plain, tmp_path, plain.start_s + 600)
    assert len(records.vehicles) == 10
    for minute, row in enumerate(records.vehicles):
        for (_, edges), vehicles, speed in zip(plain.streets.items(), row, records.speed_kmh[minute], strict=True):
            own = [alone.get((plain.start_s + 60.0 * minute, edge), (0.0, 0.0)) for edge in edges]
            seconds = sum(s for s, _ in own)
            assert vehicles == seconds / 60
            if seconds:
                assert speed == 3.6 * sum(s * v for s, v in own) / seconds


def test_the_same_run_twice_is_the_same(model: TrafficModel) -> None:
    first, second = (run(model, {}, 600.0)[1] for _ in range(2))
    np.testing.assert_array_equal(first.vehicles, second.vehicles)
    np.testing.assert_array_equal(first.queue_m, second.queue_m)


def test_a_closed_street_sends_vehicles_elsewhere_and_loses_none(model: TrafficModel, twin: Twin) -> None:
    """Timeline: 300 s the street closes; from 600 s on nobody is on it; whoever has no way left is counted."""
    codes = tuple(model.streets)
    streets = twin.entities["streets"]
    shut = list(streets.index[streets["name_en"] == ROAD])[3:5]
    at = [codes.index(code) for code in shut]
    _, usual, before = run(model, {})
    _, closed, after = run(model, {"closed": only(codes, shut, 1.0)})
    assert usual.flow_vehicles_h[10:, at].mean() > 500
    assert closed.flow_vehicles_h[10:, at].mean() < 5
    assert closed.vehicles[20:].sum() > usual.vehicles[20:].sum()
    for balances in (before, after):
        assert balances["vehicles_error"] == 0.0
        assert balances["teleported"] == 0.0
    assert before["removed"] == before["cancelled"] == 0.0
    assert after["removed"] + after["cancelled"] > 0.0


def test_water_slows_a_street_and_stops_it_where_it_is_deep(model: TrafficModel, twin: Twin) -> None:
    codes = tuple(model.streets)
    streets = twin.entities["streets"]
    wet = list(streets.index[streets["name_en"] == ROAD])
    at = [codes.index(code) for code in wet]
    _, dry, _ = run(model, {}, 900.0)
    _, damp, _ = run(model, {"depth_m": only(codes, wet, 0.1)}, 900.0)
    _, flooded, _ = run(model, {"depth_m": only(codes, wet, 0.35)}, 900.0)
    assert np.nanmean(damp.speed_kmh[6:, at]) < 0.9 * np.nanmean(dry.speed_kmh[6:, at])
    assert flooded.flow_vehicles_h[10:, at].mean() < 0.1 * dry.flow_vehicles_h[10:, at].mean()


def test_speed_in_water_follows_the_published_curve() -> None:
    """v(w) = 0.0009 w² − 0.5529 w + 86.9448: at 100 mm 9 − 55.29 + 86.9448 = 40.6548 km/h; none above 300 mm."""
    assert wet_speed_share(0.0) == 1.0
    assert wet_speed_share(0.1) == pytest.approx(40.6548 / 86.9448)
    assert wet_speed_share(0.3) == pytest.approx((81 - 165.87 + 86.9448) / 86.9448)
    assert wet_speed_share(0.301) == 0.0


def test_an_ambulance_is_followed_and_a_flood_makes_it_late(model: TrafficModel, twin: Twin) -> None:
    """Called at 300 s. Then the streets of its way go under 20 cm of water: the same call takes longer."""
    _, records, _ = run(model, {})
    way = records.journeys[0]
    assert way.called_s == 300.0
    assert 20.0 < way.travel_s < 900.0
    assert way.track[0, 0] <= 302.0
    west, south, east, north = twin.entities["streets"].total_bounds
    assert np.all((way.track[:, 1] > west - 20) & (way.track[:, 1] < east + 20))
    assert np.all((way.track[:, 2] > south - 20) & (way.track[:, 2] < north + 20))
    codes = tuple(model.streets)
    _, late, _ = run(model, {"depth_m": np.full(len(codes), 0.2)})
    assert late.journeys[0].travel_s > 1.3 * way.travel_s


def test_an_ambulance_can_be_sent_while_it_runs(model: TrafficModel) -> None:
    places = [code for code in model.places if len(code) > 2]
    engine = Traffic(TrafficModel(**{**vars(model), "calls": (), "ambulances": 1}))
    engine.start()
    assert np.isnan(engine.step(60.0, {}).found["ambulance_s"][0])
    assert engine.dispatch(places[0], places[-1]) == "ambulance_1"
    with pytest.raises(TwinError, match="all are under way"):
        engine.dispatch(places[0], places[-1])
    with pytest.raises(TwinError, match="no place 'nowhere'"):
        engine.dispatch("nowhere", places[-1])
    found = engine.step(600.0, {}).found
    assert found["ambulance_arrived"][0] == 1.0
    assert 10.0 < found["ambulance_s"][0] < 540.0
    engine.close()


def test_dark_signals_let_fewer_through(junction: TrafficModel) -> None:
    """In the peak 3,200 vehicles an hour come to the junction; where all stop, its lanes carry some 1,900: jam."""
    flow, jam = {}, {}
    for name, inputs in {"lit": {}, "dark": {"signal_powered": np.zeros(1)}}.items():
        _, records, balances = run(junction, inputs, 600.0)
        flow[name] = records.flow_vehicles_h[6:].mean(axis=0).sum()
        assert balances["vehicles_error"] == 0.0
        jam[name] = records.vehicles[8:].mean(axis=0).sum()
    assert flow["dark"] < 0.9 * flow["lit"]
    assert jam["dark"] > 1.4 * jam["lit"]


def test_a_controller_sets_stages(junction: TrafficModel) -> None:
    """Stage 0 held for five minutes: the main street drives on, the side street stands."""
    engine = Traffic(junction)
    engine.start()
    for k in range(30):
        found = engine.step(10.0 * (k + 1), {"stage": np.zeros(1)}).found
    halting = dict(zip(engine.gives["halting"].codes, found["halting"], strict=True))
    into = {edge for edge in halting if halting[edge] > 8}
    engine.close()
    assert 1 <= len(into) <= 2
    assert sum(halting.values()) > 20


def test_demand_follows_its_factor_while_it_runs(model: TrafficModel) -> None:
    half = {"demand_factor": np.full(len(model.scaled), 0.5)}
    _, _, usual = run(model, {}, 1500.0)
    _, _, less = run(model, half, 1500.0)
    assert 0.5 < less["departed"] / usual["departed"] < 0.85


def test_a_killed_worker_keeps_what_had_been_computed(model: TrafficModel) -> None:
    engine = Traffic(model)
    engine.start()
    engine.step(300.0, {})
    assert engine._worker is not None
    assert engine._worker.process is not None
    os.kill(engine._worker.process.popen.pid, signal.SIGKILL)
    with pytest.raises(TwinError, match="SIGKILL"):
        engine.step(600.0, {})
    records = engine.finish().records
    assert isinstance(records, TrafficRecords)
    assert len(records.vehicles) == 5
    assert records.vehicles.sum() > 0


@pytest.fixture(scope="module")
def waiting(model: TrafficModel) -> Traffic:
    """An engine at 60 s that refuses everything asked of it."""
    engine = Traffic(model)
    engine.start()
    engine.step(60.0, {})
    return engine


@pytest.mark.parametrize(
    ("until_s", "port", "value", "told"),
    [
        (120.0, "closed", 0.5, r"closed of SB.*0\.5"),
        (120.0, "depth_m", -0.1, "depth_m of SB"),
        (120.0, "depth_m", math.inf, "depth_m of SB"),
        (120.0, "green_s", 3.0, "green_s of SB.*10 to"),
        (120.0, "green_s", 500.0, "green_s of SB"),
        (120.0, "signal_powered", 2.0, "signal_powered of SB"),
        (120.0, "demand_factor", -1.0, "demand_factor of trips"),
        (120.0, "speed_limit", 1.0, "no port 'speed_limit'"),
        (0.0, "closed", 0.0, "a step to 0 s at 60 s"),
        (90.0, "closed", 0.0, "multiples of 60 s"),
        (math.nan, "closed", 0.0, "a step to nan s"),
    ],
)
def test_what_is_not_allowed_is_refused_and_changes_nothing(
    waiting: Traffic, until_s: float, port: str, value: float, told: str
) -> None:
    codes = waiting.takes[port].codes if port in waiting.takes else ("?",)
    with pytest.raises(TwinError, match=told):
        waiting.step(until_s, {port: np.full(len(codes), value)})


@given(values=st.lists(st.floats(), max_size=3))
def test_no_input_of_a_wrong_length_gets_through(waiting: Traffic, values: list[float]) -> None:
    with pytest.raises(TwinError, match="one for each code"):
        waiting.step(120.0, {"depth_m": np.array(values)})


@given(depth_m=st.floats(0.0, 10.0), deeper_m=st.floats(0.0, 10.0))
def test_deeper_water_is_never_faster(depth_m: float, deeper_m: float) -> None:
    low, high = sorted((depth_m, deeper_m))
    assert 0.0 <= wet_speed_share(high) <= wet_speed_share(low) <= 1.0


def test_another_place_runs_with_its_own_ids(tmp_path: Path) -> None:
    """A network that SUMO's netgenerate makes, and ten cars over it: ids of its own, SUMO's own values."""
    program = Path(sumo.SUMO_HOME, "bin", "netgenerate")
    subprocess.run(
        [program, "--grid", "--grid.number", "3", "--tls.guess", "true", "-o", "town.net.xml"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    cars = "".join(f'<trip id="{k}" type="cab" depart="{3 * k}" from="A0A1" to="C1C2"/>' for k in range(10))
    (tmp_path / "town.rou.xml").write_text(f'<routes><vType id="cab"/>{cars}</routes>')
    (tmp_path / "town.sumocfg").write_text(
        '<configuration><input><net-file value="town.net.xml"/><route-files value="town.rou.xml"/></input>'
        "</configuration>"
    )
    model = sumo_model(tmp_path / "town.sumocfg", 300)
    engine = Traffic(model)
    engine.start()
    assert "A0A1" in engine.gives["vehicles"].codes
    assert engine.step(60.0, {}).found["vehicles"].sum() > 0
    engine.step(300.0, {})
    balances = engine.finish().balances
    assert balances["departed"] == balances["arrived"] == 10.0
    assert Traffic(sumo_model(tmp_path / "town.net.xml")).gives["speed_kmh"].codes == tuple(model.streets)


def test_a_broken_model_is_refused_in_sumos_own_words(tmp_path: Path) -> None:
    lane = '<lane id="a_0" index="0" speed="-3" length="10" shape="0,0"/>'
    net = f'<net version="1.20"><edge id="a" from="x" to="y">{lane}</edge></net>'
    (tmp_path / "broken.net.xml").write_text(net)
    engine = Traffic(sumo_model(tmp_path / "broken.net.xml"))
    with pytest.raises(TwinError, match=r"traffic engine \(SUMO\): Shape of lane 'a_0' is broken"):
        engine.start()
    (tmp_path / "half.net.xml").write_text("<net><edge")
    with pytest.raises(TwinError, match="not XML"):
        sumo_model(tmp_path / "half.net.xml")
    with pytest.raises(TwinError, match="cannot be read"):
        sumo_model(tmp_path / "nowhere.sumocfg")
    (tmp_path / "other.xml").write_text("<routes/>")
    with pytest.raises(TwinError, match="no configuration and no network"):
        sumo_model(tmp_path / "other.xml")
