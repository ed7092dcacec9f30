"""The ground as rasters: height, what covers it, and which low area it drowns with."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Cover(NamedTuple):
    """A class of land cover, by its English and Chinese name.

    impervious_share is the part of it that sheds rain at once; runoff_coefficient is ψ of GB 50014-2021, table 4.1.8
    (paved and roofs 0.85 to 0.95, gravel 0.40 to 0.50, green 0.10 to 0.20).
    """

    name_en: str
    name_zh: str
    impervious_share: float
    runoff_coefficient: float


LAND_COVER = {
    0: Cover("sea", "海", 0.0, 0.0),
    1: Cover("street", "道路", 0.95, 0.90),
    2: Cover("building", "建筑", 1.0, 0.90),
    3: Cover("paved yard", "铺装场地", 0.85, 0.85),
    4: Cover("garden", "绿化庭院", 0.15, 0.20),
    5: Cover("park", "公园", 0.08, 0.15),
    6: Cover("quay", "码头", 0.95, 0.90),
    7: Cover("beach", "沙滩", 0.05, 0.10),
}


@dataclass(frozen=True)
class Terrain:
    """Rasters of one grid; row 0 is the northernmost, column 0 the westernmost.

    Attributes:
        elevation_m: float32[ny, nx], bare ground above the city datum (no roofs, no bridge decks), 0.01 m.
        land_cover: uint8[ny, nx], keys of `LAND_COVER`.
        low_area: int16[ny, nx], -1 or the row number of the low area that the cell drowns with. It holds the pool
            below the sill and the rim up to 0.4 m above it.
        x_min_m: western edge of column 0, easting.
        y_max_m: northern edge of row 0, northing.
        cell_m: side of a cell.
    """

    elevation_m: NDArray[np.float32]
    land_cover: NDArray[np.uint8]
    low_area: NDArray[np.int16]
    x_min_m: float
    y_max_m: float
    cell_m: float

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge: x_min, y_min, x_max, y_max."""
        ny, nx = self.elevation_m.shape
        return (
            self.x_min_m,
            self.y_max_m - ny * self.cell_m,
            self.x_min_m + nx * self.cell_m,
            self.y_max_m,
        )

    def cell(self, x_m: float, y_m: float) -> tuple[int, int]:
        """Row and column of the cell that holds a point; points outside give the nearest edge cell."""
        ny, nx = self.elevation_m.shape
        row = int((self.y_max_m - y_m) // self.cell_m)
        column = int((x_m - self.x_min_m) // self.cell_m)
        return min(max(row, 0), ny - 1), min(max(column, 0), nx - 1)


RASTERS = ("elevation_m", "land_cover", "low_area")


def read_terrain(folder: Path, x_min_m: float, y_max_m: float, cell_m: float) -> Terrain:
    """Read the three rasters of a built district."""
    elevation, cover, low_area = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in RASTERS)
    return Terrain(elevation, cover, low_area, x_min_m, y_max_m, cell_m)
