"""Observations kept in one SQLite file, each (datastream, time) once."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

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
WAIT_S = 60.0
"""How long a writer waits for another one to finish [s]."""


class Store:
    """A file of observations; use it in a ``with`` block.

    An observation that comes twice is kept once, as it came first: resent messages and repeated deliveries do no
    harm, and several processes may write at once. What `add` has returned from survives a kill; what it was about to
    keep is kept wholly or not at all. Times are kept as milliseconds UTC.

    Args:
        path: the file, made if missing; ``":memory:"`` for none.
        things: the ledger, for reading by kind of device.

    Raises:
        TwinError: the file is something else, or cannot be opened.
    """

    def __init__(self, path: Path | str, things: "pd.DataFrame | None" = None) -> None:
        self._where, self._things = f"store {path}", things
        try:
            self._connection = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
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
        return int(self.add_new(observations).sum())

    def add_new(self, observations: "pd.DataFrame") -> NDArray[np.bool_]:
        """As `add`; gives for each row whether it was new."""
        missing = [name for name in COLUMNS if name not in observations.columns]
        if missing:
            raise TwinError(self._where, f"observations lack {', '.join(missing)}", f"Columns {', '.join(COLUMNS)}.")
        if observations.empty:
            return np.zeros(0, dtype=bool)
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
        run = self._connection.execute
        try:
            run("begin immediate")
            new = [run("insert into observation values (?, ?, ?) on conflict do nothing", row).rowcount for row in rows]
            run("commit")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                run("rollback")
            raise TwinError(self._where, f"not written: {error}") from None
        return np.array(new, dtype=np.int64).astype(np.bool_)

    def read(
        self,
        datastream: str | Iterable[str] | None = None,
        begin: object | None = None,
        end: object | None = None,
        kind: str | None = None,
    ) -> "pd.DataFrame":
        """Observations in order of datastream and time, in Beijing time.

        Args:
            datastream: of one datastream, or of these.
            begin: from this moment on.
            end: before this moment.
            kind: of devices of this kind; the store must know the ledger.

        Raises:
            TwinError: no ledger, or no device of that kind in it.
        """
        import pandas as pd

        wanted: list[str] = []
        given: list[Any] = []
        if datastream is not None:
            names = [datastream] if isinstance(datastream, str) else [str(name) for name in datastream]
            _among(names, wanted, given)
        if kind is not None:
            _among(self._of_kind(kind), wanted, given)
        for sign, name, value in ((">=", "begin", begin), ("<", "end", end)):
            if value is not None:
                wanted.append(f"time_ms {sign} ?")
                given.append(int(moment(name, value).timestamp() * 1000))
        where = f" where {' and '.join(wanted)}" if wanted else ""
        query = f"select datastream, time_ms, value from observation{where} order by datastream, time_ms"  # noqa: S608 - the conditions are this module's own, the values are bound
        rows = self._connection.execute(query, given).fetchall()
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table["time"] = pd.to_datetime(table["time"].astype("int64"), unit="ms", utc=True).dt.tz_convert(ZONE)
        table["value"] = table["value"].astype(float)
        return table

    def resampled(
        self,
        every: str,
        datastream: str | Iterable[str] | None = None,
        begin: object | None = None,
        end: object | None = None,
        kind: str | None = None,
    ) -> "pd.DataFrame":
        """Means over equal spans: one row a span, one column a datastream; NaN where nothing was observed.

        Args:
            every: length of a span, e.g. ``"15min"``; a span is named by its beginning.
            datastream: as for `read`.
            begin: as for `read`.
            end: as for `read`.
            kind: as for `read`.

        Raises:
            TwinError: as for `read`, or ``every`` is no span.
        """
        import pandas as pd

        table = self.read(datastream, begin, end, kind)
        try:
            span = pd.Timedelta(every)
        except ValueError:
            raise TwinError("store.resampled, every", repr(every), 'A span of time, e.g. "15min".') from None
        if not span > pd.Timedelta(0):
            raise TwinError("store.resampled, every", repr(every), 'A span of time, e.g. "15min".')
        wide = table.pivot_table(index="time", columns="datastream", values="value")
        return wide.resample(span).mean() if len(wide) else wide

    def _of_kind(self, kind: str) -> list[str]:
        if self._things is None:
            raise TwinError(self._where, "knows no kinds of device", then="Open it as Store(path, twin.things).")
        names = [str(name) for name in self._things.index[self._things["kind"] == kind]]
        if not names:
            kinds = ", ".join(sorted(set(self._things["kind"])))
            raise TwinError(self._where, f"no device of kind {kind!r}", f"One of: {kinds}.")
        return names

    def latest(self) -> "pd.DataFrame":
        """The last observation of each datastream."""
        table = self.read()
        return table.groupby("datastream").tail(1).reset_index(drop=True)


def _among(names: list[str], wanted: list[str], given: list[Any]) -> None:
    wanted.append(f"datastream in ({', '.join('?' * len(names))})")
    given.extend(names)
