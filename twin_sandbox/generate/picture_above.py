"""The map of a district from above."""

from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import Polygon

from twin_sandbox.entities import District
from twin_sandbox.generate.coast import Coast, draw_coast
from twin_sandbox.generate.picture_ground import LAND_USE, LIGHT, draw_land, draw_sea
from twin_sandbox.generate.picture_ink import Key, Labels, areas, between, halo, lines, upright
from twin_sandbox.generate.recipe import read_recipe

USES = {
    "residential": ("#e2ab7e", "homes", "住宅"),
    "shop": ("#d1664c", "shops", "商铺"),
    "office": ("#7d93bd", "offices", "办公"),
    "school": ("#a284c0", "school", "学校"),
    "hospital": ("#d0506c", "hospital", "医院"),
    "port": ("#8b8f92", "port shed", "港口仓库"),
    "substation": ("#4a4a4a", "substation", "变电所"),
    "pumping station": ("#2c7a94", "pumping station", "泵站"),
}
SERVICES = {
    "hospital": ("P", "#c8213c", "hospital", "医院"),
    "fire_station": ("^", "#d8571e", "fire station", "消防站"),
    "police_station": ("*", "#1f3d7a", "police", "派出所"),
    "school": ("p", "#7a3fa0", "school", "学校"),
    "market": ("h", "#b4552d", "market", "市场"),
    "filling_station": ("D", "#404040", "filling station", "加油站"),
}
SHADOW_A_METRE = 0.42
LONGEST_SHADOW_M = 26.0
FAR_M = 99.0  # further than any roof reaches


def draw_above(axes: Any, district: District, *, chinese: bool) -> list[Key]:  # noqa: ANN401 - matplotlib is untyped
    """Draw onto ``axes``; return the legend."""
    recipe = read_recipe(district.folder / "recipe.toml")
    west, south, _, _ = district.terrain.bounds_m
    coast = draw_coast(recipe)
    shift = Coast(*(translate(shape, west, south) for shape in vars(coast).values()))
    draw_sea(axes, district)
    draw_land(axes, district, shift)
    _streets(axes, district)
    _ground_things(axes, district)
    _shadows(axes, district)
    _buildings(axes, district)
    _trees(axes, district)
    keys = _marks(axes, district)
    write_names(axes, district, chinese=chinese)
    return [
        *(Key("area", colour, en, zh, "#b9b09c") for colour, en, zh in LAND_USE.values()),
        *(Key("area", colour, en, zh, "#6d5a4a") for colour, en, zh in USES.values()),
        Key("area", "#a9cdf0", "low area that floods", "易涝低洼区", "#3f78b5"),
        Key("area", "#ecdcae", "beach", "海滩", "#b9b09c"),
        Key("area", "#d6dce2", "parking", "停车", "#9aa5ae"),
        Key("area", "#8fbf74", "sports ground", "操场", "#d9825f"),
        *keys,
    ]


def _streets(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    streets = district.entities["streets"]
    above = streets[streets["street_class"] != "underpass"]
    below = streets[streets["street_class"] == "underpass"]
    walks = shapely.union_all(above.geometry.buffer(above["width_m"] / 2 + 2.6).values)
    roads = shapely.union_all(above.geometry.buffer(above["width_m"] / 2).values)
    cut = shapely.union_all(below.geometry.buffer(7.5, cap_style="flat").values)
    areas(axes, [cut.buffer(1.5, join_style="mitre")], facecolor="#a7a294", edgecolor="none", zorder=1.9)
    areas(axes, [cut], facecolor="#cfcbc0", edgecolor="#6c675b", linewidth=0.7, zorder=1.95)
    areas(axes, [walks], facecolor="#ddd7ca", edgecolor="none", zorder=2)
    areas(axes, [roads], facecolor="#fdfdfb", edgecolor="#b3ab9b", linewidth=0.5, zorder=2.1)
    _markings(axes, district, roads)


def _markings(axes: Any, district: District, roads: shapely.Geometry) -> None:  # noqa: ANN401 - likewise
    """What is painted on the carriageway: cycle lanes, centre and lane lines, stop lines, zebras."""
    streets, lanes = district.entities["streets"], district.entities["lanes"]
    cycle = lanes[lanes["kind"] == "cycle_lane"]
    paint = shapely.union_all(cycle.geometry.buffer(cycle["width_m"] / 2, cap_style="flat").values)
    areas(axes, [paint.intersection(roads)], facecolor="#e4efe9", edgecolor="none", zorder=2.2)
    inner = lanes[lanes["lane_index"] == 1]
    wide = inner["street_code"].map(streets["street_class"]).eq("arterial")
    # traffic keeps to the right: the centre line lies to the left of the innermost lane
    centres = [shapely.offset_curve(line, off) for line, off in zip(inner.geometry, inner["offset_m"], strict=True)]
    forward = inner["direction"].eq("forward")
    pick = [line for line, one in zip(centres, wide & forward, strict=True) if one]
    lines(axes, pick, colors="#d99c2b", linewidths=0.9, zorder=2.4)
    pick = [line for line, one in zip(centres, ~wide & forward, strict=True) if one]
    lines(axes, pick, colors="#d9b45c", linewidths=0.5, linestyles=(0, (5, 4)), zorder=2.4)
    edges = inner[wide].geometry.offset_curve(-1.75)
    lines(axes, edges, colors="#b9bdb9", linewidths=0.45, linestyles=(0, (4, 4)), zorder=2.4)
    zebras = district.entities["crossings"].geometry
    lines(axes, zebras, colors="#8b938f", linewidths=2.3, linestyles=(0, (0.28, 0.28)), zorder=2.5)


def _ground_things(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    parking, sites = district.entities["parking"], district.entities["sites"]
    areas(axes, parking.geometry, facecolor="#d6dce2", edgecolor="#9aa5ae", linewidth=0.3, zorder=2.6)
    styles = {
        "sports_ground": ("#d9825f", "#ffffff"),
        "playground": ("#f0cf85", "#b99b52"),
        "community_square": ("#e6d9bd", "#b8a987"),
        "storage_yard": ("#cfcac0", "#8d877b"),
        "working_quay": ("#cfcac0", "#8d877b"),
        "fire_access": ("#f3e3dd", "#cf8f7d"),
    }
    for kind, part in sites.groupby("kind"):
        face, edge = styles.get(kind, ("#dddddd", "#999999"))
        areas(axes, part.geometry, facecolor=face, edgecolor=edge, linewidth=0.5, zorder=2.6)
    grounds = sites[sites["kind"] == "sports_ground"].geometry
    areas(axes, grounds.buffer(-4.5), facecolor="#8fbf74", edgecolor="white", linewidth=0.8, zorder=2.65)
    low = district.entities["low_areas"].geometry.simplify(4.0).buffer(1.0)
    areas(axes, low, facecolor="#5b9fe0", alpha=0.30, edgecolor="none", zorder=2.7)
    lines(axes, low.boundary, colors="#3f78b5", linewidths=0.5, alpha=0.8, zorder=2.7)


def swept(plan: Polygon, dx: float, dy: float) -> shapely.Geometry:
    """All ground that a plan passes over when it is moved: the shadow of a block of that plan."""
    ring = list(plan.exterior.coords)
    sides = [Polygon([a, b, (b[0] + dx, b[1] + dy), (a[0] + dx, a[1] + dy)]) for a, b in pairwise(ring)]
    return shapely.union_all([plan, translate(plan, dx, dy), *(side for side in sides if side.area > 1e-6)])


def _shadows(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    buildings = district.entities["buildings"]
    shadows = []
    for plan, height in zip(buildings.geometry, buildings["height_m"], strict=True):
        reach = min(height * SHADOW_A_METRE, LONGEST_SHADOW_M)
        shadows.append(swept(plan, -LIGHT[0] * reach, -LIGHT[1] * reach))
    areas(axes, [shapely.union_all(shadows)], facecolor="#2e3a4a", alpha=0.26, edgecolor="none", zorder=3)


def _tint(colour: str, share: float) -> tuple[float, float, float]:
    """A colour toward white (positive) or black (negative)."""
    return between(colour, "white" if share > 0 else "black", abs(share))


def _buildings(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    buildings = district.entities["buildings"]
    roofs = district.facts["roofs"].set_index("building_code").reindex(buildings.index)
    for use, part in buildings.groupby("use"):
        colour = USES.get(str(use), ("#999999", "", ""))[0]
        areas(
            axes, part.geometry, facecolor=_tint(colour, 0.12), edgecolor=_tint(colour, -0.35), linewidth=0.45, zorder=4
        )
        own = roofs.loc[part.index]
        lit, dark, ridges = [], [], []
        for plan, kind, bearing in zip(part.geometry, own["roof_kind"], own["ridge_direction_deg"], strict=True):
            if kind == "flat":
                lit.append(plan.buffer(-1.3, join_style="mitre"))
                continue
            turn = np.radians(bearing)
            ux, uy = float(np.sin(turn)), float(np.cos(turn))
            x, y = plan.minimum_rotated_rectangle.centroid.coords[0]
            ridge = shapely.LineString([(x - FAR_M * ux, y - FAR_M * uy), (x + FAR_M * ux, y + FAR_M * uy)])
            # what lies to the right of the ridge is dark if the sun stands to its left
            right = ridge.buffer(-FAR_M, single_sided=True)
            sunny_left = LIGHT[0] * -uy + LIGHT[1] * ux > 0
            dark.append(plan.intersection(right) if sunny_left else plan.difference(right))
            ridges.append(plan.intersection(ridge))
        areas(axes, lit, facecolor=_tint(colour, 0.34), edgecolor="none", zorder=4.1)
        areas(axes, dark, facecolor=_tint(colour, -0.14), edgecolor="none", zorder=4.1)
        lines(axes, ridges, colors=[_tint(colour, -0.4)], linewidths=0.4, zorder=4.2)


def _trees(axes: Any, district: District) -> None:  # noqa: ANN401 - likewise
    trees = district.entities["trees"]
    crowns = trees.geometry.buffer(trees["crown_m"] / 2, quad_segs=3)
    areas(axes, crowns.translate(1.3, -1.3), facecolor="#2e3a2a", alpha=0.22, edgecolor="none", zorder=3.2)
    for species, part in crowns.groupby(trees["species"].to_numpy()):
        colour = {"black pine": "#5f8a57", "cherry": "#c79bb0", "ginkgo": "#a9b65a"}.get(str(species), "#7fab66")
        areas(axes, part, facecolor=colour, edgecolor=_tint(colour, -0.3), linewidth=0.2, alpha=0.9, zorder=4.6)


def _marks(axes: Any, district: District) -> list[Key]:  # noqa: ANN401 - likewise
    entities = district.entities
    lines(axes, entities["berths"].geometry, colors="#7c2f22", linewidths=2.6, zorder=5)
    cranes = entities["cranes"].geometry
    axes.scatter(
        cranes.x, cranes.y, s=46, marker=(4, 1, 45), color="#d98e04", edgecolor="#4d3a0a", linewidth=0.5, zorder=6
    )
    stops = entities["bus_stops"].geometry
    axes.scatter(stops.x, stops.y, s=20, marker="s", color="#1769aa", edgecolor="white", linewidth=0.7, zorder=6)
    lit = entities["signals"].geometry
    axes.scatter(lit.x, lit.y, s=9, marker="o", color="#3fa34d", edgecolor="#1f3323", linewidth=0.5, zorder=6)
    devices = entities["devices"].geometry
    axes.scatter(devices.x, devices.y, s=9, marker="D", color="#ffd23f", edgecolor="#5c4a05", linewidth=0.4, zorder=6.5)
    tanks, outfalls = entities["storages"].geometry, entities["outfalls"].geometry
    axes.scatter(tanks.x, tanks.y, s=55, marker="s", color="#12394a", edgecolor="white", linewidth=0.6, zorder=6)
    axes.scatter(outfalls.x, outfalls.y, s=40, marker="v", color="#12394a", edgecolor="white", linewidth=0.6, zorder=6)
    keys = [
        Key("line", "#7c2f22", "berth", "泊位"),
        Key("s", "#1769aa", "bus stop", "公交站", "white", 5),
        Key("o", "#3fa34d", "signals", "信号灯", "#1f3323", 4),
        Key("D", "#ffd23f", "device", "设备", "#5c4a05", 4),
        Key("s", "#12394a", "storage tank", "调蓄池", "white", 7),
        Key("v", "#12394a", "outfall", "排口", "white", 6),
    ]
    services = entities["services"]
    for kind, (mark, colour, en, zh) in SERVICES.items():
        points = services[services["kind"] == kind].geometry
        axes.scatter(points.x, points.y, s=78, marker=mark, color=colour, edgecolor="white", linewidth=0.9, zorder=7)
        keys.append(Key(mark, colour, en, zh, "white", 7.5))
    return keys


def write_names(axes: Any, district: District, *, chinese: bool) -> None:  # noqa: ANN401 - likewise
    """Parks, beaches, the basin, streets: each once, none over another."""
    west, _, east, _ = district.terrain.bounds_m
    labels = Labels(axes, (east - west) / (0.976 * 12.0 * 72.0))
    both = (lambda en, zh: f"{en}\n{zh}") if chinese else (lambda en, _: en)
    parks = district.entities["parks"]
    for en, zh, spot in zip(parks["name_en"], parks["name_zh"], parks.geometry.centroid, strict=True):
        labels.put(
            [(spot.x, spot.y, 0.0)], both(en, zh), 7.2, style="italic", color="#2f5a28", zorder=20, path_effects=halo()
        )
    beaches = district.entities["beaches"]
    for en, zh, spot in zip(beaches["name_en"], beaches["name_zh"], beaches.geometry.centroid, strict=True):
        labels.put(
            [(spot.x, spot.y - 34, 0.0)],
            both(en, zh),
            7,
            style="italic",
            color="#33576b",
            zorder=20,
            path_effects=halo(),
        )
    x, y = np.asarray(district.recipe["coast"]["basin"], float).mean(axis=0) + district.terrain.bounds_m[:2]
    labels.put(
        [(x, y - 10, 0.0)],
        both("Harbour basin", "港池"),
        9,
        style="italic",
        color="#33576b",
        zorder=20,
        path_effects=halo(),
    )
    streets = district.entities["streets"]
    ranks = {"arterial": 7.6, "collector": 6.8, "local": 5.9, "underpass": 5.4}
    order = sorted(streets.groupby("name_en"), key=lambda item: -ranks[item[1]["street_class"].iloc[0]])
    for name, part in order:
        text = f"{name}  {part['name_zh'].iloc[0]}" if chinese else str(name)
        spots = []
        for line in sorted(part.geometry, key=lambda line: -line.length):
            spot = line.interpolate(0.5, normalized=True)
            a, b = line.interpolate(0.35, normalized=True), line.interpolate(0.65, normalized=True)
            spots.append((spot.x, spot.y, upright(b.x - a.x, b.y - a.y)))
        size = ranks[part["street_class"].iloc[0]]
        labels.put(spots, text, size, color="#2b3136", zorder=20, path_effects=halo(width=2.6))
