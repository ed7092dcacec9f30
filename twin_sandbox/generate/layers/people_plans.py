"""What people want to do on an ordinary weekday: where, from when, for how long. Shares are rules of this project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twin_sandbox.generate.layers.people_days import STOPS, Tours
from twin_sandbox.generate.layers.people_firms import Firm
from twin_sandbox.generate.layers.people_homes import Floats, Homes, Ints
from twin_sandbox.generate.layers.people_trades import TRADES

ERRANDS = {
    "shop": (
        *("grocery", "fruit shop", "seafood shop", "market", "pharmacy", "clothing shop", "bakery"),
        *("hardware shop", "bookshop", "bank branch", "hairdresser", "repair shop"),
    ),
    "meal": ("restaurant", "café"),
    "care": ("hospital", "clinic"),
    "leisure": ("restaurant", "café", "fitness club", "training centre", "bookshop"),
}
NEAR_M = 380.0
"""Errands thin out with distance: a place this much farther is chosen 2.7 times less often."""


@dataclass(frozen=True)
class Scene:
    """What plans are made from.

    Attributes:
        homes, firms, works, attends, filled: see `people_homes` and `people_work`.
        distance_m: between places.
        parks: places that are parks.
        gate: person → the gate that they use; residents, then commuters.
    """

    homes: Homes
    firms: Sequence[Firm]
    works: Ints
    attends: Ints
    filled: Ints
    distance_m: Floats
    parks: Ints
    gate: Ints


class Plans:
    """Draws destinations near a place, and collects tours."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self.scene, self.rng = scene, rng
        self._chance: dict[str, tuple[Ints, Floats]] = {}
        places = len(scene.distance_m)
        for purpose, trades in ERRANDS.items():
            weight = np.zeros(places)
            for firm in scene.firms:
                if firm.trade in trades:
                    weight[firm.building] += firm.employees
            if purpose == "leisure":
                weight[scene.parks] += 60.0
            self._reach(purpose, weight)
        self._reach("visit", np.bincount(scene.homes.home, minlength=places).astype(float))

    def _reach(self, purpose: str, weight: Floats) -> None:
        places = np.flatnonzero(weight)
        reach = weight[places] * np.exp(-self.scene.distance_m[:, places] / NEAR_M)
        self._chance[purpose] = places, np.cumsum(reach, axis=1)

    def near(self, purpose: str, at: Ints) -> Ints:
        """A destination for each, drawn by size and distance; −1 where the district has none."""
        places, reach = self._chance[purpose]
        if not len(places):
            return np.full(len(at), -1)
        drawn = self.rng.random(len(at)) * reach[at, -1]
        return np.asarray(places[(reach[at] < drawn[:, None]).sum(axis=1).clip(max=len(places) - 1)])

    def some(self, who: Ints, share: float) -> Ints:
        """That share of them, by chance."""
        return np.asarray(who[self.rng.random(len(who)) < share])

    def hours(self, count: int, mean: float, deviation: float) -> Floats:
        """Normal times of day or spans [s] from hours, at least a quarter of an hour, cut at 2.5 deviations."""
        drawn = np.clip(self.rng.normal(size=count), -2.5, 2.5)
        return np.asarray(np.maximum(mean + deviation * drawn, 0.25) * 3600.0)

    def trip(self, who: Ints, start_s: Floats, purpose: str, place: Ints, stay_s: Floats) -> Tours:
        """Tours with one stop."""
        places, stays = np.full((len(who), STOPS), -1), np.zeros((len(who), STOPS))
        purposes = np.full((len(who), STOPS), purpose, dtype="U8")
        places[:, 0], stays[:, 0] = place, stay_s
        return Tours(who, start_s, places, stays, purposes)

    def errands(self, who: Ints, mix: Mapping[str, float], start: tuple[float, float], outside: float) -> Tours:
        """Tours to one errand each, drawn from a mix; a share of them beyond the gates."""
        home = self.scene.homes.home[self.scene.homes.household[who]]
        chance = np.array(list(mix.values()))
        drawn = self.rng.choice(len(mix), len(who), p=chance / chance.sum())
        place, purpose = np.full(len(who), -1), np.full(len(who), "shop", dtype="U8")
        for k, name in enumerate(mix):
            own = np.flatnonzero(drawn == k)
            place[own], purpose[own] = self.near(name, home[own]), name
        away = self.rng.random(len(who)) < outside
        place = np.where(away, self.scene.gate[who], place)
        tours = self.trip(who, self.hours(len(who), *start), "shop", place, self.hours(len(who), 0.9, 0.4))
        tours.purpose[:, 0] = purpose
        return joined([tours])


def joined(parts: Sequence[Tours]) -> Tours:
    """One round of several groups; tours without a first stop are dropped."""
    whole = Tours(
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.stay_s for part in parts]),
        np.concatenate([part.purpose for part in parts]),
    )
    kept = whole.place[:, 0] >= 0
    return Tours(whole.person[kept], whole.start_s[kept], whole.place[kept], whole.stay_s[kept], whole.purpose[kept])


def weekday(scene: Scene, rng: np.random.Generator) -> list[Tours]:
    """Three rounds: the day's main tour; a second one; an evening walk."""
    plans, homes = Plans(scene, rng), scene.homes
    role = {name: np.flatnonzero(homes.role == name) for name in ("child", "pupil", "student", "retired", "home")}
    workers = np.flatnonzero(homes.role == "worker")
    commuters = len(homes.age) + np.arange(len(scene.filled))
    first = joined(
        [
            _shifts(plans, plans.some(np.append(workers[scene.works[workers] >= 0], commuters), 0.93)),
            _away(plans, plans.some(workers[scene.works[workers] < 0], 0.93), "work", (8.0, 1.7), (9.0, 1.4)),
            _lessons(plans, np.append(role["pupil"], role["child"])),
            _away(plans, plans.some(role["student"], 0.8), "school", (8.5, 1.6), (6.0, 1.5)),
            plans.errands(
                plans.some(role["retired"], 0.8), {"shop": 6, "leisure": 3, "care": 1, "visit": 0.6}, (9.8, 2.0), 0.1
            ),
            plans.errands(
                plans.some(role["home"], 0.75), {"shop": 6, "leisure": 2, "care": 1, "visit": 1}, (10.3, 2.2), 0.2
            ),
        ]
    )
    evening = {"shop": 3, "meal": 1.5, "leisure": 4, "visit": 1.2}
    second = joined(
        [
            plans.errands(plans.some(workers, 0.2), evening, (19.4, 0.9), 0.12),
            plans.errands(plans.some(role["pupil"], 0.12), {"leisure": 4, "visit": 1}, (18.6, 0.7), 0.05),
            plans.errands(plans.some(role["student"], 0.3), evening, (18.5, 1.5), 0.2),
            plans.errands(plans.some(role["child"], 0.25), {"leisure": 1}, (17.2, 0.7), 0.02),
            plans.errands(plans.some(role["retired"], 0.42), {"shop": 3, "leisure": 4, "visit": 1}, (14.8, 2.0), 0.06),
            plans.errands(plans.some(role["home"], 0.45), {"shop": 4, "leisure": 3, "visit": 1}, (15.2, 2.2), 0.1),
        ]
    )
    strollers = np.concatenate([role["retired"], role["home"]])
    third = plans.errands(plans.some(strollers, 0.15), {"leisure": 3, "visit": 1}, (19.6, 0.6), 0.0)
    return [first, second, third]


def _shifts(plans: Plans, who: Ints) -> Tours:
    """Work in the district: long days in two shifts; some go out for a meal or shop on the way home."""
    scene = plans.scene
    count = len(scene.homes.age)
    job = np.append(scene.works, scene.filled)[who]
    building = np.array([firm.building for firm in scene.firms])[job]
    opens = np.array([TRADES[firm.trade].opens_h for firm in scene.firms])[job]
    closes = np.array([TRADES[firm.trade].closes_h for firm in scene.firms])[job]
    late = (closes - opens > 11.0) & (plans.rng.random(len(who)) < 0.45)
    begins = np.where(closes - opens >= 24.0, np.where(late, 13.5, 7.5), np.where(late, closes - 8.5, opens))
    start_s = (begins - 0.3) * 3600.0 + plans.hours(len(who), 2.0, 0.7) - 7200.0
    start_s -= np.where(who >= count, 1200.0, 0.0)
    tours = plans.trip(who, np.maximum(start_s, 12600.0), "work", building, plans.hours(len(who), 8.6, 0.8))
    meal = (plans.rng.random(len(who)) < 0.16) & ~late
    tours.place[meal, 1], tours.purpose[meal, 1] = plans.near("meal", building[meal]), "meal"
    meal &= (tours.place[:, 1] >= 0) & (tours.place[:, 1] != building)
    tours.place[~meal, 1] = -1
    tours.stay_s[meal, 0], tours.stay_s[meal, 1] = plans.hours(int(meal.sum()), 4.0, 0.3), 2400.0
    tours.place[meal, 2], tours.stay_s[meal, 2] = building[meal], 4.2 * 3600.0
    errand = (plans.rng.random(len(who)) < 0.18) & ~late
    tours.place[errand, 3], tours.stay_s[errand, 3] = plans.near("shop", building[errand]), 1500.0
    tours.purpose[errand, 3] = "shop"
    return tours


def _away(plans: Plans, who: Ints, purpose: str, start: tuple[float, float], stay: tuple[float, float]) -> Tours:
    """A day beyond the gate; some shop near home on the way back."""
    gate, home = plans.scene.gate[who], plans.scene.homes.home[plans.scene.homes.household[who]]
    tours = plans.trip(who, plans.hours(len(who), *start), purpose, gate, plans.hours(len(who), *stay))
    errand = plans.rng.random(len(who)) < 0.14
    tours.place[errand, 1], tours.stay_s[errand, 1] = plans.near("shop", home[errand]), 1500.0
    tours.purpose[errand, 1] = "shop"
    return tours


def _lessons(plans: Plans, who: Ints) -> Tours:
    """School: the older, the earlier; those without a place here from 6 years on learn beyond the gate."""
    age, school = plans.scene.homes.age[who], plans.scene.attends[who]
    building = np.array([*(firm.building for firm in plans.scene.firms), -1])
    place = np.where(school >= 0, building[school], np.where(age >= 6, plans.scene.gate[who], -1))
    there = (place >= 0) & (plans.rng.random(len(who)) < 0.97)
    who, age, place = who[there], age[there], place[there]
    begins = np.select([age < 6, age < 12, age < 15], [8.2, 7.75, 7.2], 6.7)
    stay = np.select([age < 6, age < 12, age < 15], [8.3, 8.2, 9.6], 10.5)
    start_s = begins * 3600.0 + plans.hours(len(who), 2.0, 0.4) - 7200.0
    return plans.trip(who, start_s, "school", place, stay * 3600.0 + plans.hours(len(who), 1.0, 0.2) - 3600.0)
