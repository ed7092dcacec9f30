"""SWMM in the city water engine: hydraulics by hand, streets apart; and a process that never hangs its caller."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from twin_sandbox.engines.drainage.city_water import CityWater, CityWaterModel, Inlets, Manholes
from twin_sandbox.engines.drainage.rules import Rule
from twin_sandbox.engines.drainage.surface import plain_grid
from twin_sandbox.engines.workers import process
from twin_sandbox.errors import TwinError

OPTIONS = """[OPTIONS]
FLOW_UNITS CMS
FLOW_ROUTING DYNWAVE
LINK_OFFSETS ELEVATION
START_DATE 07/18/2026
START_TIME 00:00:00
END_DATE 07/18/2026
END_TIME {hours:02d}:00:00
REPORT_STEP 00:05:00
ROUTING_STEP 5
VARIABLE_STEP 0
"""
TANK = "[STORAGE]\ntank 0 5 0 FUNCTIONAL 0 0 100 0 0\n"
INFLOW = '[INFLOWS]\n{node} FLOW "" FLOW 1.0 1.0 {flow}\n'
PUMP = "[PUMPS]\npump_1 tank sea curve OFF 0 0\n[CURVES]\ncurve PUMP4 0 0\ncurve 0.2 0.2\ncurve 5 0.2\n"
SEA = "[OUTFALLS]\nsea -3 FIXED -2 NO\n"


def model(text: str, nodes=("tank",), links=(), rules=None, hours: int = 1) -> CityWaterModel:
    """SWMM's part of the engine: its streets stay dry and apart."""
    minutes, none = 60 * hours, np.zeros(0, np.int64)
    return CityWaterModel(
        text=OPTIONS.format(hours=hours) + text,
        controls="",
        nodes=nodes,
        node_codes=nodes,
        links=links,
        link_codes=links,
        rules=rules or {},
        pumps_kw=dict.fromkeys(rules or {}, 1.0),
        step_s=5,
        rest_s=5,
        report_s=300,
        horizon_s=60 * minutes,
        grid=plain_grid(np.full((3, 3), 9.0), 5.0, 0.016),
        rain_share=np.zeros((3, 3)),
        inland=np.ones((3, 3), bool),
        ground_m2=0.0,
        manholes=Manholes((), none),
        inlets=Inlets(none, none, np.zeros(0), np.zeros(0)),
        streets={"RD": np.arange(9)},
        sites={},
        forcing_s=60,
        rain_mm_h=np.zeros(minutes + 1),
        sea_m=np.full(minutes + 2, -2.5),
        coupled=False,
    )


def pumped(hours: int = 1) -> CityWaterModel:
    rules = {"pump_1": Rule("pump", "tank", "sea", start_depth_m=1.0, stop_depth_m=0.4)}
    text = TANK + SEA + PUMP + INFLOW.format(node="tank", flow=0.05)
    return model(text, ("tank", "sea"), ("pump_1",), rules, hours)


def finished(wanted: CityWaterModel):
    engine = CityWater(wanted)
    try:
        engine.start()
        engine.step(wanted.horizon_s, {})
        return engine.finish()
    finally:
        engine.close()


@pytest.fixture
def running():
    engines = []

    def start(wanted: CityWaterModel) -> CityWater:
        engine = CityWater(wanted)
        engines.append(engine)
        engine.start()
        return engine

    yield start
    for engine in engines:
        engine.close()


def test_a_tank_fills_by_inflow_over_area():
    """Q = 0.05 m³/s into A = 100 m²: dh/dt = Q/A = 0.5 mm/s, so 0.9 m after 1800 s (first step lags by half of 5 s)."""
    done = finished(model(TANK + SEA + PUMP.replace(" 0.2\n", " 0\n") + INFLOW.format(node="tank", flow=0.05)))
    assert done.records.levels_m[6, 0] == pytest.approx(0.9, abs=0.002)
    assert done.balances["stored_m3"] == pytest.approx(180.0, abs=0.3)


def test_a_weir_stands_at_the_head_that_carries_the_flow():
    """Q = C L h^1.5 with C = 1.7, L = 3 m, Q = 0.5 m³/s: h = (0.5 / 5.1)^(2/3) = 0.2126 m over the crest at 1 m."""
    weir = "[WEIRS]\nsill tank sea TRANSVERSE 1.0 1.7 NO 0 0 YES\n[XSECTIONS]\nsill RECT_OPEN 3 3 0 0\n"
    text = TANK + SEA + weir + INFLOW.format(node="tank", flow=0.5)
    records = finished(model(text, links=("sill",), hours=2)).records
    assert records.levels_m[-1, 0] - 1.0 == pytest.approx(0.2126, rel=0.01)
    assert records.flows_m3s[-1, 0] == pytest.approx(0.5, rel=0.002)


def test_a_pipe_runs_half_full_at_half_its_full_flow():
    """Manning, circular: Q_full = 0.3117 D^(8/3) √S / n = 0.3117 · √0.002 / 0.013 = 1.0723 m³/s for D = 1 m.

    Half full, area and wetted perimeter both halve, the hydraulic radius and so the velocity stay: Q = 0.5361 m³/s.
    """
    text = (
        "[JUNCTIONS]\ntop 2.0 3 0 0 0\nlow 1.0 3 0 0 0\n[OUTFALLS]\nsea 0.0 NORMAL NO\n"
        "[CONDUITS]\nupper top low 500 0.013 2.0 1.0 0 0\nlower low sea 500 0.013 1.0 0.0 0 0\n"
        "[XSECTIONS]\nupper CIRCULAR 1 0 0 0 1\nlower CIRCULAR 1 0 0 0 1\n"
    )
    text += INFLOW.format(node="top", flow=0.5361)
    records = finished(model(text, ("top", "low"), ("lower",), hours=3)).records
    assert records.levels_m[-1, 1] - 1.0 == pytest.approx(0.5, rel=0.01)


def test_a_pump_starts_and_stops_at_its_levels():
    """In 0.05, out 0.2 m³/s, 100 m²: up to 1 m in 2000 s, down to 0.4 m in 60/0.15 = 400 s, up again in 60/0.05 s."""
    records = finished(pumped(hours=2)).records
    assert records.levels_m[:, 0].max() <= 1.0 + 0.05 * 5 / 100 + 0.01
    # 2000 + 400 = 2400 s, then every 1600 s: starts at 2000, 3600, 5200, 6800 s.
    assert records.starts == {"pump_1": 4}
    # Each change comes up to a routing step late, so the fourth has not quite its 400 s.
    assert records.running_s["pump_1"] == pytest.approx(4 * 400, rel=0.05)


def test_a_command_takes_a_pump_out_of_the_rules(running):
    engine = running(pumped())
    engine.step(300, {"setting": np.array([1.0])})
    engine.step(3600, {"setting": np.array([0.0])})
    records = engine.finish().records
    # Never above the start level for the rules: filled for 3300 s at 0.5 mm/s = 1.65 m, and nothing stopped it.
    assert records.levels_m[-1, 0] > 1.5
    assert records.settings[-1].tolist() == [0.0]


def test_records_are_the_same_bytes_each_time():
    first, second = finished(pumped()).records, finished(pumped()).records
    assert first.levels_m.tobytes() == second.levels_m.tobytes()
    assert first.flows_m3s.tobytes() == second.flows_m3s.tobytes()


def test_stepping_changes_nothing(running):
    engine = running(pumped())
    for until_s in range(300, 3601, 300):
        engine.step(until_s, {})
    assert engine.finish().records.levels_m.tobytes() == finished(pumped()).records.levels_m.tobytes()


def test_several_simulations_run_at_once(running):
    engines = [running(pumped()) for _ in range(3)]
    for until_s in (900, 1800):
        for engine in engines:
            engine.step(until_s, {})
    levels = [engine.step(1900, {}).found["level_m"].tolist() for engine in engines]
    assert levels[0] == levels[1] == levels[2]


def test_a_model_that_swmm_refuses_tells_its_code_and_the_object():
    with pytest.raises(TwinError, match="ERROR 209: undefined object nowhere"):
        finished(model(TANK + SEA + "[PUMPS]\npump_1 tank nowhere * ON 0 0\n"))


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSEGV])
def test_a_dead_worker_is_told_not_waited_for(running, blow):
    engine = running(pumped())
    assert engine._worker is not None
    assert engine._worker.process is not None
    engine._worker.process.popen.send_signal(blow)
    with pytest.raises(TwinError, match=blow.name):
        engine.step(300, {})
    with pytest.raises(TwinError, match="not running"):
        engine.step(600, {})


def test_a_silent_worker_is_stopped(running, monkeypatch):
    engine = running(pumped())
    assert engine._worker is not None
    assert engine._worker.process is not None
    popen = engine._worker.process.popen
    popen.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(process, "ANSWER_WITHIN_S", 0.2)
    before = time.monotonic()
    with pytest.raises(TwinError, match="no answer"):
        engine.step(300, {})
    assert time.monotonic() - before < 3.0
    assert popen.poll() is not None


def test_a_fork_may_not_step_its_parents_simulation(running):
    engine = running(pumped())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            engine.step(300, {})
        except TwinError:
            code = 0
        finally:
            # Closing in the fork must leave the parent's worker and folder alone.
            engine.close()
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert engine.step(300, {}).time_s == 300


@pytest.mark.parametrize("how", ["finish", "close", "forget"])
def test_nothing_is_left_behind(how):
    engine = CityWater(pumped())
    engine.start()
    assert engine._worker is not None
    assert engine._worker.process is not None
    folder, popen = engine._worker.process.folder, engine._worker.process.popen
    assert folder.is_dir()
    if how == "finish":
        engine.finish()
    elif how == "close":
        engine.close()
        engine.close()
    else:
        del engine
    assert not folder.exists()
    assert popen.poll() is not None


def test_swmm_prints_nothing_on_our_output(capfd):
    finished(pumped())
    assert capfd.readouterr() == ("", "")


def test_a_file_of_the_callers_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    (tmp_path / "swmm.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert np.isfinite(finished(pumped()).records.levels_m).all()
    assert Path("json.py").exists()


def test_the_workers_numbers_are_the_toolkits():
    from swmm.toolkit.shared_enum import LinkResult, NodeResult, ObjectType

    from twin_sandbox.engines.drainage import swmm as worker

    assert (ObjectType.NODE.value, ObjectType.LINK.value) == (worker.NODE, worker.LINK)
    assert (NodeResult.DEPTH.value, NodeResult.HEAD.value) == (worker.NODE_DEPTH, worker.NODE_HEAD)
    assert (LinkResult.FLOW.value, LinkResult.SETTING.value) == (worker.LINK_FLOW, worker.LINK_SETTING)
