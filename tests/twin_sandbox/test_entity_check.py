"""The validator: silent on the sample district, and each of many ways to break it found under its rule."""

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from twin_sandbox.entities import check_entities, place_of
from twin_sandbox.entities.check import RULES
from twin_sandbox.entities.code import make_code

TABLES_USED = (
    "streets",
    "buildings",
    "parks",
    "low_areas",
    "junctions",
    "conduits",
    "pumps",
    "storages",
    "outfalls",
    "former_buildings",
)


@pytest.fixture
def tables(twin):
    return {name: twin.entities[name].copy() for name in TABLES_USED}


@pytest.fixture
def facts(twin):
    return {"versions": twin.district.facts["versions"].copy()}


def test_the_sample_district_is_without_fault(twin):
    assert check_entities(twin.entities, place_of(twin.district), twin.district.facts) == []


def shape(change):
    """A mutant that changes the first building's shape."""

    def mutate(tables, _):
        rows = tables["buildings"]
        rows.loc[rows.index[0], "geometry"] = change(rows.geometry.iloc[0])

    return mutate


def value(table, column, new, row=0):
    def mutate(tables, _):
        rows = tables[table]
        if isinstance(new, str):
            rows[column] = rows[column].astype(object)
        rows.loc[rows.index[row], column] = new

    return mutate


def code(new):
    """A mutant that gives the second street another code."""

    def mutate(tables, _):
        rows = tables["streets"]
        tables["streets"] = rows.rename(index={rows.index[1]: new(rows.index)})

    return mutate


def replaced(table, change):
    def mutate(tables, _):
        tables[table] = change(tables[table])

    return mutate


def version(**changes):
    def mutate(_, facts):
        for column, new in changes.items():
            facts["versions"].loc[0, column] = new

    return mutate


def turned(tables, _):
    """The first pipe and one back from its end: a circle of two."""
    pipes = tables["conduits"]
    a, b = pipes.iloc[0][["from_code", "to_code"]]
    pipes.loc[pipes.index[1], ["from_code", "to_code"]] = [b, a]


def doubled_version(_, facts):
    facts["versions"].loc[len(facts["versions"])] = facts["versions"].iloc[0]


BOW = shapely.Polygon([(581500, 3930500), (581510, 3930510), (581510, 3930500), (581500, 3930510)])

with np.errstate(invalid="ignore"):  # shapely warns, and makes it all the same
    UNFINISHED = shapely.LineString([(581100, float("nan")), (581200, 3930100)])

MUTANTS = {
    "no system": ("crs", replaced("buildings", lambda t: t.set_crs(None, allow_override=True))),
    "another system": ("crs", replaced("streets", lambda t: t.to_crs(4326))),
    "swapped axes": ("axes", shape(lambda s: shapely.transform(s, lambda xy: xy[:, ::-1]))),
    "far away": ("frame", shape(lambda s: translate(s, 5000, 0))),
    "not a number": ("geometry", value("streets", "geometry", UNFINISHED)),
    "no shape": ("geometry", shape(lambda _: None)),
    "empty shape": ("geometry", shape(lambda _: shapely.Polygon())),
    "a point for a house": ("geometry", shape(lambda s: s.centroid)),
    "a bow tie": ("geometry", shape(lambda _: BOW)),
    "wrong check character": ("code", code(lambda index: index[1][:-1] + ("A" if index[1][-1] != "A" else "B"))),
    "code twice": ("code", code(lambda index: index[0])),
    "code of another city": ("code", code(lambda _: make_code("XX99", 1, 1, "F", "RD", 999))),
    "code of another table": ("code", code(lambda _: make_code("SB01", 1, 1, "F", "PK", 999))),
    "class against the code": ("class", value("buildings", "entity_class", "person")),
    "dangling relation": ("relation", value("conduits", "to_code", make_code("SB01", 0, 0, "F", "MH", 99_999))),
    "dangling in no code": ("relation", value("low_areas", "street_code", "Harbour Road")),
    "ends before it begins": ("life", value("former_buildings", "valid_to", "1900-01-01")),
    "no day": ("life", value("buildings", "valid_from", "last May")),
    "state before birth": ("birth", version(valid_from="1066-10-14")),
    "state of nobody": ("version", version(code="nobody")),
    "state of no attribute": ("version", version(attribute="beauty")),
    "state of no length": ("version", version(valid_to="1900-01-01")),
    "two states on a day": ("version", doubled_version),
    "unknown unit": ("unit", replaced("streets", lambda t: t.assign(depth_cm=3.0))),
    "a gap": ("value", value("streets", "width_m", float("nan"))),
    "infinite": ("value", value("buildings", "height_m", float("inf"))),
    "a column less": ("columns", replaced("streets", lambda t: t.drop(columns="width_m"))),
    "an unknown table": ("columns", lambda tables, _: tables.update(houses=tables["buildings"])),
    "a circle of pipes": ("cycle", turned),
    "a pipe that climbs": ("climb", value("conduits", "outlet_offset_m", 9.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_each_way_to_break_it_is_found_and_told(twin, tables, facts, name):
    rule, mutate = MUTANTS[name]
    assert check_entities(tables, place_of(twin.district), facts) == []
    mutate(tables, facts)
    found = check_entities(tables, place_of(twin.district), facts)
    assert rule in {finding.rule for finding in found}, [str(finding) for finding in found]
    for finding in found:
        assert all((finding.where, finding.found, finding.allowed, finding.then))
        assert str(finding).startswith(finding.where)


def test_only_the_rules_asked_for_are_looked_at(twin, tables):
    value("streets", "width_m", float("nan"))(tables, None)
    place = place_of(twin.district)
    assert check_entities(tables, place, rules=tuple(rule for rule in RULES if rule != "values")) == []
    assert len(check_entities(tables, place, rules=("values",))) == 1
