"""From a district's plane metres to the degrees that deck.gl draws in."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Frame:
    """The plane system of a district.

    Args:
        crs: anything pyproj reads, e.g. ``"EPSG:4549"``.
        bounds_m: west, south, east and north edge of the district [m].
    """

    crs: str
    bounds_m: tuple[float, float, float, float]

    @cached_property
    def _to_degrees(self) -> Any:  # noqa: ANN401 - pyproj's transformer has no public type
        from pyproj import Transformer

        return Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)

    def degrees(self, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.float64]:
        """Longitude and latitude [degree] as the last axis; seven decimals are a centimetre."""
        longitude, latitude = self._to_degrees.transform(x_m, y_m)
        return np.round(np.stack([longitude, latitude], axis=-1), 7)

    def path(self, coordinates: ArrayLike) -> list[list[float]]:
        """A line or ring of plane points as pairs of degrees."""
        points = np.asarray(coordinates, dtype=np.float64)
        pairs: list[list[float]] = self.degrees(points[:, 0], points[:, 1]).tolist()
        return pairs

    def corners(self, west_m: float, south_m: float, east_m: float, north_m: float) -> list[list[float]]:
        """Where a picture's corners lie: bottom left, top left, top right, bottom right."""
        return self.path([(west_m, south_m), (west_m, north_m), (east_m, north_m), (east_m, south_m)])

    @property
    def centre_m(self) -> tuple[float, float]:
        """Middle of the district, easting and northing [m]."""
        west, south, east, north = self.bounds_m
        return (west + east) / 2, (south + north) / 2
