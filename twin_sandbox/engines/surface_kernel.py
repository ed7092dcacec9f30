"""The street surface's inner loop, compiled by numba: local-inertial flow over a list of wet cells and faces.

Every face's unit flow q [m²/s] follows from the water levels on both sides (Bates, Horritt and Fewtrell 2010,
doi:10.1016/j.jhydrol.2010.03.027, equation 12), with the old flow averaged along the line by θ (de Almeida, Bates,
Freer and Souvignet 2012, doi:10.1029/2011WR011570, equation 8). Double precision, one thread, no fast-math: the same
bytes wherever it runs.

A face between two cells that hold no more than a film carries nothing. So only faces beside a wet cell are on the
list, and a cell that water reaches puts its own faces on it: the result is that of stepping everything, to the byte.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Marks = NDArray[np.uint8]

GRAVITY_M_S2 = 9.80665
THETA = 0.9
COURANT = 0.7
LONGEST_STEP_S = 2.0
"""With longer steps depths go wrong although the mass balance stays exact."""
_TOUCHED, _WET = 1, 2

SIGNATURE = (
    "int64(float64, float64, float64, boolean, float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    "int32[::1], int32[::1], int32[:,::1], int32[:,::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    "uint8[::1], int32[::1], uint8[::1], int32[::1], float64[::1])"
)


def advance(  # noqa: C901, PLR0912, PLR0915 - one loop in one function: nothing is allocated, all is inlined
    seconds: float,
    cell_m: float,
    film_m: float,
    everything: bool,  # noqa: FBT001 - numba takes arguments by place
    depth: Floats,
    ground: Floats,
    rain: Floats,
    source: Floats,
    moved: Floats,
    land: Indices,
    sea: Indices,
    around: Indices,
    side: Indices,
    crest: Floats,
    drag: Floats,
    q: Floats,
    q_next: Floats,
    cell_on: Marks,
    cells: Indices,
    face_on: Marks,
    faces: Indices,
    totals: Floats,
) -> int:
    """Let rain fall for ``seconds`` at once, then let water flow as long.

    Args:
        seconds: how long [s].
        cell_m: side of a cell [m].
        film_m: depth up to which water stays where it is [m].
        everything: step every cell and face, for comparison.
        depth: of each cell of the grid, flat [m]; changed.
        ground: likewise [m].
        rain: likewise [m/s].
        source: likewise [m/s].
        moved: volume that ``source`` really moved [m³], of each cell; added to.
        land: flat indices of the cells where water can be.
        sea: of those with an imposed level.
        around: west, east, north and south face of each cell, −1 for a wall [cells, 4].
        side: cell before and after each face, west or north first; then the face before and after it in its line, or
            itself at the open sea, −1 at a wall [faces, 4].
        crest: lowest level at which a face lets water through [m].
        drag: g n² of each face.
        q: unit flow of each face, positive to the east and south [m²/s]; changed.
        q_next: room for the next ones.
        cell_on: room for marks.
        cells: room for the list of cells.
        face_on: room for marks.
        faces: room for the list of faces.
        totals: rain, source, net flow to the sea [m³]; added to.

    Returns:
        Steps taken; −1 if a depth or a rain is negative or no number, −2 if a source stands where no water can be.
    """
    area = cell_m * cell_m
    awake = film_m * (1.0 - 1e-9)  # rounding of level minus crest must not give a sleeping face a flow
    n_cells, n_faces = 0, 0
    deepest = 0.0
    cell_on[:] = 0
    face_on[:] = 0
    fell = 0.0
    for k in range(land.size):
        c = land[k]
        if not (depth[c] >= 0.0 and rain[c] >= 0.0):
            return -1
        depth[c] += rain[c] * seconds
        fell += rain[c]
        cell_on[c] = 4
    totals[0] += fell * seconds * area
    for c in range(depth.size):
        if source[c] != 0.0 and cell_on[c] == 0:
            return -2
    for f in range(q.size):
        a, b = side[f, 0], side[f, 1]
        if everything or depth[a] > awake or depth[b] > awake or q[f] != 0.0:
            face_on[f] = 1
            faces[n_faces] = f
            n_faces += 1
            cell_on[a] |= _TOUCHED
            cell_on[b] |= _TOUCHED
        else:
            q_next[f] = 0.0
    for k in range(sea.size):
        cell_on[sea[k]] = 0
    for k in range(land.size):
        c = land[k]
        if source[c] != 0.0:
            cell_on[c] |= _TOUCHED
        if depth[c] > awake:
            cell_on[c] |= _WET
        if cell_on[c] != 4:
            cells[n_cells] = c
            n_cells += 1
            deepest = max(deepest, depth[c])
    for k in range(sea.size):
        cell_on[sea[k]] = _TOUCHED | _WET

    time, steps = 0.0, 0
    while time < seconds - 1e-9:
        dt = LONGEST_STEP_S
        if deepest > film_m:
            dt = min(dt, COURANT * cell_m / math.sqrt(GRAVITY_M_S2 * deepest))
        dt = (seconds - time) / math.ceil((seconds - time) / dt)
        share = dt / cell_m
        for k in range(n_faces):
            f = faces[k]
            a, b = side[f, 0], side[f, 1]
            level_a, level_b = ground[a] + depth[a], ground[b] + depth[b]
            h = max(level_a, level_b) - crest[f]
            if h <= film_m:
                q_next[f] = 0.0
            else:
                old = q[f]
                before = q[side[f, 2]] if side[f, 2] >= 0 else 0.0
                after = q[side[f, 3]] if side[f, 3] >= 0 else 0.0
                mean = THETA * old + 0.5 * (1.0 - THETA) * (before + after)
                push = GRAVITY_M_S2 * share * h * (level_b - level_a)
                q_next[f] = (mean - push) / (1.0 + dt * drag[f] * abs(old) / (h * h * np.cbrt(h)))
        for k in range(n_cells):  # no cell gives more than it has; a face has one giver, so the order does not matter
            c = cells[k]
            west, east, north, south = around[c, 0], around[c, 1], around[c, 2], around[c, 3]
            out = 0.0
            if west >= 0:
                out -= min(q_next[west], 0.0)
            if east >= 0:
                out += max(q_next[east], 0.0)
            if north >= 0:
                out -= min(q_next[north], 0.0)
            if south >= 0:
                out += max(q_next[south], 0.0)
            taken = dt * source[c]
            out = share * out - min(taken, 0.0)
            if out > depth[c]:
                left = depth[c] / out
                if west >= 0 and q_next[west] < 0.0:
                    q_next[west] *= left
                if east >= 0 and q_next[east] > 0.0:
                    q_next[east] *= left
                if north >= 0 and q_next[north] < 0.0:
                    q_next[north] *= left
                if south >= 0 and q_next[south] > 0.0:
                    q_next[south] *= left
                if taken < 0.0:
                    taken *= left
            if taken != 0.0:
                depth[c] += taken
                moved[c] += taken * area
                totals[1] += taken * area
        deepest = 0.0
        awakened = n_cells
        for k in range(n_cells):
            c = cells[k]
            west, east, north, south = around[c, 0], around[c, 1], around[c, 2], around[c, 3]
            into = 0.0
            if west >= 0:
                into += q_next[west]
            if east >= 0:
                into -= q_next[east]
            if north >= 0:
                into += q_next[north]
            if south >= 0:
                into -= q_next[south]
            h = max(0.0, depth[c] + share * into)
            depth[c] = h
            deepest = max(deepest, h)
            if h > awake and cell_on[c] & _WET == 0:
                cell_on[c] |= _WET
                for j in range(4):
                    f = around[c, j]
                    if f >= 0 and face_on[f] == 0:
                        face_on[f] = 1
                        faces[n_faces] = f
                        n_faces += 1
                        for s in range(2):
                            other = side[f, s]
                            if cell_on[other] & _TOUCHED == 0:
                                cell_on[other] |= _TOUCHED
                                cells[awakened] = other
                                awakened += 1
        n_cells = awakened
        for k in range(sea.size):
            c = sea[k]
            for j in range(4):
                f = around[c, j]
                if f >= 0:
                    totals[2] += (q_next[f] if j % 2 == 0 else -q_next[f]) * dt * cell_m
        q, q_next = q_next, q
        time += dt
        steps += 1
    if steps % 2 == 1:
        for f in range(q.size):
            q_next[f] = q[f]
    return steps
