"""Commands: what a device can't do is refused, what the drains hear acts, the rest is logged."""

import pandas as pd
import pytest

from twin_sandbox import TwinError
from twin_sandbox.things.actions import ACTIONS
from twin_sandbox.things.commands import APPLIED, UNHEARD, WAITING, Command, CommandLog, check

NOW = "2026-07-18T18:00+08:00"


@pytest.fixture(scope="module")
def device(twin):
    """Gives the code of a device of a kind and a state."""
    devices = twin.entities["devices"]

    def one(kind, state="in service"):
        return devices.index[(devices["kind"] == kind) & (devices["state"] == state)][0]

    return one


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_action_takes_both_ends_of_its_range_and_nothing_beyond(twin, device, kind):
    for action in ACTIONS[kind]:
        code = device(kind)
        for value in (action.low, action.high):
            check(twin.district, Command(code, action.name, value, NOW))
        for value in (action.low - action.step, action.high + action.step, action.low + action.step / 2):
            with pytest.raises(TwinError, match="A number from"):
                check(twin.district, Command(code, action.name, value, NOW))


@pytest.mark.parametrize("value", ["0.5", None, True, float("nan"), [0.5]])
def test_what_is_no_number_is_refused(twin, device, value):
    with pytest.raises(TwinError, match="A number from 0 to 1 in steps of 0"):
        check(twin.district, Command(device("pump_status"), "set_speed", value, NOW))


def test_refusals_say_what_is_allowed(twin, device):
    with pytest.raises(TwinError, match="no such device"):
        check(twin.district, Command("SB010000FDV00000", "set_speed", 1.0, NOW))
    with pytest.raises(TwinError, match="only measures"):
        check(twin.district, Command(device("rain_gauge"), "set_speed", 1.0, NOW))
    with pytest.raises(TwinError, match="One of: pan, tilt"):
        check(twin.district, Command(device("traffic_camera"), "shoot", 1.0, NOW))
    with pytest.raises(TwinError, match="time zone"):
        check(twin.district, Command(device("pump_status"), "set_speed", 1.0, "2026-07-18T18:00"))


def test_a_device_out_of_service_takes_no_command(twin):
    devices = twin.entities["devices"]
    idle = devices[devices["kind"].isin(ACTIONS) & (devices["state"] != "in service")]
    assert len(idle) > 0
    for code, row in idle.iterrows():
        action = ACTIONS[row["kind"]][0]
        with pytest.raises(TwinError, match=row["state"]):
            check(twin.district, Command(code, action.name, action.low, NOW))


def test_a_pump_obeys_from_the_moment_of_its_command(twin, night, device):
    log = CommandLog(twin.district)
    with twin.session(night(10)) as session:
        begin = session.time
        pump = device("pump_status")
        assert log.send(Command(pump, "set_speed", 1.0, begin + pd.Timedelta(minutes=10))) == WAITING
        seen = []
        for _ in range(4):
            session.step(log.due(session.time))
            seen.append(session.measurements()["pump_1"])
    assert seen == [0.0, 0.0, 1.0, 1.0]
    assert log.table()["status"].tolist() == [APPLIED]
    assert log.due(begin + pd.Timedelta(hours=1)) == {}


def test_the_last_command_that_is_due_counts(twin, device):
    log = CommandLog(twin.district)
    gate, begin = device("gate_actuator"), pd.Timestamp(NOW)
    log.send(Command(gate, "set_opening", 0.0, begin + pd.Timedelta(minutes=2)))
    log.send(Command(gate, "set_opening", 1.0, begin))
    assert log.due(begin) == {"gate_1": 1.0}
    assert log.due(begin + pd.Timedelta(minutes=5)) == {"gate_1": 0.0}


def test_what_no_engine_hears_is_logged_and_said_so(twin, device):
    log = CommandLog(twin.district)
    assert log.send(Command(device("lamp_controller"), "set_dimming", 40.0, NOW)) == UNHEARD
    with pytest.raises(TwinError):
        log.send(Command(device("lamp_controller"), "set_dimming", 400.0, NOW))
    assert log.table()[["kind", "value", "status"]].to_numpy().tolist() == [["lamp_controller", 40.0, UNHEARD]]
    assert log.due("2030-01-01T00:00Z") == {}
