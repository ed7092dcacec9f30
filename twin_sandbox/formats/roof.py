"""The shape of a roof over a plan: flat, shed, gable or hip, as plane faces that meet edge to edge.

Gables and hips over L, U and T plans come from their rectangles: the plan's largest rectangles overlap, each carries a
roof of one common pitch, and the highest of them is what the rain meets. Valleys are where two are equally high.
The widest rectangle is the main one; the others are wings, whose ridges run across its ridge.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_SQUARE_M = 0.05
"""How far a plan may be from its rectangles [m]: corners are surveyed to the centimetre."""

_FINE_M = 1e-6
_ON_EDGE_M = 1e-4
_SAME_M = 5e-3


class Roof(NamedTuple):
    """A roof.

    Args:
        kind: "flat", "shed", "gable" or "hip".
        eaves_m: height of the lowest edge above the ground floor [m].
        ridge_m: height of the highest edge above the ground floor [m]; of a flat roof the same.
        ridge_direction_deg: azimuth of the ridge, clockwise from north; a shed rises to its right. A plan of several
            rectangles has its ridge along the main one. None: along the longer side.
    """

    kind: str
    eaves_m: float
    ridge_m: float
    ridge_direction_deg: float | None = None


class Plane(NamedTuple):
    """z = ``a`` x + ``b`` y + ``c``."""

    a: float
    b: float
    c: float

    def __call__(self, xy: Points) -> Points:
        """Heights at points [n, 2]."""
        return np.asarray(self.a * xy[:, 0] + self.b * xy[:, 1] + self.c, dtype=np.float64)


class _Box(NamedTuple):
    x0: float
    x1: float
    y0: float
    y1: float

    @property
    def short(self) -> float:
        return min(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def area(self) -> float:
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def roof_faces(outline: Points, roof: Roof) -> list[Points] | None:
    """The faces of a roof, each a ring [n, 3] counterclockwise from above, heights above the ground floor.

    Args:
        outline: corners of the plan [n, 2], counterclockwise, not closed.
        roof: what stands on it.

    Returns:
        Faces that share every edge between them; None where the plan has no such roof (a gable over a plan that is
        not made of rectangles).
    """
    if roof.kind == "flat" or roof.ridge_m - roof.eaves_m < 0.01:
        return [_lift(outline, Plane(0.0, 0.0, roof.eaves_m))]
    if roof.kind == "shed":
        return [_lift(outline, _shed(outline, roof))]
    steps = np.roll(outline, -1, axis=0) - outline
    longest = steps[np.argmax(np.hypot(*steps.T))]
    axis = longest / np.hypot(*longest)
    turn = np.array([[axis[0], -axis[1]], [axis[1], axis[0]]])  # local → map: local @ turn.T
    local = (outline - outline[0]) @ turn
    square = _squared(local)
    if square is None:
        return None
    boxes = _boxes(square)
    along_x = None
    if roof.ridge_direction_deg is not None:
        azimuth = math.radians(roof.ridge_direction_deg)
        along_x = abs(math.sin(azimuth) * axis[0] + math.cos(azimuth) * axis[1]) > math.sqrt(0.5)
    faces = _envelope(square, boxes, roof, along_x)
    return None if faces is None else _on_map(_joined(faces, square), square, local, outline, turn)


def _lift(ring: Points, plane: Plane) -> Points:
    return np.column_stack([ring, plane(ring)])


def _shed(outline: Points, roof: Roof) -> Plane:
    if roof.ridge_direction_deg is None:
        steps = np.roll(outline, -1, axis=0) - outline
        ridge = steps[np.argmax(np.hypot(*steps.T))]
    else:
        azimuth = math.radians(roof.ridge_direction_deg)
        ridge = np.array([math.sin(azimuth), math.cos(azimuth)])
    right = np.array([ridge[1], -ridge[0]]) / np.hypot(*ridge)
    reach = outline @ right
    pitch = (roof.ridge_m - roof.eaves_m) / (reach.max() - reach.min())
    return Plane(float(pitch * right[0]), float(pitch * right[1]), float(roof.eaves_m - pitch * reach.min()))


def _squared(local: Points) -> Points | None:
    """A plan with its edges made exactly parallel to x or y; None where they are not so by more than `_SQUARE_M`."""
    steps = np.abs(np.roll(local, -1, axis=0) - local)
    if (steps.min(axis=1) > _SQUARE_M).any():
        return None
    levels = [_levels(local[:, k]) for k in (0, 1)]
    return np.column_stack([lv[np.abs(local[:, [k]] - lv).argmin(axis=1)] for k, lv in enumerate(levels)])


def _boxes(square: Points) -> list[_Box]:
    """The largest rectangles inside a plan whose edges all run along x or y."""
    import shapely

    xs, ys = np.unique(square[:, 0]), np.unique(square[:, 1])
    plan = shapely.Polygon(square)
    centres = shapely.points(*np.meshgrid((xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2, indexing="ij"))
    inside = shapely.contains(plan, centres)
    spans = [
        (i, j, k, m)
        for i in range(len(xs) - 1)
        for j in range(i + 1, len(xs))
        for k in range(len(ys) - 1)
        for m in range(k + 1, len(ys))
        if inside[i:j, k:m].all()
    ]
    largest = [
        s
        for s in spans
        if not any(t != s and t[0] <= s[0] and s[1] <= t[1] and t[2] <= s[2] and s[3] <= t[3] for t in spans)
    ]
    return [_Box(xs[i], xs[j], ys[k], ys[m]) for i, j, k, m in largest]


def _levels(values: Points) -> Points:
    ordered = np.sort(values)
    return np.asarray(ordered[np.concatenate([[True], np.diff(ordered) > _SQUARE_M])], dtype=np.float64)


def _envelope(
    local: Points,
    boxes: list[_Box],
    roof: Roof,
    along_x: bool | None,  # noqa: FBT001
) -> list[tuple[Plane, Points]] | None:
    import shapely

    main = max(boxes, key=lambda box: (round(box.short, 3), round(box.area, 3)))
    ridge_on_x = main.x1 - main.x0 >= main.y1 - main.y0
    if along_x is not None and len(boxes) == 1:
        ridge_on_x = along_x
    half = (main.y1 - main.y0 if ridge_on_x else main.x1 - main.x0) / 2
    pitch = (roof.ridge_m - roof.eaves_m) / half
    plan = shapely.Polygon(local)
    sheets = [
        _Sheet(at, plane, region)
        for at, box in enumerate([main, *(box for box in boxes if box is not main)])
        for plane, region in _sheets(box, main, pitch, roof, plan, ridge_on_x=ridge_on_x)
    ]
    pieces: dict[Plane, list[Any]] = {}
    for sheet in sheets:
        seen = _seen(sheet, sheets)
        if seen.area > 1e-3:
            pieces.setdefault(Plane(*(round(value, 6) for value in sheet.plane)), []).append(seen)
    faces = [
        (plane, face)
        for plane, parts in pieces.items()
        for face in shapely.get_parts(_areas(shapely.union_all(parts, grid_size=_FINE_M)))
        if face.area > 1e-3
    ]
    if any(len(face.interiors) for _, face in faces):
        return None
    return [(plane, _ring(face)) for plane, face in faces]


class _Sheet(NamedTuple):
    """A part of the roof of one rectangle: where in plan one of its planes is the lowest."""

    owner: int
    plane: Plane
    region: Any


def _sheets(
    box: _Box,
    main: _Box,
    pitch: float,
    roof: Roof,
    plan: Any,  # noqa: ANN401 - shapely's polygon
    *,
    ridge_on_x: bool,
) -> list[tuple[Plane, Any]]:
    wing = box is not main
    part = _up_to_ridge(box, main, on_x=ridge_on_x) if wing and roof.kind == "gable" else box
    on_x = _wing_on_x(box, main, on_x=ridge_on_x) if wing else ridge_on_x
    planes = _planes(part, pitch, roof, plan, wing=wing, ridge_on_x=on_x)
    regions = ((plane, _where_lower(part, plane, planes)) for plane in planes)
    return [(plane, region) for plane, region in regions if region is not None]


def _seen(sheet: _Sheet, sheets: list[_Sheet]) -> Any:  # noqa: ANN401 - shapely's polygons
    """Where a sheet is above those of the other rectangles."""
    import shapely

    seen = sheet.region
    for other in sheets:
        if other.owner != sheet.owner:
            rise = (a - b for a, b in zip(other.plane, sheet.plane, strict=True))
            higher = _clip(other.region, Plane(*rise))
            if higher is not None:
                seen = _areas(shapely.difference(seen, higher, grid_size=_FINE_M))
    return seen


def _wing_on_x(box: _Box, main: _Box, *, on_x: bool) -> bool:
    """Whether a wing's ridge runs along x: across the main one's, unless the wing prolongs that."""
    beyond = (box.x0 < main.x0 or box.x1 > main.x1) if on_x else (box.y0 < main.y0 or box.y1 > main.y1)
    return on_x if beyond else not on_x


def _up_to_ridge(box: _Box, main: _Box, *, on_x: bool) -> _Box:
    """A gabled wing on one side of the main ridge ends under it, so that its gable does not come out behind."""
    # Levels of two rectangles are the same numbers, so they compare exactly.
    if on_x:
        middle = (main.y0 + main.y1) / 2
        if box.y1 <= main.y1 and box.y0 < main.y0:
            return box._replace(y1=min(box.y1, middle))
        if box.y0 >= main.y0 and box.y1 > main.y1:
            return box._replace(y0=max(box.y0, middle))
        return box
    middle = (main.x0 + main.x1) / 2
    if box.x1 <= main.x1 and box.x0 < main.x0:
        return box._replace(x1=min(box.x1, middle))
    if box.x0 >= main.x0 and box.x1 > main.x1:
        return box._replace(x0=max(box.x0, middle))
    return box


def _planes(box: _Box, pitch: float, roof: Roof, plan: Any, *, wing: bool, ridge_on_x: bool) -> list[Plane]:  # noqa: ANN401
    """The planes whose lowest is the roof of one rectangle."""
    import shapely

    low = roof.eaves_m
    west, east = Plane(pitch, 0.0, low - pitch * box.x0), Plane(-pitch, 0.0, low + pitch * box.x1)
    south, north = Plane(0.0, pitch, low - pitch * box.y0), Plane(0.0, -pitch, low + pitch * box.y1)
    sides, ends = ([south, north], [west, east]) if ridge_on_x else ([west, east], [south, north])
    if roof.kind == "hip":
        return sides + ends
    if wing:
        return sides
    # A gable stands only where the whole end is an outer wall; where a wing goes on, the end is hipped.
    edges = (
        [((box.x0, box.y0), (box.x0, box.y1)), ((box.x1, box.y0), (box.x1, box.y1))]
        if ridge_on_x
        else [((box.x0, box.y0), (box.x1, box.y0)), ((box.x0, box.y1), (box.x1, box.y1))]
    )
    rim = shapely.buffer(plan.exterior, _ON_EDGE_M)
    return sides + [end for end, edge in zip(ends, edges, strict=True) if not rim.covers(shapely.LineString(edge))]


def _where_lower(box: _Box, plane: Plane, planes: Iterable[Plane]) -> Any:  # noqa: ANN401 - shapely's polygon
    import shapely

    region: Any = shapely.box(box.x0, box.y0, box.x1, box.y1)
    for other in planes:
        if region is not None and other != plane:
            region = _clip(region, Plane(other.a - plane.a, other.b - plane.b, other.c - plane.c))
    return region


def _clip(convex: Any, plane: Plane) -> Any:  # noqa: ANN401 - shapely's polygon
    """The part of a convex polygon where ``plane`` is above zero; None where nothing is."""
    import shapely

    ring = shapely.get_coordinates(convex)[:-1]
    height = plane(ring)
    height[np.abs(height) < _FINE_M] = 0.0  # equal planes: neither is higher
    kept: list[Points] = []
    for k in range(len(ring)):
        a, b = height[k - 1], height[k]
        if (a > 0) != (b > 0):
            kept.append(ring[k - 1] + (ring[k] - ring[k - 1]) * (a / (a - b)))
        if b > 0:
            kept.append(ring[k])
    if len(kept) < 3:
        return None
    part = shapely.remove_repeated_points(shapely.Polygon(kept), _FINE_M)
    return part if part.area > 1e-6 else None


def _areas(shape: Any) -> Any:  # noqa: ANN401 - shapely's geometry
    """What of an overlay's result has an area."""
    import shapely

    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 1e-6]
    return shapely.MultiPolygon(parts)


def _ring(face: Any) -> Points:  # noqa: ANN401 - shapely's polygon
    """The corners of a face, counterclockwise, without those on a straight line."""
    import shapely

    ring = shapely.get_coordinates(shapely.orient_polygons(face))[:-1]
    ring = ring[np.hypot(*(ring - np.roll(ring, 1, axis=0)).T) > 1e-3]
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    chord = after - before
    off = np.abs(chord[:, 0] * (ring - before)[:, 1] - chord[:, 1] * (ring - before)[:, 0]) / np.hypot(*chord.T)
    return np.asarray(ring[off > _ON_EDGE_M], dtype=np.float64)


def _joined(faces: list[tuple[Plane, Points]], square: Points) -> list[tuple[Plane, Points]]:
    """The faces with each other's corners put into their edges."""
    corners = _distinct(np.vstack([square, *(ring for _, ring in faces)]))
    joined = []
    for plane, loose in faces:
        ring = corners[np.hypot(*(loose[:, None] - corners[None]).T).argmin(axis=0)]
        ring = ring[np.hypot(*(ring - np.roll(ring, 1, axis=0)).T) > 0]
        points: list[Points] = []
        for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            length = float(np.hypot(*(b - a)))
            step = (b - a) / length
            along = (corners - a) @ step
            off = np.abs((corners - a)[:, 0] * step[1] - (corners - a)[:, 1] * step[0])
            on = np.flatnonzero((off < _SAME_M) & (along > _SAME_M) & (along < length - _SAME_M))
            points += [a, *corners[on[np.argsort(along[on])]]]
        joined += [(plane, part) for part in _unpinched(np.array(points))]
    return joined


def _distinct(points: Points) -> Points:
    """The points without those that lie within `_SAME_M` of an earlier one."""
    kept: list[Points] = []
    for point in points:
        if not any(np.hypot(*(point - other)) < _SAME_M for other in kept):
            kept.append(point)
    return np.array(kept)


def _unpinched(ring: Points) -> list[Points]:
    """A ring that meets one of its corners again, taken apart there."""
    parts: list[Points] = []
    open_: list[tuple[float, float]] = []
    for x, y in ring:
        if (x, y) in open_:
            at = open_.index((x, y))
            parts.append(np.array(open_[at:]))
            del open_[at:]
        open_.append((x, y))
    return [part for part in [*parts, np.array(open_)] if len(part) > 2]


def _on_map(
    faces: list[tuple[Plane, Points]], square: Points, local: Points, outline: Points, turn: Points
) -> list[Points] | None:
    """The faces of the squared plan over the plan as it is; None if they don't meet."""
    moved: dict[tuple[float, float], tuple[Points, Points]] = {}
    heights: dict[tuple[float, float], list[float]] = {}
    for plane, ring in faces:
        for corner in ring:
            key = (corner[0], corner[1])
            if key not in moved:
                moved[key] = _moved(corner, square, local, outline, turn)
            heights.setdefault(key, []).append(float(plane(moved[key][0][None])[0]))
    if any(max(levels) - min(levels) > _SQUARE_M for levels in heights.values()):
        return None
    return [np.array([[*moved[x, y][1], np.mean(heights[x, y])] for x, y in ring]) for _, ring in faces]


def _moved(corner: Points, square: Points, local: Points, outline: Points, turn: Points) -> tuple[Points, Points]:
    """A corner of the squared plan's roof over the real plan: in local metres, and on the map."""
    for k in range(len(square)):
        if np.abs(square[k] - corner).max() < 2 * _ON_EDGE_M:
            return local[k], outline[k]
    for k in range(len(square)):
        a, b = square[k - 1], square[k]
        axis = int(np.argmax(np.abs(b - a)))
        low, high = sorted((a[axis], b[axis]))
        if abs(corner[1 - axis] - a[1 - axis]) < 2 * _ON_EDGE_M and low < corner[axis] < high:
            start, end = local[k - 1], local[k]
            at = start + (end - start) * ((corner[axis] - start[axis]) / (end[axis] - start[axis]))
            return at, at @ turn.T + outline[0]
    return corner, corner @ turn.T + outline[0]
