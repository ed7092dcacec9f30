"""Marks that both maps are drawn with."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline


class Key(NamedTuple):
    """One line of a legend: "area", "line" or matplotlib's marker, with size in points."""

    mark: str
    colour: str
    en: str
    zh: str
    edge: str = "none"
    size: float = 2.0


def halo(colour: str = "white", width: float = 2.2) -> list[Any]:
    """A light outline that keeps a text legible on any ground."""
    return [patheffects.withStroke(linewidth=width, foreground=colour)]


def between(colour: str, other: str, share: float) -> tuple[float, float, float]:
    """A colour on the way from one to another."""
    red, green, blue = (1 - share) * np.asarray(mpl.colors.to_rgb(colour)) + share * np.asarray(
        mpl.colors.to_rgb(other)
    )
    return float(red), float(green), float(blue)


def areas(axes: Any, shapes: Iterable[shapely.Geometry], **style: Any) -> None:  # noqa: ANN401 - matplotlib is untyped
    """Polygons, holes kept."""
    patches = []
    for shape in shapes:
        for part in shapely.get_parts(shape):
            if part.geom_type != "Polygon" or part.is_empty:
                continue
            # turned so that matplotlib's winding rule leaves the holes open
            turned = shapely.orient_polygons(part)
            rings = [turned.exterior, *turned.interiors]
            outline = Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))
            patches.append(PathPatch(outline))
    axes.add_collection(PatchCollection(patches, **style))


def lines(axes: Any, shapes: Iterable[shapely.Geometry], **style: Any) -> None:  # noqa: ANN401 - likewise
    """Lines, parts and all."""
    parts = [part for shape in shapes for part in shapely.get_parts(shape) if len(part.coords) > 1]
    axes.add_collection(LineCollection([np.asarray(part.coords) for part in parts], **style))


def upright(dx: float, dy: float) -> float:
    """The angle of a text along a direction, never upside down [°]."""
    angle = float(np.degrees(np.arctan2(dy, dx)))
    return angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle


class Labels:
    """Texts that keep out of one another's way: who comes later and finds its place taken is left out."""

    def __init__(self, axes: Any, metres_a_point: float) -> None:  # noqa: ANN401 - likewise
        self.axes, self.scale = axes, metres_a_point
        self.taken: list[shapely.Geometry] = []

    def put(
        self,
        spots: Sequence[tuple[float, float, float]],
        text: str,
        size: float,
        **style: Any,  # noqa: ANN401 - likewise
    ) -> bool:
        """Write at the first free of ``spots`` (x, y, angle in °); whether there was one."""
        rows = text.split("\n")
        wide = max(sum(1.0 if ord(c) > 0x2E80 else 0.58 for c in row) for row in rows) * size * self.scale
        tall = 1.25 * size * self.scale * len(rows)
        for x, y, angle in spots:
            box = shapely.affinity.rotate(
                shapely.box(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2), angle, origin=(x, y)
            )
            if not any(box.intersects(other) for other in self.taken):
                self.taken.append(box)
                self.axes.text(
                    x, y, text, rotation=angle, rotation_mode="anchor", ha="center", va="center", fontsize=size, **style
                )
                return True
        return False
