"""Land cover on the terrain grid."""

import numpy as np
import shapely
from numpy.typing import NDArray

from twin_sandbox.generate.blocks import Block, Building
from twin_sandbox.generate.coast import Coast
from twin_sandbox.generate.ground import Grid
from twin_sandbox.generate.streets import Street

# share of the free ground of a block that is paved; the rest is garden
PAVED = {
    "old_town": 0.75,
    "slabs": 0.45,
    "towers": 0.45,
    "office": 0.65,
    "shops": 0.85,
    "school": 0.5,
    "hospital": 0.6,
    "villas": 0.25,
}


def cover_land(
    grid: Grid,
    coast: Coast,
    blocks: list[Block],
    buildings: list[Building],
    streets: list[Street],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """uint8 raster of `twin_sandbox.entities.LAND_COVER`; later layers lie on earlier ones."""
    chance = rng.random(grid.x_m.shape)
    cover = np.where(grid.inside(coast.land) | grid.inside(coast.moles), 6, 0).astype(np.uint8)
    for block in blocks:
        if block.zone not in PAVED and block.zone != "park":
            continue
        inside = grid.inside(block.shape)
        if block.zone in PAVED:
            cover[inside] = np.where(chance < PAVED[block.zone], 3, 4)[inside]
        else:
            cover[inside] = 5
    cover[grid.inside(coast.beach) & (cover > 0)] = 7
    cover[grid.inside(shapely.union_all([s.line.buffer(s.width_m / 2) for s in streets])) & (cover > 0)] = 1
    cover[grid.inside(shapely.union_all([b.footprint for b in buildings])) & (cover > 0)] = 2
    return cover
