"""What the buildings of a district are made of, by year, structure and shape.

Transmission by energy class follows the generations of the Chinese design standards for the cold zone: before 1986
brick with windows since replaced; JGJ 26-1986 (30 % saved), JGJ 26-1995 (50 %), JGJ 26-2010 (65 %), JGJ 26-2018
(75 %), and for public buildings GB 50189 of 1993, 2005 and 2015. Values are typical of each, not a clause.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.buildings.zone import Fabric

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

Floats = NDArray[np.float64]


class Skin(NamedTuple):
    """An energy class.

    wall, roof, ground, window: transmission [W/(m²·K)]; sun: what glass lets through; gaps: air changes by a tight
    house's.
    """

    wall: float
    roof: float
    ground: float
    window: float
    sun: float
    gaps: float


SKINS = {
    "A": Skin(0.40, 0.30, 0.30, 2.0, 0.45, 1.0),
    "B": Skin(0.55, 0.42, 0.40, 2.6, 0.55, 1.0),
    "C": Skin(0.85, 0.65, 0.50, 3.2, 0.62, 1.2),
    "D": Skin(1.15, 0.90, 0.60, 4.0, 0.68, 1.4),
    "E": Skin(1.45, 1.10, 0.60, 4.0, 0.70, 1.4),
}


# J/(m²·K) and A_m by A_f: EN ISO 13790, table 12: light, medium, very heavy (walls and floors of brick and concrete)
MASS = {"steel_frame": (110_000.0, 2.5), "timber_masonry": (165_000.0, 2.5), "masonry": (370_000.0, 3.5)}
_HEAVY = (370_000.0, 3.5)

SHADE = 0.55
"""Sun on a façade that passes frames (0.8), curtains (0.85) and neighbours (0.8)."""
AIR_J_M3K = 1200.0
STOREY_AIR_M = 2.6
BRIDGES = 1.2
"""Transmission of walls and roofs with slabs, beams and window edges by that without (GB 50176-2016 asks to count them;
1.1 to 1.3)."""


def fabric_of(district: "District", window: Floats, air_per_h: Floats) -> tuple[Floats, Fabric]:
    """Glass that faces north, east, south and west [m²], as much of it as the sun gets through, [n, 4]; the fabric.

    Args:
        district: where.
        window: of each building, share of glass in its façades.
        air_per_h: of each building, air changes if its windows were tight.
    """
    buildings = district.entities["buildings"]
    details = district.facts["building_details"].set_index("building_code").reindex(buildings.index)
    skins = [SKINS[name] for name in details["energy_class"]]
    skin = {field: np.array([getattr(one, field) for one in skins]) for field in Skin._fields}
    foot_m2, floor_m2 = buildings.area.to_numpy(), 0.9 * details["floor_area_m2"].to_numpy(dtype=np.float64)
    facade_m2 = facade_lengths(buildings.geometry) * buildings["height_m"].to_numpy(dtype=np.float64)[:, None]
    glass_m2 = facade_m2 * window[:, None]
    walls_m2 = facade_m2.sum(axis=1) * (1.0 - window)
    opaque_w_k = BRIDGES * (walls_m2 * skin["wall"] + foot_m2 * skin["roof"]) + foot_m2 * skin["ground"]
    masses = [MASS.get(name, _HEAVY) for name in details["structure"]]
    capacity, by_floor = (np.array(column) for column in zip(*masses, strict=True))
    fabric = Fabric(
        floor_m2=floor_m2,
        opaque_w_k=opaque_w_k,
        windows_w_k=glass_m2.sum(axis=1) * skin["window"],
        air_w_k=AIR_J_M3K / 3600.0 * air_per_h * skin["gaps"] * floor_m2 * STOREY_AIR_M,
        capacity_j_k=capacity * floor_m2,
        mass_m2=by_floor * floor_m2,
    )
    return glass_m2 * (skin["sun"] * SHADE)[:, None], fabric


def facade_lengths(shapes: "gpd.GeoSeries") -> Floats:
    """Length of wall that faces north, east, south and west [m], [n, 4]; each wall counts for the nearest."""
    import shapely

    points, ring = shapely.get_coordinates(shapely.get_exterior_ring(shapes.to_numpy()), return_index=True)
    along = np.diff(points, axis=0)[ring[1:] == ring[:-1]]
    house = ring[1:][ring[1:] == ring[:-1]]
    clockwise = np.where(shapely.is_ccw(shapely.get_exterior_ring(shapes.to_numpy())), 1.0, -1.0)[house]
    # to the right of a walk against the clock lies the outside
    faces = np.degrees(np.arctan2(along[:, 1] * clockwise, -along[:, 0] * clockwise)) % 360.0
    side = np.round(faces / 90.0).astype(np.int64) % 4
    lengths = np.zeros((len(shapes), 4))
    np.add.at(lengths, (house, side), np.hypot(along[:, 0], along[:, 1]))
    return lengths
