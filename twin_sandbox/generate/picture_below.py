"""The map of what lies below the ground, with the streets faded above it."""

from typing import Any

import shapely
from shapely.affinity import translate

from twin_sandbox.entities import TABLES, District
from twin_sandbox.generate.coast import draw_coast
from twin_sandbox.generate.picture_above import write_names
from twin_sandbox.generate.picture_ground import draw_sea
from twin_sandbox.generate.picture_ink import Key, areas, lines
from twin_sandbox.generate.recipe import read_recipe

ROOMS = {
    "basement": ("#c9c2b4", "basement", "地下室"),
    "basement_car_park": ("#b3bfd6", "basement with car park", "地下车库"),
    "public_car_park": ("#8fa6d0", "public car park", "公共地下停车场"),
    "underpass": ("#e0c9a0", "underpass", "下穿道"),
}
MAINS = (
    ("conduits", "#1d5f8a", "storm sewer, by diameter", "雨水管（按管径）"),
    ("water_pipes", "#2aa7c9", "water main", "给水管"),
    ("heat_pipes", "#d0453a", "heat main", "供热管"),
    ("gas_pipes", "#d9a400", "gas main", "燃气管"),
    ("power_lines", "#7b4fa3", "power cable", "电缆"),
    ("wrong_connections", "#00a05a", "wrong connection", "雨污混接"),
)
"""Tables of lines below the ground with colour and words."""


def draw_underground(axes: Any, district: District, *, chinese: bool) -> list[Key]:  # noqa: ANN401 - untyped
    """Draw onto ``axes``; return the legend."""
    west, south, _, _ = district.terrain.bounds_m
    coast = draw_coast(read_recipe(district.folder / "recipe.toml"))
    entities = district.entities
    draw_sea(axes, district)
    land = translate(shapely.union_all([coast.land, coast.moles]), west, south)
    areas(axes, [land], facecolor="#f6f5f1", edgecolor="#9c9a92", linewidth=0.7, zorder=1)
    streets = entities["streets"]
    roads = shapely.union_all(streets.geometry.buffer(streets["width_m"] / 2).values)
    areas(axes, [roads], facecolor="#ffffff", edgecolor="#d5d1c8", linewidth=0.6, zorder=1.2)
    areas(axes, entities["buildings"].geometry, facecolor="#eae6dd", edgecolor="#d3ccbe", linewidth=0.4, zorder=1.3)
    keys = []
    rooms = entities["underground"]
    for kind, (colour, en, zh) in ROOMS.items():
        areas(
            axes, rooms[rooms["kind"] == kind].geometry, facecolor=colour, edgecolor="#5d6470", linewidth=0.6, zorder=2
        )
        keys.append(Key("area", colour, en, zh, "#5d6470"))
    tunnel = entities["utility_tunnels"]
    areas(
        axes,
        tunnel.geometry.buffer(tunnel["width_m"] / 2 + 0.8),
        facecolor="#6f5136",
        edgecolor="#3b2a1a",
        linewidth=0.6,
        zorder=3,
    )
    keys.append(Key("area", "#6f5136", "utility tunnel", "综合管廊", "#3b2a1a"))
    for name, colour, en, zh in MAINS:
        if name in TABLES and len(entities[name]):
            table = entities[name]
            wide = (0.5 + 1.6 * table["diameter_m"]).tolist() if "diameter_m" in table else 0.8
            if name == "wrong_connections":
                wide = 2.4  # few and short: they would not be seen
            lines(
                axes, table.geometry, colors=colour, linewidths=wide, alpha=0.85, zorder=4 if name == "conduits" else 5
            )
            keys.append(Key("line", colour, en, zh))
    for name, mark, size, colour, en, zh in (
        ("junctions", "o", 5, "#123d5a", "manhole", "检查井"),
        ("tunnel_chambers", "s", 22, "#3b2a1a", "tunnel chamber", "管廊节点"),
        ("storages", "s", 70, "#12394a", "storage tank", "调蓄池"),
        ("outfalls", "v", 42, "#12394a", "outfall", "排口"),
        ("hydrants", "P", 14, "#c8213c", "hydrant", "消火栓"),
        ("groundwater_wells", "X", 30, "#5b7f3a", "groundwater well", "地下水监测井"),
    ):
        if name in TABLES and len(entities[name]):
            points = entities[name].geometry
            axes.scatter(
                points.x, points.y, s=size, marker=mark, color=colour, edgecolor="white", linewidth=0.4, zorder=6
            )
            keys.append(Key(mark, colour, en, zh, "white", max(4.0, size**0.5)))
    write_names(axes, district, chinese=chinese)
    return keys
