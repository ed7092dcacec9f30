"""Mutants of values: each mistake changes what it is about, leaves the rest, and says which answers it changed."""

import pandas as pd
import pytest

from grader.workshop.mutation import KINDS, apply, mutate

TIMES = pd.date_range("2026-07-17T18:00", periods=4, freq="5min", tz="Asia/Shanghai")


@pytest.mark.parametrize(
    ("value", "kind", "wrong"),
    [
        (2.5, "times 1000", 2500.0),
        (36, "divided by 3.6", 10.0),
        ({"a": 1.0, "b": "text", "c": True}, "sign turned", {"a": -1.0, "b": "text", "c": True}),
        ({"since": "2026-07-17T20:35:00"}, "an hour late", {"since": "2026-07-17T21:35:00"}),
        ("2026-07-17T20:35:00+08:00", "UTC taken for Beijing time", "2026-07-17T12:35:00+08:00"),
        ("level-02", "an hour late", "level-02"),
        ([("a", 1.0)], "times 1000", [("a", 1000.0)]),
        ({"a": 3.0, "b": 1.0}, "sorted", {"a": 3.0, "b": 1.0}),
        (None, "times 1000", None),
    ],
)
def test_a_mistake_changes_what_it_is_about(value: object, kind: str, wrong: object):
    assert mutate(value, kind) == wrong


def test_rows_are_shifted_sorted_and_lost():
    rows = pd.Series([3.0, 1.0, 2.0, 5.0], index=TIMES)
    assert mutate(rows, "one step late").tolist() == [3.0, 3.0, 1.0, 2.0]
    assert mutate(rows, "sorted").tolist() == [1.0, 2.0, 3.0, 5.0]
    assert mutate(rows, "half is missing").tolist() == [3.0, 1.0]
    assert mutate(rows, "an hour late").index[0] == TIMES[0] + pd.Timedelta("1h")
    assert mutate(rows, "times 1000").tolist() == [3000.0, 1000.0, 2000.0, 5000.0]
    assert mutate(rows.to_frame("depth_m"), "sign turned")["depth_m"].tolist() == [-3.0, -1.0, -2.0, -5.0]
    assert mutate({"a": 4.0, "b": 1.0, "c": 3.0, "d": 2.0}, "sorted").to_dict() == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_functions_return_the_mistake_and_only_changed_names_are_told():
    notebook = {"total": 2.0, "zero": 0.0, "double": lambda number: 2 * number, "word": "dry"}
    assert apply(notebook, ["double", "gone", "total", "word", "zero"], "times 1000") == ["double", "total"]
    assert (notebook["total"], notebook["double"](1.0)) == (2000.0, 2000.0)  # type: ignore[operator]
    assert apply(notebook, ["double", "total"], "an hour late") == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_mistake_is_not_about_stays(kind: str):
    assert apply({"word": "dry", "flag": True, "nothing": None}, ["word", "flag", "nothing"], kind) == []
