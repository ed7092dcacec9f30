"""The district's network as the power engine's model."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.engines.power.engine import Power
from twin_sandbox.engines.power.model import (
    Batteries,
    Course,
    Diesels,
    Floats,
    Outage,
    Panels,
    PowerModel,
    Rows,
    Sites,
    Switches,
    TapChanger,
)
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import TABLES, loads_at, network
from twin_sandbox.world.models.people_days import MORE_KINDS
from twin_sandbox.world.models.power_sites import failing_depths
from twin_sandbox.world.models.power_sun import clear_sky_share
from twin_sandbox.world.models.power_zones import cutting_switches
from twin_sandbox.world.reality import AS_DESIGNED, Reality

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario

RANKS = (
    "public_charging", "home_charging", "e_bike_charging", "shop", "office", "plant", "school", "port", "residential",
    "street_lighting", "hospital", "booster_pump", "drainage_pump",
)  # fmt: skip
"""Who loses supply first when it does not suffice: after the classes of loads in GB 50052-2009 (first class last) and
the order of planned power use, firms before households; the order within is this project's."""
CHARGER_PROFILES = ("public_charging", "home_charging", "e_bike_charging")
STEP_S = 60
WHOLE = ("drainage_pump", "booster_pump")
TIME_OF_USE_CNY_KWH = (*[0.35] * 7, *[0.65] * 2, *[1.0] * 3, *[0.35] * 2, *[0.65] * 3, *[1.0] * 5, 0.65, 0.35)
"""Price in each hour of the day: the shape of provincial time-of-use tariffs with valleys at night and at noon; the
figures are this project's."""
SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring", 6: "summer", 7: "summer",
           8: "summer", 9: "autumn", 10: "autumn", 11: "autumn"}  # fmt: skip
REST = ("weekend", "holiday")
"""Kinds of day on which the profiles of a day of rest hold."""
METERED_S = 300.0
"""Loads and sun of the engine's own are taken every five minutes of the clock."""
SUN_STEP_S = 600
DIESEL_STIFFNESS = 100.0
"""Short-circuit power of a diesel set as a source, by its rating: its regulator holds the voltage, so that in steady
flow it is far stiffer than its reactance; no short circuit can be computed with it."""


def engine(district: "District", scenario: "Scenario", reality: Reality) -> Power:
    """The power engine of a run."""
    tariff = scenario.policies.tariff_cny_kwh or TIME_OF_USE_CNY_KWH
    model = power_model(
        district,
        scenario.start,
        scenario.horizon_s,
        reality,
        day_kind=scenario.day_kind,
        tariff_cny_kwh=tariff,
        step_s=math.gcd(STEP_S, scenario.horizon_s),
    )
    return Power(model)


def power_model(
    district: "District",
    start: pd.Timestamp,
    horizon_s: float,
    reality: Reality = AS_DESIGNED,
    *,
    day_kind: str | None = None,
    tariff_cny_kwh: tuple[float, ...] = TIME_OF_USE_CNY_KWH,
    step_s: int = STEP_S,
) -> PowerModel:
    """The district's medium and low voltage from ``start`` on, with the loads of ordinary days of the season.

    Loads run straight from one full hour of the profiles to the next, taken every five minutes. Panels follow a clear
    sky.

    Args:
        district: whose tables.
        start: with its time zone.
        horizon_s: length of the run [s].
        reality: its ``outages`` are obeyed.
        day_kind: of every day of the run, by the table ``day_kinds``; None: by the day of the week.
        tariff_cny_kwh: price in each hour of the day, by which batteries trade; empty (one price all day): each
            keeps its board's surplus of sun for the board.
        step_s: shortest exchange of values [s].

    Raises:
        TwinError: a table names a bus or branch that is not there, a profile is missing, an unknown kind of day, an
            outage names no power asset, or a step that does not divide a minute or is none of whole minutes.
    """
    if step_s < 1 or (60 % step_s and step_s % 60):
        raise TwinError("power_model, step_s", f"{step_s} s", "Whole minutes, or a part of 60 s: 10, 60, 300 …")
    kinds = {*district.facts["day_kinds"]["day_kind"], *MORE_KINDS}
    if day_kind is not None and day_kind not in kinds:
        raise TwinError("power_model, day_kind", repr(day_kind), f"One of: {', '.join(sorted(kinds))}.")
    tables = {name: district.entities[name] for name in TABLES}
    services, panels = tables["power_services"], tables["pv_systems"]
    load_w, load_var = _loads(services, district.facts["load_profiles"], start, horizon_s, day_kind)
    grid = network(tables, load_w.at(np.zeros(1))[0] / 1e3, load_var.at(np.zeros(1))[0] / 1e3)
    switches = _switches(tables)
    components, dual, diesel_rows = _with_second_feeds(grid.components, tables)
    profile = services["profile"].to_numpy()
    chargers = np.flatnonzero(np.isin(profile, CHARGER_PROFILES))
    gens = np.arange(len(panels) + len(tables["batteries"]))
    model = PowerModel(
        components=components,
        buses=_codes(tables["power_buses"]),
        lines=_codes(tables["power_lines"]),
        transformers=_codes(tables["transformers"]),
        feeds=_codes(tables["grid_feeds"]),
        consumers=tuple(services["consumer_code"].astype(str)),
        load_w=load_w,
        load_var=load_var,
        whole_w=np.where(np.isin(profile, WHOLE), services["connected_kw"].to_numpy(float) * 1e3, 0.0),
        rank=np.array([RANKS.index(name) if name in RANKS else 0 for name in profile], np.intp),
        dual=dual,
        chargers=chargers,
        charger_kw=services["connected_kw"].to_numpy(float)[chargers],
        others=_signals(district, tables["power_buses"]),
        panels=Panels(_codes(panels), gens[: len(panels)], _sun(panels, start, horizon_s)),
        switches=switches,
        sites=Sites(*failing_depths(district), cutting_switches(tables, switches)),
        batteries=_batteries(tables, gens[len(panels) :], tariff_cny_kwh, start),
        diesels=_diesels(tables, diesel_rows),
        tap_changer=TapChanger(),
        step_s=step_s,
    )
    return replace(model, outages=_outages(reality, model, tables))


def _codes(table: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(code) for code in table.index)


def _at(codes: Any, wanted: Any) -> Rows:  # noqa: ANN401 - a column of codes
    return np.asarray(pd.Index(codes).get_indexer(pd.Index(list(wanted))), np.intp)


def _loads(
    services: pd.DataFrame, profiles: pd.DataFrame, start: pd.Timestamp, horizon_s: float, day_kind: str | None
) -> tuple[Course, Course]:
    """Active and reactive load at each full hour of the run, W and var."""
    first = start.floor("h")
    count = int(np.ceil((horizon_s + (start - first).total_seconds()) / 3600.0)) + 1
    known: dict[tuple[str, str, int], tuple[Floats, Floats]] = {}
    active, reactive = [], []
    for hour in pd.date_range(first, periods=count, freq="h"):
        rests = day_kind in REST if day_kind else hour.dayofweek >= 5
        kind = "restday" if rests else "workday"
        key = (SEASONS[hour.month], kind, hour.hour)
        if key not in known:
            known[key] = loads_at(services, profiles, *key)
        active.append(known[key][0] * 1e3)
        reactive.append(known[key][1] * 1e3)
    at_s = np.arange(count, dtype=np.float64) * 3600.0 - float((start - first).total_seconds())
    return Course(at_s, np.array(active), METERED_S), Course(at_s, np.array(reactive), METERED_S)


def _sun(panels: pd.DataFrame, start: pd.Timestamp, horizon_s: float) -> Course:
    """What panels give under a clear sky [W]; the inverter cuts it."""
    past_s = (start - start.floor("5min")).total_seconds()
    at_s = np.arange(0.0, horizon_s + past_s + SUN_STEP_S, SUN_STEP_S, dtype=np.float64) - past_s
    share = clear_sky_share(start, at_s)
    peak, inverter = panels["kwp"].to_numpy(float), panels["inverter_kw"].to_numpy(float)
    watts = np.minimum(share[:, None] * peak, inverter) * 1e3
    return Course(np.asarray(at_s, np.float64), np.asarray(watts, np.float64), METERED_S)


def _signals(district: "District", buses: Any) -> dict[str, int]:  # noqa: ANN401 - a GeoDataFrame
    """Traffic signals hang on the nearest low-voltage bus; their few hundred watts count as street lighting."""
    low = np.flatnonzero((buses["kv"] < 1).to_numpy())
    points = district.entities["signals"].geometry
    return {str(code): int(low[buses.geometry.iloc[low].distance(point).argmin()]) for code, point in points.items()}


def _switches(tables: Any) -> Switches:  # noqa: ANN401 - tables by name
    rows = tables["power_switches"]
    lines, transformers = tables["power_lines"], tables["transformers"]
    ties = rows.index[rows["tie_bus_code"] != ""]
    component, row, end = [], [], []
    where = {code: ("line", k) for k, code in enumerate(lines.index)}
    where |= {code: ("transformer", k) for k, code in enumerate(transformers.index)}
    begins = pd.concat([lines["from_code"], transformers["from_code"]]).to_dict()
    for code, branch, bus in zip(rows.index, rows["branch_code"], rows["bus_code"], strict=True):
        name, k = where.get(branch, ("link", int(ties.get_loc(code)) if code in ties else -1))
        component.append(name)
        row.append(k)
        end.append(2 if name == "link" else int(begins[branch] != bus))
    return Switches(
        _codes(rows), tuple(component), np.array(row, np.intp), np.array(end, np.intp), rows["is_closed"].to_numpy(bool)
    )


def _with_second_feeds(
    components: dict[str, NDArray[Any]], tables: Any  # noqa: ANN401 - tables by name
) -> tuple[dict[str, NDArray[Any]], Rows, Rows]:  # fmt: skip
    """The components with a load at the other board of each consumer with two feeds, and diesel sets as sources."""
    from power_grid_model import initialize_array

    made = dict(components)
    services, generators = tables["power_services"], tables["generators"]
    buses = _codes(tables["power_buses"])
    twice = np.flatnonzero((services["standby_bus_code"] != "").to_numpy())
    dual = np.full(len(services), -1, np.intp)
    dual[twice] = len(services) + np.arange(len(twice))
    free = 1 + max(int(rows["id"].max()) for rows in components.values() if len(rows))
    loads = initialize_array("input", "sym_load", len(twice))
    loads["id"] = free + np.arange(len(twice))
    loads["node"] = components["node"]["id"][_at(buses, services["standby_bus_code"].iloc[twice])]
    loads["status"], loads["type"], loads["p_specified"], loads["q_specified"] = 1, 0, 0.0, 0.0
    made["sym_load"] = np.concatenate([components["sym_load"], loads])
    sources = initialize_array("input", "source", len(generators))
    sources["id"] = free + len(twice) + np.arange(len(generators))
    sources["node"] = components["node"]["id"][_at(buses, generators["bus_code"])]
    sources["status"], sources["u_ref"] = 0, 1.0
    sources["sk"], sources["rx_ratio"] = generators["kw"].to_numpy(float) * 1e3 * DIESEL_STIFFNESS, 0.1
    made["source"] = np.concatenate([components["source"], sources])
    return made, dual, len(components["source"]) + np.arange(len(generators))


def _boards(tables: Any) -> "pd.Series[int]":  # noqa: ANN401 - tables by name
    """Number of the board behind which each low-voltage bus hangs, ties open; by code of the bus."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    buses, lines = tables["power_buses"], tables["power_lines"]
    low = lines[lines["kv"] < 1]
    a, b = _at(buses.index, low["from_code"]), _at(buses.index, low["to_code"])
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(buses), len(buses)))
    return pd.Series(connected_components(graph, directed=False)[1], index=buses.index)


def _batteries(
    tables: Any, gens: Rows, tariff_cny_kwh: tuple[float, ...], start: pd.Timestamp  # noqa: ANN401 - tables by name
) -> Batteries:  # fmt: skip
    rows, board = tables["batteries"], _boards(tables)
    loads, sun = board[tables["power_services"]["bus_code"]].to_numpy(), board[tables["pv_systems"]["bus_code"]]
    own = board[rows["bus_code"]].to_numpy()
    return Batteries(
        _codes(rows),
        gens,
        rows["kwh"].to_numpy(float),
        rows["kw"].to_numpy(float),
        rows["round_trip_efficiency"].to_numpy(float),
        tuple(np.flatnonzero(loads == k) for k in own),
        tuple(np.flatnonzero(sun.to_numpy() == k) for k in own),
        tuple(tariff_cny_kwh),
        (start - start.normalize()).total_seconds() / 3600.0,
    )


def _diesels(tables: Any, sources: Rows) -> Diesels:  # noqa: ANN401 - tables by name
    rows, power_switches = tables["generators"], tables["power_switches"]
    feeding = tables["transformers"].index
    interlock = []
    for bus in rows["bus_code"]:
        here = (power_switches["bus_code"] == bus) & power_switches["branch_code"].isin(feeding)
        ties = (power_switches["tie_bus_code"] != "") & power_switches[["bus_code", "tie_bus_code"]].eq(bus).any(axis=1)
        interlock.append(np.flatnonzero((here | ties).to_numpy()))
    kw = rows["kw"].to_numpy(float)
    return Diesels(
        _codes(rows), _at(tables["power_buses"].index, rows["bus_code"]), sources, kw,
        kw * rows["fuel_h"].to_numpy(float), rows["start_s"].to_numpy(float), tuple(interlock),
    )  # fmt: skip


def _outages(reality: Reality, model: PowerModel, tables: Any) -> tuple[Outage, ...]:  # noqa: ANN401 - tables by name
    places: dict[str, tuple[str, tuple[int, ...]]] = {}
    cut = dict(zip(model.sites.codes, model.sites.switches, strict=True))
    for bus in model.buses:
        places[bus] = ("switch", tuple(int(k) for k in cut[bus]))
    lists = {"line": model.lines, "transformer": model.transformers, "source": model.feeds, "consumer": model.consumers,
             "switch": model.switches.codes, "panel": model.panels.codes, "battery": model.batteries.codes,
             "diesel": model.diesels.codes}  # fmt: skip
    for what, codes in lists.items():
        places |= {code: (what, (k,)) for k, code in enumerate(codes)}
    places |= {code: ("consumer", (k,)) for k, code in enumerate(_codes(tables["power_services"]))}
    made = []
    for code, from_h, until_h in reality.outages:
        if code not in places:
            then = "Look it up: twin.entity(code)."
            raise TwinError("Reality.outages", f"{code!r} is no power asset", "A code of a power table.", then)
        what, rows = places[code]
        made.append(Outage(what, rows, from_h * 3600.0, until_h * 3600.0))
    return tuple(made)
