"""Whatever is handed to a run of several engines: one message, nothing half done, and what was found is kept."""

import contextlib
import json
import math
import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin_sandbox.toy_engines import Spring, Tanks
from twin_sandbox import Reality, Scenario
from twin_sandbox.errors import TwinError
from twin_sandbox.world import twin as twin_module
from twin_sandbox.world.events import Fire
from twin_sandbox.world.kpi import told as kpis
from twin_sandbox.world.result import RunFailedError
from twin_sandbox.world.session import Session, state_hash
from twin_sandbox.world.twin import Twin
from twin_sandbox.world.wiring import Wire, Wiring, fit, order, read_wiring
from twin_sandbox.world.written import read_run, run_again, save_result

START = pd.Timestamp("2026-07-15 08:00+08:00")
TOY = Scenario("toy", START, 0.5, report_step_s=60, engines=("spring", "tanks"))
WIRING = Wiring((Wire("spring", "flow", "tanks", "inflow"),))
HARD = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def toy_session(spring=None, **tanks):
    engines = {"spring": spring or Spring(), "tanks": Tanks(**tanks)}
    return Session(None, TOY, step_s=300, wiring=WIRING, engines=engines)


class ToyTwin(Twin):
    """A twin whose every run is the toy's."""

    def __init__(self):
        pass

    def session(self, *_):
        return toy_session()


def _nested(leaf):
    return st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TELLABLE = _nested(PLAIN)
JUNK = _nested(PLAIN | st.binary(max_size=4))
NUMBER = st.floats() | st.integers() | st.sampled_from((math.nan, -0.0, 0.5, 1.0, 1e300))
NAME = st.sampled_from(("spring.share", "tanks.inflow", "tanks.volume", "spring", "pump_1", ".", "")) | st.text(
    max_size=8
)
CODE = st.sampled_from(("A", "B", "C", "D", "")) | st.text(max_size=3)
COMMAND = st.dictionaries(NAME, st.dictionaries(CODE, NUMBER | JUNK, max_size=3) | NUMBER | JUNK, max_size=3)


@HARD
@given(COMMAND | JUNK)
def test_a_command_is_obeyed_or_refused_whole(command):
    with toy_session() as run:
        before = state_hash(run.clock)
        try:
            run.step(command)
        except TwinError:
            assert (run.clock.time_s, run.log, state_hash(run.clock)) == (0, [], before)
        else:
            assert run.clock.time_s == 300
            assert run.log == [] or command


@HARD
@given(st.lists(COMMAND | JUNK, min_size=1, max_size=3))
def test_a_controller_may_say_anything(said):
    """What it says is obeyed, or refused as a whole with the moment or the name; never does Python's own error show."""
    answers = iter(said * 6)
    with contextlib.suppress(TwinError):
        assert ToyTwin().run(TOY, controller=lambda _: next(answers)).tracks.kept == 31


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, r"controller, at 2026-07-15 08:00: it gave nothing.*forget to return"),
        ([("spring.share", 1)], "it gave a list"),
        ("pump_1", "it gave a str"),
        ({"spring.share": {"B": 1.5e400}}, "inf"),
    ],
)
def test_a_controller_that_says_nothing_useful_is_told_when(said, words):
    with pytest.raises(TwinError, match=words):
        ToyTwin().run(TOY, controller=lambda _: said)


def test_a_controllers_own_error_names_the_moment_of_the_run():
    def controller(seen):
        return {} if seen["minutes"] < 10 else {"spring.share": seen["sump"]}

    with pytest.raises(KeyError, match="sump") as caught:
        ToyTwin().run(TOY, controller=controller)
    assert caught.value.__notes__ == ["The controller was asked at 2026-07-15 08:10 of the run."]


def test_a_controller_that_dawdles_is_refused(monkeypatch):
    monkeypatch.setattr(twin_module, "CONTROLLER_S", 0.02)
    with pytest.raises(TwinError, match=r"it took 0\.\d s to answer.*Prepare what takes long"):
        ToyTwin().run(TOY, controller=lambda _: time.sleep(0.06) or {})


WORD = st.sampled_from(("spring.flow", "tanks.inflow", "tanks.full", "spring.share", "power.x", "x", "", "a.b.c"))
ROW = st.fixed_dictionaries(
    {}, optional={"from": WORD | TELLABLE, "to": WORD | TELLABLE, "delay_s": TELLABLE, "why": TELLABLE, "x": TELLABLE}
)


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps("" if value is None else value)


@HARD
@given(
    st.lists(ROW, max_size=3), st.dictionaries(st.sampled_from(("spring", "tanks", "power", "x")), TELLABLE, max_size=2)
)
def test_a_wiring_file_fits_or_is_refused(tmp_path, rows, every):
    path = tmp_path / "wiring.toml"
    path.write_text(f"wire = {_toml(rows)}\nevery_s = {_toml(every)}\n", encoding="utf-8")
    with contextlib.suppress(TwinError):
        wiring = read_wiring(path).among(("spring", "tanks"))
        joints = fit(wiring, {"spring": Spring(), "tanks": Tanks()})
        assert len(joints) == len(wiring.wires) <= len(rows)
        assert sorted(order(wiring, ("spring", "tanks"))) == ["spring", "tanks"]


def test_a_wiring_of_engines_that_do_not_run_is_left_out_and_of_none_there_are_refused():
    wiring = Wiring((Wire("power", "energised", "supply", "powered"), *WIRING.wires), {"power": 60, "spring": 60})
    assert wiring.among(("spring", "tanks")) == Wiring(WIRING.wires, {"spring": 60})
    with pytest.raises(TwinError, match=r"no engine 'sprig'.*Did you mean 'spring'"):
        Wiring((Wire("sprig", "flow", "tanks", "inflow"),)).among(("spring", "tanks"))
    with pytest.raises(TwinError, match="no engine 'sprigs'"):
        Wiring((), {"sprigs": 60}).among(("spring", "tanks"))


SETTINGS = {
    "a pump at 1.5": ("drainage", {"pump_1": 1.5}, "pump_1: 1.5. A number from 0 to 1"),
    "a gate at -1": ("drainage", {"gate_1": -1}, "gate_1: -1"),
    "half a pump's power": ("drainage", {"drainage.powered": {"PUMP": 1.01}}, "from 0 to 1"),
    "a switch half closed": ("power", {"power.switch_closed": {"CODE": 0.5}}, "0.5. A whole number from 0 to 1"),
    "a tap beyond its end": ("power", {"power.tap_pos": {"CODE": 99}}, "99. A whole number from"),
    "a load below 0": ("power", {"power.load_kw": {"CODE": -1.0}}, "-1. A number, 0 kW or more"),
    "a battery of infinity": ("power", {"power.battery_kw": {"CODE": -math.inf}}, "inf"),
    "a valve at -1": ("supply", {"supply.valve_open": {"CODE": -1}}, "-1. A number from 0 to 1"),
    "a flood from a hydrant": ("supply", {"supply.fire_m3s": {"CODE": 2.0}}, "from 0 to 1 m³/s"),
    "half a closure": ("traffic", {"traffic.closed": {"CODE": 0.5}}, "0.5. A whole number from 0 to 1"),
    "a green of a second": ("traffic", {"traffic.green_s": {"CODE": 1.0}}, "1. A number from 10 to"),
    "a depth below 0": ("traffic", {"traffic.depth_m": {"CODE": -0.1}}, "0 m or more"),
    "twice everybody": ("people", {"people.evacuated": {"CODE": 2.0}}, "2. A number from 0 to 1"),
    "nobody's nobody": ("buildings", {"buildings.occupants": {"CODE": -3.0}}, "-3. A number, 0 or more"),
    "half a tariff": ("buildings", {"buildings.tariff_cny_kwh": {"CODE": -0.5}}, "0 CNY/kWh or more"),
    "a pump beyond power": ("heat", {"heat.powered": {"CODE": 3.0}}, "3. A number from 0 to 1"),
}


@pytest.fixture(scope="module")
def open_runs(twin):
    """One open run of each engine alone, by name."""
    runs = {}
    with contextlib.ExitStack() as stack:

        def run(name):
            if name not in runs:
                scenario = Scenario("alone", START, 0.5, tide=_tide(), engines=(name,))
                runs[name] = stack.enter_context(twin.session(scenario, wiring=read_wiring()))
            return runs[name]

        yield run


def _tide():
    from twin_sandbox import Tide

    return Tide(0.0, 2.8, START)


@pytest.mark.parametrize("case", SETTINGS)
def test_an_action_out_of_range_is_refused_before_anything_is_changed(open_runs, case):
    name, command, words = SETTINGS[case]
    run = open_runs(name)
    for quantity, values in command.items():
        if isinstance(values, dict):
            first = run.clock.engines[name].takes[quantity.split(".")[1]].codes[0]
            command = {quantity: {first: next(iter(values.values()))}}
    with pytest.raises(TwinError, match=words.replace(".", r"\.")):
        run.step(command)
    assert run.clock.time_s == 0
    assert run.log == []


def test_every_input_of_every_engine_refuses_infinity(open_runs):
    for name in ("drainage", "power", "supply", "traffic", "people", "buildings", "heat", "sun"):
        run = open_runs(name)
        for quantity, port in run.clock.engines[name].takes.items():
            with pytest.raises(TwinError, match=rf"{name}\.{quantity}"):
                run.step({f"{name}.{quantity}": {port.codes[0]: math.inf}})


def test_an_effect_out_of_range_is_refused_before_the_start():
    from twin_sandbox.engines.protocol import Port
    from twin_sandbox.world.clock import Clock, Effect

    spring = Spring()
    spring.takes = {"share": Port(("A",), "1", "how far open", 0.0, 1.0)}
    with pytest.raises(TwinError, match=r"event, spring\.share, A: 1\.5\. A number from 0 to 1"):
        Clock({"spring": spring}, Wiring(), 600, 60, [Effect("spring", "share", "A", 1.5)])


@pytest.mark.parametrize("name", ["drainage", "traffic"])
def test_a_worker_that_is_killed_ends_the_run_and_what_was_found_is_kept(twin, name, tmp_path):
    scenario = Scenario("killed", START, 0.5, tide=_tide(), engines=(name, "people"))
    with twin.session(scenario) as run:
        run.step()
        os.kill(run.clock.engines[name]._worker.process.popen.pid, signal.SIGKILL)
        with pytest.raises(RunFailedError, match=r"was ended by SIGKILL.*until 2026-07-15 08:05") as caught:
            run.step()
        result = caught.value.result
        assert result.failed is not None
        assert len(result.times) == 2
        assert len(result["people.occupants"]) == 2
        assert kpis(result)
        with pytest.raises(TwinError, match="the run is over"):
            run.step()
        with pytest.raises(TwinError, match="the run was ended by"):
            run.save(tmp_path / "open.json")
        folder = save_result(result, run.wiring, tmp_path / "run")
    assert "SIGKILL" in read_run(folder / "run.json")["failed"]
    assert len(np.load(folder / "found.npy")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_worker_killed_at_the_end_leaves_all_but_its_balances(twin):
    with twin.session(Scenario("killed", START, 0.5, tide=_tide(), engines=("traffic", "people"))) as run:
        while not run.done:
            run.step()
        os.kill(run.clock.engines["traffic"]._worker.process.popen.pid, signal.SIGKILL)
        with pytest.raises(RunFailedError, match=r"SUMO.*SIGKILL.*until 2026-07-15 08:30"):
            run.result()
        assert len(run.result().times) == 7
        assert run.result().balances == {}


def test_a_librarys_own_error_ends_the_run_too(twin, monkeypatch):
    """EPANET's code 110, and an error of Python's own that nobody foresaw."""
    from twin_sandbox.engines.supply.engine import Supply

    step = Supply.step
    for error, words in (
        (TwinError("water supply engine (EPANET)", "110: cannot solve"), "EPANET.*110"),
        (ZeroDivisionError("float division"), "an engine failed with ZeroDivisionError.*fault of the engine"),
    ):

        def fails(engine, until_s, inputs, error=error):
            if until_s > 600:
                raise error
            return step(engine, until_s, inputs)

        monkeypatch.setattr(Supply, "step", fails)
        with pytest.raises(RunFailedError, match=words) as caught:
            twin.run(Scenario("fails", START, 0.5, engines=("supply", "people")))
        assert len(caught.value.result.times) == 3


@pytest.fixture(scope="module")
def saved(twin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    scenario = Scenario("sun", START, 0.5, engines=("people", "sun"))
    with twin.session(scenario) as run:
        run.step({"people.evacuated": {run.clock.engines["people"].takes["evacuated"].codes[0]: 1.0}})
        path = run.save(folder / "open.json")
        save_result(run.result(), run.wiring, folder / "run")
    return folder, json.loads(path.read_text(encoding="utf-8"))


PATHS = [
    ("scenario",), ("seed",), ("reality",), ("reality", "outages"), ("reality", "rain_factor"), ("wiring",),
    ("wiring", "wires"), ("wiring", "every_s"), ("wiring", "every_s", "people"), ("log",), ("log", 0),
    ("log", 0, "time_s"), ("log", 0, "settings"), ("log", 0, "settings", "people.evacuated"), ("step_s",), ("time_s",),
    ("state_sha256",), ("versions",), ("versions", "numpy"), ("district",), ("format",),
]  # fmt: skip


def _damaged(told, path, junk, *, gone):
    told = json.loads(json.dumps(told))
    at = told
    for key in path[:-1]:
        at = at[key]
    if gone:
        del at[path[-1]]
    else:
        at[path[-1]] = junk
    return told


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), TELLABLE, st.booleans())
def test_a_saved_file_is_taken_up_or_refused(twin, saved, tmp_path, path, junk, gone):
    folder, told = saved
    (tmp_path / "open.json").write_text(json.dumps(_damaged(told, path, junk, gone=gone)), encoding="utf-8")
    with contextlib.suppress(TwinError):
        twin.resume(tmp_path / "open.json").close()
    told = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    if path[0] in told:
        (tmp_path / "run.json").write_text(json.dumps(_damaged(told, path, junk, gone=gone)), encoding="utf-8")
        with contextlib.suppress(TwinError):
            run_again(twin.district, tmp_path)


def test_a_full_disk_leaves_what_was_there(twin, saved, tmp_path, monkeypatch):
    scenario = Scenario("sun", START, 0.5, engines=("sun",))
    with twin.session(scenario) as run:
        path = run.save(tmp_path / "open.json")
        kept = path.read_bytes()
        folder = save_result(run.result(), run.wiring, tmp_path / "run")
        found = (folder / "found.npy").read_bytes()

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "save", full)
        with pytest.raises(TwinError, match="cannot be written: No space left"):
            save_result(run.result(), run.wiring, folder)
        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(TwinError, match="cannot be written: No space left"):
            run.save(path)
    assert path.read_bytes() == kept
    assert (folder / "found.npy").read_bytes() == found
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["open.json", "run"]


def fire(begins, ends, **changes):
    start, end = (START + pd.Timedelta(minutes=minutes) for minutes in (begins, ends))
    return Fire(start=start, end=end, hydrant="H", **{"flow_m3s": 0.015, **changes})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scenario("x", START, -1.0, engines=("sun",)), "horizon_h"),
        (lambda: Scenario("x", START, math.nan, engines=("sun",)), "horizon_h"),
        (lambda: Scenario("x", START, math.inf, engines=("sun",)), "horizon_h"),
        (lambda: Scenario("x", START, 1.0, engines=("supply",), events=(fire(-10, 10),)), r"events, Fire\.start"),
        (lambda: Scenario("x", START, 1.0, engines=("supply",), events=(fire(70, 80),)), r"events, Fire\.start"),
        (lambda: fire(20, 10), r"Fire\.end"),
        (lambda: fire(5, 10, flow_m3s=-1.0), r"Fire\.flow_m3s: -1"),
        (lambda: fire(5, 10, flow_m3s=math.nan), r"Fire\.flow_m3s: nan"),
        (lambda: Scenario("x", START, 1.0, engines=("sun",), events=("fire",)), "a str"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_where_it_is_made(make, words):
    with pytest.raises(TwinError, match=words):
        make()


def test_what_is_no_scenario_step_or_reality_is_refused_by_its_name(twin):
    scenario = Scenario("x", START, 1.0, engines=("sun",))
    for call, words in (
        (lambda: twin.session("storm"), "session, scenario: 'storm', a str. A Scenario"),
        (lambda: twin.session(scenario, step_s="300"), "session, step_s: '300'"),
        (lambda: twin.session(scenario, step_s=-300), "step_s: -300 s"),
        (lambda: twin.session(scenario, reality={"rain_factor": 2}), "A Reality"),
        (lambda: twin.session(scenario, wiring="wiring.toml"), "A Wiring"),
        (lambda: twin.session(Scenario("x", START, 1.0, engines=("suply",))), "Did you mean 'supply'"),
        (lambda: twin.ensemble(["storm"]), "scenario 1: 'storm'"),
        (lambda: twin.ensemble([scenario], seeds=[-1]), "seed: -1"),
        (lambda: twin.ensemble([scenario], jobs="2"), "ensemble, jobs: '2'"),
        (lambda: twin.ensemble([scenario], reality=Reality), "A Reality"),
    ):
        with pytest.raises(TwinError, match=words):
            call()
