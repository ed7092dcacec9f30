"""Relations, lives and earlier values: whether the tables agree with one another and with time."""

from collections import Counter
from collections.abc import Iterator

from twin_sandbox.entities import District, check_entities, place_of
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

RULES = ("columns", "classes", "values", "relations", "lives", "versions")
"""What the other parts do not look at: codes, shapes and falls are theirs."""

COUNTED = {
    "columns": "columns_missing",
    "class": "classes_against_the_code",
    "unit": "units_unknown",
    "value": "values_that_are_no_numbers",
    "relation": "relations_dangling",
    "life": "lives_that_end_before_they_begin",
    "birth": "states_outside_a_life",
    "version": "versions_wrong",
}


def values(district: District) -> Iterator[Value]:
    """Figures of relations and time."""
    found = Counter(
        finding.rule for finding in check_entities(district.entities, place_of(district), district.facts, RULES)
    )
    for rule, name in COUNTED.items():
        yield none_of(name, found[rule])
    versions = district.facts["versions"]
    yield Value("earlier_values", float(len(versions)), 100, 5000, "1", RULE)
    yield Value("former_buildings", float(len(district.entities["former_buildings"])), 5, 200, "1", RULE)
    yield none_of("pipes_older_than_what_they_run_into", _older(district))


def _older(district: District) -> int:
    """Sewers that lay before the manhole, tank or outfall at their lower end was there."""
    tables = district.entities
    since = {
        code: day
        for name in ("junctions", "storages", "outfalls")
        for code, day in zip(tables[name].index, tables[name]["valid_from"], strict=True)
    }
    pipes = tables["conduits"]
    ends = zip(pipes["valid_from"], pipes["to_code"], strict=True)
    return int(sum(day < since.get(end, "") for day, end in ends))
