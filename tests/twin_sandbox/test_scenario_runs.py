"""A sample scenario through the real engines: what its file says happens there."""

from dataclasses import replace

import pandas as pd
import pytest

from twin_sandbox.data import data_folder
from twin_sandbox.world.scenario_file import read_scenario

SAMPLES = data_folder("datasets") / "gulls_quay" / "scenarios"


@pytest.fixture(scope="module")
def evening(twin):
    """The first hour and a quarter: a main bursts at 17:30, its street is shut at 17:40, in the evening's traffic."""
    scenario = read_scenario(SAMPLES / "main_break_and_fire.yaml", twin.district)
    short = replace(scenario, engines=("people", "supply", "traffic"), horizon_h=1.25, events=scenario.events[:2])
    return twin.run(short)


def test_the_burst_main_leaks_from_its_moment_on(evening):
    """C √head with C = 0.02 m³/s/m^0.5: some 20 to 40 m of head let out 90 to 126 L/s."""
    (pipe,) = evening.scenario.events[0].codes
    leak = evening["supply.leak_m3s"][pipe]
    burst = pd.Timestamp("2026-07-15 17:30+08:00")
    assert (leak[leak.index <= burst] < 0.001).all()
    assert leak[leak.index > burst].between(0.05, 0.15).all()


def test_a_street_is_shut_among_vehicles_that_queue_for_it(evening):
    """Who was about to turn into the street looks for another way: within ten minutes nobody drives there."""
    (street,) = evening.scenario.events[1].codes
    driven = evening["traffic.flow_vehicles_h"][street]
    shut = evening.scenario.events[1].start
    assert driven[driven.index <= shut].iloc[1:].mean() > 100.0
    assert driven[driven.index > shut + pd.Timedelta("10min")].max() < 10.0
    assert evening.failed is None
