"""Where buildings and streets stand in the water of a run: what `twin_sandbox.world.kpi.flood` counts."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.water import Water

SAMPLE_M = 5.0
"""Streets are sampled every so many metres."""

STEP_M = 0.05
"""Least depth of running water beside a house that gets in: below it nothing runs over a door sill."""

FILM_M = 0.02
"""Thinner water in a 2-D model is a wet street in the rain, not a flood."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Exposure:
    """What stood in the water.

    Args:
        samples_m: greatest depth at each sample of the streets' centre lines [m].
        sample_length_m: length of street that each stands for [m].
        streets_m: deepest water of each street [m], records × streets.
        vehicles_per_h: traffic of each of these streets [1/h].
        houses_m: depth above the ground floor [m], records × buildings; 0 and less is dry.
        residents: of each building.
    """

    samples_m: Floats
    sample_length_m: Floats
    streets_m: Floats
    vehicles_per_h: Floats
    houses_m: Floats
    residents: Floats


@dataclass(frozen=True)
class _Samples:
    """Points every `SAMPLE_M` on the centre lines: street, terrain cell (row, column), length [m]."""

    street: Numbers
    cell: tuple[Numbers, Numbers]
    length_m: Floats


@lru_cache(maxsize=4)
def _samples(district: "District") -> _Samples:
    found = []
    for street, line in enumerate(district.entities["streets"].geometry):
        count = max(1, round(line.length / SAMPLE_M))
        for k in range(count):
            point = line.interpolate((k + 0.5) / count, normalized=True)
            found.append((street, *district.terrain.cell(point.x, point.y), line.length / count))
    streets, rows, columns, lengths = zip(*found, strict=True)
    return _Samples(np.array(streets), (np.array(rows), np.array(columns)), np.array(lengths))


def exposure(water: "Water") -> Exposure:
    """Buildings and streets in the water of a run: where a sample lies, and beside a house.

    Water that runs past a house on higher ground gets in if it is deeper than `STEP_M`.
    """
    district, ground, records = water.district, water.ground, water.records
    codes = list(ground.streets)
    samples = _samples(district)
    on_carriageway = _on_own_street(water, samples, list(district.entities["streets"].index))
    samples_m = np.where(on_carriageway, water.max_depth_map_m()[samples.cell].astype(np.float64), 0.0)
    vehicles = district.entities["streets"]["vehicles_per_h"].reindex(codes).to_numpy(dtype=np.float64)
    streets_m = records.street_depth_m

    buildings = district.entities["buildings"]
    beside = [ground.sites[code] for code in buildings.index]
    sizes = np.array([cells.size for cells in beside])
    house = np.repeat(np.arange(sizes.size), sizes)
    cells = np.concatenate(beside)
    columns, side = ground.grid.ground_m.shape[1], records.map_cells
    blocks = (cells // columns // side, cells % columns // side)
    here_m = ground.grid.ground_m.ravel()[cells]
    floor_m = buildings["floor_m"].to_numpy(dtype=np.float64)[house]
    sill_m = (here_m - water.block_ground_m[blocks]) + np.maximum(floor_m - here_m, STEP_M)
    above_m = records.depth_m[:, blocks[0], blocks[1]].astype(np.float64) - sill_m
    return Exposure(
        samples_m=samples_m,
        sample_length_m=samples.length_m,
        streets_m=np.where(streets_m > FILM_M, streets_m, 0.0),
        vehicles_per_h=vehicles,
        houses_m=np.maximum.reduceat(above_m, np.cumsum(sizes) - sizes, axis=1),
        residents=buildings["residents"].to_numpy(dtype=np.float64),
    )


def _on_own_street(water: "Water", samples: _Samples, codes: list[str]) -> NDArray[np.bool_]:
    """Whether each sample's water is its street's: on a bridge it is that of the underpass below."""
    grid, terrain = water.ground.grid, water.district.terrain
    times = round(grid.cell_m / terrain.cell_m)
    columns = grid.ground_m.shape[1]
    flat = samples.cell[0] // times * columns + samples.cell[1] // times
    own: NDArray[np.bool_] = np.zeros(flat.size, bool)
    for number, code in enumerate(codes):
        at = samples.street == number
        own[at] = np.isin(flat[at], water.ground.streets[code])
    return own
