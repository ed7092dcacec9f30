"""Low areas: the hollows of the ground, found by priority flood.

The ground is flooded inward from the sea, lowest cell first (Barnes, Lehman and Mulla 2014,
doi:10.1016/j.cageo.2013.04.024). A cell below the water that reached it lies in a hollow; the cell over which the
water came is its sill. The land edges of the frame are closed: what falls in the district leaves it by the sea.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.generate.curves import Floats

RIM_M = 0.4
STAGE_STEP_M = 0.05
_NEIGHBOURS = ((-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))


@dataclass(frozen=True)
class Hollow:
    """A hollow of the ground.

    Attributes:
        cells: flat indices of the cells below the sill.
        bottom_m: lowest cell.
        sill_m: level at which it spills.
        outlet: flat index of the sill's cell.
    """

    cells: NDArray[np.int64]
    bottom_m: float
    sill_m: float
    outlet: int


@dataclass(frozen=True)
class Flooding:
    """What a priority flood found: the water's level, where each cell's water goes next, the order of flooding."""

    filled_m: Floats
    parent: NDArray[np.int64]
    order: NDArray[np.int64]
    hollows: list[Hollow]


def flood(height_m: Floats, sea: NDArray[np.bool_]) -> Flooding:
    """Flood the ground inward from the sea.

    Args:
        height_m: ground, [ny, nx].
        sea: where the water starts.
    """
    ny, nx = height_m.shape
    ground = height_m.ravel().tolist()
    filled = list(ground)
    parent = [-1] * (ny * nx)
    pool = [-1] * (ny * nx)
    seen = sea.ravel().tolist()
    heap = [(ground[cell], cell) for cell in np.flatnonzero(sea).tolist()]
    heapq.heapify(heap)
    order: list[int] = []
    sills: list[tuple[float, int]] = []
    while heap:
        level, cell = heapq.heappop(heap)
        order.append(cell)
        row, column = divmod(cell, nx)
        for down, right in _NEIGHBOURS:
            r, c = row + down, column + right
            if not (0 <= r < ny and 0 <= c < nx):
                continue
            other = r * nx + c
            if seen[other]:
                continue
            seen[other] = True
            parent[other] = cell
            inside = pool[cell] >= 0 and sills[pool[cell]][0] == level
            if ground[other] < level or (inside and ground[other] == level):
                if not inside:
                    sills.append((level, cell))
                    pool[other] = len(sills) - 1
                else:
                    pool[other] = pool[cell]
                filled[other] = level
            heapq.heappush(heap, (filled[other], other))
    pools = np.asarray(pool)
    hollows = []
    by_pool = np.argsort(pools, kind="stable")
    starts = np.searchsorted(pools[by_pool], np.arange(len(sills) + 1))
    for k, (level, outlet) in enumerate(sills):
        cells = by_pool[starts[k] : starts[k + 1]]
        hollows.append(Hollow(cells, float(height_m.flat[cells].min()), level, outlet))
    return Flooding(np.asarray(filled).reshape(ny, nx), np.asarray(parent), np.asarray(order), hollows)


def condition(
    height_m: Floats,
    sea: NDArray[np.bool_],
    keep: NDArray[np.int64],
    least_depth_m: float,
    least_m3: float,
    cell_m: float,
) -> tuple[Floats, Flooding, list[Hollow]]:
    """Fill the hollows that are small or hold none of the cells ``keep``; return the ground and what stays low."""
    height_m = height_m.copy()
    while True:  # filling one hollow can merge its neighbours
        found = flood(height_m, sea)
        kept = []
        for hollow in found.hollows:
            volume = float((hollow.sill_m - height_m.flat[hollow.cells]).sum()) * cell_m * cell_m
            deep = hollow.sill_m - hollow.bottom_m >= least_depth_m - 1e-9
            if deep and volume >= least_m3 and np.isin(hollow.cells, keep).any():
                kept.append(hollow)
            else:
                height_m.flat[hollow.cells] = hollow.sill_m
        if len(kept) == len(found.hollows):
            return height_m, found, kept


def sinks(found: Flooding, hollows: list[Hollow]) -> NDArray[np.int16]:
    """For each cell the hollow that its water reaches first, or -1 for the sea; flat."""
    sink = np.full(found.parent.size, -1, np.int16)
    own = np.full(found.parent.size, -1, np.int16)
    for k, hollow in enumerate(hollows):
        own[hollow.cells] = k
    for cell in found.order.tolist():
        if own[cell] >= 0:
            sink[cell] = own[cell]
        elif found.parent[cell] >= 0:
            sink[cell] = sink[found.parent[cell]]
    return sink


def extents(height_m: Floats, found: Flooding, hollows: list[Hollow], sink: NDArray[np.int16]) -> NDArray[np.int16]:
    """Raster of the cells that drown with each hollow: its pool, and the rim up to `RIM_M` above the sill."""
    area = np.full(height_m.size, -1, np.int16)
    sill = np.asarray([hollow.sill_m for hollow in hollows])
    for k, hollow in enumerate(hollows):
        area[hollow.cells] = k
    for cell in found.order.tolist():
        k = sink[cell]
        if area[cell] < 0 <= k and area[found.parent[cell]] == k and height_m.flat[cell] < sill[k] + RIM_M:
            area[cell] = k
    return area.reshape(height_m.shape)


def stage_storage(heights_m: Floats, sill_m: float, cell_m: float) -> list[tuple[float, float, float]]:
    """Rows (level_m, area_m2, volume_m3) from the bottom to `RIM_M` above the sill.

    Volume is the exact sum over cells of (level - ground); area counts the cells at or below the level.
    """
    bottom = float(heights_m.min())
    steps = round((sill_m + RIM_M - bottom) / STAGE_STEP_M + 0.499)
    rows = []
    for k in range(steps + 1):
        level = round(bottom + k * STAGE_STEP_M, 2)
        depth = level - heights_m
        area = float((depth >= -1e-6).sum()) * cell_m * cell_m
        volume = float(np.clip(depth, 0.0, None).sum()) * cell_m * cell_m
        rows.append((level, area, round(volume, 1)))
    return rows
