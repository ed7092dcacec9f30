"""Which houses district heat serves, how much they need on the coldest day, and which substation serves which."""

from typing import NamedTuple

import shapely
from shapely.geometry import Point

from twin_sandbox.generate.draft import Draft

ZONES = ("slabs", "towers", "office", "school", "hospital", "shops")
"""Blocks with dense or public buildings; old town and villas heat on their own."""
UNHEATED = ("port", "substation", "pumping station")
# a substation of a quarter serves at most so much floor area (CJJ 34-2022 leaves it to the design; practice 2 to 10 ha)
MOST_FLOOR_M2, MOST_HOUSES = 60_000.0, 10
CLEAR_M = 4.0  # of a substation's small house from other buildings
STATION_M = 5.0  # half its side


class Load(NamedTuple):
    """A building of the draft and its design load."""

    building: int
    floor_m2: float
    kw: float


class Group(NamedTuple):
    """Houses of one block that a substation serves, and where that stands."""

    at: Point
    loads: list[Load]

    @property
    def kw(self) -> float:
        """Sum of the design loads."""
        return sum(load.kw for load in self.loads)


def group_houses(draft: Draft) -> list[Group]:
    """One substation a block, more where its floor area asks for them."""
    homes, public = (draft.recipe.number(f"heat.{name}_w_m2") for name in ("homes", "public"))
    footprints = [building.footprint for building in draft.buildings]
    tree = shapely.STRtree(footprints)
    blocks = [block for block in draft.blocks if block.zone in ZONES]
    groups = []
    for block in blocks:
        inside = sorted(int(k) for k in tree.query(block.shape, predicate="contains"))
        loads = []
        for k in inside:
            building = draft.buildings[k]
            if building.use in UNHEATED:
                continue
            floor = round(building.footprint.area * building.storeys, 1)
            per_m2 = homes if building.use == "residential" else public
            loads.append(Load(k, floor, round(floor * per_m2 / 1000.0, 1)))
        if not loads:
            continue
        parts = max(int(sum(load.floor_m2 for load in loads) // MOST_FLOOR_M2) + 1, -(-len(loads) // MOST_HOUSES))
        west, south, east, north = block.shape.bounds
        axis = "x" if east - west > north - south else "y"
        ordered = sorted(loads, key=lambda load: (getattr(footprints[load.building].centroid, axis), load.building))
        size = -(-len(ordered) // parts)
        for part in range(0, len(ordered), size):
            own = ordered[part : part + size]
            groups.append(Group(_place(block.shape, [footprints[k] for k in inside], own, footprints), own))
    return groups


def _place(
    block: shapely.Polygon, taken: list[shapely.Polygon], loads: list[Load], footprints: list[shapely.Polygon]
) -> Point:
    """A free spot near the middle of the load, clear of houses and of the block's edge."""
    weight = sum(load.kw for load in loads)
    x, y = (
        sum(load.kw * getattr(footprints[load.building].centroid, axis) for load in loads) / weight for axis in "xy"
    )
    free = block.buffer(-STATION_M - 1.0).difference(shapely.union_all([s.buffer(STATION_M + CLEAR_M) for s in taken]))
    if free.is_empty:
        free = block.buffer(-1.0)
    spot = shapely.ops.nearest_points(free, Point(x, y))[0]
    return Point(round(spot.x, 2), round(spot.y, 2))
