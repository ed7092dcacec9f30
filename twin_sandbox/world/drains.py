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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin_sandbox.engines.drainage import Model, Rule
from twin_sandbox.errors import TwinError
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    from twin_sandbox.entities import District

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

ORIFICE_CD = 0.65
FLAP_CD = 0.8
OUTLET_CHAMBER_M2 = 25.0
"""Stilling chamber before a flap valve [m²]."""

WEIR_CD = 1.7
"""Discharge coefficient of a broad crest [m^0.5/s]: Q = 1.7 L h^1.5."""

COVER_WEIR_M = 3.0
"""Length of the edge over which a junction spills: its cover and the gullies at its kerb [m]."""

SURCHARGE_M = 20.0
"""Head that a junction may gain above its rim before SWMM itself would throw water away [m]: never reached."""

HEADROOM_M = 4.0
"""Height of the weirs and of the stores above their last known level [m]."""

BELOW_START_M = 0.2
"""Between storms seepage keeps the tank this far below the first pump's start level [m]."""

DRY_RUN_M = 0.25
RAMP_M = 0.25
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
class _Text:
    """SWMM input, gathered section by section."""

    sections: dict[str, list[str]] = field(default_factory=dict)

    def add(self, section: str, *values: object) -> None:
        words = (f"{value:.6g}" if isinstance(value, float) else str(value) for value in values)
        self.sections.setdefault(section, []).append(" ".join(words))

    def __str__(self) -> str:
        return "\n".join(f"[{name}]\n" + "\n".join(self.sections.get(name, [])) + "\n" for name in SECTIONS)


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


def _rows(district: "District", table: str) -> Iterable[Any]:
    # Without the geometry: making its points and lines anew takes longer than all the rest.
    rows: Iterable[Any] = district.entities[table].drop(columns="geometry").itertuples()
    return rows


def short_names(district: "District") -> dict[str, str]:
    """Code of each pump and gate → the name by which it is set: ``pump_1`` …, ``gate_1`` …."""
    names: dict[str, str] = {}
    for table, word in (("pumps", "pump"), ("gates", "gate")):
        codes = district.entities[table].sort_values("swmm_id").index
        names.update({code: f"{word}_{k}" for k, code in enumerate(codes, start=1)})
    return names


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


class _Writer:
    def __init__(self, district: "District", scenario: Scenario, reality: Reality, *, unattended: bool) -> None:
        self.district, self.scenario, self.reality, self.unattended = district, scenario, reality, unattended
        self.text = _Text()
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

    def write(self) -> Drains:
        self._options()
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

    @property
    def links_with_codes(self) -> list[tuple[str, str]]:
        return [(self.name[code], code) for code in self.links]

    def _options(self) -> None:
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
            "ROUTING_STEP": ROUTING_STEP_S,
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
            **(RECORDING_STEPS if self.unattended else {}),
        }.items():
            text.add("OPTIONS", key, value)

    def _rain(self) -> None:
        minutes = self.scenario.storm.step_s // 60
        text = self.text
        text.add("RAINGAGES", "rain", "INTENSITY", f"{minutes // 60}:{minutes % 60:02d}", 1.0, "TIMESERIES", "rain")
        for row in _rows(self.district, "subcatchments"):
            impervious = min(1.0, row.impervious_share * self.reality.impervious_factor)
            name = row.swmm_id
            outlet = self._junction_names()[row.outlet]
            text.add(
                "SUBCATCHMENTS",
                name,
                "rain",
                outlet,
                row.area_m2 / 1e4,
                100 * impervious,
                float(row.width_m),
                100 * row.slope,
                0,
            )
            text.add("SUBAREAS", name, SUBAREA)
            text.add("INFILTRATION", name, INFILTRATION)

    def _junction_names(self) -> dict[str, str]:
        if not self.name:
            for table in ("junctions", "storages", "outfalls", "low_areas", "conduits"):
                self.name.update(self.district.entities[table]["swmm_id"])
            self.name.update(short_names(self.district))
        return self.name

    def _nodes(self) -> None:
        for row in _rows(self.district, "junctions"):
            self.invert[row.Index] = row.invert_m
            self.text.add(
                "JUNCTIONS", row.swmm_id, row.invert_m, row.rim_m - row.invert_m + HEADROOM_M, 0, SURCHARGE_M, 0
            )
            self.nodes.append(row.Index)
        starts = self.district.entities["pumps"].groupby("from_code")["start_level_m"].min()
        for row in _rows(self.district, "storages"):
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
        for row in _rows(self.district, "outfalls"):
            self.invert[row.Index] = row.invert_m
            self.outfall_row[row.Index] = row
            self.nodes.append(row.Index)

    def _low_areas(self) -> None:
        for row in _rows(self.district, "low_areas"):
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
        for row in _rows(self.district, "conduits"):
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
        for row in _rows(self.district, "pumps"):
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
        for row in _rows(self.district, "gates"):
            name, inside = self.name[row.Index], self.name[row.from_code]
            outside = self._end(row.to_code)
            sea = self.name[self._downstream(row.to_code)]
            self.text.add("ORIFICES", name, inside, outside, "SIDE", float(row.sill_m), ORIFICE_CD, "YES", 0)
            self.text.add("XSECTIONS", name, "RECT_CLOSED", float(row.height_m), float(row.width_m), 0, 0)
            self.rules[name] = Rule("gate", inside, sea)
            self.standing += [
                f"RULE {name}_open\nIF NODE {inside} HEAD > NODE {sea} HEAD\n",
                f"THEN ORIFICE {name} SETTING = 1\nELSE ORIFICE {name} SETTING = 0\n",
            ]
            self.gates.append(name)
            self.links.append(row.Index)

    def _downstream(self, code: str) -> str:
        """The outfall to which the pipes from a node lead."""
        to = dict(self.district.entities["conduits"][["from_code", "to_code"]].itertuples(index=False))
        while code not in self.outfall_row:
            code = to[code]
        return code

    def _spills(self) -> None:
        widths = self.district.entities["streets"]["width_m"].to_dict()
        bottoms = self.district.entities["low_areas"]["bottom_m"].to_dict()
        junctions = sorted(_rows(self.district, "junctions"), key=lambda row: (row.rim_m, row.swmm_id))
        side = math.sqrt(GULLIES * GULLY_OPENING_M2 * self.reality.inlet_factor)
        for row in _rows(self.district, "low_areas"):
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
        low = self.district.entities["low_areas"]
        quay_m = float(low.loc[low["spills_to"] == "", "sill_m"].min())
        if levels_m.max() >= quay_m:
            raise TwinError(
                f"Scenario {scenario.name!r}, tide",
                f"the sea rises to {levels_m.max():.2f} m, over the shore at {quay_m:.2f} m",
                "A sea that stays below the shore: waves over the quay are not in this model.",
                "Take a smaller range or surge.",
            )
        for at, level in enumerate(levels_m):
            self.text.add("TIMESERIES", "tide", f"{at // 60}:{at % 60:02d}", f"{level:.9g}")
        self.text.add("REPORT", "INPUT NO")
        self.text.add("REPORT", "CONTROLS NO")
        self.text.add("REPORT", "NODES ALL")
        self.text.add("REPORT", "LINKS ALL")
