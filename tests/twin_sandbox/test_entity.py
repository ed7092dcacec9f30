"""One entity, and what stands near it."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin_sandbox.entity_tables import Small, code, table
from twin_sandbox.entities.code import CLASSES
from twin_sandbox.errors import TwinError


def test_an_entity_of_each_class_tells_what_it_is(twin):
    first = {}
    for name, rows in twin.entities.items():
        if len(rows):
            first.setdefault(rows["entity_class"].iloc[0], (name, rows.index[0]))
    assert set(first) == set(CLASSES.values())
    for entity_class, (name, key) in first.items():
        entity, row = twin.entity(key), twin.entities[name].loc[key]
        assert (entity.code, entity.table, entity.entity_class, entity.kind) == (key, name, entity_class, row["kind"])
        assert (entity.name_en, entity.name_zh) == (row["name_en"], row["name_zh"])
        assert (entity.valid_from, entity.valid_to) == (row["valid_from"], row["valid_to"])
        assert entity.geometry.equals(row["geometry"])
        for found in entity.attributes.values():
            assert found.source, "the sample district has a source for each attribute"


def test_attributes_carry_unit_and_source_from_the_sheet(twin):
    pipe = twin.entity(twin.entities["conduits"].index[0])
    assert pipe.attributes["diameter_m"].unit == "m"
    assert pipe.attributes["roughness_n"].unit == "s/m^(1/3)"
    assert "GB 50014" in pipe.attributes["diameter_m"].source
    assert "from_code" not in pipe.attributes
    assert ("from", twin.entities["conduits"]["from_code"].iloc[0]) in pipe.relations_out


def test_without_a_sheet_the_unit_is_read_from_the_name():
    small = Small({"streets": table("streets", [{"width_m": 7.0}])})
    width = small.entity(code("streets", 1)).attributes["width_m"]
    assert width == (7.0, "m", "")


def test_the_level_of_detail_is_what_the_data_allow(twin):
    assert twin.entity(twin.entities["buildings"].index[0]).lod == 2
    assert twin.entity(twin.entities["former_buildings"].index[0]).lod == 1
    assert twin.entity(twin.entities["streets"].index[0]).lod == 0


def test_what_describes_an_entity_is_found(twin):
    building = twin.entity(twin.entities["buildings"].index[5])
    assert set(building.facts["roofs"]["building_code"]) == {building.code}
    assert "bus_line_stops" not in building.facts


def test_its_page_escapes_every_text():
    row = {
        "name_en": "<script>",
        "name_zh": "<b>鸥",
        "kind": "<i>",
        "street_class": '<img src="x">',
        "valid_from": "<u>",
    }
    page = Small({"streets": table("streets", [row])}).entity(code("streets", 1))._repr_html_()
    for mark in ("<script", "<b>鸥", "<i>", "<img", "<u>"):
        assert mark not in page
    assert "&lt;script&gt;" in page


def test_its_page_shows_both_names_and_units(twin):
    page = twin.entity(twin.entities["streets"].index[0])._repr_html_()
    assert "Harbour Road" in page
    assert "海港路" in page
    assert "km/h" in page
    assert "since" in page


@settings(max_examples=25, deadline=None)
@given(x=st.floats(-50, 1150), y=st.floats(-50, 1050), within=st.floats(0, 120))
def test_what_is_near_is_what_lies_within(twin, x, y, within):
    west, south, _, _ = twin.terrain.bounds_m
    place = shapely.Point(west + x, south + y)
    for name in ("buildings", "streets", "poles"):
        rows = twin.entities[name]
        distance = rows.geometry.distance(place)
        found = twin.near((place.x, place.y), within, name)
        assert set(found.index) == set(rows.index[distance <= within])
        assert found["distance_m"].is_monotonic_increasing
        assert list(found["distance_m"]) == [round(distance[c], 2) for c in found.index]
    everything = twin.near(place, within)
    assert set(everything.index[everything["table"] == "buildings"]) == set(twin.near(place, within, "buildings").index)
    assert "former_buildings" not in set(everything["table"])


def test_near_an_entity_leaves_it_out(twin):
    building = twin.entities["buildings"].index[10]
    found = twin.near(building, 30)
    assert building not in found.index
    assert list(found.columns) == ["table", "kind", "name_en", "name_zh", "geometry", "distance_m"]


def test_nothing_near_is_an_empty_table(twin):
    found = twin.near((0.0, 0.0), 10)
    assert len(found) == 0
    assert list(found.columns) == ["table", "kind", "name_en", "name_zh", "geometry", "distance_m"]


@pytest.mark.parametrize(
    ("place", "within", "name", "says"),
    [
        ("SB01", 50, None, "no valid unified code"),
        ((1.0, float("nan")), 50, None, "near, place"),
        ((1.0,), 50, None, "near, place"),
        (None, 50, None, "near, place"),
        (shapely.Point(), 50, None, "empty geometry"),
        ((1.0, 2.0), -1, None, "within_m"),
        ((1.0, 2.0), float("inf"), None, "within_m"),
        ((1.0, 2.0), "50 m", None, "within_m"),
        ((1.0, 2.0), 50, "houses", "One of: streets"),
    ],
)
def test_a_question_without_sense_is_refused(twin, place, within, name, says):
    with pytest.raises(TwinError, match=says):
        twin.near(place, within, name)
