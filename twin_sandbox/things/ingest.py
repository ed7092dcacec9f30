"""Messages into the store: each observation once, whatever cannot be trusted set aside with its reason."""

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.things.store import Store

FIELDS = ("datastream", "time", "value", "unit")


class Ingested(NamedTuple):
    """What became of messages.

    Attributes:
        accepted: observations that were new.
        repeated: observations that the store had already.
        quarantine: messages set aside: arrival, topic, payload, reason.
        statistics: by kind of device: messages, accepted, repeated, quarantined, late (median delay in s), disordered
            (messages that came after one with a later time of the same datastream).
    """

    accepted: int
    repeated: int
    quarantine: "pd.DataFrame"
    statistics: "pd.DataFrame"


def ingest(things: "pd.DataFrame", messages: "pd.DataFrame", store: "Store") -> Ingested:
    """Read messages in their order and keep what they tell.

    A message is set aside when it is not JSON, lacks a field, tells a value that is no finite number, names a
    datastream that the ledger does not have or another one than its topic, or has another unit than the ledger, a time
    without zone or a value out of range.

    Args:
        things: the ledger.
        messages: columns arrival, topic, payload.
        store: takes the observations.

    Raises:
        TwinError: a column is missing, or the store can't be written.
    """
    import pandas as pd

    missing = [name for name in ("arrival", "topic", "payload") if name not in messages.columns]
    if missing:
        raise TwinError("ingest", f"messages lack {', '.join(missing)}", "Columns arrival, topic, payload.")
    rules = {
        str(name): (unit, float(low) - float(step), float(high) + float(step))
        for name, unit, low, high, step in zip(
            things.index, things["unit"], things["range_low"], things["range_high"], things["resolution"], strict=True
        )
    }
    read: list[tuple[str, str, float]] = []
    reasons: list[str] = []
    for where, payload in zip(messages["topic"], messages["payload"], strict=True):
        found = _read(rules, where, payload)
        reasons.append(found if isinstance(found, str) else "")
        if not isinstance(found, str):
            read.append(found)
    told = messages.assign(reason=reasons, datastream=messages["topic"].str.rpartition("/")[2])
    fine = told["reason"] == ""
    kept = pd.DataFrame(read, columns=["datastream", "time", "value"])
    kept["time"] = pd.to_datetime(kept["time"], utc=True, format="ISO8601")
    new = store.add_new(kept)
    arrival = pd.to_datetime(told.loc[fine, "arrival"], utc=True).reset_index(drop=True)
    kept["new"], kept["delay_s"] = new, (arrival - kept["time"]).dt.total_seconds()
    quarantine = told.loc[~fine, ["arrival", "topic", "payload", "reason"]].reset_index(drop=True)
    return Ingested(int(new.sum()), int((~new).sum()), quarantine, _statistics(things, told, kept))


def _read(rules: dict[str, tuple[str, float, float]], where: str, payload: str) -> tuple[str, str, float] | str:  # noqa: PLR0911 - one reason each
    """An observation, or the reason why there is none."""
    try:
        fields = json.loads(payload, parse_constant=_refuse)
    except (ValueError, TypeError, RecursionError):
        return "not JSON"
    if not isinstance(fields, dict) or any(name not in fields for name in FIELDS):
        return "a field is missing"
    name, value, time = fields["datastream"], fields["value"], fields["time"]
    if not isinstance(name, str) or name not in rules:
        return "unknown datastream"
    if where.rpartition("/")[2] != name:
        return "another datastream than its topic"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "the value is no number"
    unit, low, high = rules[name]
    if fields["unit"] != unit:
        return "another unit than the ledger's"
    if not _is_moment(time):
        return "the time is none, or has no zone"
    if not low <= value <= high:
        return "out of range"
    return name, time, float(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _is_moment(time: Any) -> bool:  # noqa: ANN401 - whatever a message holds
    from datetime import datetime

    try:
        return datetime.fromisoformat(time).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _statistics(things: "pd.DataFrame", told: "pd.DataFrame", kept: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    kinds = things["kind"]
    all_kinds = told["datastream"].map(kinds).fillna("unknown")
    kept = kept.assign(kind=kept["datastream"].map(kinds))
    disordered = kept["time"] < kept.groupby("datastream")["time"].cummax()
    table = pd.DataFrame(
        {
            "messages": all_kinds.value_counts(),
            "accepted": kept.loc[kept["new"], "kind"].value_counts(),
            "repeated": kept.loc[~kept["new"], "kind"].value_counts(),
            "quarantined": all_kinds[told["reason"] != ""].value_counts(),
            "late": kept.groupby("kind")["delay_s"].median().round(3),
            "disordered": kept.loc[disordered, "kind"].value_counts(),
        }
    ).rename_axis("kind")
    whole = ["messages", "accepted", "repeated", "quarantined", "disordered"]
    table[whole] = table[whole].fillna(0).astype(int)
    return table
