"""What the heat loop runs: its model, and the exchangers of the substations."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.heat.pipe import HEAT_J_KGK
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROOM_C = 20.0
RADIATOR_EXPONENT = 1.3
"""Heat of a radiator by its excess temperature (EN 442; GB/T 13754)."""
MOST_FLOW = 1.2
"""Of a valve wide open, by the design flow."""
LEAST_END_K = 0.5
"""Between the two waters at the cold end of an exchanger."""


@dataclass(frozen=True)
class HeatModel:
    """One station, a tree of pairs of pipes, ``m`` substations, ``n`` buildings; ``t`` moments ``step_s`` apart.

    Args:
        start: moment of the first value, with its time zone.
        step_s: time between moments [s].
        source: code of the station, which stands at node 0.
        supply_c, rated_kw: of the station.
        pipes: codes.
        pipe_from, pipe_to: nodes of each pair of pipes; water flows to ``pipe_to`` and comes back beside it.
        pipe_mass_kg: water in one of the two.
        pipe_cooling_per_s: λ / (A ρ c) of each.
        ground_c: around the pipes.
        substations: codes.
        substation_node: node of each [m].
        design_kw: of each, where the next four hold [m].
        primary_supply_c, primary_return_c, secondary_supply_c, secondary_return_c: on the coldest day [m].
        buildings: codes.
        building_substation: row of each building's substation [n].
        building_design_kw: of each building [n].
        outside_c: air outside [t].
        design_outside_c: on the coldest day.
        in_season: whether the loop runs [t].
    """

    start: "pd.Timestamp"
    step_s: int
    source: str
    supply_c: float
    rated_kw: float
    pipes: tuple[str, ...]
    pipe_from: Ints
    pipe_to: Ints
    pipe_mass_kg: Floats
    pipe_cooling_per_s: Floats
    ground_c: float
    substations: tuple[str, ...]
    substation_node: Ints
    design_kw: Floats
    primary_supply_c: Floats
    primary_return_c: Floats
    secondary_supply_c: Floats
    secondary_return_c: Floats
    buildings: tuple[str, ...]
    building_substation: Ints
    building_design_kw: Floats
    outside_c: Floats
    design_outside_c: float
    in_season: NDArray[np.bool_]


class Exchangers:
    """The substations' exchangers: counter-flow, of a size fixed by the coldest day; the houses' flow is constant."""

    def __init__(self, model: HeatModel) -> None:
        hot, cold = (
            model.primary_supply_c - model.secondary_supply_c,
            model.primary_return_c - model.secondary_return_c,
        )
        self._design_w = 1000.0 * model.design_kw
        even = np.abs(hot - cold) < 1e-6
        apart = np.where(even, 1.0, hot - cold)
        mean_k = np.where(even, hot, apart / np.log(np.where(even, math.e, hot / cold)))
        self.size_w_k = self._design_w / mean_k  # Q = UA · LMTD
        self._spread_k = model.secondary_supply_c - model.secondary_return_c
        self.houses_w_k = self._design_w / self._spread_k
        self._excess_k = (model.secondary_supply_c + model.secondary_return_c) / 2 - ROOM_C
        self.most_kg_s = MOST_FLOW * self._design_w / (HEAT_J_KGK * (model.primary_supply_c - model.primary_return_c))

    def houses_c(self, asked_w: Floats) -> tuple[Floats, Floats]:
        """Water to and from the houses for the heat asked: radiators at constant flow, by their exponent."""
        share = asked_w / self._design_w
        mean_c = ROOM_C + self._excess_k * share ** (1.0 / RADIATOR_EXPONENT)
        return mean_c + self._spread_k * share / 2, mean_c - self._spread_k * share / 2

    def valves(self, asked_w: Floats, arrives_c: Floats) -> Floats:
        """Primary flow [kg/s] that hands over the heat asked, by Underwood's (1933) form of the mean difference.

        ∛LMTD ≈ (∛hot end + ∛cold end) / 2; a valve opens one per cent farther, since the form errs by less.
        """
        to_houses, from_houses = self.houses_c(asked_w)
        hot_k = np.maximum(arrives_c - to_houses, 0.0)
        root = 2.0 * np.cbrt(asked_w / self.size_w_k) - np.cbrt(hot_k)
        leaves_c = from_houses + np.maximum(root, np.cbrt(LEAST_END_K)) ** 3
        drop_k = arrives_c - leaves_c
        enough = 1.01 * asked_w / (HEAT_J_KGK * np.maximum(drop_k, 1e-3))
        flow = np.where(drop_k > 0.5, np.minimum(enough, self.most_kg_s), self.most_kg_s)
        return np.where(asked_w > 0.0, flow, 0.0)

    def hands_w(self, asked_w: Floats, flow_kg_s: Floats, arrives_c: Floats) -> Floats:
        """Heat handed to the houses: what is asked, or what the exchanger can (effectiveness and NTU, counter-flow)."""
        _, from_houses = self.houses_c(asked_w)
        primary = HEAT_J_KGK * np.maximum(flow_kg_s, 1e-9)
        least, most = np.minimum(primary, self.houses_w_k), np.maximum(primary, self.houses_w_k)
        ratio = np.minimum(least / most, 1.0 - 1e-9)
        gone = np.exp(-self.size_w_k / least * (1.0 - ratio))
        able_w = (1.0 - gone) / (1.0 - ratio * gone) * least * np.maximum(arrives_c - from_houses, 0.0)
        return np.where(flow_kg_s > 0.0, np.minimum(asked_w, able_w), 0.0)


def check(model: HeatModel) -> None:
    """Refuse a model that does not fit together.

    Raises:
        TwinError: which part, and what would fit.
    """
    counts = {
        len(model.pipes): ("pipe_from", "pipe_to", "pipe_mass_kg", "pipe_cooling_per_s"),
        -len(model.substations): (
            "substation_node", "design_kw", "primary_supply_c", "primary_return_c", "secondary_supply_c",
            "secondary_return_c",
        ),
    }  # fmt: skip
    for count, names in counts.items():
        for name in names:
            values = getattr(model, name)
            if values.shape != (abs(count),) or not np.isfinite(values).all():
                raise TwinError(f"HeatModel.{name}", f"shape {values.shape}, or no numbers", f"{abs(count)} values.")
    if model.in_season.shape != model.outside_c.shape or not np.isfinite(model.outside_c).all():
        raise TwinError("HeatModel.outside_c", "values that do not fit in_season", "One a moment, finite.")
    for name in ("pipe_mass_kg", "design_kw"):
        if (getattr(model, name) <= 0.0).any():
            raise TwinError(f"HeatModel.{name}", "0 or less", "More than 0.")
    hot, cold = model.primary_supply_c - model.secondary_supply_c, model.primary_return_c - model.secondary_return_c
    spread = model.secondary_supply_c - model.secondary_return_c
    if (np.minimum(np.minimum(hot, cold), spread) <= 0.0).any():
        raise TwinError("HeatModel.secondary_return_c", "temperatures between which no heat can flow", "Hot to cold.")
    ends = [int(end) for end in model.pipe_to]
    if len(set(ends)) < len(ends) or 0 in ends:
        raise TwinError("HeatModel.pipe_to", "a node that two pipes feed, or the station", "A tree from the station.")
    if not set(model.substation_node.tolist()) <= set(ends):
        raise TwinError("HeatModel.substation_node", "a node that no pipe feeds", "A node at the end of a pipe.")
