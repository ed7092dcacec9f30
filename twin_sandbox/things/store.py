"""Observations kept in one SQLite file, each (datastream, time) once."""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import ZONE, moment

if TYPE_CHECKING:
    import pandas as pd

_TABLE = """
create table if not exists observation (
    datastream text not null,
    time_ms integer not null,
    value real,
    primary key (datastream, time_ms)
) without rowid
"""
COLUMNS = ("datastream", "time", "value")


class Store:
    """A file of observations; use it in a ``with`` block.

    An observation that comes twice is kept once, as it came first: resent messages and repeated deliveries do no
    harm. Times are kept as milliseconds UTC.

    Args:
        path: the file, made if missing; ``":memory:"`` for none.

    Raises:
        TwinError: the file is something else, or cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self._where = f"store {path}"
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise TwinError(self._where, str(error)) from None
        try:
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=normal")
            self._connection.execute(_TABLE)
        except sqlite3.Error as error:
            self._connection.close()
            raise TwinError(self._where, str(error), then="Name another file.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, observations: "pd.DataFrame") -> int:
        """Keep observations (columns datastream, time, value); gives how many were new.

        Raises:
            TwinError: a column is missing, times have no zone, or the file can't be written. Then none is kept.
        """
        missing = [name for name in COLUMNS if name not in observations.columns]
        if missing:
            raise TwinError(self._where, f"observations lack {', '.join(missing)}", f"Columns {', '.join(COLUMNS)}.")
        if observations.empty:
            return 0
        if getattr(observations["time"].dt, "tz", None) is None:
            raise TwinError(
                self._where, "times without time zone", then='Say which clock: .dt.tz_localize("Asia/Shanghai").'
            )
        # Milliseconds whatever the unit in which pandas keeps the times.
        times_ms = (
            observations["time"].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ms]").astype("int64")
        )
        values = observations["value"].astype(float)
        rows = zip(
            observations["datastream"].astype(str).tolist(),
            times_ms.tolist(),
            [None if value != value else value for value in values.tolist()],  # noqa: PLR0124 - NaN alone differs from itself
            strict=True,
        )
        before = self._connection.total_changes
        try:
            self._connection.execute("begin")
            self._connection.executemany("insert into observation values (?, ?, ?) on conflict do nothing", rows)
            self._connection.execute("commit")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise TwinError(self._where, f"not written: {error}") from None
        return self._connection.total_changes - before

    def read(
        self, datastream: str | None = None, begin: object | None = None, end: object | None = None
    ) -> "pd.DataFrame":
        """Observations in order of datastream and time, in Beijing time.

        Args:
            datastream: of one datastream only.
            begin: from this moment on.
            end: before this moment.
        """
        import pandas as pd

        wanted: list[str] = []
        given: list[object] = []
        if datastream is not None:
            wanted.append("datastream = ?")
            given.append(datastream)
        for sign, name, value in ((">=", "begin", begin), ("<", "end", end)):
            if value is not None:
                wanted.append(f"time_ms {sign} ?")
                given.append(int(moment(name, value).timestamp() * 1000))
        where = f" where {' and '.join(wanted)}" if wanted else ""
        query = f"select datastream, time_ms, value from observation{where} order by datastream, time_ms"  # noqa: S608 - the conditions are this function's own, the values are bound
        rows = self._connection.execute(query, given).fetchall()
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table["time"] = pd.to_datetime(table["time"].astype("int64"), unit="ms", utc=True).dt.tz_convert(ZONE)
        table["value"] = table["value"].astype(float)
        return table

    def latest(self) -> "pd.DataFrame":
        """The last observation of each datastream."""
        table = self.read()
        return table.groupby("datastream").tail(1).reset_index(drop=True)
