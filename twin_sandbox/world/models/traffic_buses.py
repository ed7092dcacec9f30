"""The bus lines of a district: their ways there and back, and their stops."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.world.models.traffic_network import Streets
from twin_sandbox.world.models.traffic_paths import Paths

if TYPE_CHECKING:
    from twin_sandbox.entities import District

BUS_FIRST_S, BUS_LAST_S = 6 * 3600, 22 * 3600
"""Of every line: first and last departure of the day."""
BUS_DWELL_S = 20


@dataclass(frozen=True)
class BusLine:
    """One direction of a line: its edges, its stops (name, edge, way along it [m]), and minutes between two buses."""

    name: str
    way: tuple[int, ...]
    stops: tuple[tuple[str, int, float], ...]
    headway_min: float


def bus_lines(district: "District", streets: Streets, paths: Paths) -> list[BusLine]:
    """Every bus line there and back, along the streets that its drawn line follows."""
    import shapely

    tables = district.entities
    order = district.facts["bus_line_stops"].sort_values(["line_code", "stop_order"])
    nodes = np.array([[x, y] for _, _, x, y in streets.nodes])
    between = {(edge.start, edge.end): k for k, edge in enumerate(streets.edges.values())}
    lengths = [streets.edges[name].line.length for name in paths.names]
    found = []
    for code, row in tables["bus_lines"].iterrows():
        line = shapely.transform(row.geometry, lambda xy: xy - streets.origin_m)
        near = np.flatnonzero(shapely.distance(line, shapely.points(nodes)) < 1.0)
        along = shapely.line_locate_point(line, shapely.points(nodes[near]))
        met = [int(near[k]) for k in np.argsort(along, kind="stable")]
        stops = [str(stop) for stop in order[order["line_code"] == code]["stop_code"]]
        for back, chain in ((False, met), (True, met[::-1])):
            way = [between.get(pair) for pair in itertools.pairwise(chain)]
            if not way or None in way:
                continue
            edges = tuple(edge for edge in way if edge is not None)
            served = []
            for stop in stops[::-1] if back else stops:
                own = tables["bus_stops"].loc[stop]
                edge = next((k for k in edges if streets.edges[paths.names[k]].code == own["street_code"]), None)
                if edge is not None:
                    point = shapely.Point(own.geometry.x - streets.origin_m[0], own.geometry.y - streets.origin_m[1])
                    at_m = streets.edges[paths.names[edge]].line.project(point)
                    served.append((f"{stop}{'-' if back else ''}", edge, min(max(at_m, 20.0), lengths[edge] - 20.0)))
            found.append(BusLine(f"{code}{'-' if back else ''}", edges, tuple(served), float(row["headway_min"])))
    return found
