"""Carbon accounts: what energy use emits, by the scopes of the GHG Protocol.

Scope 1 is burnt here (gas, vehicles' fuel), scope 2 is bought (electricity, heat). Embodied carbon and what comes in
with goods (scope 3) are not counted. Electricity is counted by the national mean, since the place does not exist.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from twin_sandbox.world.result import Result


@dataclass(frozen=True)
class Factor:
    """What one unit of an energy carrier emits [kg CO₂], in which scope, by which source."""

    kg: float
    unit: str
    scope: int
    source: str


FACTORS: Mapping[str, Factor] = {
    "electricity": Factor(0.5366, "kWh", 2, "Ministry of Ecology and Environment, announcement of 20 December 2024"),
    # 0.11 t/GJ
    "heat": Factor(0.396, "kWh", 2, "default of China's guidelines for accounting by trade (NDRC 2013 to 2015)"),
    # 15.3 t C/TJ × 0.99 × 44/12
    "gas": Factor(0.1999, "kWh", 1, "Guide for provincial greenhouse gas inventories (NDRC 2011)"),
    # 18.9 t C/TJ × 0.98 × 44/12 × 43.07 MJ/kg × 0.74 kg/L
    "petrol": Factor(2.16, "L", 1, "Guide for provincial greenhouse gas inventories (NDRC 2011)"),
    # 20.2 t C/TJ × 0.98 × 44/12 × 42.65 MJ/kg × 0.84 kg/L
    "diesel": Factor(2.60, "L", 1, "Guide for provincial greenhouse gas inventories (NDRC 2011)"),
}
"""By carrier; the first was looked up, the others are from memory."""


@dataclass(frozen=True)
class Account:
    """What a district emitted.

    Args:
        used: carrier → amount, in the unit of its factor.
        floor_m2: floor area.
        people: who live there.
    """

    used: Mapping[str, float]
    floor_m2: float
    people: float

    def __post_init__(self) -> None:
        for carrier, amount in self.used.items():
            if carrier not in FACTORS:
                raise TwinError("carbon account", f"no carrier {carrier!r}", f"One of {', '.join(FACTORS)}.")
            if not (math.isfinite(amount) and amount >= 0.0):
                raise TwinError(f"carbon account, {carrier}", f"{amount} {FACTORS[carrier].unit}", "0 or more.")
        for name in ("floor_m2", "people"):
            if not getattr(self, name) > 0.0:
                raise TwinError(f"carbon account, {name}", f"{getattr(self, name)}", "More than 0.")

    @property
    def kg(self) -> dict[str, float]:
        """Emission of each carrier [kg CO₂]."""
        return {carrier: FACTORS[carrier].kg * amount for carrier, amount in self.used.items()}

    @property
    def total_kg(self) -> float:
        """Emission of all [kg CO₂]."""
        return sum(self.kg.values())

    def scope_kg(self, scope: int) -> float:
        """Emission of scope 1 or 2 [kg CO₂]."""
        return sum(kg for carrier, kg in self.kg.items() if FACTORS[carrier].scope == scope)

    @property
    def kg_m2(self) -> float:
        """Emission by floor area [kg CO₂/m²]."""
        return self.total_kg / self.floor_m2

    @property
    def kg_person(self) -> float:
        """Emission by resident [kg CO₂]."""
        return self.total_kg / self.people


def account(result: "Result", fuel_l: Mapping[str, float] | None = None) -> Account:
    """The account of a run: electricity that came from the grid, heat that the station put in, gas, and fuel if given.

    Electricity is that of all consumers with losses where the power engine ran, of buildings alone where it did not;
    the roofs' own is taken off moment by moment, and what they send away earns nothing.

    Args:
        result: of a run with the engine ``buildings`` or ``power``, and of ``heat`` and ``sun`` where they ran.
        fuel_l: "petrol" and "diesel" that vehicles burnt [L].

    Raises:
        TwinError: a run without the engines that it takes.
    """
    there = set(result.quantities)
    if result.district is None or not there & {"power.served_kw", "buildings.electric_kw"}:
        raise TwinError("carbon account", "a run without buildings and power", "A run with the engine buildings.")
    hours = result.scenario.report_step_s / 3600.0

    def kw(quantity: str) -> NDArray[np.float64]:
        """Sum over the codes at each kept moment but the last, which holds for no time; 0 where it was not run."""
        if quantity not in there:
            return np.zeros(max(len(result.times) - 1, 0))
        whole: NDArray[np.float64] = result.tracks.array(quantity)[:-1].astype(np.float64).sum(axis=1)
        return whole

    if "power.served_kw" in there:
        bought = kw("power.served_kw") + kw("power.losses_kw") - kw("power.pv_given_kw")
    else:
        bought = kw("buildings.electric_kw") - kw("sun.pv_kw")
    heat = kw("heat.source_kw") if "heat.source_kw" in there else kw("buildings.heat_demand_kw")
    used = {
        "electricity": float(np.maximum(bought, 0.0).sum()) * hours,
        "heat": float(heat.sum()) * hours,
        "gas": float(kw("buildings.gas_kw").sum()) * hours,
        **(fuel_l or {}),
    }
    details, buildings = result.district.facts["building_details"], result.district.entities["buildings"]
    return Account(used, float(details["floor_area_m2"].sum()), float(buildings["residents"].sum()))


def carbon_kg(result: "Result") -> float:
    """What a run emitted [kg CO₂], vehicles apart; see :func:`account`.

    Raises:
        TwinError: a run without the engines that it takes.
    """
    return account(result).total_kg
