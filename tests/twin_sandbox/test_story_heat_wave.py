"""Heat wave → cooling and water demand → transformer load and voltage → tap changers; load moves with the price.

08:00  37 °C to come; cooling draws 2.3 MW and rises (an ordinary day in August: below 0.5 MW all day)
09:30  voltages sag, a feed's tap changer steps up; at 11:00 the other follows (none on an ordinary day)
10:00  the dear hours begin: with prices by the hour 0.8 MW wait; at noon they are made up for
19:00  peak of 12.7 MW at one price (ordinary day: 7.8 MW at 20:00); with prices by the hour 11.5 MW then,
       and the peak, 12.3 MW, moves to noon
22:00  what waited runs at once: 10.8 MW where there had been 9.3
water: 10 % more over the day
"""

import numpy as np
import pytest

from twin_sandbox.views.stories import lowest_volt, play, taps
from twin_sandbox.world.policies import Policies


@pytest.fixture(scope="module")
def ordinary(twin):
    return play(twin, "story_heat_wave", weather=None, policies=Policies())


@pytest.fixture(scope="module")
def flat(twin):
    return play(twin, "story_heat_wave", policies=Policies())


@pytest.fixture(scope="module")
def tariff(twin):
    return play(twin, "story_heat_wave")


def load_kw(result):
    return result["power.served_kw"].sum(axis=1)


def test_heat_raises_cooling_then_load_then_every_transformer(ordinary, flat):
    cooling = [run["buildings.cooling_kw"].sum(axis=1) for run in (ordinary, flat)]
    assert cooling[0].max() < 1_000
    assert cooling[1].max() > 4_000
    more = load_kw(flat) - load_kw(ordinary)
    # by network and time of day, the load rises by the cooling, less what the profile's ordinary day holds of it
    assert np.corrcoef(more.iloc[4:], (cooling[1] - cooling[0]).iloc[4:])[0, 1] > 0.9
    assert more.max() == pytest.approx((cooling[1] - cooling[0]).max(), rel=0.2)
    loaded = [run["power.transformer_load"].max() for run in (ordinary, flat)]
    assert (loaded[1] > loaded[0]).mean() > 0.95
    assert 0.75 < loaded[1].max() < 1.1


def test_people_drink_and_wash_more_in_the_heat(ordinary, flat):
    delivered = [run["supply.delivered_m3s"].iloc[1:].to_numpy().sum() for run in (ordinary, flat)]
    assert 1.05 < delivered[1] / delivered[0] < 1.3


def test_voltages_sag_and_tap_changers_answer(ordinary, flat):
    assert (taps(ordinary) == 0.0).all()
    assert taps(flat).iloc[0] == 0.0
    assert taps(flat).max() >= 2.0
    for at in np.flatnonzero(taps(flat).diff() > 0.0):
        assert lowest_volt(flat).iloc[at - 1] < lowest_volt(ordinary).iloc[at - 1]
    assert lowest_volt(flat).min() < lowest_volt(ordinary).min() - 0.01
    assert lowest_volt(flat).min() > 0.9  # GB/T 12325: no more than 10 % below


def test_prices_by_the_hour_move_load_out_of_the_dear_hours_and_make_a_peak_behind_them(flat, tariff):
    hours = flat.times.hour
    dear = (hours >= 18) & (hours < 22)
    assert load_kw(flat)[dear].mean() - load_kw(tariff)[dear].mean() > 1_000
    assert load_kw(tariff).max() < 0.98 * load_kw(flat).max()
    behind = hours == 22
    assert load_kw(tariff)[behind].iloc[0] > load_kw(flat)[behind].iloc[0] + 1_000
    evening = (hours >= 19) & (hours < 22)
    assert lowest_volt(tariff)[evening].min() > lowest_volt(flat)[evening].min()


def test_without_the_wire_from_buildings_the_network_feels_no_heat(twin, flat):
    cut = play(twin, "story_heat_wave", "buildings.electric_kw", policies=Policies())
    assert load_kw(cut).max() < load_kw(flat).max() - 3_000
    assert np.array_equal(cut.tracks.array("buildings.cooling_kw"), flat.tracks.array("buildings.cooling_kw"))


def test_power_adds_up(flat, tariff):
    for run in (flat, tariff):
        assert abs(run.balances["power"]["balance_error"]) < 1e-6
