"""Runs of several engines that stop at each control step, with engines that can be followed by hand (toy_engines)."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.twin_sandbox.toy_engines import Spring, Tanks
from twin_sandbox import Scenario
from twin_sandbox.errors import TwinError
from twin_sandbox.world.result import RunFailedError
from twin_sandbox.world.session import Session, state_hash
from twin_sandbox.world.wiring import Wire, Wiring

WIRING = Wiring((Wire("spring", "flow", "tanks", "inflow"),))


@pytest.fixture
def scenario():
    return Scenario("toy", pd.Timestamp("2026-07-18 08:00+08:00"), 0.5, report_step_s=60, engines=("spring", "tanks"))


def session(scenario, limit_m3=math.inf, step_s=300):
    engines = {"spring": Spring(), "tanks": Tanks(limit_m3=limit_m3)}
    return Session(None, scenario, step_s=step_s, wiring=WIRING, engines=engines)


def test_a_session_stops_at_each_step_and_shows_every_quantity_by_code(scenario):
    with session(scenario) as run:
        run.step()
        assert run.time == pd.Timestamp("2026-07-18 08:05+08:00")
        assert run.see("tanks.volume").to_dict() == pytest.approx({"B": 54.0, "C": 0.0})
        assert run.measurements()["spring.flow"] == pytest.approx({"A": 300.0, "B": 300.0})
        assert run.sets["spring.share"] == "how far each mouth is open [1]"
        with pytest.raises(TwinError, match=r"no quantity .tanks\.level"):
            run.see("tanks.level")


def test_commands_hold_until_given_back(scenario):
    with session(scenario, step_s=60) as run:
        run.step({"spring.share": {"B": 0.0}})
        run.step()
        run.step({"spring.share": {"B": math.nan}})
        flows = run.result()["spring.flow"]["B"]
    assert flows.iloc[:4].tolist() == pytest.approx([0.0, 0.0, 0.0, 180.0])
    assert run.result().log == (
        {"time_s": 0, "settings": {"spring.share": {"B": 0.0}}},
        {"time_s": 120, "settings": {"spring.share": {"B": pytest.approx(math.nan, nan_ok=True)}}},
    )


def test_a_result_tells_every_quantity_with_its_unit_and_the_balances(scenario):
    with session(scenario) as run:
        result = run.result()
    assert result.quantities == ("spring.flow", "tanks.volume", "tanks.full")
    assert result.unit("spring.flow") == "L/s"
    assert result["tanks.volume"].shape == (31, 2)
    assert result.at("tanks.volume", "2026-07-18 08:05+08:00")["B"] == pytest.approx(54.0)
    assert result.balances["tanks"]["stored_m3"] == pytest.approx(3.6 * 30 * 31 / 2)
    with pytest.raises(TwinError, match="From 2026"):
        result.at("tanks.volume", "2026-07-18 09:00+08:00")


def test_a_failure_ends_the_run_and_keeps_what_was_found(scenario):
    with session(scenario, limit_m3=30.0) as run:
        with pytest.raises(RunFailedError, match=r"tanks: 36 m³.*What was found until 2026-07-18 08:03") as caught:
            run.result()
        kept = caught.value.result
        assert kept["tanks.volume"]["B"].tolist() == pytest.approx([0, 3.6, 10.8, 21.6])
        assert kept.failed is not None
        assert run.done
        assert run.result() is kept
        with pytest.raises(TwinError, match="the run is over"):
            run.step()


def test_the_log_replayed_gives_the_same_state(scenario):
    with session(scenario) as run:
        run.step({"spring.share": {"B": 0.5}})
        run.step({"tanks.inflow": {"C": 0.1}})
        before, log = state_hash(run.clock), run.log
    with session(scenario) as again:
        again.replay(log, 600)
        assert state_hash(again.clock) == before
        assert again.result().log == tuple(log)
    with session(scenario) as other:
        other.replay([], 600)
        assert state_hash(other.clock) != before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"spring.shares": {"B": 1.0}}, "'spring.shares' cannot be set"),
        ({"pump_1": 1.0}, "'pump_1' cannot be set"),
        ({"spring.share": {"Z": 1.0}}, "no entity 'Z'"),
        ({"spring.share": {"B": "open"}}, "'open'"),
        ({"spring.share": {"B": math.inf}}, "inf"),
        ({"spring.share": {"B": None}}, "None"),
        ([("spring.share", 1)], "settings are a list"),
    ],
)
def test_a_command_that_means_nothing_is_refused_and_changes_nothing(scenario, settings, words):
    with session(scenario) as run:
        with pytest.raises(TwinError, match=words.replace(".", r"\.")):
            run.step(settings)
        assert run.clock.time_s == 0
        assert run.log == []


def test_a_control_step_must_fit(scenario):
    with pytest.raises(TwinError, match=r"step_s: 90 s.*A multiple of 60 s"):
        session(scenario, step_s=90)


def test_the_same_run_gives_the_same_bytes(scenario):
    blocks = []
    for _ in range(2):
        with session(scenario) as run:
            blocks.append(run.result().tracks.block)
    assert np.array_equal(*blocks)
