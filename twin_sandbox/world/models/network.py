"""The district's drains as SWMM input: what every drainage model of it has in common.

Junctions, conduits, the tank, pumps, the tide gate, outfalls behind flap valves, rain and tide. What becomes of water
above ground is each model's own.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin_sandbox.engines.drainage.rules import Rule
from twin_sandbox.errors import TwinError
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin_sandbox.entities import District

ORIFICE_CD = 0.65
FLAP_CD = 0.8
OUTLET_CHAMBER_M2 = 25.0
"""Stilling chamber before a flap valve [m²]."""

WEIR_CD = 1.7
"""Discharge coefficient of a broad crest [m^0.5/s]: Q = 1.7 L h^1.5."""

HEADROOM_M = 4.0
"""Height of the weirs and of the stores above their last known level [m]."""

BELOW_START_M = 0.2
"""Between storms seepage keeps the tank this far below the first pump's start level [m]."""

DRY_RUN_M = 0.25
RAMP_M = 0.25
GATE_HOLD_M = 0.05
"""A tide gate shuts when the sea stands so far above the water inside: until then its flap alone holds the sea back. A
gate that shut at once moved a hundred times in a night, as its tank follows the sea."""

SUBAREA = "0.013 0.15 1.5 5.0 25 OUTLET"
"""Manning's n, depression storage [mm] (each: impervious, pervious); impervious area without storage [%]."""

INFILTRATION = "76.2 12.7 4 7 0"
"""Horton: 3.0 → 0.5 in/h, decay 4 1/h, drying 7 d: SWMM's own defaults, a loam under lawn."""


SECTIONS = [
    *("TITLE", "OPTIONS", "RAINGAGES", "SUBCATCHMENTS", "SUBAREAS", "INFILTRATION", "JUNCTIONS", "OUTFALLS", "STORAGE"),
    *("CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "XSECTIONS", "CURVES", "TIMESERIES", "REPORT"),
]
"""SWMM reads a link's cross-section only after the link."""


@dataclass
class Text:
    """SWMM input, gathered section by section; `str` of it is the file."""

    order: list[str] = field(default_factory=lambda: SECTIONS)
    sections: dict[str, list[str]] = field(default_factory=dict)

    def add(self, section: str, *values: object) -> None:
        """Add one line of values to a section; numbers to six digits."""
        words = (f"{value:.6g}" if isinstance(value, float) else str(value) for value in values)
        self.sections.setdefault(section, []).append(" ".join(words))

    def __str__(self) -> str:
        return "\n".join(f"[{name}]\n" + "\n".join(self.sections.get(name, [])) + "\n" for name in self.order)


def rows(district: "District", table: str) -> Sequence[Any]:
    """The rows of a table, without the geometry: making its points and lines anew takes longer than all the rest."""
    frame, kept = district.entities[table], _kept_rows(district, table)
    if not kept or kept[0] is not frame:
        kept[:] = [frame, tuple(frame.drop(columns="geometry").itertuples())]
    found: Sequence[Any] = kept[1]
    return found


@functools.lru_cache(maxsize=16)
def _kept_rows(district: "District", table: str) -> list[Any]:  # noqa: ARG001 - one list for each
    """A table and its rows, once they were asked for: many runs of one district ask again and again."""
    return []


def short_names(district: "District") -> dict[str, str]:
    """Code of each pump and gate → the name by which it is set: ``pump_1`` …, ``gate_1`` …."""
    names: dict[str, str] = {}
    for table, word in (("pumps", "pump"), ("gates", "gate")):
        codes = district.entities[table].sort_values("swmm_id").index
        names.update({code: f"{word}_{k}" for k, code in enumerate(codes, start=1)})
    return names


class Network:
    """Writes the part of a model that all share; a subclass adds what is above ground, and the order of it all.

    Args:
        district: where.
        scenario: what happens.
        reality: how the real network differs from the public model.
    """

    def __init__(self, district: "District", scenario: Scenario, reality: Reality) -> None:
        self.district, self.scenario, self.reality = district, scenario, reality
        self.text = Text()
        self.name: dict[str, str] = {}
        self.invert: dict[str, float] = {}
        self.nodes: list[str] = []
        self.links: list[str] = []
        self.rules: dict[str, Rule] = {}
        self.pumps: dict[str, tuple[float, float]] = {}
        self.gates: list[str] = []
        self.sump = ""
        self.standing: list[str] = []
        # SWMM allows one link an outfall; where several end at one, each further one gets a twin of it.
        self.outfall_ends: dict[str, int] = {}
        self.outfall_row: dict[str, Any] = {}

    @property
    def links_with_codes(self) -> list[tuple[str, str]]:
        """Name and entity code of each link whose flow is wanted."""
        return [(self.name[code], code) for code in self.links]

    def _options(self, routing_step_s: int, more: Mapping[str, object]) -> None:
        start, end, text = self.scenario.start, self.scenario.end, self.text
        text.add("TITLE", self.district.area_code, self.scenario.name.replace("\n", " ")[:60])
        seconds = self.scenario.report_step_s
        for key, value in {
            "FLOW_UNITS": "CMS",
            "INFILTRATION": "HORTON",
            "FLOW_ROUTING": "DYNWAVE",
            "LINK_OFFSETS": "ELEVATION",
            "ALLOW_PONDING": "NO",
            "START_DATE": f"{start:%m/%d/%Y}",
            "START_TIME": f"{start:%H:%M:%S}",
            "REPORT_START_DATE": f"{start:%m/%d/%Y}",
            "REPORT_START_TIME": f"{start:%H:%M:%S}",
            "END_DATE": f"{end:%m/%d/%Y}",
            "END_TIME": f"{end:%H:%M:%S}",
            "REPORT_STEP": f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:00",
            "WET_STEP": "00:01:00",
            "DRY_STEP": "00:01:00",
            "ROUTING_STEP": routing_step_s,
            "VARIABLE_STEP": 0,
            "INERTIAL_DAMPING": "PARTIAL",
            "NORMAL_FLOW_LIMITED": "BOTH",
            "MIN_SURFAREA": 3,
            "MAX_TRIALS": 20,
            "HEAD_TOLERANCE": 0.0005,
            "THREADS": 1,
            # EXTRAN gives a full pipe the width of one nearly full, and so water that no storage holds: up to 3 % of a
            # small storm was lost so in a night of full sewers. In the slot all water is counted.
            "SURCHARGE_METHOD": "SLOT",
            **more,
        }.items():
            text.add("OPTIONS", key, value)

    def _rain(self) -> None:
        minutes = self.scenario.storm.step_s // 60
        text = self.text
        text.add("RAINGAGES", "rain", "INTENSITY", f"{minutes // 60}:{minutes % 60:02d}", 1.0, "TIMESERIES", "rain")
        for row in rows(self.district, "subcatchments"):
            self._subcatchment(
                row.swmm_id, self._names()[row.outlet], *self._ground(row), float(row.width_m), row.slope
            )

    def _subcatchment(
        self, name: str, outlet: str, area_m2: float, impervious: float, width_m: float, slope: float
    ) -> None:
        impervious = min(1.0, impervious * self.reality.impervious_factor)
        values = (area_m2 / 1e4, 100 * impervious, width_m, 100 * slope, 0)
        self.text.add("SUBCATCHMENTS", name, "rain", outlet, *values)
        self.text.add("SUBAREAS", name, SUBAREA)
        self.text.add("INFILTRATION", name, INFILTRATION)

    def _ground(self, row: Any) -> tuple[float, float]:  # noqa: ANN401 - a row of the subcatchments
        """What of a subcatchment sheds its rain straight into the drains: area [m²] and impervious share."""
        return row.area_m2, row.impervious_share

    def _names(self) -> dict[str, str]:
        if not self.name:
            for table in ("junctions", "storages", "outfalls", "low_areas", "conduits"):
                self.name.update(self.district.entities[table]["swmm_id"])
            self.name.update(short_names(self.district))
        return self.name

    def _nodes(self) -> None:
        for row in rows(self.district, "junctions"):
            self.invert[row.Index] = row.invert_m
            self.text.add("JUNCTIONS", row.swmm_id, row.invert_m, *self._junction(row))
            self.nodes.append(row.Index)
        starts = self.district.entities["pumps"].groupby("from_code")["start_level_m"].min()
        for row in rows(self.district, "storages"):
            self.invert[row.Index] = row.invert_m
            level = self.scenario.sump_start_m
            if level is None:
                level = max(row.invert_m, starts.get(row.Index, row.invert_m) - BELOW_START_M)
            depth = float(level) - row.invert_m
            if not 0 <= depth <= row.max_depth_m:
                raise TwinError(
                    f"Scenario {self.scenario.name!r}, sump_start_m",
                    f"{level} m",
                    f"{row.invert_m:g} to {row.invert_m + row.max_depth_m:g} m, the tank's bottom and top.",
                )
            self.text.add(
                "STORAGE",
                row.swmm_id,
                row.invert_m,
                row.max_depth_m + HEADROOM_M,
                depth,
                "FUNCTIONAL",
                0,
                0,
                float(row.area_m2),
                0,
                0,
            )
            self.nodes.append(row.Index)
            # An emergency spillway: a full tank runs over to the sea, not out of the model.
            crest = row.invert_m + row.max_depth_m
            self._weir(f"{row.swmm_id}_spillway", row.swmm_id, self._sea(f"{row.swmm_id}_sea", crest), crest, 10.0)
        for row in rows(self.district, "outfalls"):
            self.invert[row.Index] = row.invert_m
            self.outfall_row[row.Index] = row
            self.nodes.append(row.Index)

    def _junction(self, row: Any) -> tuple[float, ...]:  # noqa: ANN401 - a row of the junctions
        """Depth, initial depth, surcharge depth [m] and ponded area [m²] of a junction."""
        raise NotImplementedError

    def _end(self, code: str) -> str:
        """The node at which a link ends; a further link to one outfall gets an outfall of its own."""
        name = self.name[code]
        row = self.outfall_row.get(code)
        if row is None:
            return name
        return self._outfall(row, name)

    def _outfall(self, row: Any, name: str) -> str:  # noqa: ANN401 - a row of the outfalls
        code = row.Index
        count = self.outfall_ends[code] = self.outfall_ends.get(code, 0) + 1
        if count > 1:
            name = f"{name}_{count}"
        if row.tidal:
            self.text.add("OUTFALLS", name, row.invert_m, "TIMESERIES", "tide", "NO")
        else:
            self.text.add("OUTFALLS", name, row.invert_m, "FREE", "NO")
        return name

    def _flap(self, conduit: str, sea: str, crest_m: float, diameter_m: float) -> str:
        """A flap valve at the end of a pipe to the sea; gives the node in front of it.

        SWMM's own flap on an outfall stops the flow, but the water of the pipe still follows the tide, out of nothing.
        """
        node, link = f"{conduit}_end", f"{conduit}_flap"
        self.text.add(
            "STORAGE", node, crest_m, diameter_m + 2 * HEADROOM_M, 0, "FUNCTIONAL", 0, 0, OUTLET_CHAMBER_M2, 0, 0
        )
        self.text.add("ORIFICES", link, node, sea, "SIDE", crest_m, FLAP_CD, "YES", 0)
        self.text.add("XSECTIONS", link, "CIRCULAR", diameter_m, 0, 0, 0)
        return node

    def _sea(self, name: str, crest_m: float) -> str:
        """An outfall of its own, below ``crest_m``: water that runs over the quay."""
        self.text.add("OUTFALLS", name, crest_m - 0.5, "FREE", "NO")
        return name

    def _weir(self, name: str, start: str, end: str, crest_m: float, length_m: float, *, one_way: bool = True) -> None:
        self.text.add(
            "WEIRS", name, start, end, "TRANSVERSE", crest_m, WEIR_CD, "YES" if one_way else "NO", 0, 0, "YES"
        )
        self.text.add("XSECTIONS", name, "RECT_OPEN", HEADROOM_M, length_m, 0, 0)

    def _conduits(self) -> None:
        unknown = sorted(set(self.reality.blockage) - set(self.district.entities["conduits"].index))
        if unknown:
            raise TwinError("Reality.blockage", f"{', '.join(unknown)}", "Codes of conduits of this district.")
        for row in rows(self.district, "conduits"):
            own = self.reality.trunk_roughness_n if row.is_trunk else self.reality.pipe_roughness_n
            diameter = row.diameter_m * math.sqrt(self.reality.blockage.get(row.Index, 1.0))
            start, end = self.name[row.from_code], self._end(row.to_code)
            outlet_m = self.invert[row.to_code] + row.outlet_offset_m
            if row.to_code in self.outfall_row:
                end = self._flap(row.swmm_id, end, outlet_m, diameter)
            self.text.add(
                "CONDUITS",
                row.swmm_id,
                start,
                end,
                float(row.length_m),
                float(own or row.roughness_n),
                self.invert[row.from_code] + row.inlet_offset_m,
                outlet_m,
                0,
                0,
            )
            self.text.add("XSECTIONS", row.swmm_id, "CIRCULAR", float(diameter), 0, 0, 0, 1)
            self.links.append(row.Index)

    def _station(self) -> None:
        mode = self.scenario.pumps
        for row in rows(self.district, "pumps"):
            name, bottom = self.name[row.Index], self.invert[row.from_code]
            self.sump = self.sump or row.from_code
            start, stop = round(row.start_level_m - bottom, 3), round(row.stop_level_m - bottom, 3)
            status = "ON" if mode == "on" else "OFF"
            self.text.add(
                "PUMPS", name, self.name[row.from_code], self._end(row.to_code), f"curve_{name}", status, 0, 0
            )
            flow = row.rated_m3s * self.reality.pump_efficiency
            # Below the dry-run depth nothing comes; the ramp above it keeps the last drops from chattering.
            for depth, out in ((0.0, 0.0), (DRY_RUN_M, 0.0), (DRY_RUN_M + RAMP_M, flow), (30.0, flow)):
                self.text.add("CURVES", f"curve_{name}", "PUMP4" if depth == 0 else "", depth, float(out))
            inside, outside = self.name[row.from_code], self.name[row.to_code]
            self.rules[name] = (
                Rule("pump", inside, outside, start, stop) if mode == "rules" else Rule("fixed", inside, outside)
            )
            if mode == "rules":
                self.standing += [
                    f"RULE {name}_start\nIF NODE {inside} DEPTH > {start!r}\nTHEN PUMP {name} STATUS = ON\n",
                    f"RULE {name}_stop\nIF NODE {inside} DEPTH < {stop!r}\nTHEN PUMP {name} STATUS = OFF\n",
                ]
            self.pumps[name] = (float(row.power_kw), float(row.rated_m3s))
            self.links.append(row.Index)
        for row in rows(self.district, "gates"):
            name, inside = self.name[row.Index], self.name[row.from_code]
            outside = self._end(row.to_code)
            sea = self.name[self._downstream(row.to_code)]
            self.text.add("ORIFICES", name, inside, outside, "SIDE", float(row.sill_m), ORIFICE_CD, "YES", 0)
            self.text.add("XSECTIONS", name, "RECT_CLOSED", float(row.height_m), float(row.width_m), 0, 0)
            self.rules[name] = Rule("gate", inside, sea, hold_m=GATE_HOLD_M)
            self.standing += [
                f"VARIABLE {name}_inside = NODE {inside} HEAD\nVARIABLE {name}_sea = NODE {sea} HEAD\n",
                f"EXPRESSION {name}_fall = {name}_inside - {name}_sea\n",
                f"RULE {name}_open\nIF {name}_fall > 0\nTHEN ORIFICE {name} SETTING = 1\n",
                f"RULE {name}_shut\nIF {name}_fall < {-GATE_HOLD_M!r}\nTHEN ORIFICE {name} SETTING = 0\n",
            ]
            self.gates.append(name)
            self.links.append(row.Index)

    def _downstream(self, code: str) -> str:
        """The outfall to which the pipes from a node lead."""
        to = dict(self.district.entities["conduits"][["from_code", "to_code"]].itertuples(index=False))
        while code not in self.outfall_row:
            code = to[code]
        return code

    def _series(self) -> None:
        import pandas as pd

        scenario = self.scenario
        delay_min = int((scenario.storm_start - scenario.start).total_seconds() // 60)
        step_min = scenario.storm.step_s // 60
        for k, intensity in enumerate(scenario.storm.intensity_mm_h):
            at = delay_min + k * step_min
            self.text.add(
                "TIMESERIES", "rain", f"{at // 60}:{at % 60:02d}", float(intensity) * self.reality.rain_factor
            )
        times = pd.date_range(scenario.start, periods=scenario.horizon_s // 60 + 2, freq="1min")
        levels_m = scenario.tide.level_m(times)
        self._refuse_tide(levels_m)
        for at, level in enumerate(levels_m):
            self.text.add("TIMESERIES", "tide", f"{at // 60}:{at % 60:02d}", f"{level:.9g}")
        self.text.add("REPORT", "INPUT NO")
        self.text.add("REPORT", "CONTROLS NO")
        self.text.add("REPORT", "NODES ALL")
        self.text.add("REPORT", "LINKS ALL")

    def _refuse_tide(self, levels_m: "NDArray[np.float64]") -> None:
        """Refuse a sea that this model cannot have."""
