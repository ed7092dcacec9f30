"""Key figures of runs of several engines, computed from the quantities that were kept.

Times are weighted by the report step: a state holds from one kept moment to the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.world.carbon import carbon_kg
from twin_sandbox.world.kpi.flood import PASSABLE_M

if TYPE_CHECKING:
    from twin_sandbox.world.result import Result

COMFORT_LOW_C, COMFORT_HIGH_C = 18.0, 28.0
"""Air in the rooms: 18 °C is what heat supply in China owes (GB 50736-2012, 3.0.1), 28 °C where cooling begins to be
missed (class II, 3.0.2)."""

FIRE_HEAD_M = 10.0
"""Least pressure at a hydrant while it is used [m] (GB 50974-2014, 7.2.8)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kpi:
    """One key figure.

    Args:
        name: as it is asked for.
        unit: of its value.
        definition: what it counts, in a sentence.
        needs: quantities that it is computed from.
        compute: from a result that has them.
    """

    name: str
    unit: str
    definition: str
    needs: tuple[str, ...]
    compute: "Callable[[Result], float]"


def _held(result: "Result", quantity: str) -> Floats:
    """A quantity at all kept moments but the last [moments × codes]: each holds until the next."""
    held: Floats = result.tracks.array(quantity)[:-1].astype(np.float64)
    return held


def _hours(result: "Result") -> float:
    return result.scenario.report_step_s / 3600.0


def _sum_h(result: "Result", values: Floats | NDArray[np.bool_]) -> float:
    return float(values.sum()) * _hours(result)


def _residents(result: "Result", quantity: str) -> Floats:
    assert result.district is not None  # noqa: S101 - the quantities are a district's
    residents = result.district.entities["buildings"]["residents"]
    there: Floats = residents.reindex(list(result.tracks.ports[quantity].codes)).fillna(0.0).to_numpy(dtype=np.float64)
    return there


def _lowest_voltage(result: "Result") -> float:
    voltages = result.tracks.array("power.voltage_pu").astype(np.float64)
    live = voltages[voltages > 0.0]
    return float(live.min()) if live.size else 0.0


def _mean_speed(result: "Result") -> float:
    vehicles = _held(result, "traffic.vehicles")
    speeds = _held(result, "traffic.speed_kmh")
    there = (vehicles > 0.0) & np.isfinite(speeds)
    total = float(vehicles[there].sum())
    return float((vehicles[there] * speeds[there]).sum() / total) if total else 0.0


def _too_cold(result: "Result") -> float:
    quantity = "buildings.indoor_c"
    return _sum_h(result, (_held(result, quantity) < COMFORT_LOW_C) * _residents(result, quantity))


def _too_hot(result: "Result") -> float:
    quantity = "buildings.stay_c"
    return _sum_h(result, (_held(result, quantity) > COMFORT_HIGH_C) * _residents(result, quantity))


def _total(quantity: str) -> "Callable[[Result], float]":
    return lambda result: _sum_h(result, _held(result, quantity))


_ALL = (
    Kpi(
        "deepest_street_m",
        "m",
        "Greatest depth of water on a street at a kept moment.",
        ("drainage.street_depth_m",),
        lambda result: float(result.tracks.array("drainage.street_depth_m").max()),
    ),
    Kpi(
        "flooded_street_hours",
        "h",
        f"Streets with more than {PASSABLE_M:g} m of water, times how long.",
        ("drainage.street_depth_m",),
        lambda result: _sum_h(result, _held(result, "drainage.street_depth_m") > PASSABLE_M),
    ),
    Kpi(
        "customer_hours_without_power",
        "h",
        "Consumers without power, times how long.",
        ("power.energised",),
        lambda result: _sum_h(result, _held(result, "power.energised") < 0.5),
    ),
    Kpi(
        "lowest_voltage_pu",
        "1",
        "Lowest voltage where there is any, by the rated one.",
        ("power.voltage_pu",),
        _lowest_voltage,
    ),
    Kpi(
        "peak_load_kw",
        "kW",
        "Greatest load of all consumers at a kept moment.",
        ("power.served_kw",),
        lambda result: float(result.tracks.array("power.served_kw").astype(np.float64).sum(axis=1).max()),
    ),
    Kpi("energy_served_kwh", "kWh", "Electricity that consumers got.", ("power.served_kw",), _total("power.served_kw")),
    Kpi(
        "network_losses_kwh",
        "kWh",
        "Electricity lost in lines and transformers.",
        ("power.losses_kw",),
        _total("power.losses_kw"),
    ),
    Kpi("pv_kwh", "kWh", "Electricity from the roofs.", ("power.pv_given_kw",), _total("power.pv_given_kw")),
    Kpi(
        "water_delivered_m3",
        "m³",
        "Water that buildings got.",
        ("supply.delivered_m3s",),
        lambda result: 3600.0 * _sum_h(result, _held(result, "supply.delivered_m3s")),
    ),
    Kpi(
        "resident_hours_without_water",
        "h",
        "Residents whose highest tap has no pressure, times how long.",
        ("supply.service_pressure_m",),
        lambda result: _sum_h(
            result,
            (_held(result, "supply.service_pressure_m") <= 0.0) * _residents(result, "supply.service_pressure_m"),
        ),
    ),
    Kpi(
        "hydrant_hours_below_fire_head",
        "h",
        f"Hydrants with less than {FIRE_HEAD_M:g} m, times how long.",
        ("supply.hydrant_m",),
        lambda result: _sum_h(result, _held(result, "supply.hydrant_m") < FIRE_HEAD_M),
    ),
    Kpi(
        "vehicle_hours",
        "h",
        "Vehicles on the streets, times how long.",
        ("traffic.vehicles",),
        _total("traffic.vehicles"),
    ),
    Kpi(
        "mean_speed_kmh",
        "km/h",
        "Speed of the vehicles on the streets, each counted alike.",
        ("traffic.vehicles", "traffic.speed_kmh"),
        _mean_speed,
    ),
    Kpi(
        "heat_supplied_kwh",
        "kWh",
        "Heat that the net handed over.",
        ("heat.heat_supplied_kw",),
        _total("heat.heat_supplied_kw"),
    ),
    Kpi(
        "carbon_kg",
        "kg",
        "CO₂ of electricity, heat and gas that were bought; see twin_sandbox.world.carbon.",
        ("buildings.electric_kw", "buildings.gas_kw"),
        carbon_kg,
    ),
    Kpi(
        "resident_hours_too_cold",
        "h",
        f"Residents whose rooms are below {COMFORT_LOW_C:g} °C, times how long.",
        ("buildings.indoor_c",),
        _too_cold,
    ),
    Kpi(
        "resident_hours_too_hot",
        "h",
        f"Residents who have no room below {COMFORT_HIGH_C:g} °C to stay in, cooled or not, times how long.",
        ("buildings.stay_c",),
        _too_hot,
    ),
)

KPIS: Mapping[str, Kpi] = {kpi.name: kpi for kpi in _ALL}
"""Name → key figure."""


def told(result: "Result") -> dict[str, dict[str, Any]]:
    """Every key figure that a result allows: name → value, unit, definition."""
    there = set(result.quantities)
    return {
        name: {"value": kpi.compute(result), "unit": kpi.unit, "definition": kpi.definition}
        for name, kpi in KPIS.items()
        if there.issuperset(kpi.needs)
    }
