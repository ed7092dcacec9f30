"""Roofs and further facts of buildings.

A roof is told such that a closed solid follows from footprint and row: eaves and ridge above datum, the ridge's
bearing, and the kind; a shed rises to the right of its bearing. Plans are rectangles, L or U; the main wing is the
widest rectangle in a plan, and the pitch is that over its span.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry import Polygon

from twin_sandbox.generate.blocks import Building
from twin_sandbox.generate.layers.place_blocks import Ground
from twin_sandbox.generate.layers.site import Site

KINDS: dict[str, tuple[tuple[float, str], ...]] = {
    "old_town": ((0.7, "gable"), (0.15, "hip"), (0.15, "flat")),
    "villas": ((0.5, "gable"), (0.42, "hip"), (0.08, "flat")),
    "slabs": ((0.8, "flat"), (0.2, "gable")),
    "port": ((1.0, "gable"),),
    "shops": ((0.85, "flat"), (0.15, "shed")),
    "landmark": ((1.0, "gable"),),
}
"""Share of roof kinds by zone; elsewhere all are flat."""
LANDMARKS = {"Old Customs House": "hip", "Mole Lighthouse": "flat", "Quay Pumping Station": "flat"}
PITCH_DEG = {"old_town": (24, 32), "villas": (24, 36), "slabs": (14, 20), "port": (6, 10), "shops": (5, 9)}
KNEE_M = 1.0  # least wall below the eaves in the topmost storey
PV_SHARE = {"flat": 0.5, "gable": 0.36, "hip": 0.26, "shed": 0.7}
"""Share of a roof's area that panels can cover, in rows if flat, else on its sunny side: a rule of this project."""


@dataclass(frozen=True)
class Wing:
    """The widest rectangle in a plan: length along its ridge, span across, bearing of the ridge [0, 180)."""

    length_m: float
    span_m: float
    bearing_deg: float


def main_wing(plan: Polygon) -> Wing:
    """The widest, then largest, rectangle between the lines of a rectilinear plan's sides."""
    ring = np.asarray(plan.exterior.coords)
    sides = np.diff(ring, axis=0)
    dx, dy = sides[int(np.argmax(np.round((sides * sides).sum(axis=1), 3)))]
    size = math.hypot(dx, dy)
    ux, uy = dx / size, dy / size
    turned = affine_transform(plan, [ux, uy, -uy, ux, 0, 0]).buffer(0.05, join_style="mitre")
    corners = np.asarray(affine_transform(plan, [ux, uy, -uy, ux, 0, 0]).exterior.coords)
    xs, ys = (_levels(corners[:, axis]) for axis in (0, 1))
    boxes = [
        (round(min(b - a, d - c), 1), round((b - a) * (d - c), 2), b - a, d - c)
        for a, b in combinations(xs, 2)
        for c, d in combinations(ys, 2)
        if turned.contains(shapely.box(a, c, b, d))
    ]
    _, _, along, across = max(boxes)
    if along < across:
        ux, uy, along, across = -uy, ux, across, along
    return Wing(along, across, round(math.degrees(math.atan2(ux, uy)) % 180.0, 1) % 180.0)


def _levels(values: np.ndarray) -> list[float]:
    """Distinct values, those within 0.1 m taken as one."""
    levels: list[float] = []
    for value in sorted(float(v) for v in values):
        if not levels or value - levels[-1] > 0.1:
            levels.append(value)
    return levels


def _draw(chance: float, shares: tuple[tuple[float, str], ...]) -> str:
    for share, kind in shares:
        chance -= share
        if chance < 0:
            return kind
    return shares[-1][1]


def _kind(building: Building, wing: Wing, chance: float) -> str:
    kind = LANDMARKS.get(building.name_en) or _draw(chance, KINDS.get(building.zone, ((1.0, "flat"),)))
    corners = len(building.footprint.exterior.coords) - 1
    if corners > 6 or (kind == "shed" and (corners > 4 or building.storeys > 2)):
        return "flat"
    # a hip on a nearly square plan would end in a point
    return "gable" if kind == "hip" and (corners > 4 or wing.length_m < 1.15 * wing.span_m) else kind


def add_roofs(site: Site) -> None:
    """Fill ``roofs``: one row a building; the ridge is the top, ``floor_m + height_m``."""
    for building, row in zip(site.draft.buildings, site.tables["buildings"].rows, strict=True):
        wing = main_wing(building.footprint)
        kind = _kind(building, wing, float(site.rng.random()))
        low, high = PITCH_DEG.get(building.zone, (18, 24))
        wished = low + (high - low) * float(site.rng.random())
        ridge = round(row["floor_m"] + building.height_m, 2)
        run = wing.span_m if kind == "shed" else wing.span_m / 2
        most = building.height_m - building.height_m * (building.storeys - 1) / building.storeys - KNEE_M
        rise = 0.0 if kind == "flat" else round(min(run * math.tan(math.radians(wished)), max(most, 0.8)), 2)
        pitch = math.atan2(rise, run)
        area = building.footprint.area / math.cos(pitch)
        site.facts["roofs"].append(
            {
                "building_code": row["code"],
                "roof_kind": kind,
                "eaves_m": round(ridge - rise, 2),
                "ridge_m": ridge,
                "ridge_direction_deg": wing.bearing_deg,
                "pitch_deg": round(math.degrees(pitch), 1),
                "roof_area_m2": round(area, 1),
                "usable_pv_m2": round(area * PV_SHARE[kind] * (0.8 + 0.2 * float(site.rng.random())), 1),
            }
        )


YEARS = {
    "old_town": (1934, 1985),
    "slabs": (1986, 2004),
    "towers": (2008, 2021),
    "office": (2003, 2022),
    "shops": (1992, 2016),
    "port": (1978, 2012),
    "school": (1988, 2018),
    "hospital": (1996, 2019),
    "villas": (1998, 2016),
    "landmark": (1905, 2015),
}
VALUE_CNY_M2 = {
    "old_town": 14_500,
    "slabs": 17_000,
    "towers": 26_000,
    "office": 21_000,
    "shops": 24_000,
    "port": 6_500,
    "school": 9_000,
    "hospital": 12_000,
    "villas": 31_000,
    "landmark": 12_000,
}
"""Invented: no real market stands behind it."""
BASEMENT_CHANCE = {"towers": 1.0, "office": 0.95, "hospital": 1.0, "slabs": 0.12, "shops": 0.22, "school": 0.3}
DWELLING_M2 = {"old_town": 62.0, "slabs": 84.0, "towers": 102.0, "villas": 150.0}
NOT_HEATED = {"port", "substation", "pumping station"}
BASEMENT_STOREY_M = 3.7
LIFT_STOREYS = 7  # a lift from the seventh storey (GB 50096-2011 asks for one above 16 m of entrance height)


def _energy_class(year: int) -> str:
    """By the design standards of the time: 50 % saving from 1996, 65 % from 2010, 75 % from 2015."""
    return "E" if year < 1986 else "D" if year < 1996 else "C" if year < 2010 else "B" if year < 2015 else "A"


def _structure(building: Building, year: int) -> str:
    if building.use == "port" and building.storeys == 1:
        return "steel_frame"
    if building.storeys > 11:
        return "shear_wall"
    if building.storeys > 6 or building.zone in {"office", "hospital", "school"}:
        return "concrete_frame"
    return "timber_masonry" if year < 1955 else "masonry"


def add_details(site: Site, ground: Ground) -> None:
    """Fill ``building_details``: one row a building, all of it invented within what its zone and age allow."""
    rows = zip(site.draft.buildings, site.tables["buildings"].rows, ground.of_building, strict=True)
    for building, row, block in rows:
        chance = [float(value) for value in site.rng.random(6)]
        first, last = YEARS.get(building.zone, (1990, 2015))
        year = first + int(chance[0] * (last - first + 1))
        floor = building.footprint.area * building.storeys
        basement = chance[1] < BASEMENT_CHANCE.get(building.zone, 0.0) and building.storeys > 2
        levels = 2 if basement and building.storeys > 11 and chance[2] < 0.5 else 1
        depth = round(levels * BASEMENT_STOREY_M, 2) if basement else 0.0
        homes = row["residents"] > 0
        dwellings = max(1, round(floor * 0.86 / DWELLING_M2.get(building.zone, 90.0))) if homes else 0
        below = basement and chance[3] < 0.55
        level = row["floor_m"] - depth + 0.4 if below else row["floor_m"] + 0.25 + 0.9 * chance[4]
        lifts = 0 if building.storeys < LIFT_STOREYS else max(1, round(building.footprint.area / 260))
        site.facts["building_details"].append(
            {
                "building_code": row["code"],
                "block_code": block,
                "year_built": year,
                "structure": _structure(building, year),
                "floor_area_m2": round(floor, 1),
                "dwellings": dwellings,
                "has_basement": basement,
                "basement_depth_m": depth,
                "lifts": lifts,
                "energy_class": _energy_class(year),
                "property_value_cny_m2": round(
                    VALUE_CNY_M2.get(building.zone, 12_000) * (0.82 + 0.3 * chance[5]) * (1 - 0.003 * (2024 - year)), -2
                ),
                "heated_area_m2": 0.0 if building.use in NOT_HEATED else round(floor * 0.9, 1),
                "switchboard_level_m": round(level, 2),
            }
        )
