"""The facts of the tables as a directed graph: nodes are codes, an edge says what a row states of another entity."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Ints = NDArray[np.int64]


class Graph:
    """Every entity and what the tables state between two: ``conduit -from→ junction``, ``building -lies_in→ block``.

    Edges come from the relation columns of `TABLES` and `FACTS`. A row of facts states them of the entity that it
    describes. What points at no entity that is there makes no edge; `check_entities` finds it.

    Attributes:
        codes: unified codes of the nodes, table by table.
        table_of: the table of each node.
        edges: DataFrame with subject, predicate, object (codes) and table (who states it), in the tables' order.
    """

    def __init__(self, entities: "Mapping[str, gpd.GeoDataFrame]", facts: "Mapping[str, pd.DataFrame]") -> None:
        import pandas as pd

        sizes = {name: len(table) for name, table in entities.items()}
        self.codes = pd.Index(np.concatenate([table.index.to_numpy(dtype=object) for table in entities.values()]))
        self.table_of = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
        if not self.codes.is_unique:
            raise TwinError(
                "graph of the district",
                f"code {self.codes[self.codes.duplicated()][0]} names two entities",
                "Each code once",
                "Call check_entities for all faults.",
            )
        parts = [self._stated(name, table.index, table, TABLES[name].relations) for name, table in entities.items()]
        for name, schema in FACTS.items():
            relations = {
                column: predicate for column, predicate in schema.relations.items() if predicate != "describes"
            }
            about = [column for column in schema.relations if column not in relations]
            if about and relations:
                parts.append(self._stated(name, facts[name][about[0]], facts[name], relations))
        found = [part for table_parts in parts for part in table_parts]
        self.subject: Ints = np.concatenate([np.empty(0, np.int64), *(part[0] for part in found)])
        self.object: Ints = np.concatenate([np.empty(0, np.int64), *(part[2] for part in found)])
        lengths = [len(part[0]) for part in found]
        self.predicate = np.repeat(np.array([part[1] for part in found], dtype=object), lengths)
        self._stated_by = np.repeat(np.array([part[3] for part in found], dtype=object), lengths)

    def _stated(
        self, name: str, about: "pd.Index | pd.Series", table: "pd.DataFrame", relations: Mapping[str, str]
    ) -> list[tuple[Ints, str, Ints, str]]:
        if not relations or table.empty:
            return []
        subject = self.codes.get_indexer(about)
        found = []
        for column, predicate in relations.items():
            target = self.codes.get_indexer(table[column])
            both = (subject >= 0) & (target >= 0)
            found.append((subject[both].astype(np.int64), predicate, target[both].astype(np.int64), name))
        return found

    def __repr__(self) -> str:
        return f"<Graph: {len(self.codes):,} entities, {len(self.subject):,} relations>"

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    @cached_property
    def edges(self) -> "pd.DataFrame":
        """One row a relation: subject, predicate, object, table."""
        import pandas as pd

        return pd.DataFrame(
            {
                "subject": self.codes[self.subject],
                "predicate": self.predicate,
                "object": self.codes[self.object],
                "table": self._stated_by,
            }
        )

    def node(self, code: str) -> int:
        """The row of a code in ``codes``.

        Raises:
            TwinError: no entity has this code.
        """
        try:
            return int(self.codes.get_loc(code))
        except (KeyError, TypeError):
            raise unknown_code(code) from None

    @cached_property
    def _by_subject(self) -> tuple[Ints, Ints]:
        return _grouped(self.subject, len(self.codes))

    @cached_property
    def _by_object(self) -> tuple[Ints, Ints]:
        return _grouped(self.object, len(self.codes))

    def out(self, code: str, predicate: str | None = None) -> list[tuple[str, str]]:
        """What is stated of an entity: (predicate, code) of each relation that starts at it."""
        return self._edges_at(self.node(code), self._by_subject, self.object, predicate)

    def into(self, code: str, predicate: str | None = None) -> list[tuple[str, str]]:
        """Who states something about an entity: (predicate, code) of each relation that ends at it."""
        return self._edges_at(self.node(code), self._by_object, self.subject, predicate)

    def _edges_at(
        self, node: int, grouped: tuple[Ints, Ints], other: Ints, predicate: str | None
    ) -> list[tuple[str, str]]:
        order, starts = grouped
        rows = order[starts[node] : starts[node + 1]]
        return [
            (str(self.predicate[row]), str(self.codes[other[row]]))
            for row in rows
            if predicate is None or self.predicate[row] == predicate
        ]


def _grouped(ends: Ints, nodes: int) -> tuple[Ints, Ints]:
    """Edge rows in order of one end, and where each node's begin."""
    return np.argsort(ends, kind="stable"), np.searchsorted(np.sort(ends), np.arange(nodes + 1))


def unknown_code(code: object) -> TwinError:
    """The refusal of a code that no entity has; says if it was mistyped."""
    from twin_sandbox.entities.code import is_valid

    known = "a valid code, but no entity of this district has it" if is_valid(str(code)) else "no valid unified code"
    return TwinError(
        "unified code", f"{code!r} is {known}", then="Take a code from a table: twin.entities['streets'].index."
    )
