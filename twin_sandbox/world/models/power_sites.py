"""At which depth of water on the ground the switchgear of a board or transformer fails."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.engines.power.model import Floats
from twin_sandbox.world.models.surface import cells_beside, site_cell, surface_grid

if TYPE_CHECKING:
    from twin_sandbox.entities import District

ENTRY_M = 0.05
"""Least depth of water on the ground that reaches switchgear: below it nothing runs over a door sill."""


@lru_cache(maxsize=2)
def failing_depths(district: "District") -> tuple[tuple[str, ...], Floats]:
    """Codes of all buses and transformers, and the depth [m] above the ground there at which each fails.

    Their flood level is above the city datum; the ground is the one from which the surface tells depths: beside a
    building the lowest, else that of the site's cell. In a basement the level lies below the ground: water gets there
    over the sill of the ground floor, and then at once (filling a basement takes minutes).
    """
    grid, buildings = surface_grid(district), district.entities["buildings"]
    ground_m = grid.ground_m.ravel()
    beside_m: dict[str, float] = {}
    codes: list[str] = []
    limits: list[float] = []
    for table in ("power_buses", "transformers"):
        rows = district.entities[table]
        for code, point, level_m, host in zip(
            rows.index, rows.geometry, rows["flood_level_m"], rows["building_code"], strict=True
        ):
            if host in buildings.index:
                if host not in beside_m:
                    cells = cells_beside(district, grid, buildings.geometry[host])
                    beside_m[host] = float(ground_m[cells].min())
                here_m, reached_m = beside_m[host], max(float(level_m), float(buildings["floor_m"][host]))
            else:
                here_m, reached_m = float(ground_m[site_cell(district, grid, point.x, point.y)]), float(level_m)
            codes.append(str(code))
            limits.append(max(reached_m - here_m, ENTRY_M))
    return tuple(codes), np.array(limits)
