"""CityJSON 2.0: buildings as closed solids, as a block (LoD 1.2) and with their roof (LoD 2.2), parks and trees beside.

Vertices are whole millimetres from a corner of the district, x east, y north, z up, whatever the CRS says of its axes.
Ids are unified codes. Attributes are the table's columns, whose names carry their units.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import written_file
from twin_sandbox.formats.roof import Points, Roof, roof_faces
from twin_sandbox.formats.solid import Solid, flaw, solid
from twin_sandbox.formats.tables import tables_of

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

LODS = {1: "1.2", 2: "2.2"}
SURROUNDINGS = ("parks", "trees")
FLAT = Roof("flat", 0.0, 0.0)


def write_cityjson(
    district: "District",
    path: Path | str,
    lods: Iterable[int] = (1, 2),
    *,
    surroundings: bool = False,
) -> None:
    """Write the buildings as CityJSON.

    Args:
        district: a built district.
        path: file to write, by custom ``*.city.json``.
        lods: levels of detail, 1 and 2; every building gets a solid for each.
        surroundings: also parks (PlantCover) and trees (SolitaryVegetationObject), as far as the district has them.

    Raises:
        TwinError: a level that is not there, a building whose solid would not be closed, or the file cannot be written.
    """
    levels = sorted(set(lods))
    if not levels or set(levels) - set(LODS):
        raise TwinError("lods", repr(levels), "1, 2 or both")
    buildings = tables_of(district, ["buildings"])["buildings"]
    model = _Model(buildings, str(district.crs))
    roofs = roofs_of(district)
    for row in buildings.reset_index(names="code").to_dict("records"):
        roof = roofs.get(row["code"], FLAT._replace(eaves_m=row["height_m"], ridge_m=row["height_m"]))
        model.add_building(row, roof, levels)
    if surroundings:
        for name in SURROUNDINGS:
            if name in district.entities:
                model.add_surroundings(district, name)
    text = json.dumps(model.tree(district), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    with written_file(Path(path)) as draft:
        draft.write_text(text, encoding="utf-8")


def roofs_of(district: "District") -> dict[str, Roof]:
    """Code of each building → its roof, heights above its ground floor; from the facts ``roofs``."""
    if "roofs" not in district.facts:
        return {}
    floors = district.entities["buildings"]["floor_m"].to_dict()
    facts = district.facts["roofs"]
    columns = ["building_code", "roof_kind", "eaves_m", "ridge_m", "ridge_direction_deg"]
    return {
        code: Roof(kind, eaves_m - floors[code], ridge_m - floors[code], direction)
        for code, kind, eaves_m, ridge_m, direction in facts[columns].itertuples(index=False)
        if code in floors
    }


def rings_of(plan: Any) -> list[Points]:  # noqa: ANN401 - shapely's polygon
    """Outer ring counterclockwise and holes clockwise [n, 2], not closed, on the millimetre."""
    import shapely

    plan = shapely.orient_polygons(plan)
    return [np.round(shapely.get_coordinates(ring)[:-1], 3) for ring in (plan.exterior, *plan.interiors)]


def building_solid(code: str, plan: Any, floor_m: float, height_m: float, roof: Roof | None = None) -> Solid:  # noqa: ANN401
    """The closed solid of a building: a block ``height_m`` high, or with its roof.

    A roof that its plan cannot carry (`roof.roof_faces`) is made flat at the ridge.

    Raises:
        TwinError: the plan gives no closed solid, e.g. because it crosses itself.
    """
    rings = rings_of(plan)
    faces = roof_faces(rings[0], roof) if roof is not None and len(rings) == 1 else None
    made = solid(rings, floor_m, faces, height_m)
    wrong = flaw(made.points, made.surfaces)
    if wrong is not None and faces is not None:
        made = solid(rings, floor_m, None, height_m)
        wrong = flaw(made.points, made.surfaces)
    if wrong is not None:
        raise TwinError(f"building {code}", f"its plan and height give no closed solid: {wrong[1]}", "A simple polygon")
    return made


class _Model:
    def __init__(self, buildings: "gpd.GeoDataFrame", crs: str) -> None:
        west, south = buildings.total_bounds[:2] if len(buildings) else (0.0, 0.0)
        self.crs = crs
        self.origin_mm = np.array([math.floor(west) * 1000, math.floor(south) * 1000, 0])
        self.vertices: dict[tuple[int, ...], int] = {}
        self.objects: dict[str, Any] = {}

    def at(self, points: Points) -> list[int]:
        """The numbers of points [n, 3] among the file's vertices."""
        mm = np.rint(points * 1e3).astype(np.int64) - self.origin_mm
        return [self.vertices.setdefault(tuple(row), len(self.vertices)) for row in mm.tolist()]

    def add_building(self, row: dict[str, Any], roof: Roof, levels: list[int]) -> None:
        code = str(row["code"])
        geometry = []
        for level in levels:
            made = building_solid(code, row["geometry"], row["floor_m"], row["height_m"], roof if level == 2 else None)
            number = self.at(made.points)
            kinds = sorted(set(made.kinds))
            geometry.append(
                {
                    "type": "Solid",
                    "lod": LODS[level],
                    "boundaries": [[[[number[k] for k in ring] for ring in surface] for surface in made.surfaces]],
                    "semantics": {
                        "surfaces": [{"type": kind} for kind in kinds],
                        "values": [[kinds.index(kind) for kind in made.kinds]],
                    },
                }
            )
        attributes = _attributes(row)
        attributes["measuredHeight"] = float(row["height_m"])
        attributes["roofType"] = roof.kind
        if "storeys" in row:
            attributes["storeysAboveGround"] = int(row["storeys"])
        self.objects[code] = {"type": "Building", "attributes": attributes, "geometry": geometry}

    def add_surroundings(self, district: "District", name: str) -> None:
        table = tables_of(district, [name])[name]
        for row in table.reset_index(names="code").to_dict("records"):
            shape = row["geometry"]
            point = shape.representative_point()
            cell = district.terrain.cell(point.x, point.y)
            ground_m = float(district.terrain.elevation_m[cell])
            if name == "parks":
                rings = [self.at(np.column_stack([ring, np.full(len(ring), ground_m)])) for ring in rings_of(shape)]
                kind, boundaries = "PlantCover", [rings]
            else:
                kind, boundaries = "SolitaryVegetationObject", self._tree(row, point.x, point.y, ground_m)
            self.objects[row["code"]] = {
                "type": kind,
                "attributes": _attributes(row),
                "geometry": [{"type": "MultiSurface", "lod": "1", "boundaries": boundaries}],
            }

    def _tree(self, row: dict[str, Any], x: float, y: float, ground_m: float) -> list[list[list[int]]]:
        """Two upright lozenges across each other, as high and wide as the tree."""
        half, top = row["crown_m"] / 2, ground_m + row["height_m"]
        waist = ground_m + 0.55 * row["height_m"]
        return [
            [self.at(np.array([[x, y, ground_m], [x + dx, y + dy, waist], [x, y, top], [x - dx, y - dy, waist]]))]
            for dx, dy in ((half, 0.0), (0.0, half))
        ]

    def tree(self, district: "District") -> dict[str, Any]:
        points = np.array(list(self.vertices), dtype=np.float64).reshape(-1, 3) + self.origin_mm
        metadata: dict[str, Any] = {
            "title": f"{district.name_en} {district.name_zh}. {district.manifest.get('notice', '')} "
            "x easting, y northing, z above the city datum, metres.",
            "referenceSystem": f"https://www.opengis.net/def/crs/EPSG/0/{self.crs.rsplit(':', 1)[-1]}",
        }
        if len(points):
            metadata["geographicalExtent"] = [*(points.min(axis=0) / 1e3), *(points.max(axis=0) / 1e3)]
        return {
            "type": "CityJSON",
            "version": "2.0",
            "transform": {"scale": [0.001, 0.001, 0.001], "translate": (self.origin_mm / 1e3).tolist()},
            "metadata": metadata,
            "CityObjects": self.objects,
            "vertices": [list(vertex) for vertex in self.vertices],
        }


def _attributes(row: "dict[str, Any]") -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if name not in ("code", "geometry")}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of a table
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
