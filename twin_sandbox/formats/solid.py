"""Closed solids: made from a plan and a roof, and checked whoever made them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Ring = Sequence[int]

PLANE_WITHIN_M = 0.01
"""How far a corner may lie off the plane of its surface [m]: coordinates are rounded to the millimetre."""


class Solid(NamedTuple):
    """A shell of plane surfaces.

    Args:
        points: corners [n, 3], metres, rounded to the millimetre.
        surfaces: for each surface its outer ring and its holes, as rows of ``points``, counterclockwise from outside.
        kinds: "GroundSurface", "WallSurface" or "RoofSurface" for each surface.
    """

    points: Points
    surfaces: list[list[list[int]]]
    kinds: list[str]


def solid(rings: Sequence[Points], floor_m: float, faces: Sequence[Points] | None, height_m: float) -> Solid:
    """The solid between a plan and a roof.

    Args:
        rings: the plan's outer ring [n, 2] counterclockwise and its courts clockwise, not closed.
        floor_m: level of the ground surface [m above datum].
        faces: the roof's faces [m, 3], heights above the floor (`roof.roof_faces`); None for a flat one, courts
            included.
        height_m: height of a flat roof above the floor [m].
    """
    shell = _Shell()
    if faces is None:
        shell.add("RoofSurface", [shell.ring(ring, floor_m + height_m) for ring in rings])
        tops = {xy: floor_m + height_m for ring in rings for xy in map(_key, ring)}
    else:
        tops = {}
        for face in faces:
            for corner in face:
                tops.setdefault(_key(corner), floor_m + float(corner[2]))
            shell.add("RoofSurface", [[shell.point(_key(corner), tops[_key(corner)]) for corner in face]])
    shell.add("GroundSurface", [shell.ring(ring, floor_m)[::-1] for ring in rings])
    known = np.array(list(tops))
    for ring in rings:
        corners = [_key(corner) for corner in ring]
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
            profile = _between(a, b, known)
            top = [shell.point(xy, tops[xy]) for xy in [b, *profile, a]]
            shell.add("WallSurface", [[shell.point(a, floor_m), shell.point(b, floor_m), *top]])
    return Solid(np.array(list(shell.index), dtype=np.float64) / 1e3, shell.surfaces, shell.kinds)


Corner = tuple[int, int]


def _key(corner: Points) -> Corner:
    """Millimetres: what a corner is known by."""
    return (round(float(corner[0]) * 1e3), round(float(corner[1]) * 1e3))


def _between(a: Corner, b: Corner, known: NDArray[np.int64]) -> list[Corner]:
    """The corners of the roof that lie on the wall from ``a`` to ``b``, from ``b`` on."""
    step = np.subtract(b, a)
    length = float(np.hypot(*step))
    along = (known - a) @ step / length
    off = np.abs((known - a)[:, 0] * step[1] - (known - a)[:, 1] * step[0]) / length
    on = np.flatnonzero((off < 2.0) & (along > 2.0) & (along < length - 2.0))
    return [(int(known[k, 0]), int(known[k, 1])) for k in on[np.argsort(-along[on])]]


class _Shell:
    def __init__(self) -> None:
        self.index: dict[tuple[int, int, int], int] = {}
        self.surfaces: list[list[list[int]]] = []
        self.kinds: list[str] = []

    def point(self, xy: Corner, z_m: float) -> int:
        return self.index.setdefault((*xy, round(z_m * 1e3)), len(self.index))

    def ring(self, ring: Points, z_m: float) -> list[int]:
        return [self.point(_key(corner), z_m) for corner in ring]

    def add(self, kind: str, rings: list[list[int]]) -> None:
        self.surfaces.append(rings)
        self.kinds.append(kind)


def flaw(points: Points, surfaces: Sequence[Sequence[Ring]]) -> tuple[int | None, str] | None:
    """What keeps surfaces from being a closed solid that is oriented outward.

    Returns:
        None if nothing does; else the number of the surface (None: the solid as a whole) and what is wrong with it.
    """
    edges: dict[tuple[int, int], int] = {}
    for at, surface in enumerate(surfaces):
        wrong = _flaw_of_surface(points, surface) or _joined(edges, at, surface)
        if wrong:
            return at, wrong
    for (a, b), at in edges.items():
        if (b, a) not in edges:
            return at, "has an edge where no other surface goes on: the solid is open"
    if volume_m3(points, surfaces) <= 0:
        return None, "it is turned inside out: its volume is negative"
    return None


def _flaw_of_surface(points: Points, surface: Sequence[Ring]) -> str:
    if any(len(ring) < 3 or len(set(ring)) != len(ring) for ring in surface):
        return "a ring has fewer than three corners or meets one twice"
    off_m = _off_plane_m(points, surface)
    if off_m is None:
        return "has no area"
    return f"is not plane: a corner lies {off_m:.3f} m off" if off_m > PLANE_WITHIN_M else ""


def _joined(edges: dict[tuple[int, int], int], at: int, surface: Sequence[Ring]) -> str:
    """Add a surface's directed edges to those of the surfaces before it; what is wrong if one is there already."""
    for ring in surface:
        for edge in zip(ring, [*ring[1:], ring[0]], strict=True):
            if edge in edges:
                return f"is turned over against surface {edges[edge]}, or lies upon it"
            edges[edge] = at
    return ""


def _off_plane_m(points: Points, surface: Sequence[Ring]) -> float | None:
    normal = newell(points[list(surface[0])])
    size = float(np.linalg.norm(normal))
    if size < 1e-9:
        return None
    corners = points[[at for ring in surface for at in ring]]
    return float(np.abs((corners - corners[0]) @ (normal / size)).max())


def newell(ring: Points) -> Points:
    """Twice the area of a ring [n, 3] as a vector, pointing to where it is seen counterclockwise."""
    ring = ring - ring[0]
    return np.asarray(np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0), dtype=np.float64)


def volume_m3(points: Points, surfaces: Sequence[Sequence[Ring]]) -> float:
    """Volume inside surfaces [m³], positive if they are oriented outward."""
    near = points - points.mean(axis=0)
    total = 0.0
    for surface in surfaces:
        for ring in surface:
            corners = near[list(ring)]
            total += float((np.cross(corners[1:-1], corners[2:]) @ corners[0]).sum())
    return total / 6
