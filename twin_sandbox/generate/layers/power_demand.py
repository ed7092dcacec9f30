"""How much power a building asks for, and when: demand by use, 24 hourly shares by season and kind of day."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twin_sandbox.generate.layers.site import Site

# Per m² of floor: connected load, and what of it meets at the transformer at the hour when this use asks for most on an
# ordinary summer workday. Connected loads lie in the bands of GB/T 50293-2014 (homes 30-70, public buildings 40-150,
# stores 15-50 W/m²), which are for planning; what meets is set so that a year's use is that of metered buildings
# (GB/T 51161-2016, order: homes 25-40, offices 70-110, shops to 200 kWh/m²a).
CONNECTED_W_M2 = {"residential": 50, "shop": 100, "office": 80, "school": 50, "hospital": 100, "port": 40}
PEAK_W_M2 = {"residential": 9.5, "shop": 45, "office": 33, "school": 14, "hospital": 34, "port": 12}
PLANT_W_M2 = (30, 12)  # connected and coincident of plant rooms: substations, pumping stations


@dataclass(frozen=True)
class Demand:
    """What one building asks for."""

    connected_kw: float
    peak_kw: float
    profile: str


def building_demand(row: dict[str, Any]) -> Demand:
    """Demand of a building's row by its use and floor area."""
    area = row["geometry"].area * row["storeys"] / 1000
    use = row["use"]
    if use not in PEAK_W_M2:
        return Demand(round(PLANT_W_M2[0] * area, 1), round(PLANT_W_M2[1] * area, 1), "plant")
    return Demand(round(CONNECTED_W_M2[use] * area, 1), round(PEAK_W_M2[use] * area, 1), use)


# Percent of the use's own peak, by hour from 0 to 23, on an ordinary workday and on a day of rest.
_HOURS = {
    "residential": (
        "44 38 35 33 33 36 48 60 58 52 52 58 64 58 54 54 58 68 84 96 100 96 82 60",
        "46 40 36 34 34 36 44 56 66 70 72 78 82 74 68 66 68 76 88 97 100 95 80 60",
    ),
    "shop": (
        "16 14 14 14 14 16 22 34 52 78 90 94 96 92 88 86 88 94 100 98 92 74 42 22",
        "16 14 14 14 14 16 20 30 50 80 94 98 100 98 96 95 96 98 100 98 94 78 44 22",
    ),
    "office": (
        "16 15 15 15 15 16 24 46 82 96 100 98 82 84 96 98 96 88 62 42 32 26 20 17",
        "14 13 13 13 13 13 15 18 24 30 32 32 30 30 31 31 30 27 22 19 17 16 15 14",
    ),
    "school": (
        "10 10 10 10 10 12 30 70 96 100 98 94 82 80 92 94 90 70 46 40 34 20 12 10",
        "9 9 9 9 9 9 10 12 16 18 18 18 17 17 18 18 17 15 13 12 11 10 9 9",
    ),
    "hospital": (
        "52 50 49 49 50 54 64 78 94 100 100 97 90 90 96 96 92 84 76 70 66 62 58 54",
        "50 48 47 47 48 52 58 66 76 80 80 78 74 73 76 76 74 70 66 62 60 57 54 52",
    ),
    "port": (
        "58 56 56 56 58 62 72 84 94 98 100 98 88 92 98 98 94 86 76 70 68 66 62 60",
        "56 54 54 54 55 57 60 64 68 70 71 70 66 66 68 68 66 64 62 60 60 59 58 57",
    ),
    "plant": (" ".join(["80"] * 24),) * 2,
    "drainage_pump": (" ".join(["3"] * 24),) * 2,
    "booster_pump": (
        "22 16 12 12 16 34 72 96 90 74 66 70 76 66 58 58 66 82 96 100 96 84 62 38",
        "26 18 14 12 14 24 48 76 92 96 88 84 84 74 66 64 70 82 94 98 95 84 64 42",
    ),
    "home_charging": (
        "88 80 62 40 26 18 14 12 8 6 6 8 10 10 10 10 14 24 38 50 58 66 84 100",
        "86 78 62 42 28 20 16 12 10 10 12 16 18 18 18 18 20 28 38 48 56 66 84 100",
    ),
    "public_charging": (
        "30 24 18 14 12 14 20 32 46 58 68 84 100 96 78 66 60 64 76 84 80 68 52 40",
        "32 26 20 16 14 14 18 28 44 62 78 92 100 98 88 78 70 70 78 84 80 70 54 42",
    ),
    "e_bike_charging": (
        "72 58 44 32 22 16 12 14 18 20 22 28 34 30 26 24 28 42 62 80 94 100 96 84",
        "70 58 44 32 22 16 12 14 18 22 26 32 36 32 28 28 32 44 62 80 94 100 94 82",
    ),
}
# Summer is hot and humid; homes and offices hang on the district's heat in winter.
_SEASONS = {
    "residential": {"winter": 66, "spring": 48, "summer": 100, "autumn": 50},
    "shop": {"winter": 82, "spring": 68, "summer": 100, "autumn": 70},
    "office": {"winter": 78, "spring": 62, "summer": 100, "autumn": 64},
    "school": {"winter": 86, "spring": 74, "summer": 100, "autumn": 76},
    "hospital": {"winter": 84, "spring": 72, "summer": 100, "autumn": 74},
    "port": {"winter": 80, "spring": 86, "summer": 100, "autumn": 88},
    "home_charging": {"winter": 100, "spring": 82, "summer": 90, "autumn": 82},
    "public_charging": {"winter": 100, "spring": 84, "summer": 92, "autumn": 84},
}
SEASONS = ("winter", "spring", "summer", "autumn")
DAY_KINDS = ("workday", "restday")
_LIGHT_FROM_TO = {"winter": (17, 7), "spring": (19, 6), "summer": (20, 5), "autumn": (18, 6)}
KVAR_PER_KW = {
    "residential": 0.33, "shop": 0.4, "office": 0.4, "school": 0.36, "hospital": 0.43, "port": 0.48, "plant": 0.33,
    "drainage_pump": 0.54, "booster_pump": 0.54, "home_charging": 0.1, "public_charging": 0.14,
    "e_bike_charging": 0.2, "street_lighting": 0.33,
}  # fmt: skip
"""Reactive to active power, after the compensation that a customer must have."""


def _lighting(season: str, hour: int) -> float:
    on, off = _LIGHT_FROM_TO[season]
    if hour < off:
        return 0.5  # from midnight on every second lamp is out
    return 1.0 if hour >= on else 0.0


def write_profiles(site: Site) -> None:
    """Add the facts: one row a profile, season, kind of day and hour."""
    for profile in sorted(KVAR_PER_KW):
        for season in SEASONS:
            factor = _SEASONS.get(profile, {}).get(season, 100) / 100
            for kind, day in enumerate(DAY_KINDS):
                shares = (
                    np.array([_lighting(season, hour) for hour in range(24)])
                    if profile == "street_lighting"
                    else np.array([float(x) for x in _HOURS[profile][kind].split()]) / 100
                )
                for hour in range(24):
                    site.facts["load_profiles"].append(
                        {
                            "profile": profile,
                            "season": season,
                            "day_kind": day,
                            "hour": hour,
                            "load_share": round(float(shares[hour]) * factor, 4),
                            "kvar_per_kw": KVAR_PER_KW[profile],
                        }
                    )
