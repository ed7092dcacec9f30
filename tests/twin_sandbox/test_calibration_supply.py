"""The figures of the supply lie in their ranges; the pictures tell what they say."""

import numpy as np
import pytest

from twin_sandbox.calibration import supply, supply_runs


def test_the_figures_of_the_supply_lie_in_their_ranges(twin):
    found = {value.name: value for value in supply.values(twin)}
    assert [f"{name} {value.value}" for name, value in found.items() if not value.ok] == []
    assert len(found) == 19
    assert all(value.source for value in found.values())


def test_a_failure_of_power_dries_the_upper_storeys_and_a_burst_main_is_cut_off_by_its_gates(twin):
    dry = supply_runs.outage(twin)
    top = dry.found["service_pressure_m"]
    assert (top[0] > 0).all()
    assert (top[47] <= 0).sum() > 30
    assert (top[-1] > 0).all()
    burst = supply_runs.burst(twin)
    inflow = burst.found["inflow_m3s"].sum(axis=1)
    assert inflow[12] - inflow[-1] > 0.05
    assert burst.found["leak_m3s"][24].max() > 0.05
    assert burst.found["leak_m3s"][26:].max() == pytest.approx(0.0, abs=1e-4)
    served = np.array([service.building for service in burst.model.services])
    assert 0 < (burst.found["delivered_m3s"][-1] <= 0).sum() < 0.1 * len(set(served))


def test_the_pictures_are_drawn(twin):
    day, failures = (draw(twin) for draw in supply.PICTURES.values())
    assert len(day.axes) == 6
    assert [len(axes.lines) for axes in failures.axes] == [3, 3, 3, 5, 5, 5]
