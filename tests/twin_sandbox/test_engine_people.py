"""People by bookkeeping: two houses, an office, three people, counted by hand."""

import dataclasses

import numpy as np
import pytest

from twin_sandbox import TwinError
from twin_sandbox.engines.people import SHELTER_L_PER_DAY, Doing, Model, People, Stays, presence

HOUSE, OFFICE, HALL = 0, 1, 2


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@pytest.fixture
def model() -> Model:
    """Two live in the house. One goes to the office at 00:10, is there at 00:20 and stays. One from outside comes too.

    minute        0        10        20        30        60
    first    house |  on the way  | office …
    second   house …
    third    outside  | on the way     | office …       (departs at 10, arrives at 30)
    """
    end = 7200
    stays = Stays(
        ints(HOUSE, OFFICE, HOUSE, -1, OFFICE),
        ints(0, 1200, 0, 0, 1800),
        ints(600, end, end, 600, end),
        np.array([True, False, True, False, False]),
    )
    doing = Doing(ints(HOUSE, OFFICE), ints(0, 1200), ints(end, end), np.array([6.0, 3.6]))
    return Model(
        buildings=("house", "office", "hall"),
        modes=("car", "walk"),
        horizon_s=3600,
        start_hour=0.0,
        people=3,
        stays=stays,
        doing=doing,
        depart_s=ints(600, 600),
        mode=ints(1, 0),
        standing_m3s=np.array([1e-6, 0.0, 0.0]),
        rate=np.full((24, 3), 2.0),
        floor_l_h=np.array([0.0, 1.8, 0.0]),
        water_factor=np.ones(2),
        ordinary=np.tile([2.0, 2.0, 0.0], (1440, 1)),
        shelter=ints(HALL, HALL, HALL),
    )


def at(model: Model, minute: int, **inputs):
    people = People(model)
    first = people.start()
    values = {name: np.array(value) for name, value in inputs.items()}
    return (people.step(minute * 60.0, values) if minute else first).found


@pytest.mark.parametrize(
    ("minute", "occupants", "whereabouts"),
    [
        (0, [2, 0, 0], [2, 0, 0, 1]),
        (9, [2, 0, 0], [2, 0, 0, 1]),
        (10, [1, 0, 0], [1, 0, 2, 0]),
        (20, [1, 1, 0], [1, 1, 1, 0]),
        (30, [1, 2, 0], [1, 2, 0, 0]),
    ],
)
def test_everyone_is_somewhere_at_each_minute(model, minute, occupants, whereabouts):
    found = at(model, minute)
    assert found["occupants"].tolist() == occupants
    assert found["whereabouts"].tolist() == whereabouts
    assert sum(whereabouts) == 3


def test_water_follows_what_is_done(model):
    """House: 1e-6 + 2 · 6 L/h = 1e-6 + 12/3.6e6 m³/s. Office from minute 20 on: 2 · (3.6 + 1.8) L/h = 3e-6 m³/s."""
    assert at(model, 20)["water_m3s"] == pytest.approx([1e-6 + 12 / 3.6e6, 3e-6, 0.0])
    assert at(model, 19)["water_m3s"] == pytest.approx([1e-6 + 12 / 3.6e6, 1e-6, 0.0])


def test_rates_change_evenly_from_half_past_to_half_past(model):
    """Rates 1 at 00:30 and 3 at 01:30: at 01:00 it is 2, as in the fixture; at 00:30 it is 1."""
    rate = np.ones((24, 3))
    rate[1] = 3.0
    changing = dataclasses.replace(model, rate=rate, standing_m3s=np.zeros(3))
    assert at(changing, 60)["water_m3s"][HOUSE] == pytest.approx(12 / 3.6e6)
    assert at(changing, 30)["water_m3s"][HOUSE] == pytest.approx(6 / 3.6e6)


def test_heat_multiplies_all_water(model):
    hot = dataclasses.replace(model, water_factor=np.array([1.0, 1.2]))
    assert at(hot, 60)["water_m3s"] == pytest.approx(1.2 * at(model, 60)["water_m3s"])
    assert at(hot, 59)["water_m3s"] == pytest.approx(at(model, 59)["water_m3s"])


def test_activity_is_that_of_an_ordinary_day_where_as_many_are_there(model):
    """House with 1 of usually 2, and a standing part of 1 + 0.5 · 2 = 2 people: (1 + 2) / (2 + 2)."""
    assert at(model, 0)["activity_factor"][HOUSE] == 1.0
    assert at(model, 30)["activity_factor"] == pytest.approx([0.75, 1.0, 1.0])


def test_trips_are_told_once(model):
    people = People(model)
    people.start()
    assert people.step(540.0, {}).found["departed"].tolist() == [0.0, 0.0]
    assert people.step(660.0, {}).found["departed"].tolist() == [1.0, 1.0]
    assert people.step(3600.0, {}).found["departed"].tolist() == [0.0, 0.0]
    assert people.finish().balances["trips"] == 2.0


def test_the_evacuated_sit_in_the_shelter_and_nobody_is_lost(model):
    found = at(model, 30, evacuated=[1.0, 0.5, np.nan])
    assert found["occupants"].tolist() == [0.0, 1.0, 2.0]
    assert found["whereabouts"].tolist() == [0.0, 3.0, 0.0, 0.0]
    assert found["water_m3s"][HOUSE] == 0.0
    assert found["water_m3s"][HALL] == pytest.approx(2 * SHELTER_L_PER_DAY / 1000 / 86400)


def test_presence_counts_from_the_first_whole_minute_of_a_span_to_before_its_end():
    counted = presence(ints(0, 0, 5), ints(-30, 61, 0), ints(60, 180, 999), np.ones(3), 1, 4)
    assert counted[:, 0].tolist() == [1, 0, 1, 0]


def test_steps_of_any_length_find_the_same(model):
    fine, coarse = People(model), People(model)
    fine.start(), coarse.start()
    for second in range(60, 3600, 60):
        fine.step(float(second), {})
    last, whole = fine.step(3600.0, {}), coarse.step(3600.0, {})
    for name in ("occupants", "water_m3s", "whereabouts"):
        assert last.found[name].tolist() == whole.found[name].tolist()
    assert fine.finish().balances["water_m3"] == pytest.approx(coarse.finish().balances["water_m3"])


@pytest.mark.parametrize("until", [0.0, 30.0, 7200.0, -60.0, float("nan")])
def test_a_time_that_is_not_ahead_is_refused(model, until):
    people = People(model)
    people.start()
    with pytest.raises(TwinError, match="Whole minutes"):
        people.step(until, {})


@pytest.mark.parametrize("share", [[-0.1, 0, 0], [0, 0, 2.0], [0.0]])
def test_a_share_that_cannot_be_is_refused(model, share):
    with pytest.raises(TwinError, match="evacuated"):
        at(model, 10, evacuated=share)


def test_a_run_of_half_minutes_is_refused(model):
    with pytest.raises(TwinError, match="horizon_s"):
        People(dataclasses.replace(model, horizon_s=90))
