"""The district's drains and low streets as a SWMM model.

Dual drainage with one store a low area. Below ground: junctions, conduits, the tank, pumps, the tide gate and the
outfalls of the district. Above ground: each low area is a storage node with the stage-area curve of the terrain; water
gets

* from a junction up to the street where its head passes the rim (a weir of `COVER_WEIR_M`), into the low area to which
  the ground there falls, or straight into the sea where it falls to the shore;
* between a low area and the junctions in it through gullies (two-way orifices, `GULLIES` a junction);
* over the sill of a low area to the next one or the sea (a weir as wide as the street).

So nothing leaves the model but through outfalls, and SWMM's continuity is the mass balance of the whole. What this
does not have: the time water takes along a street, and depth differences within one low area.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin_sandbox.engines.drainage.sewers import Model
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.network import HEADROOM_M, ORIFICE_CD, Network, rows, short_names
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin_sandbox.entities import District

__all__ = ["Drains", "drains", "short_names"]

ROUTING_STEP_S = 3
"""Fixed routing step [s]."""

RECORDING_STEPS = {"ROUTING_STEP": 20, "VARIABLE_STEP": 0.5, "MINIMUM_STEP": 1}
"""Steps of a run that nobody commands: at most 20 s, half of what the Courant condition allows. Measured against steps
of 2 and of 3 s: half the time, levels within a few mm but for moments of a pump's start, and the Manning's n that fits
such a record best is the true one within 0.0002."""

GULLIES = 7
"""Gullies at a junction: one every 30 m on both sides of a street, manholes about 100 m apart (GB 50014-2021, 5.7)."""

GULLY_OPENING_M2 = 0.0165
"""Effective opening of a gully [m²]: 25 L/s × 0.6 for litter (GB 50014-2021, 5.7.3; 16S518) under 0.1 m of water:
A = Q / (0.65 √(2 g h)) = 0.015 / (0.65 · 1.40)."""

COVER_WEIR_M = 3.0
"""Length of the edge over which a junction spills: its cover and the gullies at its kerb [m]."""

SURCHARGE_M = 20.0
"""Head that a junction may gain above its rim before SWMM itself would throw water away [m]: never reached."""


@dataclass(frozen=True)
class Drains:
    """A model, and which entity each of its names is.

    Args:
        model: what the engine runs.
        node_codes: entity code of each of ``model.nodes``.
        link_codes: entity code of each of ``model.links``.
        pumps: short names of the pumps (``pump_1`` …), power [kW] and rated flow [m³/s] of each.
        gates: short names of the gates.
        sump: code of the storage that the pumps empty.
    """

    model: Model
    node_codes: tuple[str, ...]
    link_codes: tuple[str, ...]
    pumps: Mapping[str, tuple[float, float]]
    gates: tuple[str, ...]
    sump: str
    standing_rules: str

    @property
    def text_with_rules(self) -> str:
        """The SWMM input as a file for SWMM alone: with the standing rules as its controls."""
        return self.model.text + self.standing_rules


def drains(district: "District", scenario: Scenario, reality: Reality, *, unattended: bool = False) -> Drains:
    """The model of a scenario in the district as it really is.

    Args:
        district: where.
        scenario: what happens.
        reality: how the real network differs from the public model.
        unattended: SWMM works the station by its own controls and chooses its own steps, see `RECORDING_STEPS`.

    Raises:
        TwinError: the reality speaks of a conduit that the district doesn't have.
    """
    return _Writer(district, scenario, reality, unattended=unattended).write()


class _Writer(Network):
    def __init__(self, district: "District", scenario: Scenario, reality: Reality, *, unattended: bool) -> None:
        super().__init__(district, scenario, reality)
        self.unattended = unattended

    def write(self) -> Drains:
        self._options(ROUTING_STEP_S, RECORDING_STEPS if self.unattended else {})
        self._rain()
        self._nodes()
        self._low_areas()
        self._conduits()
        self._station()
        self._spills()
        self._series()
        links = [name for name, _ in self.links_with_codes]
        controls = "[CONTROLS]\n" + "\n".join(self.standing) + "\n" if self.standing else ""
        model = Model(
            text=str(self.text) + (controls if self.unattended else ""),
            nodes=tuple(self.name[code] for code in self.nodes),
            links=tuple(links),
            rules=self.rules,
            step_s=ROUTING_STEP_S,
            report_s=self.scenario.report_step_s,
            horizon_s=self.scenario.horizon_s,
            unattended=self.unattended,
        )
        return Drains(
            model,
            tuple(self.nodes),
            tuple(code for _, code in self.links_with_codes),
            self.pumps,
            tuple(self.gates),
            self.sump,
            controls,
        )

    def _junction(self, row: Any) -> tuple[float, ...]:  # noqa: ANN401 - a row of the junctions
        return row.rim_m - row.invert_m + HEADROOM_M, 0, SURCHARGE_M, 0

    def _low_areas(self) -> None:
        for row in rows(self.district, "low_areas"):
            self.invert[row.Index] = row.bottom_m
            stages = self.district.stage_storage[row.Index]
            depth = stages["level_m"].to_numpy() - row.bottom_m
            self.text.add(
                "STORAGE",
                row.swmm_id,
                float(row.bottom_m),
                float(depth[-1]) + HEADROOM_M,
                0,
                "TABULAR",
                f"stage_{row.swmm_id}",
                0,
                0,
            )
            for level, area in zip(depth, stages["area_m2"], strict=True):
                first = "STORAGE" if level == depth[0] else ""
                self.text.add("CURVES", f"stage_{row.swmm_id}", first, float(level), max(float(area), 25.0))
            self.nodes.append(row.Index)

    def _spills(self) -> None:
        widths = self.district.entities["streets"]["width_m"].to_dict()
        bottoms = self.district.entities["low_areas"]["bottom_m"].to_dict()
        junctions = sorted(rows(self.district, "junctions"), key=lambda row: (row.rim_m, row.swmm_id))
        side = math.sqrt(GULLIES * GULLY_OPENING_M2 * self.reality.inlet_factor)
        for row in rows(self.district, "low_areas"):
            name = row.swmm_id
            width = float(widths.get(row.street_code, 10.0))
            end = self.name[row.spills_to] if row.spills_to else self._sea(f"{name}_sea", row.sill_m)
            self._weir(f"{name}_sill", name, end, float(row.sill_m), width, one_way=not row.spills_to)
            inside = [junction for junction in junctions if junction.low_area == row.Index]
            if not inside:
                raise TwinError(f"low_areas, {row.Index}", "no junction lies in it", "At least one, to drain it.")
            for k, junction in enumerate(inside):
                # The lowest junction's gullies lie at the lowest spot of the street.
                crest = row.bottom_m if k == 0 else max(row.bottom_m, junction.rim_m)
                link = f"{junction.swmm_id}_gully"
                self.text.add("ORIFICES", link, name, junction.swmm_id, "BOTTOM", float(crest), ORIFICE_CD, "NO", 0)
                self.text.add("XSECTIONS", link, "RECT_CLOSED", side, side, 0, 0)
        for row in junctions:
            goes = row.overflow_to or row.low_area
            name = f"{row.swmm_id}_cover"
            end = self.name[goes] if goes else self._sea(f"{name}_sea", row.rim_m)
            crest = max(row.rim_m, bottoms.get(goes, row.rim_m))
            self._weir(name, row.swmm_id, end, float(crest), COVER_WEIR_M)

    def _refuse_tide(self, levels_m: "NDArray[np.float64]") -> None:
        low = self.district.entities["low_areas"]
        quay_m = float(low.loc[low["spills_to"] == "", "sill_m"].min())
        if levels_m.max() >= quay_m:
            raise TwinError(
                f"Scenario {self.scenario.name!r}, tide",
                f"the sea rises to {levels_m.max():.2f} m, over the shore at {quay_m:.2f} m",
                "A sea that stays below the shore: waves over the quay are not in this model.",
                "Take a smaller range or surge.",
            )
