"""Residents, those who come in for work, enterprises, vehicles, and an ordinary weekday's trips."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import Point

from twin_sandbox.generate.layers import people_days as days
from twin_sandbox.generate.layers import people_firms as business
from twin_sandbox.generate.layers import people_homes as living
from twin_sandbox.generate.layers import people_rows as table
from twin_sandbox.generate.layers import people_trades as trades
from twin_sandbox.generate.layers import people_ways as ways
from twin_sandbox.generate.layers import people_work as work
from twin_sandbox.generate.layers.people_plans import Scene, weekday
from twin_sandbox.generate.layers.site import Site

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
    firms = business.open_firms(uses, storeys, shapely.area(shapes), _public(site, shapes, uses), rng)
    jobs = work.share_work(homes, firms, recipe.number("people.works_inside_share"), places.distance_m, rng)
    vehicles = work.park_vehicles(homes, jobs.works, firms, rng)

    chances = np.array([recipe.number(f"people.gate_shares.{letter}") for letter in ways.GATES])
    count = len(homes.age) + len(jobs.filled)
    gate = places.gate("W") + rng.choice(len(ways.GATES), count, p=chances / chances.sum())
    enterprises = table.enterprise_rows(site, shapes, firms, rows, rng)
    site.facts["supply_links"] += business.supply_links(firms, enterprises, rng)
    households = [f"H{k + 1:05d}" for k in range(len(homes.size))]
    residents = table.resident_rows(site, shapes, homes, jobs, rows, enterprises, households)
    commuters = table.commuter_rows(
        site, shapes, firms, jobs.filled, gate[len(homes.age) :] - places.gate("W"), enterprises
    )
    table.vehicle_rows(site, shapes, vehicles, rows, residents, enterprises, households)
    table.household_facts(site, homes, rows, households)

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
    site.facts["trips"] += table.trip_facts(trips, [*residents, *commuters], codes)
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


def _public(site: Site, shapes: table.Shapes, uses: Sequence[str]) -> dict[int, list[business.Public]]:
    """Enterprises with a place of their own: the services, and the recipe's in the nearest building that fits."""
    place = {row["code"]: k for k, row in enumerate(site.tables["buildings"].rows)}
    public: dict[int, list[business.Public]] = {}
    for row in site.tables["services"].rows:
        name = SERVICES.get(row["kind"], "")
        if name and trades.fits(uses[place[row["building_code"]]], name):
            places = int(row["capacity"]) if name in trades.PUPILS_PER_JOB else 0
            one = business.Public(name, row["name_en"], row["name_zh"], places)
            public.setdefault(place[row["building_code"]], []).append(one)
    for row in site.recipe.value("people.enterprise"):
        taken = {k for k, named in public.items() if any(one.trade in trades.WHOLE for one in named)}
        fitting = [k for k, use in enumerate(uses) if trades.fits(use, row["trade"]) and k not in taken]
        if fitting:
            spot = Point(row["x"], row["y"])
            nearest = fitting[int(np.argmin(shapely.distance(shapes[fitting], spot)))]
            public.setdefault(nearest, []).append(business.Public(row["trade"]))
    return public
