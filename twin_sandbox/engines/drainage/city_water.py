"""Water in the city: EPA SWMM 5.2 and the street surface in 2-D, as one engine in a process of its own."""

import functools
import io
import math
import os
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.rules import Rule, swmm_root
from twin_sandbox.engines.drainage.surface import Grid
from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.engines.workers.process import Worker
from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

MAPS_BYTES = 100_000_000
"""The depth maps of a run take no more than this: of a longer run, each value is the deepest of several cells."""

PIECE_S = 3600.0
"""A longer step is asked of the worker in pieces of this time."""

KEPT = "What was found until then is kept: ask for it with finish()."
ADVICE = "The code is SWMM's; the message names the object in the model's input."


@dataclass(frozen=True)
class Manholes:
    """Where the sewers reach the street.

    Args:
        names: SWMM's names.
        cell: flat cell of the surface where each spills.
    """

    names: tuple[str, ...]
    cell: Cells


@dataclass(frozen=True)
class Inlets:
    """Gullies.

    Args:
        cell: flat cell of each.
        node: to which of the manholes it leads.
        opening_m2: effective opening of its grating [m²].
        edge_m: effective edge over which water falls into it [m].
    """

    cell: Cells
    node: Cells
    opening_m2: Floats
    edge_m: Floats


@dataclass(frozen=True)
class CityWaterModel:
    """A model ready to run; entity codes are only labels to it.

    Args:
        text: SWMM input without controls (the standing rules come in ``rules``).
        controls: the same rules as SWMM's own controls, for SWMM alone.
        nodes, node_codes: names and labels of the nodes whose levels are told.
        links, link_codes: names and labels of the links whose flows are told.
        rules: link → its rule; exactly these links can be commanded.
        pumps_kw: pump's name → power that it takes while it runs [kW].
        step_s: fixed routing step, and interval of the exchange [s].
        rest_s: routing step while the streets rest [s], a multiple of ``step_s``.
        report_s: records are kept every so many seconds.
        horizon_s: length of the run [s].
        grid: the street surface.
        rain_share: share of each cell on which rain falls, rows × columns.
        ground_m2: area of all subcatchments of ``text`` [m²].
        inland: cells that an ordinary tide does not wash, rows × columns.
        manholes, inlets: where street and sewer meet.
        streets, sites: label → flat cells whose deepest water is told.
        forcing_s: rain and sea are given every so many seconds.
        rain_mm_h: rain held from each of these moments on [mm/h].
        sea_m: level of the sea at each of them, and one more [m above datum].
        coupled: whether street and sewer exchange water.
    """

    text: str
    controls: str
    nodes: tuple[str, ...]
    node_codes: tuple[str, ...]
    links: tuple[str, ...]
    link_codes: tuple[str, ...]
    rules: Mapping[str, Rule]
    pumps_kw: Mapping[str, float]
    step_s: int
    rest_s: int
    report_s: int
    horizon_s: int
    grid: Grid
    rain_share: Floats
    inland: NDArray[np.bool_]
    ground_m2: float
    manholes: Manholes
    inlets: Inlets
    streets: Mapping[str, Cells]
    sites: Mapping[str, Cells]
    forcing_s: int
    rain_mm_h: Floats
    sea_m: Floats
    coupled: bool = True

    @property
    def text_with_rules(self) -> str:
        """The SWMM input as a file for SWMM alone: with the standing rules as its controls."""
        return self.text + self.controls

    @property
    def pump_codes(self) -> tuple[str, ...]:
        """Label of each pump."""
        codes = dict(zip(self.links, self.link_codes, strict=True))
        return tuple(codes[name] for name in self.pumps_kw)

    @property
    def map_cells(self) -> int:
        """Side of a value of the depth maps, in cells."""
        rows, columns = self.grid.ground_m.shape
        records = self.horizon_s // self.report_s + 1
        sides = [n for n in range(1, min(rows, columns) + 1) if rows % n == 0 and columns % n == 0]
        return next((n for n in sides if records * (rows // n) * (columns // n) * 4 <= MAPS_BYTES), sides[-1])


@dataclass(frozen=True)
class CityWaterRecords:
    """What a run leaves: one row a report step, the first at the start; shorter if it failed.

    Args:
        levels_m: water level of each node [m above datum], records × nodes.
        flows_m3s: flow of each link [m³/s], records × links.
        settings: setting of each controllable link, records × rules.
        pump_kw: power of each pump [kW], records × pumps.
        street_depth_m: deepest water along each street [m], records × streets.
        site_depth_m: deepest water at each site [m above the ground there], records × sites.
        depth_m: depth of water [m], float32, records × rows × columns; each value is the deepest of ``map_cells`` ×
            ``map_cells`` cells.
        map_cells: see ``depth_m``.
        deepest_m: greatest depth of each cell over the run [m], rows × columns.
        running_s: pump or gate → seconds at full speed that its use is worth.
        starts: pump or gate → how often it was started.
    """

    levels_m: Floats
    flows_m3s: Floats
    settings: Floats
    pump_kw: Floats
    street_depth_m: Floats
    site_depth_m: Floats
    depth_m: NDArray[np.float32]
    map_cells: int
    deepest_m: Floats
    running_s: Mapping[str, float]
    starts: Mapping[str, int]


class CityWater:
    """One simulation of sewers and streets in a worker process.

    Args:
        model: what to run.

    The worker ends with :meth:`finish`, :meth:`close`, or when this object is no longer used.
    """

    elsewhere = True
    seamless = True

    def __init__(self, model: CityWaterModel) -> None:
        self.model = model
        self._worker: Worker | None = None
        self._states: IO[bytes] | None = None
        self._maps: IO[bytes] | None = None
        self._failed = False
        self._time_s = 0.0

    @property
    def step_s(self) -> int:
        """SWMM's step while the streets rest [s]; whoever steps this engine falls on its multiples."""
        return self.model.rest_s

    @functools.cached_property
    def takes(self) -> Mapping[str, Port]:
        """Settings of pumps and gates, and whether each pump has power."""
        return {
            "setting": Port(
                tuple(self.model.rules), "1", "0 off or shut, 1 full speed or open; NaN: the standing rule", 0.0, 1.0
            ),
            "powered": Port(
                self.model.pump_codes, "1", "1 with power, 0 without: the pump stands still; NaN: with", 0.0, 1.0
            ),
        }

    @functools.cached_property
    def gives(self) -> Mapping[str, Port]:
        """Levels, flows and settings of the sewers, power of the pumps, depths in streets and at sites."""
        model = self.model
        return {
            "level_m": Port(model.node_codes, "m", "water level above the city datum"),
            "flow_m3s": Port(model.link_codes, "m³/s", "flow, positive downstream"),
            "setting": Port(tuple(model.rules), "1", "0 off or shut to 1 full speed or open"),
            "pump_kw": Port(model.pump_codes, "kW", "electric power taken"),
            "street_depth_m": Port(tuple(model.streets), "m", "deepest water along the carriageway"),
            "site_depth_m": Port(tuple(model.sites), "m", "deepest water at the site, above the ground there"),
        }

    def start(self) -> Outputs:
        """Start the worker, open the model, give the state at time 0.

        Raises:
            TwinError: SWMM refuses the model.
        """
        model = self.model
        self._worker = Worker(
            "city water engine",
            "EPA SWMM",
            "twin_sandbox.engines.drainage.city_water_worker",
            roots=[swmm_root()],
            files={"model.inp": model.text.encode(), "surface.npz": _arrays(model)},
            advice=ADVICE,
            warm=True,
        )
        # Opened here, so that what was kept outlives the worker and its folder.
        self._states, self._maps = ((self._worker.folder / name).open("w+b") for name in ("states", "maps"))
        for file in (self._states, self._maps):
            weakref.finalize(self, file.close)
        _, state = self._ask(_request(model, self._worker.folder))
        return self._outputs(0.0, state)

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Take settings and power now, hold them, and go on to ``until_s``.

        Raises:
            TwinError: no multiple of the step, or the engine failed; :meth:`finish` gives what it kept.
        """
        if until_s % self.step_s:
            raise TwinError("city water engine", f"a step to {until_s:g} s", f"Multiples of {self.step_s} s.")
        settings = _given(self.model.rules, inputs.get("setting"))
        powered = _given(self.model.pumps_kw, inputs.get("powered"))
        while True:
            # In pieces: a request that is answered in time tells a slow run from a dead worker.
            self._time_s = min(float(until_s), self._time_s + PIECE_S)
            said, state = self._ask({"do": "step", "until_s": self._time_s, "settings": settings, "powered": powered})
            if self._time_s >= until_s:
                return self._outputs(float(said["time_s"]), state)

    def finish(self) -> Finished:
        """Close the model and give records and balances; of a run that failed, what it kept.

        Balances [m³]: ``rain_m3`` (streets and all other ground), ``dry_weather_m3``, ``infiltration_m3``,
        ``ground_m3`` (still on roofs and lawns), ``outfall_m3`` (through outfalls, less what the sea pushed in),
        ``sea_m3`` (from the streets over the shore, less what came), ``stored_m3`` (pipes, tank and streets at the
        end, less the start), ``up_m3`` and ``down_m3`` (between sewer and street), ``lost_m3``; and as shares
        ``mass_error``, ``runoff_error``, ``routing_error``, ``street_error``.
        """
        if self._worker is None or self._states is None:
            raise TwinError("city water engine", "not running", then="Start a new run.")
        said: dict[str, Any] = {}
        deepest: Floats = np.zeros(0)
        try:
            said, deepest = self._worker.ask({"do": "finish"})
        except TwinError:
            # A worker that died has left what it kept, as the open files are still ours: ask again for it.
            if not self._failed:
                self._failed = True
                raise
        records = self._records(said, deepest)
        self.close()
        return Finished(_balances(said["balances"]) if "balances" in said else {}, records)

    def close(self) -> None:
        """End the worker and remove its folder."""
        if self._worker is not None:
            self._worker.close()
        for file in (self._states, self._maps):
            if file is not None:
                file.close()
        self._states = self._maps = None

    def _ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], Floats]:
        if self._worker is None:
            raise TwinError("city water engine", "not running", then="Start a new run.")
        try:
            said, state = self._worker.ask(request)
        except TwinError:
            self._failed = True
            raise
        if said.get("failed"):
            self._failed = True
            raise TwinError("city water engine (EPA SWMM)", f"{said['failed']} (after {said['time_s']:g} s)", then=KEPT)
        return said, state

    @functools.cached_property
    def _widths(self) -> list[int]:
        model = self.model
        counted = (model.nodes, model.links, model.rules, model.pumps_kw, model.streets, model.sites)
        return [int(n) for n in np.cumsum([len(part) for part in counted])]

    def _outputs(self, time_s: float, state: Floats) -> Outputs:
        return Outputs(time_s, dict(zip(self.gives, np.split(state, self._widths[:-1]), strict=True)))

    def _records(self, said: Mapping[str, Any], deepest: Floats) -> CityWaterRecords:
        assert self._states is not None  # noqa: S101 - finish saw to it
        assert self._maps is not None  # noqa: S101 - likewise
        widths, side = self._widths, self.model.map_cells
        rows, columns = (n // side for n in self.model.grid.ground_m.shape)
        states = np.fromfile(self._states)
        kept = min(states.size // widths[-1], os.fstat(self._maps.fileno()).st_size // (rows * columns * 4))
        maps = np.memmap(self._maps, np.float32, "r", shape=(kept, rows, columns))
        if not deepest.size:
            deepest = np.repeat(np.repeat(maps.max(axis=0), side, axis=0), side, axis=1).astype(np.float64)
        parts = np.split(states[: kept * widths[-1]].reshape(kept, -1), widths[:-1], axis=1)
        levels, flows, settings, power, streets, sites = parts
        return CityWaterRecords(
            levels_m=levels,
            flows_m3s=flows,
            settings=settings,
            pump_kw=power,
            street_depth_m=streets,
            site_depth_m=sites,
            depth_m=maps,
            map_cells=side,
            deepest_m=deepest.reshape(self.model.grid.ground_m.shape),
            running_s=said.get("running_s", {}),
            starts=said.get("starts", {}),
        )


def _request(model: CityWaterModel, folder: Path) -> dict[str, Any]:
    """What the worker is told of the model, apart from its arrays."""
    return {
        "do": "start",
        "folder": str(folder),
        "nodes": model.nodes,
        "links": model.links,
        "rules": {name: vars(rule) for name, rule in model.rules.items()},
        "pumps_kw": dict(model.pumps_kw),
        "manholes": model.manholes.names,
        "step_s": model.step_s,
        "rest_s": model.rest_s,
        "report_s": model.report_s,
        "forcing_s": model.forcing_s,
        "ground_m2": model.ground_m2,
        "cell_m": model.grid.cell_m,
        "map_cells": model.map_cells,
        "coupled": model.coupled,
    }


def _arrays(model: CityWaterModel) -> bytes:
    """Everything of the model that is numbers, as a file for the worker."""
    groups = [*model.streets.values(), *model.sites.values()]
    starts = np.cumsum([0, *(len(cells) for cells in groups)])[:-1]
    file = io.BytesIO()
    np.savez(
        file,
        ground_m=model.grid.ground_m,
        roughness_n=model.grid.roughness_n,
        face_x_m=model.grid.face_x_m,
        face_y_m=model.grid.face_y_m,
        sea=model.grid.sea,
        rain_share=model.rain_share,
        inland=model.inland,
        manhole_cell=model.manholes.cell,
        inlet_cell=model.inlets.cell,
        inlet_node=model.inlets.node,
        inlet_opening_m2=model.inlets.opening_m2,
        inlet_edge_m=model.inlets.edge_m,
        group_cells=np.concatenate([*groups, np.zeros(0, np.int64)]).astype(np.int64),
        group_starts=starts,
        rain_mm_h=model.rain_mm_h,
        sea_m=model.sea_m,
    )
    return file.getvalue()


def _given(names: Iterable[str], values: Floats | None) -> dict[str, float]:
    """What was set, by name; NaN is nothing."""
    if values is None:
        return {}
    given = {name: float(value) for name, value in zip(names, values, strict=True) if not math.isnan(value)}
    for name, value in given.items():
        if not 0.0 <= value <= 1.0:
            raise TwinError(f"city water engine, {name}", f"{value:g}", "0 to 1, or NaN to leave it alone.")
    return given


def _balances(found: Mapping[str, float]) -> dict[str, float]:
    """The account of all water."""
    rain = found["ground_rain_m3"] + found["street_rain_m3"]
    stored = found["stored_end_m3"] - found["stored_start_m3"] + found["street_stored_m3"] + found["waiting_m3"]
    # SWMM counts what the sea pushes in through an outfall as an inflow from outside, like what gullies take.
    outfall = found["outflow_m3"] - (found["outside_m3"] - found["down_m3"])
    lost = found["overflow_m3"] - found["up_m3"]
    gone = found["infiltration_m3"] + found["ground_m3"] + outfall + found["street_sea_m3"] + stored + lost
    came = rain + found["dry_weather_m3"]
    # As SWMM does, the error is a share of what came, from the sea too, and of what was there.
    moved = came + found["stored_start_m3"] + max(0.0, -outfall) + max(0.0, -found["street_sea_m3"]) + 1e-9
    return {
        "rain_m3": rain,
        "dry_weather_m3": found["dry_weather_m3"],
        "infiltration_m3": found["infiltration_m3"],
        "runoff_m3": found["runoff_m3"],
        "ground_m3": found["ground_m3"],
        "outfall_m3": outfall,
        "sea_m3": found["street_sea_m3"],
        "stored_m3": stored,
        "street_stored_m3": found["street_stored_m3"],
        "up_m3": found["up_m3"],
        "down_m3": found["down_m3"],
        "lost_m3": lost,
        "mass_error": (came - gone) / moved,
        "runoff_error": found["runoff_error"],
        "routing_error": found["routing_error"],
        "street_error": found["street_error"],
    }
