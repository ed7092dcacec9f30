"""The figures of the power network, and their pictures."""

import pytest

from twin_sandbox.calibration import power


@pytest.fixture(scope="module")
def figures(twin):
    return list(power.values(twin))


def test_every_figure_of_the_power_network_lies_in_its_range(figures):
    assert [f"{value.name} {value.value:g}" for value in figures if not value.ok] == []


def test_each_figure_has_a_name_of_its_own_a_unit_and_a_source(figures):
    assert len({value.name for value in figures}) == len(figures) > 40
    assert all(value.unit and value.source and value.low <= value.high for value in figures)


def test_the_pictures_show_what_they_say(twin):
    panels = {panel.get_title(): panel for panel in power.draw_day(twin).axes}
    taps = panels["Tap changers of the two feeds, together"]
    ordinary, hot = (line.get_ydata() for line in taps.get_lines())
    assert max(ordinary) == 0
    assert max(hot) >= 1
    title = power.draw_map(twin).axes[0].get_title()
    assert title.startswith("The summer peak, 19:00")
