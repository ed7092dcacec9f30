"""Households and residents: who lives in which building, how old, with whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CENSUS = "Seventh National Population Census of China, 2020"
AGE_SHARES_PERCENT = (
    *(5.52, 6.39, 6.04, 5.15, 5.31, 6.52, 8.81, 7.03, 6.59, 8.12),
    *(8.60, 7.20, 5.20, 5.25, 3.52, 2.21, 1.44, 0.77, 0.26, 0.07),
)
"""Of the population, from 0-4 to 95-99 years: the census."""
SIZE_SHARES = (0.254, 0.297, 0.21, 0.132, 0.062, 0.045)
"""Of the households, of one to six people: the census, rounded, larger ones counted with six."""
# relations of the members to the generation in its working age, whose age is M
ALONE, HEAD, PARTNER, CHILD, SECOND_CHILD, GROWN_CHILD, ELDER, SECOND_ELDER, OLD = range(9)
FAMILIES: dict[int, tuple[tuple[float, tuple[int, ...]], ...]] = {
    1: ((0.68, (ALONE,)), (0.32, (OLD,))),
    2: (
        (0.34, (HEAD, PARTNER)),
        (0.26, (OLD, SECOND_ELDER)),
        (0.12, (HEAD, CHILD)),
        (0.13, (HEAD, ELDER)),
        (0.15, (ALONE, ALONE)),
    ),
    3: (
        (0.66, (HEAD, PARTNER, CHILD)),
        (0.14, (HEAD, PARTNER, GROWN_CHILD)),
        (0.12, (HEAD, PARTNER, ELDER)),
        (0.08, (HEAD, CHILD, ELDER)),
    ),
    4: (
        (0.55, (HEAD, PARTNER, CHILD, SECOND_CHILD)),
        (0.25, (HEAD, PARTNER, CHILD, ELDER)),
        (0.10, (HEAD, PARTNER, ELDER, SECOND_ELDER)),
        (0.10, (HEAD, PARTNER, CHILD, GROWN_CHILD)),
    ),
    5: (
        (0.60, (HEAD, PARTNER, CHILD, ELDER, SECOND_ELDER)),
        (0.40, (HEAD, PARTNER, CHILD, SECOND_CHILD, ELDER)),
    ),
    6: ((1.0, (HEAD, PARTNER, CHILD, SECOND_CHILD, ELDER, SECOND_ELDER)),),
}
"""Kinds of households by size, with their share: rules of this project, made to fit the census's ages."""
WORKING_AGES = (16, 59)
EMPLOYED = {"M": ((16, 59, 0.91), (60, 64, 0.28), (65, 74, 0.08)), "F": ((16, 54, 0.78), (55, 59, 0.3), (60, 69, 0.08))}
"""Share with work among those who no longer learn, by sex and age: rule of this project, urban surveys' order."""
RETIRES = {"M": 60, "F": 55}
"""Ages of retirement in force until 2024: State Council 1978 No. 104."""
CARES = ((0, 0.003, 0.006), (65, 0.015, 0.06), (80, 0.06, 0.25))
"""From this age on: shares in a wheelchair and in need of help. Rule of this project."""


@dataclass(frozen=True)
class Homes:
    """Households (h of them) and residents (n), in the order of buildings.

    Attributes:
        home: household → building's place in the table; size, storey, income, cars, e_bikes: one each a household.
        household: resident → household; age, male, role, mobility, consents, speaks: one each a resident.
    """

    home: Ints
    size: Ints
    storey: Ints
    income: Ints
    cars: Ints
    e_bikes: Ints
    household: Ints
    age: Ints
    male: Flags
    role: NDArray[np.str_]
    mobility: NDArray[np.str_]
    consents: Flags
    speaks: NDArray[np.str_]


def settle(residents: Ints, storeys: Ints, mean_size: float, cars_per_1000: float, rng: np.random.Generator) -> Homes:
    """Fill the buildings with households, and these with people.

    Args:
        residents: people of each building.
        storeys: storeys of each building.
        mean_size: people a household.
        cars_per_1000: private cars per 1,000 residents.
        rng: the layer's chance.
    """
    home, size = _households(residents, mean_size, rng)
    household = np.repeat(np.arange(len(size)), size)
    relation = _relations(size, rng)
    age = _ages(relation, household, rng)
    male = _sexes(relation, age, rng)
    role = _roles(age, male, rng)
    within = np.arange(len(home)) - np.searchsorted(home, home)
    together = np.bincount(home, minlength=len(residents))[home]
    storey = 1 + within * storeys[home] // together
    # the better-off live together: a building's own level, then the household's
    level = rng.normal(size=len(residents))[home] * 0.7 + rng.normal(size=len(home))
    income = 1 + (np.argsort(np.argsort(level)) * 5 // max(1, len(level)))
    grown = np.bincount(household, weights=(age >= 18) & (age < 70), minlength=len(size)).astype(np.int64)
    cars = _cars(income, grown, round(cars_per_1000 * len(age) / 1000), rng)
    e_bikes = np.minimum(rng.poisson(0.55 * grown), grown)
    mobility = _mobility(age, rng)
    consents = rng.random((len(age), 3)) < np.array([0.88, 0.46, 0.61])
    speaks = np.where(rng.random(len(size))[household] < 0.025, "other", "zh")
    return Homes(home, size, storey, income, cars, e_bikes, household, age, male, role, mobility, consents, speaks)


def _households(residents: Ints, mean_size: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Building and size of each household; the sizes of a building sum to its residents."""
    homes, sizes = [], []
    for building in np.flatnonzero(residents):
        people = int(residents[building])
        count = min(people, max(-(-people // 6), int(people / mean_size + rng.random())))
        size = rng.choice(np.arange(1, 7), count, p=np.array(SIZE_SHARES) / sum(SIZE_SHARES))
        while (lack := people - int(size.sum())) != 0:
            free = np.flatnonzero((size < 6) if lack > 0 else (size > 1))
            chosen = rng.permutation(free)[: abs(lack)]
            size[chosen] += np.sign(lack)
        homes.append(np.full(count, building))
        sizes.append(size)
    return np.concatenate(homes), np.concatenate(sizes)


def _relations(size: Ints, rng: np.random.Generator) -> Ints:
    """Each member's relation, household after household."""
    start = np.cumsum(size) - size
    relation = np.zeros(int(size.sum()), np.int64)
    for members, families in FAMILIES.items():
        own = np.flatnonzero(size == members)
        shares = np.array([share for share, _ in families])
        drawn = rng.choice(len(families), len(own), p=shares / shares.sum())
        plans = np.array([plan for _, plan in families])
        relation[start[own][:, None] + np.arange(members)] = plans[drawn]
    return relation


def _ages(relation: Ints, household: Ints, rng: np.random.Generator) -> Ints:
    """Ages that families would have, then pulled onto the census's pyramid by rank, which keeps who is older."""
    count = int(household[-1]) + 1
    with_child = np.bincount(household, weights=relation == CHILD, minlength=count) > 0
    with_grown = np.bincount(household, weights=relation == GROWN_CHILD, minlength=count) > 0
    middle = rng.uniform(23.0, 59.5, count)
    middle = np.where(with_child, np.clip(rng.normal(38.5, 6.0, count), 24.0, 55.0), middle)
    middle = np.where(with_grown, np.clip(rng.normal(51.0, 3.5, count), 43.0, 59.0), middle)
    child = np.clip(middle - rng.normal(28.5, 3.5, count), 0.0, 17.9)
    elder = np.clip(middle + rng.normal(27.0, 3.5, count), 58.0, 96.0)
    old = 60.0 + np.minimum(rng.exponential(9.5, count), 36.0)
    m, c, e, o = (values[household] for values in (middle, child, elder, old))
    noise = rng.normal(0.0, 2.5, len(household))
    no_elder = (np.bincount(household, weights=relation == ELDER, minlength=count) == 0)[household]
    wanted = np.select(
        [relation == kind for kind in range(9)],
        [
            rng.uniform(19.0, 59.0, len(household)),
            m,
            np.maximum(m - 1.5 + noise, 20.0),
            c,
            np.maximum(c - 3.5 + noise * 0.5, 0.0) * (c > 3.0) + (c <= 3.0) * (c + 2.0 + np.abs(noise)),
            np.clip(m - 27.0 + noise, 18.0, 34.0),
            e,
            np.maximum(np.where(no_elder, o, e) - 1.0 + noise, 57.0),
            o,
        ],
    )
    shares = np.array(AGE_SHARES_PERCENT) / sum(AGE_SHARES_PERCENT)
    exact = shares * len(household)
    quota = exact.astype(np.int64)
    quota[np.argsort(quota - exact, kind="stable")[: len(household) - quota.sum()]] += 1
    pyramid = np.sort(np.repeat(np.arange(20) * 5.0, quota) + 5.0 * rng.random(len(household)))
    ages = np.empty(len(household))
    ages[np.argsort(wanted + 1e-6 * rng.random(len(household)), kind="stable")] = pyramid
    return ages.astype(np.int64)


def _sexes(relation: Ints, age: Ints, rng: np.random.Generator) -> Flags:
    """Couples of a man and a woman; otherwise more boys, more old women: sex ratio of the census 105."""
    share = np.select([age < 18, age < 60, age < 80], [0.53, 0.52, 0.48], 0.42)
    male = rng.random(len(age)) < share
    for partner, of in ((PARTNER, HEAD), (SECOND_ELDER, ELDER), (SECOND_ELDER, OLD)):
        second = np.flatnonzero((relation[1:] == partner) & (relation[:-1] == of)) + 1
        male[second] = ~male[second - 1]
    return male


def _roles(age: Ints, male: Flags, rng: np.random.Generator) -> NDArray[np.str_]:
    """Roles: child below 6, pupil 6-17, student, worker, retired, home."""
    chance = rng.random(len(age))
    student = ((age >= 18) & (age <= 21) & (chance < 0.5)) | ((age >= 22) & (age <= 24) & (chance < 0.15))
    employed = np.zeros(len(age))
    retired = age >= np.where(male, RETIRES["M"], RETIRES["F"])
    for sex, own in (("M", male), ("F", ~male)):
        for low, high, share in EMPLOYED[sex]:
            employed[own & (age >= low) & (age <= high)] = share
    worker = (rng.random(len(age)) < employed) & (age >= 18)
    return np.select(
        [age < 6, age < 18, student, worker, retired], ["child", "pupil", "student", "worker", "retired"], "home"
    )


def _mobility(age: Ints, rng: np.random.Generator) -> NDArray[np.str_]:
    chance = rng.random(len(age))
    mobility = np.full(len(age), "walks", dtype="U10")
    for since, wheelchair, helped in CARES:
        mobility = np.where(age >= since, "walks", mobility)
        mobility = np.where((age >= since) & (chance < wheelchair + helped), "needs help", mobility)
        mobility = np.where((age >= since) & (chance < wheelchair), "wheelchair", mobility)
    return mobility


def _cars(income: Ints, grown: Ints, wanted: int, rng: np.random.Generator) -> Ints:
    """Cars of the households, ``wanted`` in all where there are so many drivers; more with income."""
    slots = np.repeat(np.arange(len(income)), np.minimum(grown, 2))
    second = np.append(False, slots[1:] == slots[:-1])
    score = income[slots] + rng.gumbel(size=len(slots)) * 1.6 - 3.0 * second
    chosen = slots[np.argsort(-score, kind="stable")[:wanted]]
    return np.bincount(chosen, minlength=len(income))
