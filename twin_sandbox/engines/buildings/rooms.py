"""What the buildings engine runs: its model, and the rooms that are held warm or cool."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.buildings.zone import Fabric, Zones
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

PERSON_W = 70.0
"""Dry heat of a person at rest or at light work (ISO 7730, annex B; 70 W sensible)."""
OPEN_WINDOWS_PER_H = 5.0
"""Air changes by opened windows, when it is cooler outside than people want it inside (EN 16798-7's order)."""
COP_AT_35_C, COP_PER_K = 3.2, -0.02
"""Cold by electricity of split units: at 35 °C outside (GB 21455, grade 2 to 3), and its change for each K warmer."""
SETTLING_DAYS = 5
"""Before a run; a heavy house's own time is two to four days."""


@dataclass(frozen=True)
class BuildingsModel:
    """Buildings of a district over a run. ``n`` buildings, ``t`` moments ``step_s`` apart, the run's end included.

    Args:
        start: moment of the first value, with its time zone.
        step_s: time between moments [s].
        codes: of the buildings.
        fabric: what they are made of.
        customer: kind of customer of each, a load profile's name.
        outside_c, usual_outside_c: of the air in this run, and on the climate's mean days, [t].
        sun_w, usual_sun_w: of the sun through windows, likewise, [t, n].
        people: present if nobody tells, [t, n].
        appliances_w: heat of lamps and machines, [t, n].
        load_kw: electricity by the profiles of the day's own kind, [t, n], more than 0.
        working_kw: and by those of a working day, which ``activity_factor`` speaks of.
        heating: whether it is the net's heating season, [t].
        heat_set_c: temperature that heating holds; NaN where none is, [n].
        heat_most_w: most that radiators give, [n].
        on_net: whether district heat serves it; others heat by gas, [n].
        boiler_efficiency: heat by gas burnt.
        cool_set_c: temperature that cooling holds; NaN where none is, [n].
        cooled_share: share of the floor where cooling runs, [t, n].
        cool_most_w: most cold at full share, [n].
        price_cny_kwh: of electricity, [t]; the same all day where nobody sets a tariff.
    """

    start: "pd.Timestamp"
    step_s: int
    codes: tuple[str, ...]
    fabric: Fabric
    customer: tuple[str, ...]
    outside_c: Floats
    usual_outside_c: Floats
    sun_w: Floats
    usual_sun_w: Floats
    people: Floats
    appliances_w: Floats
    load_kw: Floats
    working_kw: Floats
    heating: NDArray[np.bool_]
    heat_set_c: Floats
    heat_most_w: Floats
    on_net: NDArray[np.bool_]
    boiler_efficiency: float
    cool_set_c: Floats
    cooled_share: Floats
    cool_most_w: Floats
    price_cny_kwh: Floats

    @property
    def moments(self) -> int:
        """Number of moments."""
        return int(self.outside_c.size)


@dataclass(frozen=True)
class Asked:
    """A step ahead: mass after it and air over it without heat or cold [°C], heat asked for and cold given [W].

    And the air in the rooms that are cooled, as it would be in all if all were cooled [°C].
    """

    mass_c: Floats
    air_c: Floats
    heat_w: Floats
    cold_w: Floats
    cooled_c: Floats


class Rooms:
    """The buildings' temperatures, and what holds them."""

    def __init__(self, model: BuildingsModel, outside_c: Floats, sun_w: Floats) -> None:
        self._model, self._outside_c, self._sun_w = model, outside_c, sun_w
        self.zones = Zones(model.fabric, model.step_s)
        # rooms 2.6 m high; air holds 0.333 Wh/(m³·K)
        self._open_w_k = OPEN_WINDOWS_PER_H * model.fabric.floor_m2 * 2.6 * 0.333
        self.mass_c = self._settled()

    def _settled(self) -> Floats:
        """The mass after some days like the first, by steps of an hour."""
        model = self._model
        settled = Zones(model.fabric, 3600.0)
        held_c = np.fmin(np.fmax(float(self._outside_c[0]) + 4.0, model.heat_set_c), model.cool_set_c)
        mass_c = held_c
        day = [k for k in range(0, 86400 // model.step_s, 3600 // model.step_s) if k < model.moments]
        for k in day * SETTLING_DAYS:
            asked = self._ask(settled, mass_c, k, model.people[k], model.appliances_w[k], model.cooled_share[k])
            mass_c, _ = settled.heated(asked.mass_c, asked.air_c, asked.heat_w, asked.cold_w)
        return mass_c

    def ask(self, k: int, people: Floats, appliances_w: Floats, cooled: Floats) -> Asked:
        """What the buildings ask for over the step from moment ``k``; nothing is changed."""
        return self._ask(self.zones, self.mass_c, k, people, appliances_w, cooled)

    def _ask(self, zones: Zones, mass_c: Floats, k: int, people: Floats, appliances_w: Floats, cooled: Floats) -> Asked:
        model, outside_c = self._model, float(self._outside_c[k])
        mass_c, air_c = zones.step(mass_c, outside_c, PERSON_W * people + appliances_w, self._sun_w[k])
        # the net runs in its season, a boiler whenever it is cold
        missing = np.nan_to_num(model.heat_set_c - air_c) * (model.heating[k] | ~model.on_net)
        heat_w = np.clip(missing / zones.heat_to_air, 0.0, model.heat_most_w)
        excess_w = np.maximum(np.nan_to_num(air_c - model.cool_set_c), 0.0) / zones.cold_to_air
        airing_w = np.minimum(excess_w, self._open_w_k * np.maximum(np.nan_to_num(model.cool_set_c) - outside_c, 0.0))
        all_cold_w = np.minimum(excess_w - airing_w, model.cool_most_w)
        mass_c, air_c = zones.heated(mass_c, air_c, np.zeros_like(airing_w), airing_w)
        return Asked(mass_c, air_c, heat_w, all_cold_w * cooled, air_c - zones.cold_to_air * all_cold_w)

    def go(self, asked: Asked, heat_w: Floats, cold_w: Floats) -> Floats:
        """Take the step with the heat and cold that were really there; give the air's temperature over it."""
        self.mass_c, air_c = self.zones.heated(asked.mass_c, asked.air_c, heat_w, cold_w)
        return air_c


def cop(outside_c: float) -> float:
    """Cold by electricity at this outside temperature; not above 5."""
    return min(5.0, COP_AT_35_C * (1.0 + COP_PER_K * (outside_c - 35.0)))


def usual_cooling_kw(model: BuildingsModel) -> Floats:
    """Electricity for cooling on the climate's mean days, which the load profiles hold already, [t, n]."""
    rooms = Rooms(model, model.usual_outside_c, model.usual_sun_w)
    found = np.zeros((model.moments, len(model.codes)))
    for k in range(model.moments):
        asked = rooms.ask(k, model.people[k], model.appliances_w[k], model.cooled_share[k])
        rooms.go(asked, asked.heat_w, asked.cold_w)
        found[k] = asked.cold_w / 1000.0 / cop(float(model.usual_outside_c[k]))
    return found


def check(model: BuildingsModel) -> None:
    """Refuse a model whose arrays do not fit together.

    Raises:
        TwinError: which, and what would fit.
    """
    count, moments = len(model.codes), model.moments
    shapes = {
        **dict.fromkeys(("outside_c", "usual_outside_c", "heating", "price_cny_kwh"), (moments,)),
        **dict.fromkeys(
            ("sun_w", "usual_sun_w", "people", "appliances_w", "load_kw", "working_kw", "cooled_share"),
            (moments, count),
        ),
        **dict.fromkeys(("heat_set_c", "heat_most_w", "on_net", "cool_set_c", "cool_most_w"), (count,)),
    }
    for name, shape in shapes.items():
        values = getattr(model, name)
        if values.shape != shape:
            raise TwinError(f"BuildingsModel.{name}", f"shape {values.shape}", f"{shape}.")
        if name not in ("heat_set_c", "cool_set_c") and not np.isfinite(values).all():
            raise TwinError(f"BuildingsModel.{name}", "a value that is no number", "Finite numbers.")
    if (model.load_kw <= 0.0).any():
        raise TwinError("BuildingsModel.load_kw", "0 kW or less", "More than 0 kW.")
    if (np.asarray(model.fabric.floor_m2) <= 0).any() or (np.asarray(model.fabric.air_w_k) <= 0).any():
        raise TwinError("BuildingsModel.fabric", "a building without floor or air", "More than 0.")
