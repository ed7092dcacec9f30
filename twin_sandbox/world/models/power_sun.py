"""What panels give under a clear sky, where no engine of buildings says better."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.world.weather import LATITUDE_DEG, LONGITUDE_DEG

PERFORMANCE = 0.80
"""Yield of a plant by that of its modules under test conditions (usual 0.78 to 0.84)."""


def clear_sky_share(start: pd.Timestamp, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Output by peak power of level panels at each moment after ``start``, (t,).

    Global irradiance of a clear sky 1098 cos z exp(−0.057 / cos z) [W/m²], z the sun's zenith angle (Haurwitz 1945,
    Journal of Meteorology 2:154), declination 23.45° sin(360° (284 + n) / 365) (Cooper 1969, Solar Energy 12:3),
    1,000 W/m² for the peak. Left out: tilt, shade, warmth, clouds, equation of time (up to 16 min).
    """
    utc_h = (start.tz_convert("UTC") - start.tz_convert("UTC").normalize()).total_seconds() / 3600.0
    solar_h = utc_h + at_s / 3600.0 + LONGITUDE_DEG / 15.0
    day = start.dayofyear + at_s / 86400.0
    declination = np.radians(23.45) * np.sin(np.radians(360.0 * (284.0 + day) / 365.0))
    latitude, angle = np.radians(LATITUDE_DEG), np.radians(15.0 * (solar_h - 12.0))
    cosine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    up = np.maximum(cosine, 1e-3)
    clear_w_m2 = np.where(cosine > 1e-3, 1098.0 * up * np.exp(-0.057 / up), 0.0)
    return np.asarray(PERFORMANCE * clear_w_m2 / 1000.0)
