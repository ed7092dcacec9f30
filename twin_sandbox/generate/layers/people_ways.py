"""Places that people go to, points inside buildings, and how far it is from one to another by the streets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from twin_sandbox.generate.layers.people_homes import Floats, Ints

GATES = ("W", "N", "E")
"""Where people leave the district: street ends at the frame's west, north and east side."""
_AT_FRAME_M = 30.0


@dataclass(frozen=True)
class Ways:
    """Distances [m] between places: the buildings in the table's order, then the three gates; shape (p, p)."""

    distance_m: Floats

    def gate(self, letter: str) -> int:
        """The place of a gate."""
        return len(self.distance_m) - len(GATES) + GATES.index(letter)


def measure(shapes: Sequence[shapely.Geometry], lines: Sequence[LineString], width_m: float, height_m: float) -> Ways:
    """Distances by the streets' axes, from the spot of the street nearest to each building.

    Args:
        shapes: footprints in local metres.
        lines: streets from crossing to crossing, in local metres.
        width_m: of the frame.
        height_m: of the frame.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    length = np.array([line.length for line in lines])
    ends = np.array([[line.coords[0][:2], line.coords[-1][:2]] for line in lines]).round(2)
    nodes, index = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    link = index.reshape(-1, 2)
    graph = csr_array((length, (link[:, 0], link[:, 1])), shape=(len(nodes), len(nodes)))
    between = dijkstra(graph, directed=False)

    middles = shapely.centroid(np.asarray(shapes))
    street = shapely.STRtree(lines).nearest(middles)
    along = shapely.line_locate_point(np.asarray(lines)[street], middles)
    access = shapely.distance(np.asarray(lines)[street], middles)
    reach = np.column_stack([along, length[street] - along])
    x_m, y_m = nodes[:, 0], nodes[:, 1]
    for side in (x_m, height_m - y_m, width_m - x_m):  # in the order of GATES
        # a side without a street end has its gate at the node that lies nearest to it
        near = np.flatnonzero(side <= max(_AT_FRAME_M, float(side.min()) + 0.01))
        # all ends of a side are one gate: a node of its own at no distance from them
        between = _joined(between, near)
        gate = len(between) - 1
        link = np.vstack([link, [gate, gate]])
        street = np.append(street, len(link) - 1)
        reach, access, along = np.vstack([reach, [0.0, 0.0]]), np.append(access, 0.0), np.append(along, 0.0)
    own = link[street]
    best = np.full((len(own), len(own)), np.inf)
    for a in (0, 1):
        for b in (0, 1):
            path = between[np.ix_(own[:, a], own[:, b])] + reach[:, a][:, None] + reach[:, b][None, :]
            best = np.minimum(best, path)
    same = street[:, None] == street[None, :]
    best = np.where(same, np.minimum(best, np.abs(along[:, None] - along[None, :])), best)
    best = best + access[:, None] + access[None, :]
    np.fill_diagonal(best, 0.0)
    return Ways(best)


def _joined(between: Floats, ends: Ints) -> Floats:
    """One node more, which people reach by any of ``ends``; nobody passes through it."""
    out = between[:, ends].min(axis=1)
    return np.block([[between, out[:, None]], [out[None, :], np.zeros((1, 1))]])


def inside(shapes: NDArray[np.object_], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A point to the centimetre in each of n footprints, shape (n,) each: drawn until it lies inside."""
    west, south, east, north = shapely.bounds(shapes).T
    x_m, y_m = np.empty(len(shapes)), np.empty(len(shapes))
    shapely.prepare(shapes)
    left = np.arange(len(shapes))
    for _ in range(200):
        if not len(left):
            break
        x_m[left] = np.round(west[left] + (east - west)[left] * rng.random(len(left)), 2)
        y_m[left] = np.round(south[left] + (north - south)[left] * rng.random(len(left)), 2)
        left = left[~shapely.contains_xy(shapes[left], x_m[left], y_m[left])]
    for k in left:  # a sliver: its own inner point
        spot = shapely.point_on_surface(shapes[k])
        x_m[k], y_m[k] = round(spot.x, 2), round(spot.y, 2)
    return x_m, y_m
