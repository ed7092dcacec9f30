"""When things were built, what they were before, and what stood in their place.

Years follow the buildings: a street is a little older than the first building beside it, a sewer lies since its
street or since what drains into it, and whatever stands on or in another entity is not older than that.
"""

from collections.abc import Iterable
from typing import Any

import shapely
from shapely.affinity import rotate, translate

from twin_sandbox.entities.tables import TABLES
from twin_sandbox.generate.layers.site import Site

Row = dict[str, Any]

STANDS_ON = (
    "lies_on",
    "lies_in",
    "stands_in",
    "stands_on",
    "stands_at",
    "belongs_to",
    "controls",
    "below",
    "from",
    "to",
)
"""Relations to something that was there before."""

DRAINS = ("junctions", "conduits", "storages", "pumps", "gates", "outfalls", "subcatchments")
BESIDE_M = 45.0
"""A building this near to a street is reached from it."""

FIRST_YEAR, LAST_YEAR = 1925, 2023
YEARS = {"port": (1931, 1996), "school": (1956, 1994), "hospital": (1962, 1998), "residential": (1952, 2016)}
"""Years between which buildings of a use were built where no layer says it; others as residential."""

EARLIEST = {
    "bus_lines": "1956-05-01",
    "bus_stops": "1956-05-01",
    "poles": "1978-10-01",
    "signals": "1986-09-01",
    "crossings": "1986-09-01",
    "gas_pipes": "1992-11-01",
    "parking": "1995-03-01",
    "cranes": "1988-04-01",
    "booster_pumps": "1996-06-01",
    "groundwater_wells": "2009-05-01",
    "tunnel_chambers": "2014-12-01",
    "utility_tunnels": "2014-12-01",
}
"""No thing of its kind is older; streets and buildings had to do without."""


def add(site: Site) -> None:
    """Give what stands its first day, then write earlier values and former buildings."""
    buildings = _date_buildings(site)
    streets = _date_streets(site, buildings)
    _date_drains(site, streets)
    _date_the_rest(site)
    _Past(site).write()
    _former_buildings(site, buildings)


def _year(row: Row) -> int:
    return int(row["valid_from"][:4])


def _default(site: Site) -> str:
    return str(site.recipe.value("district.valid_from"))


def _date_buildings(site: Site) -> dict[str, int]:
    """Years of construction by code: those of the building details, else drawn by use."""
    told = {row["building_code"]: int(row["year_built"]) for row in site.facts["building_details"]}
    years = {}
    for row in site.tables["buildings"].rows:
        low, high = YEARS.get(row["use"], YEARS["residential"])
        drawn = int(site.rng.integers(low, high + 1))
        years[row["code"]] = min(max(told.get(row["code"], drawn), FIRST_YEAR), LAST_YEAR)
        row["valid_from"] = f"{years[row['code']]}-{site.rng.integers(1, 13):02d}-01"
    return years


def _date_streets(site: Site, buildings: dict[str, int]) -> dict[str, int]:
    rows = site.tables["buildings"].rows
    tree = shapely.STRtree([row["geometry"] for row in rows])
    years = {}
    for street in site.tables["streets"].rows:
        beside = tree.query(street["geometry"], predicate="dwithin", distance=BESIDE_M)
        first = min((buildings[rows[k]["code"]] for k in beside), default=LAST_YEAR - 30)
        years[street["code"]] = max(first - 1, FIRST_YEAR - 1)
        street["valid_from"] = f"{years[street['code']]}-05-01"
    return years


def _date_drains(site: Site, streets: dict[str, int]) -> None:
    """A sewer is as old as its street, and no younger than any sewer that runs into it."""
    rows = site.tables["streets"].rows
    tree = shapely.STRtree([row["geometry"] for row in rows])
    pipes = [row for name in ("conduits", "pumps", "gates") for row in site.tables[name].rows]
    year = {
        row["code"]: streets[rows[int(tree.nearest(shapely.centroid(row["geometry"])))]["code"]]
        for row in site.tables["junctions"].rows
    }
    changed = True
    while changed:  # older water has already found its way: passes end when no pipe brings an older year down
        changed = False
        for pipe in pipes:
            above, below = year.get(pipe["from_code"], LAST_YEAR), year.get(pipe["to_code"], LAST_YEAR + 1)
            if above < below:
                year[pipe["to_code"]], changed = above, True
    for pipe in pipes:
        year[pipe["code"]] = year[pipe["from_code"]]
    for area in site.tables["subcatchments"].rows:
        year[area["code"]] = year[area["outlet"]]
    for name in DRAINS:
        for row in site.tables[name].rows:
            row["valid_from"] = f"{year[row['code']]}-05-01"


def _date_the_rest(site: Site) -> None:
    """What still has the district's own first day stands since the youngest thing that it stands on."""
    default = _default(site)
    since = {row["code"]: row["valid_from"] for rows in site.tables.values() for row in rows.rows}
    nearest = shapely.STRtree([row["geometry"] for row in site.tables["streets"].rows])
    dated = set(DRAINS) | {"streets", "buildings", "devices", "former_buildings"}
    for name, table in TABLES.items():
        if name in dated or table.letter not in "FB":
            continue
        columns = [column for column, predicate in table.relations.items() if predicate in STANDS_ON]
        for row in site.tables[name].rows:
            if row["valid_from"] != default:
                continue
            hosts = [since[row[column]] for column in columns if row[column] in since]
            if not hosts or max(hosts) == default:
                street = site.tables["streets"].rows[int(nearest.nearest(row["geometry"]))]
                hosts = [street["valid_from"]]
            row["valid_from"] = since[row["code"]] = max([*hosts, EARLIEST.get(name, "")])


class _Past:
    """Earlier values, each from the entity's first day or a later change on."""

    def __init__(self, site: Site) -> None:
        self.site, self.rng = site, site.rng

    def write(self) -> None:
        for row in self.site.tables["buildings"].rows:
            self._storeys(row)
            self._use(row)
        for row in self.site.tables["streets"].rows:
            self._speed(row)
            self._traffic(row)
            self._former_name(row)
        for row in self.site.tables["conduits"].rows:
            self._relined(row)
        for row in self.site.tables["pumps"].rows:
            self._renewed(row)

    def _note(self, table: str, row: Row, attribute: str, changes: Iterable[tuple[object, str]], source: str) -> None:
        """Values with the day on which each ended, oldest first; the first holds since the entity stands."""
        since = row["valid_from"]
        for value, until in changes:
            if since < until:
                self.site.facts["versions"].append(
                    {
                        "code": row["code"],
                        "table": table,
                        "attribute": attribute,
                        "value": str(value),
                        "valid_from": since,
                        "valid_to": until,
                        "source": source,
                    }
                )
                since = until

    def _day(self, first: int, last: int) -> str:
        return f"{self.rng.integers(first, last + 1)}-{self.rng.integers(1, 13):02d}-{self.rng.integers(1, 29):02d}"

    def _storeys(self, row: Row) -> None:
        """One house of two to six storeys in six has got storeys added, at the height of the others."""
        drawn, more, until = self.rng.random(), int(self.rng.integers(1, 3)), self._day(1986, 2012)
        if not 3 <= row["storeys"] <= 6 or _year(row) > 1985 or drawn > 0.3:
            return
        before = row["storeys"] - min(more, row["storeys"] - 1)
        height = round(row["height_m"] * before / row["storeys"], 2)
        self._note("buildings", row, "storeys", [(before, until)], "building permit")
        self._note("buildings", row, "height_m", [(height, until)], "building permit")

    def _use(self, row: Row) -> None:
        """Warehouses and dwellings that became shops and offices."""
        drawn, until = self.rng.random(), self._day(1992, 2019)
        before = {"shop": "port" if drawn < 0.15 else "residential", "office": "port"}.get(row["use"])
        if before and drawn < 0.4:
            self._note("buildings", row, "use", [(before, until)], "change-of-use permit")

    def _speed(self, row: Row) -> None:
        """Limits were lowered class by class: side streets first."""
        first, last = {"local": (2016, 2018), "collector": (2018, 2021)}.get(row["street_class"], (2020, 2023))
        until, higher = self._day(first, last), row["speed_kmh"] + 10
        self._note("streets", row, "speed_kmh", [(higher, until)], "traffic order")

    def _traffic(self, row: Row) -> None:
        """Traffic grew by counts of every tenth year."""
        shares = (0.12, 0.3, 0.62, 0.88) * (1 + 0.1 * self.rng.uniform(-1, 1, 4))
        counts = [
            (int(row["vehicles_per_h"] * float(share)), f"{1991 + 10 * k}-01-01") for k, share in enumerate(shares)
        ]
        self._note("streets", row, "vehicles_per_h", counts, "traffic count")

    def _former_name(self, row: Row) -> None:
        for renamed in self.site.recipe.tree.get("renamed", ()):
            if renamed["name_en"] == row["name_en"]:
                for language in ("en", "zh"):
                    change = [(renamed[f"former_{language}"], renamed["until"])]
                    self._note("streets", row, f"name_{language}", change, "street register")

    def _relined(self, row: Row) -> None:
        """Old sewers were rough until they were relined."""
        rough, drawn, until = round(float(self.rng.uniform(0.015, 0.019)), 4), self.rng.random(), self._day(2004, 2022)
        if _year(row) < 1990 and drawn < 0.7:
            self._note("conduits", row, "roughness_n", [(rough, until)], "sewer maintenance record")

    def _renewed(self, row: Row) -> None:
        """The station had smaller pumps before, all changed on the same days."""
        for attribute in ("rated_m3s", "power_kw"):
            number = type(row[attribute])  # whole kilowatts stay whole
            steps = [
                (number(round(row[attribute] * share, 3)), until)
                for share, until in ((0.35, "1974-06-01"), (0.6, "2009-04-15"))
            ]
            self._note("pumps", row, attribute, steps, "asset register")


def _former_buildings(site: Site, years: dict[str, int]) -> None:
    """Small houses where parks lie, and houses that stood where the tallest stand now."""
    west, south = site.recipe.number("district.x_min_m"), site.recipe.number("district.y_min_m")
    built = shapely.union_all([row["geometry"] for row in site.tables["buildings"].rows]).buffer(6.0)
    for park in site.tables["parks"].rows:
        room = park["geometry"].buffer(-8.0).difference(built)
        x_min, y_min, x_max, y_max = park["geometry"].bounds
        turn = float(site.rng.uniform(-15, 15))
        for _ in range(12):
            spot = site.rng.uniform((x_min, y_min), (x_max, y_max))
            size = site.rng.uniform((11, 8), (26, 12))
            house = translate(rotate(shapely.box(*(-size / 2), *(size / 2)), turn), *spot)
            if room.contains(house):
                room = room.difference(house.buffer(5.0))
                _pull_down(site, translate(house, -west, -south), park, (1930, 1978), (1984, 2006))
    tall = [row for row in site.tables["buildings"].rows if row["storeys"] >= 12]
    for row in tall:
        middle = row["geometry"].centroid
        size = site.rng.uniform((18, 9), (40, 13))
        house = translate(shapely.box(*(-size / 2), *(size / 2)), middle.x - west, middle.y - south)
        since = years[row["code"]]
        if since > 1990:
            _pull_down(site, house, row, (1948, 1982), (max(since - 4, 1986), since - 1))


def _pull_down(
    site: Site, house: shapely.Geometry, successor: Row, built: tuple[int, int], gone: tuple[int, int]
) -> None:
    """A former building in local metres, between two years drawn from the spans given."""
    first, last = int(site.rng.integers(built[0], built[1] + 1)), int(site.rng.integers(gone[0], gone[1] + 1))
    use = str(site.rng.choice(["residential", "residential", "port", "shop"]))
    storeys = int(site.rng.integers(1, 5))
    number = len(site.tables["former_buildings"].rows) + 1
    named = {"residential": "旧住宅", "port": "旧仓库", "shop": "旧商铺"}
    site.tables["former_buildings"].add(
        house,
        use,
        f"Former building {number}, {successor['name_en']}",
        f"{successor['name_zh']}{named[use]}{number}",
        use=use,
        storeys=storeys,
        height_m=round(3.1 * storeys, 1),
        succeeded_by=successor["code"],
        valid_from=f"{first}-{site.rng.integers(1, 13):02d}-01",
        valid_to=f"{last}-{site.rng.integers(1, 13):02d}-01",
    )
