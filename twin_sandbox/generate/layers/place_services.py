"""Who serves the district: stations, schools, markets, each in a building."""

from shapely.geometry import Point

from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.recipe import SERVICE_UNITS

SHARED = {"shelter"}  # these lie in a building that serves something else every day


def add_services(site: Site) -> list[Point]:
    """Fill ``services``: each in the nearest building of one of its uses that serves nothing else yet.

    Returns:
        Where schools and kindergartens are, in local metres.
    """
    taken: set[int] = set()
    children = []
    codes = [row["code"] for row in site.tables["buildings"].rows]
    for row in site.recipe.value("place.service"):
        wish = Point(row["x"], row["y"])
        homes = [
            k
            for k, building in enumerate(site.draft.buildings)
            if building.use in row["uses"] and (row["kind"] in SHARED or k not in taken)
        ]
        if not homes:
            continue  # another seed may have no such building; the sanity figures tell what is missing
        house = min(homes, key=lambda k: (round(site.draft.buildings[k].footprint.distance(wish), 2), k))
        if row["kind"] not in SHARED:
            taken.add(house)
        spot = site.draft.buildings[house].footprint.representative_point()
        site.tables["services"].add(
            spot,
            row["kind"],
            row["name_en"],
            row["name_zh"],
            building_code=codes[house],
            capacity=row["capacity"],
            capacity_unit=SERVICE_UNITS[row["kind"]],
        )
        if row["kind"] in {"school", "kindergarten"}:
            children.append(spot)
    return children
