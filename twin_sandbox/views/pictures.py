"""Two pictures that the map lies on: the ground, and the water standing on it."""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin_sandbox.views.palette import depth_colours

if TYPE_CHECKING:
    from twin_sandbox.entities.terrain import Terrain

RIM_CELLS = 80
"""The ground is drawn on beyond the district by so many cells, fading: no edge of the world."""
GROUND_PIXELS = 1280
FINER = 3
"""Pixels of the water picture to a terrain cell, along each axis."""
SHALLOWEST_M = 0.02
"""Thinner water is a wet street, not a flood."""

_SEA, _BEACH, _QUAY, _PARK, _GARDEN = 0, 7, 6, 5, 4
# Tint of the ground by height [m]; and what land cover adds to it.
_LAND = (
    (0.0, (217, 209, 190)),
    (2.2, (221, 218, 201)),
    (5.0, (208, 214, 193)),
    (14.0, (193, 207, 179)),
    (36.0, (174, 191, 163)),
)
_DEPTHS = ((0.0, (205, 221, 221)), (1.5, (187, 208, 213)), (5.0, (163, 190, 200)), (12.0, (146, 176, 189)))
_COVER_TINT = {_PARK: (176, 202, 156), _GARDEN: (200, 212, 182), _QUAY: (205, 203, 198), _BEACH: (233, 220, 190)}
_SUN_FROM, _SUN_HEIGHT, _RELIEF = np.radians(315), np.radians(45), 3.2


def _ramp(value: NDArray[np.float64], stops: tuple[tuple[float, tuple[int, int, int]], ...]) -> NDArray[np.float64]:
    knots = [stop for stop, _ in stops]
    return np.stack([np.interp(value, knots, [colour[i] for _, colour in stops]) for i in range(3)], axis=-1)


def _resized(field: ArrayLike, width: int, height: int) -> NDArray[np.float64]:
    from PIL import Image

    picture = Image.fromarray(np.asarray(field, dtype=np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)


def _hillshade(height_m: NDArray[np.float64], pixel_m: float) -> NDArray[np.float64]:
    """Light that falls on each pixel [share], the sun in the north-west."""
    slope_down, slope_right = np.gradient(height_m * _RELIEF, pixel_m)
    east, north, up = -slope_right, slope_down, np.ones_like(height_m)
    light = (
        east * np.sin(_SUN_FROM) * np.cos(_SUN_HEIGHT)
        + north * np.cos(_SUN_FROM) * np.cos(_SUN_HEIGHT)
        + up * np.sin(_SUN_HEIGHT)
    )
    shade: NDArray[np.float64] = np.clip(light / np.sqrt(east**2 + north**2 + up**2), 0.0, 1.0)
    return shade


def _smooth(field: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    smooth: NDArray[np.float64] = gaussian_filter(field, sigma, mode="nearest")
    return smooth


def _land_only(elevation_m: NDArray[np.float64], sea: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Heights with the sea filled from the nearest land, so that a quay wall casts no cliff."""
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(sea, return_distances=False, return_indices=True)
    filled: NDArray[np.float64] = elevation_m[tuple(nearest)]
    return filled


def webp(pixels: NDArray[np.uint8], quality: int = 86, method: int = 1) -> bytes:
    """An RGBA picture as WebP."""
    from PIL import Image

    data = BytesIO()
    Image.fromarray(pixels).save(data, "WEBP", quality=quality, method=method, exact=True)
    return data.getvalue()


def ground_bounds_m(terrain: "Terrain") -> tuple[float, float, float, float]:
    """West, south, east and north edge of :func:`ground_picture` [m]."""
    west, south, east, north = terrain.bounds_m
    rim_m = RIM_CELLS * terrain.cell_m
    return west - rim_m, south - rim_m, east + rim_m, north + rim_m


def ground_picture(terrain: "Terrain") -> NDArray[np.uint8]:
    """Hillshade × height tint of the land, a muted sea, fading to nothing at the rim; uint8[height, width, 4]."""
    elevation = np.pad(terrain.elevation_m.astype(np.float64), RIM_CELLS, mode="edge")
    cover = np.pad(terrain.land_cover, RIM_CELLS, mode="edge")
    rows, columns = elevation.shape
    width = GROUND_PIXELS
    height = round(width * rows / columns)
    pixel_m = columns * terrain.cell_m / width
    sea = cover == _SEA

    # Outside, nothing is known: the edge's heights go on, ever smoother, under gentle made-up folds.
    known = np.clip(_smooth(np.pad(np.ones(terrain.elevation_m.shape), RIM_CELLS), 7) * 2 - 1, 0.0, 1.0)
    y, x = np.mgrid[0:rows, 0:columns] * (terrain.cell_m / 100.0)
    folds = 1.6 * np.sin(x * 0.9 + 1.3 * np.sin(y * 0.7)) * np.cos(y * 0.8 - 0.6 * np.sin(x * 0.5)) + 0.5 * np.sin(
        2.3 * x + y
    )
    land = _land_only(elevation, sea)
    inland = np.clip(_smooth((~sea).astype(np.float64), 12) * 2 - 1, 0.0, 1.0)
    land = _smooth(land * known + (1 - known) * (_smooth(land, 9) + folds * inland), 0.8)

    # Colours change slowly and are made on the terrain's cells; light and shore line need the picture's pixels.
    tint = _ramp(land, _LAND)
    for kind, colour in _COVER_TINT.items():
        share = _smooth((cover == kind) * known, 0.7)[..., None]
        tint = tint * (1 - share) + np.array(colour) * share
    water = _ramp(np.maximum(_smooth(np.where(sea, -elevation, 0.0), 2.0), 0.0), _DEPTHS)
    fine_tint, fine_water = (
        np.dstack([_resized(field[..., k], width, height) for k in range(3)]).astype(np.float32)
        for field in (tint, water)
    )
    light = (0.50 + 0.72 * _hillshade(_resized(land, width, height), pixel_m)).astype(np.float32)[..., None]
    sea_share = np.clip((_resized(_smooth(sea.astype(np.float64), 0.7), width, height) - 0.5) * 4 + 0.5, 0.0, 1.0)
    is_sea = sea_share.astype(np.float32)[..., None]
    v, u = np.mgrid[0:height, 0:width].astype(np.float32) * np.float32(pixel_m)
    waves = 1 + 0.014 * np.sin(v / 5.5 + 2.0 * np.sin(u / 43)) + 0.008 * np.sin(v / 3.1 + u / 27)
    picture = fine_tint * light * (1 - is_sea) + fine_water * waves[..., None] * is_sea
    surf = 0.35 * np.exp(-(((is_sea - 0.5) / 0.22) ** 2))
    picture = picture * (1 - surf) + 250.0 * surf

    out = np.hypot((u / u.max() - 0.5) * 2, (v / v.max() - 0.5) * 2)
    opacity = np.clip((1.0 - out) / 0.22, 0.0, 1.0)
    opacity = opacity**2 * (3 - 2 * opacity)
    return np.dstack([np.clip(picture, 0, 255), 255 * opacity]).astype(np.uint8)


def water_picture(depth_m: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Water standing on the ground, as one texture; uint8[3 ny, 3 nx, 4], clear where it is dry.

    Args:
        depth_m: depth [m], float[ny, nx], row 0 in the north.
    """
    rows, columns = depth_m.shape
    fine = _resized(depth_m, columns * FINER, rows * FINER)
    colour = depth_colours(fine)
    # A thin pale line where the water ends, as on a wet pavement.
    edge = (0.5 * np.exp(-((fine / 0.05) ** 2)))[..., None]
    colour = colour * (1 - edge) + 255.0 * edge
    opacity = np.clip((fine - SHALLOWEST_M) / 0.04, 0.0, 1.0) * (170 + 60 * np.clip(fine / 0.6, 0.0, 1.0))
    return np.dstack([colour, opacity]).astype(np.uint8)
