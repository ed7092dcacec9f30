"""The sample district's twin and a night in it, opened once for all tests of the twin."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

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
    return twin.run(night(10, horizon_h=4.0))


@pytest.fixture(scope="session")
def app_port():
    """Where the public app answers, served as ``practicum apps`` serves it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "twin_sandbox.views.apps.server", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"JUPYTER_PATH": ""},
    )
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(timeout=20)
