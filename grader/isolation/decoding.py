"""A JSON tree and raw buffers rebuilt as exact plain types; see :mod:`grader.isolation.values`.

The tree comes from a student's process. Shapes, dtypes, counts and nesting are checked before numpy, pandas or
GEOS is given anything; no text reaches a parser of expressions, projections or dates with a language of its own.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from grader.isolation.collisions import check_spread
from grader.isolation.encoding import ZONE_NAME
from grader.isolation.kinds import MAX_BYTES, MAX_DEPTH, MAX_INT_BITS, MAX_NODES, MAX_TABLES, Damaged, Opaque
from grader.isolation.wkb import check_wkb

_DTYPE = re.compile(
    r"\|b1|[|<>][iu][1248]|[<>]f[248]|[<>]c(8|16)|[<>][mM]8\[([1-9][0-9]{0,2})?(Y|M|W|D|h|m|s|ms|us|ns)\]"
    r"|\|S[1-9][0-9]{0,5}|[<>]U[1-9][0-9]{0,5}"
)
_PLAIN = frozenset({type(None), bool, str, int, float})
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_MAX_DIMENSIONS = 8


def decode(tree: object, blobs: list[bytes]) -> object:
    """The value that :func:`grader.isolation.encoding.encode` made into ``tree`` and ``blobs``.

    Raises:
        Damaged: no value is encoded so.
    """
    try:
        return _Decoder(blobs).node(tree, 0)
    except Damaged:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library says of foreign bytes, they are damaged
        raise Damaged(type(error).__name__) from None


class _Decoder:
    def __init__(self, blobs: list[bytes]) -> None:
        self._blobs: list[bytes | None] = list(blobs)
        self._nodes = 0
        self._tables = 0

    def node(self, tree: Any, depth: int) -> object:  # noqa: ANN401 - foreign JSON
        self._count(1)
        if depth > MAX_DEPTH:
            raise Damaged("too deep")
        kind = type(tree)
        if kind in _PLAIN:
            return tree
        if kind is list:
            return self._list(tree, depth)
        if kind is not dict:
            raise Damaged("not a node")
        build = _BUILDERS.get(tree["t"])
        if build is None:
            raise Damaged("unknown type")
        return build(self, tree, depth)

    def _list(self, trees: Any, depth: int) -> list[Any]:  # noqa: ANN401
        if type(trees) is not list:
            raise Damaged("not a list")
        return [self.node(tree, depth + 1) for tree in trees]

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise Damaged("too large")

    def _count_table(self) -> None:
        self._tables += 1
        if self._tables > MAX_TABLES:
            raise Damaged("too many columns")

    def _blob(self, number: Any) -> bytes:  # noqa: ANN401
        if type(number) is not int or not 0 <= number < len(self._blobs):
            raise Damaged("no such buffer")
        data, self._blobs[number] = self._blobs[number], None
        if data is None:  # a buffer taken a thousand times would be a thousand buffers
            raise Damaged("a buffer taken twice")
        return data

    def float_(self, tree: dict[str, Any], _: int) -> float:
        return _NOT_FINITE[tree["v"]]

    def int_(self, tree: dict[str, Any], _: int) -> int:
        if len(tree["v"]) > MAX_INT_BITS // 4 + 4:
            raise Damaged("integer too large")
        return int(tree["v"], 16)

    def complex_(self, tree: dict[str, Any], depth: int) -> complex:
        real, imaginary = self._list(tree["v"], depth)
        return complex(float(real), float(imaginary))

    def bytes_(self, tree: dict[str, Any], _: int) -> bytes:
        return self._blob(tree["v"])

    def tuple_(self, tree: dict[str, Any], depth: int) -> tuple[Any, ...]:
        return tuple(self._list(tree["v"], depth))

    def set_(self, tree: dict[str, Any], depth: int) -> set[Any]:
        return set(self._spread(tree["v"], depth))

    def frozenset_(self, tree: dict[str, Any], depth: int) -> frozenset[Any]:
        return frozenset(self._spread(tree["v"], depth))

    def dict_(self, tree: dict[str, Any], depth: int) -> dict[Any, Any]:
        keys, held = [key for key, _ in tree["v"]], [value for _, value in tree["v"]]
        return dict(zip(self._spread(keys, depth), self._list(held, depth), strict=True))

    def _spread(self, trees: Any, depth: int) -> list[Any]:  # noqa: ANN401
        values = self._list(trees, depth)
        check_spread(values)
        return values

    def range_(self, tree: dict[str, Any], depth: int) -> range:
        start, stop, step = self._list(tree["v"], depth)
        if len(range(start, stop, step)) > MAX_NODES:
            raise Damaged("too large")
        return range(start, stop, step)

    def opaque(self, tree: dict[str, Any], _: int) -> Opaque:
        return Opaque(str(tree["v"])[:20])

    def datetime_(self, tree: dict[str, Any], _: int) -> datetime:
        return datetime.fromisoformat(tree["v"])

    def date_(self, tree: dict[str, Any], _: int) -> date:
        return date.fromisoformat(tree["v"])

    def time_(self, tree: dict[str, Any], _: int) -> time:
        return time.fromisoformat(tree["v"])

    def timedelta_(self, tree: dict[str, Any], depth: int) -> timedelta:
        days, seconds, microseconds = self._list(tree["v"], depth)
        return timedelta(days, seconds, microseconds)

    def absent(self, tree: dict[str, Any], _: int) -> object:
        import pandas as pd

        return pd.NA if tree["v"] == "NA" else pd.NaT

    def timestamp(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        instant = pd.Timestamp(_exact_int(self.node(tree["v"], depth + 1)), unit="ns")
        zone = _zone(tree["zone"])
        return instant if zone is None else instant.tz_localize("UTC").tz_convert(zone)

    def duration(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        return pd.Timedelta(_exact_int(self.node(tree["v"], depth + 1)), unit="ns")

    def array(self, tree: dict[str, Any], _: int) -> Any:  # noqa: ANN401
        import numpy as np

        text, data = tree["dtype"], self._blob(tree["v"])
        if type(text) is not str or not _DTYPE.fullmatch(text):
            raise Damaged("dtype")
        dtype, shape = np.dtype(text), _shape(tree["shape"])
        if math.prod(shape) * dtype.itemsize != len(data):
            raise Damaged("shape")
        if dtype.kind == "b":  # a byte other than 0 and 1 is no truth value
            return np.frombuffer(data, np.uint8).reshape(shape) != 0
        if dtype.kind == "U" and len(data):
            points = np.frombuffer(data, np.dtype(text[0] + "u4"))
            if points.max() > 0x10FFFF:
                raise Damaged("text")
        return np.frombuffer(data, dtype).reshape(shape).copy()

    def objects(self, tree: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        return _object_array(self._list(tree["v"], depth)).reshape(_shape(tree["shape"]))

    def geometry(self, tree: dict[str, Any], _: int) -> object:
        import shapely

        data = self._blob(tree["v"])
        self._count(check_wkb(data))
        built: object = shapely.from_wkb(data)
        return built

    def range_index(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        start, stop, step = (_exact_int(part) for part in self._list(tree["v"], depth))
        self._count_table()
        if len(range(start, stop, step)) > MAX_BYTES:
            raise Damaged("too large")
        return pd.RangeIndex(start, stop, step, name=self._label(tree["name"], depth))

    def index(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        return pd.Index(self._column(tree["v"], depth), name=self._label(tree["name"], depth))

    def levels(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        arrays = [self._column(column, depth) for column in tree["v"]]
        names = [self._label(name, depth) for name in tree["names"]]
        return pd.MultiIndex.from_arrays(arrays, names=names)

    def series(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        index, column = self._index(tree["index"], depth), self._column(tree["v"], depth)
        if len(index) != len(column):
            raise Damaged("lengths differ")
        name = self._label(tree["name"], depth)
        if _is_geometry(column):
            import geopandas as gpd

            return gpd.GeoSeries(column, index=index, name=name)
        return pd.Series(column, index=index, name=name)

    def frame(self, tree: dict[str, Any], depth: int) -> object:
        import pandas as pd

        labels, index = self._index(tree["columns"], depth), self._index(tree["index"], depth)
        columns = [self._column(column, depth) for column in tree["v"]]
        if len(labels) != len(columns) or any(len(column) != len(index) for column in columns):
            raise Damaged("lengths differ")
        frame: Any = pd.DataFrame(dict(enumerate(columns)), index=index)
        active = tree["geometry"]
        if active is not None:
            import geopandas as gpd

            if not _is_geometry(columns[_exact_int(active)]):
                raise Damaged("no geometry there")
            frame = gpd.GeoDataFrame(frame)
        frame.columns = labels
        return frame if active is None else frame.set_geometry(labels[active])

    def _index(self, tree: Any, depth: int) -> Any:  # noqa: ANN401
        import pandas as pd

        index = self.node(tree, depth + 1)
        if not isinstance(index, pd.Index):
            raise Damaged("not an index")
        return index

    def _label(self, tree: Any, depth: int) -> Any:  # noqa: ANN401
        label = self.node(tree, depth + 1)
        hash(label)
        return label

    def _column(self, tree: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        import pandas as pd

        self._count_table()
        kind = tree["k"]
        if kind == "array":
            return self._one_dimensional(tree["v"])
        if kind == "list":
            return _object_array(self._spread(tree["v"], depth + 1))
        if kind == "instants":
            zone, plain = _zone(tree["zone"]), self._one_dimensional(tree["v"])
            if plain.dtype.kind != "M":  # pandas would read texts as dates
                raise Damaged("instants")
            instants = pd.DatetimeIndex(plain).tz_localize("UTC")
            return instants.array if zone is None else instants.tz_convert(zone).array
        if kind == "geometries":
            return self._geometries(tree)
        raise Damaged("column")

    def _one_dimensional(self, tree: dict[str, Any]) -> Any:  # noqa: ANN401
        array = self.array(tree, 0)
        if array.ndim != 1:
            raise Damaged("column shape")
        return array

    def _geometries(self, tree: dict[str, Any]) -> Any:  # noqa: ANN401
        import geopandas as gpd
        import numpy as np
        import shapely

        lengths = np.frombuffer(self._blob(tree["lengths"]), "<i4").tolist()
        data, at = self._blob(tree["v"]), 0
        self._count(len(lengths))
        if any(length < 0 for length in lengths) or sum(lengths) != len(data):
            raise Damaged("geometry lengths")
        parts: list[bytes | None] = []
        for length in lengths:
            part = data[at : at + length]
            if part:
                self._count(check_wkb(part))
            parts.append(part or None)
            at += length
        epsg = tree["epsg"]
        if epsg is not None and not 1000 <= _exact_int(epsg) <= 999_999:
            raise Damaged("EPSG code")
        return gpd.array.GeometryArray(shapely.from_wkb(_object_array(parts)), crs=epsg)


def _object_array(values: list[Any]) -> Any:  # noqa: ANN401
    import numpy as np

    array = np.empty(len(values), object)
    array[:] = values  # one by one: numpy must not look inside
    return array


def _shape(tree: Any) -> tuple[int, ...]:  # noqa: ANN401
    shape = tuple(_exact_int(length) for length in tree)
    if not 1 <= len(shape) <= _MAX_DIMENSIONS or any(length < 0 for length in shape):
        raise Damaged("shape")
    return shape


def _exact_int(value: object) -> int:
    if type(value) is not int:
        raise Damaged("not an integer")
    return value


def _zone(tree: object) -> str | timezone | None:
    if tree is None:
        return None
    if type(tree) is int:
        return timezone(timedelta(seconds=tree))
    if type(tree) is not str or not ZONE_NAME.fullmatch(tree):
        raise Damaged("time zone")
    ZoneInfo(tree)  # refuses unknown names
    return tree  # pandas makes it the kind of zone that it makes elsewhere


def _is_geometry(column: Any) -> bool:  # noqa: ANN401
    return str(column.dtype) == "geometry"


_BUILDERS: dict[object, Callable[[_Decoder, dict[str, Any], int], object]] = {
    "float": _Decoder.float_,
    "int": _Decoder.int_,
    "complex": _Decoder.complex_,
    "bytes": _Decoder.bytes_,
    "tuple": _Decoder.tuple_,
    "set": _Decoder.set_,
    "frozenset": _Decoder.frozenset_,
    "dict": _Decoder.dict_,
    "range": _Decoder.range_,
    "opaque": _Decoder.opaque,
    "datetime": _Decoder.datetime_,
    "date": _Decoder.date_,
    "time": _Decoder.time_,
    "timedelta": _Decoder.timedelta_,
    "absent": _Decoder.absent,
    "timestamp": _Decoder.timestamp,
    "duration": _Decoder.duration,
    "array": _Decoder.array,
    "objects": _Decoder.objects,
    "geometry": _Decoder.geometry,
    "range index": _Decoder.range_index,
    "index": _Decoder.index,
    "levels": _Decoder.levels,
    "series": _Decoder.series,
    "frame": _Decoder.frame,
}
