"""A value as a JSON tree and raw buffers; see :mod:`grader.isolation.values`.

This side runs beside the student's code, so nothing here is relied upon for a score: whatever it is made to
send, the decoder builds plain values or refuses.
"""

import math
import re
import sys
import types
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from grader.isolation.kinds import MAX_BLOBS, MAX_BYTES, MAX_DEPTH, MAX_INT_BITS, MAX_NODES, MAX_TABLES, NoValue

ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}")
_PLAIN = frozenset({type(None), bool, str})
_SAFE_INT = 2**53


def encode(value: object) -> tuple[object, list[bytes]]:
    """``value`` as a JSON tree and the buffers it refers to.

    Raises:
        NoValue: it has none, or is too large or too deep.
    """
    encoder = _Encoder()
    try:
        tree = encoder.node(value, 0)
    except NoValue:
        raise
    except RecursionError:
        raise NoValue("too deep") from None
    except MemoryError:
        raise NoValue("too large") from None
    except Exception:  # noqa: BLE001 - a student's object may raise anything when it is looked at
        raise NoValue("object") from None
    if isinstance(tree, dict) and tree["t"] == "opaque":
        raise NoValue(tree["v"])
    return tree, encoder.blobs


class _Encoder:
    def __init__(self) -> None:
        self.blobs: list[bytes] = []
        self._nodes = 0
        self._bytes = 0
        self._tables = 0

    def node(self, value: Any, depth: int) -> object:  # noqa: ANN401 - anything at all may come
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise NoValue("too deep")
        if self._nodes > MAX_NODES:
            raise NoValue("too large")
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"t": "float", "v": repr(value)}
        if kind is int:
            return _integer(value)
        for convert in (self._builtin, self._time, self._numpy, self._pandas, self._geometry):
            found = convert(value, depth)
            if found is not None:
                return found
        return {"t": "opaque", "v": _opaque_kind(value)}

    def _blob(self, data: bytes) -> int:
        self._bytes += len(data)
        if self._bytes > MAX_BYTES or len(self.blobs) >= MAX_BLOBS:
            raise NoValue("too large")
        self.blobs.append(data)
        return len(self.blobs) - 1

    def _nodes_of(self, values: Iterable[Any], depth: int) -> list[object]:
        return [self.node(value, depth + 1) for value in values]

    def _builtin(self, value: Any, depth: int) -> object | None:  # noqa: ANN401, C901, PLR0911, PLR0912 - one line a type
        # the base type's own methods, so that a subclass is read as what it holds, not as what it says
        if isinstance(value, bool):
            return value
        if isinstance(value, int):
            return _integer(int.__index__(value))
        if isinstance(value, float):
            return self.node(float.__float__(value), depth)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, complex):
            return {"t": "complex", "v": self._nodes_of((value.real, value.imag), depth)}
        if isinstance(value, bytes | bytearray | memoryview):
            return {"t": "bytes", "v": self._blob(bytes(memoryview(value)))}
        if isinstance(value, list):
            return self._nodes_of(list.__iter__(value), depth)
        if isinstance(value, dict):
            return {"t": "dict", "v": [self._entry(k, v, depth) for k, v in dict.items(value)]}
        bases: tuple[Any, ...] = (tuple, set, frozenset)
        for base in bases:
            if isinstance(value, base):
                return {"t": base.__name__, "v": self._nodes_of(base.__iter__(value), depth)}
        if isinstance(value, range):
            if len(value) > MAX_NODES:
                raise NoValue("too large")
            return {"t": "range", "v": [_integer(part) for part in (value.start, value.stop, value.step)]}
        if isinstance(value, types.MappingProxyType):
            return self.node(dict(value), depth)
        return None

    def _entry(self, key: object, value: object, depth: int) -> list[object]:
        return [self.node(key, depth + 1), self.node(value, depth + 1)]

    def _time(self, value: Any, depth: int) -> object | None:  # noqa: ANN401, PLR0911
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            if value is pandas.NaT or value is pandas.NA:
                return {"t": "absent", "v": "NaT" if value is pandas.NaT else "NA"}
            if isinstance(value, pandas.Timestamp):
                return {
                    "t": "timestamp",
                    "v": _integer(int(value.as_unit("ns").value)),
                    "zone": _zone(value.tzinfo),
                }
            if isinstance(value, pandas.Timedelta):
                return {"t": "duration", "v": _integer(int(value.as_unit("ns").value))}
        if isinstance(value, datetime):
            return {"t": "datetime", "v": datetime.isoformat(value)}
        if isinstance(value, date):
            return {"t": "date", "v": date.isoformat(value)}
        if isinstance(value, time):
            return {"t": "time", "v": time.isoformat(value)}
        if isinstance(value, timedelta):
            return {
                "t": "timedelta",
                "v": self._nodes_of((value.days, value.seconds, value.microseconds), depth),
            }
        return None

    def _numpy(self, value: Any, depth: int) -> object | None:  # noqa: ANN401
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return None
        if isinstance(value, numpy.generic) and not isinstance(value, numpy.void):
            if value.dtype.kind in "mM":
                value = value.astype(f"{value.dtype.kind}8[us]")
            elif value.dtype.kind == "f":
                return self.node(float(value), depth)
            return self.node(value.item(), depth)
        if not isinstance(value, numpy.ndarray):
            return None
        if isinstance(value, numpy.ma.MaskedArray):
            value = value.astype(float).filled(numpy.nan)
        array = numpy.ndarray.view(value, numpy.ndarray)
        if array.ndim == 0:
            return self.node(array[()], depth)
        return self._array(array, depth)

    def _array(self, array: Any, depth: int) -> object:  # noqa: ANN401
        numpy = sys.modules["numpy"]
        kind, shape = array.dtype.kind, list(array.shape)
        if kind == "O":
            return {"t": "objects", "shape": shape, "v": self._nodes_of(array.ravel().tolist(), depth)}
        if kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(float)
        elif kind == "c" and array.dtype.itemsize > 16:
            array = array.astype(complex)
        if kind not in "biufcmMSU" or array.dtype.itemsize == 0:
            return {"t": "opaque", "v": "object"}
        if array.nbytes > MAX_BYTES:
            raise NoValue("too large")
        return {
            "t": "array",
            "dtype": array.dtype.str,
            "shape": shape,
            "v": self._blob(numpy.ascontiguousarray(array).tobytes()),
        }

    def _pandas(self, value: Any, depth: int) -> object | None:  # noqa: ANN401, PLR0911
        pandas = sys.modules.get("pandas")
        if pandas is None:
            return None
        if isinstance(value, pandas.DataFrame):
            return self._frame(value, depth)
        if isinstance(value, pandas.Series):
            return {
                "t": "series",
                "name": self.node(value.name, depth + 1),
                "index": self.node(value.index, depth + 1),
                "v": self._column(value.array, depth),
            }
        if isinstance(value, pandas.RangeIndex):
            steps = [_integer(int(part)) for part in (value.start, value.stop, value.step)]
            return {"t": "range index", "v": steps, "name": self.node(value.name, depth + 1)}
        if isinstance(value, pandas.MultiIndex):
            levels = [value.get_level_values(level).array for level in range(value.nlevels)]
            return {
                "t": "levels",
                "v": [self._column(level, depth) for level in levels],
                "names": self._nodes_of(value.names, depth),
            }
        if isinstance(value, pandas.Index):
            return {
                "t": "index",
                "v": self._column(value.array, depth),
                "name": self.node(value.name, depth + 1),
            }
        if isinstance(value, pandas.Categorical):
            return {
                "t": "series",
                "name": None,
                "index": self.node(pandas.RangeIndex(len(value)), depth),
                "v": self._column(value, depth),
            }
        return None

    def _frame(self, frame: Any, depth: int) -> object:  # noqa: ANN401
        positions = range(frame.shape[1])
        geometry = getattr(frame, "_geometry_column_name", None)
        active = [at for at in positions if geometry is not None and frame.columns[at] == geometry]
        return {
            "t": "frame",
            "columns": self.node(frame.columns, depth + 1),
            "index": self.node(frame.index, depth + 1),
            "geometry": active[0] if active else None,
            "v": [self._column(frame.iloc[:, at].array, depth) for at in positions],
        }

    def _column(self, array: Any, depth: int) -> object:  # noqa: ANN401
        pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
        self._tables += 1
        if self._tables > MAX_TABLES // 2:  # each may have an index
            raise NoValue("too large")
        dtype = array.dtype
        if str(dtype) == "geometry":
            return self._geometries(array)
        if isinstance(dtype, pandas.DatetimeTZDtype):
            instants = array.tz_convert("UTC").tz_localize(None).as_unit("ns")
            return {
                "k": "instants",
                "v": self._array(numpy.asarray(instants), depth),
                "zone": _zone(dtype.tz),
            }
        if not isinstance(dtype, numpy.dtype) and pandas.api.types.is_numeric_dtype(dtype):
            # pandas' own nullable numbers and truth values arrive as numpy's, absent ones as NaN
            plain = (
                array.to_numpy(float, na_value=math.nan) if array.isna().any() else array.to_numpy(dtype.numpy_dtype)
            )
            return {"k": "array", "v": self._array(plain, depth)}
        plain = numpy.asarray(array)
        if plain.ndim == 1 and plain.dtype.kind in "biufcmM":
            return {"k": "array", "v": self._array(plain, depth)}
        return {"k": "list", "v": self._nodes_of(plain.tolist(), depth)}

    def _geometries(self, array: Any) -> object:  # noqa: ANN401
        numpy, shapely = sys.modules["numpy"], sys.modules["shapely"]
        encoded = [b"" if one is None else one for one in shapely.to_wkb(numpy.asarray(array))]
        lengths = numpy.array([len(one) for one in encoded], dtype="<i4")
        return {
            "k": "geometries",
            "lengths": self._blob(lengths.tobytes()),
            "v": self._blob(b"".join(encoded)),
            "epsg": None if array.crs is None else array.crs.to_epsg(),
        }

    def _geometry(self, value: Any, depth: int) -> object | None:  # noqa: ANN401, ARG002 - one signature for all
        shapely = sys.modules.get("shapely")
        if shapely is None or not isinstance(value, shapely.Geometry):
            return None
        return {"t": "geometry", "v": self._blob(shapely.to_wkb(value))}


def _integer(value: int) -> object:
    if -_SAFE_INT < value < _SAFE_INT:
        return value
    if value.bit_length() > MAX_INT_BITS:
        raise NoValue("too large")
    return {"t": "int", "v": hex(value)}


def _zone(zone: tzinfo | None) -> object:
    if zone is None:
        return None
    name = str(zone)
    if ZONE_NAME.fullmatch(name):
        return name
    offset = zone.utcoffset(None)
    return None if offset is None else int(offset.total_seconds())


def _opaque_kind(value: object) -> str:
    tests: list[tuple[str, Callable[[object], bool]]] = [
        ("class", lambda thing: isinstance(thing, type)),
        ("module", lambda thing: isinstance(thing, types.ModuleType)),
        ("generator", lambda thing: isinstance(thing, types.GeneratorType | map | filter | zip)),
        ("function", callable),
    ]
    return next((kind for kind, test in tests if test(value)), "object")
