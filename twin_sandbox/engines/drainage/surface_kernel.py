"""The street surface's inner loop, compiled by numba: local-inertial flow over lists of wet cells and faces.

Every face's unit flow q [m²/s] follows from the water levels on both sides (Bates, Horritt and Fewtrell 2010,
doi:10.1016/j.jhydrol.2010.03.027, equation 12), with the old flow averaged along its line by θ (de Almeida, Bates,
Freer and Souvignet 2012, doi:10.1029/2011WR011570, equation 8). Double precision, one thread, no fast-math and no
function of the machine's mathematics library but the square root: the same bytes wherever it runs.

Only faces beside a wet cell are stepped: between two cells that hold no more than a film nothing flows, and a cell
that water reaches puts its own faces on the list. The result is that of stepping everything, to the byte.

Deep cells need short steps. They and their neighbours take several within one step of the others; a face on their
rim keeps its flow meanwhile, and what it will still take out of a cell is kept back there, so that no water is made.
"""

# ruff: noqa: C901, FBT001, PLR0912 - compiled loops over plain arrays: they branch, and take their arguments by place

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.uint32]
Marks = NDArray[np.uint8]

GRAVITY_M_S2 = 9.80665
THETA = 0.9
COURANT = 0.7
LONGEST_STEP_S, LONGEST_ON_WIDE_S, LONGEST_S_M = 2.0, 2.5, 0.25
"""No step is longer than 2 s, on wide cells a quarter of a second a metre up to 2.5 s: with longer ones depths go wrong
although the mass balance stays exact."""

LISTS_LAST_S = 30.0
"""So long the lists of wet cells and faces only grow; then they are made anew."""
REACHED = 1.0 / 0.9
"""So many times the depth from which a cell is deep, it would shorten everybody's step."""

SURELY = 1.0 - 1e-9
"""Rounding of level minus crest must not give a sleeping face a flow."""

_LISTED, _WET, _FINE, _DEEP, _SUSPECT, _SEA = 1, 2, 4, 8, 16, 32
_COARSE_FACE, _FINE_FACE = 1, 2
_CELLS, _FACES, _FINE_CELLS, _FINE_FACES, _SUSPECTS, _FLOWING = range(6)
LISTS = 6
_HEIGHT, _MEAN, _RISE, _DRAG, _FLOW = range(5)
TERMS = 5

SIGNATURE = (
    "int64(float64, int64, float64, float64, boolean, boolean,"
    "float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    "uint32[::1], uint32[::1], uint32[::1], uint32[:,::1], uint32[:,::1],"
    "float64[::1], float64[::1], float64[::1], float64[::1],"
    "uint8[::1], uint8[::1], uint32[:,::1], float64[:,::1], float64[:,::1], int64[::1], float64[::1], float64[::1])"
)


@njit(error_model="numpy")
def _inverse_cube_root(x: float) -> float:
    """x^(-1/3) to 4e-16 for 1e-30 < x < 1e30: a guess from the bits, then two steps of fourth order."""
    bits = np.float32(x).view(np.int32)
    guess = np.int32(np.float32(0x54A2FA8C) - np.float32(bits) * np.float32(1.0 / 3.0))
    y = np.float64(guess.view(np.float32))
    r = 1.0 - x * (y * y * y)
    y *= 1.0 + r * (1.0 / 3.0 + r * (2.0 / 9.0 + r * (14.0 / 81.0)))
    r = 1.0 - x * (y * y * y)
    return y * (1.0 + r * (1.0 / 3.0 + r * (2.0 / 9.0 + r * (14.0 / 81.0))))


@njit(error_model="numpy")
def _flows(
    row: int, dt: float, cell_m: float, film_m: float, depth: Floats, ground: Floats, side: Indices, crest: Floats,
    drag: Floats, q: Floats, q_next: Floats, listed: Indices, terms: Floats, n: NDArray[np.int64],
) -> int:  # fmt: skip
    """Unit flows of a list's faces after ``dt`` [m²/s], and the list of those through which water flows; how many.

    In three loops, of which the middle one reads and writes in a row, so that the processor does several at once.
    """
    many = 0
    for k in range(n[row]):
        f = listed[row, k]
        a, b = side[f, 0], side[f, 1]
        level_a, level_b = ground[a] + depth[a], ground[b] + depth[b]
        h = max(level_a, level_b) - crest[f]
        q_next[f] = 0.0
        listed[_FLOWING, many] = f
        terms[_HEIGHT, many] = h
        terms[_MEAN, many] = THETA * q[f] + 0.5 * (1.0 - THETA) * (q[side[f, 2]] + q[side[f, 3]])
        terms[_RISE, many] = level_b - level_a
        terms[_DRAG, many] = drag[f] * abs(q[f])
        many += h > film_m  # what does not flow is written over by the next: cheaper than a branch
    _steepen(
        many, GRAVITY_M_S2 * dt / cell_m, GRAVITY_M_S2 * dt, terms[_HEIGHT], terms[_MEAN], terms[_RISE], terms[_DRAG],
        terms[_FLOW],
    )  # fmt: skip
    for k in range(many):
        q_next[listed[_FLOWING, k]] = terms[_FLOW, k]
    return many


@njit(error_model="numpy")
def _steepen(
    many: int, push: float, brake: float, height: Floats, mean: Floats, rise: Floats, drag: Floats, flow: Floats
) -> None:
    for k in range(many):
        h = height[k]
        y = _inverse_cube_root(h)
        y2 = y * y
        flow[k] = (mean[k] - push * h * rise[k]) / (1.0 + brake * drag[k] * (y2 * y2 * y2 * y))


@njit(error_model="numpy")
def _limit(
    c: int, room: float, share: float, sink: float, kind: int, around: Indices, face_on: Marks, q: Floats
) -> float:
    """Let a cell give no more than ``room`` [m]: shrink what leaves it. A face has one giver: order does not matter."""
    out = 0.0
    for j in range(4):
        f = around[c, j]
        if face_on[f] == kind:
            out += max(-q[f] if j % 2 == 0 else q[f], 0.0)
    out = share * out + sink
    room = max(room, 0.0)
    if out <= room:
        return 1.0
    left = room / out
    for j in range(4):
        f = around[c, j]
        if face_on[f] == kind and (q[f] < 0.0 if j % 2 == 0 else q[f] > 0.0):
            q[f] *= left
    return left


@njit(error_model="numpy")
def _wake(
    c: int, around: Indices, side: Indices, cell_on: Marks, face_on: Marks, listed: Indices, n: NDArray[np.int64]
) -> None:
    """Put the faces of a cell that became wet on the lists, and the cells beyond them."""
    cell_on[c] |= _WET
    for j in range(4):
        f = around[c, j]
        if f < side.shape[0] and face_on[f] == 0:
            a, b = side[f, 0], side[f, 1]
            if cell_on[a] & cell_on[b] & _FINE:
                face_on[f] = _FINE_FACE
                listed[_FINE_FACES, n[_FINE_FACES]] = f
                n[_FINE_FACES] += 1
            else:
                face_on[f] = _COARSE_FACE
                listed[_FACES, n[_FACES]] = f
                n[_FACES] += 1
            other = b if a == c else a
            if cell_on[other] & _LISTED == 0:
                cell_on[other] |= _LISTED
                listed[_CELLS, n[_CELLS]] = other
                n[_CELLS] += 1


@njit(error_model="numpy")
def _list(
    everything: bool, local: bool, deep_m: float, awake_m: float, depth: Floats, land: Indices, sea: Indices,
    wells: Indices, around: Indices, side: Indices, q: Floats, cell_on: Marks, face_on: Marks, listed: Indices,
    n: NDArray[np.int64],
) -> float:  # fmt: skip
    """Make the lists anew from where water is, in the grid's order; the depth of the deepest cell [m]."""
    n[:] = 0
    cell_on[:] = 0
    for f in range(q.size):  # what flowed may flow on for a step through a face that is no longer wet
        face_on[f] = everything or q[f] != 0.0
    deepest = 0.0
    for c in land:
        if depth[c] > awake_m:
            cell_on[c] = _WET
            deepest = max(deepest, depth[c])
            for j in range(4):
                face_on[around[c, j]] = _COARSE_FACE
    for c in wells:
        cell_on[c] |= _LISTED
    for c in sea:
        cell_on[c] = _WET | _LISTED | _SEA
        for j in range(4):
            face_on[around[c, j]] = _COARSE_FACE
    face_on[side.shape[0]] = 0
    words = face_on.view(np.uint64)  # most faces are dry: eight at a glance
    for word in range(words.size):
        if words[word] != 0:
            for f in range(8 * word, 8 * word + 8):
                if face_on[f]:
                    a, b = side[f, 0], side[f, 1]
                    if local and max(_on_land(a, depth, cell_on), _on_land(b, depth, cell_on)) > deep_m:
                        for c in (a, b):
                            cell_on[c] |= _FINE | (_DEEP if depth[c] > deep_m else 0)
                    cell_on[a] |= _LISTED
                    cell_on[b] |= _LISTED
                    listed[_FACES, n[_FACES]] = f
                    n[_FACES] += 1
    if deepest > deep_m and local:
        active = n[_FACES]
        n[_FACES] = 0
        for k in range(active):
            f = listed[_FACES, k]
            if cell_on[side[f, 0]] & cell_on[side[f, 1]] & _FINE:
                face_on[f] = _FINE_FACE
                listed[_FINE_FACES, n[_FINE_FACES]] = f
                n[_FINE_FACES] += 1
            else:
                listed[_FACES, n[_FACES]] = f
                n[_FACES] += 1
    for c in land:
        if cell_on[c] & _FINE:
            listed[_FINE_CELLS, n[_FINE_CELLS]] = c
            n[_FINE_CELLS] += 1
        elif cell_on[c] & _LISTED:
            listed[_CELLS, n[_CELLS]] = c
            n[_CELLS] += 1
    return deepest


@njit(error_model="numpy")
def _on_land(c: int, depth: Floats, cell_on: Marks) -> float:
    """Depth of a cell that is not the sea's [m]."""
    return 0.0 if cell_on[c] & _SEA else depth[c]


@njit(error_model="numpy")
def _seaward(kind: int, sea: Indices, around: Indices, face_on: Marks, q: Floats) -> float:
    """What the coarse or the fine faces carry to the sea [m²/s]."""
    total = 0.0
    for c in sea:
        for j in range(4):
            f = around[c, j]
            if face_on[f] == kind:
                total += q[f] if j % 2 == 0 else -q[f]
    return total


@njit(error_model="numpy")
def _faces_and_wells(
    dt: float, cell_m: float, film_m: float, kept: float, fine: bool, depth: Floats, ground: Floats, source: Floats,
    moved: Floats, wells: Indices, around: Indices, side: Indices, crest: Floats, drag: Floats, q: Floats,
    q_next: Floats, cell_on: Marks, face_on: Marks, listed: Indices, held: Floats, terms: Floats,
    n: NDArray[np.int64],
) -> float:  # fmt: skip
    """Flows of the coarse or the fine faces, and what the sources of their cells move [m³]."""
    kind, row = (_FINE_FACE, _FINE_FACES) if fine else (_COARSE_FACE, _FACES)
    share, area, total = dt / cell_m, cell_m * cell_m, 0.0
    n[_SUSPECTS] = 0
    flowing = _flows(
        row, dt, cell_m, film_m, depth, ground, side, crest, drag, q, q_next, listed, terms, n
    )  # fmt: skip
    for k in range(flowing):
        f = listed[_FLOWING, k]
        new = q_next[f]
        giver = side[f, 0] if new > 0.0 else side[f, 1]
        room = depth[giver] - (kept * held[0, giver] if fine else 0.0)
        if 4.0 * share * abs(new) > room and cell_on[giver] & (_SUSPECT | _SEA) == 0:
            cell_on[giver] |= _SUSPECT
            listed[_SUSPECTS, n[_SUSPECTS]] = giver
            n[_SUSPECTS] += 1
    for c in wells:
        if (cell_on[c] & _FINE != 0) == fine:
            taken = dt * source[c]
            if taken < 0.0:
                room = depth[c] - (kept * held[0, c] if fine else 0.0)
                taken *= _limit(c, room, share, -taken, kind, around, face_on, q_next)
                cell_on[c] &= ~np.uint8(_SUSPECT)
            depth[c] += taken
            moved[c] += taken * area
            total += taken * area
    for k in range(n[_SUSPECTS]):
        c = listed[_SUSPECTS, k]
        if cell_on[c] & _SUSPECT:
            cell_on[c] &= ~np.uint8(_SUSPECT)
            room = depth[c] - (kept * held[0, c] if fine else 0.0)
            _limit(c, room, share, 0.0, kind, around, face_on, q_next)
    for k in range(n[row]):
        f = listed[row, k]
        q[f] = q_next[f]
    return total


@njit(error_model="numpy")
def _short_steps(
    dt: float, parts: int, cell_m: float, film_m: float, deep_m: float, depth: Floats, ground: Floats, source: Floats,
    moved: Floats, sea: Indices, wells: Indices, around: Indices, side: Indices, crest: Floats, drag: Floats,
    q: Floats, q_next: Floats, cell_on: Marks, face_on: Marks, listed: Indices, held: Floats, terms: Floats,
    totals: Floats, n: NDArray[np.int64],
) -> tuple[float, float]:  # fmt: skip
    """Take deep cells and their neighbours through a step in parts; the deepest of all, and of the neighbours [m]."""
    for k in range(n[_FINE_CELLS]):
        c = listed[_FINE_CELLS, k]
        into, out = 0.0, 0.0
        for j in range(4):
            f = around[c, j]
            if face_on[f] == _COARSE_FACE:
                inward = q[f] if j % 2 == 0 else -q[f]
                into += inward
                out -= min(inward, 0.0)
        held[0, c] = dt / cell_m * out
        held[1, c] = into
    short, awake, deepest, rim = dt / parts, film_m * SURELY, deep_m, 0.0
    for part in range(parts):
        totals[0] += _faces_and_wells(
            short, cell_m, film_m, (parts - part) / parts, True, depth, ground, source, moved, wells, around, side,
            crest, drag, q, q_next, cell_on, face_on, listed, held, terms, n,
        )  # fmt: skip
        totals[1] += _seaward(_FINE_FACE, sea, around, face_on, q) * short * cell_m
        deepest = deep_m
        for k in range(n[_FINE_CELLS]):
            c = listed[_FINE_CELLS, k]
            into = held[1, c]
            for j in range(4):
                f = around[c, j]
                if face_on[f] == _FINE_FACE:
                    into += q[f] if j % 2 == 0 else -q[f]
            depth[c] = max(0.0, depth[c] + short / cell_m * into)
            deepest = max(deepest, depth[c])
            if cell_on[c] & _DEEP == 0:
                rim = max(rim, depth[c])
            if depth[c] > awake and cell_on[c] & _WET == 0:
                _wake(c, around, side, cell_on, face_on, listed, n)
    return deepest, rim


@njit(error_model="numpy")
def _look(
    awake_m: float, depth: Floats, land: Indices, wells: Indices, around: Indices, side: Indices, cell_on: Marks,
    face_on: Marks, listed: Indices, n: NDArray[np.int64],
) -> tuple[float, float]:  # fmt: skip
    """Put on the lists what rain, a source or the caller made wet; deepest of the fine and of the other cells [m]."""
    fine, coarse = 0.0, 0.0
    for c in land:
        if depth[c] > awake_m:
            if cell_on[c] & _WET == 0:
                if cell_on[c] & _LISTED == 0:
                    cell_on[c] |= _LISTED
                    listed[_CELLS, n[_CELLS]] = c
                    n[_CELLS] += 1
                _wake(c, around, side, cell_on, face_on, listed, n)
            if cell_on[c] & _FINE:
                fine = max(fine, depth[c])
            else:
                coarse = max(coarse, depth[c])
    for c in wells:
        if cell_on[c] & _LISTED == 0:
            cell_on[c] |= _LISTED
            listed[_CELLS, n[_CELLS]] = c
            n[_CELLS] += 1
    return fine, coarse


@njit(error_model="numpy")
def _part(
    seconds: float, cell_m: float, film_m: float, longest_s: float, deep: float, awake: float, everything: bool,
    local: bool, depth: Floats, ground: Floats, rain: Floats, source: Floats, moved: Floats, land: Indices,
    sea: Indices, wells: Indices, around: Indices, side: Indices, crest: Floats, drag: Floats, q: Floats,
    q_next: Floats, cell_on: Marks, face_on: Marks, listed: Indices, held: Floats, terms: Floats,
    n: NDArray[np.int64], left_s: Floats, totals: Floats,
) -> int:  # fmt: skip
    """Let rain fall for ``seconds`` at once, then let water flow as long; how many cells were stepped."""
    for c in range(depth.size):
        depth[c] += rain[c] * seconds

    time, work = 0.0, 0
    deepest_fine, deepest = _look(awake, depth, land, wells, around, side, cell_on, face_on, listed, n)
    if deepest > REACHED * deep and local:
        left_s[0] = 0.0
    while time < seconds - 1e-9:
        if left_s[0] <= 1e-9:
            deepest_fine = _list(
                everything, local, deep, awake, depth, land, sea, wells, around, side, q, cell_on, face_on, listed, n
            )
            deepest = min(deepest_fine, deep) if local else deepest_fine
            left_s[0] = LISTS_LAST_S
        while time < seconds - 1e-9 and left_s[0] > 1e-9:
            dt = longest_s
            if deepest > film_m:
                dt = min(dt, COURANT * cell_m / math.sqrt(GRAVITY_M_S2 * deepest))
            dt = (seconds - time) / math.ceil((seconds - time) / dt)
            share = dt / cell_m
            totals[0] += _faces_and_wells(
                dt, cell_m, film_m, 0.0, False, depth, ground, source, moved, wells, around, side, crest, drag, q,
                q_next, cell_on, face_on, listed, held, terms, n,
            )  # fmt: skip
            totals[1] += _seaward(_COARSE_FACE, sea, around, face_on, q) * dt * cell_m
            deepest = 0.0
            work += n[_CELLS]
            for k in range(n[_CELLS]):
                c = listed[_CELLS, k]
                into = q[around[c, 0]] - q[around[c, 1]] + q[around[c, 2]] - q[around[c, 3]]
                depth[c] = max(0.0, depth[c] + share * into)
                deepest = max(deepest, depth[c])
                if depth[c] > awake and cell_on[c] & _WET == 0:
                    _wake(c, around, side, cell_on, face_on, listed, n)
            if n[_FINE_CELLS] > 0:
                parts = max(1, math.ceil(dt / (COURANT * cell_m / math.sqrt(GRAVITY_M_S2 * deepest_fine))))
                work += parts * n[_FINE_CELLS]
                deepest_fine, rim = _short_steps(
                    dt, parts, cell_m, film_m, deep, depth, ground, source, moved, sea, wells, around, side, crest,
                    drag, q, q_next, cell_on, face_on, listed, held, terms, totals, n,
                )  # fmt: skip
                deepest = max(deepest, rim)
            time += dt
            left_s[0] = 0.0 if local and deepest > 1.5 * deep else left_s[0] - dt
    return work


READY_SIGNATURE = "int64(float64, float64[::1], float64[::1], boolean[::1], int64[::1], float64[::1], uint32[::1])"
BAD_DEPTH, BAD_SOURCE, SOURCE_OFF_LAND = -1, -2, -3
_INFINITY = np.uint64(0x7FF0000000000000)


def ready(
    sea_m: float, depth: Floats, source: Floats, on_land: NDArray[np.bool_], at_sea: NDArray[np.int64],
    sea_bed: Floats, wells: Indices,
) -> int:  # fmt: skip
    """Judge a surface's state, raise its sea, and list the cells with a source.

    Args:
        sea_m: level of the sea [m above datum]; NaN leaves its depth as it is.
        depth: of each cell of the grid, flat [m]; changed at sea.
        source: likewise [m/s].
        on_land: whether each cell is land.
        at_sea: flat indices of the sea's cells.
        sea_bed: ground of each of these [m above datum].
        wells: room for the flat indices of the cells with a source; written.

    Returns:
        How many cells have a source; or, nothing changed, `BAD_DEPTH`, `BAD_SOURCE` or `SOURCE_OFF_LAND`.
    """
    # of floats that are no number below zero or infinite, the bits are below those of infinity: many are seen at once
    bits, odd = depth.view(np.uint64), np.uint64(0)
    for c in range(bits.size):
        odd |= np.uint64(bits[c] >= _INFINITY)
    if odd:
        for c in range(depth.size):  # minus nought is one of them
            if not 0.0 <= depth[c] < np.inf:
                return BAD_DEPTH
    count = np.uint64(0)
    for c in range(source.size):
        wells[count] = c  # written over by the next, unless it has a source: cheaper than a branch
        count += np.uint64(source[c] != 0.0)
    for k in range(count):
        if not math.isfinite(source[wells[k]]):
            return BAD_SOURCE
        if not on_land[wells[k]]:
            return SOURCE_OFF_LAND
    if not math.isnan(sea_m):
        for k in range(at_sea.size):
            depth[at_sea[k]] = max(sea_m - sea_bed[k], 0.0)
    return int(count)


def advance(
    seconds: float,
    parts: int,
    cell_m: float,
    film_m: float,
    everything: bool,
    local: bool,
    depth: Floats,
    ground: Floats,
    rain: Floats,
    source: Floats,
    moved: Floats,
    land: Indices,
    sea: Indices,
    wells: Indices,
    around: Indices,
    side: Indices,
    crest: Floats,
    drag: Floats,
    q: Floats,
    q_next: Floats,
    cell_on: Marks,
    face_on: Marks,
    listed: Indices,
    held: Floats,
    terms: Floats,
    count: NDArray[np.int64],
    left_s: Floats,
    totals: Floats,
) -> int:
    """Let rain fall for a part of ``seconds`` at once, then let water flow as long; and so on with each part.

    Args:
        seconds: how long [s].
        parts: in how many equal parts.
        cell_m: side of a cell [m].
        film_m: depth up to which water stays where it is [m].
        everything: step every cell and face, for comparison.
        local: let deep cells take short steps alone; otherwise all take them, for comparison.
        depth: of each cell of the grid, flat [m]; changed.
        ground: likewise [m].
        rain: likewise [m/s].
        source: likewise [m/s].
        moved: volume that ``source`` really moved [m³], of each cell; written.
        land: flat indices of the cells where water can be.
        sea: of those with an imposed level, beside land.
        wells: of those with a source.
        around: west, east, north and south face of each cell, the number of faces for a wall [cells, 4].
        side: cell before and after each face, west or north first; then the face before and after it in its line:
            itself at the open sea, the number of faces at a wall [faces, 4].
        crest: lowest level at which a face lets water through [m].
        drag: n² of each face.
        q: unit flow of each face, positive to the east and south [m²/s], and a nought for walls; changed.
        q_next: room for the next ones.
        cell_on: room for marks of cells.
        face_on: room for marks of faces and a nought, a multiple of eight.
        listed: room for lists of cells and faces [LISTS, most].
        held: room for what the rim's faces do to the fine cells [2, cells].
        terms: room for the terms of a face's equation [TERMS, faces].
        count: length of each list [LISTS]; changed.
        left_s: for how long the lists still hold [s], one number, zero at the start; changed.
        totals: source, net flow to the sea [m³]; written.

    Returns:
        Cells stepped in all steps together.
    """
    awake = film_m * SURELY
    longest_s = min(LONGEST_ON_WIDE_S, max(LONGEST_STEP_S, LONGEST_S_M * cell_m))
    deep = 0.9 * (COURANT * cell_m / longest_s) ** 2 / GRAVITY_M_S2
    moved[:] = 0.0
    totals[:] = 0.0
    work = 0
    for _ in range(parts):
        work += _part(
            seconds / parts, cell_m, film_m, longest_s, deep, awake, everything, local, depth, ground, rain, source,
            moved, land, sea, wells, around, side, crest, drag, q, q_next, cell_on, face_on, listed, held, terms, count,
            left_s, totals,
        )  # fmt: skip
    return work
