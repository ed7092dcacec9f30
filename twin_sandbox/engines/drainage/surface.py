"""The street surface in two dimensions: shallow water over a grid of ground, kerbs and walls, from rain and manholes.

A local-inertial model (see `surface_kernel`) for the slow water of a city: no advection, so jets and shocks are not
its trade. What it holds and where it is wrong stands in the guide's page on the surface.
"""

import math
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
LISTS, TERMS = 6, 5  # of the kernel
REFUSED = {
    -1: ("depth_m", "a depth that is negative or no number", "Zero or more metres"),
    -2: ("source_m_s", "no number", "A rise or fall of the cell's water, m/s"),
    -3: ("source_m_s", "a source in a building or the sea", "Cells of the land"),
}
"""What each answer of `surface_kernel.ready` below zero means."""


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
        from twin_sandbox.engines.drainage.compiled import surface_advance, surface_ready

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
        self._rain_sum_m_s = 0.0
        self._rain_taken: float | Floats = 0.0
        self._ground: Floats = np.ascontiguousarray(np.nan_to_num(grid.ground_m), np.float64)
        self._on_land = grid.land.ravel()
        self._at_sea = np.flatnonzero(grid.sea)
        self._sea_bed_m: Floats = np.ascontiguousarray(grid.ground_m[grid.sea], np.float64)
        self._land = np.flatnonzero(grid.land).astype(np.uint32)
        self._faces = Faces.of(grid)
        self._sea = np.unique(self._faces.side[:, :2][grid.sea.ravel()[self._faces.side[:, :2]]]).astype(np.uint32)
        faces, cells = len(self._faces.side), self.depth_m.size
        self._flow: Floats = np.zeros(faces + 1)
        self._wells, self._totals = np.zeros(cells, np.uint32), np.zeros(2)
        self._known: tuple[Floats, ...] = ()
        self._flat: tuple[Floats, ...] = ()
        self._kernels = (surface_ready(), surface_advance())
        self._fixed = (
            self._faces.around,
            self._faces.side,
            self._faces.crest_m,
            self._faces.drag,
            self._flow,
            np.zeros(faces + 1),
            np.zeros(cells, np.uint8),
            np.zeros((faces + 8) // 8 * 8, np.uint8),
            np.zeros((LISTS, max(cells, faces)), np.uint32),
            np.zeros((2, cells)),
            np.zeros((TERMS, faces + 1)),
            np.zeros(LISTS, np.int64),
            np.zeros(1),
            self._totals,
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
        self._ready(None)
        before = self.stored_m3
        self._ready(sea_m)
        at = shore & self.grid.land
        self.depth_m[at] = np.maximum(self.depth_m[at], sea_m - self.grid.ground_m[at])
        stored = self.stored_m3
        self._book(before, stored, 0.0, 0.0, before - stored)

    def advance(
        self, seconds: float, rain_m_s: float | Floats = 0.0, sea_m: float | None = None, *, lump_s: float = RAIN_STEP_S
    ) -> None:
        """Go on by ``seconds``.

        Args:
            seconds: how long [s].
            rain_m_s: rain, for all cells alike or for each [m/s]; an array that is locked against writing is only
                read when it is not the one of the last time.
            sea_m: level of the sea [m above datum]; None leaves its depth as it is.
            lump_s: rain falls in lumps of at most this time [s].

        Raises:
            TwinError: a depth, rain, source, level or time that cannot be; nothing has moved then.
        """
        if not (np.isfinite(seconds) and seconds >= 0):
            raise TwinError("street surface", f"a step of {seconds} s", "Zero or more seconds")
        self._take_rain(rain_m_s)
        wells = self._ready(sea_m)
        depth, source, moved = self._flat
        area_m2 = self.grid.cell_m**2
        at_sea = depth.take(self._at_sea).sum()  # the kernel leaves it as it is
        before = float(depth.sum() - at_sea) * area_m2
        self.work += self._kernels[1](
            float(seconds),
            math.ceil(seconds / lump_s),
            float(self.grid.cell_m),
            float(self.film_m),
            *self._ways,
            depth,
            self._ground.ravel(),
            self._rain.ravel(),
            source,
            moved,
            self._land,
            self._sea,
            wells,
            *self._fixed,
        )
        stored = float(depth.sum() - at_sea) * area_m2
        self._book(before, stored, self._rain_sum_m_s * seconds * area_m2, *self._totals.tolist())

    def _take_rain(self, rain_m_s: float | Floats) -> None:
        array = isinstance(rain_m_s, np.ndarray)
        if rain_m_s is self._rain_taken if array else rain_m_s == 0.0 == self._rain_sum_m_s:
            return
        if isinstance(rain_m_s, np.ndarray):
            self._same_shape("rain_m_s", rain_m_s)
        rain = np.multiply(self._on_land.reshape(self._rain.shape), rain_m_s, dtype=np.float64)
        if not (rain.min() >= 0 and rain.max() < np.inf):
            raise TwinError("street surface, rain_m_s", "negative or no number", "Zero or more, m/s")
        self._rain, self._rain_sum_m_s = rain, float(rain.sum())
        self._rain_taken = rain_m_s if isinstance(rain_m_s, np.ndarray) and not rain_m_s.flags.writeable else 0.0

    def _ready(self, sea_m: float | None) -> NDArray[np.uint32]:
        """Flat indices of the cells with a source, with the sea at its level; refuses a state that cannot be."""
        if not (sea_m is None or math.isfinite(sea_m)):
            raise TwinError("street surface, sea_m", f"{sea_m} m", "A level")
        self._see_arrays()
        found = self._kernels[0](
            math.nan if sea_m is None else float(sea_m),
            *self._flat[:2],
            self._on_land,
            self._at_sea,
            self._sea_bed_m,
            self._wells,
        )
        if found < 0:
            name, what, allowed = REFUSED[found]
            raise TwinError(f"street surface, {name}", what, allowed)
        return self._wells[:found]

    def _see_arrays(self) -> None:
        """Have the state's arrays flat; anew where somebody put another array in place of one."""
        now = (self.depth_m, self.source_m_s, self.moved_m3)
        if len(self._known) == len(now) and all(one is other for one, other in zip(now, self._known, strict=True)):
            return
        for name, found in zip(("depth_m", "source_m_s", "moved_m3"), now, strict=True):
            self._same_shape(name, found)
            self._in_place(name, found)
        self._known, self._flat = now, tuple(array.ravel() for array in now)

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

    def _book(self, before_m3: float, stored_m3: float, rain_m3: float, source_m3: float, sea_m3: float) -> None:
        book = self.ledger
        book.stored_m3 = stored_m3
        book.error_m3 += book.stored_m3 - before_m3 - rain_m3 - source_m3 + sea_m3
        book.rain_m3 += rain_m3
        book.source_m3 += source_m3
        book.sea_m3 += sea_m3
        book.moved_m3 += rain_m3 + abs(source_m3) + abs(sea_m3)
