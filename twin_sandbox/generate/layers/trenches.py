"""Where pipes lie beside the axis of a street: a graph of trenches, parallel to the streets, meeting at crossings.

Storm sewers lie below the axis. Other pipes keep a distance from it by GB 50289-2016, 4.1: from the houses to the
middle of the street power, telecommunication, water, gas, heat, then the sewers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.streets import Street

_STEP_M = 9.0
_AT_FRAME_M = 2.0
_JOIN_M = 25.0


@dataclass(frozen=True)
class Trench:
    """A trench beside one street, from crossing to crossing; ``street`` counts the draft's streets."""

    street: int
    start: int
    end: int
    line: LineString


@dataclass(frozen=True)
class Trenches:
    """Crossings [n, 2] in local metres and the trenches between them."""

    crossings_m: Floats
    trenches: list[Trench]


def dig_trenches(
    streets: Sequence[Street], offset_m: Callable[[Street], float], size_m: tuple[float, float]
) -> Trenches:
    """Trenches beside all streets but the underpass.

    Args:
        streets: the draft's streets.
        offset_m: distance from the street's axis; above nought to the north or west, below to the south or east.
        size_m: width and height of the frame, which no trench leaves.
    """
    side = _sides(streets)
    ends: dict[tuple[float, float], int] = {}
    turns: list[list[tuple[float, float, float]]] = []
    axis: list[tuple[int, int, int]] = []
    for k, street in enumerate(streets):
        if street.street_class == "underpass":
            continue
        points = np.asarray(street.line.coords)
        pair = []
        for tip, nearby in ((0, 1), (-1, -2)):
            key = (float(points[tip][0]), float(points[tip][1]))
            node = ends.setdefault(key, len(ends))
            if node == len(turns):
                turns.append([])
            run = points[nearby] - points[tip] if tip == 0 else points[tip] - points[nearby]
            turns[node].append((*_normal(run, side[street.name_en]), offset_m(street)))
            pair.append(node)
        axis.append((k, pair[0], pair[1]))
    low, high = np.zeros(2), np.asarray(size_m)
    crossings = np.array([_meet(np.asarray(at), turn) for at, turn in zip(ends, turns, strict=True)])
    crossings = np.round(np.clip(crossings, low, high), 2)
    trenches = []
    for k, start, end in axis:
        street, offset = streets[k], offset_m(streets[k])
        margin = max(abs(offset), 4.0) + _STEP_M
        along = np.arange(margin, street.line.length - margin, _STEP_M)
        middle = []
        for s in along:
            here, ahead = street.line.interpolate(s), street.line.interpolate(s + 0.5)
            nx, ny = _normal(np.array([ahead.x - here.x, ahead.y - here.y]), side[street.name_en])
            middle.append(np.clip([here.x + nx * offset, here.y + ny * offset], low, high))
        trenches.append(Trench(k, start, end, LineString([crossings[start], *middle, crossings[end]])))
    _join(crossings, trenches, size_m)
    return Trenches(crossings, trenches)


def _join(crossings: Floats, trenches: list[Trench], size_m: tuple[float, float]) -> None:
    """Lead trenches that end just short of another, where a street ends at one that is not cut there, into it."""
    for node in range(len(crossings)):
        own = [k for k, trench in enumerate(trenches) if node in (trench.start, trench.end)]
        x, y = crossings[node]
        if len(own) != 1 or min(x, y, size_m[0] - x, size_m[1] - y) < _AT_FRAME_M:
            continue
        spot = Point(x, y)
        gap, other = min((trench.line.distance(spot), k) for k, trench in enumerate(trenches) if k != own[0])
        if gap > _JOIN_M:
            continue
        met = trenches[other]
        along = met.line.project(spot)
        if min(along, met.line.length - along) < _JOIN_M:
            continue
        on = met.line.interpolate(along)
        crossings[node] = np.round([on.x, on.y], 2)
        place = tuple(crossings[node])
        mine = trenches[own[0]]
        points = list(mine.line.coords)
        points[0 if mine.start == node else -1] = place
        trenches[own[0]] = Trench(mine.street, mine.start, mine.end, LineString(points))
        halves = [list(substring(met.line, *ends).coords) for ends in ((0.0, along), (along, met.line.length))]
        halves[0][-1] = halves[1][0] = place
        trenches[other] = Trench(met.street, met.start, node, LineString(halves[0]))
        trenches.append(Trench(met.street, node, met.end, LineString(halves[1])))


def _sides(streets: Sequence[Street]) -> dict[str, bool]:
    """Whether a street, by name, runs west to east on the whole: then north counts as its positive side, else west."""
    run: dict[str, float] = {}
    for street in streets:
        (ax, ay), (bx, by) = street.line.coords[0], street.line.coords[-1]
        run[street.name_en] = run.get(street.name_en, 0.0) + abs(bx - ax) - abs(by - ay)
    return {name: value > 0 for name, value in run.items()}


def _normal(run: Floats, west_to_east: object) -> tuple[float, float]:
    size = float(np.sqrt((run * run).sum()))
    nx, ny = -float(run[1]) / size, float(run[0]) / size
    wrong = ny < 0 if west_to_east else nx > 0
    return (-nx, -ny) if wrong else (nx, ny)


def _meet(at: Floats, turn: list[tuple[float, float, float]]) -> Floats:
    """The point nearest to all the trenches' lines through a crossing; least move where they are parallel."""
    xx = sum(nx * nx for nx, _, _ in turn) + 0.02
    yy = sum(ny * ny for _, ny, _ in turn) + 0.02
    xy = sum(nx * ny for nx, ny, _ in turn)
    x, y = (sum(n[axis] * n[2] for n in turn) for axis in (0, 1))
    area = xx * yy - xy * xy
    return np.asarray(at + np.array([(yy * x - xy * y) / area, (xx * y - xy * x) / area]))
