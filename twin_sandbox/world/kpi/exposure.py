"""Where buildings and streets stand in the water of a run, by the model that moved it.

Drains alone know a level for each low area; the street surface knows a depth for each of its cells. Both give the same
four figures, from which `twin_sandbox.world.kpi.flood` makes key figures.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.world.result import Result
from twin_sandbox.world.surface_water import SurfaceWater

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.water import WaterResult

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
        houses_m: depth above the ground floor [m], records × houses (one that reaches into two low areas is there
            twice); 0 and less is dry.
        house: number of the building of each.
        residents: of it.
    """

    samples_m: Floats
    sample_length_m: Floats
    streets_m: Floats
    vehicles_per_h: Floats
    houses_m: Floats
    house: Numbers
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


class _LowAreas:
    """Buildings and samples of streets in the low areas of a district."""

    def __init__(self, district: "District") -> None:
        import shapely

        terrain = district.terrain
        self.codes = list(district.entities["low_areas"].index)
        rows, columns = np.nonzero(terrain.low_area >= 0)
        x = terrain.x_min_m + (columns + 0.5) * terrain.cell_m
        y = terrain.y_max_m - (rows + 0.5) * terrain.cell_m
        area_of = terrain.low_area[rows, columns].astype(np.int64)
        ground_m = terrain.elevation_m[rows, columns].astype(np.float64)
        buildings = district.entities["buildings"]
        # A building is reached by the water on the cells beside and under it.
        reach = shapely.buffer(buildings.geometry.to_numpy(), terrain.cell_m / 2)
        house, cell = shapely.STRtree(shapely.points(x, y)).query(reach, predicate="contains")
        pairs = np.stack([house, area_of[cell]])
        order = np.lexsort((ground_m[cell], pairs[1], pairs[0]))
        _, first = np.unique(pairs[:, order], axis=1, return_index=True)
        chosen = order[first]
        self.house, self.house_area = pairs[0][chosen], pairs[1][chosen]
        floor_m = buildings["floor_m"].to_numpy(dtype=np.float64)[self.house]
        self.house_sill_m = np.maximum(floor_m, ground_m[cell[chosen]])
        self.residents = buildings["residents"].to_numpy(dtype=np.float64)[self.house]
        samples = _samples(district)
        area = terrain.low_area[samples.cell].astype(np.int64)
        inside = area >= 0
        self.area, self.length_m = area[inside], samples.length_m[inside]
        self.ground_m = terrain.elevation_m[samples.cell][inside].astype(np.float64)
        owner = samples.street[inside]
        # Samples of a street lie together, so each street that has any is one run of them.
        self.first = np.flatnonzero(np.diff(owner, prepend=-1))
        vehicles = district.entities["streets"]["vehicles_per_h"].to_numpy(dtype=np.float64)
        self.vehicles_per_h = vehicles[owner[self.first]]

    def exposure(self, result: Result) -> Exposure:
        """Of a run of the drains alone: a low area's water lies level."""
        bottoms = result.district.entities["low_areas"]["bottom_m"].reindex(self.codes).to_numpy(dtype=np.float64)
        depths = result.street_depth_m[self.codes].to_numpy()
        levels = np.where(depths > 0, bottoms + depths, -np.inf)
        points_m = np.maximum(levels[:, self.area] - self.ground_m, 0.0)
        return Exposure(
            samples_m=levels.max(axis=0)[self.area] - self.ground_m,
            sample_length_m=self.length_m,
            streets_m=np.maximum.reduceat(points_m, self.first, axis=1),
            vehicles_per_h=self.vehicles_per_h,
            houses_m=levels[:, self.house_area] - self.house_sill_m,
            house=self.house,
            residents=self.residents,
        )


_low_areas: "WeakKeyDictionary[District, _LowAreas]" = WeakKeyDictionary()


def exposure(result: "WaterResult") -> Exposure:
    """Buildings and streets in the water of a run of either kind."""
    if isinstance(result, SurfaceWater):
        return _on_surface(result)
    if not isinstance(result, Result):
        raise TypeError(f"no water: {type(result).__name__}")
    if result.district not in _low_areas:
        _low_areas[result.district] = _LowAreas(result.district)
    return _low_areas[result.district].exposure(result)


def _on_surface(water: SurfaceWater) -> Exposure:
    """Of a run with the street surface: depths of its cells, where a sample lies and beside a house.

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
        house=np.arange(sizes.size),
        residents=buildings["residents"].to_numpy(dtype=np.float64),
    )


def _on_own_street(water: SurfaceWater, samples: _Samples, codes: list[str]) -> NDArray[np.bool_]:
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
