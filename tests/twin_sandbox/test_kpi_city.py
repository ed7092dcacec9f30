"""Key figures of coupled runs, from tables small enough to be added up by hand: three moments, half an hour apart."""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Scenario, Tide, kpi
from twin_sandbox.engines.protocol import Port
from twin_sandbox.world.reality import AS_DESIGNED
from twin_sandbox.world.result import Result
from twin_sandbox.world.tracks import Tracks

HALF_HOURS = pd.Timestamp("2026-07-18 08:00+08:00")


def result(district=None, **quantities):
    """Each quantity: codes → values at three moments."""
    ports, found = {}, [{}, {}, {}]
    for name, table in quantities.items():
        engine, quantity = name.split("__")
        ports.setdefault(engine, {})[quantity] = Port(tuple(table), "", "")
        for moment in range(3):
            found[moment].setdefault(engine, {})[quantity] = np.array([values[moment] for values in table.values()])
    tracks = Tracks(ports, 3)
    for moment in found:
        tracks.keep(moment)
    tide = Tide(0.0, 2.8, HALF_HOURS)
    scenario = Scenario("by hand", HALF_HOURS, 1.0, tide=tide, report_step_s=1800, engines=tuple(ports))
    return Result(district, scenario, AS_DESIGNED, tracks, {})


def value(name, district=None, **quantities):
    return kpi.told(result(district, **quantities))[name]["value"]


def test_a_state_holds_until_the_next_moment():
    dark = value("customer_hours_without_power", power__energised={"A": [1, 0, 0], "B": [0, 0, 1]})
    assert dark == pytest.approx(0.5 + 1.0)  # A from 8:30 to 9:00, B from 8:00 to 9:00; the last moment ends the run


def test_energy_is_power_times_time_and_peak_is_of_all_together():
    served = {"A": [10, 30, 0], "B": [20, 20, 90]}
    assert value("energy_served_kwh", power__served_kw=served) == pytest.approx(40.0)
    assert value("peak_load_kw", power__served_kw=served) == pytest.approx(90.0)


def test_a_bus_without_voltage_is_not_the_lowest():
    assert value("lowest_voltage_pu", power__voltage_pu={"A": [1.0, 0.0, 0.97]}) == pytest.approx(0.97, rel=1e-6)


def test_water_on_streets_counts_above_what_a_lane_can_bear():
    depths = {"A": [0.0, 0.16, 0.4], "B": [0.1, 0.14, 0.0]}
    assert value("flooded_street_hours", drainage__street_depth_m=depths) == pytest.approx(0.5)
    assert value("deepest_street_m", drainage__street_depth_m=depths) == pytest.approx(0.4)


def test_speed_is_that_of_vehicles_not_of_streets():
    mean = value(
        "mean_speed_kmh",
        traffic__vehicles={"A": [1, 1, 0], "B": [3, 0, 0]},
        traffic__speed_kmh={"A": [40, 20, 9], "B": [20, 99, 9]},
    )
    assert mean == pytest.approx((40 + 60 + 20) / 5)


def test_residents_are_those_of_the_building(twin):
    residents = twin.district.entities["buildings"]["residents"]
    home = residents.idxmax()
    short = value("resident_hours_without_water", twin.district, supply__service_pressure_m={home: [12.0, -1.0, 5.0]})
    assert short == pytest.approx(residents[home] * 0.5)
    cold = value("resident_hours_too_cold", twin.district, buildings__indoor_c={home: [17.9, 18.1, 30.0]})
    assert cold == pytest.approx(residents[home] * 0.5)
    hot = value("resident_hours_too_hot", twin.district, buildings__stay_c={home: [28.1, 26.0, 30.0]})
    assert hot == pytest.approx(residents[home] * 0.5)


def test_only_what_was_run_is_told_and_each_figure_has_its_words():
    told = kpi.told(result(power__energised={"A": [1, 1, 1]}))
    assert list(told) == ["customer_hours_without_power"]
    for name, figure in kpi.KPIS.items():
        assert figure.definition.endswith("."), name
        assert figure.unit, name
