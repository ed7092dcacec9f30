"""The solar systems of a district as the sun engine's model, each with the horizon that it really has."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.sun import Sun, SunModel
from twin_sandbox.errors import TwinError
from twin_sandbox.world.weather import ALTITUDE_M, LATITUDE_DEG, LONGITUDE_DEG, Weather

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

STEP_S = 300
DIRECTIONS = 72
"""Of a horizon: every 5°, from north, clockwise."""
SEEN_M = 400.0
"""What stands farther off does not count: 40 m of house are then under 6°."""
CELL_M = 2.5
ABOVE_ROOF_M = 0.5
"""Of the middle of panels on a frame above a flat roof."""

Floats = NDArray[np.float64]


class Horizons(NamedTuple):
    """Of every solar system: elevation of what hides the sky [°], systems × directions; share of the sky's light."""

    horizon_deg: Floats
    sky_share: Floats


def engine(district: "District", scenario: "Scenario", reality: "Reality") -> Sun:  # noqa: ARG001 - nothing hidden
    """The engine of a run.

    Raises:
        TwinError: the scenario's weather does not cover it.
    """
    return Sun(
        sun_model(
            district,
            scenario.start,
            scenario.horizon_s,
            scenario.weather_or_ordinary(),
            math.gcd(STEP_S, scenario.horizon_s),
        )
    )


def sun_model(
    district: "District", start: "pd.Timestamp", horizon_s: float, weather: Weather, step_s: int = STEP_S
) -> SunModel:
    """All solar systems of a district under a weather.

    Raises:
        TwinError: the weather does not cover the run.
    """
    import pandas as pd

    count = int(np.ceil(horizon_s / step_s)) + 1
    last = start + pd.Timedelta(seconds=(count - 1) * step_s)
    if start < weather.start or last > weather.times[-1]:
        raise TwinError(
            "sun_model, weather", f"{weather.start} to {weather.times[-1]}", f"At least {start} to {last}.",
            "Make the weather for the whole run.",
        )  # fmt: skip
    now = weather.at(pd.date_range(start, periods=count, freq=pd.Timedelta(seconds=step_s)))
    systems = district.entities["pv_systems"]
    seen = horizons(district)
    air_c, ghi, dni, dhi, wind = (
        now[name].to_numpy(dtype=np.float64)
        for name in ("temperature_c", "ghi_w_m2", "dni_w_m2", "dhi_w_m2", "wind_m_s")
    )
    kwp, inverter_kw, tilt_deg, azimuth_deg = (
        systems[name].to_numpy(dtype=np.float64) for name in ("kwp", "inverter_kw", "tilt_deg", "azimuth_deg")
    )
    return SunModel(
        start,
        step_s,
        LATITUDE_DEG,
        LONGITUDE_DEG,
        ALTITUDE_M,
        air_c,
        ghi,
        dni,
        dhi,
        wind,
        tuple(systems.index),
        kwp,
        inverter_kw,
        tilt_deg,
        azimuth_deg,
        seen.horizon_deg,
        seen.sky_share,
    )


def horizons(district: "District") -> Horizons:
    """What each system sees, from the heights of buildings and ground; computed once a district, then kept."""
    return _horizons(_ByFolder(district))


class _ByFolder:
    """A district, equal to another that was read from the same built folder."""

    def __init__(self, district: "District") -> None:
        self.district = district
        self._key = (str(district.folder), str(district.manifest.get("files")))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByFolder) and self._key == other._key


@lru_cache(maxsize=4)
def _horizons(place: _ByFolder) -> Horizons:
    district = place.district
    systems, buildings = district.entities["pv_systems"], district.entities["buildings"]
    if systems.empty:
        return Horizons(np.zeros((0, DIRECTIONS)), np.zeros(0))
    tops = _tops(district)
    house, height = _surface(district, buildings, tops)
    own = buildings.index.get_indexer(systems["building_code"])
    x, y = systems.geometry.x.to_numpy(), systems.geometry.y.to_numpy()
    roofs = district.facts["roofs"].set_index("building_code").reindex(systems["building_code"])
    pitched = roofs["pitch_deg"].to_numpy() > 8.0
    eaves, ridge = roofs["eaves_m"].to_numpy(), roofs["ridge_m"].to_numpy()
    eye_m = np.where(pitched, (eaves + ridge) / 2, ridge + ABOVE_ROOF_M)
    away_m = np.arange(1, int(SEEN_M / CELL_M) + 1) * CELL_M
    west, _, _, north = district.terrain.bounds_m
    found = np.zeros((len(systems), DIRECTIONS))
    for k in range(DIRECTIONS):
        turn = 2.0 * np.pi * k / DIRECTIONS
        column = np.floor((x[:, None] + away_m * np.sin(turn) - west) / CELL_M).astype(np.int64)
        row = np.floor((north - y[:, None] - away_m * np.cos(turn)) / CELL_M).astype(np.int64)
        inside = (row >= 0) & (row < height.shape[0]) & (column >= 0) & (column < height.shape[1])
        row, column = row.clip(0, height.shape[0] - 1), column.clip(0, height.shape[1] - 1)
        counts = inside & (house[row, column] != own[:, None])
        rise = np.where(counts, height[row, column] - eye_m[:, None], -1.0)
        found[:, k] = np.degrees(np.arctan(np.maximum(rise, 0.0) / away_m)).max(axis=1)
    tilt, faces = (systems[name].to_numpy(dtype=np.float64) for name in ("tilt_deg", "azimuth_deg"))
    return Horizons(found, sky_share(found, tilt, faces))


def sky_share(horizon_deg: Floats, tilt_deg: Floats, azimuth_deg: Floats) -> Floats:
    """Of an even sky's light on a plane, the share that comes from above the horizon, [n].

    ∫∫ max(0, cos θ) cos ε dε dα over what is seen, by that over the whole sky; by 1° of elevation.
    """
    up = np.radians(np.arange(90) + 0.5)
    turn = np.radians(np.arange(horizon_deg.shape[1]) * 360.0 / horizon_deg.shape[1])
    tilt, faces = np.radians(tilt_deg)[:, None, None], np.radians(azimuth_deg)[:, None, None]
    onto = np.sin(up) * np.cos(tilt) + np.cos(up) * np.sin(tilt) * np.cos(turn[:, None] - faces)
    light = np.maximum(onto, 0.0) * np.cos(up)
    seen = np.degrees(up) > horizon_deg[:, :, None]
    share: Floats = (light * seen).sum(axis=(1, 2)) / light.sum(axis=(1, 2))
    return share


def _tops(district: "District") -> Floats:
    """Height above datum that stands for each building when it shades: halfway between eaves and ridge."""
    buildings = district.entities["buildings"]
    roofs = district.facts["roofs"].set_index("building_code").reindex(buildings.index)
    plain = (buildings["floor_m"] + buildings["height_m"]).to_numpy(dtype=np.float64)
    middle = ((roofs["eaves_m"] + roofs["ridge_m"]) / 2).to_numpy(dtype=np.float64)
    return np.where(np.isfinite(middle), middle, plain)


def _surface(district: "District", buildings: "gpd.GeoDataFrame", tops: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Row number of the building that covers each fine cell (-1 for none), and height of ground or roof there."""
    import shapely

    terrain = district.terrain
    fine = int(terrain.cell_m / CELL_M)
    height: Floats = np.kron(terrain.elevation_m, np.ones((fine, fine))).astype(np.float64)
    house: NDArray[np.int64] = np.full(height.shape, -1, dtype=np.int64)
    west, _, _, north = terrain.bounds_m
    rows, columns = (axis.ravel() for axis in np.indices(height.shape))
    points = shapely.points(west + (columns + 0.5) * CELL_M, north - (rows + 0.5) * CELL_M)
    shapes = buildings.geometry.to_numpy()
    where, which = shapely.STRtree(points).query(shapes, predicate="contains")[::-1]
    house[rows[where], columns[where]] = which
    height[rows[where], columns[where]] = tops[which]
    return house, height
