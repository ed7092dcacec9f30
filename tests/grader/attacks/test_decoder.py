"""The decoder: of whatever bytes, it builds plain values or refuses, in bounded time and memory."""

import json
import math
import socket
import struct
import time
import tracemalloc
from contextlib import suppress

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.checks.reading import as_keyed, as_mapping, as_number, as_series, as_time
from grader.isolation import values
from grader.isolation.failures import Unreadable
from grader.isolation.json_text import load
from grader.isolation.outputs import rebuild
from grader.isolation.pipe import Closed, Garbled, Late, Pipe

PLAIN_HOMES = {"builtins", "pandas", "geopandas", "numpy", "datetime", "grader", "shapely"}
TIME = {"t": "array", "dtype": "<M8[ns]", "shape": [2], "v": 0}
GEOMETRIES = {"k": "geometries", "lengths": 0, "v": 1}
TWO = {"t": "range index", "v": [0, 2, 1], "name": None}


def packed(tree, *blobs):
    """Bytes as an encoder would lay them out, of whatever tree."""
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return struct.pack(f"!II{len(blobs)}I", len(text), len(blobs), *map(len, blobs)) + text + b"".join(blobs)


def cost(data):
    """Processor seconds and bytes at most that unpacking takes, and what came of it."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        found = values.unpack(data)
    except values.Damaged:
        found = None
    used_s = time.process_time() - begun
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used_s, peak, found


BOMBS = {
    "a buffer taken a thousand times": packed(
        [{"t": "array", "dtype": "|u1", "shape": [1 << 20], "v": 0}] * 1000, bytes(1 << 20)
    ),
    "equal hashes as keys": packed({"t": "dict", "v": [[k * (2**61 - 1), 0] for k in range(5_000)]}),
    "equal hashes in a set": packed({"t": "set", "v": [k * (2**61 - 1) for k in range(5_000)]}),
    "equal hashes of complex numbers": packed(
        {"t": "set", "v": [{"t": "complex", "v": [float(-1_000_003 * k), float(k)]} for k in range(1, 5_000)]}
    ),
    "equal hashes in two levels": packed(
        {"t": "levels", "names": [None] * 2, "v": [{"k": "list", "v": [k * (2**61 - 1) for k in range(5_000)]}] * 2}
    ),
    "a long range": packed({"t": "range", "v": [0, 2**52, 1]}),
    "a long index": packed({"t": "range index", "v": [0, 2**52, 1], "name": None}),
    "columns without end": packed(
        {"t": "frame", "columns": TWO, "index": TWO, "geometry": None, "v": [{"k": "list", "v": []}] * 50_000}
    ),
    "tables without end": packed(
        [{"t": "series", "name": None, "index": TWO | {"v": [0, 0, 1]}, "v": {"k": "list", "v": []}}] * 20_000
    ),
    "lists without end": packed(b"[" + b"[]," * 2_000_000 + b"[]]"),
    "rings without end": packed({"t": "geometry", "v": 0}, struct.pack("<BII", 1, 3, 2_000_000) + bytes(8_000_000)),
    "a geometry longer than its bytes": packed({"t": "geometry", "v": 0}, struct.pack("<BII", 1, 2, 2**31)),
    "dates in steps of nothing": packed(
        {"t": "index", "name": None, "v": {"k": "array", "v": TIME | {"dtype": "<M8[0s]"}}}, bytes(16)
    ),
    "instants in steps of nothing": packed(
        {"t": "index", "name": None, "v": {"k": "instants", "zone": None, "v": TIME | {"dtype": "<M8[0ns]"}}}, bytes(16)
    ),
    "texts for instants": packed(
        {"t": "index", "name": None, "v": {"k": "instants", "zone": None, "v": TIME | {"dtype": "<U2"}}}, bytes(16)
    ),
    "a shape with a nought and the largest number": packed(
        {"t": "array", "dtype": "<f8", "shape": [0, 2**62, 2**62], "v": 0}, b""
    ),
    "lengths below nothing": packed(
        {"t": "frame", "columns": TWO, "index": TWO, "geometry": 0, "v": [GEOMETRIES] * 2},
        struct.pack("<2i", -1, 1),
        b"",
    ),
    "an integer of a million digits": packed({"t": "int", "v": "0x" + "f" * 1_000_000}),
    "a number of 100,000 digits": packed(b"9" * 100_000),
    "an offset of a million years": packed({"t": "timestamp", "v": 0, "zone": 10**14}),
    "a period and an interval": packed({"t": "index", "name": None, "v": {"k": "period", "freq": "D", "v": [1]}}),
    "a header that lies about its buffers": struct.pack("!II", 2, 4_096) + b"[]",
    "more buffers than there may be": struct.pack("!II", 2, 2**31) + b"[]",
}  # fmt: skip


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_before_it_unfolds(data):
    used_s, peak, found = cost(data)
    assert found is None
    assert peak < 256 << 20
    assert used_s < 10.0  # seconds, traced, on a busy machine; the least of them took minutes or the process


HONEST = [
    pd.DataFrame({"a": [1.5, math.nan], "b": [True, False], "c": ["x", None]}),
    pd.Series(pd.to_datetime(["2025-07-30 18:00", "2025-07-30 18:05"]).tz_localize("Asia/Shanghai")),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", "q"]),
    gpd.GeoDataFrame({"d": [0.1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4549),
    shapely.MultiPoint([(0, 0), (1, 1)]),
    np.arange(6, dtype=">i2").reshape(2, 3)[::-1, ::2],
    np.array(["2025-07-30", "NaT"], dtype="datetime64[s]"),
    {"a": [1, (2.5, "x")], 3: {4, 5}, "t": pd.Timestamp("2025-07-30", tz="UTC"), "r": range(3)},
    10**300,
]
PACKED = [values.pack(value) for value in HONEST]


@given(st.sampled_from(PACKED), st.data())
@settings(max_examples=150, deadline=None)
def test_changed_bytes_cost_little_and_give_plain_values(whole, data):
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    begun = time.process_time()
    try:
        found = values.unpack(bytes(changed))
    except values.Damaged:
        found = None
    assert type(found).__module__.split(".")[0] in PLAIN_HOMES
    assert time.process_time() - begun < 5.0


NUMBERS = st.integers(-3, 4) | st.sampled_from([2**31, 2**53, 2**62, 2**63, -(2**63), 10**400])
LEAVES = st.none() | st.booleans() | NUMBERS | st.floats() | st.text(max_size=4)
DTYPES = st.sampled_from(["<f8", ">f4", "|b1", "<M8[ns]", "<M8[25s]", "<M8[0D]", "|S3", "<U1", "|O", "|V8", "<c16"])
SHAPES = st.lists(NUMBERS, max_size=3)
AT = st.integers(-1, 3)


def _fixed(**fields):
    return st.fixed_dictionaries({name: st.just(one) if isinstance(one, str) else one for name, one in fields.items()})


ARRAYS = _fixed(t="array", dtype=DTYPES, shape=SHAPES, v=AT)
ZONES = st.sampled_from([None, "UTC", "Asia/Shanghai", "../UTC", "x" * 300, 3600, 10**15])
COLUMNS = (
    _fixed(k="array", v=ARRAYS)
    | _fixed(k="list", v=st.lists(LEAVES, max_size=3))
    | _fixed(
        k="instants", v=ARRAYS, zone=st.sampled_from([None, "UTC", "Asia/Shanghai", "../UTC", "x" * 300, 3600, 10**15])
    )
    | _fixed(k="geometries", lengths=AT, v=AT, epsg=st.none() | NUMBERS | st.just(4326))
)
INDEXES = _fixed(t="range index", v=st.lists(NUMBERS, min_size=3, max_size=3), name=LEAVES) | _fixed(
    t="index", v=COLUMNS, name=LEAVES
)
TREES = st.recursive(
    LEAVES | ARRAYS | INDEXES
    | _fixed(t="levels", v=st.lists(COLUMNS, max_size=3), names=st.lists(LEAVES, max_size=3))
    | _fixed(t="geometry", v=AT)
    | _fixed(t="timestamp", v=NUMBERS, zone=st.sampled_from([None, "UTC", "Mars/Base", 3600]))
    | _fixed(t="duration", v=NUMBERS)
    | _fixed(t="range", v=st.lists(NUMBERS, max_size=4))
    | _fixed(t="timedelta", v=st.lists(LEAVES, min_size=3, max_size=3))
    | st.sampled_from(["date", "datetime", "time", "float", "int", "absent"]).flatmap(lambda t: _fixed(t=t, v=LEAVES)),
    lambda inner: st.lists(inner, max_size=3)
    | _fixed(t="dict", v=st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3))
    | st.sampled_from(["set", "frozenset", "tuple"]).flatmap(lambda t: _fixed(t=t, v=st.lists(inner, max_size=3)))
    | _fixed(t="objects", shape=SHAPES, v=st.lists(inner, max_size=3))
    | _fixed(t="series", name=inner, index=INDEXES, v=COLUMNS)
    | _fixed(t="frame", columns=INDEXES, index=INDEXES, geometry=st.none() | AT, v=st.lists(COLUMNS, max_size=3)),
    max_leaves=8,
)  # fmt: skip
BLOBS = st.lists(
    st.binary(max_size=24)
    | st.sampled_from([shapely.to_wkb(shapely.Point(1, 2)), struct.pack("<i", 21), bytes(16), b"\xff" * 16]),
    max_size=4,
)


def _unpacked(tree, blobs):
    try:
        return values.unpack(packed(tree, *blobs))
    except values.Damaged:
        return None


@given(TREES, BLOBS)
@settings(max_examples=250, deadline=None)
def test_trees_that_nearly_fit_give_plain_values_or_are_damaged(tree, blobs):
    begun = time.process_time()
    assert type(_unpacked(tree, blobs)).__module__.split(".")[0] in PLAIN_HOMES
    assert time.process_time() - begun < 5.0


GRID = pd.date_range("2025-07-30", periods=3, freq="h", tz="Asia/Shanghai")
READERS = {
    "number": lambda value: as_number("x", value),
    "time": lambda value: as_time("x", value),
    "mapping": lambda value: as_mapping("x", value),
    "keyed": lambda value: as_keyed("x", value, "v"),
    "series": lambda value: as_series("x", value, "v", GRID),
}


@given(TREES, BLOBS, st.sampled_from(sorted(READERS)))
@settings(max_examples=250, deadline=None)
def test_what_was_decoded_is_read_by_the_checks_or_unreadable(tree, blobs, reader):
    value = _unpacked(tree, blobs)
    with suppress(Unreadable):
        READERS[reader](value)


def _read_all(pipe, most):
    for _ in range(most + 1):
        pipe.receive(time.monotonic() + 5)


@given(st.binary(max_size=64))
@settings(max_examples=150, deadline=None)
def test_a_stream_of_foreign_bytes_is_no_frame(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((Closed, Garbled, Late)):
            _read_all(Pipe(ours), len(data))


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
    st.sampled_from(["output_type", "data", "text", "name", "traceback", "evalue", "text/html", "image/png"]), inner,
    max_size=5), max_leaves=12))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_foreign_outputs_become_notebook_outputs(tree):
    for output in rebuild(json.dumps(tree).encode()):
        assert output["output_type"] in {"stream", "error", "display_data", "execute_result"}
        json.dumps(output, allow_nan=False).encode("utf-8")


def test_large_json_is_weighed_before_it_is_read():
    assert load(b'["' + b"," * (2 << 20) + b'"]', 10) == ["," * (2 << 20)]
    assert load(b'["' + b'\\"[' * (1 << 20) + b'"]', 10) == ['"[' * (1 << 20)]
    with pytest.raises(ValueError, match="too many parts"):
        load(b"[" + b"[]," * (1 << 20) + b"[]]", 1_000_000)
    with pytest.raises(ValueError, match="NaN"):
        load(b"[NaN]", 10)
