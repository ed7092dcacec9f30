"""What passes between street and sewer in one exchange interval, at every manhole and gully, compiled by numba.

Up: what SWMM counts as flooded at a manhole stands on the street in the next interval. Down: a gully lets in what its
grating passes, a weir while the water is shallow and an orifice when it is deeper (Chen, Djordjević, Leandro and Savić
2007; Leandro and Martins 2016, doi:10.2166/wst.2016.171; Rubinato and others 2017, doi:10.1016/j.jhydrol.2017.06.024):

    q = min( 2/3 C_w L √(2g) h^1.5 ,  C_o A √(2g Δ) )

with Δ the depth h, or the street's level over the sewer's head where that stands above the grating.

A head follows an inflow at once, but only after it: a sewer offered all that its gratings could pass takes too much,
floods, and is offered nothing; such swings made 5 to 12 % of water. So a manhole's inflow grows by at most a fifth an
interval, and falls with what it threw up: `GROWTH`, `START_M3S`, `BACK`.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

GRAVITY_M_S2 = 9.80665
WEIR_C = 0.6
ORIFICE_C = 0.65
GROWTH = 1.2
START_M3S = 0.002
BACK = 0.8
DEAD_M = 1e-3
"""A gully takes nothing of a thinner film."""
OFFER_SIGNATURE = (
    "void(float64, float64, float64[::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[::1],"
    "float64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)


def offer(
    seconds: float,
    cell_m2: float,
    depth: Floats,
    ground: Floats,
    inlet_cell: Cells,
    inlet_node: Cells,
    opening_m2: Floats,
    weir_m: Floats,
    head: Floats,
    node_cell: Cells,
    up_m3: Floats,
    taken_m3s: Floats,
    wanted_m3s: Floats,
    node_wanted_m3s: Floats,
    source: Floats,
) -> None:
    """What each inlet would take in the next interval, and with it the surface's sources.

    Args:
        seconds: the interval [s].
        cell_m2: area of a cell [m²].
        depth: of each cell, flat [m].
        ground: likewise [m above datum].
        inlet_cell: cell of each inlet.
        inlet_node: manhole of each inlet.
        opening_m2: opening of each inlet [m²].
        weir_m: edge of each inlet [m].
        head: of each manhole's sewer [m above datum].
        node_cell: cell where a manhole spills.
        up_m3: what it spilled in the last interval [m³].
        taken_m3s: what it took in the last interval.
        wanted_m3s: of each inlet; written.
        node_wanted_m3s: of each manhole; written.
        source: of each cell [m/s]; written.
    """
    root = math.sqrt(2.0 * GRAVITY_M_S2)
    source[:] = 0.0
    node_wanted_m3s[:] = 0.0
    for k in range(inlet_cell.size):
        c, n = inlet_cell[k], inlet_node[k]
        h = depth[c]
        wanted_m3s[k] = 0.0
        if h <= DEAD_M:
            continue
        fall = min(h, ground[c] + h - head[n])
        if fall <= 0.0:
            continue
        weir = 2.0 / 3.0 * WEIR_C * weir_m[k] * root * h * math.sqrt(h)
        orifice = ORIFICE_C * opening_m2[k] * root * math.sqrt(fall)
        wanted_m3s[k] = min(weir, orifice)
        node_wanted_m3s[n] += wanted_m3s[k]
    for n in range(node_cell.size):
        if node_wanted_m3s[n] > 0.0:
            last, up = taken_m3s[n], up_m3[n] / seconds
            most = BACK * max(0.0, last - up) if up > 0.0 else GROWTH * last + START_M3S
            node_wanted_m3s[n] = min(1.0, most / node_wanted_m3s[n])  # for now the share that is let in
        if up_m3[n] > 0.0:
            source[node_cell[n]] += up_m3[n] / (seconds * cell_m2)
    for k in range(inlet_cell.size):
        wanted_m3s[k] *= node_wanted_m3s[inlet_node[k]]
        source[inlet_cell[k]] -= wanted_m3s[k] / cell_m2
    node_wanted_m3s[:] = 0.0
    for k in range(inlet_cell.size):
        node_wanted_m3s[inlet_node[k]] += wanted_m3s[k]


SETTLE_SIGNATURE = (
    "float64(float64, float64, float64[::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[::1],"
    "float64[::1])"
)


def settle(
    seconds: float,
    cell_m2: float,
    source: Floats,
    moved_m3: Floats,
    inlet_cell: Cells,
    inlet_node: Cells,
    wanted_m3s: Floats,
    cell_wanted_m3s: Floats,
    taken_m3s: Floats,
) -> float:
    """What each manhole really took: where a cell had less than was wanted, all its inlets share the lack.

    Args:
        seconds: as for `offer`.
        cell_m2: as for `offer`.
        source: what was asked of each cell [m/s].
        moved_m3: what each cell really gave or got [m³].
        inlet_cell: as for `offer`.
        inlet_node: as for `offer`.
        wanted_m3s: as `offer` left it.
        cell_wanted_m3s: room, one value a cell, zero; zero again at the end.
        taken_m3s: of each manhole; written.

    Returns:
        All that went down [m³].
    """
    taken_m3s[:] = 0.0
    for k in range(inlet_cell.size):
        cell_wanted_m3s[inlet_cell[k]] += wanted_m3s[k]
    total = 0.0
    for k in range(inlet_cell.size):
        if wanted_m3s[k] > 0.0:
            c = inlet_cell[k]
            lack = (moved_m3[c] - source[c] * cell_m2 * seconds) / (cell_wanted_m3s[c] * seconds)
            q = wanted_m3s[k] * (1.0 - lack)
            taken_m3s[inlet_node[k]] += q
            total += q * seconds
    for k in range(inlet_cell.size):
        cell_wanted_m3s[inlet_cell[k]] = 0.0
    return total
