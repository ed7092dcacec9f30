"""The district as SWMM and the street surface together: what falls where, and how street and sewer meet.

Rain on carriageways falls on the 2-D surface; rain on all other ground (roofs, yards, gardens, parks, the quay) runs
off by SWMM's subcatchments to their manholes, so every drop is counted once. A street's gullies lie along it, in its
lowest cells; a manhole spills where its rim is, in a low area at the lowest gully that belongs to it.
"""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.city_water import CityWater, CityWaterModel, Inlets, Manholes
from twin_sandbox.entities.terrain import LAND_COVER
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.network import SECTIONS, Network, Text, rows
from twin_sandbox.world.models.surface import cells_beside, site_cell, street_cells, surface_grid
from twin_sandbox.world.reality import AS_DESIGNED, Reality
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    from twin_sandbox.engines.drainage.surface import Grid
    from twin_sandbox.entities import District

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

ROUTING_STEP_S = 5
"""Fixed routing step, and the interval of the exchange [s]."""

WET_STEP = "00:00:15"
"""SWMM works out runoff a step ahead of the sewers: the shorter, the less water is between the two in the account."""

REST_STEP_S = 10
"""Routing step while the streets rest [s]. What SWMM loses of a dry day's little water grows with it: 0.1 % at 5 s,
0.3 % at 10 s, 0.5 % at 20 s."""

GULLIES = 7
"""Gullies at a junction: one every 30 m on both sides of a street, manholes about 100 m apart (GB 50014-2021, 5.7)."""

GULLY_OPENING_M2 = 0.0165
"""Effective opening of a gully [m²]: 25 L/s × 0.6 for litter (GB 50014-2021, 5.7.3; 16S518) under 0.1 m of water:
A = Q / (0.65 √(2 g h)) = 0.015 / (0.65 · 1.40)."""

TOLERANCES = {"HEAD_TOLERANCE": 0.0015, "MAX_TRIALS": 8}
"""SWMM's own defaults. Three times as fine they move the deepest water of no street by more than 3 mm, and cost half as
much again."""

GULLY_EDGE_M = 1.0
"""Edge over which water falls into a gully [m]: a grating of 0.45 by 0.75 m at the kerb has 1.65 m (16S518), of which
litter leaves 0.6."""

GULLY_SPACING_M = 12.0
"""Least distance between two gullies of one manhole: 30 m apart on each side of a street, the sides staggered."""

SAG_GRATINGS = 2
"""Gratings of a gully in a low area: where water gathers from all sides they are doubled (GB 50014-2021, 5.7; 16S518
has twin gratings). With single ones a storm of 3 years stood 0.21 m deep in Anning Road, its sewer half empty."""

REACH_M = 60.0
"""A gully belongs to the nearest manhole, and lies no further from it than half the longest conduit."""

BELOW_BRIDGE_M = 0.5
"""Ground so far below the sill of an underpass is under the street that crosses it."""

STREET, BEACH = 1, 7
FORCING_S = 60
"""Rain and sea are given for each minute."""


@dataclass(frozen=True)
class Ground:
    """What a grid and the drains of a district have to do with each other, whatever the scenario.

    Args:
        grid: the street surface.
        rain_share: share of each cell on which rain falls as on a street, rows × columns.
        area_m2: subcatchment code → its ground that is no street [m²].
        impervious: subcatchment code → impervious share of that ground.
        manhole_cell: junction code → flat cell where it spills.
        inlet_cell, inlet_junction, inlet_gratings: flat cell, junction code and gratings of each gully.
        streets, sites: code → flat cells whose deepest water is told.
        inland: cells that the tide does not wash on an ordinary day, rows × columns.
    """

    grid: "Grid"
    rain_share: Floats
    area_m2: dict[str, float]
    impervious: dict[str, float]
    manhole_cell: dict[str, int]
    inlet_cell: list[int]
    inlet_junction: list[str]
    inlet_gratings: list[float]
    streets: dict[str, Cells]
    sites: dict[str, Cells]
    inland: NDArray[np.bool_]


def engine(district: "District", scenario: Scenario, reality: Reality) -> CityWater:
    """The drainage engine of a run."""
    return CityWater(city_water_model(district, scenario, reality))


def city_water_model(
    district: "District", scenario: Scenario, reality: Reality = AS_DESIGNED, *, coupled: bool = True
) -> CityWaterModel:
    """The model of a scenario in the district as it really is.

    Args:
        district: where.
        scenario: what happens, and the cell of the surface.
        reality: how the real network differs from the public model.
        coupled: whether street and sewer exchange water; without it each runs alone.

    Raises:
        TwinError: the reality speaks of a conduit that the district doesn't have, or the tank cannot be so full.
    """
    return _Writer(district, scenario, reality, ground(district, float(scenario.grid_m))).write(coupled=coupled)


@functools.lru_cache(maxsize=2)
def ground(district: "District", cell_m: float) -> Ground:
    """The part of the model that no scenario changes."""
    grid = surface_grid(district, cell_m)
    share, area, impervious = _rain_areas(district, grid)
    on_street = share > 0
    manholes, inlets, owners, gratings = _openings(district, grid, on_street)
    beach = _coarse(district.terrain.land_cover == BEACH, grid)
    return Ground(
        grid=grid,
        rain_share=share,
        area_m2=area,
        impervious=impervious,
        manhole_cell=manholes,
        inlet_cell=inlets,
        inlet_junction=owners,
        inlet_gratings=gratings,
        streets=_carriageways(district, grid),
        sites=_sites(district, grid),
        inland=grid.land & (beach == 0),
    )


def _coarse(mask: NDArray[np.bool_], grid: "Grid") -> Floats:
    """Share of each cell of the grid that the terrain's cells of a mask take up."""
    times = mask.shape[0] // grid.ground_m.shape[0]
    shape = grid.ground_m.shape
    found: Floats = mask.reshape(shape[0], times, shape[1], times).mean(axis=(1, 3))
    return found


def _rain_areas(district: "District", grid: "Grid") -> tuple[Floats, dict[str, float], dict[str, float]]:
    """Where rain falls on the surface, and what of each subcatchment is no street."""
    import shapely

    terrain = district.terrain
    cover = terrain.land_cover
    count, columns = cover.shape
    x = terrain.x_min_m + (np.arange(columns) + 0.5) * terrain.cell_m
    y = terrain.y_max_m - (np.arange(count) + 0.5) * terrain.cell_m
    cell_m2 = terrain.cell_m**2
    sheds = np.array([LAND_COVER[k].impervious_share for k in range(len(LAND_COVER))])[cover]
    area, impervious = {}, {}
    free = np.ones(cover.shape, bool)
    for code, shape in district.entities["subcatchments"].geometry.items():
        west, south, east, north = shape.bounds
        i = slice(
            max(0, int((terrain.y_max_m - north) // terrain.cell_m)), count - int((south - y[-1]) // terrain.cell_m)
        )
        j = slice(max(0, int((west - terrain.x_min_m) // terrain.cell_m)), int((east - x[0]) // terrain.cell_m) + 2)
        shapely.prepare(shape)
        inside = shapely.contains_xy(shape, *np.meshgrid(x[j], y[i])) & free[i, j] & (cover[i, j] != 0)
        free[i, j] &= ~inside
        roofs = inside & (cover[i, j] != STREET)
        area[str(code)] = float(roofs.sum()) * cell_m2
        impervious[str(code)] = float(sheds[i, j][roofs].mean()) if roofs.any() else 0.0
    share = _coarse(cover == STREET, grid)
    return np.where(grid.land, share, 0.0), area, impervious


def _openings(
    district: "District", grid: "Grid", on_street: NDArray[np.bool_]
) -> tuple[dict[str, int], list[int], list[str], list[float]]:
    """Cell of each manhole; cell, manhole and gratings of each gully."""
    terrain = district.terrain
    junctions = district.entities["junctions"]
    columns = grid.ground_m.shape[1]
    low = {code: k for k, code in enumerate(district.entities["low_areas"].index)}
    times = round(grid.cell_m / terrain.cell_m)
    drowns = terrain.low_area[times // 2 :: times, times // 2 :: times]

    manholes = junctions[junctions["kind"] == "manhole"]
    at = np.column_stack([manholes.geometry.x, manholes.geometry.y])
    flat = np.flatnonzero(on_street & grid.land)
    place = np.column_stack(
        [
            terrain.x_min_m + (flat % columns + 0.5) * grid.cell_m,
            terrain.y_max_m - (flat // columns + 0.5) * grid.cell_m,
        ]
    )
    away = np.linalg.norm(place[:, None, :] - at[None, :, :], axis=2)
    owner = np.where(away.min(axis=1) <= REACH_M, away.argmin(axis=1), -1)

    level = grid.ground_m.ravel()
    cell, inlets, owners, gratings = {}, [], [], []
    for row in junctions.itertuples():
        cell[row.Index] = site_cell(district, grid, row.geometry.x, row.geometry.y)
    for k, row in enumerate(manholes.itertuples()):
        own = np.flatnonzero(owner == k)
        if not own.size:
            own = np.array([int(away[:, k].argmin())])
        chosen: list[int] = []
        for n in own[np.lexsort((flat[own], level[flat[own]]))]:
            if all(np.hypot(*(place[n] - place[other])) >= GULLY_SPACING_M for other in chosen):
                chosen.append(int(n))
            if len(chosen) == GULLIES:
                break
        # A short street has fewer places than gullies: they stand side by side in the lowest ones.
        places = [int(flat[chosen[g % len(chosen)]]) for g in range(GULLIES)]
        inlets += places
        owners += [str(row.Index)] * GULLIES
        in_sag = [drowns.ravel()[place_] >= 0 for place_ in places]
        gratings += [float(SAG_GRATINGS if sag else 1) for sag in in_sag]
        inside = [place_ for place_ in places if row.low_area and drowns.ravel()[place_] == low[row.low_area]]
        cell[row.Index] = min([*inside, cell[row.Index]], key=lambda place_: (level[place_], place_))
    return cell, inlets, owners, gratings


def _carriageways(district: "District", grid: "Grid") -> dict[str, Cells]:
    """Street → its cells; a street on a bridge does not drown with the underpass below it."""
    cells = street_cells(district, grid)
    low = district.entities["low_areas"]
    for number, (street, kind, sill_m) in enumerate(low[["street_code", "kind", "sill_m"]].itertuples(index=False)):
        if kind != "underpass":
            continue
        inside = _coarse(district.terrain.low_area == number, grid) > 0
        cut = np.flatnonzero(inside & (grid.ground_m < sill_m - BELOW_BRIDGE_M))
        for code in cells.keys() - {street}:
            on_top = np.setdiff1d(cells[code], cut)
            cells[code] = on_top if on_top.size else cells[code]
    return cells


def _sites(district: "District", grid: "Grid") -> dict[str, Cells]:
    """Where water would stand at each building, and at each board or transformer in a cabinet or a building."""
    sites = {
        code: cells_beside(district, grid, shape) for code, shape in district.entities["buildings"].geometry.items()
    }
    for table in ("power_buses", "transformers"):
        if table not in district.entities:
            continue
        for row in district.entities[table].itertuples():
            host = str(getattr(row, "building_code", ""))
            point = row.geometry
            sites[row.Index] = sites[host] if host in sites else np.array([site_cell(district, grid, point.x, point.y)])
    return sites


class _Writer(Network):
    def __init__(self, district: "District", scenario: Scenario, reality: Reality, ground_: Ground) -> None:
        super().__init__(district, scenario, reality)
        self.ground = ground_
        self.text = Text([*SECTIONS[:-1], "DWF", "REPORT"])
        self.level = ground_.grid.ground_m.ravel()

    def write(self, *, coupled: bool) -> CityWaterModel:
        self._options(ROUTING_STEP_S, {"WET_STEP": WET_STEP, **TOLERANCES})
        self._rain()
        self._nodes()
        self._conduits()
        self._station()
        self._series()
        self._wrong_connections()
        names = dict(self.links_with_codes)
        ground_, scenario = self.ground, self.scenario
        manholes = [code for code in self.nodes if code in ground_.manhole_cell]
        number = {code: k for k, code in enumerate(manholes)}
        gratings = np.array(ground_.inlet_gratings)
        opening, edge = self._gullies()
        cells = np.array(ground_.inlet_cell, np.int64)
        return CityWaterModel(
            text=str(self.text),
            controls="[CONTROLS]\n" + "\n".join(self.standing) + "\n" if self.standing else "",
            nodes=tuple(self.name[code] for code in self.nodes),
            node_codes=tuple(self.nodes),
            links=tuple(names),
            link_codes=tuple(names.values()),
            rules=self.rules,
            pumps_kw={name: power for name, (power, _) in self.pumps.items()},
            step_s=ROUTING_STEP_S,
            rest_s=REST_STEP_S,
            report_s=scenario.report_step_s,
            horizon_s=scenario.horizon_s,
            grid=ground_.grid,
            rain_share=ground_.rain_share,
            inland=ground_.inland,
            ground_m2=sum(ground_.area_m2.values()),
            manholes=Manholes(
                tuple(self.name[code] for code in manholes),
                np.array([ground_.manhole_cell[code] for code in manholes], np.int64),
            ),
            inlets=Inlets(
                cells,
                np.array([number[code] for code in ground_.inlet_junction], np.int64),
                opening * gratings,
                edge * gratings,
            ),
            streets=ground_.streets,
            sites=ground_.sites,
            forcing_s=FORCING_S,
            rain_mm_h=self._rain_each_minute(),
            sea_m=scenario.tide.level_m(self._minutes()),
            coupled=coupled,
        )

    def _gullies(self) -> tuple[float, float]:
        """Opening [m²] and edge [m] of one grating as it really is."""
        return GULLY_OPENING_M2 * self.reality.inlet_factor, GULLY_EDGE_M * self.reality.inlet_factor

    def _junction(self, row: Any) -> tuple[float, ...]:  # noqa: ANN401 - a row of the junctions
        spills_m = row.rim_m if row.kind != "manhole" else self.level[self.ground.manhole_cell[row.Index]]
        return float(spills_m) - row.invert_m, 0, 0, 0

    def _ground(self, row: Any) -> tuple[float, float]:  # noqa: ANN401 - a row of the subcatchments
        return self.ground.area_m2[row.Index], self.ground.impervious[row.Index]

    def _wrong_connections(self) -> None:
        if "wrong_connections" not in self.district.entities:
            return
        for row in rows(self.district, "wrong_connections"):
            self.text.add("DWF", self.name[row.junction_code], "FLOW", float(row.dry_weather_m3s))

    def _minutes(self) -> Any:  # noqa: ANN401 - pandas' index
        import pandas as pd

        return pd.date_range(self.scenario.start, periods=self.scenario.horizon_s // FORCING_S + 2, freq="1min")

    def _rain_each_minute(self) -> Floats:
        scenario = self.scenario
        delay = int((scenario.storm_start - scenario.start).total_seconds()) // FORCING_S
        rain = np.zeros(scenario.horizon_s // FORCING_S + 1)
        each = np.repeat(scenario.storm.intensity_mm_h, scenario.storm.step_s // FORCING_S)[: max(0, rain.size - delay)]
        rain[delay : delay + each.size] = each * self.reality.rain_factor
        return rain

    def _refuse_tide(self, levels_m: Floats) -> None:
        """None: the sea may run over the quay."""
        if not np.isfinite(levels_m).all():
            raise TwinError(f"Scenario {self.scenario.name!r}, tide", "a level that is no number")
