"""The district as the street surface sees it: ground, kerbs, houses in the way, the sea; and who is where."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.surface import Grid
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import shapely

    from twin_sandbox.entities import District

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

KERB_M = 0.15
"""Height of a kerb above its gutter: 10 to 20 cm (CJJ 37-2012, 5.5)."""

ROUGHNESS_N = {
    0: 0.025,  # sea: counts nowhere, a face by the sea has the land's
    1: 0.016,  # street: asphalt, rough
    2: 0.020,  # building: nothing flows there
    3: 0.020,  # paved yard: concrete with random stone
    4: 0.050,  # garden: scattered brush
    5: 0.030,  # park: short grass
    6: 0.017,  # quay: concrete, unfinished
    7: 0.022,  # beach: clean earth, straight and even
}
"""Land cover → Manning's n [s/m^(1/3)], the normal values of Chow 1959, Open-Channel Hydraulics, table 5-6."""

_SEA, _STREET, _BUILDING, _BEHIND_KERBS = 0, 1, 2, (3, 4, 5)


def surface_grid(district: "District", cell_m: float = 5.0) -> Grid:
    """The district's surface in cells of its terrain, or of a whole multiple of them.

    In wider cells a street keeps its lowest point, and a face the lowest way across it, so that water finds its way
    along narrow streets; walls and humps between still hold it back.

    Args:
        district: the district.
        cell_m: side of a cell [m].

    Raises:
        TwinError: no multiple of the terrain's cells, or one that does not fill the frame.
    """
    terrain = district.terrain
    times = round(cell_m / terrain.cell_m)
    rows, columns = terrain.elevation_m.shape
    if times < 1 or times * terrain.cell_m != cell_m or rows % times or columns % times:
        raise TwinError(
            "street surface, cell_m", f"{cell_m} m", f"{terrain.cell_m:g} m, or a multiple that fills the frame"
        )
    cover = terrain.land_cover
    ground = terrain.elevation_m.astype(np.float64).round(2)
    ground[cover == _BUILDING] = np.nan
    faces = _kerbs(ground, cover)
    n = np.asarray([ROUGHNESS_N[kind] for kind in range(len(ROUGHNESS_N))])[cover]
    grid = Grid(ground, cell_m, n, *faces, cover == _SEA)
    return grid if times == 1 else _coarse(grid, cover == _STREET, times, cell_m)


def street_cells(district: "District", grid: Grid) -> dict[str, Cells]:
    """Street code → flat indices of the cells of its carriageway; every street has one at least."""
    import shapely

    x, y = _centres(district, grid.ground_m.shape, grid.cell_m)
    cells = {}
    for code, line, width in district.entities["streets"][["geometry", "width_m"]].itertuples(name=None):
        own = line.buffer(max(width / 2, 0.5 * grid.cell_m))
        shapely.prepare(own)
        inside = shapely.contains_xy(own, x, y) & grid.land
        found = np.flatnonzero(inside)
        if not found.size:
            middle = line.interpolate(0.5, normalized=True)
            found = np.asarray([site_cell(district, grid, middle.x, middle.y)])
        cells[code] = found
    return cells


def site_cell(district: "District", grid: Grid, x_m: float, y_m: float) -> int:
    """Flat index of the cell where water stands at a point: its own, or the nearest where water can be."""
    x, y = _centres(district, grid.ground_m.shape, grid.cell_m)
    away = np.where(grid.land, (x - x_m) ** 2 + (y - y_m) ** 2, np.inf)
    return int(np.argmin(away))


def cells_beside(district: "District", grid: Grid, shape: "shapely.Geometry") -> Cells:
    """Flat indices of the cells where water would stand at a shape's edge, e.g. around a house."""
    import shapely

    x, y = _centres(district, grid.ground_m.shape, grid.cell_m)
    near = shape.buffer(0.75 * grid.cell_m)
    shapely.prepare(near)
    found = np.flatnonzero(shapely.contains_xy(near, x, y) & grid.land)
    return found if found.size else np.asarray([site_cell(district, grid, shape.centroid.x, shape.centroid.y)])


def _centres(district: "District", shape: tuple[int, ...], cell_m: float) -> tuple[Floats, Floats]:
    terrain = district.terrain
    xs = terrain.x_min_m + (np.arange(shape[1]) + 0.5) * cell_m
    ys = terrain.y_max_m - (np.arange(shape[0]) + 0.5) * cell_m
    x, y = np.meshgrid(xs, ys)
    return x, y


def _kerbs(ground: Floats, cover: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Crests of the faces between a carriageway and what lies behind its kerb."""
    street, behind = cover == _STREET, np.isin(cover, _BEHIND_KERBS)
    rows, columns = ground.shape
    across = np.full((rows, columns + 1), -np.inf)
    down = np.full((rows + 1, columns), -np.inf)
    for faces, first, second in (
        (across[:, 1:-1], np.s_[:, :-1], np.s_[:, 1:]),
        (down[1:-1], np.s_[:-1], np.s_[1:]),
    ):
        for gutter, yard in ((first, second), (second, first)):
            kerb = street[gutter] & behind[yard]
            faces[kerb] = ground[gutter][kerb] + KERB_M
    return across, down


def _coarse(fine: Grid, street: NDArray[np.bool_], times: int, cell_m: float) -> Grid:
    """The grid in cells of ``times`` by ``times`` of its own."""
    from warnings import catch_warnings, simplefilter

    def blocks(values: NDArray[np.generic]) -> NDArray[np.generic]:
        rows, columns = values.shape
        cut = values.reshape(rows // times, times, columns // times, times)
        return cut.swapaxes(1, 2).reshape(rows // times, columns // times, times * times)

    on_street, open_, sea = blocks(street), blocks(np.isfinite(fine.ground_m)), blocks(fine.sea)
    has_street = on_street.any(axis=2)
    at_sea = ~has_street & (sea.sum(axis=2) * 2 >= times * times)
    blocked = ~has_street & ~at_sea & (open_.sum(axis=2) * 2 < times * times)
    ground, n = blocks(fine.ground_m), blocks(fine.roughness_n)
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a block of houses has no mean
        level = np.nanmean(np.where(sea & ~at_sea[..., None], np.nan, ground), axis=2)
        lowest = np.nanmin(np.where(on_street, ground, np.nan), axis=2)
    level = np.where(blocked, np.nan, np.where(has_street, lowest, level))
    rough = np.where(has_street, np.where(on_street, n, 0).max(axis=2), n.mean(axis=2))
    across = _lowest_way(fine.ground_m, fine.face_x_m, times)
    down = _lowest_way(fine.ground_m.T, fine.face_y_m.T, times).T
    return Grid(level, cell_m, rough, across, down, at_sea)


def _lowest_way(ground: Floats, faces: Floats, times: int) -> Floats:
    """For each face of the wide cells the lowest of the lines across it, walls where a house stands on every one."""
    high = np.where(np.isnan(ground), np.inf, ground)
    rows, columns = ground.shape
    lanes = np.full((rows, columns // times + 1), -np.inf)
    # what lies within half a wide cell on both sides counts, so that no hump between is lost
    for k in range(1, columns // times):
        near = slice(k * times - times // 2, k * times + times // 2)
        inner = slice(near.start + 1, near.stop)
        lanes[:, k] = np.maximum(high[:, near].max(axis=1), faces[:, inner].max(axis=1))
    lowest: Floats = lanes.reshape(rows // times, times, -1).min(axis=1)
    return lowest
