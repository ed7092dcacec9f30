"""The ground: a plain that falls to the quay, a hill, kerbs, sags, the underpass, the sea bed."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin_sandbox.generate.coast import Coast, beach_width_m
from twin_sandbox.generate.curves import Floats, bump, unevenness
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.streets import Street


@dataclass(frozen=True)
class Grid:
    """Cell centres in local metres; row 0 is the northernmost."""

    x_m: Floats
    y_m: Floats
    cell_m: float

    @classmethod
    def of(cls, recipe: Recipe) -> "Grid":
        """The recipe's frame in cells."""
        cell = recipe.cell_m
        xs = np.arange(round(recipe.width_m / cell)) * cell + cell / 2
        ys = recipe.height_m - cell / 2 - np.arange(round(recipe.height_m / cell)) * cell
        x, y = np.meshgrid(xs, ys)
        return cls(x, y, cell)

    def inside(self, shape: shapely.Geometry) -> NDArray[np.bool_]:
        """Which cells have their centre in ``shape``."""
        shapely.prepare(shape)
        return np.asarray(shapely.contains_xy(shape, self.x_m, self.y_m))

    def distance_m(self, shape: shapely.Geometry) -> Floats:
        """Distance of each cell's centre from ``shape``."""
        shapely.prepare(shape)
        return np.asarray(shapely.distance(shape, shapely.points(self.x_m, self.y_m)))

    def cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        """Row and column of the cell that holds a point."""
        ny, nx = self.x_m.shape
        row = int((self.y_m[0, 0] + self.cell_m / 2 - y_m) // self.cell_m)
        return min(max(row, 0), ny - 1), min(max(int(x_m // self.cell_m), 0), nx - 1)


@dataclass(frozen=True)
class Sag:
    """A low stretch of a street."""

    x_m: float
    y_m: float
    depth_m: float
    radius_m: float


def place_sags(recipe: Recipe, streets: list[Street], rng: np.random.Generator) -> list[Sag]:
    """Move the recipe's sags onto the nearest street; depth and reach vary by a tenth."""
    lines = [street.line for street in streets if street.street_class != "underpass"]
    sags = []
    for row in recipe.value("terrain.sag"):
        spot = shapely.Point(row["x"] + 24 * (rng.random() - 0.5), row["y"] + 24 * (rng.random() - 0.5))
        line = min(lines, key=spot.distance)
        on = line.interpolate(line.project(spot))
        if min(on.distance(shapely.Point(end)) for end in (line.coords[0], line.coords[-1])) < 30:
            on = min((shapely.Point(end) for end in (line.coords[0], line.coords[-1])), key=on.distance)
        depth, radius = (row[key] * (0.95 + 0.1 * rng.random()) for key in ("depth_m", "radius_m"))
        sags.append(Sag(on.x, on.y, depth, radius))
    return sags


def shape_ground(
    recipe: Recipe,
    grid: Grid,
    coast: Coast,
    streets: list[Street],
    sags: list[Sag],
    rng: np.random.Generator,
) -> Floats:
    """Bare ground of every cell, sea bed included, above the city datum; 0.01 m."""
    land = grid.inside(coast.land)
    from_shore = np.where(land, grid.distance_m(coast.sea), grid.distance_m(coast.land))
    inland = np.where(land, from_shore, 0.0)
    plain = recipe.number("terrain.plain_m")
    height = recipe.number("terrain.quay_m") + recipe.number("terrain.slope") * np.minimum(inland, plain)
    rise = np.clip(inland - plain, 0.0, None)
    height += recipe.number("terrain.rise_slope") * rise
    wave = 0.7 * unevenness(rng, grid.x_m, grid.y_m, 260.0) + 0.3 * unevenness(rng, grid.x_m, grid.y_m, 110.0)
    height += recipe.number("terrain.unevenness_m") * wave * np.clip(inland / 120.0, 0.0, 1.0) * (1.0 + rise / 120.0)
    hill = recipe.value("terrain.hill")
    height += hill["height_m"] * bump(_distance(grid, hill["x"], hill["y"]), hill["radius_m"])

    from_street = np.full(grid.x_m.shape, np.inf)
    for street in streets:
        if street.street_class != "underpass":
            near = _near(grid, street.line, street.width_m / 2 + 60.0)
            gap = shapely.distance(street.line, shapely.points(grid.x_m[near], grid.y_m[near])) - street.width_m / 2
            from_street[near] = np.minimum(from_street[near], gap)
    off_street = from_street > 0
    yard = recipe.number("terrain.kerb_m") + recipe.number("terrain.block_fall") * np.clip(from_street, 0.0, 50.0)
    height += np.where(off_street, yard, 0.0) * np.clip(inland / 40.0, 0.0, 1.0)
    for sag in sags:
        dip = sag.depth_m * bump(_distance(grid, sag.x_m, sag.y_m), sag.radius_m)
        height -= dip * np.where(off_street, 0.92, 1.0)

    height = _underpass(recipe, grid, streets, height)
    beach = grid.inside(coast.beach)
    rising = np.minimum(1.0, from_shore / np.maximum(beach_width_m(recipe, grid.x_m), 1.0))
    height = np.where(beach, -0.4 + rising * (height + 0.4), height)
    bed = _sea_bed(recipe, grid, coast, from_shore)
    height = np.where(land, height, bed)
    height = np.where(grid.inside(coast.moles) & ~land, recipe.number("terrain.quay_m") + 0.6, height)
    return np.round(height, 2)


def _near(grid: Grid, line: shapely.Geometry, reach_m: float) -> tuple[slice, slice]:
    west, south, east, north = line.bounds
    top, left = grid.cell(west - reach_m, north + reach_m)
    bottom, right = grid.cell(east + reach_m, south - reach_m)
    return slice(top, bottom + 1), slice(left, right + 1)


def _distance(grid: Grid, x_m: float, y_m: float) -> Floats:
    dx, dy = grid.x_m - x_m, grid.y_m - y_m
    return np.asarray(np.sqrt(dx * dx + dy * dy))


def _underpass(recipe: Recipe, grid: Grid, streets: list[Street], height: Floats) -> Floats:
    """Cut the ramps into the ground; parapets and a hump at each ramp's head keep the streets' water out."""
    (street,) = (street for street in streets if street.street_class == "underpass")
    floor, ramp = recipe.number("underpass.floor_m"), recipe.number("underpass.ramp_m")
    points = shapely.points(grid.x_m, grid.y_m)
    along = np.abs(np.asarray(shapely.line_locate_point(street.line, points)) - street.line.length / 2)
    aside = np.asarray(shapely.distance(street.line, points))
    half = recipe.number("underpass.cut_width_m") / 2
    fall = np.clip((floor / 2 + ramp - along) / ramp, 0.0, 1.0)
    reach = floor / 2 + ramp
    wall = (aside < half + 8.0) & (along < reach + 8.0)
    level = float(height[grid.cell(*street.line.interpolate(0.5, normalized=True).coords[0])])
    rim = np.maximum(height, level) + recipe.number("underpass.parapet_m")
    height = np.where(wall, rim, height)
    cut = (aside < half) & (along < reach)
    return np.where(
        cut,
        np.minimum(
            height,
            level
            + recipe.number("underpass.parapet_m")
            - fall * (recipe.number("underpass.depth_m") + recipe.number("underpass.parapet_m")),
        ),
        height,
    )


def _sea_bed(recipe: Recipe, grid: Grid, coast: Coast, from_shore: Floats) -> Floats:
    off_beach = grid.distance_m(coast.beach)
    at_wall = recipe.number("coast.quay_bed_m")
    deep = recipe.number("coast.bed_slope") * from_shore
    blend = np.clip(off_beach / 120.0, 0.0, 1.0)
    start = -0.4 * (1.0 - blend) + at_wall * blend
    return np.asarray(start - deep - 0.02 * np.minimum(off_beach, from_shore) * (1.0 - blend))
