"""District heat: the station at the edge, supply and return pipes along the streets, substations, services.

Primary water leaves the station hot and comes back cooled through the second of each pair of pipes; a substation hands
its heat to the water of its quarter's houses.
"""

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.heat_demand import Group, group_houses
from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.layers.trenches import dig_trenches

SHARE_OF_WIDTH = -0.2  # south and east of the axis: across the street from the water main
WAY_COST = {"arterial": 0.9, "collector": 0.8, "local": 1.15}  # pipes keep to collectors, CJJ 34-2022, 8.1
HEAT_KJ_KGK, DENSITY_KG_M3 = 4.2, 950.0  # of water near 100 °C
ROUGHNESS = 0.023  # Darcy's friction factor of a used steel pipe (0.5 mm) at such speeds
# economic friction of mains 30 to 70, of branches up to 300 Pa/m: CJJ 34-2022, 7.3
MOST_PA_M, MOST_IN_BRANCHES_PA_M, BRANCH_M = 90.0, 180.0, 0.15
# nominal size, inner diameter [m], heat lost by one pre-insulated pipe [W/(m·K)]: GB/T 29047, series of makers
SERIES = (
    (32, 0.037, 0.15), (40, 0.043, 0.17), (50, 0.054, 0.19), (65, 0.07, 0.22),
    (80, 0.082, 0.23), (100, 0.1, 0.25), (125, 0.125, 0.29), (150, 0.15, 0.33),
    (200, 0.207, 0.37), (250, 0.259, 0.4), (300, 0.309, 0.45), (350, 0.359, 0.49), (400, 0.408, 0.54),
)  # fmt: skip
SECONDARY_C = (50.0, 40.0)
OVERSIZE = 1.1  # of a substation and of the station
SECONDARY_SPEED_MS = 1.0
PUMP_KW_PER_KW = 0.006  # circulation by heat handed on, GB 50189: 0.004 to 0.008
SINCE = {"slabs": 2003, "towers": 2012, "office": 2014, "school": 2003, "hospital": 2006, "shops": 2010}


@dataclass
class _Net:
    """Nodes, stretches between them, and the tree that leads to the station."""

    at: list[tuple[float, float]]
    ways: list[tuple[int, int, LineString, int]] = field(default_factory=list)
    toward: dict[int, tuple[int, int]] = field(default_factory=dict)


def add(site: Site) -> None:
    """Add the heat net: a tree of pairs from the station along the streets, sized for the coldest day."""
    draft = site.draft
    groups = group_houses(draft)
    station = Point(*(draft.recipe.value("heat.station")[axis] for axis in "xy"))
    net, root, taps = _draw(draft, groups, station)
    _lead(draft, net, root)
    kw: dict[int, float] = defaultdict(float)
    order: list[int] = []
    for group, tap in zip(groups, taps, strict=True):
        node = tap
        while True:
            kw[node] += group.kw
            if node == root:
                break
            if node not in order:
                order.append(node)
            node = net.toward[node][0]
    codes = _node_rows(site, net, root, kw)
    _pipe_rows(site, net, codes, kw, order)
    _substation_rows(site, groups, [codes[tap] for tap in taps])


def _draw(draft: Draft, groups: list[Group], station: Point) -> tuple[_Net, int, list[int]]:
    """Trenches cut where a branch leaves for a substation; node of the station, node of each substation."""
    size = draft.recipe.width_m, draft.recipe.height_m
    dug = dig_trenches(draft.streets, lambda street: SHARE_OF_WIDTH * street.width_m, size)
    net = _Net([(float(x), float(y)) for x, y in dug.crossings_m])
    lines = [trench.line for trench in dug.trenches]
    houses = shapely.STRtree([building.footprint for building in draft.buildings])
    cuts: dict[int, list[tuple[float, int]]] = defaultdict(list)
    taps = []
    for group in groups:
        reach = _reach(group.at, lines, houses, [draft.streets[t.street].street_class for t in dug.trenches])
        line = lines[reach]
        along = min(max(float(line.project(group.at)), 4.0), line.length - 4.0)
        foot = line.interpolate(along)
        net.at += [(round(foot.x, 2), round(foot.y, 2)), (group.at.x, group.at.y)]
        branch, tap = len(net.at) - 2, len(net.at) - 1
        cuts[reach].append((along, branch))
        net.ways.append((branch, tap, LineString([net.at[branch], net.at[tap]]), dug.trenches[reach].street))
        taps.append(tap)
    for k, trench in enumerate(dug.trenches):
        stops = [(0.0, trench.start), *sorted(cuts[k]), (trench.line.length, trench.end)]
        for (s, a), (t, b) in pairwise(stops):
            inner = list(substring(trench.line, s, t).coords)[1:-1]
            net.ways.append((a, b, LineString([net.at[a], *inner, net.at[b]]), trench.street))
    root = min(range(len(dug.crossings_m)), key=lambda k: (round(station.distance(Point(net.at[k])), 2), k))
    return net, root, taps


def _reach(at: Point, lines: list[LineString], houses: shapely.STRtree, sorts: list[str]) -> int:
    """The trench that a substation's branch reaches best: short, clear of houses, along a larger street."""

    def cost(k: int) -> float:
        gap = at.distance(lines[k])
        path = LineString([at, lines[k].interpolate(lines[k].project(at))])
        return float(gap * WAY_COST[sorts[k]] + 40.0 * len(houses.query(path, predicate="intersects")))

    near = sorted(range(len(lines)), key=lambda k: (round(at.distance(lines[k]), 2), k))[:6]
    return min(near, key=lambda k: (round(cost(k), 2), k))


def _lead(draft: Draft, net: _Net, root: int) -> None:
    """The cheapest way of every node to the station."""
    beside: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for number, (a, b, line, street) in enumerate(net.ways):
        cost = line.length * WAY_COST[draft.streets[street].street_class]
        beside[a].append((b, number, cost))
        beside[b].append((a, number, cost))
    best = {root: 0.0}
    heap = [(0.0, root)]
    while heap:
        spent, node = heapq.heappop(heap)
        if spent > best[node]:
            continue
        for other, number, cost in beside[node]:
            if spent + cost < best.get(other, math.inf) - 1e-9:
                best[other] = spent + cost
                net.toward[other] = node, number
                heapq.heappush(heap, (best[other], other))


def _size(kg_s: float) -> tuple[int, float, float]:
    """The least nominal size whose friction stays below the economic one."""
    flow = kg_s / DENSITY_KG_M3
    for size in SERIES:
        speed = flow / (math.pi / 4 * size[1] * size[1])
        most = MOST_PA_M if size[1] >= BRANCH_M else MOST_IN_BRANCHES_PA_M
        if ROUGHNESS / size[1] * DENSITY_KG_M3 * speed * speed / 2 <= most:
            return size
    return SERIES[-1]


def _node_rows(site: Site, net: _Net, root: int, kw: dict[int, float]) -> dict[int, str]:
    draft, codes = site.draft, {}
    named = draft.recipe.value("heat.station")
    street = {node: draft.streets[s] for a, b, _, s in net.ways for node in (a, b)}
    for node in sorted(kw):
        if node == root:
            codes[node] = site.tables["heat_sources"].add(
                Point(net.at[node]),
                "heat station",
                named["name_en"],
                named["name_zh"],
                rated_kw=float(math.ceil(OVERSIZE * kw[node] / 100) * 100),
                supply_c=draft.recipe.number("heat.supply_c"),
                return_c=draft.recipe.number("heat.return_c"),
                valid_from="2003-10-01",
            )
            continue
        count = len(site.tables["heat_nodes"].rows) + 1
        codes[node] = site.tables["heat_nodes"].add(
            Point(net.at[node]),
            "heat chamber",
            f"Heat chamber {count}, {street[node].name_en}",
            f"{street[node].name_zh}{count}号热力小室",
            elevation_m=round(float(draft.height_m[draft.grid.cell(*net.at[node])]), 2),
            valid_from="2003-10-01",
        )
    return codes


def _pipe_rows(site: Site, net: _Net, codes: dict[int, str], kw: dict[int, float], order: list[int]) -> None:
    draft, streets = site.draft, site.tables["streets"].rows
    span = draft.recipe.number("heat.supply_c") - draft.recipe.number("heat.return_c")
    for node in order:
        up, number = net.toward[node]
        start, _, line, street = net.ways[number]
        if start != up:
            line = LineString(list(line.coords)[::-1])
        mass = kw[node] / (HEAT_KJ_KGK * span)
        nominal, inner, loss = _size(mass)
        site.tables["heat_pipes"].add(
            line,
            "heat main" if nominal >= 150 else "heat branch",
            f"Heat pipes 2 × DN{nominal}, {draft.streets[street].name_en}",
            f"{draft.streets[street].name_zh}供热管2×DN{nominal}",
            from_code=codes[up],
            to_code=codes[node],
            length_m=round(line.length, 2),
            diameter_m=inner,
            design_kg_s=round(mass, 3),
            insulation_w_mk=loss,
            depth_m=round(1.2 + 0.1 * int(site.rng.integers(0, 4)), 2),
            street_code=streets[street]["code"],
            valid_from="2003-10-01",
        )


def _substation_rows(site: Site, groups: list[Group], nodes: list[str]) -> None:
    draft, houses = site.draft, site.tables["buildings"].rows
    supply, back = draft.recipe.number("heat.supply_c"), draft.recipe.number("heat.return_c")
    for count, (group, node) in enumerate(zip(groups, nodes, strict=True), 1):
        largest = max(group.loads, key=lambda load: (load.kw, load.building))
        since = SINCE.get(draft.buildings[largest.building].zone, 2010)
        substation = site.tables["heat_substations"].add(
            group.at,
            "heat substation",
            f"Heat substation {count}",
            f"{count}号换热站",
            node_code=node,
            rated_kw=float(math.ceil(OVERSIZE * group.kw / 10) * 10),
            primary_supply_c=supply,
            primary_return_c=back,
            secondary_supply_c=SECONDARY_C[0],
            secondary_return_c=SECONDARY_C[1],
            pump_kw=round(PUMP_KW_PER_KW * group.kw, 1),
            valid_from=f"{since}-10-01",
        )
        for load in group.loads:
            shape, row = draft.buildings[load.building].footprint, houses[load.building]
            house = shapely.ops.nearest_points(shape, group.at)[0]
            line = LineString([group.at, house])
            flow = load.kw / (HEAT_KJ_KGK * (SECONDARY_C[0] - SECONDARY_C[1])) / 990.0
            size = next((s for s in SERIES if 0.785 * s[1] * s[1] * SECONDARY_SPEED_MS >= flow), SERIES[-1])
            site.tables["heat_services"].add(
                line,
                "heat service",
                f"Heat service of {row['name_en']}",
                f"{row['name_zh']}供热接户管",
                building_code=row["code"],
                substation_code=substation,
                floor_area_m2=load.floor_m2,
                design_load_kw=load.kw,
                length_m=round(line.length, 2),
                diameter_m=size[1],
            )
