"""What a night did to the district, as single numbers.

Prices are illustrative, of the right order for a Chinese coastal city, and the same for everyone: they exist so that
policies can be compared.
"""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.world.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

SAMPLE_M = 5.0
"""Streets are sampled every so many metres."""

PASSABLE_M = 0.15
"""Depth up to which a lane counts as passable [m] (GB 50014-2021, 4.1.4: one lane at most 15 cm under water)."""

DAMAGE_CNY_M_H = 60.0
"""Cost of 1 m of water for 1 h on a street of one vehicle an hour, or in the house of one resident [CNY/(m·h)]: 20 CNY
for each hour lost at 0.3 m, where cars stop (Pregnolato et al. 2017, doi:10.1016/j.trd.2017.06.020)."""

ENERGY_CNY_KWH = 0.75
START_CNY = 30.0
"""Wear of one pump start [CNY]."""


class _Exposure:
    """Where buildings and streets stand in the low areas of a district; made once a district."""

    def __init__(self, district: "District") -> None:
        import shapely

        terrain = district.terrain
        low = district.entities["low_areas"]
        self.codes = list(low.index)
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
        self.house_ground_m = ground_m[cell[chosen]]
        self.house_floor_m = buildings["floor_m"].to_numpy(dtype=np.float64)[self.house]
        self.house_residents = buildings["residents"].to_numpy(dtype=np.float64)[self.house]
        self._sample_streets(district)

    def _sample_streets(self, district: "District") -> None:
        terrain = district.terrain
        streets = district.entities["streets"]
        areas, grounds, lengths, owners = [], [], [], []
        for street, line in enumerate(streets.geometry):
            count = max(1, round(line.length / SAMPLE_M))
            for k in range(count):
                point = line.interpolate((k + 0.5) / count, normalized=True)
                row, column = terrain.cell(point.x, point.y)
                if terrain.low_area[row, column] >= 0:
                    areas.append(int(terrain.low_area[row, column]))
                    grounds.append(float(terrain.elevation_m[row, column]))
                    lengths.append(line.length / count)
                    owners.append(street)
        self.street_area = np.array(areas, dtype=np.int64)
        self.street_ground_m = np.array(grounds)
        self.street_length_m = np.array(lengths)
        owner = np.array(owners, dtype=np.int64)
        # Samples of a street lie together, so each street that has any is one run of them.
        self.street_first = np.flatnonzero(np.diff(owner, prepend=-1))
        self.street_vehicles_per_h = streets["vehicles_per_h"].to_numpy(dtype=np.float64)[owner[self.street_first]]


_exposures: "WeakKeyDictionary[District, _Exposure]" = WeakKeyDictionary()


def _exposure(result: Result) -> _Exposure:
    if result.district not in _exposures:
        _exposures[result.district] = _Exposure(result.district)
    return _exposures[result.district]


def _levels_m(result: Result, codes: list[str]) -> NDArray[np.float64]:
    """Level of each low area, records × areas; −inf where it is dry."""
    bottoms = result.district.entities["low_areas"]["bottom_m"].reindex(codes).to_numpy(dtype=np.float64)
    depths = result.street_depth_m[codes].to_numpy()
    levels: NDArray[np.float64] = np.where(depths > 0, bottoms + depths, -np.inf)
    return levels


def buildings_under_water(result: Result, time: object | None = None) -> "pd.Index[str]":
    """Codes of the buildings into which water came: it stood beside them, and above their ground floor.

    Args:
        result: a run.
        time: a moment of it (the nearest kept one counts); by default any.

    Raises:
        TwinError: the moment lies outside the run.
    """
    place = _exposure(result)
    levels_m = _levels_m(result, place.codes)
    at_m = (levels_m.max(axis=0) if time is None else levels_m[result.row(time)])[place.house_area]
    wet = (at_m > place.house_floor_m) & (at_m > place.house_ground_m)
    codes: pd.Index[str] = result.district.entities["buildings"].index[np.unique(place.house[wet])]
    return codes


def flooded_buildings(result: Result) -> int:
    """Buildings [number] into which water came: at some moment it stood beside them, and above their ground floor."""
    return len(buildings_under_water(result))


def flooded_street_length_m(result: Result, above_m: float = PASSABLE_M) -> float:
    """Length of street [m] on which water stood deeper than ``above_m`` at some moment.

    Streets are sampled every 5 m on their centre line.
    """
    place = _exposure(result)
    peak_m = _levels_m(result, place.codes).max(axis=0)[place.street_area] - place.street_ground_m
    return float(place.street_length_m[peak_m > above_m].sum())


def flood_damage(result: Result) -> float:
    """Cost of the water standing in streets and houses [CNY]: depth × time × exposure.

    60 CNY/(m·h) × ∫ (Σ streets: depth × vehicles per hour + Σ buildings: depth above the floor × residents) dt

    A street's depth is that of the deepest point of its centre line between two crossings. Integrated over the kept
    moments (trapezoids).
    """
    place = _exposure(result)
    levels = _levels_m(result, place.codes)
    points_m = np.maximum(levels[:, place.street_area] - place.street_ground_m, 0.0)
    streets_m = np.maximum.reduceat(points_m, place.street_first, axis=1)
    houses_m = np.maximum(levels[:, place.house_area] - np.maximum(place.house_floor_m, place.house_ground_m), 0.0)
    exposed = streets_m @ place.street_vehicles_per_h + houses_m @ place.house_residents
    hours = result.scenario.report_step_s / 3600.0
    return float(np.trapezoid(exposed, dx=hours)) * DAMAGE_CNY_M_H


def pump_energy_kwh(result: Result) -> float:
    """Energy of all pumps [kWh]: rated power × setting × time while water flowed."""
    return sum(result.pump_power_kw[name] * result.pump_running_s[name] / 3600.0 for name in result.pump_power_kw)


def pump_starts(result: Result) -> int:
    """Starts of all pumps [number]; at most six an hour and pump wear it least (GB 50014-2021)."""
    return sum(result.pump_starts.values())


def night_cost(result: Result) -> float:
    """All a night costs [CNY]: flood damage + 0.75 CNY a kWh of pumping + 30 CNY a pump start."""
    return flood_damage(result) + ENERGY_CNY_KWH * pump_energy_kwh(result) + START_CNY * pump_starts(result)
