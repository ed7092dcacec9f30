"""Where streets meet: the junctions, and how far each street stays clear of them."""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import substring

from twin_sandbox.generate.layers.site import Site

STOP_LINE_M = 6.0
"""From the edge of the crossing street to the stop line of a signalised junction, the zebra between."""
FURTHEST_M = 34.0


@dataclass(frozen=True)
class Network:
    """Streets as a graph, in local metres; streets are numbered as in the draft.

    Attributes:
        points: nodes.
        codes: unified code of each node.
        streets: unified code of each street.
        ends: node at the first and at the last point of each street.
        arms: streets at each node.
        signalised: whether signals stand at a node.
        clear_m: distance from both ends of a street to where the carriageways of its neighbours end.
        roads: all carriageways above ground.
    """

    points: list[tuple[float, float]]
    codes: list[str]
    streets: list[str]
    ends: list[tuple[int, int]]
    arms: list[list[int]]
    signalised: list[bool]
    clear_m: list[tuple[float, float]]
    roads: shapely.Geometry


def add_nodes(site: Site) -> Network:
    """Fill ``street_nodes``."""
    draft = site.draft
    places: dict[tuple[float, float], int] = {}
    ends = []
    for street in draft.streets:
        pair = [(round(x, 2), round(y, 2)) for x, y in (street.line.coords[0], street.line.coords[-1])]
        ends.append((places.setdefault(pair[0], len(places)), places.setdefault(pair[1], len(places))))
    points = list(places)
    arms: list[list[int]] = [[] for _ in points]
    for k, pair_ in enumerate(ends):
        for node in pair_:
            arms[node].append(k)
    signalised = [_has_signals(site, own) for own in arms]
    clear = [tuple(_clear_m(site, k, points[node], arms[node]) for node in pair_) for k, pair_ in enumerate(ends)]
    codes = []
    for at, own, lit in zip(points, arms, signalised, strict=True):
        kind = _kind(site, at, own)
        names = sorted({(draft.streets[k].name_en, draft.streets[k].name_zh) for k in own})
        code = site.tables["street_nodes"].add(
            Point(at),
            kind,
            " / ".join(name for name, _ in names),
            "、".join(name for _, name in names) + KIND_ZH[kind],
            degree=len(own),
            signalised=lit,
            level_m=ground_m(site, *at),
        )
        codes.append(code)
    streets = [row["code"] for row in site.tables["streets"].rows]
    above = [s.line.buffer(s.width_m / 2) for s in draft.streets if s.street_class != "underpass"]
    roads = shapely.union_all(above)
    shapely.prepare(roads)
    return Network(points, codes, streets, ends, arms, signalised, [(a, b) for a, b in clear], roads)


KIND_ZH = {
    "crossroads": "交叉口",
    "junction": "丁字路口",
    "bend": "路段节点",
    "portal": "下穿道出入口",
    "frame_edge": "样区边界",
    "closed_end": "断头路",
}


def ground_m(site: Site, x_m: float, y_m: float) -> float:
    """Level of the ground at a local point."""
    return round(float(site.draft.height_m[site.draft.grid.cell(x_m, y_m)]), 2)


def frame(site: Site) -> Polygon:
    """The frame in local metres."""
    return shapely.box(0, 0, site.recipe.width_m, site.recipe.height_m)


def inside_frame(site: Site, shape: shapely.Geometry) -> bool:
    """Whether a local shape lies in the frame."""
    return bool(frame(site).covers(shape))


def free_line(network: Network, site: Site, street: int, margin_m: float = 0.0) -> LineString | None:
    """A street's centre line between its junctions, ``margin_m`` shorter at both ends; None where nothing is left."""
    line = site.draft.streets[street].line
    first, last = (gap + margin_m if gap else 0.0 for gap in network.clear_m[street])
    if first + last > line.length - 4.0:
        return None
    return substring(line, first, line.length - last)


def beside(line: LineString, offset_m: float) -> LineString:
    """The line moved to its left (negative: to its right), same direction."""
    if offset_m == 0:
        return line
    moved = shapely.offset_curve(line, offset_m, join_style="mitre")
    if moved.geom_type != "LineString":
        moved = max(shapely.get_parts(moved), key=lambda part: part.length)
    return moved


def spot_beside(line: LineString, at_m: float, offset_m: float) -> Point:
    """A point beside a line, to its left when ``offset_m`` is positive."""
    a, b = line.interpolate(max(at_m - 1.0, 0.0)), line.interpolate(min(at_m + 1.0, line.length))
    size = float(shapely.distance(a, b))
    here = line.interpolate(at_m)
    return Point(here.x - (b.y - a.y) / size * offset_m, here.y + (b.x - a.x) / size * offset_m)


def _has_signals(site: Site, arms: list[int]) -> bool:
    """Signals where two larger streets meet, or a local one meets an arterial as a crossroads."""
    classes = [site.draft.streets[k].street_class for k in arms]
    large = {site.draft.streets[k].name_en for k in arms if site.draft.streets[k].street_class != "local"}
    return len(arms) >= 3 and "underpass" not in classes and (
        len(large) >= 2 or ("arterial" in classes and len(arms) == 4)
    )  # fmt: skip


def _kind(site: Site, at: tuple[float, float], arms: list[int]) -> str:
    on_edge = min(at[0], at[1], site.recipe.width_m - at[0], site.recipe.height_m - at[1]) < 0.5
    if any(site.draft.streets[k].street_class == "underpass" for k in arms):
        return "portal"
    if len(arms) == 1:
        return "frame_edge" if on_edge else "closed_end"
    return {2: "bend", 3: "junction"}.get(len(arms), "crossroads")


def _clear_m(site: Site, street: int, at: tuple[float, float], arms: list[int]) -> float:
    own = site.draft.streets[street]
    if len(arms) == 1:
        # the end of a street beside another that it does not join: it stops at that one's edge
        near = [s.width_m / 2 - s.line.distance(Point(at)) for s in site.draft.streets if s is not own]
        return round(max(0.0, *near) + 1.0, 2) if max(near) > -1.0 else 0.0
    here = _away(own.line, at)
    gaps = [0.0]
    for k in arms:
        other = site.draft.streets[k]
        there = _away(other.line, at)
        cos, sin = float(here @ there), abs(float(here[0] * there[1] - here[1] * there[0]))
        if k != street and sin > 0.35:
            gaps.append((other.width_m / 2 + own.width_m / 2 * abs(cos)) / sin)
    return round(min(max(gaps), FURTHEST_M), 2)


def _away(line: LineString, at: tuple[float, float]) -> np.ndarray:
    """Unit vector along a line, leaving its end ``at``."""
    first = math.dist(line.coords[0], at) < 0.5
    a, b = (line.interpolate(d if first else line.length - d) for d in (0.0, min(25.0, line.length / 2)))
    vector = np.array([b.x - a.x, b.y - a.y])
    return np.asarray(vector / np.sqrt(vector @ vector))
