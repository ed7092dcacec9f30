"""Sea, land and relief of a map."""

from typing import Any

import matplotlib as mpl
import numpy as np
import shapely
from numpy.typing import NDArray

from twin_sandbox.entities import District
from twin_sandbox.generate.coast import Coast
from twin_sandbox.generate.picture_ink import areas, between

LAND_USE = {
    "R": ("#f1ead9", "housing", "居住"),
    "B": ("#f3dfd2", "business", "商业"),
    "A": ("#eadfec", "public services", "公共服务"),
    "W": ("#dfdfdd", "port", "港口"),
    "S": ("#e4e2dc", "quay", "码头"),
    "G": ("#bcd8a4", "park", "公园"),
}
SEA = ("#d7e8e6", "#b9d5db", "#9dc1cd", "#86aec0", "#769fb5")
LIGHT = (-0.62, 0.62)  # the sun stands in the north-west, as on maps


def _fine(values: NDArray[Any], factor: int = 5) -> NDArray[np.float64]:
    """A raster on a finer grid, smooth."""
    from scipy.ndimage import gaussian_filter, zoom

    return np.asarray(gaussian_filter(zoom(np.asarray(values, float), factor, order=1), factor * 0.8))


def draw_sea(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    """The sea, deeper where it is darker, with lines of equal depth every metre."""
    terrain = district.terrain
    west, south, east, north = terrain.bounds_m
    # under the land the bed goes on as at the shore, so that no land colour bleeds into the water
    deep = _fine(np.clip(-terrain.elevation_m, 0.0, None))
    ramp = mpl.colors.LinearSegmentedColormap.from_list("sea", SEA)
    colours = ramp(np.clip(deep / 7.0, 0.0, 1.0))
    axes.imshow(colours, extent=(west, east, south, north), interpolation="bilinear", zorder=0)
    contours = axes.contour(
        np.linspace(west, east, deep.shape[1]),
        np.linspace(north, south, deep.shape[0]),
        deep,
        levels=[1, 2, 3, 4, 5, 6],
        colors="#ffffff",
        linewidths=0.45,
        alpha=0.5,
        zorder=0.5,
    )
    contours.set_zorder(0.5)


def draw_land(axes: Any, district: District, coast: Coast) -> None:  # noqa: ANN401 - likewise
    """Shore, moles, blocks by use, beach, and the relief in the light from the north-west."""
    shore = shapely.union_all([coast.land, coast.moles])
    areas(axes, [shore.buffer(9)], facecolor="#e3f0ec", edgecolor="none", alpha=0.55, zorder=0.6)
    areas(axes, [shore.buffer(4)], facecolor="#eef6f2", edgecolor="none", alpha=0.75, zorder=0.7)
    areas(axes, [coast.land], facecolor="#eceae3", edgecolor="#8d8b82", linewidth=0.7, zorder=1)
    areas(axes, [coast.moles], facecolor="#d5d1c6", edgecolor="#7f7b70", linewidth=0.9, zorder=1.1)
    blocks = district.entities["blocks"]
    for use, part in blocks.groupby("land_use"):
        if use not in LAND_USE:
            continue
        for green, own in part.groupby((part["green_share"] // 0.1) / 10):
            # leafy quarters look it
            colour = between(LAND_USE[use][0], "#dbe8c6", min(1.0, float(green) * 1.3) if use == "R" else 0.0)
            areas(axes, own.geometry, facecolor=colour, edgecolor="none", zorder=1.2)
    areas(axes, [coast.beach], facecolor="#ecdcae", edgecolor="none", zorder=1.3)
    _relief(axes, district, coast)


def _relief(axes: Any, district: District, coast: Coast) -> None:  # noqa: ANN401 - likewise
    terrain = district.terrain
    west, south, east, north = terrain.bounds_m
    height = _fine(np.clip(terrain.elevation_m, 1.0, None))
    down, right = np.gradient(height * 1.6, 1.0)
    steep = np.sqrt(1 + down * down + right * right)
    light = (1.0 - LIGHT[0] * right + LIGHT[1] * down) / steep
    gap = np.clip((light - light.mean()) * 1.1, -0.3, 0.3)
    grey = np.where(gap < 0, 0.1, 1.0)
    picture = np.dstack([grey, grey, grey, np.abs(gap)])
    image = axes.imshow(picture, extent=(west, east, south, north), interpolation="bilinear", zorder=1.4)
    ring = max(shapely.get_parts(coast.land), key=lambda part: part.area).exterior
    image.set_clip_path(mpl.path.Path(np.asarray(ring.coords)), transform=axes.transData)
    hill = axes.contour(
        np.linspace(west, east, height.shape[1]),
        np.linspace(north, south, height.shape[0]),
        height,
        levels=np.arange(8, 60, 4),
        colors="#6f8f55",
        linewidths=0.4,
        alpha=0.6,
    )
    hill.set_zorder(1.5)
