"""Blocks between the streets, what they are used for, their buildings and parks."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry import Polygon, box

from twin_sandbox.generate.coast import Coast
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.streets import Street


@dataclass(frozen=True)
class Block:
    """Land between streets, pavements excluded, in local metres."""

    shape: Polygon
    zone: str


@dataclass(frozen=True)
class Building:
    """A building before it stands on the ground."""

    footprint: Polygon
    use: str
    storeys: int
    height_m: float
    zone: str
    name_en: str = ""
    name_zh: str = ""


@dataclass(frozen=True)
class Pattern:
    """How a zone is built: plans in rows.

    Attributes:
        length_m, depth_m, storeys: lowest and highest of each plan.
        gap_m, row_m: free space beside and behind a plan.
        fill: share of places that are taken.
        shapes: plans drawn from "I", "L", "U".
        uses: uses drawn from.
        storey_m: height of a storey.
        most: at most so many in one block.
    """

    length_m: tuple[float, float]
    depth_m: tuple[float, float]
    storeys: tuple[int, int]
    gap_m: float
    row_m: float
    fill: float
    shapes: str = "I"
    uses: tuple[str, ...] = ("residential",)
    storey_m: float = 3.0
    most: int = 99
    wobble_m: float = 0.0


PATTERNS = {
    "old_town": Pattern(
        (13, 21),
        (10, 13),
        (2, 3),
        4.0,
        8.0,
        0.88,
        "IIIL",
        ("residential", "residential", "residential", "shop"),
        3.1,
        wobble_m=1.5,
    ),
    "slabs": Pattern((34, 46), (12, 13.5), (6, 7), 9.0, 19.0, 0.97, wobble_m=1.0),
    "towers": Pattern((23, 27), (19, 23), (17, 26), 20.0, 24.0, 0.95, "II", most=4),
    "office": Pattern(
        (30, 42), (22, 30), (6, 15), 15.0, 18.0, 0.9, "IIL", ("office", "office", "office", "shop"), 3.9, most=5
    ),
    "shops": Pattern((20, 32), (15, 19), (2, 4), 7.0, 11.0, 0.9, "IIL", ("shop", "shop", "office"), 4.2),
    "port": Pattern((40, 62), (22, 28), (1, 1), 16.0, 18.0, 0.9, "I", ("port",), 9.5),
    "school": Pattern((44, 54), (24, 30), (4, 5), 16.0, 26.0, 1.0, "LU", ("school",), 3.8, most=3),
    "hospital": Pattern((36, 44), (17, 22), (6, 11), 14.0, 18.0, 1.0, "IL", ("hospital",), 4.0, most=4),
    "villas": Pattern((13, 18), (10.5, 13), (2, 3), 10.0, 13.0, 0.86, "IIL", ("residential",), 3.2, wobble_m=2.5),
}
INFILL = Pattern((12, 19), (9, 12), (1, 3), 7.0, 9.0, 0.55, "IIIL", ("shop", "shop", "office"), 3.9, most=3)
"""Shops, clinics and offices of the quarter, between the large buildings of these zones."""
INFILLED = ("slabs", "towers", "office", "hospital")
SETBACK_M = 4.0


def cut_blocks(recipe: Recipe, coast: Coast, streets: list[Street]) -> list[Block]:
    """What the streets leave of the land, with the use of the nearest zone point."""
    frame = box(0, 0, recipe.width_m, recipe.height_m)
    roads = shapely.union_all([s.line.buffer(s.width_m / 2 + 0.5) for s in streets])
    free = shapely.set_precision(coast.land.intersection(frame).difference(roads), 0.01)
    zones = [(name, shapely.Point(spot)) for name, spots in recipe.value("zones").items() for spot in spots]
    zones += [("park", shapely.Point(park["x"], park["y"])) for park in recipe.value("park")]
    blocks = []
    for part in sorted(shapely.get_parts(free), key=lambda p: (round(p.bounds[1]), round(p.bounds[0]))):
        if part.geom_type != "Polygon" or part.area < 400:
            continue
        if part.distance(coast.sea) < 1.0:
            blocks += _split(part, zones)
        else:
            middle = part.representative_point()
            blocks.append(Block(part, min(zones, key=lambda item: middle.distance(item[1]))[0]))
    return blocks


def _split(waterfront: Polygon, zones: list[tuple[str, shapely.Point]]) -> list[Block]:
    """The waterfront is one long block: it changes use half-way between zone points."""
    near = [(name, spot) for name, spot in zones if waterfront.distance(spot) < 1.0]
    if len(near) < 2:
        return [Block(waterfront, near[0][0] if near else "quay")]
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints([spot for _, spot in near]), extend_to=waterfront)
    )
    blocks = []
    for name in sorted({name for name, _ in near}):
        own = [cell for cell in cells if any(cell.contains(spot) for other, spot in near if other == name)]
        piece = shapely.set_precision(shapely.union_all(own).intersection(waterfront), 0.01)
        blocks += [
            Block(part, name) for part in shapely.get_parts(piece) if part.geom_type == "Polygon" and part.area > 400
        ]
    return blocks


def build_blocks(blocks: list[Block], keep_clear: shapely.Geometry, rng: np.random.Generator) -> list[Building]:
    """Buildings of all blocks; none within `SETBACK_M` of a street or in ``keep_clear``."""
    buildings: list[Building] = []
    for block in blocks:
        if block.zone not in PATTERNS:
            continue
        ground = block.shape.buffer(-SETBACK_M).difference(keep_clear)
        main = [building for part in _plots(ground) for building in _fill(part, block.zone, PATTERNS[block.zone], rng)]
        buildings += main
        if block.zone in INFILLED:
            left = ground.difference(shapely.union_all([b.footprint.buffer(6.5) for b in main]))
            between = [building for part in _plots(left) for building in _fill(part, "shops", INFILL, rng)]
            buildings += between[: INFILL.most]
    return buildings


def _plots(ground: shapely.Geometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon" and part.area > 250]


def raise_landmarks(recipe: Recipe) -> list[Building]:
    """The recipe's buildings that have a place of their own."""
    landmarks = []
    for row in recipe.value("landmark"):
        x, y, length, depth = (float(row[key]) for key in ("x", "y", "length_m", "depth_m"))
        plan = box(x - length / 2, y - depth / 2, x + length / 2, y + depth / 2)
        landmarks.append(
            Building(
                plan,
                row["use"],
                int(row["storeys"]),
                float(row["height_m"]),
                "landmark",
                row["name_en"],
                row["name_zh"],
            )
        )
    return landmarks


def _axis(shape: Polygon) -> tuple[float, float]:
    """Unit vector along the long side of the block that lies nearest to west-east."""
    corners = list(shape.minimum_rotated_rectangle.exterior.coords)
    sides = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(corners[:3])]
    dx, dy = max(sides, key=lambda side: abs(side[0]) / (abs(side[0]) + abs(side[1])))
    size = float(np.sqrt(dx * dx + dy * dy))
    sign = 1.0 if dx >= 0 else -1.0
    return sign * dx / size, sign * dy / size


def _fill(ground: Polygon, zone: str, pattern: Pattern, rng: np.random.Generator) -> Iterator[Building]:
    ux, uy = _axis(ground)
    turned = affine_transform(ground, [ux, uy, -uy, ux, 0, 0])
    west, south, east, north = turned.bounds
    storeys = int(rng.integers(pattern.storeys[0], pattern.storeys[1] + 1))
    built = 0
    y = south + 1.0
    while y < north and built < pattern.most:
        depth, fits = _between(rng, pattern.depth_m), False
        x = west + 1.0 + 5.0 * float(rng.random())
        while x < east and built < pattern.most:
            length = _between(rng, pattern.length_m)
            shape = pattern.shapes[int(rng.integers(len(pattern.shapes)))]
            shift = pattern.wobble_m * float(rng.random())
            plan = _plan(shape, x, y + shift, length, depth)
            if not turned.contains(plan):
                x += 3.0
                continue
            fits = True
            if rng.random() < pattern.fill:
                own = storeys if zone == "slabs" else int(rng.integers(pattern.storeys[0], pattern.storeys[1] + 1))
                use = pattern.uses[int(rng.integers(len(pattern.uses)))]
                footprint = shapely.set_precision(affine_transform(plan, [ux, -uy, uy, ux, 0, 0]), 0.01)
                yield Building(footprint, use, own, round(own * pattern.storey_m + 0.6, 1), zone)
                built += 1
            x += length + pattern.gap_m
        y += depth + pattern.row_m if fits else 3.0


def _between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return limits[0] + (limits[1] - limits[0]) * float(rng.random())


def _plan(shape: str, x: float, y: float, length: float, depth: float) -> Polygon:
    plan = box(x, y, x + length, y + depth)
    if shape == "L":
        return plan.difference(box(x + length * 0.42, y + depth * 0.5, x + length + 1, y + depth + 1))
    if shape == "U":
        return plan.difference(box(x + length * 0.3, y + depth * 0.45, x + length * 0.7, y + depth + 1))
    return plan


def house_people(buildings: list[Building], residents: int) -> list[int]:
    """Residents of each building in proportion to its dwelling floor area, summing exactly to ``residents``."""
    floor = [
        b.footprint.area * b.storeys * (0.6 if b.zone == "villas" else 1.0) if b.use == "residential" else 0.0
        for b in buildings
    ]
    total = sum(floor)
    exact = [residents * area / total for area in floor]
    people = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda k: (people[k] - exact[k], k))
    for k in order[: residents - sum(people)]:
        people[k] += 1
    return people
