"""Land and sea: the shore line, the harbour basin and its moles."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from twin_sandbox.generate.curves import Floats, spline
from twin_sandbox.generate.recipe import Recipe


@dataclass(frozen=True)
class Coast:
    """Polygons in local metres: land and sea reach 60 m beyond the frame, the moles stand in the sea."""

    land: shapely.Geometry
    sea: shapely.Geometry
    moles: shapely.Geometry
    beach: shapely.Geometry
    shore: LineString


def draw_coast(recipe: Recipe) -> Coast:
    """The coast of the recipe."""
    shore = LineString(spline(np.asarray(recipe.value("coast.line"), float), 10.0))
    west, east, north = -60.0, recipe.width_m + 60.0, recipe.height_m + 60.0
    mainland = Polygon([*shore.coords, (shore.coords[-1][0], north), (shore.coords[0][0], north)])
    mainland = mainland.intersection(shapely.box(west, -60.0, east, north))
    land = mainland.difference(Polygon(recipe.value("coast.basin")))
    moles = shapely.union_all([Polygon(mole) for mole in recipe.value("coast.moles")])
    land = shapely.set_precision(land, 0.01)
    sea = shapely.box(west, -400.0, east, north).difference(land)
    return Coast(land, sea, moles, _beach(recipe, shore).intersection(land), shore)


def beach_width_m(recipe: Recipe, x_m: Floats) -> Floats:
    """Width of the beach at an easting: full in its middle, tapering to nothing over its last 110 m."""
    west, east = recipe.value("coast.beach_x_m")
    taper = np.clip(np.minimum(x_m - west, east - x_m) / 110.0, 0.0, 1.0)
    return np.asarray(recipe.number("coast.beach_width_m") * taper * (2.0 - taper))


def _beach(recipe: Recipe, shore: LineString) -> shapely.Geometry:
    points = shapely.get_coordinates(shapely.segmentize(shore, 10.0))
    width = beach_width_m(recipe, points[:, 0])
    points, width = points[width > 0], width[width > 0]
    inner = points + np.column_stack([np.zeros_like(width), width])
    outer = points - [0.0, 5.0]
    return Polygon(np.vstack([outer, inner[::-1]]))
