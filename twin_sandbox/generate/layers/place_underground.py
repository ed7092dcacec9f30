"""Below the ground: basements, a car park, the underpass, a utility tunnel, gas mains, groundwater.

Depths keep clear of the storm sewers: 0.15 m between pipes that cross (GB 50289-2016, vertical clearances), more under
a tunnel. Gas mains lie below the pavement, with at least 0.6 m of cover (GB 50028-2006, 6.3: 0.6 m under pavements,
0.9 m under carriageways).
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.generate.layers.place_blocks import free_rectangle, lowest_m
from twin_sandbox.generate.layers.place_network import Network, beside, frame, ground_m
from twin_sandbox.generate.layers.site import Site

SLAB_M = 0.2  # ground floor slab above a basement
SPACE_M2 = 35.0  # of underground car park a space
TUNNEL_M = (3.2, 2.8)  # inner width and height
TUNNEL_WALL_M, TUNNEL_COVER_M, TUNNEL_CLEAR_M = 0.3, 2.5, 0.3
TUNNEL_OFFSET_M = 9.8  # below the cycle lane, clear of the sewers in the middle
CHAMBER_SPACING_M = 100.0  # half the longest fire compartment, 200 m, of GB 50838-2015
TUNNEL_CARRIES = "power water heat telecom"
CLEAR_M = 0.15
GAS_COVERS_M = (0.9, 0.8, 0.7, 0.6, *(round(1.1 + 0.2 * k, 1) for k in range(13)))
"""Covers tried in this order: above the sewers, then below them."""
GAS_SIZES = {"arterial": (0.2, 300.0), "collector": (0.15, 300.0), "local": (0.1, 100.0)}
"""Diameter [m] and pressure [kPa]: medium pressure A on larger streets, B on local ones."""


def add_rooms(site: Site) -> None:
    """Fill ``underground``; must come after ``building_details``."""
    rows = zip(site.draft.buildings, site.tables["buildings"].rows, site.facts["building_details"], strict=True)
    for building, row, detail in rows:
        if not detail["has_basement"]:
            continue
        parks = building.zone in {"towers", "office", "hospital"}
        levels = round(detail["basement_depth_m"] / 3.7)
        site.tables["underground"].add(
            building.footprint,
            "basement_car_park" if parks else "basement",
            f"Basement of {row['name_en']}",
            f"{row['name_zh']}地下室",
            building_code=row["code"],
            street_code="",
            top_m=round(row["floor_m"] - SLAB_M, 2),
            bottom_m=round(row["floor_m"] - detail["basement_depth_m"], 2),
            entrance_m=round(row["floor_m"] + 0.2 * float(site.rng.random()) - 0.05, 2),
            spaces=int(building.footprint.area * levels / SPACE_M2) if parks else 0,
        )
    _public_car_park(site)
    _underpass(site)


def _public_car_park(site: Site) -> None:
    """One below the smallest square among the parks."""
    squares = [block for block in site.draft.blocks if block.zone == "park" and block.shape.area > 6000]
    inland = [block for block in squares if block.shape.distance(site.draft.coast.sea) > 100]
    if not inland:
        return
    square = min(inland, key=lambda block: round(block.shape.area))
    plot = free_rectangle(square.shape.buffer(-10.0), ((64, 34), (50, 34), (34, 18)))
    if plot is None:
        return
    ground = lowest_m(site, plot)
    site.tables["underground"].add(
        plot,
        "public_car_park",
        "Car park below the square",
        "广场地下停车场",
        building_code="",
        street_code="",
        top_m=round(ground - 1.2, 2),
        bottom_m=round(ground - 5.0, 2),
        entrance_m=round(ground + 0.2, 2),
        spaces=int(plot.area / SPACE_M2),
    )


def _underpass(site: Site) -> None:
    number, street = next((k, s) for k, s in enumerate(site.draft.streets) if s.street_class == "underpass")
    half = site.recipe.number("underpass.floor_m") / 2
    middle = street.line.length / 2
    room = substring(street.line, middle - half, middle + half).buffer(
        site.recipe.number("underpass.cut_width_m") / 2, cap_style="flat"
    )
    pool = next(row for row in site.tables["low_areas"].rows if row["kind"] == "underpass")
    site.tables["underground"].add(
        room,
        "underpass",
        street.name_en,
        street.name_zh,
        building_code="",
        street_code=site.tables["streets"].rows[number]["code"],
        top_m=round(pool["sill_m"], 2),
        bottom_m=round(pool["bottom_m"], 2),
        entrance_m=round(pool["sill_m"], 2),
        spaces=0,
    )


def _sewers_under(site: Site, shape: shapely.Geometry) -> Iterator[tuple[Point, float, float]]:
    """Where a sewer crosses ``shape``, its invert and its soffit there."""
    for pipe in site.draft.sewers.pipes:
        if pipe.line.intersects(shape):
            spot = pipe.line.intersection(shape).centroid
            share = pipe.line.project(spot) / pipe.line.length
            invert = pipe.inlet_m + (pipe.outlet_m - pipe.inlet_m) * share
            yield spot, invert, invert + pipe.diameter_m


def add_tunnel(site: Site, network: Network) -> None:
    """Fill ``utility_tunnels`` and ``tunnel_chambers``: below a street, under every sewer that it crosses."""
    plan = site.recipe.value("place.tunnel")
    parts = [
        (k, s)
        for k, s in enumerate(site.draft.streets)
        if s.name_en == plan["street"] and plan["from_x"] - 5 < s.line.centroid.x < plan["to_x"] + 5
    ]
    if not parts:
        return
    parts.sort(key=lambda part: part[1].line.centroid.x)
    xy = [xy for _, street in parts for xy in street.line.coords]
    line = beside(LineString(list(dict.fromkeys(xy))), TUNNEL_OFFSET_M)
    count = math.ceil(line.length / CHAMBER_SPACING_M)
    stations = [n * line.length / count for n in range(count + 1)]
    outer = line.buffer(TUNNEL_M[0] / 2 + TUNNEL_WALL_M)
    lowest_sewer = min((invert for _, invert, _ in _sewers_under(site, outer)), default=math.inf)
    lowest_ground = min(ground_m(site, *line.interpolate(at).coords[0]) for at in stations)
    soffit = min(lowest_ground - TUNNEL_COVER_M, lowest_sewer - TUNNEL_CLEAR_M) - TUNNEL_WALL_M
    invert = round(soffit - TUNNEL_M[1], 2)
    codes = []
    kinds = ("entrance_chamber", "ventilation_chamber", "branch_chamber")
    for n, at in enumerate(stations):
        spot = line.interpolate(at)
        kind = kinds[0] if n in {0, count} else kinds[1 + n % 2]
        codes.append(
            site.tables["tunnel_chambers"].add(
                spot,
                kind,
                f"Tunnel chamber {n + 1}",
                f"管廊{n + 1}号节点",
                ground_m=ground_m(site, spot.x, spot.y),
                invert_m=invert,
            )
        )
    for n, ((a, b), (start, end)) in enumerate(zip(pairwise(stations), pairwise(codes), strict=True), start=1):
        piece = substring(line, a, b)
        street = min(parts, key=lambda part: part[1].line.distance(piece.centroid))[0]
        site.tables["utility_tunnels"].add(
            piece,
            "utility_tunnel",
            f"Utility tunnel {n}, {plan['street']}",
            f"综合管廊{n}段",
            from_code=start,
            to_code=end,
            street_code=network.streets[street],
            length_m=round(piece.length, 1),
            invert_m=invert,
            width_m=TUNNEL_M[0],
            height_m=TUNNEL_M[1],
            carries=TUNNEL_CARRIES,
        )


def add_gas(site: Site, network: Network) -> None:
    """Fill ``gas_pipes``: a main along each street above ground; from and to follow the way from the gas gate."""
    gate = Point(*(site.recipe.value("place.gas_gate")[axis] for axis in ("x", "y")))
    distance = _distances(
        site, network, min(range(len(network.points)), key=lambda n: gate.distance(Point(network.points[n])))
    )
    for k, street in enumerate(site.draft.streets):
        if street.street_class not in GAS_SIZES:
            continue
        start, end = sorted(network.ends[k], key=lambda n: (distance[n], n))
        line = beside(street.line, street.width_m / 2 + 0.6).intersection(frame(site))
        if network.ends[k][0] != start:
            line = line.reverse()
        diameter, pressure = GAS_SIZES[street.street_class]
        site.tables["gas_pipes"].add(
            line,
            "gas_main",
            f"Gas main DN{round(diameter * 1000)}, {street.name_en}",
            f"{street.name_zh}燃气管DN{round(diameter * 1000)}",
            from_code=network.codes[start],
            to_code=network.codes[end],
            street_code=network.streets[k],
            length_m=round(line.length, 1),
            diameter_m=diameter,
            depth_m=_gas_cover_m(site, line, diameter),
            pressure_kpa=pressure,
        )


def _gas_cover_m(site: Site, line: LineString, diameter_m: float) -> float:
    """The first cover at which the main clears all sewers that it crosses, above or below; else the first of all."""
    crossed = [(ground_m(site, spot.x, spot.y), invert, soffit) for spot, invert, soffit in _sewers_under(site, line)]

    def clears(cover: float) -> bool:
        tops = [(ground - cover, invert, soffit) for ground, invert, soffit in crossed]
        return all(top - diameter_m - soffit >= CLEAR_M or invert - top >= CLEAR_M for top, invert, soffit in tops)

    return next((cover for cover in GAS_COVERS_M if clears(cover)), GAS_COVERS_M[0])


def _distances(site: Site, network: Network, start: int) -> list[float]:
    """Way along the streets that carry gas from a node to each other one [m]."""
    links = [(*network.ends[k], s.line.length) for k, s in enumerate(site.draft.streets) if s.street_class in GAS_SIZES]
    found = [math.inf] * len(network.points)
    found[start] = 0.0
    for _ in network.points:
        for a, b, length in links:
            found[a], found[b] = min(found[a], found[b] + length), min(found[b], found[a] + length)
    return found


def add_wells(site: Site) -> None:
    """Fill ``groundwater_wells``: a seam for a later aquifer; the level rises inland from mean sea level."""
    built = shapely.union_all([b.footprint.buffer(5.0, join_style="mitre") for b in site.draft.buildings])
    for block in site.draft.blocks[::5]:
        ground = block.shape.buffer(-6.0).difference(built)
        if block.zone in {"beach", "quay"} or ground.is_empty:
            continue
        spot = max(shapely.get_parts(ground), key=lambda part: round(part.area)).representative_point()
        level = ground_m(site, spot.x, spot.y)
        inland = spot.distance(site.draft.coast.sea)
        number = len(site.tables["groundwater_wells"].rows) + 1
        table = min(0.25 + 0.0035 * inland, level - 0.9) + 0.1 * float(site.rng.random())
        site.tables["groundwater_wells"].add(
            spot,
            "monitoring_well",
            f"Groundwater well {number}",
            f"{number}号地下水监测井",
            ground_m=level,
            level_m=round(table, 2),
            well_depth_m=float(12 + 2 * (number % 3)),
        )
