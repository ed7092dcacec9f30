"""Codes, geometry, people and streets."""

from collections.abc import Iterator

import numpy as np
import shapely

from twin_sandbox.entities import TABLES, District
from twin_sandbox.entities.code import is_valid, parse_code
from twin_sandbox.generate.sanity.value import RULE, Value, none_of


def values(district: District) -> Iterator[Value]:
    """Figures of codes, geometry and the town."""
    yield from _codes(district)
    yield from _geometry(district)
    yield from _town(district)


def _codes(district: District) -> Iterator[Value]:
    west, south, _, _ = district.terrain.bounds_m
    wrong = foreign = misplaced = 0
    codes: list[str] = []
    for name, table in district.entities.items():
        kind = TABLES[name]
        codes += list(table.index)
        for code, shape in zip(table.index, table.geometry, strict=True):
            if not is_valid(str(code)):
                wrong += 1
                continue
            parts = parse_code(code)
            foreign += (parts.area, parts.letter, parts.kind) != (district.area_code, kind.letter, kind.kind)
            x, y = west + 100 * parts.column, south + 100 * parts.row
            misplaced += not shapely.box(x, y, x + 100, y + 100).distance(shape) < 0.02
    yield none_of("codes_invalid", wrong)
    yield none_of("codes_doubled", len(codes) - len(set(codes)))
    yield none_of("codes_of_another_table", foreign)
    yield none_of("codes_of_another_place", misplaced)


def _geometry(district: District) -> Iterator[Value]:
    wrong = outside = 0
    frame = shapely.box(*district.terrain.bounds_m).buffer(0.5)
    for name, table in district.entities.items():
        kinds = {TABLES[name].geometry, f"Multi{TABLES[name].geometry}"}
        fine = table.geometry.is_valid & ~table.geometry.is_empty & table.geometry.geom_type.isin(kinds)
        wrong += int((~fine).sum())
        outside += int((~table.geometry.within(frame)).sum())
    yield none_of("geometries_invalid", wrong)
    yield none_of("geometries_outside_the_frame", outside)
    streets, buildings = district.entities["streets"], district.entities["buildings"].geometry
    roads = shapely.union_all(streets.geometry.buffer(streets["width_m"] / 2).values)
    shapely.prepare(roads)
    shapes = list(buildings)
    on_roads = [shape for shape in shapes if roads.intersects(shape)]
    yield none_of("buildings_on_streets", sum(roads.intersection(shape).area > 0.01 for shape in on_roads))
    pairs = shapely.STRtree(shapes).query(shapes, predicate="intersects").T
    overlaps = sum(a < b and shapes[a].intersection(shapes[b]).area > 0.01 for a, b in pairs)
    yield none_of("buildings_on_one_another", overlaps)
    cover = district.terrain.land_cover
    sea = sum(cover[district.terrain.cell(p.x, p.y)] == 0 for p in buildings.representative_point())
    yield none_of("buildings_in_the_sea", int(sea))


def land_m2(district: District) -> float:
    """Area of the land [m²]."""
    return float((district.terrain.land_cover > 0).sum()) * district.terrain.cell_m**2


def _town(district: District) -> Iterator[Value]:
    streets, buildings = district.entities["streets"], district.entities["buildings"]
    land_km2 = land_m2(district) / 1e6
    people = float(buildings["residents"].sum())
    wanted = float(district.recipe["district"]["residents"])
    yield Value("residents", people, wanted, wanted, "people", "recipe, district.residents")
    yield Value("people_per_km2", round(people / land_km2), 10_000, 15_000, "1/km²", "GB 50180-2018")
    density = float(streets.length.sum()) / 1e3 / land_km2
    yield Value("streets_per_km2", round(density, 2), 8.0, 25.0, "km/km²", "GB/T 51328-2018")
    yield Value("buildings", float(len(buildings)), 120, 600, "1", RULE)
    homes = buildings[buildings["residents"] > 0]
    floor_area = float((homes.area * homes["storeys"]).sum()) / max(people, 1.0)
    yield Value("dwelling_floor_per_person", round(floor_area, 1), 20.0, 60.0, "m²", "GB 50180-2018")
    yield none_of(
        "residents_outside_homes", int((buildings["use"].ne("residential") & (buildings["residents"] > 0)).sum())
    )
    storey = buildings["height_m"] / buildings["storeys"]
    yield none_of("storeys_lower_than_2_6_m", int((storey < 2.6).sum()), "GB 55038-2025")
    terrain = district.terrain
    points = buildings.representative_point()
    ground = np.array([terrain.elevation_m[terrain.cell(p.x, p.y)] for p in points])
    step = buildings["floor_m"].to_numpy() - ground
    # on the hill a house is dug in: its floor may lie below the ground at its middle
    yield Value("ground_floor_above_ground_least", round(float(step.min()), 2), -0.8, 0.5, "m", RULE)
    yield Value("ground_floor_above_ground_median", round(float(np.median(step)), 2), 0.05, 0.6, "m", RULE)
    yield Value("street_networks", float(_graph_parts(district)), 1, 1, "1", RULE)


def _graph_parts(district: District) -> int:
    """In how many parts, not joined to one another, the streets fall."""
    parent: dict[tuple[float, float], tuple[float, float]] = {}

    def find(node: tuple[float, float]) -> tuple[float, float]:
        parent.setdefault(node, node)
        while parent[node] != node:
            node = parent[node]
        return node

    for line in district.entities["streets"].geometry:
        a, b = ((round(p[0], 2), round(p[1], 2)) for p in (line.coords[0], line.coords[-1]))
        parent[find(a)] = find(b)
    return len({find(node) for node in parent})
