"""What a night did to the district, as single numbers.

Prices are illustrative, of the right order for a Chinese coastal city, and the same for everyone: they exist so that
policies can be compared.
"""

from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.world.kpi.exposure import exposure

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.result import Result

PASSABLE_M = 0.15
"""Depth up to which a lane counts as passable [m] (GB 50014-2021, 4.1.4: one lane at most 15 cm under water)."""

DAMAGE_CNY_M_H = 60.0
"""Cost of 1 m of water for 1 h on a street of one vehicle an hour, or in the house of one resident [CNY/(m·h)]: 20 CNY
for each hour lost at 0.3 m, where cars stop (Pregnolato et al. 2017, doi:10.1016/j.trd.2017.06.020)."""

ENERGY_CNY_KWH = 0.75
START_CNY = 30.0
"""Wear of one pump start [CNY]."""


def buildings_under_water(result: "Result", time: object | None = None) -> "pd.Index[str]":
    """Codes of the buildings into which water came: it stood beside them, and above their ground floor.

    Args:
        result: a run.
        time: a moment of it (the nearest kept one counts); by default any.

    Raises:
        TwinError: the moment lies outside the run, or the run has no drains.
    """
    water = result.water
    place = exposure(water)
    above_m = place.houses_m.max(axis=0) if time is None else place.houses_m[water.row(time)]
    codes: pd.Index[str] = water.district.entities["buildings"].index[above_m > 0.0]
    return codes


def flooded_buildings(result: "Result") -> int:
    """Buildings [number] into which water came: at some moment it stood beside them, and above their ground floor."""
    return len(buildings_under_water(result))


def flooded_street_length_m(result: "Result", above_m: float = PASSABLE_M) -> float:
    """Length of street [m] on which water stood deeper than ``above_m`` at some moment.

    Streets are sampled every 5 m on their centre line.
    """
    place = exposure(result.water)
    return float(place.sample_length_m[place.samples_m > above_m].sum())


def flood_damage(result: "Result") -> float:
    """Cost of the water standing in streets and houses [CNY]: depth × time × exposure.

    60 CNY/(m·h) × ∫ (Σ streets: depth × vehicles per hour + Σ buildings: depth above the floor × residents) dt

    A street's depth is that of the deepest point of its carriageway between two crossings, from 2 cm on.
    Integrated over the kept moments (trapezoids).
    """
    place = exposure(result.water)
    houses_m = np.maximum(place.houses_m, 0.0)
    exposed = place.streets_m @ place.vehicles_per_h + houses_m @ place.residents
    hours = result.water.scenario.report_step_s / 3600.0
    return float(np.trapezoid(exposed, dx=hours)) * DAMAGE_CNY_M_H


def pump_energy_kwh(result: "Result") -> float:
    """Energy of all pumps [kWh]: rated power × setting × time while water flowed."""
    water = result.water
    return sum(water.pump_power_kw[name] * water.pump_running_s[name] / 3600.0 for name in water.pump_power_kw)


def pump_starts(result: "Result") -> int:
    """Starts of all pumps [number]; at most six an hour and pump wear it least (GB 50014-2021)."""
    return sum(result.water.pump_starts.values())


def night_cost(result: "Result") -> float:
    """All a night costs [CNY]: flood damage + 0.75 CNY a kWh of pumping + 30 CNY a pump start."""
    return flood_damage(result) + ENERGY_CNY_KWH * pump_energy_kwh(result) + START_CNY * pump_starts(result)
