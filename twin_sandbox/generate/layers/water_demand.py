"""How much water a house draws, when, and how high it must be lifted."""

from typing import NamedTuple

from twin_sandbox.generate.blocks import Building
from twin_sandbox.generate.recipe import Recipe

LITRES_PER_M2_DAY = {"office": 5.0, "shop": 6.5, "school": 3.5, "hospital": 9.0, "port": 2.5}
"""Of floor area: GB 50015-2019, 3.2.2, per person, pupil or bed, over the usual floor area of each."""
LEAST_LITRES_PER_M2_DAY = 0.5
DAY_S = 86400.0

LEAKAGE = "leakage"
PATTERNS: dict[str, tuple[tuple[float, ...], float]] = {
    "home": (
        (0.4, 0.3, 0.25, 0.25, 0.35, 0.7, 1.35, 1.75, 1.55, 1.25, 1.1, 1.15,
         1.2, 1.05, 0.95, 0.95, 0.9, 1.3, 1.6, 1.65, 1.45, 1.2, 0.8, 0.55),
        1.06,
    ),
    "office": (
        (0.2, 0.2, 0.2, 0.2, 0.2, 0.25, 0.4, 0.8, 1.7, 2.1, 2.1, 2.0,
         1.8, 1.9, 2.1, 2.0, 1.9, 1.5, 0.8, 0.5, 0.4, 0.3, 0.25, 0.2),
        0.35,
    ),
    "shop": (
        (0.3, 0.25, 0.25, 0.25, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.4, 1.6,
         1.6, 1.3, 1.2, 1.2, 1.3, 1.6, 1.7, 1.6, 1.5, 1.2, 0.7, 0.45),
        1.15,
    ),
    "school": (
        (0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 1.0, 2.0, 2.0, 2.2, 2.3, 2.4,
         2.2, 1.6, 2.0, 2.1, 1.8, 0.7, 0.3, 0.2, 0.15, 0.1, 0.1, 0.05),
        0.2,
    ),
    "hospital": (
        (0.5, 0.45, 0.45, 0.45, 0.5, 0.8, 1.2, 1.5, 1.6, 1.6, 1.5, 1.4,
         1.3, 1.2, 1.2, 1.1, 1.1, 1.1, 1.1, 1.0, 0.9, 0.8, 0.7, 0.55),
        0.9,
    ),
    "port": (
        (0.5, 0.5, 0.5, 0.6, 0.9, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.2,
         1.2, 1.2, 1.3, 1.3, 1.2, 1.1, 1.0, 1.0, 0.8, 0.7, 0.7, 0.6),
        0.8,
    ),
    LEAKAGE: ((1.0,) * 24, 1.0),
}  # fmt: skip
"""By use: 24 multipliers of a working day's hours with mean 1, and a weekend day's volume by a working day's."""
PATTERN_OF_USE = {"residential": "home", "office": "office", "shop": "shop", "school": "school", "hospital": "hospital"}

STOREYS_FED = 6  # 28 m: what a city's main must feed directly
STOREYS_FED_IF_PUMPED = 4  # a house with pumps lets them lift all above
MOTORS_KW = (0.75, 1.1, 1.5, 2.2, 3.0, 4.0, 5.5, 7.5, 11.0, 15.0, 18.5, 22.0, 30.0, 37.0, 45.0)
PUMP_EFFICIENCY = 0.6
PEAK_OF_HOUSE = 2.5  # a house's greatest hour by its mean, GB 50015-2019, 3.2.1
TANK_OF_DAY = 0.2  # break tank by the day's draught, GB 50015-2019, 3.8.3
SERVICE_SIZES_M = (0.032, 0.04, 0.05, 0.065, 0.08, 0.1, 0.15)
SERVICE_SPEED_MS = 1.0


def demand_m3s(recipe: Recipe, building: Building, residents: int) -> float:
    """Mean demand of a building."""
    if building.use == "residential":
        by_zone = recipe.value("water.home_l_per_person_day")
        litres = residents * by_zone.get(building.zone, by_zone["slabs"])
    else:
        per_m2 = LITRES_PER_M2_DAY.get(building.use, LEAST_LITRES_PER_M2_DAY)
        litres = per_m2 * building.footprint.area * building.storeys
    return round(float(litres) / 1000.0 / DAY_S, 7)


def service_head_m(storeys: int) -> float:
    """Head above the ground that a house of so many storeys needs at its service: 10, 12, then 4 m a storey.

    GB 50013-2018, 3.0.10.
    """
    if storeys <= 0:
        return 0.0
    return 10.0 if storeys == 1 else 12.0 + 4.0 * (storeys - 2)


class Booster(NamedTuple):
    """Pumps behind a break tank in a house."""

    rated_m3s: float
    head_m: float
    power_kw: float
    tank_m3: float


def size_booster(mean_m3s: float, lift_m: float) -> Booster:
    """Pumps for a mean draught and the height of the uppermost tap above the tank."""
    rated = max(round(PEAK_OF_HOUSE * mean_m3s, 5), 0.0005)
    head = float(round(lift_m + 12.0))  # 10 m at the tap, 2 m lost on the way
    shaft_kw = 9.81 * rated * head / PUMP_EFFICIENCY
    power = next((motor for motor in MOTORS_KW if motor >= 1.15 * shaft_kw), MOTORS_KW[-1])
    return Booster(rated, head, power, max(2.0, float(round(TANK_OF_DAY * mean_m3s * DAY_S))))


def service_size_m(mean_m3s: float) -> float:
    """Diameter of a service that carries a house's greatest hour at `SERVICE_SPEED_MS`."""
    area = PEAK_OF_HOUSE * mean_m3s / SERVICE_SPEED_MS
    return next((size for size in SERVICE_SIZES_M if 0.785 * size * size >= area), SERVICE_SIZES_M[-1])
