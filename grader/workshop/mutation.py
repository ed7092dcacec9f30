"""Mutations of values, as people really get them wrong: unit, sign, step, hour, zone, order, half of it.

This file's text runs in the sandbox after a right answer's last cell, so it imports nothing of the grader.
"""

import re
from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np
import pandas as pd

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")

Change = Callable[[Any], Any]


def scaled(factor: float) -> Change:
    """Numbers in another unit."""
    return lambda number: number * factor


def later(delay: str) -> Change:
    """Times by another clock."""

    def change(time: pd.Timestamp) -> pd.Timestamp:
        return time + pd.Timedelta(delay)

    return change


NUMBERS: dict[str, Change] = {
    "times 1000": scaled(1000.0),
    "divided by 3.6": scaled(1 / 3.6),
    "sign turned": scaled(-1.0),
}
TIMES: dict[str, Change] = {"an hour late": later("1h"), "UTC taken for Beijing time": later("-8h")}
ROWS: dict[str, Change] = {
    "one step late": lambda rows: rows.shift(1).bfill(),
    "sorted": lambda rows: pd.Series(np.sort(rows.to_numpy()), index=rows.index),
    "half is missing": lambda rows: rows.iloc[: len(rows) // 2],
}
KINDS = (*NUMBERS, *TIMES, *ROWS)


def mutate(value: Any, kind: str) -> Any:  # noqa: ANN401 - whatever a student's name may hold
    """``value`` with the mistake ``kind``; where it does not apply, ``value`` itself."""
    if kind in ROWS:
        return _rows(value, ROWS[kind])
    return _leaves(value, kind)


def apply(namespace: MutableMapping[str, Any], names: list[str], kind: str) -> list[str]:
    """Mutate the answers ``names`` of a notebook; gives those that are different now."""
    changed = []
    for name in names:
        if name not in namespace:
            continue
        before = namespace[name]
        after = _wrapped(before, kind) if callable(before) else mutate(before, kind)
        if after is not before and (callable(before) or not _same(before, after)):
            namespace[name] = after
            changed.append(name)
    return changed


def _wrapped(function: Callable[..., Any], kind: str) -> Callable[..., Any]:
    if kind not in NUMBERS:
        return function

    def wrong(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the student's function
        return mutate(function(*arguments, **named), kind)

    return wrong


def _leaves(value: Any, kind: str) -> Any:  # noqa: ANN401 - see mutate
    if isinstance(value, pd.Series | pd.DataFrame):
        return _table(value, kind)
    if isinstance(value, dict):
        return {key: _leaves(item, kind) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_leaves(item, kind) for item in value)
    return _number(value, NUMBERS[kind]) if kind in NUMBERS else _time(value, TIMES[kind])


def _number(value: Any, change: Change) -> Any:  # noqa: ANN401 - see mutate
    is_number = isinstance(value, int | float | np.number | np.ndarray) and not isinstance(value, bool)
    return change(value) if is_number else value


def _time(value: Any, change: Change) -> Any:  # noqa: ANN401 - see mutate
    if isinstance(value, str) and _TIME.match(value):
        return change(pd.Timestamp(value)).isoformat()
    return change(value) if isinstance(value, pd.Timestamp) else value


def _table(value: Any, kind: str) -> Any:  # noqa: ANN401 - see mutate
    if kind in TIMES:
        timed = isinstance(value.index, pd.DatetimeIndex)
        return value.set_axis(TIMES[kind](value.index)) if timed else value
    if isinstance(value, pd.DataFrame):
        return value.apply(lambda column: _number_rows(column, kind))
    return _number_rows(value, kind)


def _number_rows(column: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    changed: pd.Series[Any] = NUMBERS[kind](column) if pd.api.types.is_numeric_dtype(column) else column
    return changed


def _rows(value: Any, change: Change) -> Any:  # noqa: ANN401 - see mutate
    if isinstance(value, pd.Series) and pd.api.types.is_numeric_dtype(value) and len(value) > 3:
        return change(value)
    if isinstance(value, dict) and len(value) > 3 and all(isinstance(item, int | float) for item in value.values()):
        return change(pd.Series(value))
    return value


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - see mutate
    if isinstance(one, pd.Series | pd.DataFrame):
        return bool(one.equals(other))
    return repr(one) == repr(other)
