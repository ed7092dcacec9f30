"""The supply computed on the drawing board: demands, sizes, heads, and the way that water runs."""

import heapq
import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Point

from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.layers.water_demand import LEAKAGE, PATTERN_OF_USE, PATTERNS, demand_m3s
from twin_sandbox.generate.layers.water_flow import Pipe, steady_heads_m
from twin_sandbox.generate.layers.water_mains import Main, Mains, draw_mains

STILL_M = 2e-6  # so little head between two nodes says nothing of the direction
# when each quarter was built, and with it its mains
BUILT = {
    "old_town": 1987, "slabs": 1999, "towers": 2012, "villas": 2008, "office": 2014, "shops": 2003, "port": 1995,
    "school": 2001, "hospital": 2006,
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """The net with everything computed, before it becomes rows.

    Attributes:
        net: nodes, mains, feeds, hydrants, taps.
        ground_m: of each node.
        draws: mean demand [m³/s] of each node by pattern.
        of_house_m3s: mean demand of each building of the draft.
        years: when each street's main was laid.
        pipes: of each main, from ``a`` to ``b`` as water runs on the mean day.
        materials: of each main, English and Chinese.
        peak_head_m: [nodes], in the greatest hour of a working day; nan before the reducing valves.
    """

    net: Mains
    ground_m: list[float]
    draws: dict[int, dict[str, float]]
    of_house_m3s: list[float]
    years: dict[int, int]
    pipes: list[Pipe]
    materials: list[tuple[str, str]]
    peak_head_m: Floats

    def since(self, node: int) -> str:
        """When a node came into use: with the first of its mains."""
        year = min(self.years[main.street] for main in self.net.mains if node in (main.a, main.b))
        return f"{year}-06-01"


def design_supply(site: Site) -> Design:
    """Lay, size and compute the net: the mean day's heads say which way water runs."""
    draft = site.draft
    net = draw_mains(draft)
    houses = [
        demand_m3s(draft.recipe, house, people) for house, people in zip(draft.buildings, draft.people, strict=True)
    ]
    draws, years = _draws(draft, net, houses), _years(site)
    sizes = [_size_m(draft, main) for main in net.mains]
    materials = [_material(years[main.street], size) for main, size in zip(net.mains, sizes, strict=True)]
    pipes = [
        Pipe(main.a, main.b, round(main.line.length, 2), size, c)
        for main, size, (_, _, c) in zip(net.mains, sizes, materials, strict=True)
    ]
    fixed = {feed.behind: draft.recipe.number("water.zone_head_m") for feed in net.feeds}
    outside = {node for feed in net.feeds for node in (feed.source, feed.before)}
    zone = [pipe for pipe in pipes if not {pipe.a, pipe.b} & outside]
    mean = _heads(zone, draws, len(net.at), fixed, None)
    return Design(
        net,
        [_ground_m(draft, place) for place in net.at],
        draws,
        houses,
        years,
        _directed(net, pipes, mean),
        [(english, chinese) for english, chinese, _ in materials],
        _heads(zone, draws, len(net.at), fixed, _peak_hour(draws)),
    )


def _directed(net: Mains, pipes: list[Pipe], head_m: Floats) -> list[Pipe]:
    """Pipes turned the way that water runs; where it all but stands, and in feeds, away from the source."""
    away = _ways_m(net, pipes)
    turned = []
    for pipe in pipes:
        fall = head_m[pipe.a] - head_m[pipe.b]
        back = fall < -STILL_M or (not fall > STILL_M and away[pipe.b] < away[pipe.a])
        turned.append(pipe._replace(a=pipe.b, b=pipe.a) if back else pipe)
    return turned


def _ways_m(net: Mains, pipes: list[Pipe]) -> dict[int, float]:
    """The shortest way of each node from a source."""
    beside: dict[int, list[tuple[int, float]]] = defaultdict(list)
    reducers = [Pipe(feed.before, feed.behind, 0.0, 1.0, 100.0) for feed in net.feeds]
    for pipe in [*pipes, *reducers]:
        beside[pipe.a].append((pipe.b, pipe.length_m))
        beside[pipe.b].append((pipe.a, pipe.length_m))
    away = {feed.source: 0.0 for feed in net.feeds}
    heap = [(0.0, node) for node in away]
    while heap:
        gone, node = heapq.heappop(heap)
        for other, length in beside[node]:
            if gone + length < away.get(other, math.inf):
                away[other] = gone + length
                heapq.heappush(heap, (gone + length, other))
    return away


def _ground_m(draft: Draft, place: tuple[float, float]) -> float:
    """The ground at a place; beside the underpass the street above it, for mains cross it within the bridge's deck."""
    row, column = draft.grid.cell(*place)
    (below,) = (street.line for street in draft.streets if street.street_class == "underpass")
    around = draft.height_m[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5]
    near = below.distance(Point(place)) < 12.0
    return round(float(around.max() if near else draft.height_m[row, column]), 2)


def _draws(draft: Draft, net: Mains, houses: list[float]) -> dict[int, dict[str, float]]:
    """Mean demand of each node by pattern; leakage by the length of pipe that a node stands for."""
    draws: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for building, demand, (node, _) in zip(draft.buildings, houses, net.taps, strict=True):
        draws[node][PATTERN_OF_USE.get(building.use, "port")] += demand
    share = draft.recipe.number("water.leakage_share")
    leakage = sum(houses) * share / (1.0 - share)
    dry = {node for feed in net.feeds for node in (feed.source, feed.before)}
    length: dict[int, float] = defaultdict(float)
    for main in net.mains:
        for node in {main.a, main.b} - dry:
            length[node] += main.line.length / 2
    total = sum(length.values())
    for node in sorted(length):
        draws[node][LEAKAGE] = round(leakage * length[node] / total, 7)
    return draws


def _years(site: Site) -> dict[int, int]:
    """When each street's main was laid: with most of the houses beside it."""
    buildings, years = site.draft.buildings, {}
    tree = shapely.STRtree([building.footprint for building in buildings])
    for k, street in enumerate(site.draft.streets):
        found = tree.query(street.line, predicate="dwithin", distance=45.0)
        near = Counter(buildings[int(n)].zone for n in found)
        zone = max(near, key=lambda z: (near[z], z)) if near else "slabs"
        years[k] = BUILT.get(zone, 2003) + int(site.rng.integers(-3, 4))
    return years


def _size_m(draft: Draft, main: Main) -> float:
    sizes = draft.recipe.value("water.diameter_m")
    sort = {"feed main": "feed", "branch main": "branch"}.get(main.kind, draft.streets[main.street].street_class)
    return float(sizes[sort])


def _material(year: int, size_m: float) -> tuple[str, str, float]:
    """Material in English and Chinese with Hazen and Williams's C: new pipe 140 to 130, old cast iron about 100."""
    if year < 1995:
        return "grey cast iron", "灰口铸铁", 100.0
    if size_m >= 0.2:
        return "ductile iron", "球墨铸铁", 130.0 if year >= 2005 else 120.0
    return "polyethylene", "聚乙烯", 140.0


def _peak_hour(draws: dict[int, dict[str, float]]) -> int:
    total = [
        sum(demand * PATTERNS[name][0][hour] for parts in draws.values() for name, demand in parts.items())
        for hour in range(24)
    ]
    return total.index(max(total))


def _heads(
    pipes: list[Pipe], draws: dict[int, dict[str, float]], nodes: int, fixed: dict[int, float], hour: int | None
) -> Floats:
    """Heads at the mean demand or in one hour of a working day; nan where no pipe of the zone leads."""
    used = sorted({node for pipe in pipes for node in (pipe.a, pipe.b)})
    number = {node: k for k, node in enumerate(used)}
    demand = np.array(
        [sum(q * (1.0 if hour is None else PATTERNS[p][0][hour]) for p, q in draws[node].items()) for node in used]
    )
    moved = [pipe._replace(a=number[pipe.a], b=number[pipe.b]) for pipe in pipes]
    heads = np.full(nodes, np.nan)
    heads[used] = steady_heads_m(moved, demand, {number[node]: head for node, head in fixed.items()})
    return heads
