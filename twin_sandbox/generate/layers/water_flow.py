"""The steady flow of a looped net by Hazen and Williams: which way water ordinarily runs, and the head it leaves.

The global gradient algorithm (Todini and Pilati 1988), for the drawing board.
Proof of the built net is EPANET's (`twin_sandbox.generate.sanity.water`), which solves the same equations.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from twin_sandbox.generate.curves import Floats

_EXPONENT = 1.852
_ROUNDS = 40


class Pipe(NamedTuple):
    """A pipe between nodes ``a`` and ``b``; roughness is Hazen and Williams's C."""

    a: int
    b: int
    length_m: float
    diameter_m: float
    roughness_hw: float


def steady_heads_m(pipes: Sequence[Pipe], demand_m3s: Floats, fixed_head_m: Mapping[int, float]) -> Floats:
    """Heads [n] of all nodes to a micrometre, each node's demand drawn in full.

    Args:
        pipes: the net; every node must be joined to one of fixed head.
        demand_m3s: [n], what each node draws.
        fixed_head_m: head of the nodes that feed the net.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    a, b = (np.array([pipe[k] for pipe in pipes], int) for k in (0, 1))
    length, size, c = (np.array([pipe[k] for pipe in pipes], float) for k in (2, 3, 4))
    resistance = 10.667 * length / (c**_EXPONENT * size**4.871)
    n = len(demand_m3s)
    known = np.array(sorted(fixed_head_m), int)
    free = np.setdiff1d(np.arange(n), known)
    head = np.zeros(n)
    head[known] = [fixed_head_m[k] for k in known]
    flow = 0.3 * np.pi / 4 * size * size
    for _ in range(_ROUNDS):
        gain = 1.0 / (_EXPONENT * resistance * np.maximum(np.abs(flow), 1e-6) ** (_EXPONENT - 1.0))
        entries = np.concatenate([gain, gain, -gain, -gain])
        rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
        matrix = coo_array((entries, (rows, columns)), shape=(n, n)).tocsr()
        kept = (1.0 - 1.0 / _EXPONENT) * flow
        right = -np.asarray(demand_m3s, float)
        np.add.at(right, a, -kept)
        np.add.at(right, b, kept)
        fed = matrix[free]
        head[free] = spsolve(fed[:, free].tocsc(), right[free] - fed[:, known] @ head[known])
        new = kept + gain * (head[a] - head[b])
        settled = bool(np.abs(new - flow).max() < 1e-12)
        flow = new
        if settled:
            break
    return np.round(head, 6)
