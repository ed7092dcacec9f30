"""Who works and learns where; who comes in for work; cars, boats and other vehicles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.generate.layers.people_firms import Firm
from twin_sandbox.generate.layers.people_homes import Flags, Floats, Homes, Ints

SCHOOLS = {"kindergarten": (3, 5), "school": (6, 14)}
"""Ages from and to; older pupils learn outside the district."""


@dataclass(frozen=True)
class Work:
    """Places of work and learning.

    Attributes:
        works: resident → enterprise, −1 for none or outside the district.
        attends: resident → school, −1 likewise.
        filled: commuter → enterprise: the jobs that residents do not do.
    """

    works: Ints
    attends: Ints
    filled: Ints


def share_work(
    homes: Homes, firms: Sequence[Firm], inside: float, distance_m: Floats, rng: np.random.Generator
) -> Work:
    """Fill every job: by residents, ``inside`` of those who work, and by commuters.

    Children go to the nearest school of their age that still has room; who lives nearest chooses first.
    """
    jobs = np.array([firm.employees for firm in firms], np.int64)
    slots = rng.permutation(np.arange(len(firms)).repeat(jobs))
    workers = rng.permutation(np.flatnonzero(homes.role == "worker"))
    count = min(len(slots), round(inside * len(workers)))
    works = np.full(len(homes.age), -1)
    works[workers[:count]] = slots[:count]
    return Work(works, _schools(homes, firms, distance_m), slots[count:])


def _schools(homes: Homes, firms: Sequence[Firm], distance_m: Floats) -> Ints:
    attends = np.full(len(homes.age), -1)
    lives = homes.home[homes.household]
    for trade, (low, high) in SCHOOLS.items():
        own = [k for k, firm in enumerate(firms) if firm.trade == trade]
        pupils = np.flatnonzero((homes.age >= low) & (homes.age <= high))
        if not own or not len(pupils):
            continue
        way = distance_m[np.ix_(lives[pupils], np.array([firms[k].building for k in own]))]
        room = np.array([firms[k].places for k in own])
        for k in np.argsort(way.min(axis=1), kind="stable"):
            open_ = np.flatnonzero(room > 0)
            if not len(open_):
                break
            best = open_[np.argmin(way[k, open_])]
            attends[pupils[k]] = own[best]
            room[best] -= 1
    return attends


ELECTRIC_SHARE = {
    "car": 0.14,
    "taxi": 0.6,
    "van": 0.35,
    "bus": 0.85,
    "refuse truck": 0.5,
    "harbour truck": 0.4,
    "drone": 1.0,
}
"""Share on batteries by kind: rule of this project, in the order of a northern coastal city in 2024."""
FUEL = {"car": "petrol", "police car": "petrol", "taxi": "gas"}
"""What the others of a kind burn; where nothing stands, diesel."""
FLEETS: tuple[tuple[str, str, int, int], ...] = (
    ("taxi", "taxi office", 24, 4),
    ("bus", "bus company", 20, 70),
    ("ambulance", "ambulance station", 3, 3),
    ("fire engine", "fire station", 3, 6),
    ("police car", "police station", 2, 4),
    ("refuse truck", "refuse depot", 4, 2),
    ("harbour truck", "stevedore", 10, 1),
    ("fishing boat", "fishing cooperative", 12, 6),
    ("patrol boat", "maritime office", 1, 8),
    ("drone", "survey office", 2, 0),
)
"""Kind, trade of the owner, number, people carried."""
VANS = ("wholesaler", "warehouse", "cold store", "fish processor", "market", "building contractor", "grocery")
VAN_COUNT = 40
ON_WATER = ("fishing boat", "patrol boat")
NAMES_ZH = {
    "car": "小客车", "taxi": "出租车", "van": "厢式货车", "bus": "公交车", "ambulance": "救护车",
    "fire engine": "消防车", "police car": "警车", "refuse truck": "垃圾车", "harbour truck": "港区卡车",
    "fishing boat": "渔船", "patrol boat": "巡逻艇", "drone": "无人机",
}  # fmt: skip


@dataclass(frozen=True)
class Vehicles:
    """Vehicles, one value each: household, owner and driver are −1 for none; building is −1 on the water."""

    kind: NDArray[np.str_]
    energy: NDArray[np.str_]
    seats: Ints
    household: Ints
    owner: Ints
    driver: Ints
    building: Ints


def park_vehicles(homes: Homes, works: Ints, firms: Sequence[Firm], rng: np.random.Generator) -> Vehicles:
    """Cars of the households, each with the one who drives it most, and the fleets of enterprises."""
    household = np.repeat(np.arange(len(homes.size)), homes.cars)
    kinds, owners, seats = ["car"] * len(household), [-1] * len(household), [5] * len(household)
    for kind, trade, count, people in FLEETS:
        owner = [k for k, firm in enumerate(firms) if firm.trade == trade]
        for k in range(count if owner else 0):
            kinds.append(kind)
            owners.append(owner[k % len(owner)])
            seats.append(people)
    keepers = np.array([k for k, firm in enumerate(firms) if firm.trade in VANS])
    for owner in rng.permutation(keepers)[:VAN_COUNT].tolist():
        kinds.append("van")
        owners.append(owner)
        seats.append(2)
    electric = rng.random(len(kinds)) < np.array([ELECTRIC_SHARE.get(name, 0.0) for name in kinds])
    energy: NDArray[np.str_] = np.where(electric, "electric", np.array([FUEL.get(name, "diesel") for name in kinds]))
    cars, others = len(household), len(kinds) - len(household)
    depot = np.array([firms[k].building for k in owners[cars:]], int)
    afloat = np.isin(kinds[cars:], ON_WATER)
    return Vehicles(
        np.array(kinds),
        energy,
        np.array(seats),
        np.append(household, np.full(others, -1)),
        np.array(owners),
        np.append(_drivers(homes, works, household), np.full(others, -1)),
        np.append(homes.home[household], np.where(afloat, -1, depot)),
    )


def _drivers(homes: Homes, works: Ints, household: Ints) -> Ints:
    """The grown-ups of the car's household in turn: those who work outside first, then who works here."""
    grown = np.flatnonzero((homes.age >= 18) & (homes.age < 70))
    rank = np.where(homes.role[grown] != "worker", 2, np.where(works[grown] >= 0, 1, 0))
    order = grown[np.lexsort((grown, rank, homes.household[grown]))]
    first = np.searchsorted(homes.household[order], household)
    second: Flags = np.append(False, household[1:] == household[:-1])
    return np.asarray(order[first + second])
