"""What people, enterprises, vehicles and days are written down as."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from twin_sandbox.generate.layers import people_days as days
from twin_sandbox.generate.layers import people_homes as living
from twin_sandbox.generate.layers import people_ways as ways
from twin_sandbox.generate.layers import people_work as work
from twin_sandbox.generate.layers.people_firms import Firm
from twin_sandbox.generate.layers.people_trades import TRADES
from twin_sandbox.generate.layers.site import Site

Ints = living.Ints
Shapes = NDArray[np.object_]


def enterprise_rows(
    site: Site,
    shapes: Shapes,
    firms: Sequence[Firm],
    buildings: Sequence[dict[str, Any]],
    rng: np.random.Generator,
) -> list[str]:
    """Rows of the enterprises; their codes."""
    at = np.array([firm.building for firm in firms])
    x_m, y_m = ways.inside(shapes[at], rng)
    kinds = [TRADES[firm.trade] for firm in firms]
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


def resident_rows(
    site: Site,
    shapes: Shapes,
    homes: living.Homes,
    jobs: work.Work,
    buildings: Sequence[dict[str, Any]],
    enterprises: Sequence[str],
    households: Sequence[str],
) -> list[str]:
    """Rows of the residents, each at a point in the home; their codes."""
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


def commuter_rows(
    site: Site,
    shapes: Shapes,
    firms: Sequence[Firm],
    filled: Ints,
    gate: Ints,
    enterprises: Sequence[str],
) -> list[str]:
    """Rows of the commuters, each at a point where they work, for there the district knows them; their codes."""
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


def vehicle_rows(
    site: Site,
    shapes: Shapes,
    vehicles: work.Vehicles,
    buildings: Sequence[dict[str, Any]],
    residents: Sequence[str],
    enterprises: Sequence[str],
    households: Sequence[str],
) -> None:
    """Rows of the vehicles: a point in the building of the owner, boats in the basin."""
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
            "line_code": _bus_lines(site, vehicles),
            "plate": [f"SB·S{k:04d}" for k in numbers],
            "energy": vehicles.energy,
            "seats": vehicles.seats,
        },
    )


def _bus_lines(site: Site, vehicles: work.Vehicles) -> list[str]:
    """The bus line that each bus serves, "" for other vehicles: buses by the lines' length and headway."""
    lines = [""] * len(vehicles.kind)
    rows = site.tables["bus_lines"].rows
    if not rows:
        return lines
    load = np.array([row["length_m"] / row["headway_min"] for row in rows])
    given = np.zeros(len(rows))
    for k in np.flatnonzero(vehicles.kind == "bus"):
        best = int(np.argmax(load / (given + 1.0)))
        given[best] += 1.0
        lines[k] = rows[best]["code"]
    return lines


def household_facts(
    site: Site, homes: living.Homes, buildings: Sequence[dict[str, Any]], households: Sequence[str]
) -> None:
    """Facts of the households."""
    columns = (homes.storey, homes.size, homes.income, homes.cars, homes.e_bikes)
    names = ("household", "building_code", "storey", "size", "income_band", "cars", "e_bikes")
    codes = _named([row["code"] for row in buildings], homes.home)
    values = zip(households, codes, *(column.tolist() for column in columns), strict=True)
    site.facts["households"] += [dict(zip(names, row, strict=True)) for row in values]


def trip_facts(trips: days.Trips, people: Sequence[str], codes: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the trips."""
    names = ("person_code", "trip_order", "depart_s", "from_place", "to_place", "mode", "drives", "purpose",
        "distance_m", "outside_distance_m", "duration_s")  # fmt: skip
    first = np.searchsorted(trips.person, trips.person)
    values = zip(
        _named(people, trips.person),
        (np.arange(len(first)) - first + 1).tolist(),
        trips.depart_s.tolist(),
        _named(codes, trips.origin),
        _named(codes, trips.destination),
        np.array(days.MODES)[trips.mode].tolist(),
        trips.drives.tolist(),
        trips.purpose.tolist(),
        trips.distance_m.tolist(),
        trips.outside_m.tolist(),
        trips.duration_s.tolist(),
        strict=True,
    )
    return [dict(zip(names, row, strict=True)) for row in values]
