"""Enterprises: what is done in which building, with how many jobs; who supplies whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from twin_sandbox.generate.layers.people_homes import Floats, Ints
from twin_sandbox.generate.layers.people_trades import (
    ALONE,
    LEAST_PLAN_M2,
    MIX,
    PUPIL_M2,
    PUPILS_PER_JOB,
    SALES_BANDS,
    SUPPLIES,
    TALL_STOREYS,
    TRADES,
    UNIT_M2,
    UPPER,
    UPPER_UNIT_M2,
    VACANT_SHARE,
    WHOLE,
    WHOLE_M2,
)


class Public(NamedTuple):
    """An enterprise with a place of its own; no name: a plain one; places: of a school, 0 where floor decides."""

    trade: str
    name_en: str = ""
    name_zh: str = ""
    places: int = 0


@dataclass(frozen=True)
class Firm:
    """One enterprise before it has a code; ``building`` is the place in the table, ``storey`` counts from 1."""

    trade: str
    building: int
    storey: int
    floor_area_m2: float
    employees: int
    founded_year: int
    sales_band: int
    places: int
    name_en: str
    name_zh: str


Unit = tuple[Public, int, int, float]


def open_firms(
    uses: Sequence[str],
    storeys: Ints,
    plan_m2: Floats,
    public: Mapping[int, Sequence[Public]],
    rng: np.random.Generator,
) -> list[Firm]:
    """Enterprises of all buildings.

    Args:
        uses: use of each building.
        storeys: storeys of each.
        plan_m2: area of each footprint.
        public: building → those that the recipe or the services put there.
        rng: the layer's chance.
    """
    taught = any(one.trade == "school" for named in public.values() for one in named)
    units: list[Unit] = []
    for k, use in enumerate(uses):
        plan, floor, named = float(plan_m2[k]), float(plan_m2[k] * storeys[k]), public.get(k, ())
        whole = [one for one in named if one.trade in WHOLE and (floor <= WHOLE_M2 or use in ALONE)]
        ground = (floor if whole else plan) / max(1, len(named))
        units += [(one, k, 1, ground) for one in named]
        if whole or (use == "school" and taught):  # further buildings belong to the schools that are named
            continue
        if use in ALONE:
            units.append((Public(ALONE[use]), k, 1, floor - plan * bool(named)))
        elif use in MIX and plan >= LEAST_PLAN_M2:
            units += _units(use, k, int(storeys[k]), plan, 2 if named else 1, rng)
    return [_firm(unit, rng) for unit in units if unit[3] > 0]


def _units(use: str, building: int, storeys: int, plan_m2: float, lowest: int, rng: np.random.Generator) -> list[Unit]:
    """What is let in one building from its ``lowest`` free storey up."""
    units: list[Unit] = []
    storey = lowest
    while storey <= storeys:
        if use == "shop" and storeys >= TALL_STOREYS and storey == 3:
            units.append((Public("hotel"), building, storey, plan_m2 * (storeys - 2)))
            break
        mix, size = MIX[use], UNIT_M2[use]
        if use == "shop" and storey > 1:
            mix, size = UPPER, UPPER_UNIT_M2
        # a firm on small floors takes several of them
        floors = min(storeys - storey + 1, max(1, round(0.7 * size / plan_m2)) if storey > 1 or use != "shop" else 1)
        count = max(1, round(plan_m2 * floors / size))
        parts = 0.5 + rng.random(count)
        trades = rng.choice(list(mix), count, p=np.array(list(mix.values())) / sum(mix.values()))
        for trade, part in zip(trades.tolist(), (parts / parts.sum()).tolist(), strict=True):
            if rng.random() >= VACANT_SHARE:
                units.append((Public(trade), building, storey, plan_m2 * floors * part))
        storey += floors
    return units


def _firm(unit: Unit, rng: np.random.Generator) -> Firm:
    one, building, storey, area_m2 = unit
    kind = TRADES[one.trade]
    places = (one.places or int(area_m2 / PUPIL_M2)) if one.trade in PUPILS_PER_JOB else 0
    jobs = places / PUPILS_PER_JOB[one.trade] if places else 0.85 * area_m2 / kind.m2_per_job
    employees = max(1, round(jobs * float(rng.lognormal(0.0, 0.05 if places else 0.2))))
    sales = employees * kind.sales * float(rng.lognormal(0.0, 0.4))
    band = 1 + sum(sales > top for top in SALES_BANDS) if kind.sales else 0
    age = min(40, int(rng.exponential(20.0 if kind.sector in "PQSDN" else 8.0)))
    area_m2 = round(area_m2, 1)
    return Firm(one.trade, building, storey, area_m2, employees, 2023 - age, band, places, one.name_en, one.name_zh)


def supply_links(firms: Sequence[Firm], codes: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Who supplies whom since when: large suppliers are chosen more often; one link in eight has ended."""
    by_trade: dict[str, list[int]] = {}
    for k, firm in enumerate(firms):
        by_trade.setdefault(firm.trade, []).append(k)
    rows = []
    for seller_trade, buyer_trade, product, chance in SUPPLIES:
        sellers = by_trade.get(seller_trade, [])
        size = np.array([firms[k].employees for k in sellers], float)
        for buyer in by_trade.get(buyer_trade, []) if sellers else []:
            if rng.random() >= chance:
                continue
            count = min(len(sellers), 1 + int(rng.poisson(1.4)))
            for pick in rng.choice(len(sellers), count, replace=False, p=size / size.sum()).tolist():
                seller = sellers[pick]
                first = max(firms[seller].founded_year, firms[buyer].founded_year, 2016) * 12
                month = first + int(rng.random() * (2026 * 12 + 5 - first))
                until = month + 3 + int(rng.exponential(24.0)) if rng.random() < 0.18 else 10**6
                rows.append(
                    {
                        "from_code": codes[seller],
                        "to_code": codes[buyer],
                        "product": product,
                        "weight": round(float(rng.lognormal(0.0, 0.6)) * firms[buyer].employees ** 0.5, 2),
                        "since": _month(month),
                        "until": _month(until) if until < 2026 * 12 + 5 else "",
                    }
                )
    return rows


def _month(count: int) -> str:
    return f"{count // 12}-{count % 12 + 1:02d}-01"
