"""What is asked of a district in a line: an entity, what is near, what is related, what feeds what."""

from functools import cached_property
from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd
    import shapely

    from twin_sandbox.entities.entity import Entity
    from twin_sandbox.entities.graph import Graph
    from twin_sandbox.entities.networks import Networks
    from twin_sandbox.entities.sheets import Sheet

SHOWN = ("kind", "name_en", "name_zh", "geometry")
"""Columns of an answer that mixes tables."""


class Queries:
    """Questions to a district, of today or as of a day; both have tables, facts and sheets."""

    entities: "Mapping[str, gpd.GeoDataFrame]"
    facts: "Mapping[str, pd.DataFrame]"

    @property
    def sheets(self) -> "dict[str, Sheet]":
        """The data sheet of each table that has one."""
        raise NotImplementedError

    @property
    def today(self) -> str:
        """The day that the tables show, ISO 8601; a district's own tables show what stands for good."""
        return "9999-12-31"

    @cached_property
    def graph(self) -> "Graph":
        """The same facts as a graph: entities and what is stated between two."""
        from twin_sandbox.entities.graph import Graph

        return Graph(self.entities, self.facts)

    @cached_property
    def networks(self) -> "Networks":
        """Drains, water, heat and power as networks: what feeds what."""
        from twin_sandbox.entities.networks import Networks

        return Networks(self)

    def entity(self, code: str) -> "Entity":
        """One entity by its unified code.

        Raises:
            TwinError: no entity has this code.
        """
        from twin_sandbox.entities.entity import Entity

        return Entity(self, code)

    def rows(self, codes: "list[str]") -> "gpd.GeoDataFrame":
        """Entities of any tables in the order given, indexed by code: table, kind, name_en, name_zh, geometry.

        Raises:
            TwinError: no entity has one of these codes.
        """
        import geopandas as gpd
        import numpy as np
        import pandas as pd

        graph = self.graph
        wanted = pd.Index(dict.fromkeys(codes))
        tables = graph.table_of[np.array([graph.node(code) for code in wanted], dtype=np.int64)]
        crs = self.entities["streets"].crs
        if not codes:
            empty: dict[str, list[object]] = {"table": [], **{column: [] for column in SHOWN}}
            return gpd.GeoDataFrame(empty, index=pd.Index([], name="code", dtype=object), crs=crs)
        parts = []
        for name in dict.fromkeys(tables):
            part = self.entities[name].loc[wanted[tables == name], list(SHOWN)]
            part.insert(0, "table", name)
            parts.append(part)
        found: gpd.GeoDataFrame = gpd.GeoDataFrame(pd.concat(parts), crs=crs)
        return found.loc[codes]

    def near(
        self, place: "str | tuple[float, float] | shapely.Geometry", within_m: float, table: str | None = None
    ) -> "gpd.GeoDataFrame":
        """What stands within a distance of an entity or a place, nearest first, the entity itself left out.

        Args:
            place: a unified code, a point (x, y), or any geometry, in the district's metres.
            within_m: distance in plan, edge to edge [m].
            table: look in this table alone; the answer then has all its columns.

        Returns:
            Entities indexed by code with ``distance_m``; of all tables: table, kind, names, geometry.

        Raises:
            TwinError: unknown code or table, no place, or a distance that is none.
            KeyError: there is no such table.
        """
        from twin_sandbox.entities.near import near

        return near(self, place, within_m, table)

    def related(self, code: str, predicate: str | None = None) -> "gpd.GeoDataFrame":
        """Entities that an entity is related to, in either direction.

        Args:
            code: unified code.
            predicate: only relations of this name, e.g. ``"lies_on"``.

        Returns:
            One row a relation: predicate, direction ("out": stated of this entity, "in": of the other), table, kind,
            names, geometry; indexed by the other's code.

        Raises:
            TwinError: no entity has this code.
        """
        found = [("out", *edge) for edge in self.graph.out(code, predicate)]
        found += [("in", *edge) for edge in self.graph.into(code, predicate)]
        answer = self.rows([other for _, _, other in found])
        answer.insert(0, "predicate", [stated for _, stated, _ in found])
        answer.insert(1, "direction", [direction for direction, _, _ in found])
        return answer

    def feeds(self, code: str, network: str) -> "gpd.GeoDataFrame":
        """What feeds an entity: step by step up to the source, nearest first; of drains, down to the outfall.

        In a loop it is the way of the ordinary flow with the fewest pieces.

        Args:
            code: a building, or a part of the network.
            network: ``"drains"``, ``"water"``, ``"heat"`` or ``"power"``.

        Returns:
            Entities indexed by code: table, kind, names, geometry; empty if nothing feeds it.

        Raises:
            TwinError: unknown code or network, or an entity that this network does not reach.
        """
        return self.rows(self.networks.path(code, network))

    def fed_by(self, code: str, network: str | None = None) -> "gpd.GeoDataFrame":
        """What loses supply (of drains: its way to the outfall) if this entity fails.

        Where a loop feeds from the other side, nothing is lost. What a switch or valve shuts off fails with it.

        Args:
            code: a part of the network.
            network: ``"drains"``, ``"water"``, ``"heat"`` or ``"power"``; by default every one that it is part of.

        Returns:
            Entities indexed by code: network, table, kind, names, geometry; the failed one left out.

        Raises:
            TwinError: unknown code or network, or an entity that is part of none.
        """
        lost = self.networks.lost(code, network)
        answer = self.rows([other for _, other in lost])
        answer.insert(0, "network", [name for name, _ in lost])
        return answer


def needs_table(name: str, entities: "Mapping[str, gpd.GeoDataFrame]") -> None:
    """Refuse a table that is not there.

    Raises:
        TwinError: there is no such table.
    """
    if name not in entities:
        raise TwinError("table", repr(name), f"One of: {', '.join(entities)}")
