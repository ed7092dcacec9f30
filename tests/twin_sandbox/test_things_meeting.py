"""Devices in a run of several engines: what they measure of it, and what their commands set."""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Scenario
from twin_sandbox.things.commands import APPLIED, UNHEARD, Command, CommandLog
from twin_sandbox.things.faults import Noise
from twin_sandbox.things.meeting import COMMANDED, MEASURED, MPA_PER_M, measured

START = pd.Timestamp("2026-01-14T06:00+08:00")


@pytest.fixture(scope="module")
def morning(twin):
    """Six hours of a winter morning, with water, power and heat."""
    return twin.run(Scenario("morning", START, 6.0, engines=("supply", "power", "buildings", "heat")))


def host(twin, kind):
    return twin.things[twin.things["kind"] == kind].iloc[0]["host"]


def test_a_device_measures_what_its_engine_found_in_its_own_unit(twin, morning):
    junction = host(twin, "water_pressure")
    pressure = measured(twin.district, morning, "water_pressure", "water pressure", junction)
    assert np.allclose(pressure, morning["supply.pressure_m"][junction] * MPA_PER_M)
    assert 0.2 < pressure.mean() < 0.5
    transformer = host(twin, "transformer_monitor")
    volts = measured(twin.district, morning, "transformer_monitor", "voltage", transformer)
    assert 207.0 < volts.min() < volts.max() < 245.0


def test_heat_meters_balance_flow_and_temperatures(twin, morning):
    """Q = m c (T_supply − T_return), and all that a substation takes goes to its buildings."""
    station = host(twin, "heat_meter")
    power = measured(twin.district, morning, "heat_meter", "heat power", station)
    services = twin.entities["heat_services"]
    fed = services.loc[services["substation_code"] == station, "building_code"]
    given = morning["heat.heat_supplied_kw"][list(fed)].sum(axis=1)
    assert power.iloc[12:].mean() == pytest.approx(given.iloc[12:].mean(), rel=0.05)


def test_counters_add_up_their_rate(twin, morning):
    building = host(twin, "electricity_meter")
    rate = measured(twin.district, morning, "electricity_meter", "electric power", building)
    energy = measured(twin.district, morning, "electricity_meter", "electric energy", building)
    assert energy.iloc[0] == 0.0
    assert energy.iloc[-1] == pytest.approx(rate.iloc[:-1].sum() / 12.0)


def test_weather_stations_feel_the_scenarios_weather(twin, morning):
    air = measured(twin.district, morning, "weather_station", "air temperature", host(twin, "weather_station"))
    assert np.allclose(air, morning.scenario.weather_or_ordinary().at(morning.times)["temperature_c"])


def test_what_no_engine_of_the_run_carries_is_not_reported(twin, morning):
    assert measured(twin.district, morning, "level_sensor", "water level", host(twin, "level_sensor")) is None
    assert measured(twin.district, morning, "bin_level", "bin fill level", host(twin, "bin_level")) is None


def test_observations_come_with_noise_and_resolution(twin, morning):
    table = twin.observe(morning, np.random.default_rng(4), [Noise("pressure-01", 0.01)])
    ledger = twin.things
    kinds = set(ledger.loc[table["datastream"].unique(), "kind"])
    assert {"water_pressure", "electricity_meter", "heat_meter", "weather_station", "pv_inverter"} <= kinds
    assert not kinds & {"level_sensor", "traffic_camera"}
    one = table[table["datastream"] == "pressure-01"]["value"]
    steps = one / ledger["resolution"]["pressure-01"]
    assert np.allclose(steps, steps.round())


def test_every_meeting_is_of_a_device_that_exists(twin):
    there = set(twin.things[["kind", "quantity"]].itertuples(index=False, name=None))
    assert set(MEASURED) <= there
    assert {kind for kind, _ in COMMANDED} <= {kind for kind, _ in there}


def test_a_command_to_a_valve_acts_at_the_next_step_of_a_run_that_has_the_supply(twin):
    devices = twin.entities["devices"]
    valve = devices[(devices["kind"] == "valve_actuator") & (devices["state"] == "in service")].iloc[0]
    log = CommandLog(twin.district)
    log.send(Command(valve.name, "set_opening", 0.0, START))
    pipe = twin.entities["water_valves"]["pipe_code"][valve["host"]]
    with twin.session(Scenario("morning", START, 0.5, engines=("supply",))) as session:
        session.step()
        before = abs(session.see("supply.flow_m3s")[pipe])
        settings = log.due(session.time, session.sets)
        assert settings == {"supply.valve_open": {valve["host"]: 0.0}}
        session.step(settings)
        assert before > 1e-5
        assert abs(session.see("supply.flow_m3s")[pipe]) < 1e-6
    assert log.table()["status"].tolist() == [APPLIED]


def test_without_the_engine_a_command_stays_unheard(twin):
    devices = twin.entities["devices"]
    valve = devices[(devices["kind"] == "valve_actuator") & (devices["state"] == "in service")].index[0]
    log = CommandLog(twin.district)
    log.send(Command(valve, "set_opening", 50.0, START))
    assert log.due(START) == {}
    assert log.table()["status"].tolist() == [UNHEARD]
