"""Values cross the pipe as exact plain types, and nothing that a student's process can send does harm."""

import datetime as dt
import json
import math
import struct
import zoneinfo
from contextlib import suppress

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.isolation import values
from grader.isolation.decoding import decode
from grader.isolation.failures import Unreadable
from grader.isolation.kinds import MAX_DEPTH
from grader.isolation.wkb import check_wkb

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)
FRAME = pd.DataFrame(
    {
        "level_m": [1.5, math.nan],
        "count": [1, 2],
        "wet": [True, False],
        "time": pd.to_datetime(["2025-07-30 18:00", "2025-07-30 18:05"]).tz_localize("Asia/Shanghai"),
        "name": ["a", None],
    },
    index=pd.Index(["p", "q"], name="code"),
)
PLACES = gpd.GeoDataFrame(
    {"depth_m": [0.1, 0.2]}, geometry=[shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 2)])], crs=4549
)


def same(left, right):
    """Equal in type and content, NaN being NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right


@given(PLAIN)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_built_in_values_arrive_as_they_are(value):
    assert same(values.copy(value), value)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset({"a"}),
        range(2, 9, 3),
        dt.datetime(2025, 7, 30, 18, tzinfo=dt.UTC),
        dt.date(2025, 7, 30),
        dt.time(18, 5),
        dt.timedelta(days=1, microseconds=3),
        pd.Timestamp("2025-07-30 18:00", tz="Asia/Shanghai"),
        pd.Timestamp("2025-07-30 18:00"),
        pd.Timedelta("5min"),
        10**300,
        -(2**200),
    ],
    ids=str,
)
def test_other_plain_values_arrive_as_they_are(value):
    assert same(values.copy(value), value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.array([[1.5, np.nan]], dtype=np.float32),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array(["a", "bcd"]),
        np.array(["2025-07-30", "NaT"], dtype="datetime64[ns]"),
        np.zeros((0, 3)),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=str,
)
def test_arrays_keep_dtype_shape_and_content(array):
    copied = values.copy(array)
    assert copied.dtype == array.dtype
    np.testing.assert_array_equal(copied, array)
    copied[...] = copied  # it can be written to


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(2.5), 2.5),
        (np.datetime64("2025-07-30"), dt.datetime(2025, 7, 30)),  # noqa: DTZ001 - numpy knows no zones
    ],
    ids=repr,
)
def test_numpy_scalars_arrive_as_pythons_own(scalar, plain):
    assert same(values.copy(scalar), plain)


def test_tables_arrive_equal():
    pd.testing.assert_frame_equal(values.copy(FRAME), FRAME)
    pd.testing.assert_series_equal(values.copy(FRAME["time"]), FRAME["time"])
    pd.testing.assert_index_equal(values.copy(FRAME.index), FRAME.index)
    grouped = FRAME.set_index(["name", "count"], append=True)[["level_m"]]
    pd.testing.assert_frame_equal(values.copy(grouped), grouped)


def test_categories_and_nullable_numbers_arrive_as_plain_columns():
    table = pd.DataFrame({"c": pd.Categorical(["u", "v"]), "n": pd.array([1, None], "Int64")})
    copied = values.copy(table)
    assert copied["c"].tolist() == ["u", "v"]
    assert copied["n"].dtype == float
    assert math.isnan(copied["n"].iloc[1])


def test_places_arrive_with_their_reference_system():
    copied = values.copy(PLACES)
    assert type(copied) is gpd.GeoDataFrame
    assert copied.crs.to_epsg() == 4549
    assert copied.geometry.geom_equals(PLACES.geometry).all()
    assert type(values.copy(PLACES.geometry)) is gpd.GeoSeries
    assert values.copy(shapely.Point(1, 2, 3)) == shapely.Point(1, 2, 3)


def test_a_subclass_arrives_as_what_it_extends():
    class EqualToAll(float):
        __eq__ = __ne__ = lambda *_: True
        __hash__ = float.__hash__

    class Counts(dict):
        def items(self):
            return [("forged", 1)]

    assert same(values.copy(EqualToAll(2.0)), 2.0)
    assert same(values.copy(Counts(a=1)), {"a": 1})


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (print, "function"),
        ((n for n in ()), "generator"),
        (int, "class"),
        (math, "module"),
        (object(), "object"),
        (2 ** (1 << 20), "too large"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_thing_without_a_value_says_what_it_is(thing, kind):
    with pytest.raises(values.NoValue) as refused:
        values.pack(thing)
    assert refused.value.kind == kind
    assert refused.value.advice("answer").startswith("answer is ")


def test_a_list_that_holds_itself_is_too_deep():
    loop = []
    loop.append(loop)
    with pytest.raises(values.NoValue, match="too deep"):
        values.pack(loop)


def test_a_part_without_a_value_refuses_any_use_of_it():
    held = values.copy({"depth_m": 2.0, "helper": print})
    assert held["depth_m"] == 2.0
    for use in (lambda x: x == 2.0, lambda x: x < 2.0, bool, float, len, list, lambda x: x + 1, np.asarray):
        with pytest.raises(Unreadable, match="is a function"):
            use(held["helper"])


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_foreign_bytes_are_damaged_and_nothing_else(data):
    with pytest.raises(values.Damaged):
        values.unpack(data)


SAMPLES = [values.pack(value) for value in (FRAME, PLACES, {"a": [1, (2.5, "x")]}, np.arange(4.0), FRAME.index)]


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_changed_bytes_give_a_plain_value_or_are_damaged(packed, data):
    changed = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = values.unpack(bytes(changed))
    except values.Damaged:
        return
    assert type(found).__module__.split(".")[0] in {"builtins", "pandas", "geopandas", "numpy", "datetime", "grader"}


KEYS = st.sampled_from(["t", "v", "k", "dtype", "shape", "index", "columns", "geometry", "zone", "name", "epsg"])
WORDS = st.sampled_from(
    [
        "array",
        "frame",
        "series",
        "index",
        "levels",
        "timestamp",
        "objects",
        "int",
        "geometry",
        "dict",
        "<f8",
        "|O",
        "UTC",
    ]
)
TREES = st.recursive(
    st.none() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@given(TREES, st.lists(st.binary(max_size=32), max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_foreign_trees_give_a_value_or_are_damaged(tree, blobs):
    with suppress(values.Damaged):
        decode(tree, blobs)


def _packed(tree, *blobs):
    text = json.dumps(tree).encode()
    return struct.pack(f"!II{len(blobs)}I", len(text), len(blobs), *map(len, blobs)) + text + b"".join(blobs)


@pytest.mark.parametrize(
    "tree",
    [
        {"t": "array", "dtype": "|O", "shape": [1], "v": 0},
        {"t": "array", "dtype": "<f8,<f8", "shape": [1], "v": 0},
        {"t": "array", "dtype": "<f8", "shape": [2**40, 2**40], "v": 0},
        {"t": "array", "dtype": "<f8", "shape": [-1, -1], "v": 0},
        {"t": "array", "dtype": "<U2", "shape": [1], "v": 0},
        {"t": "array", "dtype": "<f8", "shape": [1], "v": True},
        {"t": "objects", "shape": [3], "v": [1]},
        {"t": "timestamp", "v": 0, "zone": "../../etc/passwd"},
        {"t": "int", "v": "f" * 100_000},
        {"t": "pickle", "v": 0},
        {"t": ["list"], "v": 0},
        {"t": "frame", "columns": 0, "index": 0, "geometry": None, "v": []},
        {"t": "dict", "v": [[{"t": "opaque", "v": "object"}, 1]]},
    ],
    ids=lambda tree: str(tree)[:50],
)
def test_what_no_encoder_makes_is_damaged(tree):
    with pytest.raises(values.Damaged):
        values.unpack(_packed(tree, b"\xff" * 8))


def test_a_truth_value_other_than_0_and_1_becomes_a_plain_one():
    array = values.unpack(_packed({"t": "array", "dtype": "|b1", "shape": [2], "v": 0}, b"\x00\x07"))
    assert array.tolist() == [False, True]


def test_numbers_that_json_does_not_know_are_refused():
    with pytest.raises(values.Damaged):
        values.unpack(struct.pack("!II", 3, 0) + b"NaN")


@pytest.mark.parametrize("tree", ["[" * 100_000, "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)], ids=["cut", "whole"])
def test_deep_trees_are_refused(tree):
    with pytest.raises(values.Damaged):
        values.unpack(struct.pack("!II", len(tree), 0) + tree.encode())


def test_geometry_is_walked_before_a_parser_sees_it():
    for geometry in (*PLACES.geometry, shapely.MultiPoint([(0, 0), (1, 1)]), shapely.from_wkt("POINT ZM (1 2 3 4)")):
        check_wkb(shapely.to_wkb(geometry))
        check_wkb(shapely.to_wkb(geometry, flavor="iso"))
    collection = struct.pack("<BII", 1, 7, 1)
    polygon = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    for bad in (
        b"",
        b"\x02" + polygon[1:],
        polygon[:-1],
        polygon + b"x",
        struct.pack("<BII", 1, 2, 2**31),
        struct.pack("<BI", 1, 99),
        collection * 200_000 + shapely.to_wkb(shapely.Point(0, 0)),
    ):
        with pytest.raises(values.Damaged):
            check_wkb(bad)


def test_zones_by_name_and_by_offset_arrive():
    for zone in (zoneinfo.ZoneInfo("Asia/Shanghai"), dt.UTC, dt.timezone(dt.timedelta(hours=8))):
        times = pd.DatetimeIndex(["2025-07-30 18:00"]).tz_localize(zone)
        copied = values.copy(times)
        assert (copied == times).all()
        assert copied[0].utcoffset() == times[0].utcoffset()
