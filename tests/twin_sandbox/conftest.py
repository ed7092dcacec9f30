"""The sample district's twin and a night in it, opened once for all tests of the twin."""

import pandas as pd
import pytest

import twin_sandbox
from twin_sandbox import Scenario, Storm, Tide


@pytest.fixture(scope="session")
def twin():
    return twin_sandbox.open_district()


@pytest.fixture(scope="session")
def night():
    """Makes a scenario: a two-hour storm whose peak meets high water, in a night of six hours."""

    def make(return_period_a: float = 10, *, range_m: float = 2.8, surge_m: float = 0.0, **changes) -> Scenario:
        start = pd.Timestamp("2026-07-18 18:00+08:00")
        begins = start + pd.Timedelta(hours=1)
        tide = Tide(0.0, range_m, begins + pd.Timedelta(minutes=49), surge_m)
        given = {"start": start, "horizon_h": 6.0, "storm": Storm.chicago(return_period_a), "storm_start": begins}
        return Scenario("night", **{**given, "tide": tide, **changes})

    return make


@pytest.fixture(scope="session")
def ten_year_night(twin, night):
    return twin.run(night(10))
