"""One day of everybody: which of an ordinary working day's tours are made, when, and where people are in between.

The district's table ``trips`` holds an ordinary working day; ``day_kinds`` says how other days differ. A tour is what
lies between leaving home and being back; it is made as a whole or not at all. A day lasts from 03:30 to 03:30, when
everybody is at home (commuters: outside), so days follow each other without a seam at midnight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.engines.people import Floats, Ints, Stays
from twin_sandbox.entities import District
from twin_sandbox.errors import TwinError

Flags = NDArray[np.bool_]

DAY_BEGINS_S, DAY_S = 12_600, 86_400
"""03:30, when nobody of the table is under way; a day."""
LATEST_S = DAY_BEGINS_S + DAY_S - 600
PURPOSES = ("work", "school", "other")
OUTSIDE, ON_THE_WAY = -1, -2
REST_S = 300
"""Least time between two tours."""
ORDINARY, DAYS_OFF = "weekday", "weekend"
OPEN_DAILY, OPEN_DAILY_SHARE = ("D", "F", "G", "H", "O", "Q", "R"), 0.8
"""Sectors of GB/T 4754 that work on days off (supply, trade, transport, catering, services, health, sport), and the
share of their people on duty then; the others share what the table leaves. Rule of this project."""
MORE_KINDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "school_holiday": {"work": (1.0, 0.0), "school": (0.0, 0.0), "other": (1.15, 0.0)},
    "exam_day": {"work": (1.0, 0.5), "school": (0.35, 1.0), "other": (0.9, 0.0)},
}
"""Kinds of day beside the table's: trips by a working day's, and how many hours later. Rules of this project: schools
are exam halls, so most pupils stay at home, and work begins half an hour later to leave the streets to the others."""


@dataclass(frozen=True)
class Population:
    """Those whose days are followed, n of them, residents first; places are buildings, then parks.

    Attributes:
        codes: of the persons. role: of each; "commuter" for those who live outside.
        home: index of the building; OUTSIDE for commuters.
        open_daily: whether the person's workplace works on days off.
        buildings: codes of the places that are buildings. places: number of places, parks included.
        trips: an ordinary working day's, by person and time: person, tour (number over all), depart_s, duration_s,
            origin, destination, mode, purpose ("work", … as the table says), drives.
        tours: person, kind (index into PURPOSES), begin_s, end_s, first (row of its first trip), count (of trips).
        modes: names of the ways to travel.
        kinds: day kind → purpose → (factor, hours later).
    """

    codes: NDArray[np.str_]
    role: NDArray[np.str_]
    home: Ints
    open_daily: Flags
    buildings: tuple[str, ...]
    places: int
    trips: pd.DataFrame
    tours: pd.DataFrame
    modes: tuple[str, ...]
    kinds: Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Day:
    """What is really made of a day's tours.

    Attributes:
        trips: as in `Population`, with the real times [s since midnight].
        stays: everybody's, from DAY_BEGINS_S on.
        person: of each stay.
        purpose: what each stay is for; "home" at home.
    """

    trips: pd.DataFrame
    stays: Stays
    person: Ints
    purpose: NDArray[np.str_]


def population(district: District) -> Population:
    """Residents and commuters with an ordinary working day's tours, from the district's tables."""
    residents, commuters = district.entities["residents"], district.entities["commuters"]
    buildings = tuple(str(code) for code in district.entities["buildings"].index)
    place = pd.Index([*buildings, *district.entities["parks"].index])
    codes = np.array([*residents.index, *commuters.index])
    sector = pd.concat([residents["works_at"], commuters["works_at"]]).map(district.entities["enterprises"]["sector"])
    table = district.facts["trips"]
    modes = tuple(sorted(table["mode"].unique()))
    trips = pd.DataFrame(
        {
            "person": pd.Index(codes).get_indexer(pd.Index(table["person_code"])),
            "depart_s": table["depart_s"].to_numpy(),
            "duration_s": table["duration_s"].to_numpy(),
            # a gate is not a place: whoever went through it is outside, which get_indexer says by −1
            "origin": place.get_indexer(pd.Index(table["from_place"])),
            "destination": place.get_indexer(pd.Index(table["to_place"])),
            "mode": pd.Index(modes).get_indexer(pd.Index(table["mode"])),
            "purpose": table["purpose"].to_numpy(dtype=str),
            "drives": table["drives"].to_numpy(),
        }
    ).sort_values(["person", "depart_s"], kind="stable", ignore_index=True)
    back = (trips["purpose"] == "home").to_numpy()
    trips.insert(1, "tour", np.cumsum(np.append(True, back[:-1] | (np.diff(trips["person"]) > 0))) - 1)
    return Population(
        codes,
        np.append(residents["role"].to_numpy(dtype=str), np.full(len(commuters), "commuter")),
        np.append(place.get_indexer(pd.Index(residents["lives_in"])), np.full(len(commuters), OUTSIDE)),
        sector.isin(OPEN_DAILY).to_numpy(),
        buildings,
        len(place),
        trips,
        _tours(trips),
        modes,
        {**MORE_KINDS, **_kinds(district.facts["day_kinds"])},
    )


def _tours(trips: pd.DataFrame) -> pd.DataFrame:
    purpose = trips["purpose"].to_numpy()
    kind = np.select([purpose == "work", purpose == "school"], [0, 1], 2)
    first = np.flatnonzero(np.append(True, np.diff(trips["tour"]) > 0))
    last = np.append(first[1:], len(trips)) - 1
    depart_s, end_s = trips["depart_s"].to_numpy(), (trips["depart_s"] + trips["duration_s"]).to_numpy()
    return pd.DataFrame(
        {
            "person": trips["person"].to_numpy()[first],
            "kind": np.minimum.reduceat(kind, first),
            "begin_s": depart_s[first],
            "end_s": end_s[last],
            "first": first,
            "count": last - first + 1,
        }
    )


def _kinds(table: pd.DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    kinds: dict[str, dict[str, tuple[float, float]]] = {}
    for kind, purpose, factor, later_h in zip(
        table["day_kind"], table["purpose"], table["trips_factor"], table["later_by_h"], strict=True
    ):
        kinds.setdefault(str(kind), {})[str(purpose)] = (float(factor), float(later_h))
    return kinds


def kind_of(date: pd.Timestamp) -> str:
    """The kind of a date by the calendar of the week; holidays have to be said."""
    return ORDINARY if date.dayofweek < 5 else DAYS_OFF


def plan_day(people: Population, kind: str, seed: tuple[int, ...] = (0,), stay_home_share: float = 0.0) -> Day:
    """The tours that are made on a day of a kind, and everybody's stays.

    Args:
        people: with an ordinary working day's tours.
        kind: one of ``people.kinds``.
        seed: of what is left to chance: who goes to work on a day off, who joins whom. An ordinary working day on
            which nobody is asked to stay at home has no chance in it: it is the table's.
        stay_home_share: share of people whose tours all fall out.

    Raises:
        TwinError: an unknown kind.
    """
    if kind not in people.kinds:
        raise TwinError("day_kind", repr(kind), f"One of: {', '.join(people.kinds)}.")
    rules = [people.kinds[kind].get(purpose, (1.0, 0.0)) for purpose in PURPOSES]
    factor, later_s = np.array([f for f, _ in rules]), np.array([round(3600.0 * h) for _, h in rules])
    rng = np.random.default_rng(seed)
    chance_of_person, chance_of_tour = rng.random(len(people.home)), rng.random(len(people.tours))
    tours = people.tours.assign(tour=np.arange(len(people.tours)))
    goes = chance_of_person[tours["person"]] >= stay_home_share
    kept = tours[goes & (chance_of_tour < _share_made(people, factor))]
    kept = kept.assign(joins=False)
    if factor[2] > 1.0:
        home_bound = chance_of_person < stay_home_share
        kept = pd.concat([kept, _joined(people, kept, factor[2] - 1.0, home_bound, rng)], ignore_index=True)
    kept = _timed(kept, later_s[kept["kind"]])
    return _stays(people, _trips(people, kept))


def _share_made(people: Population, factor: Floats) -> Floats:
    """The share of each tour that is made: where less is worked than usual, by those whose trade works every day."""
    kind, daily = people.tours["kind"].to_numpy(), people.open_daily[people.tours["person"]]
    share = np.minimum(factor[kind], 1.0)
    work = kind == PURPOSES.index("work")
    if factor[0] < OPEN_DAILY_SHARE and (work & ~daily).any():
        on_duty = min(OPEN_DAILY_SHARE, factor[0] * work.sum() / max(1, (work & daily).sum()))
        left = factor[0] * work.sum() - on_duty * (work & daily).sum()
        share[work] = np.where(daily[work], on_duty, left / (work & ~daily).sum())
    return np.asarray(share, dtype=np.float64)


def _joined(
    people: Population, kept: pd.DataFrame, share: float, home_bound: Flags, rng: np.random.Generator
) -> pd.DataFrame:
    """More tours of other purposes: those who have none that day go along with somebody of their building."""
    idle = people.home >= 0
    idle[kept["person"]] = False
    free = rng.permutation(np.flatnonzero(idle & ~home_bound))
    free = free[np.argsort(people.home[free], kind="stable")]
    other = kept[(kept["kind"] == 2) & (people.home[kept["person"]] >= 0)]
    # everybody may be joined more than once, so that a house where few go out still fills
    led = pd.concat([other.iloc[rng.permutation(len(other))] for _ in range(3)], ignore_index=True)
    home = people.home[led["person"]]
    order = np.argsort(home, kind="stable")
    rank = np.empty(len(led), np.int64)
    rank[order] = np.arange(len(led)) - np.searchsorted(home[order], home[order])
    first = np.searchsorted(people.home[free], home)
    there = np.searchsorted(people.home[free], home, side="right") - first
    joined = np.flatnonzero(rank < there)[: round(share * len(other))]
    more: pd.DataFrame = led.iloc[joined].assign(person=free[(first + rank)[joined]], joins=True)
    return more


def _timed(tours: pd.DataFrame, later_s: Ints) -> pd.DataFrame:
    """Tours with what they are late by [s]; nobody leaves before being back, nobody is out when the day ends."""
    tours = tours.assign(late_s=later_s)
    tours = tours.iloc[np.lexsort((tours["begin_s"] + tours["late_s"], tours["person"]))].reset_index(drop=True)
    late_s, length_s = tours["late_s"].to_numpy().copy(), (tours["end_s"] - tours["begin_s"]).to_numpy()
    begin_s, person = tours["begin_s"].to_numpy(), tours["person"].to_numpy()
    rank = np.arange(len(tours)) - np.searchsorted(person, person)
    for k in range(1, int(rank.max(initial=0)) + 1):
        own = np.flatnonzero(rank == k)
        back_s = begin_s[own - 1] + late_s[own - 1] + length_s[own - 1]
        early = back_s > begin_s[own] + late_s[own]
        late_s[own] = np.where(early, back_s + REST_S - begin_s[own], late_s[own])
    kept: pd.DataFrame = tours.assign(late_s=late_s)[begin_s + late_s + length_s <= LATEST_S].reset_index(drop=True)
    return kept


def _trips(people: Population, tours: pd.DataFrame) -> pd.DataFrame:
    """The trips of the tours, by person and time."""
    count = tours["count"].to_numpy()
    each = np.repeat(np.arange(len(tours)), count)
    within = np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    trips = people.trips.iloc[tours["first"].to_numpy()[each] + within].reset_index(drop=True)
    moved: pd.DataFrame = trips.assign(
        person=tours["person"].to_numpy()[each],
        tour=each,
        depart_s=trips["depart_s"] + tours["late_s"].to_numpy()[each],
        drives=trips["drives"] & ~tours["joins"].to_numpy()[each],
    )
    return moved


def _stays(people: Population, trips: pd.DataFrame) -> Day:
    """Everybody's first stay, then one after each trip."""
    everyone = np.arange(len(people.home))
    person = np.append(everyone, trips["person"].to_numpy())
    place = np.append(people.home, trips["destination"].to_numpy())
    begin_s = np.append(np.full(len(everyone), DAY_BEGINS_S), (trips["depart_s"] + trips["duration_s"]).to_numpy())
    purpose = np.append(np.full(len(everyone), "home"), trips["purpose"].to_numpy(dtype=str))
    order = np.lexsort((begin_s, person))
    leaves_s = np.full(len(person), DAY_BEGINS_S + DAY_S)
    # sorted by person, a stay ends when the next trip of the same person departs
    departs_s = np.append(np.full(len(everyone), -1), trips["depart_s"].to_numpy())[order]
    same = np.diff(person[order]) == 0
    leaves_s[:-1][same] = departs_s[1:][same]
    at_home = place[order] == people.home[person[order]]
    stays = Stays(place[order], begin_s[order], leaves_s, at_home & (place[order] >= 0))
    return Day(trips, stays, person[order], purpose[order])


def shifted(stays: Stays, by_s: int) -> Stays:
    """The same stays, later."""
    return replace(stays, begin_s=stays.begin_s + by_s, end_s=stays.end_s + by_s)
