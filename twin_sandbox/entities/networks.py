"""Drains, water, heat and power as networks: arcs from each source to what it serves, read from the relations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.entities.queries import Queries
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = NDArray[np.int64]

_AGAINST = 1000.0
"""Cost of a piece of pipe against its ordinary flow: taken only where no other way leads."""


@dataclass(frozen=True)
class Network:
    """How supply runs through a network.

    Attributes:
        sources: tables that it starts from.
        links: tables whose ``from`` and ``to`` carry it on.
        taps: tables whose ``fed_by`` and ``serves`` carry it on; of several predicates that say what feeds, the first
            that an entity has counts: a house with a booster depends on it.
        loops: whether supply can turn round in a link when another fails.
        drains: whether it is a way out instead: sources are where it ends, links run towards them.
    """

    sources: tuple[str, ...]
    links: tuple[str, ...]
    taps: tuple[str, ...] = ()
    fed: tuple[str, ...] = ("fed_by",)
    loops: bool = False
    drains: bool = False
    opens: Mapping[str, str] = field(default_factory=dict)


NETWORKS: dict[str, Network] = {
    "drains": Network(
        ("outfalls",),
        ("conduits", "pumps", "gates"),
        ("subcatchments", "wrong_connections"),
        fed=("drains_to",),
        drains=True,
    ),
    "water": Network(
        ("water_sources",),
        ("water_pipes", "water_valves"),
        ("water_services", "booster_pumps", "hydrants"),
        fed=("boosted_by", "fed_by"),
        loops=True,
    ),
    "heat": Network(("heat_sources",), ("heat_pipes",), ("heat_substations", "heat_services"), loops=True),
    "power": Network(
        ("grid_feeds",),
        ("power_lines", "transformers"),
        ("power_services", "chargers", "lighting_circuits"),
        opens={"power_switches": "switches"},
    ),
}
"""``opens``: tables with ``is_closed`` whose open ones cut what the predicate names."""

_SHUTS_OFF = ("switches", "shuts")
"""What fails with a switch or valve."""


class Networks:
    """The networks of a district, of today or as of a day."""

    def __init__(self, district: Queries) -> None:
        self._district = district
        self._arcs: dict[str, tuple[Ints, Ints, NDArray[np.float64]]] = {}

    @cached_property
    def _size(self) -> int:
        return len(self._district.graph.codes)

    def path(self, code: str, network: str) -> list[str]:
        """Codes from what feeds an entity up to the source, nearest first; see `Queries.feeds`."""
        from scipy.sparse.csgraph import dijkstra

        node = self._member(code, network)
        arcs = self._matrix(network, np.empty(0, np.int64))
        root = self._size
        cost, before = dijkstra(arcs, indices=root, return_predecessors=True)
        if not np.isfinite(cost[node]):
            return []
        codes = self._district.graph.codes
        way = [] if codes[node] == code else [node]
        while (node := before[node]) != root:
            way.append(node)
        return [str(codes[step]) for step in way]

    def lost(self, code: str, network: str | None) -> list[tuple[str, str]]:
        """(network, code) of each entity that loses supply with an entity; see `Queries.fed_by`."""
        graph = self._district.graph
        failed = np.array(
            [graph.node(code), *(graph.node(other) for name in _SHUTS_OFF for _, other in graph.out(code, name))]
        )
        if network is None:
            names = [name for name in NETWORKS if np.isin(failed, self._nodes(name)).any()]
            if not names:
                raise TwinError(f"fed_by, {code}", "part of no network", f"Parts of: {', '.join(NETWORKS)}")
        else:
            self._known(network)
            names = [network]
            if not np.isin(failed, self._nodes(network)).any():
                raise TwinError(f"fed_by, {code}", f"no part of the network {network!r}", then="Leave network out.")
        found = []
        for name in names:
            gone = self._reached(name, np.empty(0, np.int64)) & ~self._reached(name, failed)
            gone[failed[:1]] = False
            found += [(name, str(graph.codes[node])) for node in np.flatnonzero(gone)]
        return found

    def _known(self, network: str) -> Network:
        if network not in NETWORKS:
            raise TwinError("network", repr(network), f"One of: {', '.join(NETWORKS)}")
        return NETWORKS[network]

    def _member(self, code: str, network: str) -> int:
        """The node at which an entity takes part; a building's way into the drains is where it stands."""
        graph = self._district.graph
        node = graph.node(code)
        if node in self._nodes(network):
            return node
        if self._known(network).drains:
            entities = self._district.entities
            spot = entities[str(graph.table_of[node])].geometry[code].representative_point()
            areas = entities["subcatchments"]
            around = areas.index[areas.sindex.query(spot, predicate="intersects")]
            if len(around):
                return graph.node(str(around[0]))
        raise TwinError(f"feeds, {code}", f"the network {network!r} does not reach it", then="Ask for another network.")

    def _nodes(self, network: str) -> Ints:
        begins, ends, _ = self._found_arcs(network)
        nodes: Ints = np.union1d(begins, ends)
        return nodes[nodes < self._size]

    def _reached(self, network: str, failed: Ints) -> NDArray[np.bool_]:
        from scipy.sparse.csgraph import breadth_first_order

        seen = np.zeros(self._size + 1, dtype=bool)
        seen[breadth_first_order(self._matrix(network, failed), self._size, return_predecessors=False)] = True
        return seen[:-1]

    def _matrix(self, network: str, failed: Ints) -> "csr_array":
        from scipy.sparse import csr_array

        begins, ends, cost = self._found_arcs(network)
        keep = ~(np.isin(begins, failed) | np.isin(ends, failed))
        order = np.argsort(-cost[keep], kind="stable")  # of two arcs the cheaper is written last and stays
        pairs = begins[keep][order] * (self._size + 1) + ends[keep][order]
        kept, last = np.unique(pairs[::-1], return_index=True)
        costs = cost[keep][order][::-1][last]
        side = self._size + 1
        return csr_array((costs, (kept // side, kept % side)), shape=(side, side))

    def _found_arcs(self, network: str) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """Arcs in the direction of supply: where they begin, where they end, what they cost; root = a node more."""
        if network not in self._arcs:
            self._arcs[network] = self._make_arcs(self._known(network))
        return self._arcs[network]

    def _make_arcs(self, network: Network) -> tuple[Ints, Ints, NDArray[np.float64]]:
        graph = self._district.graph
        tables = graph.table_of
        subject, target, predicate = graph.subject, graph.object, graph.predicate
        cut = self._cut(network)
        link = np.isin(tables[subject], network.links) & ~np.isin(subject, cut)
        tap = np.isin(tables[subject], network.taps)
        back, on = link & (predicate == "from"), link & (predicate == "to")
        # along the flow: node → link → node; taps: node → tap → what it serves
        arcs = [(target[back], subject[back]), (subject[on], target[on])]
        has = np.empty(0, np.int64)
        for name in network.fed:
            rows = tap & (predicate == name) & ~np.isin(subject, has)
            has = np.union1d(has, subject[rows])
            pair = (subject[rows], target[rows]) if network.drains else (target[rows], subject[rows])
            arcs.append(pair)
        serves = tap & (predicate == "serves")
        arcs.append((subject[serves], target[serves]))
        begins, ends = (np.concatenate(part) for part in zip(*arcs, strict=True))
        if network.drains:
            begins, ends = ends, begins
        cost = np.ones(len(begins))
        if network.loops:
            turned = np.concatenate([target[on], subject[back]]), np.concatenate([subject[on], target[back]])
            begins, ends = np.concatenate([begins, turned[0]]), np.concatenate([ends, turned[1]])
            cost = np.concatenate([cost, np.full(len(turned[0]), _AGAINST)])
        sources = np.flatnonzero(np.isin(tables, network.sources))
        fed = np.isin(tables[subject], network.sources) & (predicate == "feeds")
        begins = np.concatenate([begins, np.full(len(sources), self._size), subject[fed]])
        ends = np.concatenate([ends, sources, target[fed]])
        return begins, ends, np.concatenate([cost, np.ones(len(sources) + int(fed.sum()))])

    def _cut(self, network: Network) -> Ints:
        """Links that an open switch takes out."""
        graph = self._district.graph
        cut = [np.empty(0, np.int64)]
        for table, says in network.opens.items():
            switches = self._district.entities[table]
            closed = switches["is_closed"].to_numpy(dtype=bool)
            open_ones = graph.codes.get_indexer(switches.index[~closed])
            rows = np.isin(graph.subject, open_ones) & (graph.predicate == says)
            cut.append(graph.object[rows])
        return np.concatenate(cut)
