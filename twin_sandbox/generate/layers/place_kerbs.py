"""At the kerb: lamp poles, trees, parking.

Lamps stand 25 to 35 m apart after CJJ 45: in pairs along arterials, staggered along collectors, on one side of locals.
"""

from collections.abc import Callable

import shapely
from shapely.affinity import translate
from shapely.geometry import Point
from shapely.ops import substring

from twin_sandbox.generate.layers.place_network import Network, beside, free_line, ground_m, inside_frame, spot_beside
from twin_sandbox.generate.layers.site import Site

POLE_SPACING_M = 30.0
POLE_SETBACK_M, TREE_SETBACK_M = 0.8, 1.4  # behind the kerb
POLES = {"arterial": (12.0, 180), "collector": (9.0, 120), "local": (7.0, 60)}
"""Height [m] and lamp [W]."""
TREE_SPACING_M = {"arterial": 11.0, "collector": 12.0, "local": 14.0}
SPECIES = {
    "plane tree": ("悬铃木", 11.0, 8.0),
    "ginkgo": ("银杏", 10.0, 5.5),
    "camphor": ("香樟", 9.0, 7.0),
    "locust": ("刺槐", 9.5, 6.5),
    "black pine": ("黑松", 8.0, 5.0),
    "cherry": ("樱花", 5.5, 4.5),
}
"""Chinese word, height and crown [m] of a grown tree."""
SPECIES_OF = {
    "Plane Tree Road": "plane tree",
    "Camphor Street": "camphor",
    "Harbour Road": "black pine",
    "Lighthouse Avenue": "ginkgo",
    "Anning Road": "plane tree",
    "Seaview Lane": "cherry",
}
PARK_HA_A_TREE = 0.028
FREE_M = 3.0  # round a tree, of poles, crossings and stops
STRIP_M, SPACE_M = 2.1, 6.0  # a kerbside strip's width, length of a space


def _marks(length_m: float, spacing_m: float) -> list[float]:
    """Evenly spaced stations, half a spacing from both ends, so that the rhythm goes on in the next segment."""
    count = max(1, round(length_m / spacing_m))
    return [(k + 0.5) * length_m / count for k in range(count)]


def add_poles(site: Site, network: Network) -> None:
    """Fill ``poles``; every third of an arterial and those at signals carry more than a lamp."""
    for k, street in enumerate(site.draft.streets):
        if street.street_class not in POLES:
            continue
        height, lamp = POLES[street.street_class]
        offset = street.width_m / 2 + POLE_SETBACK_M
        for n, at in enumerate(_marks(street.line.length, POLE_SPACING_M)):
            sides = {"arterial": (1.0, -1.0), "collector": ((1.0, -1.0)[n % 2],), "local": (1.0,)}[street.street_class]
            for side in sides:
                spot = spot_beside(street.line, at, side * offset)
                if network.roads.intersects(spot) or not inside_frame(site, spot):
                    continue
                node = network.ends[k][0 if at < street.line.length / 2 else 1]
                lit = network.signalised[node] and min(at, street.line.length - at) < POLE_SPACING_M * 0.7
                multi = lit or (street.street_class == "arterial" and n % 3 == 1 and side > 0)
                carries = "lamp camera sign 5g" if lit else "lamp 5g weather charger" if multi else "lamp"
                site.tables["poles"].add(
                    spot,
                    "multi_use_pole" if multi else "lamp_pole",
                    f"Pole {len(site.tables['poles'].rows) + 1}, {street.name_en}",
                    f"{street.name_zh}{len(site.tables['poles'].rows) + 1}号杆",
                    street_code=network.streets[k],
                    height_m=height,
                    lamp_w=lamp,
                    multi_use=multi,
                    carries=carries,
                )


def add_kerbside_parking(site: Site, network: Network) -> None:
    """Fill ``parking`` with strips along collectors and locals, clear of junctions, crossings and bus stops."""
    x, y = site.recipe.number("district.x_min_m"), site.recipe.number("district.y_min_m")
    keep = [row["geometry"].buffer(6.0, quad_segs=2) for row in site.tables["crossings"].rows]
    keep += [row["geometry"].buffer(16.0, quad_segs=2) for row in site.tables["bus_stops"].rows]
    clear = translate(shapely.union_all(keep), -x, -y)
    for k, street in enumerate(site.draft.streets):
        line = free_line(network, site, k, 14.0)
        if street.street_class not in {"collector", "local"} or line is None or line.length < 4 * SPACE_M:
            continue
        sides = (1.0, -1.0) if street.street_class == "collector" or site.rng.random() < 0.4 else (1.0,)
        for side in sides:
            if site.rng.random() < 0.25:
                continue
            strip = beside(line, side * (street.width_m / 2 - STRIP_M / 2 - 0.05))
            for part in shapely.get_parts(strip.difference(clear)):
                spaces = int(part.length // SPACE_M)
                if spaces < 3:
                    continue
                shape = substring(part, 0, spaces * SPACE_M).buffer(STRIP_M / 2, cap_style="flat")
                if not inside_frame(site, shape):
                    continue
                site.tables["parking"].add(
                    shape,
                    "kerbside",
                    f"Kerbside parking, {street.name_en}",
                    f"{street.name_zh}路侧停车带",
                    street_code=network.streets[k],
                    block_code="",
                    spaces=spaces,
                )


def add_trees(site: Site, network: Network) -> None:
    """Fill ``trees``: rows along streets, and scattered in parks."""
    x, y = site.recipe.number("district.x_min_m"), site.recipe.number("district.y_min_m")
    things = [row["geometry"] for table in ("poles", "crossings", "bus_stops") for row in site.tables[table].rows]
    taken = shapely.STRtree([translate(shape, -x, -y) for shape in things])
    built = shapely.STRtree([b.footprint for b in site.draft.buildings])

    def free(spot: Point) -> bool:
        near = (len(taken.query(spot, "dwithin", FREE_M)), len(built.query(spot, "dwithin", 1.5)))
        return near == (0, 0) and not network.roads.intersects(spot) and inside_frame(site, spot)

    for k, street in enumerate(site.draft.streets):
        line = free_line(network, site, k, 4.0)
        if street.street_class not in TREE_SPACING_M or line is None:
            continue
        word = SPECIES_OF.get(street.name_en, ("locust", "plane tree", "ginkgo")[len(street.name_en) % 3])
        for side in (1.0, -1.0) if street.street_class != "local" else (-1.0,):
            for at in _marks(line.length, TREE_SPACING_M[street.street_class]):
                spot = spot_beside(line, at, side * (street.width_m / 2 + TREE_SETBACK_M))
                if site.rng.random() < 0.94 and free(spot):
                    _tree(site, spot, word, "street_tree", (street.name_en, street.name_zh), network.streets[k], "")
    _park_trees(site, free)


def _park_trees(site: Site, free: Callable[[Point], bool]) -> None:
    parks = [block for block in site.draft.blocks if block.zone == "park"]
    for block, row in zip(parks, site.tables["parks"].rows, strict=True):
        inner = block.shape.buffer(-3.0)
        shapely.prepare(inner)
        west, south, east, north = inner.bounds
        for _ in range(round(block.shape.area / 1e4 / PARK_HA_A_TREE)):
            spot = Point(west + (east - west) * site.rng.random(), south + (north - south) * site.rng.random())
            word = ("black pine", "locust", "cherry", "ginkgo")[int(site.rng.integers(4))]
            if inner.contains(spot) and free(spot) and ground_m(site, spot.x, spot.y) > 1.0:
                _tree(site, spot, word, "park_tree", (row["name_en"], row["name_zh"]), "", row["code"])


def _tree(
    site: Site, spot: Point, species: str, kind: str, where: tuple[str, str], street_code: str, park_code: str
) -> None:
    name_zh, height, crown = SPECIES[species]
    size = 0.65 + 0.45 * float(site.rng.random())
    site.tables["trees"].add(
        spot,
        kind,
        f"{species[0].upper()}{species[1:]}, {where[0]}",
        f"{where[1]}{name_zh}",
        street_code=street_code,
        park_code=park_code,
        species=species,
        height_m=round(height * size, 1),
        crown_m=round(crown * size, 1),
    )
