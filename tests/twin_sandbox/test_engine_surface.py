"""The street surface: right where the answer is known, exact in its mass, the same however it is stepped."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twin_sandbox.calibration import surface_cases
from twin_sandbox.engines.drainage.compiled import compile_kernels
from twin_sandbox.engines.drainage.surface import Grid, Surface, plain_grid
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.surface import KERB_M, cells_beside, site_cell, street_cells, surface_grid

ROOT = Path(__file__).parents[2]
LANDLAB = Path(__file__).parent / "fixtures" / "landlab_overland_flow.csv"


@pytest.fixture(scope="module")
def figures():
    return {value.name: value for value in surface_cases.values()}


@pytest.fixture(scope="module")
def grid_5(twin):
    return surface_grid(twin.district)


@pytest.fixture(scope="module")
def grid_10(twin):
    return surface_grid(twin.district, 10.0)


def any_grid(seed):
    """A bumpy ground with a deep cut, houses, kerbs and a piece of sea."""
    chance = np.random.default_rng(seed)
    ground = chance.uniform(0.0, 0.6, (31, 27)).cumsum(axis=1) / 9
    ground[12:15, 5:20] -= 2.5
    ground[chance.random(ground.shape) < 0.08] = np.nan
    sea = np.zeros(ground.shape, bool)
    sea[:4, :3] = True
    ground[sea] = -2.0
    across, down = np.full((31, 28), -np.inf), np.full((32, 27), -np.inf)
    across[:, 9], down[20] = 1.0, 0.9
    return Grid(ground, 5.0, chance.uniform(0.015, 0.05, ground.shape), across, down, sea)


def flooded(seed, **ways):
    """Two hours of rain, of manholes that give and inlets that take more than there is, and of a tide."""
    grid = any_grid(seed)
    surface = Surface(grid, **ways)
    chance = np.random.default_rng(seed + 1)
    wells = chance.permutation(np.flatnonzero(grid.land))[:12]
    surface.source_m_s.flat[wells[:6]] = 2e-3
    surface.source_m_s.flat[wells[6:]] = -3e-3
    rain = np.where(chance.random(grid.land.shape) < 0.5, 100 / 3.6e6, 0.0)
    for minute in range(0, 120, 2):
        surface.advance(120.0, rain if minute < 60 else 0.0, sea_m=0.4 + 0.6 * np.sin(minute / 20))
    return surface


CASES = [
    "still_lake_flow",
    "still_lake_rise",
    "rain_on_plane_outflow",
    "rain_on_plane_depth_error",
    "bowl_level_error",
    "bowl_unevenness",
    "pond_above_sill",
    "wave_front_error",
    "wave_depth_error",
    "kerb_leak_below_crest",
    "kerb_passed_above_crest",
    "aslant_by_along",
    "dam_break_2_1_error",
    "dam_break_1_0.1_error",
]


@pytest.mark.parametrize("name", CASES)
def test_a_case_whose_answer_is_known(figures, name):
    assert figures[name].ok, figures[name]


def test_every_figure_is_judged(figures):
    assert list(figures) == CASES


def test_depths_are_those_of_landlab():
    """The same scheme by others (OverlandFlow): 60 mm/h on a basin for half an hour, then half an hour to settle.

    Ours lets rain fall in lumps of six seconds, a tenth of a millimetre: while it falls, that is the difference.
    """
    ground, raining, settled = np.loadtxt(LANDLAB, delimiter=",").T.reshape(3, 24, 24)
    surface = Surface(plain_grid(ground, 5.0, 0.03), film_m=1e-5)
    surface.depth_m[:] = 1e-5
    surface.advance(1800.0, 60 / 3.6e6)
    assert np.abs(surface.depth_m - raining).max() < 5e-4
    surface.advance(1800.0)
    assert np.abs(surface.depth_m - settled).max() < 1e-4
    assert settled.max() > 0.25


@pytest.mark.parametrize("seed", range(4))
def test_stepping_the_wet_cells_alone_gives_the_same_bytes_as_stepping_all(seed):
    wet, all_ = flooded(seed), flooded(seed, everything=True)
    assert wet.depth_m.tobytes() == all_.depth_m.tobytes()
    assert wet.ledger == all_.ledger
    assert wet.work < all_.work


def test_water_that_is_put_on_dry_ground_between_two_steps_flows_as_if_all_were_stepped():
    surfaces = [Surface(any_grid(4), everything=everything) for everything in (False, True)]
    for surface in surfaces:
        surface.advance(4.0)  # makes the lists, of which the next ones are still
        surface.depth_m[8, 20], surface.depth_m[22, 4] = 0.25, 0.2
        surface.source_m_s[25, 20] = 5e-3
        for _ in range(12):
            surface.advance(4.0, 20 / 3.6e6)
    assert surfaces[0].depth_m.tobytes() == surfaces[1].depth_m.tobytes()
    assert surfaces[0].fastest_m2_s > 0.01
    assert max(surface.ledger.error for surface in surfaces) < 1e-12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("local_steps", [True, False])
def test_no_water_is_made_or_lost(seed, local_steps):
    surface = flooded(seed, local_steps=local_steps)
    assert surface.ledger.error < 1e-12
    assert surface.depth_m.min() >= 0
    assert surface.depth_m.max() > 1.5  # the cut is deep enough for short steps
    assert not surface.depth_m[np.isnan(surface.grid.ground_m)].any()


@pytest.mark.parametrize("seed", range(4))
def test_short_steps_for_deep_cells_alone_change_no_depth_by_more_than_two_centimetres(seed):
    local, uniform = flooded(seed), flooded(seed, local_steps=False)
    apart = np.abs(local.depth_m - uniform.depth_m)[local.grid.land]
    assert apart.max() < 0.02
    assert apart.mean() < 0.002
    assert local.work < 0.7 * uniform.work


def test_an_inlet_takes_no_more_than_there_is_and_tells_how_much():
    surface = Surface(plain_grid(np.zeros((3, 3)), 5.0, 0.02))
    surface.depth_m[1, 1] = 5e-4  # a film, which stays where it is
    surface.source_m_s[1, 1], surface.source_m_s[0, 0] = -1.0, 1e-5
    surface.advance(10.0)
    assert surface.moved_m3[1, 1] == pytest.approx(-25 * 5e-4)
    assert surface.moved_m3[0, 0] == pytest.approx(25 * 1e-4)
    assert surface.depth_m[1, 1] == 0.0
    assert surface.ledger.source_m3 == pytest.approx(surface.moved_m3.sum())


def test_rain_that_is_locked_is_known_again_and_any_other_is_read_each_time():
    surface = Surface(plain_grid(np.zeros((3, 3)), 5.0, 0.02))
    rain = np.full((3, 3), 1e-5)
    for lock, change, stored_mm in ((False, 2.0, 0.1), (True, 1.0, 0.3), (True, 1.0, 0.5)):
        rain.flags.writeable = not lock
        surface.advance(10.0, rain)
        assert surface.stored_m3 == pytest.approx(225e-3 * stored_mm)
        rain = rain if lock else rain * change
    surface.advance(10.0)
    surface.advance(10.0, rain / 2)
    assert surface.ledger.rain_m3 == pytest.approx(225e-3 * 0.6)
    assert surface.ledger.error < 1e-12


def test_an_array_put_in_place_of_the_states_is_noticed():
    surface = Surface(plain_grid(np.zeros((3, 3)), 5.0, 0.02))
    surface.advance(5.0)
    surface.depth_m, surface.source_m_s = np.full((3, 3), 0.2), np.full((3, 3), 1e-3)
    surface.advance(5.0)
    assert surface.depth_m == pytest.approx(0.205)
    assert surface.moved_m3.sum() == pytest.approx(225 * 5e-3)


def test_a_shore_that_rests_at_the_tides_level_is_run_up_by_no_wave(twin, grid_5):
    """The tide is at 2 m when the surface starts: at once, it would break over the quay; at rest, nothing moves."""
    shore = twin.terrain.land_cover == 7
    jumped, resting = Surface(grid_5), Surface(grid_5)
    resting.rest_at(2.0, shore)
    for surface in (jumped, resting):
        surface.advance(120.0, sea_m=2.0)
    levels = [(surface.depth_m + grid_5.ground_m)[shore & (surface.depth_m > 0.01)] for surface in (jumped, resting)]
    assert levels[0].max() > 2.1
    assert levels[1].max() == pytest.approx(2.0, abs=0.02)
    assert resting.ledger.sea_m3 == pytest.approx(-resting.ledger.stored_m3)
    assert resting.ledger.error < 1e-12


def test_the_streets_rain_costs_less_than_half_of_stepping_everything(twin, grid_5):
    """An hour of rain on the streets alone: the same bytes, and cells stepped as a ratio."""
    streets = np.zeros(grid_5.ground_m.size)
    streets[np.concatenate(list(street_cells(twin.district, grid_5).values()))] = 40 / 3.6e6
    rain = streets.reshape(grid_5.ground_m.shape)
    wet, all_ = Surface(grid_5), Surface(grid_5, everything=True)
    for surface in (wet, all_):
        for _ in range(10):
            surface.advance(60.0, rain, sea_m=0.5)
    assert wet.depth_m.tobytes() == all_.depth_m.tobytes()
    assert wet.work < 0.5 * all_.work


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ground_m": np.zeros(4)}, r"ground_m: shape \(4,\)"),
        ({"ground_m": np.full((2, 3), np.nan)}, "no cell where water can be"),
        ({"ground_m": np.array([[0.0, np.inf, 1], [0, 0, 0]])}, "infinite"),
        ({"cell_m": 0.0}, "cell_m: 0.0 m"),
        ({"cell_m": float("nan")}, "cell_m"),
        ({"roughness_n": np.zeros((2, 3))}, "roughness_n"),
        ({"roughness_n": np.full((3, 3), 0.02)}, r"roughness_n: shape \(3, 3\)"),
        ({"face_x_m": np.zeros((2, 3))}, "face_x_m"),
        ({"face_y_m": np.full((3, 3), np.nan)}, "NaN"),
        ({"ground_m": np.array([[0.0, np.nan, 1], [0, 0, 0]]), "sea": np.eye(2, 3, 1, dtype=bool)}, "sea bed"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(changes, words):
    good = {
        "ground_m": np.zeros((2, 3)),
        "cell_m": 5.0,
        "roughness_n": np.full((2, 3), 0.02),
        "face_x_m": np.full((2, 4), -np.inf),
        "face_y_m": np.full((3, 3), -np.inf),
        "sea": np.zeros((2, 3), bool),
    }
    Grid(**good)
    with pytest.raises(TwinError, match=words):
        Grid(**good | changes)


@pytest.mark.parametrize(
    ("spoil", "call", "words"),
    [
        ({"depth_m": -0.1}, {}, "depth_m: a depth that is negative"),
        ({"depth_m": np.nan}, {}, "depth_m: a depth that is negative or no number"),
        ({"source_m_s": np.inf}, {}, "source_m_s: no number"),
        ({}, {"seconds": -1.0}, "a step of -1.0 s"),
        ({}, {"seconds": np.nan}, "a step of nan s"),
        ({}, {"rain_m_s": -1e-6}, "rain_m_s: negative"),
        ({}, {"rain_m_s": np.zeros(3)}, r"rain_m_s: shape \(3,\)"),
        ({}, {"sea_m": np.nan}, "sea_m"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_moves(spoil, call, words):
    surface = Surface(plain_grid(np.zeros((3, 4)), 5.0, 0.02))
    for name, value in spoil.items():
        getattr(surface, name)[1, 1] = value
    before = surface.depth_m.copy()
    with pytest.raises(TwinError, match=words):
        surface.advance(**{"seconds": 5.0} | call)
    np.testing.assert_array_equal(surface.depth_m, before)


@pytest.mark.parametrize("other", [np.zeros((3, 4), np.float32), np.zeros((4, 3)).T], ids=["single", "by column"])
def test_an_array_that_the_kernel_could_not_change_is_refused(other):
    surface = Surface(plain_grid(np.zeros((3, 4)), 5.0, 0.02))
    surface.depth_m = other
    with pytest.raises(TwinError, match=r"depth_m: an array of float.*Set its values"):
        surface.advance(5.0)


def test_a_source_in_a_house_is_refused():
    ground = np.zeros((3, 3))
    ground[1, 1] = np.nan
    surface = Surface(plain_grid(ground, 5.0, 0.02))
    surface.source_m_s[1, 1] = 1e-3
    with pytest.raises(TwinError, match="a source in a building"):
        surface.advance(5.0)


def test_houses_block_and_kerbs_stand_between_street_and_yard(twin, grid_5):
    cover = twin.terrain.land_cover
    assert np.isnan(grid_5.ground_m[cover == 2]).all()
    assert np.isfinite(grid_5.ground_m[cover != 2]).all()
    rows, columns = np.nonzero((cover[:, :-1] == 1) & (cover[:, 1:] == 3))
    assert len(rows) > 100
    np.testing.assert_allclose(grid_5.face_x_m[rows, columns + 1], grid_5.ground_m[rows, columns] + KERB_M)
    assert (grid_5.sea == (cover == 0)).all()


def test_the_underpass_is_deep_at_both_resolutions(twin, grid_5, grid_10):
    streets = twin.entities["streets"]
    (code,) = streets.index[streets["street_class"] == "underpass"]
    for grid in (grid_5, grid_10):
        ground = grid.ground_m.flat[street_cells(twin.district, grid)[code]]
        assert np.ptp(ground) > 2.3


def test_wide_cells_let_no_street_end_and_no_wall_leak(twin, grid_5, grid_10):
    """A street's lowest way along stays open, and the sea's highest tide reaches no cell it does not reach at 5 m."""

    def reached(grid):
        surface = Surface(grid)
        surface.advance(2 * 3600.0, sea_m=1.9)
        return surface.depth_m > 0.05

    fine, wide = reached(grid_5), reached(grid_10)
    inland = wide & grid_10.land
    near = fine.reshape(100, 2, 110, 2).any(axis=(1, 3))
    assert (inland & ~near).sum() <= 0.05 * inland.sum()


def test_every_street_and_site_has_its_cells(twin, grid_10):
    cells = street_cells(twin.district, grid_10)
    assert list(cells) == list(twin.entities["streets"].index)
    assert all(grid_10.land.flat[own].all() and own.size for own in cells.values())
    house = twin.entities["buildings"].geometry.iloc[40]
    beside = cells_beside(twin.district, grid_10, house)
    assert grid_10.land.flat[beside].all()
    assert site_cell(twin.district, grid_10, house.centroid.x, house.centroid.y) in range(grid_10.land.size)


@pytest.mark.parametrize("cell_m", [0.0, -5.0, 7.0, 2.5, 15.0])
def test_cells_that_do_not_fit_the_terrain_are_refused(twin, cell_m):
    with pytest.raises(TwinError, match="cell_m"):
        surface_grid(twin.district, cell_m)


LOAD = """
import time
import numpy as np
from twin_sandbox.engines.drainage.surface import Surface, plain_grid
begun = time.process_time()
surface = Surface(plain_grid(np.zeros((9, 9)), 5.0, 0.02))
surface.advance(60.0, 1e-5)
print(time.process_time() - begun)
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_sandbox_loads_the_kernel_that_was_compiled_before_it(tmp_path):
    """Compiling takes ten seconds of a student's time; loading, numba's own start included, may take one and a half."""
    folder = compile_kernels()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    # as after an installation, which compiles Python's own bytecode too
    bytecode = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    run(LOAD, **bytecode)
    loaded = run(LOAD, PRACTICUM_SANDBOX="student", **bytecode)
    assert not loaded.stderr
    assert float(loaded.stdout) < 1.5
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


def test_a_sandbox_without_a_compiled_kernel_says_so_and_compiles_nothing(tmp_path):
    refused = run(
        "from twin_sandbox.engines.drainage.compiled import surface_advance\nsurface_advance()",
        PRACTICUM_SANDBOX="student",
        PRACTICUM_CACHE=str(tmp_path),
    )
    assert "holds no kernel compiled for this processor" in refused.stderr
    assert not any(tmp_path.rglob("*"))
