"""Where 10 kV cables run: routes along streets, drawn beside the axis."""

import heapq
import math
from dataclasses import dataclass
from itertools import pairwise

import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.generate.draft import Draft

Node = tuple[float, float]
INCOMING_M = (5.6, 6.6, 7.6)
"""Distances from the axis at which the stations' supplying cables lie; those of the second feed on the other side."""
NEAR_END_M = 330.0
"""A ring begins and ends within so much of its route."""


@dataclass(frozen=True)
class Ring:
    """A 10 kV ring: a route from section ``begin`` to section ``end`` (station, section), in local metres."""

    name_en: str
    name_zh: str
    begin: tuple[str, int]
    end: tuple[str, int]
    line: LineString


class StreetWays:
    """Shortest ways along streets above ground, from crossing to crossing."""

    def __init__(self, draft: Draft) -> None:
        self.streets = [s.line for s in draft.streets if s.street_class != "underpass"]
        self.near: dict[Node, list[tuple[Node, LineString]]] = {}
        for line in self.streets:
            a, b = _node(line.coords[0]), _node(line.coords[-1])
            self.near.setdefault(a, []).append((b, line))
            self.near.setdefault(b, []).append((a, line.reverse()))

    def nearest(self, x: float, y: float) -> Node:
        """The crossing nearest to a point."""
        return min(self.near, key=lambda n: (math.hypot(n[0] - x, n[1] - y), n))

    def way(self, a: Node, b: Node) -> list[Node]:
        """Vertices of the shortest way; only ``[a]`` if no street leads there."""
        done: set[Node] = set()
        heap: list[tuple[float, Node, list[Node]]] = [(0.0, a, [a])]
        while heap:
            metres, node, path = heapq.heappop(heap)
            if node == b:
                return path
            if node in done:
                continue
            done.add(node)
            for other, line in self.near[node]:
                if other not in done:
                    onward = [_node(p) for p in line.coords[1:]]
                    heapq.heappush(heap, (round(metres + line.length, 3), other, path + onward))
        return [a]

    def through(self, points: list[Node]) -> LineString:
        """The way through the crossings nearest to ``points``."""
        nodes = [self.nearest(*point) for point in points]
        vertices = [nodes[0]]
        for a, b in pairwise(nodes):
            vertices += self.way(a, b)[1:]
        return LineString(vertices)

    def to(self, start: Node, spot: Point) -> LineString:
        """The way from a crossing to the place in a street that is nearest to ``spot``."""
        street = min(self.streets, key=lambda line: (round(line.distance(spot), 3), line.coords[0]))
        at = street.project(spot)
        options = []
        for line, metres in ((street, at), (street.reverse(), street.length - at)):
            head = self.way(start, _node(line.coords[0]))
            tail = [_node(p) for p in substring(line, 0.0, metres).coords[1:]]
            options.append(LineString([*head, *tail]))
        return min(options, key=lambda line: line.length)


def _node(point: tuple[float, ...]) -> Node:
    return round(point[0], 2), round(point[1], 2)


def beside(line: LineString, offset_m: float) -> LineString:
    """The line moved sideways; left is positive."""
    moved = line.offset_curve(offset_m, join_style="mitre", mitre_limit=2.0)
    return moved if moved.geom_type == "LineString" and not moved.is_empty else line


def draw_rings(draft: Draft, ways: StreetWays, stations: dict[str, Point]) -> list[Ring]:
    """The recipe's rings, each cut to run from its first station's access to its last's."""
    rings = []
    for plan in draft.recipe.value("power.ring"):
        line = beside(ways.through([(float(x), float(y)) for x, y in plan["via"]]), float(plan["offset_m"]))
        begin, end = (str(plan["from"][0]), int(plan["from"][1])), (str(plan["to"][0]), int(plan["to"][1]))
        head = substring(line, 0.0, min(NEAR_END_M, line.length / 3))
        tail = substring(line, max(line.length - NEAR_END_M, line.length * 2 / 3), line.length)
        first = head.project(stations[begin[0]])
        last = line.length - tail.length + tail.project(stations[end[0]])
        rings.append(Ring(plan["name_en"], plan["name_zh"], begin, end, substring(line, first, last)))
    return rings


def draw_incoming(ways: StreetWays, feed: Node, station: Point, place: int, side: int) -> LineString:
    """The supplying cable from where it enters the frame to the street place before a station."""
    return beside(ways.to(ways.nearest(*feed), station), side * INCOMING_M[place % len(INCOMING_M)])


def cable(begin: Point, line: LineString, end: Point, span: tuple[float, float] | None = None) -> LineString:
    """A cable from a cabinet to the street, along ``line`` (or a span of it) and to the next cabinet."""
    low, high = span or (0.0, line.length)
    middle = substring(line, low, high)
    points = [begin.coords[0], *middle.coords, end.coords[0]]
    kept = [points[0]]
    kept += [p for p in points[1:] if math.hypot(p[0] - kept[-1][0], p[1] - kept[-1][1]) > 0.05 or p is points[-1]]
    path = shapely.remove_repeated_points(LineString(kept))
    return LineString([(round(x, 2), round(y, 2)) for x, y in path.coords])
