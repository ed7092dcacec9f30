"""Medium and low voltage: is everything joined, radial and fed, and do voltages and loads keep their limits."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.entities import District
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.power_grid import TABLES, PowerGrid, loads_at, network
from twin_sandbox.generate.sanity.town import land_m2
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

PLANNING = "DL/T 5729"
VOLTAGE = "GB/T 12325"
BACK_FEED = "DL/T 2041"
STATION = "GB 50014-2021"
MV_BAND = (0.93, 1.07)
LV_BAND = (0.90, 1.07)
SUN_AT_NOON = 0.8
"""Of its peak, what a panel gives at noon of a clear spring day."""

Tables = Mapping[str, gpd.GeoDataFrame]


def values(district: District) -> Iterator[Value]:
    """Figures of the layer."""
    tables = {name: district.entities[name] for name in TABLES}
    yield from _joined(district, tables)
    yield from _built(district, tables)
    try:
        yield from _calculated(district, tables)
    except TwinError:  # a broken reference, counted above: what needs the whole network cannot be computed
        yield Value("power_flow_solved", 0.0, 1, 1, "1", RULE)


def _joined(district: District, tables: Tables) -> Iterator[Value]:
    buses, lines, transformers = tables["power_buses"], tables["power_lines"], tables["transformers"]
    switches, services = tables["power_switches"], tables["power_services"]
    known = {*buses.index, ""}
    branches = {*lines.index, *transformers.index, ""}
    ends = [lines["from_code"], lines["to_code"], transformers["from_code"], transformers["to_code"]]
    ends += [switches["bus_code"], switches["tie_bus_code"], services["standby_bus_code"]]
    ends += [tables[name]["bus_code"] for name in TABLES if "bus_code" in tables[name] and name != "power_switches"]
    ends += [district.entities[name]["bus_code"] for name in ("chargers", "lighting_circuits")]
    unknown = sum(int((~end.isin(known)).sum()) for end in ends) + int((~switches["branch_code"].isin(branches)).sum())
    yield none_of("power_ends_unknown", unknown)
    served = set(services["consumer_code"])
    for name in ("buildings", "pumps", "booster_pumps", "chargers", "lighting_circuits"):
        table = district.entities.get(name)
        if table is not None:
            yield none_of(f"{name}_without_power", int((~table.index.isin(served)).sum()))
    loops, dark = _trace(tables)
    yield none_of("power_loops_in_ordinary_operation", loops, PLANNING)
    yield none_of("buses_without_supply", dark)
    yield none_of("open_points_closed", int((switches["is_normally_open"] & switches["is_closed"]).sum()), PLANNING)
    yield none_of("pumps_without_second_feed", _single_fed(district, tables), STATION)


def _edges(tables: Tables) -> list[tuple[str, str]]:
    """Pairs of buses that are joined as switches stand."""
    switches = tables["power_switches"]
    is_open = set(switches.loc[~switches["is_closed"].astype(bool), "branch_code"])
    pairs = []
    for name in ("power_lines", "transformers"):
        rows = tables[name]
        whole = rows[~rows.index.isin(is_open)]
        pairs += list(zip(whole["from_code"], whole["to_code"], strict=True))
    ties = switches[(switches["tie_bus_code"] != "") & switches["is_closed"].astype(bool)]
    return pairs + list(zip(ties["bus_code"], ties["tie_bus_code"], strict=True))


def _trace(tables: Tables) -> tuple[int, int]:
    """Branches that close a loop (feeds count as one place), and buses that no feed reaches."""
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            node = parent[node]
        return node

    loops = 0
    for bus in tables["grid_feeds"]["bus_code"]:
        parent[find(bus)] = find("grid")
    for a, b in _edges(tables):
        one, two = find(a), find(b)
        loops += one == two
        parent[one] = two
    return loops, sum(find(bus) != find("grid") for bus in tables["power_buses"].index)


def _single_fed(district: District, tables: Tables) -> int:
    """Drainage pumps whose two boards do not hang on two transformers of two feeders, joined by an open tie."""
    services, switches, transformers = tables["power_services"], tables["power_switches"], tables["transformers"]
    ties = set(zip(switches["bus_code"], switches["tie_bus_code"], strict=True))
    behind = transformers.reset_index().drop_duplicates("to_code").set_index("to_code")
    single = 0
    for row in services[services["consumer_code"].isin(district.entities["pumps"].index)].itertuples():
        one, two = row.bus_code, row.standby_bus_code
        tied = (one, two) in ties or (two, one) in ties
        fed = one in behind.index and two in behind.index and behind["feeder"][one] != behind["feeder"][two]
        single += not (tied and fed and one != two)
    return single


def _built(district: District, tables: Tables) -> Iterator[Value]:
    lines, transformers, switches = tables["power_lines"], tables["transformers"], tables["power_switches"]
    yield Value("power_buses", float(len(tables["power_buses"])), 150, 600, "1", RULE)
    rated = transformers["rated_kva"]
    yield Value("transformer_rating_least", float(rated.min()), 400, 1250, "kVA", PLANNING)
    yield Value("transformer_rating_most", float(rated.max()), 400, 1250, "kVA", PLANNING)
    feeders = lines[lines["kind"].isin(["ring", "incoming"])]
    capacity = math.sqrt(3) * feeders["kv"] * feeders["capacity_a"] / 1000
    yield Value("feeder_capacity_least", round(float(capacity.min()), 2), 7, 10, "MVA", PLANNING)
    yield Value("feeder_capacity_most", round(float(capacity.max()), 2), 7, 10, "MVA", PLANNING)
    yield Value("low_voltage_way_most", round(_longest_way(tables), 1), 50, 250, "m", PLANNING)
    open_points = int(switches["is_normally_open"].sum())
    yield Value("normally_open_points", float(open_points), 4, 40, "1", RULE)
    panels = tables["pv_systems"]["building_code"].nunique() / max(1, len(district.entities["buildings"]))
    yield Value("buildings_with_panels_share", round(panels, 3), 0.15, 0.25, "1", RULE)
    low_areas = district.entities["low_areas"].geometry.union_all()
    wet = tables["power_buses"].geometry.within(low_areas)
    # water must be able to reach some switchboards, and must not be able to reach all
    yield Value("switchboards_in_low_areas_share", round(float(wet.mean()), 3), 0.02, 0.4, "1", RULE)


def _longest_way(tables: Tables) -> float:
    """From a board to a building along low-voltage cables, the service included; nan with a loop."""
    lines = tables["power_lines"]
    low = lines[lines["kv"] < 1]
    above = dict(zip(low["to_code"], zip(low["from_code"], low["length_m"], strict=True), strict=True))
    longest = 0.0
    services = tables["power_services"]
    for bus, metres in zip(services["bus_code"], services["length_m"], strict=True):
        way, node, seen = float(metres), bus, set()
        while node in above:
            if node in seen:
                return math.nan
            seen.add(node)
            node, step = above[node]
            way += step
        longest = max(longest, way)
    return longest


@dataclass(frozen=True)
class Flow:
    """A solved network: buses' voltages [pu], which are fed, loadings of lines and transformers, and the sums [W]."""

    voltage_pu: NDArray[np.float64]
    fed: NDArray[np.bool_]
    lines: NDArray[np.float64]
    transformers: NDArray[np.float64]
    transformers_w: NDArray[np.float64]
    feeders_va: NDArray[np.float64]
    source_w: float
    load_w: float
    losses_w: float


def solve(grid: PowerGrid, changes: Mapping[str, Any] | None = None) -> Flow | None:
    """The power flow of a grid, after ``changes`` (power-grid-model's update); None where it has no solution."""
    from power_grid_model import PowerGridModel
    from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # public, not declared so

    try:
        model = PowerGridModel(grid.components)
        if changes:
            model.update(update_data=dict(changes))
        result = model.calculate_power_flow()
    except PowerGridError:
        return None
    node, line, transformer = result["node"], result["line"], result["transformer"]
    losses = sum(float((result[name]["p_from"] + result[name]["p_to"]).sum()) for name in ("line", "transformer"))
    return Flow(
        node["u_pu"],
        node["energized"].astype(bool),
        line["loading"],
        transformer["loading"],
        transformer["p_from"],
        line["s_from"],
        float(result["source"]["p"].sum() + result["sym_gen"]["p"].sum()),
        float(result["sym_load"]["p"].sum()),
        losses,
    )


def _calculated(district: District, tables: Tables) -> Iterator[Value]:
    profiles = district.facts["load_profiles"]
    peaks = {}
    for season in ("winter", "summer"):
        hour = _peak_hour(tables["power_services"], profiles, season)
        grid = network(tables, *loads_at(tables["power_services"], profiles, season, "workday", hour))
        flow = peaks[season] = solve(grid)
        yield Value(f"{season}_power_flow_solved", float(flow is not None), 1, 1, "1", RULE)
        if flow is not None:
            yield from _limits(season, flow, tables)
    flow = peaks["summer"]
    if flow is not None:
        density = flow.load_w / land_m2(district)  # W/m² = MW/km²
        yield Value("peak_load_per_km2", round(density, 1), 6, 30, "MW/km²", PLANNING)
        gap = abs(flow.source_w - flow.load_w - flow.losses_w) / flow.source_w
        yield Value("power_balance_gap_share", round(gap, 9), 0, 1e-6, "1", RULE)
        yield Value("power_losses_share", round(flow.losses_w / flow.source_w, 4), 0.005, 0.05, "1", RULE)
        yield Value("outages_resupplied_share", round(_outages(grid, tables), 3), 0.99, 1.0, "1", PLANNING)
    yield from _noon(tables, profiles)


def _peak_hour(services: pd.DataFrame, profiles: pd.DataFrame, season: str) -> int:
    return max(range(24), key=lambda hour: float(loads_at(services, profiles, season, "workday", hour)[0].sum()))


def _limits(season: str, flow: Flow, tables: Tables) -> Iterator[Value]:
    medium = tables["power_buses"]["kv"].to_numpy() > 1
    yield none_of(f"{season}_buses_dark", int((~flow.fed).sum()))
    for name, chosen, (low, high) in (("medium", medium, MV_BAND), ("low", ~medium, LV_BAND)):
        volts = flow.voltage_pu[chosen & flow.fed]
        for word, value in (("least", volts.min(initial=9.0)), ("most", volts.max(initial=0.0))):
            yield Value(f"{season}_{name}_voltage_{word}", round(float(value), 4), low, high, "pu", VOLTAGE)
    loading = flow.transformers
    median = round(float(np.median(loading)), 3)
    yield Value(f"{season}_transformer_loading_median", median, 0.3, 0.7, "1", PLANNING)
    yield Value(f"{season}_transformer_loading_most", round(float(loading.max()), 3), 0.3, 0.8, "1", PLANNING)
    yield Value(f"{season}_line_loading_most", round(float(flow.lines.max()), 3), 0.1, 0.9, "1", RULE)
    heads = (tables["power_lines"]["kind"] == "incoming").to_numpy()
    most = float(flow.feeders_va[heads].max(initial=0.0)) / 1e6
    yield Value(f"{season}_feeder_load_most", round(most, 2), 1, 7, "MVA", PLANNING)


def _noon(tables: Tables, profiles: pd.DataFrame) -> Iterator[Value]:
    """A clear day of rest in spring: little load, much sun."""
    loads = loads_at(tables["power_services"], profiles, "spring", "restday", 12)
    flow = solve(network(tables, *loads, sun_share=SUN_AT_NOON))
    if flow is None:
        yield Value("spring_noon_power_flow_solved", 0.0, 1, 1, "1", RULE)
        return
    back = np.clip(-flow.transformers_w, 0, None) / (tables["transformers"]["rated_kva"].to_numpy() * 1e3)
    yield Value("back_feed_to_rating_most", round(float(back.max()), 3), 0, 0.8, "1", BACK_FEED)
    low = (tables["power_buses"]["kv"].to_numpy() < 1) & flow.fed
    yield Value("spring_noon_low_voltage_most", round(float(flow.voltage_pu[low].max()), 4), *LV_BAND, "pu", VOLTAGE)


def _outages(grid: PowerGrid, tables: Tables) -> float:
    """Share of 10 kV cables that can fail one at a time: one open tie is closed, all are fed within limits."""
    lines = tables["power_lines"]
    medium = np.flatnonzero((lines["kv"] > 1).to_numpy())
    return float(np.mean([_resupplied(grid, tables, int(k)) for k in medium]))


def _resupplied(grid: PowerGrid, tables: Tables, number: int) -> bool:
    from power_grid_model import initialize_array

    failed = initialize_array("update", "line", 1)
    failed["id"] = grid.components["line"]["id"][number]
    failed["from_status"] = failed["to_status"] = 0
    flow = solve(grid, {"line": failed})
    if flow is None:
        return False
    ends = tables["power_buses"]["kind"].to_numpy() == "cable_end"
    if (flow.fed | ends).all():
        return _within(flow, tables, ends)
    links, first = grid.components["link"], grid.components["node"]["id"][0]
    one, two = links["from_node"] - first, links["to_node"] - first
    bridging = np.flatnonzero(flow.fed[one] != flow.fed[two])
    medium = tables["power_buses"]["kv"].to_numpy() > 1
    for k in sorted(bridging, key=lambda k: (not medium[one[k]], int(k))):
        closed = initialize_array("update", "link", 1)
        closed["id"] = links["id"][k]
        closed["from_status"] = closed["to_status"] = 1
        again = solve(grid, {"line": failed, "link": closed})
        if again is not None and (again.fed | ends).all() and _within(again, tables, ends):
            return True
    return False


def _within(flow: Flow, tables: Tables, ends: NDArray[np.bool_]) -> bool:
    medium = tables["power_buses"]["kv"].to_numpy() > 1
    low, high = np.where(medium, MV_BAND[0], LV_BAND[0]), np.where(medium, MV_BAND[1], LV_BAND[1])
    kept = (flow.voltage_pu >= low) & (flow.voltage_pu <= high)
    return bool((kept | (ends & ~flow.fed)).all() and flow.lines.max() <= 1.0 and flow.transformers.max() <= 1.0)
