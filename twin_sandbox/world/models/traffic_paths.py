"""Quickest ways through the street graph when streets are empty, and which streets they use."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.world.models.traffic_network import Streets

TURN_S = {"straight": 0.0, "right": 3.0, "left": 8.0, "back": 30.0}
SIGNAL_S = 12.0
"""Mean wait at a signal: (cycle − green)² ÷ (2 cycle) for a green of half of 80 s is 10 s, and some queue."""


@dataclass(frozen=True)
class Paths:
    """All quickest ways from edge to edge.

    Args:
        names: SUMO's edge ids; every index below counts in these.
        edge_s: time over each edge [s], shape (n,).
        cost_s: from entering an edge to entering another [s], shape (n, n); infinite where there is no way.
        before: the edge before the last on that way, shape (n, n); negative where there is none.
    """

    names: tuple[str, ...]
    edge_s: NDArray[np.float64]
    cost_s: NDArray[np.float64]
    before: NDArray[np.int32]

    @cached_property
    def index(self) -> dict[str, int]:
        """Edge id → index."""
        return {name: k for k, name in enumerate(self.names)}

    def way(self, start: int, end: int) -> list[int]:
        """The edges from one to another, both included."""
        way = [end]
        while way[-1] != start:
            way.append(int(self.before[start, way[-1]]))
        return way[::-1]


def quickest(streets: Streets) -> Paths:
    """All quickest ways of a street graph."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    names = tuple(streets.edges)
    index = {name: k for k, name in enumerate(names)}
    edge_s = np.array([edge.line.length / edge.speed_m_s for edge in streets.edges.values()])
    wait_s = np.array([SIGNAL_S if edge.end in streets.signals else 0.0 for edge in streets.edges.values()])
    into = np.array([index[turn.into] for turn in streets.turns])
    out = np.array([index[turn.out] for turn in streets.turns])
    turn_s = np.array([TURN_S[turn.kind] for turn in streets.turns])
    graph = csr_array((edge_s[into] + wait_s[into] + turn_s, (into, out)), shape=(len(names), len(names)))
    cost_s, before = dijkstra(graph, return_predecessors=True)
    return Paths(names, edge_s, cost_s, before)
