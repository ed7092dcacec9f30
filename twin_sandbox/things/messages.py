"""What goes wrong between device and platform: observations become messages, and messages meet their faults.

A sound message arrives once, in order, about a second after its observation. The faults follow what measurements of
telemetry report; where no source stands beside a number, it is this project's own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.things.description import topic

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.integer[Any]]

LATENCY_MEDIAN_S = 0.8
LATENCY_SIGMA = 0.4
"""Ordinary delay of a message: lognormal. That delays are long-tailed is measured (Paxson 1999,
doi:10.1109/90.779192); that the tail is lognormal, and these two numbers, are this project's choice."""


@dataclass(frozen=True)
class SwappedIdentity:
    """Two devices report under each other's name from a moment on, as after a service that mixed up two units.

    Args:
        datastream: one of the two; of the same quantity, or the unit gives it away.
        other: the other.
        begins: share of the record after which they are swapped; by default uniform from 0.2 to 0.6.
    """

    datastream: str
    other: str
    begins: float | None = None


@dataclass(frozen=True)
class Duplicate:
    """Messages that come twice: MQTT's quality of service 1 delivers at least once (OASIS MQTT 3.1.1, section 4.3.2).

    Each message independently with probability ``share``; the second follows after an exponential time, the mean of
    which is the sender's wait for an acknowledgement.

    Args:
        datastream: whose messages.
        share: probability, 0 to 1.
        mean_wait_s: mean time to the second [s].
    """

    datastream: str
    share: float = 0.1
    mean_wait_s: float = 20.0


@dataclass(frozen=True)
class Late:
    """Messages that come late: a lognormal delay on top of the ordinary one, see `LATENCY_SIGMA`.

    Args:
        datastream: whose messages.
        share: probability that a message is late, 0 to 1.
        median_s: median delay [s].
        sigma: standard deviation of the delay's natural logarithm.
    """

    datastream: str
    share: float = 1.0
    median_s: float = 60.0
    sigma: float = 1.0


@dataclass(frozen=True)
class OutOfOrder:
    """Messages that are overtaken: held back until one to ``most`` later ones have arrived, the number uniform.

    Packets of one stream do overtake each other, a few per mille to a few per cent of them (Paxson 1999,
    doi:10.1109/90.779192); a gateway that resends its buffer does worse.

    Args:
        datastream: whose messages.
        share: probability that a message is held back, 0 to 1.
        most: greatest number of messages that overtake it.
    """

    datastream: str
    share: float = 0.02
    most: int = 3


@dataclass(frozen=True)
class PoisonMessage:
    """Messages that must not be read as values: each with probability ``share``, of a kind drawn evenly of `POISONS`.

    Args:
        datastream: whose messages.
        share: probability, 0 to 1.
    """

    datastream: str
    share: float = 0.01


MessageFault = SwappedIdentity | Duplicate | Late | OutOfOrder | PoisonMessage

POISONS = ("wrong type", "not a number", "wrong unit", "truncated")
"""A text instead of a number; ``NaN``, which JSON does not know (RFC 8259, section 6); another unit; half a message."""


class Messages(NamedTuple):
    """Messages in order of arrival, and the truth of each fault in them (plain JSON values).

    ``table`` has the columns arrival (Beijing time), topic, payload (text) and sequence (of the sender, from 0).
    """

    table: "pd.DataFrame"
    truth: list[dict[str, Any]]


def messages(
    things: "pd.DataFrame",
    observations: "pd.DataFrame",
    stream: np.random.Generator,
    faults: Sequence[MessageFault] = (),
) -> Messages:
    """Observations as the platform receives them.

    A payload is JSON: ``{"datastream": …, "time": ISO 8601, "value": number, "unit": …, "sequence": number}``.

    Args:
        things: the ledger, for codes and units.
        observations: columns datastream, time, value; e.g. of `twin.observe`.
        stream: every datastream draws from a child of its own, so a fault on one changes no other.
        faults: any number, at most one of a kind for a datastream.

    Raises:
        TwinError: a fault for a datastream without observations, a share outside 0 to 1, or two of a kind for one.
    """
    import pandas as pd

    names = list(dict.fromkeys(observations["datastream"]))
    _check(faults, names)
    chance = dict(zip(names, stream.spawn(len(names)), strict=True))
    truth: list[dict[str, Any]] = []
    named = _swap(observations, faults, chance, truth)
    parts = []
    for name, part in observations.groupby("datastream", sort=False):
        own = {type(fault): fault for fault in faults if fault.datastream == name}
        parts.append(_sent(things, part, named.loc[part.index], own, chance[str(name)], truth))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values("arrival", kind="stable", ignore_index=True)
    return Messages(table, truth)


def _check(faults: Sequence[MessageFault], names: Sequence[str]) -> None:
    seen = set()
    for fault in faults:
        where = f"messages, {type(fault).__name__}"
        for name in {fault.datastream, getattr(fault, "other", fault.datastream)}:
            if name not in names:
                raise TwinError(where, f"no observations of {name!r}", f"One of: {', '.join(names)}.")
            key = (type(fault), name)
            if key in seen:
                raise TwinError(where, f"a second one for {name!r}", "One of a kind for a datastream.")
            seen.add(key)
        share = getattr(fault, "share", 0.0)
        if not 0.0 <= share <= 1.0:
            raise TwinError(f"{where}.share", f"{share}", "0 to 1.")
        for field in ("mean_wait_s", "median_s", "sigma", "most"):
            if not getattr(fault, field, 1) > 0:
                raise TwinError(f"{where}.{field}", f"{getattr(fault, field)}", "More than 0.")


def _swap(
    observations: "pd.DataFrame",
    faults: Sequence[MessageFault],
    chance: dict[str, np.random.Generator],
    truth: list[dict[str, Any]],
) -> "pd.Series[str]":
    """The name under which each observation is sent."""
    named = observations["datastream"].astype(str).copy()
    first, last = observations["time"].min(), observations["time"].max()
    for fault in faults:
        if isinstance(fault, SwappedIdentity):
            drawn = round(float(chance[fault.datastream].uniform(0.2, 0.6)), 3)
            begins = drawn if fault.begins is None else fault.begins
            if not 0.0 <= begins <= 1.0:
                raise TwinError("messages, SwappedIdentity.begins", f"{begins}", "A share of the record, 0 to 1.")
            moment = first + (last - first) * begins
            late = observations["time"] >= moment
            for mine, yours in ((fault.datastream, fault.other), (fault.other, fault.datastream)):
                named[late & (observations["datastream"] == mine)] = yours
            told = {"datastream": fault.datastream, "fault": "swappedidentity", "other": fault.other}
            truth.append({**told, "begins": begins, "first": moment.isoformat()})
    return named


def _sent(
    things: "pd.DataFrame",
    part: "pd.DataFrame",
    named: "pd.Series[str]",
    own: dict[type, Any],
    rng: np.random.Generator,
    truth: list[dict[str, Any]],
) -> "pd.DataFrame":
    """The messages of one sender, with what happens to them on the way."""
    import pandas as pd

    name, count = str(part["datastream"].iloc[0]), len(part)
    # drawn for every sender alike, so that one fault shifts no other's chance
    delay_s = rng.lognormal(np.log(LATENCY_MEDIAN_S), LATENCY_SIGMA, count)
    chance = dict(zip((PoisonMessage, Late, OutOfOrder, Duplicate), rng.spawn(4), strict=True))
    payloads = _payloads(things, part, named)
    if PoisonMessage in own:
        hit, kinds = _poison(payloads, own[PoisonMessage].share, chance[PoisonMessage])
        truth.append({"datastream": name, "fault": "poisonmessage", "sequences": hit, "kinds": kinds})
    if Late in own:
        fault = own[Late]
        hits = _drawn(fault.share, count, chance[Late])
        more_s = chance[Late].lognormal(np.log(fault.median_s), fault.sigma, len(hits))
        delay_s[hits] += more_s
        told = {"datastream": name, "fault": "late", "sequences": hits.tolist()}
        truth.append({**told, "delays_s": more_s.round(3).tolist()})
    sent_ns = part["time"].astype("datetime64[ns, UTC]").astype("int64").to_numpy()
    arrival_ns = sent_ns + (delay_s * 1e9).astype(np.int64)
    if OutOfOrder in own:
        held = _held(arrival_ns, own[OutOfOrder], chance[OutOfOrder])
        truth.append({"datastream": name, "fault": "outoforder", "sequences": held})
    codes = {other: str(things.loc[other, "code"]) for other in set(named)}
    where = {other: topic(code[:4], code, other) for other, code in codes.items()}
    table = pd.DataFrame(
        {
            "arrival": arrival_ns,
            "topic": [where[other] for other in named],
            "payload": payloads,
            "sequence": np.arange(count),
        }
    )
    if Duplicate in own:
        hits = _drawn(own[Duplicate].share, count, chance[Duplicate])
        again = table.iloc[hits].copy()
        again["arrival"] += (chance[Duplicate].exponential(own[Duplicate].mean_wait_s, len(hits)) * 1e9).astype(
            np.int64
        )
        table = pd.concat([table, again], ignore_index=True)
        truth.append({"datastream": name, "fault": "duplicate", "sequences": hits.tolist()})
    table["arrival"] = pd.to_datetime(table["arrival"], utc=True).dt.tz_convert("Asia/Shanghai")
    return table


def _drawn(share: float, count: int, rng: np.random.Generator) -> Integers:
    return np.flatnonzero(rng.random(count) < share)


def _payloads(things: "pd.DataFrame", part: "pd.DataFrame", named: "pd.Series[str]") -> list[str]:
    unit = str(things.loc[str(part["datastream"].iloc[0]), "unit"])
    return [
        json.dumps(
            {"datastream": name, "time": time.isoformat(), "value": value, "unit": unit, "sequence": k},
            ensure_ascii=False,
        )
        for k, (name, time, value) in enumerate(zip(named, part["time"], part["value"].tolist(), strict=True))
    ]


def _poison(payloads: list[str], share: float, rng: np.random.Generator) -> tuple[list[int], list[str]]:
    """Spoil a share of the payloads in place; which ones, and how."""
    hits = _drawn(share, len(payloads), rng).tolist()
    kinds = [POISONS[int(k)] for k in rng.integers(len(POISONS), size=len(hits))]
    for place, kind in zip(hits, kinds, strict=True):
        fields = json.loads(payloads[place])
        if kind == "wrong type":
            fields["value"] = f"{fields['value']} {fields['unit']}"
        elif kind == "not a number":
            fields["value"] = float("nan")
        elif kind == "wrong unit":
            fields["unit"] = f"k{fields['unit']}"
            fields["value"] /= 1000.0
        text = json.dumps(fields, ensure_ascii=False)
        payloads[place] = text[: int(rng.integers(1, len(text)))] if kind == "truncated" else text
    return hits, kinds


def _held(arrival_ns: Integers, fault: OutOfOrder, rng: np.random.Generator) -> list[int]:
    """Hold some messages back, in place, until later ones have arrived; which ones."""
    hits = _drawn(fault.share, len(arrival_ns), rng)
    behind = hits + rng.integers(1, fault.most + 1, len(hits))
    fine = behind < len(arrival_ns)
    before = arrival_ns.copy()
    for place, last in zip(hits[fine], behind[fine], strict=True):
        arrival_ns[place] = before[place : last + 1].max() + 1_000_000
    # one that waits for another which waits itself may come in order after all
    next_ns = np.minimum.accumulate(arrival_ns[::-1])[::-1][1:]
    return [int(place) for place in hits[fine] if arrival_ns[place] > next_ns[place]]
