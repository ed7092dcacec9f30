"""Whether tables hold entities as the schema says: every fault with its place, what was found, what is allowed."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twin_sandbox.entities.code import CLASSES, is_valid
from twin_sandbox.entities.glossary import read_glossary
from twin_sandbox.entities.tables import COMMON, FACTS, TABLES

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities.district import District

Tables = Mapping[str, "gpd.GeoDataFrame"]
FactTables = Mapping[str, "pd.DataFrame"]


@dataclass(frozen=True)
class Finding:
    """One fault: the rule that it breaks, where, what was found, what is allowed, what to do next."""

    rule: str
    where: str
    found: str
    allowed: str
    then: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}. {self.allowed}. {self.then}"


class Place(NamedTuple):
    """Where and in which frame a district lies: plane system, west, south, east and north edge [m], area code."""

    crs: str
    bounds_m: tuple[float, float, float, float]
    area_code: str


def place_of(district: "District") -> Place:
    """The frame of a built district."""
    return Place(district.crs, district.terrain.bounds_m, district.area_code)


def check_entities(
    entities: Tables, place: Place, facts: FactTables | None = None, rules: tuple[str, ...] | None = None
) -> list[Finding]:
    """Check tables of entities against the schema, table by table, rule by rule.

    Args:
        entities: GeoDataFrames by table name (`TABLES`), each indexed by code; not all need be there.
        place: the frame that they must lie in.
        facts: DataFrames by table name (`FACTS`).
        rules: only these of `RULES`; by default all.

    Returns:
        What was found, empty if all is well. A rule that needs a missing column says so once and goes on.
    """
    town = _Town({name: entities[name] for name in entities}, dict(facts or {}), place)
    return [finding for name in rules or RULES for finding in RULES[name](town)]


@dataclass
class _Town:
    entities: dict[str, Any]
    facts: dict[str, Any]
    place: Place

    def known(self) -> Iterator[tuple[str, Any]]:
        """Tables that the schema has."""
        return ((name, table) for name, table in self.entities.items() if name in TABLES)

    def codes(self) -> set[str]:
        return {str(code) for _, table in self.known() for code in table.index}


def _columns(town: _Town) -> Iterator[Finding]:
    for name, table in {**town.entities, **town.facts}.items():
        schema = TABLES.get(name) or FACTS.get(name)
        if schema is None:
            allowed = f"Tables: {', '.join(TABLES)}; facts: {', '.join(FACTS)}"
            yield Finding("columns", f"table {name}", "no such table", allowed, "Rename it or leave it out.")
            continue
        wanted = (*COMMON, *schema.columns) if name in TABLES else schema.columns
        missing = [column for column in wanted if column not in table.columns]
        if missing:
            found = f"lacks {', '.join(missing)}"
            yield Finding("columns", f"table {name}", found, f"Columns: {', '.join(wanted)}", "Add them.")


def _crs(town: _Town) -> Iterator[Finding]:
    from pyproj import CRS

    wanted = CRS.from_user_input(town.place.crs)
    for name, table in town.known():
        if table.crs is None or table.crs != wanted:
            found = "no coordinate reference system" if table.crs is None else f"coordinates in {table.crs.to_string()}"
            then = "Set it if the numbers are in it already (set_crs), else transform them (to_crs)."
            yield Finding("crs", f"table {name}", found, f"{town.place.crs}, x east, y north", then)


def _geometry(town: _Town) -> Iterator[Finding]:
    import shapely

    west, south, east, north = town.place.bounds_m
    for name, table in town.known():
        kind = TABLES[name].geometry
        shapes = np.asarray(table.geometry.to_numpy(), dtype=object)
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are what is looked for
            bounds = shapely.bounds(shapes)
        empty = shapely.is_missing(shapes) | shapely.is_empty(shapes) | ~np.isfinite(bounds).all(axis=1)
        for k in np.flatnonzero(empty):
            found = "an empty geometry, or coordinates that are no numbers"
            yield _at(name, table, k, "geometry", found, f"A {kind}", "Draw it, or leave the entity out.")
        types = shapely.get_type_id(shapes)
        single = {"Point": 0, "LineString": 1, "Polygon": 3}[kind]
        wrong = ~empty & ~np.isin(types, [single, {0: 4, 1: 5, 3: 6}[single]])
        for k in np.flatnonzero(wrong):
            found = f"a {shapes[k].geom_type}"
            yield _at(name, table, k, "geometry", found, f"A {kind}", "Convert it, or move it to its table.")
        with np.errstate(invalid="ignore"):
            invalid = ~empty & ~wrong & ~shapely.is_valid(shapes)
        for k in np.flatnonzero(invalid):
            found = f"an invalid shape: {shapely.is_valid_reason(shapes[k])}"
            yield _at(name, table, k, "geometry", found, f"A simple {kind}", "Mend it, e.g. shapely.make_valid.")
        x_min, y_min, x_max, y_max = np.where(empty[:, None], np.nan, bounds).T
        slack = 0.5
        inside = (x_min >= west - slack) & (x_max <= east + slack) & (y_min >= south - slack) & (y_max <= north + slack)
        turned = (y_min >= west - slack) & (y_max <= east + slack) & (x_min >= south - slack) & (x_max <= north + slack)
        allowed = f"x from {west:.0f} to {east:.0f}, y from {south:.0f} to {north:.0f} m"
        for k in np.flatnonzero(~empty & turned & ~inside):
            found = f"swapped axes: x = {x_min[k]:.0f}, y = {y_min[k]:.0f}"
            yield _at(name, table, k, "axes", found, allowed, "Give easting first, then northing.")
        for k in np.flatnonzero(~empty & ~turned & ~inside):
            found = f"x = {x_min[k]:.0f}, y = {y_min[k]:.0f}, outside the frame"
            yield _at(name, table, k, "frame", found, allowed, "Check system and units.")


def _codes(town: _Town) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, table in town.known():
        schema = TABLES[name]
        head = f"{town.place.area_code}, class {schema.letter}, kind {schema.kind}"
        for k, value in enumerate(table.index):
            code = str(value)
            if not is_valid(code):
                found = "no valid unified code: wrong shape or wrong check character"
                yield _at(name, table, k, "code", found, head, "Make it with make_code.")
            elif (code[:4], code[8], code[9:11]) != (town.place.area_code, schema.letter, schema.kind):
                found = f"the code of another area or table ({code[:4]}, class {code[8]}, kind {code[9:11]})"
                yield _at(name, table, k, "code", found, head, "Move the row, or give it a code of this table.")
            if code in seen:
                found = f"this code again; it stands in {seen[code]} already"
                yield _at(name, table, k, "code", found, "Each code once", "Give one of them a new serial.")
            seen[code] = name


def _classes(town: _Town) -> Iterator[Finding]:
    for name, table in town.known():
        if "entity_class" not in table.columns:
            continue
        for k, (value, found) in enumerate(zip(table.index, table["entity_class"], strict=True)):
            letter = str(value)[8:9]
            if letter in CLASSES and found != CLASSES[letter]:
                yield _at(
                    name, table, k, "class", f"class {found!r}", f"{CLASSES[letter]!r} by its code", "Correct it."
                )


def _values(town: _Town) -> Iterator[Finding]:
    import pandas as pd

    glossary = read_glossary()
    for name, table in {**dict(town.known()), **town.facts}.items():
        for column in table.columns:
            if column == "geometry" or not pd.api.types.is_numeric_dtype(table[column]):
                continue
            schema = TABLES.get(name) or FACTS.get(name)
            added = schema is None or column not in schema.columns
            if added and glossary.looks_like_unit(str(column)):
                found = f"ends in _{str(column).rsplit('_', 1)[1]}, which is no unit suffix"
                allowed = f"Suffixes: {', '.join(glossary.suffixes)}"
                yield Finding("unit", f"table {name}, {column}", found, allowed, "Convert the values and rename it.")
            values = table[column].to_numpy(dtype=float)
            for k in np.flatnonzero(~np.isfinite(values)):
                yield _at(name, table, k, "value", f"{column} = {values[k]}", "A number", "Fill it or drop the row.")


def _relations(town: _Town) -> Iterator[Finding]:
    known = town.codes()
    for name, table in {**dict(town.known()), **town.facts}.items():
        schema = TABLES.get(name) or FACTS.get(name)
        for column, predicate in schema.relations.items() if schema else ():
            if column not in table.columns:
                continue
            values = table[column].fillna("").astype(str).to_numpy(dtype=object)
            for k, value in enumerate(values):
                if value == "" or value in known:
                    continue
                found = f"{column} ({predicate}) names {value!r}, which no table has"
                yield _at(name, table, k, "relation", found, 'A code of this district, or ""', "Correct the code.")


def _lives(town: _Town) -> Iterator[Finding]:
    for name, table in town.known():
        if not {"valid_from", "valid_to"} <= set(table.columns):
            continue
        for k, (begin, end) in enumerate(zip(table["valid_from"], table["valid_to"], strict=True)):
            if not _is_day(begin) or not (end == "" or _is_day(end)):
                found = f"valid_from {begin!r}, valid_to {end!r}"
                yield _at(
                    name, table, k, "life", found, 'Days as YYYY-MM-DD; valid_to "" while it stands', "Correct it."
                )
            elif end and end <= begin:
                found = f"ends on {end}, before its first day {begin}"
                yield _at(name, table, k, "life", found, "valid_to after valid_from", "Correct one of them.")


def _versions(town: _Town) -> Iterator[Finding]:
    versions = town.facts.get("versions")
    if versions is None:
        return
    until: dict[tuple[str, str], str] = {}
    ordered = versions.sort_values(["code", "attribute", "valid_from"], kind="stable")
    for row in ordered.itertuples(index=False):
        where = f"versions of {row.code}, {row.attribute}"
        table = town.entities.get(row.table)
        if table is None or row.code not in table.index or row.attribute not in table.columns:
            found = f"table {row.table!r} holds no such entity or attribute"
            yield Finding("version", where, found, "An attribute of an entity", "Correct code, table or attribute.")
            continue
        if not _is_day(row.valid_from) or not _is_day(row.valid_to) or row.valid_to <= row.valid_from:
            found = f"from {row.valid_from!r} to {row.valid_to!r}"
            yield Finding("version", where, found, "Two days, the second later", "Correct them.")
            continue
        entity = table[table.index == row.code].iloc[0]
        if row.valid_from < entity["valid_from"] or (entity["valid_to"] and row.valid_to > entity["valid_to"]):
            found = f"a state from {row.valid_from} to {row.valid_to}, before its birth or after its end"
            allowed = f"Within {entity['valid_from']} to {entity['valid_to'] or 'today'}"
            yield Finding("birth", where, found, allowed, "Correct the state's days or the entity's.")
        key = (row.code, row.attribute)
        if row.valid_from < until.get(key, ""):
            found = f"two values on {row.valid_from}"
            yield Finding("version", where, found, "One value a day", "Let one end where the next begins.")
        until[key] = max(row.valid_to, until.get(key, ""))


def _cycles(town: _Town) -> Iterator[Finding]:
    """Sewers that run in a circle: no water that falls can do so."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    pipes = town.entities.get("conduits")
    if pipes is None or not len(pipes) or not {"from_code", "to_code"} <= set(pipes.columns):
        return
    nodes, ends = np.unique(pipes[["from_code", "to_code"]].astype(str).to_numpy(), return_inverse=True)
    ends = ends.reshape(-1, 2)
    matrix = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    _, part = connected_components(matrix, directed=True, connection="strong")
    for k in np.flatnonzero(part[ends[:, 0]] == part[ends[:, 1]]):
        found = f"lies on a circle of pipes through {nodes[ends[k, 0]]} and {nodes[ends[k, 1]]}"
        yield _at("conduits", pipes, k, "cycle", found, "A tree that ends at an outfall", "Turn or take out a pipe.")


def _climbs(town: _Town) -> Iterator[Finding]:
    import pandas as pd

    pipes = town.entities.get("conduits")
    needed = {"from_code", "to_code", "inlet_offset_m", "outlet_offset_m"}
    if pipes is None or not needed <= set(pipes.columns):
        return
    inverts = pd.concat(
        [town.entities[name]["invert_m"] for name in ("junctions", "storages", "outfalls") if name in town.entities]
        or [pd.Series(dtype=float)]
    )
    inverts = inverts[~inverts.index.duplicated()]
    upper = inverts.reindex(pipes["from_code"]).to_numpy() + pipes["inlet_offset_m"].to_numpy()
    lower = inverts.reindex(pipes["to_code"]).to_numpy() + pipes["outlet_offset_m"].to_numpy()
    for k in np.flatnonzero(lower > upper + 1e-6):
        found = f"climbs: from {upper[k]:.3f} m to {lower[k]:.3f} m along the flow"
        yield _at("conduits", pipes, k, "climb", found, "A fall along the flow", "Swap its ends or correct a level.")


def _at(
    name: str, table: "pd.DataFrame", k: "int | np.integer[Any]", rule: str, found: str, allowed: str, then: str
) -> Finding:
    return Finding(rule, f"table {name}, {table.index[int(k)]}", found, allowed, then)


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


RULES: dict[str, Callable[[_Town], Iterator[Finding]]] = {
    "columns": _columns,
    "crs": _crs,
    "geometry": _geometry,
    "codes": _codes,
    "classes": _classes,
    "values": _values,
    "relations": _relations,
    "lives": _lives,
    "versions": _versions,
    "cycles": _cycles,
    "climbs": _climbs,
}
"""What is checked, by name, in this order."""
