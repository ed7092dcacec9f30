"""Streets: the recipe's lines cut at their crossings into segments and a graph."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.ops import substring

from twin_sandbox.generate.curves import spline
from twin_sandbox.generate.recipe import Recipe


@dataclass(frozen=True)
class Street:
    """One segment of a street, from crossing to crossing, in local metres."""

    line: LineString
    street_class: str
    name_en: str
    name_zh: str
    width_m: float
    lanes: int
    speed_kmh: int
    vehicles_per_h: int


def lay_streets(recipe: Recipe, land: shapely.Geometry, rng: np.random.Generator) -> list[Street]:
    """Cut the recipe's streets at crossings and at the frame; the underpass crosses without meeting.

    Short tails beyond the last crossing are dropped.
    """
    frame = shapely.box(0, 0, recipe.width_m, recipe.height_m).intersection(land.buffer(-2))
    drawn = [(row, LineString(spline(np.asarray(row["line"], float)))) for row in recipe.streets]
    others = [line for row, line in drawn if row["class"] != "underpass"]
    streets = []
    for row, line in drawn:
        parts = [line] if row["class"] == "underpass" else _segments(line, others)
        for part in parts:
            kept = shapely.set_precision(part.intersection(frame), 0.01)
            if kept.geom_type != "LineString" or kept.length < 24.0:
                continue
            streets.append(_street(recipe, row, kept, rng))
    return _joined(streets)


def _segments(line: LineString, others: list[LineString]) -> list[LineString]:
    """The pieces of ``line`` between its crossings with the others."""
    cuts = {0.0, line.length}
    for other in others:
        if other is not line:
            met = shapely.get_parts(line.intersection(other))
            cuts.update(line.project(spot) for spot in met if not spot.is_empty)
    ordered = sorted(cuts)
    return [substring(line, a, b) for a, b in pairwise(ordered) if b - a > 0.5]


def _street(recipe: Recipe, row: dict[str, Any], line: LineString, rng: np.random.Generator) -> Street:
    sort = recipe.street_class[row["class"]]
    busy = 0.7 + 0.6 * float(rng.random())
    return Street(
        line,
        row["class"],
        row["name_en"],
        row["name_zh"],
        float(sort["width_m"]),
        int(sort["lanes"]),
        int(sort["speed_kmh"]),
        round(sort["vehicles_per_h"] * busy / 10) * 10,
    )


def _joined(streets: list[Street]) -> list[Street]:
    """Snap ends that nearly meet onto one another, so that crossings are shared to the centimetre."""
    ends: list[tuple[float, float]] = []
    moved = []
    for street in streets:
        points = list(street.line.coords)
        for k in (0, -1):
            x, y = points[k]
            match = [e for e in ends if abs(e[0] - x) + abs(e[1] - y) < 1.0]
            if match:
                points[k] = match[0]
            else:
                ends.append((x, y))
        moved.append(Street(LineString(points), *list(street.__dict__.values())[1:]))
    return moved
