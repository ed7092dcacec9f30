"""The control room of the drains tells the same, by the same names, whichever engines run."""

from dataclasses import replace

import pandas as pd
import pytest

from twin_sandbox.world.control_room import FORECAST_MIN, ControlRoom, Seen
from twin_sandbox.world.reality import Reality


def alone(twin, scenario):
    return twin.session(scenario)


def coupled(twin, scenario):
    return twin.session(replace(scenario, engines=("drainage", "power")))


def early(seen):
    """Pumps before the rain, as a student may write it: by plain names alone."""
    on = float(seen["sump_m"] > -9.0 and seen["forecast_rain_mm"] + seen["rain_mm_h"] < 200.0)
    return dict.fromkeys(("pump_1", "pump_2", "pump_3"), on) | {"gate_1": float(seen["tide_m"] < seen["level_01_m"])}


@pytest.mark.parametrize("open_run", [alone, coupled])
def test_one_controller_works_with_the_drains_alone_and_beside_other_engines(twin, night, open_run):
    with open_run(twin, night(10, horizon_h=1.5)) as run:
        assert run.names == ("pump_1", "pump_2", "pump_3", "gate_1")
        before = run.measurements()["sump_m"]
        for _ in range(2):
            run.step(early(run.measurements()))
        seen = run.measurements()
    assert (seen["time"], seen["minutes"]) == ("2026-07-18T18:10:00+08:00", 10.0)
    assert (seen["pump_1"], seen["pump_3"], seen["gate_1"]) == (1.0, 1.0, 0.0)
    assert seen["pump_1_m3s"] > 0.5
    assert seen["sump_m"] < before
    assert seen["level_01_m"] == seen["sump_m"]


def test_both_tell_the_same_names_as_plain_floats(twin, night):
    told = []
    for open_run in (alone, coupled):
        with open_run(twin, night(10, horizon_h=1.5)) as run:
            run.step()
            told.append({name: value for name, value in run.measurements().items() if "." not in name})
    assert list(told[0]) == list(told[1])
    assert all(type(value) is float for seen in told for name, value in seen.items() if name != "time")
    outside = [name for name in told[0] if name.startswith(("rain", "tide", "forecast"))]
    assert len(outside) == 4
    assert [told[0][name] for name in outside] == [told[1][name] for name in outside]


def test_rain_is_the_mean_of_the_past_step_and_the_forecast_the_next_hours(twin, night):
    """By hand from the storm's table: what fell from 19:30 to 19:35, a fifth more in reality, × 12 an hour."""
    scenario = night(10)
    room = ControlRoom(twin.district, scenario, Reality(rain_factor=1.2), 300)
    nothing = dict.fromkeys([*twin.entities["storages"].index, *twin.entities["junctions"].index], 0.5)
    dry = dict.fromkeys(twin.entities["low_areas"].index, 0.25)
    told = room.tells(95 * 60.0, Seen(nothing, {"pump_1": 1.5}, {"pump_1": 0.75}, dry))
    at = [scenario.start + pd.Timedelta(minutes=minutes) for minutes in (90, 95, 95 + FORECAST_MIN)]
    rain = scenario.rain_mm_h() * (scenario.report_step_s / 3600.0)  # mm since the moment before
    fell = [rain[(rain.index > a) & (rain.index <= b)].sum() for a, b in ((at[0], at[1]), (at[1], at[2]))]
    assert told["rain_mm_h"] == pytest.approx(1.2 * 12 * fell[0], rel=0.02)
    assert told["forecast_rain_mm"] == pytest.approx(fell[1], rel=0.02)
    assert (told["sump_m"], told["depth_01_m"], told["pump_1_m3s"], told["pump_1"]) == (0.5, 0.25, 1.5, 0.75)
    assert told["forecast_tide_m"] == scenario.tide.level_m(at[2])[0]


def test_without_drains_there_is_no_control_room(twin, night):
    with twin.session(night(10, horizon_h=1.5, engines=("people",))) as run:
        assert run.names == ()
        assert "sump_m" not in run.measurements()
