"""Moments of a scenario: always with a time zone, kept in Beijing time."""

from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

ZONE = "Asia/Shanghai"


def moment(where: str, value: Any) -> "pd.Timestamp":  # noqa: ANN401 - whatever pandas reads as a time
    """The moment ``value`` in Beijing time (UTC+8).

    Raises:
        TwinError: not a time, or a time without zone (is 20:00 in Beijing or in UTC?).
    """
    import pandas as pd

    stamp: pd.Timestamp | None
    try:
        stamp = pd.Timestamp(value)
    except (TypeError, ValueError):
        stamp = None
    if stamp is None or pd.isna(stamp):
        raise TwinError(where, f"{value!r} is not a time", 'E.g. "2026-07-18 20:00+08:00".')
    if stamp.tzinfo is None:
        raise TwinError(where, f"{value} has no time zone", 'E.g. "2026-07-18 20:00+08:00".', "Say which clock it is.")
    return stamp.tz_convert(ZONE)


def nearest_row(times: "pd.DatetimeIndex", time: object) -> int:
    """Number of the kept moment nearest to ``time``.

    Raises:
        TwinError: no moment, or one outside the run.
    """
    import numpy as np

    at = moment("result, time", time)
    if not times[0] <= at <= times[-1]:
        raise TwinError("result, time", f"{at}", f"From {times[0]} to {times[-1]}.")
    return int(np.argmin(np.abs(times - at)))
