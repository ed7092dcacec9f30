"""Land and sea: the shore line, the harbour basin and its moles."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from twin_sandbox.generate.curves import spline
from twin_sandbox.generate.recipe import Recipe


@dataclass(frozen=True)
class Coast:
    """Polygons in local metres: the land reaches 60 m beyond the frame, the moles stand in the sea."""

    land: shapely.Geometry
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
    beach_west, beach_east = recipe.value("coast.beach_x_m")
    beach = (
        shore.buffer(recipe.number("coast.beach_width_m"))
        .intersection(land)
        .intersection(shapely.box(beach_west, -60, beach_east, north))
    )
    return Coast(shapely.set_precision(land, 0.01), moles, beach, shore)
