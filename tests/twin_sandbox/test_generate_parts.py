"""The generator's parts, each against an answer found by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from shapely.geometry import LineString

from twin_sandbox.generate import sample_recipe
from twin_sandbox.generate.blocks import Building, house_people
from twin_sandbox.generate.curves import bump, spline, unevenness
from twin_sandbox.generate.low_areas import condition, extents, flood, sinks, stage_storage
from twin_sandbox.generate.recipe import read_recipe
from twin_sandbox.generate.sewers import (
    Manhole,
    Pipe,
    Sewers,
    full_flow_m3s,
    intensity_l_s_ha,
    size_pipes,
    upstream_first,
)


def test_a_spline_passes_through_its_points():
    points = np.array([[0.0, 0.0], [50.0, 10.0], [90.0, -20.0]])
    curve = spline(points, 5.0)
    assert all(np.abs(curve - point).sum(axis=1).min() < 1e-9 for point in points)
    assert len(curve) > 20


def test_a_bump_is_one_in_the_middle_and_nothing_at_its_edge():
    assert bump(np.array([0.0, 50.0, 100.0, 200.0]), 100.0).tolist() == [1.0, 0.5625, 0.0, 0.0]


def test_unevenness_is_smooth_and_bounded():
    x, y = np.meshgrid(np.arange(0, 500, 5.0), np.arange(0, 500, 5.0))
    field = unevenness(np.random.Generator(np.random.PCG64(1)), x, y, 100.0)
    assert np.abs(field).max() <= 1.0
    assert np.abs(np.diff(field, axis=0)).max() < 0.16  # 2 in value over 100 m, 1.5 times as steep in the middle


ROW = np.array([[0.0, 3.0, 1.0, 2.0, 5.0, 4.0, 9.0]])
SEA = np.array([[True, False, False, False, False, False, False]])


def test_the_hollows_of_a_row_of_cells():
    """From the sea at 0 the water must pass 3: cells 1, 2 (heights 1, 2) lie below that sill.

    Behind the 5 lies a 4, below the sill of 5; the 9 lies in no hollow.
    """
    found = flood(ROW, SEA)
    assert found.filled_m.tolist() == [[0.0, 3.0, 3.0, 3.0, 5.0, 5.0, 9.0]]
    assert [(h.cells.tolist(), h.bottom_m, h.sill_m, h.outlet) for h in found.hollows] == [
        ([2, 3], 1.0, 3.0, 1),
        ([5], 4.0, 5.0, 4),
    ]
    sink = sinks(found, found.hollows)
    assert sink.tolist() == [-1, -1, 0, 0, 0, 1, 1]  # the 5 sheds into the first hollow, the 9 into the second


def test_shallow_hollows_are_filled():
    """At least 1.5 m deep: the first hollow (2 m) stays, the second (1 m) is filled to its sill."""
    height, _, kept = condition(ROW, SEA, np.arange(7), 1.5, 0.0, 1.0)
    assert height.tolist() == [[0.0, 3.0, 1.0, 2.0, 5.0, 5.0, 9.0]]
    assert [hollow.sill_m for hollow in kept] == [3.0]


def test_hollows_without_a_manhole_are_filled():
    height, _, kept = condition(ROW, SEA, np.array([5]), 0.5, 0.0, 1.0)
    assert height.tolist() == [[0.0, 3.0, 3.0, 3.0, 5.0, 4.0, 9.0]]
    assert [hollow.sill_m for hollow in kept] == [5.0]


def test_a_low_area_drowns_its_rim_but_not_what_lies_higher():
    height = np.array([[0.0, 3.0, 1.0, 3.2, 3.3, 3.6]])
    found = flood(height, SEA[:, :6])
    assert extents(height, found, found.hollows, sinks(found, found.hollows)).tolist() == [[-1, -1, 0, 0, 0, -1]]


def test_stage_storage_counts_cells_and_their_depth():
    """Two cells of 25 m² at 1.0 and 1.1 m: at 1.1 m 25 · 0.1 = 2.5 m³ on 50 m²; at 1.2 m 25 · 0.3 = 7.5 m³."""
    rows = stage_storage(np.array([1.0, 1.1]), 1.0, 5.0)
    assert rows[0] == (1.0, 25.0, 0.0)
    assert rows[2] == (1.1, 50.0, 2.5)
    assert rows[4] == (1.2, 50.0, 7.5)
    assert rows[-1][0] == 1.4


def test_full_bore_flow_by_manning():
    """DN1000, slope 0.001, n 0.013: A = 0.7854, R = 0.25, v = 0.25^(2/3) · 0.03162 / 0.013 = 0.9654 m/s."""
    assert full_flow_m3s(1.0, 0.001, 0.013) == pytest.approx(0.7854 * 0.9654, rel=1e-3)


def test_the_design_intensity_of_the_recipe():
    """Suzhou, 3 years, 20 minutes: 17.969 (1 + 1.24 · 0.4771) / 38.415^0.785 = 1.632 mm/min = 272.5 L/(s·ha)."""
    assert intensity_l_s_ha(read_recipe(sample_recipe()), 3.0, 20.0) == pytest.approx(272.5, rel=2e-3)


def _chain(rims):
    holes = [Manhole(100.0 * k, 0.0, 0, rim_m=rim, area_ha=1.0, coefficient=0.6) for k, rim in enumerate(rims)]
    pipes = []
    for k in range(len(rims) - 1):
        line = LineString([(100.0 * k, 0), (100.0 * (k + 1), 0)])
        pipes.append(Pipe(k, k + 1, line, [(0.0, rims[k]), (100.0, rims[k + 1])]))
    return Sewers(holes, [], pipes[::-1], roots=[len(rims) - 1])


def test_pipes_grow_downstream_fall_and_stay_covered():
    """A street that climbs half a metre to a ridge and falls again: the sewer falls all the way."""
    recipe, sewers = read_recipe(sample_recipe()), _chain([3.0, 3.2, 3.5, 3.1, 2.8])
    load = size_pipes(recipe, sewers)[4]
    ordered = upstream_first(sewers)
    assert [pipe.start for pipe in ordered] == [0, 1, 2, 3]
    for pipe in ordered:
        assert pipe.slope > 0
        assert sewers.manholes[pipe.start].rim_m - pipe.inlet_m - pipe.diameter_m >= 0.7
    assert all(a.diameter_m <= b.diameter_m for a, b in pairwise(ordered))
    assert all(a.outlet_m >= b.inlet_m for a, b in pairwise(ordered))
    assert (load.area_ha, load.effective_ha) == (5.0, pytest.approx(3.0))
    assert load.minutes > 5.0


def test_residents_add_up_and_follow_floor_area():
    square = LineString([(0, 0), (10, 0)]).buffer(5, cap_style="flat")  # 100 m²
    homes = [Building(square, "residential", storeys, 9.0, "slabs") for storeys in (1, 2)]
    people = house_people([*homes, Building(square, "shop", 9, 30.0, "shops")], 10)
    assert people == [3, 7, 0]
    assert math.fsum(people) == 10
