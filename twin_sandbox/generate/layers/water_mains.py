"""The net of mains on the drawing board: junctions where water is drawn, hydrants, feeds, pipes between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.ops import nearest_points, substring

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.trenches import Trench, dig_trenches
from twin_sandbox.generate.streets import Street

# GB 50974-2014, 7.2: hydrants at most 120 m apart; laid out a little closer, since pipes bend
HYDRANT_SPACING_M = 112.0
MERGE_M = 16.0  # services so near to one another leave the main at one junction
AT_CROSSING_M = 10.0  # services so near to a crossing leave at its junction
METER_PIT_M, REDUCER_M = 12.0, 4.0  # a feed's length to its reducing valve, and the valve's chamber
KERB_M = 0.8  # a hydrant stands behind the kerb
SHARE_OF_WIDTH = 0.36  # of the street, from its axis to the main


class Main(NamedTuple):
    """A pipe between two nodes, drawn from ``a`` to ``b``; ``kind`` "feed main", "main" or "branch main"."""

    a: int
    b: int
    line: LineString
    street: int
    kind: str


class Feed(NamedTuple):
    """Where the city's main enters: the source's node, and the nodes before and behind its reducing valve."""

    source: int
    before: int
    behind: int
    street: int


@dataclass
class Mains:
    """Nodes and pipes in local metres.

    Attributes:
        at: places of the nodes.
        mains: pipes.
        feeds: one for each source of the recipe.
        hydrants: (node, place, street).
        taps: for each building of the draft its node and the line of its service.
    """

    at: list[tuple[float, float]] = field(default_factory=list)
    mains: list[Main] = field(default_factory=list)
    feeds: list[Feed] = field(default_factory=list)
    hydrants: list[tuple[int, Point, int]] = field(default_factory=list)
    taps: list[tuple[int, LineString]] = field(default_factory=list)

    def node(self, place: tuple[float, float]) -> int:
        """Add a node, rounded to the centimetre."""
        self.at.append((round(place[0], 2), round(place[1], 2)))
        return len(self.at) - 1


class Reach(NamedTuple):
    """A stretch that mains follow: a trench beside a street, or a branch of the recipe."""

    line: LineString
    start: int
    end: int
    street: int
    kind: str


def draw_mains(draft: Draft) -> Mains:
    """Lay mains along all streets and the recipe's branches, and give each building the tap that it reaches best."""
    size = draft.recipe.width_m, draft.recipe.height_m
    trenches = dig_trenches(draft.streets, lambda street: SHARE_OF_WIDTH * street.width_m, size)
    kerbs = dig_trenches(draft.streets, lambda street: street.width_m / 2 + KERB_M, size)
    net = Mains()
    for place in trenches.crossings_m:
        net.node((float(place[0]), float(place[1])))
    reaches = [Reach(t.line, t.start, t.end, t.street, "main") for t in trenches.trenches]
    reaches += _branches(draft, net, trenches.trenches)
    sources = [_source_reach(spot, net, trenches.trenches) for spot in draft.recipe.value("water.source")]
    tapped = _tap(draft.buildings, reaches)
    corner = dict(enumerate(kerbs.crossings_m))
    lit: set[int] = set()
    taps: dict[int, tuple[int, LineString]] = {}
    for number, reach in enumerate(reaches):
        entry = next((node for k, node in sources if k == number), None)
        own = [(building, along, place) for building, (k, along, place) in tapped.items() if k == number]
        stops = _stops(reach, [along for _, along, _ in own], entry)
        nodes = _lay(net, reach, stops, entry)
        for building, along, place in own:
            best = min(range(len(stops)), key=lambda k: (abs(stops[k] - along), k))
            if nodes[best] in _dry(net):
                best += 1 if best < len(stops) // 2 else -1
            taps[building] = nodes[best], LineString([net.at[nodes[best]], place])
        _hydrants(draft, net, reach, stops, nodes, corner, lit)
    net.taps = [taps[k] for k in range(len(draft.buildings))]
    return net


def _dry(net: Mains) -> set[int]:
    """Nodes that nobody draws from: sources and the chambers before reducing valves."""
    return {node for feed in net.feeds for node in (feed.source, feed.before)}


def _branches(draft: Draft, net: Mains, trenches: Sequence[Trench]) -> list[Reach]:
    """The recipe's mains beyond the streets; each begins at the nearest crossing."""
    reaches = []
    crossings = len(net.at)
    for branch in draft.recipe.value("water.branch"):
        points = [(float(x), float(y)) for x, y in branch["line"]]
        first = Point(points[0])
        start = min(range(crossings), key=lambda k: (first.distance(Point(net.at[k])), k))
        end = net.node(points[-1])
        line = LineString([net.at[start], *points[1:-1], net.at[end]])
        street = next(t.street for t in trenches if start in (t.start, t.end))
        reaches.append(Reach(line, start, end, street, "branch main"))
    return reaches


def _source_reach(spot: dict[str, float], net: Mains, trenches: Sequence[Trench]) -> tuple[int, int]:
    """The trench that ends nearest to a source's place, and the node there."""
    place = Point(spot["x"], spot["y"])
    return min(
        ((k, node) for k, trench in enumerate(trenches) for node in (trench.start, trench.end)),
        key=lambda item: (round(place.distance(Point(net.at[item[1]])), 2), item[0]),
    )


def _tap(buildings: Sequence, reaches: Sequence[Reach]) -> dict[int, tuple[int, float, tuple[float, float]]]:  # type: ignore[type-arg]
    """For each building the reach that serves it, how far along, and the service's end at the house.

    The nearest main whose straight service does not run below another house; the nearest of all if there is none.
    """
    lines = [reach.line for reach in reaches]
    shapes = [building.footprint for building in buildings]
    tree = shapely.STRtree(shapes)
    tapped = {}
    for building, shape in enumerate(shapes):
        gaps = shapely.distance(shape, lines)
        order = sorted(range(len(lines)), key=lambda k: (round(float(gaps[k]), 2), k))
        chosen = order[0]
        for k in order[:6]:
            if gaps[k] > 1.5 * gaps[order[0]] + 25.0:
                break
            path = LineString(nearest_points(shape, lines[k]))
            if all(other == building for other in tree.query(path, predicate="intersects")):
                chosen = k
                break
        house, foot = nearest_points(shape, lines[chosen])
        tapped[building] = chosen, float(lines[chosen].project(foot)), (house.x, house.y)
    return tapped


def _stops(reach: Reach, taps: list[float], entry: int | None) -> list[float]:
    """Where nodes lie along a reach: its ends, taps drawn together, hydrants between, a feed's chamber."""
    length = reach.line.length
    fixed = [0.0, length]
    if entry is not None:
        pit = [METER_PIT_M, METER_PIT_M + REDUCER_M]
        fixed += pit if entry == reach.start else [length - s for s in pit]
    groups: list[list[float]] = []
    for s in sorted(taps):
        if min(abs(s - f) for f in fixed) < AT_CROSSING_M:
            continue
        if groups and s - groups[-1][0] < MERGE_M:
            groups[-1].append(s)
        else:
            groups.append([s])
    stops = sorted([*fixed, *(sum(group) / len(group) for group in groups)])
    # a hydrant needs a node at least this often
    parts = math.ceil(length / HYDRANT_SPACING_M)
    for part in range(1, parts):
        s = length * part / parts
        slack = (HYDRANT_SPACING_M - length / parts) / 2
        if min(abs(s - other) for other in stops) > max(slack, 4.0):
            stops.append(s)
    return sorted(stops)


def _lay(net: Mains, reach: Reach, stops: list[float], entry: int | None) -> list[int]:
    """Nodes at the stops and pipes between them."""
    inner = [reach.line.interpolate(s) for s in stops[1:-1]]
    nodes = [reach.start, *(net.node((p.x, p.y)) for p in inner), reach.end]
    feed = None
    if entry is not None:
        source, before, behind = nodes[:3] if entry == reach.start else nodes[::-1][:3]
        feed = Feed(source, before, behind, reach.street)
        net.feeds.append(feed)
    for (a, s), (b, t) in pairwise(zip(nodes, stops, strict=True)):
        if feed is not None and {a, b} == {feed.before, feed.behind}:
            continue  # the reducing valve
        piece = substring(reach.line, s, t)
        line = LineString([net.at[a], *piece.coords[1:-1], net.at[b]])
        kind = "feed main" if feed is not None and feed.source in (a, b) else reach.kind
        net.mains.append(Main(a, b, line, reach.street, kind))
    return nodes


def _hydrants(
    draft: Draft,
    net: Mains,
    reach: Reach,
    stops: list[float],
    nodes: list[int],
    corner: dict[int, np.ndarray],
    lit: set[int],
) -> None:
    """A hydrant at each crossing and at nodes between, at most `HYDRANT_SPACING_M` apart."""
    street = draft.streets[reach.street]
    aside = (0.5 - SHARE_OF_WIDTH) * street.width_m + KERB_M
    parts = math.ceil(reach.line.length / HYDRANT_SPACING_M)
    dry = _dry(net)
    wanted = [reach.line.length * part / parts for part in range(parts + 1)]
    for s in wanted:
        near = min((k for k in range(len(stops)) if nodes[k] not in dry), key=lambda k: (abs(stops[k] - s), k))
        node = nodes[near]
        if node in lit:
            continue
        lit.add(node)
        place = corner.get(node)
        spot = Point(place) if place is not None else _beside(reach, stops[near], aside, street)
        if place is not None and spot.distance(Point(net.at[node])) > 8.0:
            spot = _beside(reach, stops[near], aside, street)
        net.hydrants.append((node, spot, reach.street))


def _beside(reach: Reach, s: float, aside_m: float, street: Street) -> Point:
    """A place ``aside_m`` off the main, away from the street's axis."""
    here = reach.line.interpolate(s)
    axis = street.line.interpolate(street.line.project(here))
    gap = here.distance(axis)
    if reach.kind == "branch main" or gap < 0.1:
        return Point(round(here.x + 1.2, 2), round(here.y, 2))
    return Point(here.x + (here.x - axis.x) / gap * aside_m, here.y + (here.y - axis.y) / gap * aside_m)
