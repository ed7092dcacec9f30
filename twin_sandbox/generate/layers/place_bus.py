"""Bus lines along the streets, and their stops about 300 m apart (GB/T 51328-2018: 300 m around a stop)."""

import heapq
from itertools import pairwise

import numpy as np
from shapely.geometry import LineString, Point

from twin_sandbox.generate.layers.place_network import Network, inside_frame, spot_beside
from twin_sandbox.generate.layers.site import Site

STOP_SPACING_M = 280.0
SAME_STOP_M = 70.0  # lines share a stop that is nearer than this


def add_buses(site: Site, network: Network) -> list[Point]:
    """Fill ``bus_lines``, ``bus_stops`` and ``bus_line_stops``; return the stops in local metres."""
    stops: list[tuple[Point, str]] = []
    for row in site.recipe.value("place.bus_line"):
        route = _route(site, network, [Point(spot) for spot in row["via"]])
        line = LineString([route[0].coords[0], *(xy for part in route for xy in part.coords[1:])])
        count = max(2, round(line.length / STOP_SPACING_M))
        calls = [_stop(site, network, line, (n + 0.5) * line.length / count, stops) for n in range(count)]
        calls = list(dict.fromkeys(calls))
        code = site.tables["bus_lines"].add(
            line,
            "bus_line",
            f"Bus {row['number']}, {row['name_en']}",
            f"{row['number']}路（{row['name_zh']}）",
            line_number=row["number"],
            length_m=round(line.length, 1),
            headway_min=row["headway_min"],
            stops=len(calls),
        )
        places = {key: spot for spot, key in stops}
        along = sorted((round(float(line.project(places[key])), 1), key) for key in calls)
        site.facts["bus_line_stops"] += [
            {"line_code": code, "stop_code": key, "stop_order": n, "distance_m": at}
            for n, (at, key) in enumerate(along, start=1)
        ]
    return [spot for spot, _ in stops]


def _stop(site: Site, network: Network, line: LineString, at_m: float, stops: list[tuple[Point, str]]) -> str:
    """The code of the stop near a station of a line: one that is there, or a new one at the kerb."""
    wished = line.interpolate(at_m)
    lines = [s.line if s.street_class != "underpass" else Point(-1e6, -1e6) for s in site.draft.streets]
    street = min(range(len(lines)), key=lambda k: (round(lines[k].distance(wished), 2), k))
    own = site.draft.streets[street]
    first, last = network.clear_m[street]
    at = float(np.clip(own.line.project(wished), first + 28.0, max(own.line.length - last - 28.0, first + 28.0)))
    spot = spot_beside(own.line, min(at, own.line.length), own.width_m / 2 + 1.6)
    for other, code in stops:
        if other.distance(spot) < SAME_STOP_M:
            return code
    if not inside_frame(site, spot):
        spot = spot_beside(own.line, own.line.length / 2, own.width_m / 2 + 1.6)
    number = len(stops) + 1
    code = site.tables["bus_stops"].add(
        spot,
        "bus_stop",
        f"Stop {number}, {own.name_en}",
        f"{own.name_zh}{number}号公交站",
        street_code=network.streets[street],
        shelter=own.street_class != "local",
    )
    stops.append((spot, code))
    return code


def _route(site: Site, network: Network, via: list[Point]) -> list[LineString]:
    """The streets from each point to the next, each by the shortest way, in the direction of travel."""
    nodes = [
        min(range(len(network.points)), key=lambda n: (spot.distance(Point(network.points[n])), n)) for spot in via
    ]
    return [part for start, end in pairwise(nodes) for part in _shortest(site, network, start, end)]


def _shortest(site: Site, network: Network, start: int, end: int) -> list[LineString]:
    """Dijkstra's way from node to node."""
    reached: dict[int, tuple[int, int]] = {}
    queue = [(0.0, start, start, -1)]
    while queue and end not in reached:
        length, node, before, by = heapq.heappop(queue)
        if node in reached:
            continue
        reached[node] = (before, by)
        for street in network.arms[node]:
            a, b = network.ends[street]
            heapq.heappush(
                queue, (length + site.draft.streets[street].line.length, b if a == node else a, node, street)
            )
    way = []
    while end != start:
        before, by = reached[end]
        line = site.draft.streets[by].line
        way.append(line if network.ends[by][0] == before else line.reverse())
        end = before
    return way[::-1]
