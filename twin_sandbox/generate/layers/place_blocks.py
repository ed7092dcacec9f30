"""Blocks with their use and density, and the open-air sites in them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry import Polygon

from twin_sandbox.generate.layers.place_network import ground_m
from twin_sandbox.generate.layers.site import Site

LAND_USE = {
    "old_town": "R",
    "slabs": "R",
    "towers": "R",
    "villas": "R",
    "office": "B",
    "shops": "B",
    "school": "A",
    "hospital": "A",
    "port": "W",
    "quay": "S",
    "park": "G",
    "beach": "E",
}
"""Main classes of GB 50137-2011.

R residential, A public services, B commercial, W logistics, S transport, G green space, E outside the town.
"""
USE_WORDS = {
    "old_town": ("Old town block", "老城街坊"),
    "slabs": ("Housing estate", "住宅小区"),
    "towers": ("Tower estate", "高层住宅小区"),
    "villas": ("Garden suburb", "低层住宅街坊"),
    "office": ("Office block", "商务街坊"),
    "shops": ("Shopping block", "商业街坊"),
    "school": ("School block", "学校用地"),
    "hospital": ("Hospital block", "医院用地"),
    "port": ("Port block", "港口用地"),
    "quay": ("Quay", "码头"),
    "park": ("Park block", "公园绿地"),
    "beach": ("Beach", "海滩"),
}
LIMITS = {
    "old_town": (1.8, 12.0, 0.1),
    "slabs": (2.0, 24.0, 0.3),
    "towers": (5.0, 80.0, 0.3),
    "villas": (1.0, 12.0, 0.35),
    "office": (4.0, 80.0, 0.15),
    "shops": (2.5, 24.0, 0.08),
    "school": (1.2, 24.0, 0.3),
    "hospital": (2.5, 60.0, 0.25),
    "port": (1.2, 24.0, 0.0),
    "quay": (0.5, 24.0, 0.0),
    "park": (0.1, 12.0, 0.65),
    "beach": (0.05, 8.0, 0.0),
}
"""The plan's limits: floor area by site area, height [m], least green share: a rule of this project."""
SETBACK_M = 4.0


@dataclass(frozen=True)
class Ground:
    """The blocks as rows: code of each block of the draft, block code of each building ("" for none)."""

    blocks: list[str]
    of_building: list[str]


def add_blocks(site: Site) -> Ground:
    """Fill ``blocks``; floor area, share of buildings and of green are counted from what stands there."""
    draft = site.draft
    middles = [b.footprint.representative_point() for b in draft.buildings]
    of_building = [""] * len(middles)
    codes = []
    for number, block in enumerate(draft.blocks, start=1):
        own = [k for k, spot in enumerate(middles) if block.shape.contains(spot)]
        floor = sum(draft.buildings[k].footprint.area * draft.buildings[k].storeys for k in own)
        built = sum(draft.buildings[k].footprint.area for k in own)
        cells = draft.cover[draft.grid.inside(block.shape)]
        ratio, height, green = LIMITS[block.zone]
        name_en, name_zh = USE_WORDS[block.zone]
        code = site.tables["blocks"].add(
            block.shape,
            "block",
            f"{name_en} {number}",
            f"{number}号{name_zh}",
            zone=block.zone,
            land_use=LAND_USE[block.zone],
            area_m2=round(block.shape.area),
            floor_area_ratio=round(floor / block.shape.area, 3),
            building_share=round(built / block.shape.area, 3),
            green_share=round(float(np.isin(cells, (4, 5)).mean()), 3),
            ratio_limit=ratio,
            height_limit_m=height,
            green_least_share=green,
            setback_m=SETBACK_M,
        )
        codes.append(code)
        for k in own:
            of_building[k] = code
    return Ground(codes, of_building)


def _axis(shape: Polygon) -> tuple[float, float]:
    corners = list(shape.minimum_rotated_rectangle.exterior.coords)
    (ax, ay), (bx, by), (cx, cy) = corners[:3]
    dx, dy = max(((bx - ax, by - ay), (cx - bx, cy - by)), key=lambda side: abs(side[0]) - abs(side[1]))
    size = float(np.sqrt(dx * dx + dy * dy))
    return dx / size, dy / size


def free_rectangle(ground: shapely.Geometry, sizes: tuple[tuple[float, float], ...]) -> Polygon | None:
    """The first rectangle of ``sizes`` (length, depth) that fits on free ground, along its longest part; or None."""
    parts = [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon" and part.area > 60]
    for length, depth in sizes:
        for part in sorted(parts, key=lambda p: (-round(p.area), round(p.bounds[0]))):
            ux, uy = _axis(part)
            turned = affine_transform(part, [ux, uy, -uy, ux, 0, 0])
            west, south, east, north = turned.bounds
            xs, ys = np.meshgrid(np.arange(west, east - length, 2.5), np.arange(south, north - depth, 2.5))
            shapely.prepare(turned)
            plans = shapely.box(xs.ravel(), ys.ravel(), xs.ravel() + length, ys.ravel() + depth)
            fits = np.flatnonzero(shapely.contains_properly(turned, plans))
            if len(fits):
                return affine_transform(plans[fits[len(fits) // 2]], [ux, -uy, uy, ux, 0, 0])
    return None


SITES: dict[str, tuple[tuple[str, str, str, tuple[tuple[float, float], ...], float], ...]] = {
    "school": (("sports_ground", "Sports ground", "操场", ((88, 42), (66, 36), (50, 28), (38, 22), (28, 18)), 1.0),),
    "towers": (("playground", "Playground", "儿童游乐场", ((26, 16), (18, 12)), 1.0),),
    "slabs": (("community_square", "Community square", "社区广场", ((24, 15), (18, 11), (12, 9)), 1.0),),
    "port": (("storage_yard", "Storage yard", "堆场", ((84, 34), (62, 28), (44, 22), (30, 16)), 0.06),),
    "quay": (("working_quay", "Working quay", "前沿作业区", ((80, 14), (60, 12), (40, 12)), 0.06),),
}
"""By zone: kind, names, sizes tried (length, depth) and capacity: people, or containers of 20 feet, a square metre."""
LOTS = {
    "office": ((50, 17), (36, 17), (26, 17), (26, 11), (16, 6)),
    "shops": ((50, 17), (36, 17), (26, 17), (26, 11), (16, 6)),
    "hospital": ((60, 17), (50, 17), (36, 17), (26, 11)),
    "towers": ((50, 17), (36, 11), (26, 6)),
    "slabs": ((36, 6), (26, 6), (16, 6)),
    "port": ((60, 22), (36, 17), (26, 11)),
    "beach": ((50, 17), (36, 11), (26, 6)),
    "quay": ((50, 17), (36, 11)),
}
"""Car parks by zone, sizes tried."""
E_BIKE_SHED = ((20, 4), (14, 3.5), (9, 3))


STAND_M = (5.0, 15.0)  # from the wall to the near and the far side of the stand


def add_sites(site: Site, ground: Ground) -> None:
    """Fill ``sites``, and ``parking`` with car parks and sheds for e-bikes, where a block has room."""
    built = shapely.union_all([b.footprint.buffer(3.0, join_style="mitre") for b in site.draft.buildings])
    holes = shapely.union_all(
        [shapely.Point(h.x_m, h.y_m).buffer(2.0, quad_segs=1) for h in site.draft.sewers.manholes]
    )
    plan = site.recipe.value("drainage.station")
    keep = shapely.union_all(
        [built, holes, site.draft.coast.beach, shapely.Point(plan["tank_x"], plan["tank_y"]).buffer(24.0)]
    )
    for block, code in zip(site.draft.blocks, ground.blocks, strict=True):
        free = block.shape.buffer(-SETBACK_M).difference(keep)
        for kind, name_en, name_zh, sizes, a_m2 in SITES.get(block.zone, ()):
            plot = free_rectangle(free, sizes)
            if plot is not None:
                capacity = round(plot.area * a_m2)
                _site(site, plot, code, (kind, name_en, name_zh), capacity)
                free = free.difference(plot.buffer(2.0))
        lot = free_rectangle(free, LOTS[block.zone]) if block.zone in LOTS else None
        if lot is not None:
            _parking(site, lot, code, "car_park", int(lot.area / 25.0) if lot.area > 200 else int(lot.area / 15.5))
            free = free.difference(lot.buffer(2.0))
        if block.zone in {"slabs", "towers", "old_town"}:
            shed = free_rectangle(free, E_BIKE_SHED)
            if shed is not None:
                _parking(site, shed, code, "e_bike_shed", int(shed.area / 1.6))
                free = free.difference(shed.buffer(2.0))
        _fire_access(site, block.shape, code, free)


def _fire_access(site: Site, block: Polygon, code: str, free: shapely.Geometry) -> None:
    """A hard stand for the fire ladder along a long side of each tall house.

    Longer or deeper ones are asked for by GB 50016-2014, 7.2; where none fits there is none, and a lab may find that.
    """
    for building in site.draft.buildings:
        if building.height_m < 27.0 or not block.contains(building.footprint.representative_point()):
            continue
        ring = list(building.footprint.exterior.coords)
        for (ax, ay), (bx, by) in sorted(pairwise(ring), key=lambda side: -_size(side)):
            size = _size(((ax, ay), (bx, by)))
            nx, ny = (by - ay) / size, -(bx - ax) / size
            if size < 12 or building.footprint.contains(shapely.Point((ax + bx) / 2 + nx, (ay + by) / 2 + ny)):
                nx, ny = -nx, -ny
            near, far = ([(x + nx * d, y + ny * d) for x, y in ((ax, ay), (bx, by))] for d in STAND_M)
            strip = Polygon([*near, *far[::-1]])
            if free.contains(strip):
                _site(site, strip, code, ("fire_access", "Fire appliance stand", "消防车登高操作场地"), 1)
                break


def _size(side: tuple[tuple[float, float], tuple[float, float]]) -> float:
    (ax, ay), (bx, by) = side
    return float(np.sqrt((bx - ax) ** 2 + (by - ay) ** 2))


def _site(site: Site, plot: Polygon, code: str, words: tuple[str, str, str], capacity: int) -> None:
    number = len(site.tables["sites"].rows) + 1
    site.tables["sites"].add(
        plot,
        words[0],
        f"{words[1]} {number}",
        f"{number}号{words[2]}",
        block_code=code,
        area_m2=round(plot.area),
        capacity=capacity,
    )


def _parking(site: Site, plot: Polygon, code: str, kind: str, spaces: int) -> None:
    words = {"car_park": ("Car park", "停车场"), "e_bike_shed": ("E-bike shed", "电动自行车棚")}[kind]
    number = len(site.tables["parking"].rows) + 1
    site.tables["parking"].add(
        plot, kind, f"{words[0]} {number}", f"{number}号{words[1]}", street_code="", block_code=code, spaces=spaces
    )


def lowest_m(site: Site, shape: Polygon) -> float:
    """Lowest ground at the corners of a shape and in its middle."""
    spots = [*shape.exterior.coords, shape.centroid.coords[0]]
    return min(ground_m(site, x, y) for x, y in spots)
