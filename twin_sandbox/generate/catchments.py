"""Subcatchments: the land nearest to each manhole."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin_sandbox.entities.terrain import LAND_COVER
from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.ground import Grid
from twin_sandbox.generate.sewers import Manhole


@dataclass(frozen=True)
class Catchment:
    """The land of one manhole."""

    shape: shapely.Geometry
    area_m2: float
    impervious_share: float
    coefficient: float
    slope: float
    width_m: float


def draw_catchments(
    manholes: list[Manhole], land: shapely.Geometry, grid: Grid, cover: NDArray[np.uint8], height_m: Floats
) -> list[Catchment]:
    """Thiessen polygons of the manholes on the land, with the means of their cells.

    Slope is the mean steepness of the cells, at least 0.001; width is area by a flow length of 45 m in
    streets and yards, 90 m where most is green.
    """
    points = shapely.multipoints([(hole.x_m, hole.y_m) for hole in manholes])
    cells = list(shapely.get_parts(shapely.voronoi_polygons(points, extend_to=land)))
    tree = shapely.STRtree(cells)
    share = np.array([LAND_COVER[k].impervious_share for k in range(len(LAND_COVER))])[cover]
    coefficient = np.array([LAND_COVER[k].runoff_coefficient for k in range(len(LAND_COVER))])[cover]
    south, east = np.gradient(height_m, grid.cell_m)
    steep = np.clip(np.sqrt(south * south + east * east), 0.0, 0.5)
    ashore = cover > 0
    catchments = []
    for hole in manholes:
        (which,) = tree.query(shapely.Point(hole.x_m, hole.y_m), predicate="within")[:1]
        shape = shapely.set_precision(cells[int(which)].intersection(land), 0.01)
        inside = grid.inside(shape) & ashore
        count = int(inside.sum())
        impervious = float(share[inside].sum()) / count if count else 0.5
        mean = float(coefficient[inside].sum()) / count if count else 0.5
        slope = float(np.median(steep[inside])) if count else 0.002
        length = 45.0 if impervious > 0.35 else 90.0
        catchments.append(
            Catchment(
                shape,
                round(shape.area, 0),
                round(impervious, 3),
                round(mean, 3),
                round(max(slope, 0.001), 4),
                round(max(shape.area / length, 5.0), 1),
            )
        )
    return catchments
