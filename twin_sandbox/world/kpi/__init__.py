"""What a run did to the district, as single numbers: each by name, with its unit and its definition.

`flood` reads the water of a run, `city` the quantities of all its engines; ``kpi.told(result)`` gives all that a result
allows.
"""

from twin_sandbox.world.kpi.city import KPIS, Kpi, told
from twin_sandbox.world.kpi.flood import (
    DAMAGE_CNY_M_H,
    ENERGY_CNY_KWH,
    PASSABLE_M,
    START_CNY,
    buildings_under_water,
    flood_damage,
    flooded_buildings,
    flooded_street_length_m,
    night_cost,
    pump_energy_kwh,
    pump_starts,
)

__all__ = [
    "DAMAGE_CNY_M_H",
    "ENERGY_CNY_KWH",
    "KPIS",
    "PASSABLE_M",
    "START_CNY",
    "Kpi",
    "buildings_under_water",
    "flood_damage",
    "flooded_buildings",
    "flooded_street_length_m",
    "night_cost",
    "pump_energy_kwh",
    "pump_starts",
    "told",
]
