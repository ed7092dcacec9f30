"""One entity: what it is, where, since when, with which attributes, and what it is related to."""

import html
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from twin_sandbox.entities.glossary import unit_of
from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.sheets import COMMON_SHEET
from twin_sandbox.entities.tables import FACTS, TABLES

if TYPE_CHECKING:
    import pandas as pd
    import shapely


class Attribute(NamedTuple):
    """A value with its unit ("" for texts, "1" for counts and shares) and where it comes from."""

    value: Any
    unit: str
    source: str


class State(NamedTuple):
    """How an entity was on a day: ``standing`` is "not yet", "stands" or "gone"; attributes only of what stood."""

    day: str
    standing: str
    attributes: Mapping[str, Any]


class Entity:
    """An entity of a district. Made by ``twin.entity(code)``.

    Args:
        district: where it is looked up.
        code: unified code.

    Raises:
        TwinError: no entity has this code.
    """

    def __init__(self, district: Queries, code: str) -> None:
        graph = district.graph
        self.table = str(graph.table_of[graph.node(code)])
        self.code = code
        self._district = district
        self._row = district.entities[self.table].loc[code]

    def __repr__(self) -> str:
        return f"<{self.entity_class.capitalize()} {self.code}: {self.name_en} {self.name_zh} ({self.table})>"

    @property
    def entity_class(self) -> str:
        """facility, vehicle, building, person or enterprise."""
        return str(self._row["entity_class"])

    @property
    def kind(self) -> str:
        """Kind within its table."""
        return str(self._row["kind"])

    @property
    def name_en(self) -> str:
        """English name."""
        return str(self._row["name_en"])

    @property
    def name_zh(self) -> str:
        """Chinese name."""
        return str(self._row["name_zh"])

    @property
    def geometry(self) -> "shapely.Geometry":
        """Plan geometry in the district's metres."""
        return self._row["geometry"]

    @property
    def lod(self) -> int:
        """Finest level of detail that its data allow: 0 plan, 1 plan and height, 2 with its roof's shape."""
        if "building_code" in FACTS.get("roofs", ((), {}))[0] and "roofs" in self.facts:
            return 2
        return 1 if "height_m" in self._row.index and self.geometry.geom_type == "Polygon" else 0

    @property
    def valid_from(self) -> str:
        """First day on which it stands, ISO 8601."""
        return str(self._row["valid_from"])

    @property
    def valid_to(self) -> str:
        """First day on which it no longer stands; "" while it does."""
        return str(self._row["valid_to"])

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """The columns of its table that are no relations, each with unit and source from the data sheet."""
        schema = TABLES[self.table]
        sheet = self._district.sheets.get(self.table)
        found = {}
        for name in schema.columns:
            if name in schema.relations:
                continue
            line = sheet.columns.get(name) if sheet else None
            unit, source = (line.unit, line.source) if line else (unit_of(name), "")
            found[name] = Attribute(_plain(self._row[name]), unit, source)
        return MappingProxyType(found)

    @property
    def relations_out(self) -> list[tuple[str, str]]:
        """(predicate, code) of each relation that is stated of it."""
        return self._district.graph.out(self.code)

    @property
    def relations_in(self) -> list[tuple[str, str]]:
        """(predicate, code) of each entity that states a relation to it."""
        return self._district.graph.into(self.code)

    @cached_property
    def facts(self) -> "Mapping[str, pd.DataFrame]":
        """Rows that describe it by table of facts, e.g. its roof, its earlier values; tables without are left out."""
        found = {}
        for name, schema in FACTS.items():
            for column, predicate in schema.relations.items():
                if predicate == "describes":
                    rows = self._district.facts[name]
                    rows = rows[rows[column] == self.code]
                    if len(rows):
                        found[name] = rows.reset_index(drop=True)
        return MappingProxyType(found)

    def state(self, day: object) -> State:
        """How it was on a day.

        Args:
            day: a day such as ``"2019-05-01"``, a date or a moment.

        Raises:
            TwinError: no day.
        """
        from twin_sandbox.entities.history import cast_like, day_of, standing

        then = day_of(day, f"state of {self.code}")
        if then < self.valid_from:
            return State(then, "not yet", {})
        if self.valid_to and then >= self.valid_to:
            return State(then, "gone", {})
        values = {name: attribute.value for name, attribute in self.attributes.items()}
        values |= {name: self._row[name] for name in ("kind", "name_en", "name_zh")}
        versions = self.facts.get("versions")
        if versions is not None:
            table = self._district.entities[self.table]
            for attribute, rows in versions[standing(versions, then)].groupby("attribute", sort=False):
                values[str(attribute)] = _plain(cast_like(table[attribute], rows["value"])[-1])
        return State(then, "stands", MappingProxyType(values))

    def _repr_html_(self) -> str:
        """Names, class and life, then a row an attribute and a row a relation; every text escaped."""
        unit = {"": "", "1": ""}
        rows = [
            (name, f"{attribute.value} {unit.get(attribute.unit, attribute.unit)}".strip(), self._said(name))
            for name, attribute in self.attributes.items()
        ]
        rows += [(predicate, f"→ {code}", "") for predicate, code in self.relations_out[:12]]
        rows += [(predicate, f"← {code}", "") for predicate, code in self.relations_in[:12]]
        more = max(len(self.relations_out) - 12, 0) + max(len(self.relations_in) - 12, 0)
        life = f"{self.valid_from} – {self.valid_to}" if self.valid_to else f"since {self.valid_from} 起"
        cells = "".join(
            f"<tr><th style='text-align:left'>{_safe(name)}</th>"
            f"<td style='text-align:left'>{_safe(value)}</td><td style='text-align:left'>{_safe(said)}</td></tr>"
            for name, value, said in rows
        )
        foot = f"<p>… {more} more relations 更多关系</p>" if more else ""
        return (
            f"<b>{_safe(self.name_en)} {_safe(self.name_zh)}</b><br>"
            f"<code>{_safe(self.code)}</code> {_safe(self.entity_class)}, {_safe(self.kind)}, LoD {self.lod}, "
            f"{_safe(life)}<table>{cells}</table>{foot}"
        )

    def _said(self, name: str) -> str:
        for sheet in (self._district.sheets.get(self.table), self._district.sheets.get(COMMON_SHEET)):
            if sheet and name in sheet.columns:
                return f"{sheet.columns[name].en} {sheet.columns[name].zh}"
        return ""


def _plain(value: Any) -> Any:  # noqa: ANN401 - a table holds values of many types
    """A numpy number as Python's own."""
    return value.item() if hasattr(value, "item") else value


def _safe(text: object) -> str:
    return html.escape(str(text))
