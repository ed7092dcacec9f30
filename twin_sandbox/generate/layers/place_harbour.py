"""Berths, cranes and beaches."""

import shapely
from shapely.geometry import LineString

from twin_sandbox.generate.layers.place_network import frame, ground_m, spot_beside
from twin_sandbox.generate.layers.site import Site

CRANES = {"general_cargo": (25.0, 24.0), "container": (40.0, 30.0)}
"""Safe load [t] and reach [m] of the cranes of a berth."""
M2_A_BATHER = 8.0  # of beach


def add_berths(site: Site) -> None:
    """Fill ``berths`` and ``cranes``; depth and quay level are those of the terrain on both sides of the wall."""
    for row in site.recipe.value("place.berth"):
        line = LineString(row["line"])
        sides = [spot_beside(line, line.length / 2, offset) for offset in (10.0, -10.0)]
        levels = [ground_m(site, spot.x, spot.y) for spot in sides]
        inland = 1.0 if levels[0] > levels[1] else -1.0
        code = site.tables["berths"].add(
            line,
            row["kind"],
            row["name_en"],
            row["name_zh"],
            length_m=round(line.length, 1),
            depth_m=round(-min(levels), 2),
            draught_m=row["draught_m"],
            vessel_length_m=row["vessel_length_m"],
            quay_level_m=max(levels),
        )
        for n in range(row["cranes"]):
            at = (n + 0.5) * line.length / row["cranes"]
            lift, reach = CRANES.get(row["kind"], (16.0, 20.0))
            site.tables["cranes"].add(
                spot_beside(line, at, inland * 5.0),
                "quay_crane",
                f"Crane {n + 1}, {row['name_en']}",
                f"{row['name_zh']}{n + 1}号岸吊",
                berth_code=code,
                lift_t=lift,
                reach_m=reach,
            )


def add_beaches(site: Site) -> None:
    """Fill ``beaches``: the beach of the coast cut at the recipe's eastings."""
    beach = site.draft.coast.beach.intersection(frame(site))
    for row in site.recipe.value("place.beach"):
        west, east = row["x_m"]
        piece = shapely.set_precision(beach.intersection(shapely.box(west, -100.0, east, site.recipe.height_m)), 0.01)
        parts = [part for part in shapely.get_parts(piece) if part.geom_type == "Polygon" and part.area > 100]
        if not parts:
            continue
        part = max(parts, key=lambda p: p.area)
        shore = site.draft.coast.shore.intersection(shapely.box(west, -100.0, east, site.recipe.height_m))
        site.tables["beaches"].add(
            part,
            "bathing_beach",
            row["name_en"],
            row["name_zh"],
            length_m=round(shore.length, 1),
            area_m2=round(part.area),
            bathers=round(part.area / M2_A_BATHER),
        )
