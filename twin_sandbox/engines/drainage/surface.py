"""The street surface in two dimensions: shallow water over a grid of ground, kerbs and walls, from rain and manholes.

A local-inertial model (see `surface_kernel`) for the slow water of a city: no advection, so jets and shocks are not
its trade. What it holds and where it is wrong stands in the guide's page on the surface.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.surface_grid import Faces, Grid, plain_grid
from twin_sandbox.errors import TwinError

__all__ = ["Grid", "Ledger", "Surface", "plain_grid"]

Floats = NDArray[np.float64]

RAIN_STEP_S = 6.0
"""Rain falls in lumps of at most this time: at 120 mm/h a fifth of a millimetre."""
FILM_M = 1e-3
"""Water up to this depth stays where it is, as in the roughness of asphalt."""
LISTS = 5  # of the kernel


@dataclass
class Ledger:
    """All water of a surface since it was made [m³].

    Args:
        rain_m3: fell on it.
        source_m3: came from manholes and inlets, less what went down them.
        sea_m3: ran into the sea, less what came from it.
        stored_m3: lies on it now, the sea apart.
        error_m3: what all steps together made or lost by rounding.
        moved_m3: all that ever moved in or out, for a share.
    """

    rain_m3: float = 0.0
    source_m3: float = 0.0
    sea_m3: float = 0.0
    stored_m3: float = 0.0
    error_m3: float = 0.0
    moved_m3: float = 0.0

    @property
    def error(self) -> float:
        """What was made or lost, as a share of what came and of what lies there."""
        return abs(self.error_m3) / max(self.moved_m3 + self.stored_m3, 1e-9)


class Surface:
    """Water on a grid, moved by :meth:`advance`.

    Args:
        grid: where water can be.
        film_m: depth up to which it stays where it is [m].
        everything: step every cell, also the dry ones: slower, same bytes; for comparison.
        local_steps: let deep cells take short steps alone; otherwise all take the shortest, for comparison.

    Attributes:
        depth_m: depth in each cell, rows × columns; the state, to be read and set between steps.
        source_m_s: what comes up in a cell (positive) or goes down there, as a rise of its water [m/s]; held during
            :meth:`advance`. No more goes down than is there.
        moved_m3: the volume that ``source_m_s`` really moved in the last :meth:`advance`, for each cell.
        ledger: all water so far.
        work: how often a cell was stepped so far.
    """

    def __init__(
        self, grid: Grid, film_m: float = FILM_M, *, everything: bool = False, local_steps: bool = True
    ) -> None:
        from twin_sandbox.engines.drainage.compiled import surface_advance

        if not (np.isfinite(film_m) and film_m > 0):
            raise TwinError("street surface, film_m", f"{film_m} m", "A depth above zero")
        self.grid, self.film_m = grid, film_m
        self._ways = (everything, local_steps)
        shape = grid.ground_m.shape
        self.depth_m: Floats = np.zeros(shape)
        self.source_m_s: Floats = np.zeros(shape)
        self.moved_m3: Floats = np.zeros(shape)
        self.ledger = Ledger()
        self.work = 0
        self._rain: Floats = np.zeros(shape)
        self._raining = False
        self._ground: Floats = np.ascontiguousarray(np.nan_to_num(grid.ground_m), np.float64)
        self._on_land = grid.land.ravel()
        self._at_sea = np.flatnonzero(grid.sea)
        self._sea_bed_m = grid.ground_m[grid.sea]
        self._land = np.flatnonzero(grid.land).astype(np.uint32)
        self._faces = Faces.of(grid)
        self._sea = np.unique(self._faces.side[:, :2][grid.sea.ravel()[self._faces.side[:, :2]]]).astype(np.uint32)
        faces, cells = len(self._faces.side), self.depth_m.size
        self._flow: Floats = np.zeros(faces + 1)
        self._kernel = surface_advance()
        self._room = (
            np.zeros(faces + 1),
            np.zeros(cells, np.uint8),
            np.zeros((faces + 8) // 8 * 8, np.uint8),
            np.zeros((LISTS, max(cells, faces)), np.uint32),
            np.zeros((2, cells)),
        )

    @property
    def stored_m3(self) -> float:
        """Water that lies on the surface now, the sea apart [m³]."""
        return float(self.depth_m.sum() - self.depth_m.ravel()[self._at_sea].sum()) * self.grid.cell_m**2

    @property
    def fastest_m2_s(self) -> float:
        """Greatest flow through a face, by its width [m²/s]."""
        return float(np.abs(self._flow).max())

    def rest_at(self, sea_m: float, shore: NDArray[np.bool_]) -> None:
        """Raise the sea and its shore to a level at once, at rest: for the start, and after a pause.

        A sea that jumps runs up its beach as a wave, which no tide does. What the shore takes is booked as the sea's.

        Args:
            sea_m: level [m above datum].
            shore: cells that the tide washes every day, rows × columns.
        """
        before = self._checked_m3()
        self._set_sea(sea_m)
        at = shore & self.grid.land
        self.depth_m[at] = np.maximum(self.depth_m[at], sea_m - self.grid.ground_m[at])
        self._book(before, 0.0, 0.0, before - self.stored_m3)

    def advance(self, seconds: float, rain_m_s: float | Floats = 0.0, sea_m: float | None = None) -> None:
        """Go on by ``seconds``.

        Args:
            seconds: how long [s].
            rain_m_s: rain, for all cells alike or for each [m/s].
            sea_m: level of the sea [m above datum]; None leaves its depth as it is.

        Raises:
            TwinError: a depth, rain, source, level or time that cannot be; nothing has moved then.
        """
        if not (np.isfinite(seconds) and seconds >= 0):
            raise TwinError("street surface", f"a step of {seconds} s", "Zero or more seconds")
        wells = self._wells()
        self._take_rain(rain_m_s)
        self._set_sea(sea_m)
        before, totals = self._checked_m3(), np.zeros(2)
        self.moved_m3[:] = 0.0
        parts = int(np.ceil(seconds / RAIN_STEP_S))
        for _ in range(parts):
            self.work += self._step(seconds / parts, wells, totals)
        self._book(before, float(self._rain.sum()) * seconds * self.grid.cell_m**2, *totals.tolist())

    def _wells(self) -> NDArray[np.uint32]:
        """Flat indices of the cells with a source."""
        self._same_shape("source_m_s", self.source_m_s)
        self._in_place("source_m_s", self.source_m_s)
        flat = self.source_m_s.ravel()
        wells = np.flatnonzero(flat)
        if not np.isfinite(flat[wells]).all():
            raise TwinError("street surface, source_m_s", "no number", "A rise or fall of the cell's water, m/s")
        if not self._on_land[wells].all():
            raise TwinError("street surface, source_m_s", "a source in a building or the sea", "Cells of the land")
        return wells.astype(np.uint32)

    def _take_rain(self, rain_m_s: float | Floats) -> None:
        if isinstance(rain_m_s, np.ndarray):
            self._same_shape("rain_m_s", rain_m_s)
        elif rain_m_s == 0.0 and not self._raining:
            return
        self._raining = True
        np.multiply(self._on_land.reshape(self._rain.shape), rain_m_s, out=self._rain)
        if not (self._rain.min() >= 0 and self._rain.max() < np.inf):
            raise TwinError("street surface, rain_m_s", "negative or no number", "Zero or more, m/s")
        self._raining = bool(self._rain.any())

    def _set_sea(self, sea_m: float | None) -> None:
        if sea_m is None:
            return
        if not np.isfinite(sea_m):
            raise TwinError("street surface, sea_m", f"{sea_m} m", "A level")
        self.depth_m.ravel()[self._at_sea] = np.maximum(sea_m - self._sea_bed_m, 0.0)

    def _checked_m3(self) -> float:
        """Water on the surface; refuses depths that cannot be."""
        self._same_shape("depth_m", self.depth_m)
        self._in_place("depth_m", self.depth_m)
        if not (self.depth_m.min() >= 0 and self.depth_m.max() < np.inf):
            raise TwinError("street surface, depth_m", "a depth that is negative or no number", "Zero or more metres")
        return self.stored_m3

    def _same_shape(self, name: str, found: Floats) -> None:
        if found.shape != self._rain.shape:
            raise TwinError(f"street surface, {name}", f"shape {found.shape}", f"{self._rain.shape}, to fit the grid")

    @staticmethod
    def _in_place(name: str, found: Floats) -> None:
        """The kernel writes where the array lies: one of another kind would be copied, and the result lost."""
        if found.dtype != np.float64 or not found.flags.c_contiguous:
            kind = f"{found.dtype}{'' if found.flags.c_contiguous else ', not row by row'}"
            then = f"Set its values: {name}[:] = …"
            raise TwinError(f"street surface, {name}", f"an array of {kind}", "float64 row by row", then)

    def _step(self, seconds: float, wells: NDArray[np.uint32], totals: Floats) -> int:
        return self._kernel(
            seconds,
            float(self.grid.cell_m),
            float(self.film_m),
            *self._ways,
            *(cells.ravel() for cells in (self.depth_m, self._ground, self._rain, self.source_m_s, self.moved_m3)),
            self._land,
            self._sea,
            wells,
            self._faces.around,
            self._faces.side,
            self._faces.crest_m,
            self._faces.drag,
            self._flow,
            *self._room,
            totals,
        )

    def _book(self, before_m3: float, rain_m3: float, source_m3: float, sea_m3: float) -> None:
        book = self.ledger
        book.stored_m3 = self.stored_m3
        book.error_m3 += book.stored_m3 - before_m3 - rain_m3 - source_m3 + sea_m3
        book.rain_m3 += rain_m3
        book.source_m3 += source_m3
        book.sea_m3 += sea_m3
        book.moved_m3 += rain_m3 + abs(source_m3) + abs(sea_m3)
