"""The climate of the sample district: like that of Qingdao, month by month.

Temperatures are the normals of Qingdao in the world weather summary of the Hong Kong Observatory (mean daily highest
and lowest, rounded to 1 °C). Cloud, turbidity, wind and vapour are rules of this project, set so that a year brings
about 1,400 kWh/m² on the level, as maps of solar resource show for the south coast of Shandong.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_C = (3.0, 5.0, 9.0, 15.0, 20.0, 24.0, 27.0, 28.0, 25.0, 20.0, 12.0, 6.0)
LOWEST_C = (-3.0, -2.0, 2.0, 8.0, 13.0, 18.0, 22.0, 23.0, 19.0, 13.0, 6.0, -1.0)
HUMIDITY_PERCENT = (63.0, 64.0, 63.0, 64.0, 69.0, 80.0, 87.0, 83.0, 72.0, 66.0, 65.0, 64.0)
WIND_M_S = (4.4, 4.4, 4.6, 4.5, 4.2, 3.9, 3.8, 3.6, 3.5, 3.9, 4.3, 4.5)
# global irradiance on the level by that of a clear sky, as the mean of the days of a month
CLEAR_SKY_SHARE = (0.72, 0.73, 0.74, 0.74, 0.73, 0.64, 0.58, 0.65, 0.72, 0.74, 0.71, 0.70)
LINKE_TURBIDITY = (3.0, 3.2, 3.6, 4.0, 4.2, 4.6, 4.8, 4.4, 3.8, 3.4, 3.2, 3.0)
# share of the daily swing by which each hour lies below the highest temperature, hours 0 to 23 (sun time):
# ASHRAE Handbook of Fundamentals 2009, chapter 14, table 6
BELOW_HIGHEST = (
    0.82, 0.88, 0.92, 0.95, 0.98, 1.00, 0.98, 0.91, 0.74, 0.55, 0.38, 0.23,
    0.13, 0.05, 0.00, 0.00, 0.06, 0.14, 0.24, 0.39, 0.50, 0.59, 0.68, 0.75,
)  # fmt: skip

DAYS_ANOMALY_K = 2.4
"""Standard deviation of a day's mean temperature about the month's (rule of this project)."""
DAYS_CLEARNESS = 0.17
"""Standard deviation of a day's clear-sky share about the month's (rule of this project)."""


@dataclass(frozen=True)
class Days:
    """What sets each day of a run apart: one value a day.

    Args:
        mean_c: mean of highest and lowest temperature.
        swing_k: highest less lowest.
        clear_share: irradiance on the level by that of a clear sky.
        wind_m_s: mean wind.
        humidity_percent: relative humidity at the day's mean temperature.
    """

    mean_c: NDArray[np.float64]
    swing_k: NDArray[np.float64]
    clear_share: NDArray[np.float64]
    wind_m_s: NDArray[np.float64]
    humidity_percent: NDArray[np.float64]


def by_month(values: tuple[float, ...], day_of_year: NDArray[np.float64]) -> NDArray[np.float64]:
    """A monthly normal at a day of the year, linear between the middles of the months."""
    middle = (np.arange(12) + 0.5) * 365.25 / 12
    found: NDArray[np.float64] = np.interp(day_of_year - 0.5, middle, np.array(values), period=365.25)
    return found


def normal_days(day_of_year: NDArray[np.float64]) -> Days:
    """Days as the climate has them on average."""
    highest, lowest = by_month(HIGHEST_C, day_of_year), by_month(LOWEST_C, day_of_year)
    return Days(
        (highest + lowest) / 2,
        highest - lowest,
        by_month(CLEAR_SKY_SHARE, day_of_year),
        by_month(WIND_M_S, day_of_year),
        by_month(HUMIDITY_PERCENT, day_of_year),
    )


def drawn_days(day_of_year: NDArray[np.float64], ordinals: NDArray[np.int64], seed: int) -> Days:
    """Days as they come: a day's draw depends on the seed and its date alone, not on where a run begins.

    A cold or warm spell lasts: a day's anomaly is the weighted mean of its own draw and its two neighbours'.
    """
    normal = normal_days(day_of_year)

    def draws(column: int, offset: int = 0) -> NDArray[np.float64]:
        streams = (np.random.default_rng([seed, int(day) + offset]) for day in ordinals)
        return np.array([stream.standard_normal(3)[column] for stream in streams])

    spell = (draws(0, -1) + 2.0 * draws(0) + draws(0, 1)) / np.sqrt(6.0)
    cloud = draws(1)
    clear = np.clip(normal.clear_share + DAYS_CLEARNESS * cloud, 0.15, 1.0)
    # under cloud days swing less
    swing = normal.swing_k * np.clip(0.45 + 0.55 * clear / normal.clear_share, 0.5, 1.4)
    wind = normal.wind_m_s * np.exp(0.35 * draws(2) - 0.061)
    return Days(normal.mean_c + DAYS_ANOMALY_K * spell, swing, clear, wind, normal.humidity_percent)
