"""Residents, those who come in for work, enterprises, vehicles, and an ordinary weekday's trips."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import Point, Polygon

from twin_sandbox.generate.layers import people_days as days
from twin_sandbox.generate.layers import people_firms as trade
from twin_sandbox.generate.layers import people_homes as living
from twin_sandbox.generate.layers import people_ways as ways
from twin_sandbox.generate.layers import people_work as work
from twin_sandbox.generate.layers.people_plans import Scene, weekday
from twin_sandbox.generate.layers.site import Site

Ints = living.Ints
Shapes = NDArray[np.object_]
GATE_MEDIAN_M, GATE_SPREAD = 3600.0, 0.75
"""Way beyond the gate: lognormal, at most 25 km. Rule of this project."""
DAY_KINDS = (
    ("weekday", "work", 1.0, 0.0),
    ("weekday", "school", 1.0, 0.0),
    ("weekday", "other", 1.0, 0.0),
    ("weekend", "work", 0.35, 0.3),
    ("weekend", "school", 0.05, 0.0),
    ("weekend", "other", 1.6, 0.7),
    ("holiday", "work", 0.25, 0.3),
    ("holiday", "school", 0.0, 0.0),
    ("holiday", "other", 1.9, 1.0),
)
"""How much of a weekday's trips of a purpose is made, and how many hours later. Rules of this project."""


def add(site: Site) -> None:
    """Add the layer to the site."""
    rng, recipe = site.rng, site.recipe
    rows = site.tables["buildings"].rows
    west, south = (recipe.number(f"district.{side}_min_m") for side in "xy")
    shapes = np.array([translate(row["geometry"], -west, -south) for row in rows], dtype=object)
    parks = [translate(row["geometry"], -west, -south) for row in site.tables["parks"].rows]
    lines = [street.line for street in site.draft.streets]
    places = ways.measure([*shapes, *parks], lines, recipe.width_m, recipe.height_m)
    codes = [row["code"] for row in [*rows, *site.tables["parks"].rows]] + list(ways.GATES)

    storeys = np.array([row["storeys"] for row in rows])
    people = np.array([row["residents"] for row in rows])
    homes = living.settle(
        people, storeys, recipe.number("people.household_size"), recipe.number("people.cars_per_1000"), rng
    )
    uses = [row["use"] for row in rows]
    firms = trade.open_firms(uses, storeys, shapely.area(shapes), _public(site, shapes, uses), rng)
    jobs = work.share_work(homes, firms, recipe.number("people.works_inside_share"), places.distance_m, rng)
    vehicles = work.park_vehicles(homes, jobs.works, firms, rng)

    chances = np.array([recipe.number(f"people.gate_shares.{letter}") for letter in ways.GATES])
    count = len(homes.age) + len(jobs.filled)
    gate = places.gate("W") + rng.choice(len(ways.GATES), count, p=chances / chances.sum())
    enterprises = _enterprise_rows(site, shapes, firms, rows, rng)
    site.facts["supply_links"] += trade.supply_links(firms, enterprises, rng)
    households = [f"H{k + 1:05d}" for k in range(len(homes.size))]
    residents = _resident_rows(site, shapes, homes, jobs, rows, enterprises, households)
    commuters = _commuter_rows(site, shapes, firms, jobs.filled, gate[len(homes.age) :] - places.gate("W"), enterprises)
    _vehicle_rows(site, shapes, vehicles, rows, residents, enterprises, households)
    _household_facts(site, homes, rows, households)

    drives = np.zeros(count, bool)
    drives[vehicles.driver[vehicles.driver >= 0]] = True
    rides = np.append(homes.cars[homes.household] > 0, np.zeros(len(jobs.filled), bool))
    drives[len(homes.age) :] = rng.random(len(jobs.filled)) < 0.4
    age = np.append(homes.age, np.full(len(jobs.filled), 40))
    travellers = days.Travellers(
        np.append(homes.home[homes.household], gate[len(homes.age) :]),
        np.clip(GATE_MEDIAN_M * rng.lognormal(0.0, GATE_SPREAD, count), 300.0, 25000.0),
        drives,
        rides,
        (age >= 6) & (age < 75),
        np.arange(count) < len(homes.age),
    )
    park_places = len(shapes) + np.arange(len(parks))
    scene = Scene(homes, firms, jobs.works, jobs.attends, jobs.filled, places.distance_m, park_places, gate)
    rounds = weekday(scene, rng)
    modes = days.choose_modes(rounds, travellers, places.distance_m, recipe.value("people.mode_shares"), rng)
    trips = days.travel(rounds, travellers, places.distance_m, modes)
    site.facts["trips"] += _trip_facts(trips, [*residents, *commuters], codes)
    site.facts["day_kinds"] += [
        dict(zip(("day_kind", "purpose", "trips_factor", "later_by_h"), row, strict=True)) for row in DAY_KINDS
    ]


SERVICES = {
    "fire_station": "fire station",
    "ambulance_station": "ambulance station",
    "hospital": "hospital",
    "clinic": "clinic",
    "school": "school",
    "kindergarten": "kindergarten",
    "elder_care": "care home",
    "police_station": "police station",
    "community_centre": "community office",
    "district_office": "government hall",
    "market": "market",
    "cold_store": "cold store",
    "warehouse": "warehouse",
    "filling_station": "filling station",
    "machine_room": "data centre",
    "bus_depot": "bus company",
}
"""Trades of the kinds of service that employ people; a shelter does not."""


def _public(site: Site, shapes: Shapes, uses: Sequence[str]) -> dict[int, list[trade.Public]]:
    """Enterprises with a place of their own: the services, and the recipe's in the nearest building that fits."""
    place = {row["code"]: k for k, row in enumerate(site.tables["buildings"].rows)}
    public: dict[int, list[trade.Public]] = {}
    for row in site.tables["services"].rows:
        name = SERVICES.get(row["kind"], "")
        if name and trade.fits(uses[place[row["building_code"]]], name):
            places = int(row["capacity"]) if name in trade.PUPILS_PER_JOB else 0
            one = trade.Public(name, row["name_en"], row["name_zh"], places)
            public.setdefault(place[row["building_code"]], []).append(one)
    for row in site.recipe.value("people.enterprise"):
        taken = {k for k, named in public.items() if any(one.trade in trade.WHOLE for one in named)}
        fitting = [k for k, use in enumerate(uses) if trade.fits(use, row["trade"]) and k not in taken]
        if fitting:
            spot = Point(row["x"], row["y"])
            nearest = fitting[int(np.argmin(shapely.distance(shapes[fitting], spot)))]
            public.setdefault(nearest, []).append(trade.Public(row["trade"]))
    return public


def _enterprise_rows(
    site: Site,
    shapes: Shapes,
    firms: Sequence[trade.Firm],
    buildings: Sequence[dict[str, Any]],
    rng: np.random.Generator,
) -> list[str]:
    at = np.array([firm.building for firm in firms])
    x_m, y_m = ways.inside(shapes[at], rng)
    kinds = [trade.TRADES[firm.trade] for firm in firms]
    numbers: dict[str, int] = {}
    names_en, names_zh = [], []
    for firm, kind in zip(firms, kinds, strict=True):
        if firm.name_en:
            names_en.append(firm.name_en)
            names_zh.append(firm.name_zh)
            continue
        numbers[firm.trade] = numbers.get(firm.trade, 0) + 1
        home = buildings[firm.building]
        names_en.append(f"{firm.trade.capitalize()} {numbers[firm.trade]}, {home['name_en']}")
        address, number, _ = home["name_zh"].partition("号")
        names_zh.append(f"{address}{number}{kind.zh}{numbers[firm.trade]}")
    return site.tables["enterprises"].add_points(
        x_m,
        y_m,
        [firm.trade for firm in firms],
        (names_en, names_zh),
        {
            "building_code": [buildings[k]["code"] for k in at],
            "storey": [firm.storey for firm in firms],
            "sector": [kind.sector for kind in kinds],
            "employees": [firm.employees for firm in firms],
            "founded_year": [firm.founded_year for firm in firms],
            "floor_area_m2": [firm.floor_area_m2 for firm in firms],
            "sales_band": [firm.sales_band for firm in firms],
            "opens_h": [float(kind.opens_h) for kind in kinds],
            "closes_h": [float(kind.closes_h) for kind in kinds],
            "hazard": [kind.hazard for kind in kinds],
            "places": [firm.places for firm in firms],
        },
    )


def _named(codes: Sequence[str], index: Ints) -> list[str]:
    """Codes by place in their table, "" for −1."""
    named: list[str] = np.append(np.array(codes, dtype="U16"), "")[index].tolist()
    return named


def _sample_names(english: str, chinese: str, count: int) -> tuple[list[str], list[str]]:
    return [f"{english} {k + 1:05d}" for k in range(count)], [f"{chinese}{k + 1:05d}" for k in range(count)]


def _resident_rows(
    site: Site,
    shapes: Shapes,
    homes: living.Homes,
    jobs: work.Work,
    buildings: Sequence[dict[str, Any]],
    enterprises: Sequence[str],
    households: Sequence[str],
) -> list[str]:
    lives = homes.home[homes.household]
    x_m, y_m = ways.inside(shapes[lives], site.rng)
    return site.tables["residents"].add_points(
        x_m,
        y_m,
        ["resident"] * len(lives),
        _sample_names("Sample resident", "样例居民", len(lives)),
        {
            "lives_in": _named([row["code"] for row in buildings], lives),
            "household": _named(households, homes.household),
            "age": homes.age,
            "sex": np.where(homes.male, "M", "F"),
            "role": homes.role,
            "works_at": _named(enterprises, jobs.works),
            "attends": _named(enterprises, jobs.attends),
            "lives_alone": homes.size[homes.household] == 1,
            "mobility": homes.mobility,
            "language": homes.speaks,
            "consents_alerts": homes.consents[:, 0],
            "consents_location": homes.consents[:, 1],
            "consents_care": homes.consents[:, 2],
        },
    )


def _commuter_rows(
    site: Site,
    shapes: Shapes,
    firms: Sequence[trade.Firm],
    filled: Ints,
    gate: Ints,
    enterprises: Sequence[str],
) -> list[str]:
    """Where they are known to the district: at work."""
    at = np.array([firm.building for firm in firms], int)[filled]
    x_m, y_m = ways.inside(shapes[at], site.rng)
    age = np.clip(site.rng.normal(38.0, 10.0, len(at)), 19, 59).astype(int)
    return site.tables["commuters"].add_points(
        x_m,
        y_m,
        ["commuter"] * len(at),
        _sample_names("Sample commuter", "样例通勤者", len(at)),
        {
            "works_at": _named(enterprises, filled),
            "gate": np.array(ways.GATES)[gate],
            "age": age,
            "sex": np.where(site.rng.random(len(at)) < 0.54, "M", "F"),
        },
    )


def _vehicle_rows(
    site: Site,
    shapes: Shapes,
    vehicles: work.Vehicles,
    buildings: Sequence[dict[str, Any]],
    residents: Sequence[str],
    enterprises: Sequence[str],
    households: Sequence[str],
) -> None:
    basin = Polygon(site.recipe.value("coast.basin")).buffer(-8.0)
    basin = basin.difference(site.draft.coast.moles.union(site.draft.coast.land).buffer(6.0))
    where = np.append(shapes, np.array([basin], dtype=object))[vehicles.building]
    x_m, y_m = ways.inside(where, site.rng)
    numbers = np.arange(1, len(vehicles.kind) + 1)
    site.tables["vehicles"].add_points(
        x_m,
        y_m,
        vehicles.kind.tolist(),
        (
            [f"{kind.capitalize()} {k}" for kind, k in zip(vehicles.kind.tolist(), numbers, strict=True)],
            [f"{work.NAMES_ZH[kind]}{k}" for kind, k in zip(vehicles.kind.tolist(), numbers, strict=True)],
        ),
        {
            "owner_code": _named(enterprises, vehicles.owner),
            "household": _named(households, vehicles.household),
            "driver_code": _named(residents, vehicles.driver),
            "building_code": _named([row["code"] for row in buildings], vehicles.building),
            "plate": [f"SB·S{k:04d}" for k in numbers],
            "energy": vehicles.energy,
            "seats": vehicles.seats,
        },
    )


def _household_facts(
    site: Site, homes: living.Homes, buildings: Sequence[dict[str, Any]], households: Sequence[str]
) -> None:
    columns = (homes.storey, homes.size, homes.income, homes.cars, homes.e_bikes)
    names = ("household", "building_code", "storey", "size", "income_band", "cars", "e_bikes")
    codes = _named([row["code"] for row in buildings], homes.home)
    values = zip(households, codes, *(column.tolist() for column in columns), strict=True)
    site.facts["households"] += [dict(zip(names, row, strict=True)) for row in values]


def _trip_facts(trips: days.Trips, people: Sequence[str], codes: Sequence[str]) -> list[dict[str, Any]]:
    names = ("person_code", "trip_order", "depart_s", "from_place", "to_place", "mode", "purpose",
        "distance_m", "outside_distance_m", "duration_s")  # fmt: skip
    first = np.searchsorted(trips.person, trips.person)
    values = zip(
        _named(people, trips.person),
        (np.arange(len(first)) - first + 1).tolist(),
        trips.depart_s.tolist(),
        _named(codes, trips.origin),
        _named(codes, trips.destination),
        np.array(days.MODES)[trips.mode].tolist(),
        trips.purpose.tolist(),
        trips.distance_m.tolist(),
        trips.outside_m.tolist(),
        trips.duration_s.tolist(),
        strict=True,
    )
    return [dict(zip(names, row, strict=True)) for row in values]
