"""Reads what students hand in: any reasonable form of a number, a record, a series, a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from grader.isolation.answers import Answers, Missing, Unreadable

ZONE = "Asia/Shanghai"


def answer(answers: Answers, name: str) -> object:
    """The value of ``name``; the release's placeholder ``...`` and ``None`` count as no answer.

    Raises:
        Missing: there is no answer yet.
    """
    value = answers.value(name)
    if value is None or value is Ellipsis:
        raise Missing(name)
    return value


def as_number(name: str, value: object) -> float:
    """A plain float of a number, a numpy scalar, or a container of exactly one number.

    Raises:
        Unreadable: it is none of these.
    """
    if isinstance(value, pd.Series | pd.Index):
        value = value.to_numpy()
    if isinstance(value, np.ndarray | list | tuple):
        if np.size(np.asarray(value, dtype=object)) != 1:
            raise Unreadable(f"{name} holds {len(value)} values; hand in one number.")
        value = np.asarray(value, dtype=object).ravel()[0]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        raise Unreadable(f"{name} is the text {value[:40]!r}; hand in a number, without its unit.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{name} is of type {type(value).__name__}; hand in a number.")
    try:
        return float(value)
    except OverflowError:
        raise Unreadable(
            f"{name} is a number of {len(str(value))} digits; hand in one that a float can hold."
        ) from None


def as_time(name: str, value: object) -> pd.Timestamp:
    """A point in time; one without a zone is taken as Beijing time, as the district's clocks show it.

    Raises:
        Unreadable: it is no time.
    """
    try:
        time = pd.Timestamp(value)  # type: ignore[arg-type]  # whatever pandas reads as a time is welcome
    except (ValueError, TypeError) as error:
        raise Unreadable(f"{name} can't be read as a time; write it like '2026-07-17T20:35'.") from error
    if pd.isna(time):
        raise Unreadable(f"{name} is an empty time.")
    return time.tz_localize(ZONE) if time.tzinfo is None else time.tz_convert(ZONE)


def as_mapping(name: str, value: object) -> Mapping[str, Any]:
    """A record by field name: a dict, a Series, or a table of one row.

    Raises:
        Unreadable: it is none of these.
    """
    if isinstance(value, pd.DataFrame) and len(value) == 1:
        value = value.iloc[0]
    if isinstance(value, pd.Series):
        value = value.to_dict()
    if not isinstance(value, dict):
        raise Unreadable(f"{name} is of type {type(value).__name__}; hand in a dict of named fields.")
    return {str(key): item for key, item in value.items()}


def as_keyed(name: str, value: object, value_column: str) -> dict[str, float]:
    """Numbers by code: a dict, a Series, pairs, or a table with the codes as index or as first text column.

    Raises:
        Unreadable: it is none of these, or a code stands twice.
    """
    if isinstance(value, pd.DataFrame):
        value = _column_by_code(name, value, value_column)
    if isinstance(value, pd.Series):
        pairs = list(zip(value.index.tolist(), value.tolist(), strict=True))
    elif isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list | tuple) and all(isinstance(row, list | tuple) and len(row) == 2 for row in value):
        pairs = [(row[0], row[1]) for row in value]
    else:
        raise Unreadable(f"{name} is of type {type(value).__name__}; hand in a table, a Series or a dict by code.")
    keyed = {str(code): as_number(f"{name}[{code}]", number) for code, number in pairs}
    if len(keyed) < len(pairs):
        raise Unreadable(f"{name} has a code more than once; give each place one row.")
    return keyed


def _column_by_code(name: str, frame: pd.DataFrame, value_column: str) -> "pd.Series[Any]":
    numeric = [column for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column])]
    wanted = value_column if value_column in frame.columns else numeric[0] if len(numeric) == 1 else None
    if wanted is None:
        columns = ", ".join(map(str, frame.columns))
        raise Unreadable(f"{name} has the columns {columns}; name the one with the answer {value_column!r}.")
    texts = [
        column for column in frame.columns if column != wanted and not pd.api.types.is_numeric_dtype(frame[column])
    ]
    if "code" in frame.columns:
        return frame.set_index("code")[wanted]
    if isinstance(frame.index, pd.RangeIndex) and texts:
        return frame.set_index(texts[0])[wanted]
    return frame[wanted]


def as_series(name: str, value: object, value_column: str, grid: pd.DatetimeIndex) -> "pd.Series[float]":
    """Numbers by time on ``grid``: a Series, a dict, a table with a time column, or as many numbers as the grid has.

    Returns:
        The numbers on the grid; where the answer has none, not-a-number.

    Raises:
        Unreadable: it is none of these.
    """
    if isinstance(value, pd.DataFrame):
        value = _column_by_time(name, value, value_column)
    if isinstance(value, dict):
        value = pd.Series(value)
    if isinstance(value, np.ndarray | list | tuple):
        value = np.asarray(value, dtype=object).ravel()
        if len(value) != len(grid):
            raise Unreadable(f"{name} holds {len(value)} numbers; the series has {len(grid)} times.")
        value = pd.Series(value, index=grid)
    if not isinstance(value, pd.Series):
        raise Unreadable(f"{name} is of type {type(value).__name__}; hand in a Series by time.")
    if isinstance(value.index, pd.RangeIndex) and len(value) == len(grid):
        value = value.set_axis(grid)
    try:
        times = pd.DatetimeIndex(pd.to_datetime(value.index))
        numbers = pd.to_numeric(value).astype(float).to_numpy()
    except (ValueError, TypeError) as error:
        raise Unreadable(f"{name} can't be read as numbers by time.") from error
    times = times.tz_localize(ZONE) if times.tz is None else times.tz_convert(ZONE)
    on_time = pd.Series(numbers, index=times)
    return on_time[~on_time.index.duplicated()].reindex(grid)


def _column_by_time(name: str, frame: pd.DataFrame, value_column: str) -> "pd.Series[Any]":
    if "time" in frame.columns:
        frame = frame.set_index("time")
    numeric = [column for column in frame.columns if pd.api.types.is_numeric_dtype(frame[column])]
    wanted = value_column if value_column in frame.columns else numeric[0] if len(numeric) == 1 else None
    if wanted is None:
        columns = ", ".join(map(str, frame.columns))
        raise Unreadable(f"{name} has the columns {columns}; name the one with the answer {value_column!r}.")
    return frame[wanted]
