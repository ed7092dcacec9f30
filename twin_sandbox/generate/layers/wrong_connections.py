"""Foul water that runs into storm sewers: drains of a few houses led to the nearest manhole, which was the wrong one.

Runs last: it adds to what stands and changes nothing of it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import LineString, Point

from twin_sandbox.generate.layers.site import Site

COUNT = 9
REACH_M = (6.0, 40.0)
"""Length of the drain: the manhole lies in the street, and a longer trench would have met the right sewer."""
APART_M = 70.0
COVER_M = 0.7
"""Ground above the drain's soffit at the house, GB 50014-2021, 5.3."""
ABOVE_INVERT_M = 0.1
SLOPES = (0.01, 0.03)
FOUL_OF_SUPPLY = 0.85
"""Foul water by water supplied, GB 50318-2017."""
FIRST_SEPARATE_YEAR = 1990
"""Houses older than this had all their drains led to the one sewer that there was. Rule of this project."""


@dataclass(frozen=True)
class Drain:
    """What is wrongly connected: words, part of the house's foul water, pipe."""

    kind: str
    name_en: str
    name_zh: str
    share: float
    diameter_m: float


HOUSE = Drain("house drain", "House drain", "污水出户管", 1.0, 0.2)
BALCONY = Drain("balcony drain", "Balcony drain", "阳台排水管", 0.25, 0.15)
KITCHEN = Drain("kitchen drain", "Kitchen drain", "厨房排水管", 0.6, 0.15)
"""Washing machines stand on balconies, whose pipes were meant for rain. Shares are rules of this project."""


def add(site: Site) -> None:
    """Add the connections, each at another place; a house with more drains has more chances."""
    demand = {row["building_code"]: row["base_demand_m3s"] for row in site.tables["water_services"].rows}
    candidates = _candidates(site)
    chance = np.array([demand[candidate["house"]["code"]] for candidate in candidates])
    chosen: list[dict[str, Any]] = []
    for k in site.rng.choice(len(candidates), len(candidates), replace=False, p=chance / chance.sum()):
        spot = candidates[k]["line"].coords[0]
        if all(Point(spot).distance(Point(other["line"].coords[0])) >= APART_M for other in chosen):
            chosen.append(candidates[k])
        if len(chosen) == COUNT:
            break
    for connection in chosen:
        house, manhole, drain = (connection[part] for part in ("house", "manhole", "drain"))
        site.tables["wrong_connections"].add(
            connection["line"],
            drain.kind,
            f"{drain.name_en} of {house['name_en']}",
            f"{house['name_zh']}{drain.name_zh}（混接）",
            building_code=house["code"],
            junction_code=manhole["code"],
            dry_weather_m3s=round(FOUL_OF_SUPPLY * drain.share * demand[house["code"]], 7),
            length_m=round(connection["line"].length, 2),
            diameter_m=drain.diameter_m,
            inlet_invert_m=connection["inlet_m"],
            outlet_invert_m=connection["outlet_m"],
            valid_from=max(house["valid_from"], manhole["valid_from"]),
        )


def _candidates(site: Site) -> list[dict[str, Any]]:
    """A drain for each house that could have one: it crosses no other house, and falls into its nearest manhole."""
    draft = site.draft
    west, south = (site.recipe.number(f"district.{side}_min_m") for side in "xy")
    holes = draft.sewers.manholes
    manholes = site.tables["junctions"].rows[: len(holes)]
    spots = shapely.points([(hole.x_m, hole.y_m) for hole in holes])
    nearest = shapely.STRtree(spots)
    houses = shapely.STRtree([building.footprint for building in draft.buildings])
    slopes = site.rng.uniform(*SLOPES, len(draft.buildings))
    found = []
    for building, row, slope in zip(draft.buildings, site.tables["buildings"].rows, slopes, strict=True):
        drain = _drain(building.use, row)
        if drain is None:
            continue
        wall = translate(row["geometry"], -west, -south).exterior  # as the table rounds it
        k = int(nearest.nearest(wall))
        begin = wall.interpolate(wall.project(spots[k]))
        line = LineString([begin, spots[k]])
        if not REACH_M[0] <= line.length <= REACH_M[1] or len(houses.query(line, predicate="intersects")) > 1:
            continue
        ground = float(draft.height_m[draft.grid.cell(begin.x, begin.y)])
        inlet = round(ground - COVER_M - drain.diameter_m, 2)
        outlet = round(inlet - float(slope) * line.length, 3)
        if outlet >= manholes[k]["invert_m"] + ABOVE_INVERT_M:
            found.append(
                {
                    "house": row,
                    "manhole": manholes[k],
                    "drain": drain,
                    "line": line,
                    "inlet_m": inlet,
                    "outlet_m": outlet,
                }
            )
    return found


def _drain(use: str, row: dict[str, Any]) -> Drain | None:
    if use == "shop":
        return KITCHEN
    if use != "residential":
        return None
    return HOUSE if int(row["valid_from"][:4]) < FIRST_SEPARATE_YEAR else BALCONY
