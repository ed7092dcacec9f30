"""The district on the drawing board, in local metres: everything decided, nothing yet in tables."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point

from twin_sandbox.errors import TwinError
from twin_sandbox.generate import low_areas as low
from twin_sandbox.generate.blocks import Block, Building, build_blocks, cut_blocks, house_people, raise_landmarks
from twin_sandbox.generate.catchments import Catchment, draw_catchments
from twin_sandbox.generate.coast import Coast, draw_coast
from twin_sandbox.generate.cover import cover_land
from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.ground import Grid, place_sags, shape_ground
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.sewers import Sewers, lay_pipes, place_manholes, size_pipes
from twin_sandbox.generate.station import Outlet, Station, build_station, gravity_outlet
from twin_sandbox.generate.streets import Street, lay_streets


@dataclass
class Draft:
    """The district in local metres, before it becomes tables."""

    recipe: Recipe
    grid: Grid
    coast: Coast
    streets: list[Street]
    blocks: list[Block]
    buildings: list[Building]
    height_m: Floats
    cover: NDArray[np.uint8]
    hollows: list[low.Hollow]
    sink: NDArray[np.int16]
    extent: NDArray[np.int16]
    spills: list[int]
    sewers: Sewers
    catchments: list[Catchment]
    station: Station
    outlets: list[Outlet]
    people: list[int]
    floors_m: list[float]


def draft_district(recipe: Recipe) -> Draft:
    """Draw the district: coast, streets, ground, blocks, low areas, sewers, in this order.

    Each part has its own stream of chance, so that a change to one leaves the others as they are.

    Raises:
        TwinError: the recipe's parts do not fit together.
    """
    chance = [np.random.Generator(np.random.PCG64(seq)) for seq in np.random.SeedSequence(recipe.seed).spawn(6)]
    grid, coast = Grid.of(recipe), draw_coast(recipe)
    streets = lay_streets(recipe, coast.land, chance[0])
    if sum(street.street_class == "underpass" for street in streets) != 1:
        raise TwinError(f"{recipe.path}, street", "the underpass lies outside the land", then="Move its line.")
    sags = place_sags(recipe, streets, chance[1])
    height = shape_ground(recipe, grid, coast, streets, sags, chance[2])
    sewers = place_manholes(recipe, streets, sags)

    ashore = grid.inside(coast.land) | grid.inside(coast.moles)
    keep = np.array([np.ravel_multi_index(grid.cell(h.x_m, h.y_m), height.shape) for h in sewers.manholes])
    height, found, hollows = low.condition(
        height,
        ~ashore,
        keep,
        recipe.number("terrain.least_depth_m"),
        recipe.number("terrain.least_volume_m3"),
        grid.cell_m,
    )
    height = np.round(height, 2)
    sink = low.sinks(found, hollows)
    extent = low.extents(height, found, hollows, sink)
    spills = [int(sink[hollow.outlet]) for hollow in hollows]

    blocks = cut_blocks(recipe, coast, streets)
    station_plan = recipe.value("drainage.station")
    site = Point(station_plan["tank_x"], station_plan["tank_y"]).buffer(24.0)
    clear = coast.beach.union(site)
    landmarks = raise_landmarks(recipe)
    clear = shapely.union_all([clear, *(landmark.footprint.buffer(7.0) for landmark in landmarks)])
    buildings = [*landmarks, *build_blocks(blocks, clear, chance[3])]
    cover = cover_land(grid, coast, blocks, buildings, streets, chance[4])

    for hole in sewers.manholes:
        hole.rim_m = round(float(height[grid.cell(hole.x_m, hole.y_m)]), 2)
    frame = shapely.box(0, 0, recipe.width_m, recipe.height_m)
    land = coast.land.intersection(frame)
    catchments = draw_catchments(sewers.manholes, land, grid, cover, height)
    for hole, catchment in zip(sewers.manholes, catchments, strict=True):
        hole.area_ha, hole.coefficient = catchment.area_m2 / 1e4, catchment.coefficient
    lay_pipes(recipe, sewers, grid, height)
    loads = size_pipes(recipe, sewers)
    tank_ground = float(height[grid.cell(station_plan["tank_x"], station_plan["tank_y"])])
    station = build_station(recipe, sewers, loads[sewers.roots[0]], tank_ground)
    outlets = [gravity_outlet(recipe, sewers, k, loads[root]) for k, root in enumerate(sewers.roots[1:])]
    people = house_people(buildings, int(recipe.number("district.residents")))
    return Draft(
        recipe=recipe,
        grid=grid,
        coast=coast,
        streets=streets,
        blocks=blocks,
        buildings=buildings,
        height_m=height,
        cover=cover,
        hollows=hollows,
        sink=sink,
        extent=extent,
        spills=spills,
        sewers=sewers,
        catchments=catchments,
        station=station,
        outlets=outlets,
        people=people,
        floors_m=floor_levels(grid, height, buildings, chance[5]),
    )


FLOOR_STEP_M = {"old_town": 0.02, "shops": 0.02, "port": 0.05}
"""Least step from the ground to the ground floor by zone; elsewhere 0.1 m."""


def floor_levels(grid: Grid, height_m: Floats, buildings: list[Building], rng: np.random.Generator) -> list[float]:
    """Ground floors: the doorstep, a step, and up to 0.2 m.

    The doorstep is where a quarter of the ground below the plan and one cell around it is lower; on a slope at most
    0.15 m below the middle, for there a house is dug in.
    """
    floors = []
    for building in buildings:
        ground = height_m[grid.inside(building.footprint.buffer(grid.cell_m * 0.71))]
        step = FLOOR_STEP_M.get(building.zone, 0.1) + 0.2 * float(rng.random())
        doorstep = max(float(np.quantile(ground, 0.25, method="lower")), float(np.median(ground)) - 0.15)
        floors.append(round(doorstep + step, 2))
    return floors
