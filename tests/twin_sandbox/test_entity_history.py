"""As of a day: who stood, with which values, against reading the tables row by row."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin_sandbox.entity_tables import Small
from twin_sandbox.entities.history import AsOf, day_of
from twin_sandbox.errors import TwinError

DAYS = st.dates(dt.date(1920, 1, 1), dt.date(2030, 1, 1)).map(dt.date.isoformat)


@settings(max_examples=12, deadline=None)
@given(day=DAYS)
def test_the_tables_of_a_day_are_what_row_by_row_they_must_be(twin, day):
    then = twin.as_of(day)
    versions = twin.district.facts["versions"]
    for name in ("streets", "buildings", "conduits", "pumps", "former_buildings"):
        now, held = twin.entities[name], versions[versions["table"] == name]
        stood = [
            c
            for c, a, b in zip(now.index, now["valid_from"], now["valid_to"], strict=True)
            if a <= day and (not b or day < b)
        ]
        assert list(then.entities[name].index) == stood
        values = {(c, column): now.loc[c, column] for c in stood for column in ("kind", *held["attribute"].unique())}
        for row in held.itertuples():
            if row.code in stood and row.valid_from <= day < row.valid_to:
                values[row.code, row.attribute] = row.value
        for (c, column), value in values.items():
            found = then.entities[name].loc[c, column]
            assert found == type(found)(value), (c, column)


def test_today_is_as_the_tables_say(twin):
    then = twin.as_of("2026-01-01")
    for name in ("streets", "buildings", "junctions"):
        pd.testing.assert_frame_equal(then.entities[name], twin.entities[name])
    assert len(then.entities["former_buildings"]) == 0


def test_columns_keep_their_types(twin):
    then = twin.as_of("1985-05-01")
    for name in ("streets", "buildings", "conduits"):
        assert dict(then.entities[name].dtypes) == dict(twin.entities[name].dtypes)


def test_the_district_had_a_past(twin):
    early, late = twin.as_of("1960-01-01"), twin.as_of("2015-01-01")
    assert 0 < len(early.entities["buildings"]) < len(late.entities["buildings"]) < len(twin.entities["buildings"])
    assert len(early.entities["former_buildings"]) > len(late.entities["former_buildings"])
    avenue = twin.entities["streets"].query("name_en == 'Lighthouse Avenue'").index
    names = set(twin.as_of("1980-01-01").entities["streets"].reindex(avenue)["name_zh"].dropna())
    assert names == {"灯塔路"}


def test_questions_go_to_the_day(twin):
    then = twin.as_of("1960-01-01")
    gone = then.entities["former_buildings"].index[0]
    place = then.entity(gone).geometry
    assert gone in then.near(place, 5).index
    assert gone not in twin.near(place, 5).index
    assert set(then.graph.codes) == {c for rows in then.entities.values() for c in rows.index}
    new = twin.entities["buildings"].sort_values("valid_from").index[-1]
    with pytest.raises(TwinError, match="no entity of this district has it"):
        then.entity(new)


def test_the_state_of_an_entity_on_a_day_is_that_of_the_tables(twin):
    changed = twin.district.facts["versions"].query("table == 'buildings' and attribute == 'storeys'").iloc[0]
    building = twin.entity(changed["code"])
    before = building.state(changed["valid_from"])
    assert (before.standing, before.attributes["storeys"]) == ("stands", int(changed["value"]))
    assert building.state(changed["valid_to"]).attributes["storeys"] == building.attributes["storeys"].value
    assert building.state("1800-01-01").standing == "not yet"
    gone = twin.entity(twin.entities["former_buildings"].index[0])
    assert (gone.state(gone.valid_to).standing, gone.state(gone.valid_to).attributes) == ("gone", {})


def test_nothing_is_older_than_what_it_stands_on(twin):
    since = {c: day for rows in twin.entities.values() for c, day in rows["valid_from"].items()}
    for name, column in (
        ("lanes", "street_code"),
        ("crossings", "street_code"),
        ("conduits", "to_code"),
        ("wrong_connections", "building_code"),
        ("wrong_connections", "junction_code"),
    ):
        rows = twin.entities[name]
        assert [c for c, host in rows[column].items() if since[c] < since[host]] == []


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2019-05-01", "2019-05-01"),
        (dt.date(2019, 5, 1), "2019-05-01"),
        (pd.Timestamp("2019-05-01 13:00"), "2019-05-01"),
        (pd.Timestamp("2019-04-30 18:00", tz="UTC"), "2019-05-01"),
    ],
)
def test_a_day_may_be_given_in_many_ways(value, day):
    assert day_of(value) == day


@pytest.mark.parametrize("value", ["May 2019", "2019-02-30", 2019, None, float("nan"), pd.NaT, ""])
def test_what_is_no_day_is_refused(twin, value):
    with pytest.raises(TwinError, match="as_of, day"):
        twin.as_of(value)


def test_a_day_without_any_entity_is_empty():
    small = Small({})
    small.entities["streets"] = small.entities["streets"].astype({"valid_from": str, "valid_to": str})
    assert len(AsOf(small, "1900-01-01").entities["streets"]) == 0
