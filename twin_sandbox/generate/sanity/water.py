"""Water supply: an ordinary working day in EPANET, demands driven by pressure; hydrants; what the tables must hold."""

import heapq
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

OUTDOOR, HYDRANTS, HOUSES = "GB 50013-2018", "GB 50974-2014", "GB 50015-2019"
DAY_S = 86400.0
_FLUSHED_H = 72  # chlorine is judged on the last of so many hours, when the net holds no first water any more


def values(district: District) -> Iterator[Value]:
    """Figures of the supply."""
    if district.entities["water_pipes"].empty:
        return
    day = _solve(district)
    for part in (_pressure, _demand, _service, _hydrants):
        yield from part(district, day)
    yield from _network(district, day)
    yield from _valves(district)


@dataclass(frozen=True)
class _Day:
    """A day's results: junctions and pipes in the order of their tables, hours 0 to 23.

    Attributes:
        pressure_m: [24, junctions].
        flow_m3s: [24, pipes], above nought from ``from_code`` to ``to_code``.
        demand_m3s: [24], delivered.
        chlorine_mg_l: [hours, junctions], the last day of three.
        fire_m: [hydrants], left at each while it alone gives its rated flow in the greatest hour.
        warnings: steps that EPANET warned of.
    """

    pressure_m: Any
    flow_m3s: Any
    demand_m3s: Any
    chlorine_mg_l: Any
    fire_m: Any
    warnings: int


def _solve(district: District) -> _Day:
    import epanet.toolkit as en

    from twin_sandbox.formats.epanet import district_network, write_epanet

    junctions, pipes = (district.entities[name] for name in ("water_junctions", "water_pipes"))
    with tempfile.TemporaryDirectory() as folder:
        file = write_epanet(district_network(district), Path(folder, "supply.inp"))
        project = en.createproject()
        try:
            en.open(project, str(file), str(Path(folder, "report.txt")), str(Path(folder, "results.bin")))
            nodes = [en.getnodeindex(project, name) for name in junctions["epanet_id"]]
            links = [en.getlinkindex(project, name) for name in pipes["epanet_id"]]
            pressure, flow, demand, warnings = _hydraulics(project, nodes, links)
            chlorine = _quality(project, nodes)
            peak = int(np.argmax(demand))
            fire = _fire(project, district, dict(zip(junctions.index, nodes, strict=True)), peak)
            en.close(project)
        finally:
            en.deleteproject(project)
    return _Day(pressure, flow, demand, chlorine, fire, warnings)


def _hydraulics(project: Any, nodes: list[int], links: list[int]) -> tuple[Any, Any, Any, int]:  # noqa: ANN401
    import epanet.toolkit as en

    pressure, flow, demand, warnings = [], [], [], 0
    en.openH(project)
    en.initH(project, en.NOSAVE)
    while True:
        try:
            second = en.runH(project)
        except Exception:  # noqa: BLE001 - how the toolkit tells of a warning
            warnings += 1
            break
        if second % 3600 == 0 and second < DAY_S:
            pressure.append([en.getnodevalue(project, k, en.PRESSURE) for k in nodes])
            flow.append([en.getlinkvalue(project, k, en.FLOW) / 1000.0 for k in links])
            demand.append(sum(en.getnodevalue(project, k, en.DEMAND) for k in nodes) / 1000.0)
        if en.nextH(project) <= 0:
            break
    en.closeH(project)
    return np.array(pressure), np.array(flow), np.array(demand), warnings


def _quality(project: Any, nodes: list[int]) -> Any:  # noqa: ANN401 - the toolkit's handle
    import epanet.toolkit as en

    chlorine = []
    en.settimeparam(project, en.DURATION, _FLUSHED_H * 3600)
    en.solveH(project)
    en.openQ(project)
    en.initQ(project, en.NOSAVE)
    while True:
        second = en.runQ(project)
        if second >= (_FLUSHED_H - 24) * 3600 and second % 3600 == 0:
            chlorine.append([en.getnodevalue(project, k, en.QUALITY) for k in nodes])
        if en.nextQ(project) <= 0:
            break
    en.closeQ(project)
    return np.array(chlorine)


def _fire(project: Any, district: District, node_of: dict[str, int], peak: int) -> Any:  # noqa: ANN401
    """Pressure at each hydrant while it alone draws its rated flow, in full, in the greatest hour."""
    import epanet.toolkit as en

    left = []
    en.settimeparam(project, en.DURATION, 0)
    en.settimeparam(project, en.PATTERNSTART, peak * 3600)
    en.setdemandmodel(project, en.DDA, 0.0, 0.0, 0.5)
    en.openH(project)
    for junction, rated in zip(
        *(district.entities["hydrants"][c] for c in ("junction_code", "rated_m3s")), strict=True
    ):
        node = node_of[junction]
        en.adddemand(project, node, 1000.0 * rated, "", "fire")
        en.initH(project, en.NOSAVE)
        en.runH(project)
        left.append(en.getnodevalue(project, node, en.PRESSURE))
        en.setbasedemand(project, node, en.getnumdemands(project, node), 0.0)
    en.closeH(project)
    return np.array(left)


def _pressure(district: District, day: _Day) -> Iterator[Value]:
    yield none_of("supply_steps_with_a_warning", day.warnings, "EPANET 2.2")
    served = (district.entities["water_junctions"]["base_demand_m3s"] > 0).to_numpy()
    pressure = day.pressure_m[:, served]
    yield Value("supply_pressure_least", round(float(pressure.min()), 1), 28.0, 40.0, "m", f"{OUTDOOR}, 3.0.10")
    yield Value("supply_pressure_greatest", round(float(pressure.max()), 1), 28.0, 45.0, "m", "practice")
    pipes = district.entities["water_pipes"]
    area = np.pi / 4 * pipes["diameter_m"].to_numpy() ** 2
    peak = np.abs(day.flow_m3s[int(np.argmax(day.demand_m3s))])
    feed = (pipes["kind"] == "feed main").to_numpy()
    speed = peak / area
    yield Value("speed_in_feeds_least", round(float(speed[feed].min()), 2), 0.3, 1.2, "m/s", "practice")
    yield Value("speed_in_feeds_greatest", round(float(speed[feed].max()), 2), 0.6, 1.2, "m/s", "practice")
    yield Value("speed_in_mains_greatest", round(float(speed.max()), 2), 0.3, 1.5, "m/s", "practice")
    least = float(day.chlorine_mg_l.min()) if day.chlorine_mg_l.size else np.nan
    yield Value("chlorine_least", round(least, 3), 0.05, 2.0, "mg/L", "GB 5749-2022, table 2")


def _demand(district: District, day: _Day) -> Iterator[Value]:
    services, facts = district.entities["water_services"], district.facts["water_demands"]
    people = float(district.entities["buildings"]["residents"].sum())
    homes = services.loc[services["pattern"] == "home", "base_demand_m3s"].sum()
    home = float(homes) * DAY_S * 1000 / people
    yield Value("water_at_home", round(home), 85, 180, "L/(person·d)", "GB/T 50331-2002")
    supplied = float(facts["base_demand_m3s"].sum())
    yield Value("water_all_uses_to_home", round(supplied / float(homes), 2), 1.5, 2.0, "1", "practice")
    leakage = float(facts.loc[facts["pattern"] == "leakage", "base_demand_m3s"].sum()) / supplied
    yield Value("leakage_share", round(leakage, 3), 0.03, 0.12, "1", "CJJ 92-2016")
    hourly = float(day.demand_m3s.max() / day.demand_m3s.mean())
    yield Value("hourly_peak_factor", round(hourly, 2), 1.2, 1.6, "1", f"{OUTDOOR}, 4.0.9")
    delivered = float(day.demand_m3s.mean()) / supplied
    yield Value("demand_delivered", round(delivered, 4), 0.999, 1.001, "1", RULE)
    asked = services.groupby("junction_code")["base_demand_m3s"].sum()
    drawn = district.entities["water_junctions"]["base_demand_m3s"]
    gap = (asked.reindex(drawn.index).fillna(0.0) - drawn).abs()
    yield none_of("junctions_that_draw_other_than_their_houses", int((gap > 1e-6).sum()))
    patterns = district.facts["demand_patterns"]
    mean = patterns[patterns["day_type"] == "weekday"].groupby("pattern")["multiplier"].mean()
    yield none_of("patterns_with_another_mean_than_one", int(((mean - 1).abs() > 0.002).sum()))


def _service(district: District, day: _Day) -> Iterator[Value]:
    buildings, services, boosters = (district.entities[n] for n in ("buildings", "water_services", "booster_pumps"))
    served = services["building_code"].value_counts().reindex(buildings.index).fillna(0)
    yield none_of("buildings_without_one_water_service", int((served != 1).sum()), HOUSES)
    least = pd.Series(day.pressure_m.min(axis=0), index=district.entities["water_junctions"].index)
    spare = services["junction_code"].map(least) - services["required_head_m"]
    direct = services["direct_storeys"] > 0
    yield Value("service_head_spare_least", round(float(spare[direct].min()), 2), 0.0, 40.0, "m", f"{OUTDOOR}, 3.0.10")
    pumped = services["direct_storeys"] < services["storeys"]
    yield none_of("storeys_that_no_water_reaches", int((pumped & ~services["booster_code"].isin(boosters.index)).sum()))
    tall = buildings.index[buildings["storeys"] > 6]
    yield none_of("houses_above_six_storeys_without_pumps", int((~tall.isin(boosters["building_code"])).sum()), HOUSES)
    top = boosters["head_m"] - boosters["building_code"].map(buildings["height_m"])
    yield Value("booster_head_above_the_roof_least", round(float(top.min()), 1), 5.0, 60.0, "m", f"{HOUSES}, 3.4")
    work_kw = 9.81 * boosters["rated_m3s"] * boosters["head_m"]
    yield Value(
        "booster_efficiency_greatest", round(float((work_kw / boosters["power_kw"]).max()), 2), 0.1, 0.8, "1", RULE
    )


def _hydrants(district: District, day: _Day) -> Iterator[Value]:
    hydrants, junctions = district.entities["hydrants"], district.entities["water_junctions"]
    place = [junctions.index.get_loc(code) for code in hydrants["junction_code"]]
    idle = float(day.pressure_m[:, place].min())
    yield Value("hydrant_pressure_idle_least", round(idle, 1), 14.0, 50.0, "m", f"{HYDRANTS}, 7.2.8")
    yield Value(
        "hydrant_pressure_at_15_l_s_least", round(float(day.fire_m.min()), 1), 10.0, 50.0, "m", f"{HYDRANTS}, 7.2.8"
    )
    yield Value("hydrant_flow_least", float(hydrants["rated_m3s"].min()), 0.015, 0.1, "m³/s", HYDRANTS)
    yield Value("hydrant_spacing_greatest", round(_spacing(district), 1), 20.0, 120.0, "m", f"{HYDRANTS}, 7.2.5")
    gaps = [float(hydrants.distance(shape).min()) for shape in district.entities["buildings"].geometry]
    yield Value("house_to_hydrant_greatest", round(max(gaps)), 0.0, 150.0, "m", f"{HYDRANTS}, 7.2.5")


def _spacing(district: District) -> float:
    """Twice the way along the mains from the place that is farthest from any hydrant."""
    pipes = district.entities["water_pipes"]
    pipes = pipes[pipes["kind"] != "feed main"]
    beside: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for a, b, length in zip(pipes["from_code"], pipes["to_code"], pipes["length_m"], strict=True):
        beside[a].append((b, length))
        beside[b].append((a, length))
    away = dict.fromkeys(district.entities["hydrants"]["junction_code"], 0.0)
    heap = [(0.0, code) for code in away]
    while heap:
        gone, code = heapq.heappop(heap)
        for other, length in beside[code]:
            if gone + length < away.get(other, np.inf):
                away[other] = gone + length
                heapq.heappush(heap, (gone + length, other))
    far = [
        away.get(a, np.inf) + away.get(b, np.inf) + length
        for a, b, length in zip(pipes["from_code"], pipes["to_code"], pipes["length_m"], strict=True)
    ]
    return float(max(far))


def _network(district: District, day: _Day) -> Iterator[Value]:
    pipes, valves, junctions = (district.entities[n] for n in ("water_pipes", "water_valves", "water_junctions"))
    links = [*zip(pipes["from_code"], pipes["to_code"], strict=True)]
    links += [(a, b) for a, b in zip(valves["from_code"], valves["to_code"], strict=True) if a]
    down: dict[str, list[str]] = defaultdict(list)
    for a, b in links:
        down[a].append(b)
    reached = set(district.entities["water_sources"].index)
    waiting = sorted(reached)
    while waiting:
        new = [code for code in down[waiting.pop()] if code not in reached]
        reached.update(new)
        waiting += new
    yield none_of("water_junctions_that_no_source_feeds", int((~junctions.index.isin(list(reached))).sum()))
    known = {*junctions.index, *district.entities["water_sources"].index}
    yield none_of("water_pipes_with_an_unknown_end", sum(end not in known for link in links for end in link))
    mean = day.flow_m3s.mean(axis=0)
    against = float(-mean[mean < 0].sum() / np.abs(mean).sum())
    yield Value("water_that_flows_against_its_pipe", round(against, 4), 0.0, 0.02, "1", RULE)
    yield Value("water_junctions", float(len(junctions)), 100, 1500, "1", RULE)
    yield Value("water_loops", float(len(links) - len(known) + 1), 10, 500, "1", f"{OUTDOOR}, 7.1")
    size = pipes["diameter_m"]
    yield Value("water_diameter_least", float(size.min()), 0.15, 0.6, "m", f"{HYDRANTS}, 8.1.4")
    yield Value("water_diameter_greatest", float(size.max()), 0.15, 0.6, "m", "practice")
    yield Value("water_cover_least", float(pipes["depth_m"].min()), 0.7, 1.5, "m", f"{OUTDOOR}, 7.4")
    drawn = (pipes.length - pipes["length_m"]).abs().max()
    yield Value("water_lengths_off_their_lines_greatest", round(float(drawn), 2), 0.0, 0.1, "m", RULE)
    shares = junctions.geometry.map(lambda p: float(district.terrain.elevation_m[district.terrain.cell(p.x, p.y)]))
    yield Value(
        "water_junctions_off_the_ground",
        float(((shares - junctions["elevation_m"]).abs() > 0.05).mean()),
        0.0,
        0.03,
        "1",
        RULE,
    )


def _valves(district: District) -> Iterator[Value]:
    """Segments: what one burst takes out of service once the nearest gates are shut."""
    pipes, valves = district.entities["water_pipes"], district.entities["water_valves"]
    gates = valves[valves["kind"] == "gate"]
    shut = set(zip(gates["pipe_code"], gates["junction_code"], strict=True))
    parent: dict[str, str] = {}

    def find(code: str) -> str:
        while parent.setdefault(code, code) != code:
            code = parent[code]
        return code

    for code, a, b in zip(pipes.index, pipes["from_code"], pipes["to_code"], strict=True):
        for end in (a, b):
            if (code, end) not in shut:
                parent[find(code)] = find(end)
    segments: dict[str, int] = defaultdict(int)
    for code in pipes.index:
        segments[find(code)] += 1
    yield Value("pipes_per_valve_segment_mean", round(len(pipes) / len(segments), 2), 1.0, 6.0, "1", RULE)
    lost: dict[str, int] = defaultdict(int)
    for code in district.entities["hydrants"]["junction_code"]:
        lost[find(code)] += 1
    yield Value("hydrants_lost_with_a_segment_greatest", float(max(lost.values())), 0, 5, "1", f"{HYDRANTS}, 8.1.4")
    pairs = zip(gates.geometry, gates["pipe_code"].map(pipes.geometry), strict=True)
    yield none_of("gates_off_their_pipe", sum(not point.distance(line) < 0.05 for point, line in pairs))
