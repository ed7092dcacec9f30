"""A plain map of a district as a picture file, drawn without any outside source."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from twin_sandbox.entities import District
from twin_sandbox.errors import TwinError

COVER = ("#b9d3dc", "#f4f1ea", "#d8cfc2", "#dfdacd", "#cfd9b8", "#a9c694", "#d3d0c8", "#ecdfb8")
USES = {
    "residential": "#d99a6c",
    "shop": "#c8553d",
    "office": "#6a7fa8",
    "school": "#8a6fa8",
    "hospital": "#c2334d",
    "port": "#77756f",
    "substation": "#3d3d3d",
    "pumping station": "#1f5f7a",
}
DPI = 150


def draw_map(district: District, file: Path) -> None:
    """Draw ground, streets, buildings, sewers by size, low areas and devices into a PNG file.

    Raises:
        TwinError: the file cannot be written.
    """
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 8}):
        figure = Figure(figsize=(12, 11.2), layout="constrained")
        axes = figure.add_subplot()
        _ground(axes, district)
        _streets(axes, district)
        _shapes(axes, district.entities["low_areas"].geometry, facecolor="#2968b0", alpha=0.28, edgecolor="#1d3f8c")
        for use, part in district.entities["buildings"].groupby("use"):
            colour = USES.get(str(use), "#999999")
            _shapes(axes, part.geometry, facecolor=colour, edgecolor="#6d5a4a", linewidth=0.3)
        _sewers(axes, district)
        _names(axes, district)
        west, south, east, north = district.terrain.bounds_m
        axes.set(xlim=(west, east), ylim=(south, north), aspect="equal", xticks=[], yticks=[])
        axes.plot([west + 40, west + 240], [south + 30] * 2, color="#333333", linewidth=3)
        axes.text(west + 140, south + 40, "200 m", ha="center")
        axes.set_title(f"{district.name_en}: a place that does not exist ({district.crs}, north is up)", loc="left")
        axes.legend(loc="lower right", ncols=2, framealpha=0.9)
        try:
            figure.savefig(file, dpi=DPI, format="png", metadata={"Software": None})
        except OSError as reason:
            raise TwinError(f"map {file}", f"cannot be written: {reason.strerror}", then="Name another file.") from None


def _ground(axes: Any, district: District) -> None:  # noqa: ANN401 - matplotlib's Axes is untyped here
    terrain = district.terrain
    west, south, east, north = terrain.bounds_m
    colours = np.array([mpl.colors.to_rgb(colour) for colour in COVER])[terrain.land_cover]
    south_fall, east_fall = np.gradient(terrain.elevation_m * 4.0, terrain.cell_m)
    light = np.clip(0.94 + 0.25 * (east_fall + south_fall) / np.sqrt(1 + south_fall**2 + east_fall**2), 0.6, 1.08)
    deep = np.clip(1.0 + terrain.elevation_m / 60.0, 0.6, 1.0)
    shade = np.where(terrain.land_cover == 0, deep, light)[..., None]
    axes.imshow(np.clip(colours * shade, 0, 1), extent=(west, east, south, north), interpolation="bilinear")


def _streets(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    streets = district.entities["streets"]
    above = streets[streets["street_class"] != "underpass"]
    casing = above.geometry.buffer(above["width_m"] / 2 + 1.2)
    _shapes(axes, [shapely.union_all(casing.values)], facecolor="#b7ad9a", edgecolor="none")
    _shapes(
        axes,
        [shapely.union_all(above.geometry.buffer(above["width_m"] / 2).values)],
        facecolor="white",
        edgecolor="none",
    )
    below = streets[streets["street_class"] == "underpass"].geometry
    _lines(axes, below, colors="#8d8371", linewidths=2.5, linestyles="dashed", label="underpass")


def _sewers(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    conduits, devices = district.entities["conduits"], district.entities["devices"]
    _lines(
        axes,
        conduits.geometry,
        colors="#1f5f7a",
        linewidths=(0.4 + 1.3 * conduits["diameter_m"]).tolist(),
        alpha=0.75,
        label="storm sewer, by diameter",
    )
    for table, marker, size, label in (
        ("junctions", "o", 4, "manhole"),
        ("storages", "s", 70, "storage tank and pumps"),
        ("outfalls", "v", 45, "outfall"),
    ):
        points = district.entities[table].geometry
        axes.scatter(points.x, points.y, s=size, marker=marker, color="#12394a", zorder=6, label=label)
    axes.scatter(
        devices.geometry.x, devices.geometry.y, s=22, marker="D", facecolor="#ffd23f", edgecolor="#333333", zorder=7,
        linewidth=0.6, label="device",
    )  # fmt: skip


def _names(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    streets = district.entities["streets"]
    main = streets[streets["street_class"].isin(["arterial", "collector"])]
    for name, part in main.groupby("name_en"):
        line = part.geometry.iloc[int(part.length.to_numpy().argmax())]
        (ax, ay), (bx, by) = line.coords[0], line.coords[-1]
        angle = float(np.degrees(np.arctan2(by - ay, bx - ax)))
        spot = line.interpolate(0.5, normalized=True)
        angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
        axes.text(
            spot.x, spot.y, name, rotation=angle, ha="center", va="center", fontsize=6, color="#333333", zorder=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6},
        )  # fmt: skip
    parks = district.entities["parks"]
    for name, spot in zip(parks["name_en"], parks.representative_point(), strict=True):
        axes.text(spot.x, spot.y, name, ha="center", fontsize=6, style="italic", color="#37592b", zorder=8)


def _shapes(axes: Any, shapes: Any, **style: Any) -> None:  # noqa: ANN401 - likewise
    patches = []
    for shape in shapes:
        for part in shapely.get_parts(shape):
            rings = [part.exterior, *part.interiors]
            outline = Outline.make_compound_path(*(Outline(np.asarray(ring.coords), closed=True) for ring in rings))
            patches.append(PathPatch(outline))
    axes.add_collection(PatchCollection(patches, **style))


def _lines(axes: Any, lines: Any, **style: Any) -> None:  # noqa: ANN401 - likewise
    axes.add_collection(LineCollection([np.asarray(line.coords) for line in lines], **style))
