"""The grid that the street surface runs on, and its faces as the kernel wants them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]


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


@dataclass(frozen=True)
class Faces:
    """The faces through which water can pass, and where they are; see `surface_kernel.advance`."""

    side: NDArray[np.uint32]
    around: NDArray[np.uint32]
    crest_m: Floats
    drag: Floats

    @classmethod
    def of(cls, grid: Grid) -> "Faces":
        """The faces of a grid, numbered cell by cell, so that neighbours lie side by side in memory."""
        rows, columns = grid.ground_m.shape
        cell = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        open_ = np.isfinite(grid.ground_m)
        east = np.full((rows, columns + 1), -1, np.int32)
        south = np.full((rows + 1, columns), -1, np.int32)
        passes_x = open_[:, :-1] & open_[:, 1:] & ~(grid.sea[:, :-1] & grid.sea[:, 1:])
        passes_y = open_[:-1] & open_[1:] & ~(grid.sea[:-1] & grid.sea[1:])
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
        none = len(side)
        side, around = np.where(side < 0, none, side), np.where(around < 0, none, around)
        return cls(side.astype(np.uint32), np.ascontiguousarray(around, np.uint32), crest, rough * rough)
