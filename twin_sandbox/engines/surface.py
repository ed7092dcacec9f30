"""The street surface in two dimensions: shallow water over a grid of ground, kerbs and walls, from rain and manholes.

A local-inertial model (see `twin_sandbox.engines.surface_kernel`) for the slow water of a city: no advection, so jets
and shocks are not its trade. What it holds and where it is wrong stands in the guide's page on the surface.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.surface_kernel import GRAVITY_M_S2
from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]

RAIN_STEP_S = 5.0
"""Rain falls in lumps of this time: at 150 mm/h a fifth of a millimetre."""
FILM_M = 1e-3
"""Water up to this depth stays where it is, as in the roughness of asphalt."""


@dataclass(frozen=True)
class Grid:
    """Where water can be and what holds it back; row 0 is the north, column 0 the west.

    Args:
        ground_m: level of the ground [m above datum], rows × columns; NaN where water cannot be (a building).
        cell_m: side of a cell [m].
        roughness_n: Manning's n [s/m^(1/3)], rows × columns.
        face_x_m: level of what stands between a cell and the next to the east, a kerb or a wall [m above datum],
            rows × (columns + 1); -inf where the ground alone counts. The outermost faces are closed.
        face_y_m: the same between a cell and the next to the south, (rows + 1) × columns.
        sea: cells whose level is imposed, rows × columns.

    Raises:
        TwinError: shapes differ, or a value cannot be.
    """

    ground_m: Floats
    cell_m: float
    roughness_n: Floats
    face_x_m: Floats
    face_y_m: Floats
    sea: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.ground_m.ndim != 2 or not self.ground_m.size:
            raise TwinError("street surface, ground_m", f"shape {self.ground_m.shape}", "Rows × columns")
        rows, columns = self.ground_m.shape
        shapes = {
            "roughness_n": (rows, columns),
            "face_x_m": (rows, columns + 1),
            "face_y_m": (rows + 1, columns),
            "sea": (rows, columns),
        }
        for name, shape in shapes.items():
            found = getattr(self, name).shape
            if found != shape:
                raise TwinError(f"street surface, {name}", f"shape {found}", f"{shape}, to fit the ground")
        if not (np.isfinite(self.cell_m) and self.cell_m > 0):
            raise TwinError("street surface, cell_m", f"{self.cell_m} m", "A length above zero")
        if np.isinf(self.ground_m).any():
            raise TwinError("street surface, ground_m", "an infinite level", "A level, or NaN where no water can be")
        if not self.land.any():
            raise TwinError("street surface, ground_m", "no cell where water can be")
        if np.isnan(self.ground_m[self.sea]).any():
            raise TwinError("street surface, ground_m", "NaN in a cell of the sea", "The level of the sea bed")
        n = self.roughness_n[self.land]
        if not ((n > 0) & (n < 1)).all():
            raise TwinError("street surface, roughness_n", f"{n.min():g} to {n.max():g}", "Above 0 and below 1")
        if np.isnan(self.face_x_m).any() or np.isnan(self.face_y_m).any():
            raise TwinError("street surface, faces", "NaN", "A level, or -inf where the ground alone counts")

    @property
    def land(self) -> NDArray[np.bool_]:
        """Cells where water can be and whose level is not imposed."""
        return np.isfinite(self.ground_m) & ~self.sea


def plain_grid(ground_m: Floats, cell_m: float, roughness_n: float, sea: NDArray[np.bool_] | None = None) -> Grid:
    """A grid of one roughness without kerbs."""
    rows, columns = ground_m.shape
    return Grid(
        ground_m,
        cell_m,
        np.full((rows, columns), roughness_n),
        np.full((rows, columns + 1), -np.inf),
        np.full((rows + 1, columns), -np.inf),
        np.zeros((rows, columns), bool) if sea is None else sea,
    )


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


@dataclass(frozen=True)
class _Faces:
    """The faces through which water can pass, and where they are; see `surface_kernel.advance`."""

    side: NDArray[np.int32]
    around: NDArray[np.int32]
    crest_m: Floats
    drag: Floats

    @classmethod
    def of(cls, grid: Grid) -> "_Faces":
        rows, columns = grid.ground_m.shape
        cell = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        open_ = np.isfinite(grid.ground_m)
        east = np.full((rows, columns + 1), -1, np.int32)
        south = np.full((rows + 1, columns), -1, np.int32)
        passes_x = open_[:, :-1] & open_[:, 1:] & ~(grid.sea[:, :-1] & grid.sea[:, 1:])
        passes_y = open_[:-1] & open_[1:] & ~(grid.sea[:-1] & grid.sea[1:])
        # numbered cell by cell, so that neighbours lie side by side in memory
        both = np.zeros((rows, columns, 2), bool)
        both[:, :-1, 0], both[:-1, :, 1] = passes_x, passes_y
        number = np.where(both, np.cumsum(both.ravel()).reshape(both.shape) - 1, -1).astype(np.int32)
        east[:, 1:-1], south[1:-1] = number[:, :-1, 0], number[:-1, :, 1]
        around = np.stack([east[:, :-1], east[:, 1:], south[:-1], south[1:]], axis=-1).reshape(-1, 4)

        side = np.empty((int(both.sum()), 4), np.int32)
        crest, rough = np.empty(len(side)), np.empty(len(side))
        n = grid.roughness_n
        ground = np.nan_to_num(grid.ground_m)
        for line, first, second, face, wall in (
            (east[:, 1:-1], np.s_[:, :-1], np.s_[:, 1:], east, grid.face_x_m[:, 1:-1]),
            (south[1:-1], np.s_[:-1], np.s_[1:], south, grid.face_y_m[1:-1]),
        ):
            there = line >= 0
            at = line[there]
            side[at, 0], side[at, 1] = cell[first][there], cell[second][there]
            before, after = (face[:, :-2], face[:, 2:]) if face is east else (face[:-2], face[2:])
            # the sea has no faces of its own: the flow there goes on as it is
            side[at, 2] = np.where(grid.sea[first][there], at, before[there])
            side[at, 3] = np.where(grid.sea[second][there], at, after[there])
            crest[at] = np.maximum(np.maximum(ground[first], ground[second]), wall)[there]
            one, other = n[first][there], n[second][there]
            one, other = np.where(grid.sea[first][there], other, one), np.where(grid.sea[second][there], one, other)
            rough[at] = 0.5 * (one + other)
        return cls(side, np.ascontiguousarray(around), crest, GRAVITY_M_S2 * rough * rough)


class Surface:
    """Water on a grid, moved by :meth:`advance`.

    Args:
        grid: where water can be.
        film_m: depth up to which it stays where it is [m].
        everything: step every cell, also the dry ones: slower, same bytes; for comparison.

    Attributes:
        depth_m: depth in each cell, rows × columns; the state, to be read and set between steps.
        source_m_s: what comes up in a cell (positive) or goes down there, as a rise of its water [m/s]; held during
            :meth:`advance`. No more goes down than is there.
        moved_m3: the volume that ``source_m_s`` really moved in the last :meth:`advance`, for each cell.
        ledger: all water so far.
        steps: steps taken so far.
    """

    def __init__(self, grid: Grid, film_m: float = FILM_M, *, everything: bool = False) -> None:
        from twin_sandbox.engines.compiled import surface_advance

        if not (np.isfinite(film_m) and film_m > 0):
            raise TwinError("street surface, film_m", f"{film_m} m", "A depth above zero")
        self.grid, self.film_m, self.everything = grid, film_m, everything
        shape = grid.ground_m.shape
        self.depth_m: Floats = np.zeros(shape)
        self.source_m_s: Floats = np.zeros(shape)
        self.moved_m3: Floats = np.zeros(shape)
        self.ledger = Ledger()
        self.steps = 0
        self._rain: Floats = np.zeros(shape)
        self._ground: Floats = np.ascontiguousarray(np.nan_to_num(grid.ground_m), np.float64)
        self._land = np.flatnonzero(grid.land).astype(np.int32)
        self._faces = _Faces.of(grid)
        self._sea = np.unique(self._faces.side[:, :2][grid.sea.ravel()[self._faces.side[:, :2]]]).astype(np.int32)
        self._flow: Floats = np.zeros(len(self._faces.side))
        self._kernel = surface_advance()
        self._room = (
            np.zeros_like(self._flow),
            np.zeros(self.depth_m.size, np.uint8),
            np.zeros(self._land.size, np.int32),
            np.zeros(len(self._flow), np.uint8),
            np.zeros(len(self._flow), np.int32),
        )

    @property
    def stored_m3(self) -> float:
        """Water that lies on the surface now, the sea apart [m³]."""
        return float(self.depth_m.ravel()[self._land].sum()) * self.grid.cell_m**2

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
        if np.shape(rain_m_s) not in {(), self.depth_m.shape}:
            raise TwinError("street surface, rain_m_s", f"shape {np.shape(rain_m_s)}", f"One value or {self._shape}")
        for name in ("depth_m", "source_m_s"):
            if getattr(self, name).shape != self._shape:
                raise TwinError(f"street surface, {name}", f"shape {getattr(self, name).shape}", f"{self._shape}")
        if sea_m is not None:
            if not np.isfinite(sea_m):
                raise TwinError("street surface, sea_m", f"{sea_m} m", "A level")
            at = self.grid.sea
            self.depth_m[at] = np.maximum(sea_m - self.grid.ground_m[at], 0.0)
        self._rain[:] = rain_m_s
        self.moved_m3[:] = 0.0
        before, totals = self.stored_m3, np.zeros(3)
        parts = int(np.ceil(seconds / RAIN_STEP_S))
        for _ in range(parts):
            self.steps += self._step(seconds / parts, totals)
        self._book(before, totals)

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._rain.shape

    def _step(self, seconds: float, totals: Floats) -> int:
        faces, (q_next, cell_on, cells, face_on, listed) = self._faces, self._room
        done = self._kernel(
            seconds,
            float(self.grid.cell_m),
            float(self.film_m),
            self.everything,
            self.depth_m.ravel(),
            self._ground.ravel(),
            self._rain.ravel(),
            self.source_m_s.ravel(),
            self.moved_m3.ravel(),
            self._land,
            self._sea,
            faces.around,
            faces.side,
            faces.crest_m,
            faces.drag,
            self._flow,
            q_next,
            cell_on,
            cells,
            face_on,
            listed,
            totals,
        )
        if done == -1:
            raise TwinError("street surface", "a depth or rain that is negative or no number", "Zero or more metres")
        if done == -2:
            raise TwinError("street surface, source_m_s", "a source in a building or the sea", "Cells of the land")
        return done

    def _book(self, before_m3: float, totals: Floats) -> None:
        rain, source, sea = (float(total) for total in totals)
        book = self.ledger
        book.stored_m3 = self.stored_m3
        book.error_m3 += book.stored_m3 - before_m3 - rain - source + sea
        book.rain_m3 += rain
        book.source_m3 += source
        book.sea_m3 += sea
        book.moved_m3 += rain + abs(source) + abs(sea)
