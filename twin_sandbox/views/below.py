"""The district below ground as a scene: what lies under a faded street map, drawn deeper than it is to be seen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twin_sandbox.views.frame import Frame
from twin_sandbox.views.palette import Colour, css

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

EXAGGERATION = 5.0
"""Depths are drawn so many times as deep as they are; every view says so."""

LEAST_WIDTH_M = 1.4
"""Thinner pipes and cables are drawn this wide [m]."""

QUAY_M = 2.6
"""Level from which depths below the sea are drawn [m above datum]."""


class Network(NamedTuple):
    """One kind of line below ground: its tables, colour (Okabe and Ito 2008, safe for colour-blind eyes), name, width.

    ``width`` is the column of the width [m] that it is drawn with, "" for a thin line.
    """

    tables: tuple[str, ...]
    colour: Colour
    en: str
    zh: str
    width: str


NETWORKS = (
    Network(("conduits",), (0, 114, 178), "storm sewers", "雨水管", "diameter_m"),
    Network(("wrong_connections",), (0, 158, 115), "foul water into storm sewers", "雨污混接", "diameter_m"),
    Network(("water_pipes",), (86, 180, 233), "water mains", "供水管", "diameter_m"),
    Network(("heat_pipes",), (213, 94, 0), "heat pipes", "供热管", "diameter_m"),
    Network(("gas_pipes",), (240, 228, 66), "gas pipes", "燃气管", "diameter_m"),
    Network(("power_lines",), (204, 121, 167), "power cables", "电缆", ""),
    Network(("utility_tunnels",), (120, 124, 130), "utility tunnel", "综合管廊", "width_m"),
)
ROOMS = ("underground",)
_ROOM: Colour = (176, 166, 150)
_ROOM_WORDS = {"en": "rooms below ground", "zh": "地下空间"}


def legend(district: "District", language: str) -> list[dict[str, str]]:
    """Colour and name of each network that the district has."""
    keys = [
        {"colour": css(network.colour), "label": getattr(network, language)}
        for network in NETWORKS
        if any(_rows(district, name) is not None for name in network.tables)
    ]
    if any(_rows(district, name) is not None for name in ROOMS):
        keys.append({"colour": css(_ROOM), "label": _ROOM_WORDS[language]})
    return keys


def below_layers(pydeck: Any, district: "District", frame: Frame, language: str) -> list[Any]:  # noqa: ANN401 - pydeck is not typed
    """Pipes, cables, tunnels, shafts and rooms at their depth below the ground there, `EXAGGERATION` times as deep."""
    layers = [_rooms(pydeck, district, frame, language), _shafts(pydeck, district, frame)]
    for network in reversed(NETWORKS):
        rows = [row for name in network.tables for row in _lines(district, frame, name, network, language)]
        if rows:
            layers.append(
                pydeck.Layer(
                    "PathLayer",
                    rows,
                    id=network.tables[0],
                    get_path="path",
                    get_width="width_m",
                    get_color=list(network.colour),
                    width_min_pixels=1.6,
                    cap_rounded=True,
                    joint_rounded=True,
                    billboard=True,
                    pickable=True,
                    auto_highlight=True,
                    highlight_color=[255, 214, 120, 200],
                )
            )
    return [layer for layer in layers if layer is not None]


def _rows(district: "District", name: str) -> "gpd.GeoDataFrame | None":
    """A table, unless the district has none of the kind."""
    if name not in district.entities:
        return None
    table = district.entities[name]
    return table if len(table) else None


def _lines(district: "District", frame: Frame, name: str, network: Network, language: str) -> Iterator[dict[str, Any]]:
    table = _rows(district, name)
    if table is None:
        return
    ends = _end_depths_m(district, name, table)
    for (code, row), (first_m, last_m) in zip(table.iterrows(), ends, strict=True):
        points = np.asarray(row.geometry.coords)[:, :2]
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        depth = first_m + (last_m - first_m) * along / max(float(along[-1]), 1e-9)
        path = [
            [*place, round(-EXAGGERATION * float(deep), 2)]
            for place, deep in zip(frame.path(points), depth, strict=True)
        ]
        width = float(row[network.width]) if network.width else 0.0
        yield {
            "path": path,
            "width_m": max(width, LEAST_WIDTH_M),
            "name": row[f"name_{language}"],
            "code": code,
            "tip": f"{row[f'name_{language}']}\n{float(depth.min()):.1f}–{float(depth.max()):.1f} m\n{code}",
        }


def _end_depths_m(district: "District", name: str, table: "gpd.GeoDataFrame") -> Iterator[tuple[float, float]]:
    """Depth [m] of each line below the ground at its two ends."""
    if name == "conduits":
        node = {code: invert for part in ("junctions", "storages", "outfalls")
                for code, invert in district.entities[part]["invert_m"].items()}  # fmt: skip
        levels = (
            (node[row.from_code] + row.inlet_offset_m, node[row.to_code] + row.outlet_offset_m)
            for row in table.itertuples()
        )
    elif "inlet_invert_m" in table.columns:
        levels = ((row.inlet_invert_m, row.outlet_invert_m) for row in table.itertuples())
    elif "invert_m" in table.columns:
        levels = ((level, level) for level in table["invert_m"])
    else:
        yield from ((depth, depth) for depth in table["depth_m"])
        return
    for line, (first_m, last_m) in zip(table.geometry, levels, strict=True):
        ground = [_ground_m(district, *line.coords[k][:2]) for k in (0, -1)]
        yield max(ground[0] - first_m, 0.2), max(ground[1] - last_m, 0.2)


def _ground_m(district: "District", x: float, y: float) -> float:
    terrain = district.terrain
    cell = terrain.cell(x, y)
    # Over the sea the quay's level goes on, so that an outfall does not climb to the water.
    return QUAY_M if terrain.land_cover[cell] == 0 else float(terrain.elevation_m[cell])


def _shafts(pydeck: Any, district: "District", frame: Frame) -> Any:  # noqa: ANN401 - pydeck is not typed
    rows = []
    for row in district.entities["junctions"].itertuples():
        ((longitude, latitude),) = frame.path([(row.geometry.x, row.geometry.y)])
        deep = round(-EXAGGERATION * (row.rim_m - row.invert_m), 2)
        rows.append({"top": [longitude, latitude, 0.0], "foot": [longitude, latitude, deep]})
    return pydeck.Layer(
        "LineLayer", rows, id="shafts", get_source_position="top", get_target_position="foot",
        get_color=[60, 84, 110, 150], get_width=1.2,
    )  # fmt: skip


def _rooms(pydeck: Any, district: "District", frame: Frame, language: str) -> Any:  # noqa: ANN401 - pydeck is not typed
    rows = []
    for name in ROOMS:
        table = _rows(district, name)
        if table is None:
            continue
        for code, row in table.iterrows():
            middle = row.geometry.representative_point()
            ground = _ground_m(district, middle.x, middle.y)
            top, bottom = (min(-EXAGGERATION * (ground - row[key]), -0.1) for key in ("top_m", "bottom_m"))
            ring = [[*place, round(bottom, 2)] for place in frame.path(row.geometry.exterior.coords)]
            rows.append({
                "ring": ring, "height_m": round(top - bottom, 2), "name": row[f"name_{language}"], "code": code,
                "tip": f"{row[f'name_{language}']}\n{ground - row.bottom_m:.1f} m\n{code}",
            })  # fmt: skip
    if not rows:
        return None
    return pydeck.Layer(
        "PolygonLayer", rows, id="rooms", get_polygon="ring", get_elevation="height_m", extruded=True,
        get_fill_color=[*_ROOM, 255], pickable=True, auto_highlight=True,
    )  # fmt: skip
