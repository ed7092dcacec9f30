"""What differs between two districts or exports: tables, entities, values, and how far things were moved."""

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from twin_sandbox.entities import district as form
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

MOVED_M = 0.001
"""A geometry that moved less than this is the same [m]: what formats round to."""


class Change(NamedTuple):
    """One difference.

    Args:
        table: where.
        code: of which entity; "" for the table as a whole.
        what: "table added", "table removed", "entity added", "entity removed", "changed", "moved", "rows added" or
            "rows removed".
        column: which attribute changed; "" for others.
        old: its value in the first; of moved things None.
        new: its value in the second; of moved things by how many metres (None: drawn in one alone); of facts how
            many rows.
    """

    table: str
    code: str
    what: str
    column: str = ""
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        place = " ".join(part for part in (self.table, self.code, self.column) if part)
        if self.what == "moved":
            far = "drawn in one of the two alone" if self.new is None else f"moved by {self.new:g} m"
            return f"{place}: {far}"
        if self.what == "changed":
            return f"{place}: {self.old!r} → {self.new!r}"
        count = next((value for value in (self.old, self.new) if value is not None), None)
        return f"{place}: {self.what}" + ("" if count is None else f" ({count} rows)")


def load(path: Path) -> "dict[str, pd.DataFrame]":
    """The tables of a built district or of an export.

    Raises:
        TwinError: neither.
    """
    from twin_sandbox.entities import read_district
    from twin_sandbox.formats import read

    if path.is_dir() and (path / form.MANIFEST).is_file():
        district = read_district(path)
        return {**district.entities, **district.facts}
    return read(path)


def differences(old: "dict[str, pd.DataFrame]", new: "dict[str, pd.DataFrame]") -> list[Change]:
    """What is different in ``new``; nothing if they are equal to the millimetre and the attribute.

    Raises:
        TwinError: two tables whose coordinates cannot be compared, as one has no CRS.
    """
    changes = [Change(name, "", "table removed", old=len(old[name])) for name in old if name not in new]
    changes += [Change(name, "", "table added", new=len(new[name])) for name in new if name not in old]
    for name in old:
        if name in new:
            changes += _of_table(name, old[name], new[name])
    return changes


def _of_table(name: str, old: Any, new: Any) -> list[Change]:  # noqa: ANN401 - with or without geometry
    if old.index.name != "code" or new.index.name != "code":
        return _of_facts(name, old, new)
    changes = [Change(name, str(code), "entity removed") for code in old.index.difference(new.index)]
    changes += [Change(name, str(code), "entity added") for code in new.index.difference(old.index)]
    both = old.index[old.index.isin(new.index)]
    old, new = old.loc[both], new.loc[both]
    columns = [column for column in old.columns if column in new.columns and column != "geometry"]
    for column in [*old.columns, *new.columns]:
        if column not in columns and column != "geometry":
            gone = column in old.columns
            changes.append(Change(name, "", "column removed" if gone else "column added", str(column)))
    for column in columns:
        a, b = old[column].to_numpy(dtype=object), new[column].to_numpy(dtype=object)
        changes += [
            Change(name, str(both[k]), "changed", str(column), _plain(a[k]), _plain(b[k]))
            for k in range(len(both))
            if not _same(a[k], b[k])
        ]
    return changes + (_moves(name, old, new) if hasattr(old, "geom_type") and hasattr(new, "geom_type") else [])


def _of_facts(name: str, old: Any, new: Any) -> list[Change]:  # noqa: ANN401 - DataFrames
    rows = [
        Counter(tuple(map(_plain, row)) for row in table[sorted(table.columns)].to_numpy(object))
        for table in (old, new)
    ]
    gone, come = (rows[0] - rows[1]).total(), (rows[1] - rows[0]).total()
    changes = [Change(name, "", "rows removed", old=gone)] if gone else []
    return [*changes, *([Change(name, "", "rows added", new=come)] if come else [])]


def _moves(name: str, old: Any, new: Any) -> list[Change]:  # noqa: ANN401 - GeoDataFrames
    import numpy as np
    import shapely

    from twin_sandbox.formats.tables import from_lon_lat

    if (old.crs is None) != (new.crs is None):
        raise TwinError(f"table {name}", "one of the two has no CRS", "Both in a known CRS, or both without one")
    if old.crs is not None and old.crs.is_geographic:
        metres = old.estimate_utm_crs() if not new.crs.is_projected else new.crs
        old = from_lon_lat(old, metres)
    if old.crs is not None and old.crs != new.crs:
        new = from_lon_lat(new, old.crs) if new.crs.is_geographic else new.to_crs(old.crs)
    a, b = old.geometry.to_numpy(), new.geometry.to_numpy()
    gone = shapely.is_missing(a) != shapely.is_missing(b)
    apart_m = np.where(gone, np.inf, np.nan_to_num(shapely.hausdorff_distance(a, b)))
    return [
        Change(
            name,
            str(old.index[k]),
            "moved",
            "geometry",
            None,
            round(float(apart_m[k]), 4) if apart_m[k] < np.inf else None,
        )
        for k in np.flatnonzero(apart_m > MOVED_M)
    ]


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of a table
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


def _same(a: Any, b: Any) -> bool:  # noqa: ANN401 - cells of a table
    return bool(_plain(a) == _plain(b))
