"""The water that people draw by what they do, tied to each building's designed demand.

Per-capita norms say how much more one doing draws than another; the district's tables say how much the city was
designed for. Two factors tie the first to the second: one for each building (its fittings, its habits), one for each
hour of each pattern (what the norms leave out: meals, laundry). They are found by iterative proportional fitting
(Deming and Stephan 1940) on an ordinary working day, so that on such a day every building draws its designed day's
volume and every use its designed pattern; on any other day water follows the people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.engines.people import Doing, Floats, Ints, at_hours, presence
from twin_sandbox.entities import District
from twin_sandbox.world.models.people_days import DAY_BEGINS_S, DAY_S, Day, Population

LITRES_H: Mapping[str, float] = {
    "asleep": 1.0,
    "washing": 10.0,
    "home": 4.0,
    "work": 4.5,
    "school": 3.5,
    "meal": 35.0,
    "care": 13.0,
    "shop": 6.0,
    "leisure": 8.0,
    "visit": 6.0,
}
"""What a person draws [L/h]. From GB 50015-2019, tables 3.2.1 and 3.2.2, by the usual length of a stay: office 30-50
L/(person·shift), pupils 20-40 L/(person·day), guests of a restaurant 20-25 L each, out-patients 10-15 L each; at home
110-140 L/(person·day), shared out between sleep, the hour after getting up and the hour before bed, and the rest."""
HABITS_H: Mapping[str, tuple[float, float]] = {
    "child": (7.2, 21.0),
    "pupil": (6.3, 22.0),
    "student": (7.5, 23.2),
    "worker": (6.8, 22.8),
    "retired": (6.0, 21.7),
    "home": (6.7, 22.3),
}
"""Usual hours of getting up and of going to bed: sleep of about 8 h at night and 9.3 h a day with naps (National Time
Use Survey of China, 2018), from memory; spread forty minutes."""
UP_BEFORE_LEAVING_S, WASHING_S, UP_AFTER_COMING_S = 3_600, 3_600, 2_700
STANDING_OF_LEAST = 0.5
"""What flows whether anybody is there or not, by the least hour of the pattern: rule of this project."""
FLOOR_OF_MEAN: Mapping[str, float] = {"home": 0.5, "hospital": 0.7, "port": 0.5}
OTHER_FLOOR = 0.1
"""Doing that nobody's coming or going changes, by the mean doing of an ordinary day. At home what one does for all of a
household: kitchen and laundry, about half of domestic use (surveys of domestic end uses, from memory); in a
hospital its beds; in the port the ships; elsewhere cleaning. Rules of this project."""
ROUNDS = 60
"""Of the fitting; after these both margins are met within a millionth."""
HEAT_PER_K, HEAT_SINCE_C, HEAT_MOST = 0.015, 30.0, 1.25
"""More water with each degree of the day's greatest air temperature above 30 °C: regressions of daily urban demand on
temperature find 1 to 2 % a degree above a threshold of 21 to 30 °C (Adamowski 2008; Gato et al. 2007), from memory."""


@dataclass(frozen=True)
class Draught:
    """How buildings draw water; b buildings.

    Attributes:
        standing_m3s: shape (b,). rate: shape (24, b) [1]. floor_l_h: shape (b,). As in the engine's model.
    """

    standing_m3s: Floats
    rate: Floats
    floor_l_h: Floats


def doings(people: Population, day: Day, *, free_later_s: int = 0) -> Doing:
    """What everybody does at buildings on a day that draws water.

    Args:
        people: whose day it is.
        day: their stays.
        free_later_s: how much later the day is for those who have neither work nor lessons [s].
    """
    stays = day.stays
    home = stays.at_home
    litres_h = np.where(home, LITRES_H["home"], pd.Series(day.purpose).map(dict(LITRES_H)).to_numpy(dtype=np.float64))
    inside = (stays.place >= 0) & (stays.place < len(people.buildings))
    parts = [Doing(stays.place[inside], stays.begin_s[inside], stays.end_s[inside], litres_h[inside])]
    up_s, bed_s = _rhythm(people, day, free_later_s)
    person, place = day.person[home], stays.place[home]
    begin_s, end_s = stays.begin_s[home], stays.end_s[home]
    ends = np.full(len(up_s), DAY_BEGINS_S + DAY_S)
    for since, until, doing in (
        (np.zeros_like(up_s), up_s, "asleep"),
        (up_s, up_s + WASHING_S, "washing"),
        (bed_s - WASHING_S, bed_s, "washing"),
        (bed_s, ends, "asleep"),
    ):
        first, last = np.maximum(begin_s, since[person]), np.minimum(end_s, until[person])
        there = last > first
        more = np.full(int(there.sum()), LITRES_H[doing] - LITRES_H["home"])
        parts.append(Doing(place[there], first[there], last[there], more))
    return joined(parts)


def joined(parts: list[Doing]) -> Doing:
    """All spans in one."""
    return Doing(
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.begin_s for part in parts]),
        np.concatenate([part.end_s for part in parts]),
        np.concatenate([part.litres_h for part in parts]),
    )


def _rhythm(people: Population, day: Day, free_later_s: int) -> tuple[Ints, Ints]:
    """When everybody gets up and goes to bed [s since midnight]."""
    up_h, bed_h = (pd.Series({role: hours[k] for role, hours in HABITS_H.items()}) for k in (0, 1))
    role = pd.Series(people.role)
    rng = np.random.default_rng(len(people.home))
    habit = rng.normal(0.0, 2400.0, (2, len(people.home))).clip(-5400.0, 5400.0)
    # who need not go out gets up when it suits, within three times what the day is later by
    later = (3.0 * free_later_s * rng.random(len(people.home))).astype(np.int64)
    up = (role.map(up_h).fillna(7.0).to_numpy() * 3600.0 + habit[0]).astype(np.int64)
    bed = (role.map(bed_h).fillna(22.5).to_numpy() * 3600.0 + habit[1]).astype(np.int64)
    trips = day.trips
    leaves, back = np.full(len(up), DAY_S * 2), np.zeros(len(up), np.int64)
    np.minimum.at(leaves, trips["person"], trips["depart_s"])
    np.maximum.at(back, trips["person"], trips["depart_s"] + trips["duration_s"])
    bound = trips["person"][trips["purpose"].isin(["work", "school"])]
    free = np.ones(len(up), bool)
    free[bound] = False
    up = np.minimum(up + later * free, leaves - UP_BEFORE_LEAVING_S)
    return np.maximum(up, DAY_BEGINS_S), np.maximum(bed + later // 2 * free, back + UP_AFTER_COMING_S)


def designed(district: District, people: Population) -> tuple[Floats, NDArray[np.str_], pd.DataFrame]:
    """Each building's base demand [m³/s] and pattern, and the patterns of a working day: hour × name, mean 1."""
    services = district.entities["water_services"].set_index("building_code").reindex(people.buildings)
    table = district.facts["demand_patterns"]
    weekday = table[table["day_type"] == "weekday"]
    patterns = weekday.pivot_table(index="hour", columns="pattern", values="multiplier")
    return (
        services["base_demand_m3s"].fillna(0.0).to_numpy(dtype=np.float64),
        services["pattern"].fillna("").to_numpy(dtype=str),
        patterns,
    )


def fit(
    base_m3s: Floats, pattern: NDArray[np.str_], patterns: pd.DataFrame, people: Population, ordinary: Day
) -> Draught:
    """Standing flow and rates with which an ordinary working day draws what was designed.

    Args:
        base_m3s: shape (b,), designed mean demand.
        pattern: shape (b,), name of each building's pattern.
        patterns: hour × name, mean 1.
        people: whose doings count.
        ordinary: an ordinary working day.
    """
    count = len(base_m3s)
    litres_h = litres_by_minute(people, ordinary)
    mean = litres_h.mean(axis=0)
    floor = np.array([FLOOR_OF_MEAN.get(str(name), OTHER_FLOOR) for name in pattern])
    floor_l_h = np.where(mean > 0.0, floor * mean, 1.0)
    hats = at_hours(np.eye(24), np.arange(1440) / 60.0).reshape(24, 60, 24) / 60.0
    standing, rate = np.zeros(count), np.zeros((24, count))
    for name in patterns.columns:
        own = np.flatnonzero((pattern == name) & (base_m3s > 0.0))
        if not len(own):
            continue
        shape = patterns[name].to_numpy(dtype=np.float64)
        still = STANDING_OF_LEAST * float(shape.min())
        standing[own] = still * base_m3s[own]
        # litres[h, k, b]: what the norms give in hour h, weighted by how much the rate at half past k counts then
        doing = (litres_h[:, own] + floor_l_h[own]).reshape(24, 60, len(own))
        litres = np.einsum("hmk,hmb->hkb", hats, doing)
        wanted = (shape - still) * base_m3s[own].sum()
        hour, house = np.ones(24), base_m3s[own] / doing.mean(axis=(0, 1))
        for _ in range(ROUNDS):
            flow = np.einsum("hkb,k->hb", litres, hour)
            house = (1.0 - still) * base_m3s[own] / flow.mean(axis=0)
            hour = hour * wanted / (flow @ house)
        rate[:, own] = hour[:, None] * house * 3.6e6
    return Draught(standing, rate, floor_l_h)


def litres_by_minute(people: Population, day: Day) -> Floats:
    """Norms' litres an hour in each building in each minute of a day from midnight on, shape (1440, b)."""
    doing = doings(people, day)
    minutes = (DAY_BEGINS_S + DAY_S) // 60
    drawn = presence(doing.place, doing.begin_s, doing.end_s, doing.litres_h, len(people.buildings), minutes)
    drawn[: minutes - 1440] = drawn[1440:]
    return drawn[:1440]


def heat_factor(greatest_c: Floats) -> Floats:
    """How much more water is drawn on days with such a greatest air temperature [°C]."""
    return np.asarray(np.clip(1.0 + HEAT_PER_K * (greatest_c - HEAT_SINCE_C), 1.0, HEAT_MOST), dtype=np.float64)
