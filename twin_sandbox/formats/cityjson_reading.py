"""Buildings out of a CityJSON file, of this practicum or of anyone else; every solid is checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.geojson import load_json
from twin_sandbox.formats.roof import Points
from twin_sandbox.formats.solid import flaw, newell, volume_m3
from twin_sandbox.formats.tables import check_table

if TYPE_CHECKING:
    import pandas as pd

VERSIONS = ("1.1", "2.0")
_DERIVED = ("measuredHeight", "storeysAboveGround", "roofType")
_LEVEL = 0.999
"""A surface is level if its normal is that near to the vertical."""


class _Shape(NamedTuple):
    """A geometry of an object.

    Args:
        lod: its level of detail.
        shells: for each shell its surfaces, for each surface its rings of vertex numbers.
        kinds: for each shell the semantics of its surfaces, "" where nothing is said.
        closed: whether the shells are said to bound solids.
    """

    lod: str
    shells: list[list[list[list[int]]]]
    kinds: list[list[str]]
    closed: bool


def read_cityjson(path: Path | str) -> "dict[str, pd.DataFrame]":
    """Read the buildings of a CityJSON file, version 1.1 or 2.0.

    Returns:
        ``{"buildings": table}``, indexed by id: the attributes, and of the highest level of detail ``lod``,
        ``ground_m`` and ``top_m`` (lowest and highest corner), ``volume_m3`` (NaN where no solid is given) and the
        footprint as geometry. The footprint is the ground surface; where no surface is called so, the surfaces that
        look down. What lacks ``height_m`` gets it from its geometry. Parts of a building are joined to it.

    Raises:
        TwinError: not CityJSON, no CRS, a vertex that is not there, or a solid that is open, inverted or not of plane
            surfaces, with the number of the surface.
    """
    path = Path(path)
    tree = load_json(path)
    if tree.get("type") != "CityJSON":
        raise TwinError(str(path), f"its type is {tree.get('type')!r}", '"CityJSON"')
    if tree.get("version") not in VERSIONS:
        raise TwinError(
            f"{path}, version",
            repr(tree.get("version")),
            f"One of {', '.join(VERSIONS)}",
            "Bring it to the newest version: cjio FILE upgrade save NEW.",
        )
    table = _Reader(path, tree).buildings()
    check_table(str(path), table)
    return {"buildings": table}


class _Reader:
    def __init__(self, path: Path, tree: dict[str, Any]) -> None:
        self.path, self.tree = path, tree
        self.vertices = self._vertices()
        objects = tree.get("CityObjects")
        if not isinstance(objects, dict):
            raise TwinError(f"{path}, CityObjects", "missing or no object")
        self.objects: dict[str, Any] = objects

    def _vertices(self) -> Points:
        try:
            transform = self.tree["transform"]
            scale, translate = (np.array(transform[key], dtype=np.float64) for key in ("scale", "translate"))
            raw = np.array(self.tree["vertices"], dtype=np.float64).reshape(-1, 3)
        except (KeyError, TypeError, ValueError):
            raise TwinError(f"{self.path}, vertices and transform", "are not what CityJSON asks for") from None
        sound = scale.shape == translate.shape == (3,)
        if not sound or not all(np.isfinite(part).all() for part in (raw, scale, translate)):
            raise TwinError(f"{self.path}, vertices and transform", "are not three finite numbers each")
        return np.asarray(raw * scale + translate, dtype=np.float64)

    def _crs(self) -> Any:  # noqa: ANN401 - pyproj's CRS
        import pyproj

        metadata = self.tree.get("metadata")
        name = metadata.get("referenceSystem") if isinstance(metadata, dict) else None
        if not isinstance(name, str):
            raise TwinError(
                f"{self.path}, metadata.referenceSystem",
                "none is given",
                "e.g. https://www.opengis.net/def/crs/EPSG/0/4549",
                "Ask where the file comes from, and write the CRS into it: cjio FILE crs_assign EPSG save NEW.",
            )
        try:
            return pyproj.CRS.from_epsg(int(name.rstrip("/").rsplit("/", 1)[-1]))
        except (ValueError, pyproj.exceptions.CRSError):
            raise TwinError(
                f"{self.path}, metadata.referenceSystem", repr(name), "https://www.opengis.net/def/crs/EPSG/0/<number>"
            ) from None

    def buildings(self) -> Any:  # noqa: ANN401 - a GeoDataFrame
        import geopandas as gpd
        import pandas as pd

        crs = self._crs()
        rows, shapes, codes = [], [], []
        for code, thing in self.objects.items():
            if not isinstance(thing, dict) or thing.get("type") != "Building":
                continue
            row, shape = self._building(code, thing)
            codes.append(code)
            rows.append(row)
            shapes.append(shape)
        frame = pd.DataFrame(rows, index=pd.Index(codes, name="code", dtype=object))
        return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=crs))

    def _building(self, code: str, building: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        import shapely

        attributes = building.get("attributes") or {}
        children = building.get("children") or []
        if not isinstance(attributes, dict) or not isinstance(children, list):
            raise TwinError(f"{self.path}, {code}", "its attributes or children are not what CityJSON asks for")
        shapes = [self._best(code, building)]
        for child in children:
            part = self.objects.get(child) if isinstance(child, str) else None
            if not isinstance(part, dict):
                raise TwinError(f"{self.path}, {code}, children", f"{child!r} is not in the file")
            shapes.append(self._best(str(child), part))
        found = [shape for shape in shapes if shape is not None]
        row = {name: value for name, value in attributes.items() if name not in _DERIVED}
        if not found:
            return {**row, "lod": "", "ground_m": np.nan, "top_m": np.nan, "volume_m3": np.nan}, None
        used = self.vertices[sorted({at for shape in found for at in _numbers(shape)})]
        ground_m, top_m = float(used[:, 2].min()), float(used[:, 2].max())
        grounds = [ring for shape in found for ring in self._ground(shape)]
        closed = [shape for shape in found if shape.closed]
        row |= {
            "lod": max(shape.lod for shape in found),
            "ground_m": ground_m,
            "top_m": top_m,
            "volume_m3": sum(self._volume_m3(shape) for shape in closed) if closed else np.nan,
        }
        if row.get("height_m") is None:
            height = attributes.get("measuredHeight")
            row["height_m"] = float(height) if isinstance(height, int | float) else top_m - ground_m
        if not grounds:
            raise TwinError(f"{self.path}, {code}", "has no surface that looks down: no footprint")
        return row, grounds[0] if len(grounds) == 1 else shapely.union_all(grounds)

    def _volume_m3(self, shape: _Shape) -> float:
        return sum(volume_m3(*self._corners(shell)) for shell in shape.shells)

    def _best(self, code: str, thing: dict[str, Any]) -> _Shape | None:
        """The geometry of the highest level of detail; all of them are checked."""
        geometries = thing.get("geometry") or []
        where = f"{self.path}, {code}"
        try:
            shapes = [shape for geometry in geometries if (shape := _shape(geometry)) is not None]
        except (KeyError, TypeError, IndexError, ValueError, AttributeError):
            raise TwinError(f"{where}, geometry", "is not what CityJSON asks for") from None
        for shape in shapes:
            dangling = next((at for at in _numbers(shape) if not 0 <= at < len(self.vertices)), None)
            if dangling is not None:
                raise TwinError(
                    f"{where}, LoD {shape.lod}", f"refers to vertex {dangling}", f"0 to {len(self.vertices) - 1}"
                )
            surfaces = [surface for shell in shape.shells for surface in shell]
            if not all(shape.shells) or not all(ring for one in surfaces for ring in one or [[]]):
                raise TwinError(
                    f"{where}, LoD {shape.lod}", "an empty shell, surface or ring", "Rings of at least three vertices"
                )
            for number, shell in enumerate(shape.shells):
                self._check(f"{where}, LoD {shape.lod}", shell, number, shape)
        return max(shapes, key=lambda shape: shape.lod, default=None)

    def _check(self, where: str, shell: list[list[list[int]]], number: int, shape: _Shape) -> None:
        if not shape.closed:
            return
        wrong = flaw(*self._corners(shell))
        if wrong is not None:
            at, what = wrong
            kind = shape.kinds[number][at] if at is not None else ""
            surface = "the solid" if at is None else f"surface {at} {kind}".rstrip()
            raise TwinError(
                f"{where}, {surface}", what, "A closed solid of plane surfaces, seen counterclockwise from outside"
            )

    def _corners(self, shell: list[list[list[int]]]) -> tuple[Points, list[list[list[int]]]]:
        """The shell with vertices that lie at the same place taken as one: files may hold one twice."""
        numbers = sorted({at for surface in shell for ring in surface for at in ring})
        places, first = np.unique(self.vertices[numbers], axis=0, return_inverse=True)
        new = dict(zip(numbers, first.reshape(-1).tolist(), strict=True))
        return places, [[[new[at] for at in ring] for ring in surface] for surface in shell]

    def _ground(self, shape: _Shape) -> Iterator[Any]:
        import shapely

        named = any(kind == "GroundSurface" for kinds in shape.kinds for kind in kinds)
        for shell, kinds in zip(shape.shells, shape.kinds, strict=True):
            for surface, kind in zip(shell, kinds, strict=True):
                if named and kind != "GroundSurface":
                    continue
                corners = [self.vertices[ring] for ring in surface]
                normal = newell(corners[0])
                if not named and normal[2] > -_LEVEL * np.linalg.norm(normal):
                    continue
                rings = [ring[::-1, :2] for ring in corners]
                yield shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))


def _numbers(shape: _Shape) -> Iterator[int]:
    return (at for shell in shape.shells for surface in shell for ring in surface for at in ring)


def _shape(geometry: dict[str, Any]) -> _Shape | None:
    kind, boundaries = geometry["type"], geometry["boundaries"]
    semantics = geometry.get("semantics") or {}
    names = [surface["type"] for surface in semantics.get("surfaces", [])]
    values = semantics.get("values")
    if kind == "Solid":
        shells, found = list(boundaries[:1]), list((values or [])[:1])  # caves inside a solid are left out
    elif kind in ("MultiSolid", "CompositeSolid"):
        shells = [one[0] for one in boundaries]
        found = [one[0] if one else None for one in values or []]
    elif kind in ("MultiSurface", "CompositeSurface"):
        shells, found = [boundaries], [values or []]
    else:
        return None
    if any(not isinstance(at, int) for shell in shells for surface in shell for ring in surface for at in ring):
        raise TypeError
    kinds = [
        [names[k] if k is not None else "" for k in (found[n] if n < len(found) and found[n] else [None] * len(shell))]
        for n, shell in enumerate(shells)
    ]
    return _Shape(str(geometry.get("lod", "")), shells, kinds, closed=kind in ("Solid", "MultiSolid", "CompositeSolid"))
