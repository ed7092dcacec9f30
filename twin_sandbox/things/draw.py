"""Faults for a whole district, drawn at stated rates: the list itself is their truth."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.errors import TwinError
from twin_sandbox.things import faults as sensor
from twin_sandbox.things import messages as message

if TYPE_CHECKING:
    import pandas as pd

RATES: dict[str, float] = {
    "Gap": 0.15,
    "Drift": 0.03,
    "Bias": 0.03,
    "Stuck": 0.03,
    "Spike": 0.05,
    "ClockSkew": 0.02,
    "SwappedIdentity": 0.01,
    "Duplicate": 0.20,
    "Late": 0.05,
    "OutOfOrder": 0.10,
    "PoisonMessage": 0.02,
}
"""Kind of fault → share of datastreams that have it: this project's own. Deployments have had faults in a
few per cent to a fifth of their samples (Sharma et al. 2010, "Sensor faults: detection methods and prevalence in
real-world datasets", ACM Transactions on Sensor Networks 6(3)): look it up before a lab rests on it."""

SIZE_SHARE = (0.02, 0.08)
"""Least and greatest size of a bias, of a drift over the record, and of a spike ×3, as a share of the range."""

ALONE = ("Drift", "Bias", "Stuck", "SwappedIdentity")
"""Of these a datastream has at most one, so that each can be told from what it does."""

ANALOGUE = ("Drift", "Bias", "Spike")
"""What a switch, which is only on or off, can't have."""


def draw_faults(
    rng: np.random.Generator,
    things: "pd.DataFrame",
    hours: float,
    kinds: Sequence[str] | None = None,
    rates: Mapping[str, float] = RATES,
) -> tuple[list[sensor.Fault], list["message.MessageFault"]]:
    """Faults of devices, and of their messages, with every number settled.

    Each datastream has each kind independently with its rate, and of drift, bias, stuck and swapped identity at most
    one. Sizes are uniform in `SIZE_SHARE` of the datastream's range with random sign, beginnings uniform from 0.2 to
    0.5 of the record. Identities are swapped between datastreams of the same quantity.

    Args:
        rng: the source of chance; the same ledger and state give the same faults.
        things: rows of the ledger to draw for.
        hours: length of the record [h], to which a drift grows.
        kinds: names of the kinds to draw; by default all of `RATES`.
        rates: kind → share of datastreams.

    Raises:
        TwinError: an unknown kind, or a rate that is no share.
    """
    wanted = list(RATES) if kinds is None else list(kinds)
    _check(wanted, rates, hours)
    lying: list[sensor.Fault] = []
    sent: list[message.MessageFault] = []
    swapped: set[str] = set()
    for (name, row), own in zip(things.iterrows(), rng.spawn(len(things)), strict=True):
        # every number is drawn for every datastream, so that a rate changed for one kind shifts no other
        hits = {kind for kind in wanted if own.random() < rates[kind]}
        mates = things.index[(things["quantity"] == row["quantity"]) & ~things.index.isin([*swapped, name])]
        made = _possible(str(name), row, hours, list(mates), own)
        first = next((kind for kind in wanted if kind in hits and kind in made and kind in ALONE), "")
        if str(name) in swapped and first == "SwappedIdentity":
            first = ""
        for kind in wanted:
            if kind in hits and kind in made and (kind == first or kind not in ALONE):
                fault = made[kind]
                if isinstance(fault, message.SwappedIdentity):
                    swapped |= {fault.datastream, fault.other}
                if isinstance(fault, sensor.Fault):
                    lying.append(fault)
                else:
                    sent.append(fault)
    return lying, sent


def _check(kinds: Sequence[str], rates: Mapping[str, float], hours: float) -> None:
    for kind in kinds:
        if kind not in RATES or kind not in rates:
            raise TwinError("draw_faults, kinds", repr(kind), f"Of: {', '.join(RATES)}, each with a rate.")
        if not 0.0 <= rates[kind] <= 1.0:
            raise TwinError(f"draw_faults, rates, {kind}", f"{rates[kind]}", "A share of the datastreams, 0 to 1.")
    if not hours > 0:
        raise TwinError("draw_faults, hours", f"{hours}", "More than 0.")


def _possible(
    datastream: str, row: "pd.Series[float]", hours: float, mates: Sequence[str], rng: np.random.Generator
) -> dict[str, "sensor.Fault | message.MessageFault"]:
    """What this datastream's faults would be, by kind."""
    span = float(row["range_high"] - row["range_low"])
    size = float(rng.uniform(*SIZE_SHARE)) * span * _sign(rng)
    begins, lasts = round(float(rng.uniform(0.2, 0.5)), 3), round(float(rng.uniform(0.2, 0.4)), 3)
    made: dict[str, sensor.Fault | message.MessageFault] = {
        "Gap": sensor.Gap(datastream, int(rng.integers(1, 4)), round(float(rng.uniform(10.0, 60.0)), 1)),
        "Drift": sensor.Drift(datastream, _rounded(size / hours), begins),
        "Bias": sensor.Bias(datastream, _rounded(size), begins),
        "Stuck": sensor.Stuck(datastream, begins, lasts),
        "Spike": sensor.Spike(datastream, 3.0, _rounded(3 * abs(size))),
        "ClockSkew": sensor.ClockSkew(datastream, 300.0 * float(rng.integers(3, 10)) * _sign(rng)),
        "Duplicate": message.Duplicate(datastream, round(float(rng.uniform(0.05, 0.2)), 3)),
        "Late": message.Late(datastream, 1.0, round(float(rng.uniform(30.0, 600.0)), 1)),
        "OutOfOrder": message.OutOfOrder(datastream, round(float(rng.uniform(0.005, 0.05)), 4)),
        "PoisonMessage": message.PoisonMessage(datastream, round(float(rng.uniform(0.005, 0.03)), 4)),
    }
    pick = float(rng.random())
    if mates:
        made["SwappedIdentity"] = message.SwappedIdentity(datastream, str(mates[int(pick * len(mates))]), begins)
    if float(row["resolution"]) >= span:
        for kind in ANALOGUE:
            del made[kind]
    return made


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _rounded(size: float) -> float:
    """Four significant digits."""
    return float(f"{size:.4g}")
