"""How the real city differs from the city as designed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from twin_sandbox.things.faults import Fault
    from twin_sandbox.world.scenario import Scenario

_LIMITS = {
    "trunk_roughness_n": (0.008, 0.05),
    "pipe_roughness_n": (0.008, 0.05),
    "impervious_factor": (0.3, 1.5),
    "inlet_factor": (0.02, 2.0),
    "pump_efficiency": (0.1, 1.2),
    "rain_factor": (0.3, 2.0),
    "surge_m": (-1.0, 2.0),
    "storm_offset_min": (-1440.0, 1440.0),
}

_EACH = {
    "blockage": (0.05, 1.0, "The open share: 0.05 to 1."),
    "leak_coefficient": (0.0, 0.1, "0 to 0.1 m³/s/m^0.5."),
    "demand_factor": (0.0, 5.0, "Real ÷ designed demand: 0 to 5."),
}


@dataclass(frozen=True)
class Reality:
    """Deviations of the real city from the public model; what is not given is as designed.

    The drainage engine obeys the first seven; rain gauges tell the rain times ``rain_factor``. ``surge_m`` and
    ``storm_offset_min`` change what happens, not the network: `happens` gives the scenario that really comes.
    ``device_faults`` are handed to ``twin.observe``. The supply engine obeys ``leak_coefficient``, ``demand_factor``
    and ``closed_valves``, the power engine ``outages``; where a run has no such engine, nobody obeys them. People,
    buildings, sun, heat and traffic have nothing hidden of their own: they feel it by their wires.

    Args:
        trunk_roughness_n: Manning's n of all trunk conduits [s/m^(1/3)], 0.008 to 0.05.
        pipe_roughness_n: Manning's n of all other conduits [s/m^(1/3)].
        blockage: conduit code → share of its cross-section that is still open, 0.05 to 1. A blocked pipe is
            modelled as a pipe of the open area (diameter × √share).
        impervious_factor: real ÷ designed impervious share of every subcatchment (the share stays at most 1).
        inlet_factor: real ÷ designed capacity of the gullies (leaves, silt).
        pump_efficiency: real ÷ rated flow of each pump (wear).
        rain_factor: real rain over the district ÷ the scenario's (spatial error of the forecast).
        surge_m: what the sea stands higher than the scenario's tide [m].
        storm_offset_min: how much later the storm comes than in the scenario [min].
        device_faults: faults of `twin_sandbox.things.faults`.
        leak_coefficient: water pipe code → C of its leak, flow = C √head [m³/s/m^0.5]. For the supply engine.
        demand_factor: use of buildings → real ÷ designed water demand, whoever computes the demand. For the supply
            engine.
        closed_valves: codes of valves that are shut until someone commands them. For the supply engine.
        outages: (code of a power asset, from [h], until [h]) since the start of the run: a bus, line, transformer,
            feed, switch, consumer, solar system, battery or diesel set that is out of service. For the power engine.

    Raises:
        TwinError: a value outside its limits.
    """

    trunk_roughness_n: float | None = None
    pipe_roughness_n: float | None = None
    blockage: Mapping[str, float] = field(default_factory=dict)
    impervious_factor: float = 1.0
    inlet_factor: float = 1.0
    pump_efficiency: float = 1.0
    rain_factor: float = 1.0
    surge_m: float = 0.0
    storm_offset_min: float = 0.0
    device_faults: "tuple[Fault, ...]" = ()
    leak_coefficient: Mapping[str, float] = field(default_factory=dict)
    demand_factor: Mapping[str, float] = field(default_factory=dict)
    closed_valves: tuple[str, ...] = ()
    outages: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise TwinError(f"Reality.{name}", f"{value}", f"{low:g} to {high:g}.")
        for name, (low, high, allowed) in _EACH.items():
            for code, value in getattr(self, name).items():
                if not low <= value <= high:
                    raise TwinError(f"Reality.{name}[{code!r}]", f"{value}", allowed)
            object.__setattr__(self, name, dict(getattr(self, name)))
        for name in ("closed_valves", "outages", "device_faults"):
            if isinstance(getattr(self, name), str):
                raise TwinError(f"Reality.{name}", repr(getattr(self, name)), "A list.")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._refuse_absurd_lists()

    def _refuse_absurd_lists(self) -> None:
        for outage in self.outages:
            if len(outage) != 3 or not 0.0 <= outage[1] < outage[2] < math.inf:
                raise TwinError("Reality.outages", repr(outage), "(code, from, until) in hours: 0 ≤ from < until.")
        for fault in self.device_faults:
            if not hasattr(fault, "datastream"):
                told = f"a {type(fault).__name__}"
                raise TwinError("Reality.device_faults", told, "Faults, e.g. Stuck('level-03').")

    def happens(self, scenario: "Scenario") -> "Scenario":
        """The scenario as it really comes: with this reality's surge, its storm, if any, later or earlier.

        Raises:
            TwinError: the storm would begin outside the run.
        """
        import pandas as pd

        return replace(
            scenario,
            storm_start=scenario.storm_start + pd.Timedelta(minutes=self.storm_offset_min if scenario.rains else 0.0),
            tide=replace(scenario.tide, surge_m=scenario.tide.surge_m + self.surge_m),
        )


AS_DESIGNED = Reality()
"""The public model."""
