"""The parts that people are made of, on towns small enough to be reckoned by hand."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString

from twin_sandbox.generate.layers.people_days import MODES, STOPS, Tours, Travellers, choose_modes, travel
from twin_sandbox.generate.layers.people_homes import settle
from twin_sandbox.generate.layers.people_ways import inside, measure


def box(x_m: float, y_m: float) -> shapely.Geometry:
    return shapely.box(x_m - 5, y_m - 5, x_m + 5, y_m + 5)


def test_ways_run_along_the_streets():
    """Two streets cross at (100, 100) in a frame of 200 m.

    House A stands 10 m north of the west arm at x = 40, B 10 m east of the north arm at y = 160, C 10 m north of the
    west arm at x = 70. A to C: 10 + 30 + 10 = 50. A to B: 10 + 60 to the crossing + 60 up + 10 = 140.
    A to the west gate at x = 0: 10 + 40 = 50; to the north gate at y = 200: 10 + 60 + 100 = 170.
    """
    cross = (100.0, 100.0)
    lines = [LineString([cross, end]) for end in ((0, 100), (200, 100), (100, 200), (100, 0))]
    ways = measure([box(40, 110), box(110, 160), box(70, 110)], lines, 200.0, 200.0)
    expected = np.array([[0.0, 140.0, 50.0], [140.0, 0.0, 110.0], [50.0, 110.0, 0.0]])
    assert ways.distance_m[:3, :3] == pytest.approx(expected)
    assert ways.distance_m[0, [ways.gate("W"), ways.gate("N"), ways.gate("E")]] == pytest.approx([50.0, 170.0, 170.0])


@given(st.lists(st.integers(0, 90), min_size=1, max_size=8).filter(lambda counts: sum(counts) > 0), st.integers(0, 99))
def test_households_share_out_the_residents_of_each_building(counts, seed):
    residents = np.array(counts)
    homes = settle(residents, np.full(len(counts), 5), 2.62, 220.0, np.random.default_rng(seed))
    assert np.array_equal(np.bincount(homes.home[homes.household], minlength=len(counts)), residents)
    assert np.array_equal(np.bincount(homes.household), homes.size)
    assert homes.size.min() >= 1
    assert homes.size.max() <= 6
    assert ((homes.storey >= 1) & (homes.storey <= 5)).all()
    assert ((homes.age >= 0) & (homes.age < 100)).all()


@given(st.integers(0, 999))
def test_points_lie_in_their_shape_even_in_a_narrow_one(seed):
    ring = box(0, 0).difference(shapely.box(-4.9, -4.9, 4.9, 4.9))
    shapes = np.array([box(50, 50), ring, shapely.box(0, 0, 30, 0.05)] * 5, dtype=object)
    x_m, y_m = inside(shapes, np.random.default_rng(seed))
    assert shapely.intersects_xy(shapes, x_m, y_m).all()


def one_day(stay_s: float, start_s: float) -> Tours:
    place, stay = np.full((1, STOPS), -1), np.zeros((1, STOPS))
    place[0, 0], stay[0, 0] = 1, stay_s
    purpose = np.full((1, STOPS), "work", dtype="U8")
    return Tours(np.array([0]), np.array([start_s]), place, stay, purpose)


@pytest.fixture
def person():
    yes = np.array([True])
    return Travellers(np.array([0]), np.array([2000.0]), yes, yes, yes, yes)


WAYS_M = np.array([[0, 660, 500, 500, 500], [660, 0, 500, 500, 500], *[[500, 500, 0, 0, 0]] * 3], float)


def test_a_day_by_hand(person):
    """660 m on foot at 1.1 m/s are 600 s: there at 8:10, eight hours of stay, back at 16:20."""
    trips = travel([one_day(8 * 3600, 8 * 3600)], person, WAYS_M, [np.array([0])])
    assert trips.depart_s.tolist() == [28800, 28800 + 600 + 28800]
    assert trips.duration_s.tolist() == [600, 600]
    assert trips.origin.tolist() == [0, 1]
    assert trips.destination.tolist() == [1, 0]
    assert trips.purpose.tolist() == ["work", "home"]


def test_a_second_tour_waits_for_the_first_and_one_past_midnight_is_not_made(person):
    first, second = one_day(3600, 8 * 3600), one_day(3600, 8 * 3600)
    late = one_day(3600, 23.5 * 3600)
    mode = np.array([0])
    trips = travel([first, second, late], person, WAYS_M, [mode, mode, mode])
    back = 8 * 3600 + 600 + 3600 + 600
    assert trips.depart_s.tolist() == [28800, 28800 + 4200, back + 300, back + 300 + 4200]


def test_the_shares_of_modes_are_those_of_the_survey():
    count = 4000
    chance = np.random.default_rng(3)
    distance = np.full((6, 6), 1500.0)
    np.fill_diagonal(distance, 0.0)
    place, stay = np.full((count, STOPS), -1), np.full((count, STOPS), 3600.0)
    place[:, 0] = chance.integers(1, 6, count)
    tours = Tours(np.arange(count), np.full(count, 3e4), place, stay, np.full((count, STOPS), "work", dtype="U8"))
    cars = chance.random(count) < 0.5
    people = Travellers(
        np.zeros(count, int), chance.uniform(500, 9000, count), cars, cars, np.ones(count, bool), np.ones(count, bool)
    )
    shares = {"walk": 0.2, "e_bike": 0.4, "car": 0.3, "transit": 0.1}
    (modes,) = choose_modes([tours], people, distance, shares, chance)
    found = np.bincount(modes, minlength=4) / count
    assert found == pytest.approx([shares[mode] for mode in MODES], abs=0.01)
