"""An ordinary weekday: everyone's tours from home and back, by which mode, how far and how long."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.generate.layers.people_homes import Flags, Floats, Ints

MODES = ("walk", "e_bike", "car", "transit")
SPEED_M_S = np.array([1.1, 4.2, 6.5, 4.6])
"""Door to door while moving: walking 1.0-1.2 m/s; e-bikes 15 km/h; cars 23 km/h in town; buses 17 km/h with stops."""
FIXED_S = np.array([0.0, 60.0, 150.0, 420.0])
"""Unlocking, parking, waiting and walking to the stop."""
COST_PER_MIN = np.array([0.13, 0.10, 0.05, 0.06])
"""What a minute weighs in the choice of a mode."""
STOPS = 4
STAY_LEAST_S = 300.0
DAY_S = 86400.0


@dataclass(frozen=True)
class Travellers:
    """Those whose day is drawn, n of them, residents first.

    Attributes:
        home: place where the day begins and ends; a gate for commuters.
        outside_m: way beyond the gate to home (commuters), or from the gate to work or school (residents).
        drives: has a car to drive. rides: may be driven by somebody of the household. cycles: may ride an e-bike.
        resident: lives in the district.
    """

    home: Ints
    outside_m: Floats
    drives: Flags
    rides: Flags
    cycles: Flags
    resident: Flags


@dataclass(frozen=True)
class Tours:
    """Tours of one round, at most one a person; place −1: no such stop.

    Attributes:
        person: shape (n,). start_s: shape (n,), when they would like to leave.
        place, stay_s, purpose: shape (n, STOPS).
    """

    person: Ints
    start_s: Floats
    place: Ints
    stay_s: Floats
    purpose: NDArray[np.str_]


@dataclass(frozen=True)
class Trips:
    """Trips, m of them, in the order of people and time; places are as in `Travellers`."""

    person: Ints
    depart_s: Ints
    origin: Ints
    destination: Ints
    mode: Ints
    drives: Flags
    purpose: NDArray[np.str_]
    distance_m: Floats
    outside_m: Floats
    duration_s: Ints


def _legs(tours: Tours, people: Travellers) -> tuple[Ints, Ints, NDArray[np.str_], Flags]:
    """Origin, destination, purpose and whether there is such a leg, each of shape (n, STOPS + 1)."""
    home = people.home[tours.person][:, None]
    path = np.hstack([home, tours.place, home])
    purpose = np.hstack([tours.purpose, np.full((len(home), 1), "home")])
    there = np.hstack([np.ones_like(home, bool), tours.place >= 0, np.ones_like(home, bool)])
    origin = path[:, :-1].copy()
    for k in range(1, STOPS + 1):
        origin[:, k] = np.where(there[:, k], path[:, k], origin[:, k - 1])
    return origin, path[:, 1:], purpose, there[:, 1:]


def choose_modes(
    rounds: list[Tours], people: Travellers, distance_m: Floats, shares: Mapping[str, float], rng: np.random.Generator
) -> list[Ints]:
    """One mode a tour: a logit choice whose constants are fitted until residents' trips have the surveyed shares."""
    target = np.array([shares[mode] for mode in MODES])
    target = target / target.sum()
    gates = len(distance_m) - 3
    utility, weight, resident = [], [], []
    for tours in rounds:
        origin, destination, _, there = _legs(tours, people)
        beyond = people.outside_m[tours.person][:, None] * ((origin >= gates) | (destination >= gates))
        length = np.where(there, distance_m[origin, destination] + beyond, 0.0).max(axis=1)
        minutes = (length[:, None] / SPEED_M_S + FIXED_S) / 60.0
        own = -COST_PER_MIN * minutes + rng.gumbel(size=minutes.shape)
        who = tours.person
        own[:, 0] = np.where(length > 4000.0, -np.inf, own[:, 0])
        own[:, 1] = np.where(~people.cycles[who] | (length > 15000.0), -np.inf, own[:, 1])
        # a tour without a car in the household is by taxi: rare
        own[:, 2] -= np.where(people.drives[who], 0.0, np.where(people.rides[who], 2.0, 3.5))
        own[:, 3] = np.where(length < 700.0, -np.inf, own[:, 3])
        utility.append(own)
        weight.append(there.sum(axis=1))
        resident.append(people.resident[who])
    every, trips = np.concatenate(utility), np.concatenate(weight) * np.concatenate(resident)
    constant = np.zeros(len(MODES))
    for _ in range(80):
        chosen = np.argmax(every + constant, axis=1)
        found = np.bincount(chosen, weights=trips, minlength=len(MODES)) / max(1.0, float(trips.sum()))
        constant += 0.7 * np.log(target / np.maximum(found, 1e-3))
    return [np.argmax(own + constant, axis=1) for own in utility]


def travel(rounds: list[Tours], people: Travellers, distance_m: Floats, modes: list[Ints]) -> Trips:
    """Play the rounds one after another: nobody leaves before being back; a tour that would pass midnight falls out."""
    free_s = np.zeros(len(people.home))
    gates = len(distance_m) - 3
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for tours, mode in zip(rounds, modes, strict=True):
        origin, destination, purpose, there = _legs(tours, people)
        beyond = people.outside_m[tours.person][:, None] * ((origin >= gates) | (destination >= gates)) * there
        length = np.where(there, distance_m[origin, destination] + beyond, 0.0)
        duration = np.where(
            there, np.maximum(np.round(length / SPEED_M_S[mode][:, None] + FIXED_S[mode][:, None]), 60), 0
        )
        now = np.maximum(tours.start_s, free_s[tours.person] + STAY_LEAST_S)
        depart = np.empty(there.shape)
        for k in range(STOPS + 1):
            depart[:, k] = now
            now = now + duration[:, k]
            if k < STOPS:
                now = now + np.where(there[:, k], np.maximum(tours.stay_s[:, k], STAY_LEAST_S), 0.0)
        fits = now < DAY_S
        free_s[tours.person[fits]] = now[fits]
        there = there & fits[:, None] & (origin != destination)
        who = np.broadcast_to(tours.person[:, None], there.shape)
        how = np.broadcast_to(mode[:, None], there.shape)
        columns = (
            who,
            np.round(depart),
            origin,
            destination,
            how,
            purpose,
            np.round(length, 1),
            np.round(beyond),
            duration,
        )
        parts.append(tuple(values[there] for values in columns))
    person, depart_s, origin, destination, mode_, purpose, length, beyond, duration = (
        np.concatenate(values) for values in zip(*parts, strict=True)
    )
    order = np.lexsort((depart_s, person))
    return Trips(
        person[order],
        depart_s[order].astype(np.int64),
        origin[order],
        destination[order],
        mode_[order],
        people.drives[person[order]] & (mode_[order] == MODES.index("car")),
        purpose[order],
        length[order],
        beyond[order],
        duration[order].astype(np.int64),
    )
