"""GeoJSON: for exchange in longitude and latitude (RFC 7946), or in the district's own metres for work.

RFC 7946 knows WGS 84 alone, longitude first. CGCS2000 is taken as equal to it (`tables.to_lon_lat`). Nine decimals of
a degree are 0.1 mm. A file in a projected CRS names it in the member ``crs`` of the 2008 specification, which GDAL and
QGIS still read. The member ``practicum`` says which table the file is and of what type its columns are, so that the
way back gives the same table; other readers pass over it.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import read_text, written_file, written_folder
from twin_sandbox.formats.tables import WGS84, check_table, from_lon_lat, indexed, tables_of, to_lon_lat

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities import District

SUFFIX = ".geojson"
DEGREE_DIGITS = 9
METRE_DIGITS = 4


def write_geojson(
    district: "District", path: Path | str, tables: Iterable[str] | None = None, *, projected: bool = False
) -> None:
    """Write entity tables as GeoJSON; facts have no place on a map and are left out.

    Args:
        district: a built district.
        path: folder to write; with a name that ends in ``.geojson``, one file for one table.
        tables: names; None for all.
        projected: keep the district's metres and name their CRS, instead of longitude and latitude.

    Raises:
        TwinError: an unknown table, something that cannot be written, or several tables for one file.
    """
    path = Path(path)
    chosen = tables_of(district, tables, facts=False)
    if path.suffix == SUFFIX:
        if len(chosen) != 1:
            raise TwinError(str(path), f"{len(chosen)} tables for one file", "One table", "Name a folder instead.")
        with written_file(path) as draft:
            _write(*chosen.popitem(), draft, projected=projected)
        return
    with written_folder(path, SUFFIX) as folder:
        for name, table in chosen.items():
            _write(name, table, folder / f"{name}{SUFFIX}", projected=projected)


def _write(name: str, table: "gpd.GeoDataFrame", path: Path, *, projected: bool) -> None:
    import numpy as np
    import shapely

    crs = table.crs.to_string()
    digits = METRE_DIGITS if projected else DEGREE_DIGITS
    shapes = (table if projected else to_lon_lat(table)).geometry.to_numpy()
    shapes = shapely.orient_polygons(shapely.transform(shapes, lambda xy: np.round(xy, digits), include_z=None))
    attributes = table.drop(columns=table.geometry.name)
    columns = {str(column): str(kind) for column, kind in attributes.dtypes.items()}
    collection: dict[str, Any] = {
        "type": "FeatureCollection",
        "name": name,
        "practicum": {"table": name, "crs": crs, "columns": columns},
    }
    if projected:
        authority, number = crs.split(":")
        collection["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{authority}::{number}"}}
    if (~shapely.is_missing(shapes)).any():
        collection["bbox"] = [float(value) for value in shapely.total_bounds(shapes)]
    cells = attributes.astype(object).where(attributes.notna(), None).to_numpy(dtype=object)
    rows = (dict(zip(columns, row, strict=True)) for row in cells)
    features = (
        {
            "type": "Feature",
            "id": code,
            "properties": {"code": code, **row},
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for code, row, shape in zip(table.index, rows, shapes, strict=True)
    )
    head = json.dumps(collection, ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False, default=str) for feature in features)
    path.write_text(f'{head}, "features": [\n{lines}\n]}}\n', encoding="utf-8")


def read_geojson(path: Path | str) -> "dict[str, pd.DataFrame]":
    """Read a GeoJSON file, or a folder of them, of this practicum or of anyone else.

    Returns:
        Tables by file name, indexed by code where there is one. A file of this practicum comes back in its own CRS,
        another in the one that it names, by default WGS 84 with longitude first.

    Raises:
        TwinError: nothing there, not JSON, not GeoJSON, NaN in it, or a table that `check_table` refuses.
    """
    path = Path(path)
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise TwinError(str(path), f"holds no {SUFFIX} file")
    return {file.stem: _read(file) for file in files}


def load_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        TwinError: not JSON, truncated, NaN in it, or not an object.
    """
    try:
        tree = json.loads(read_text(path), parse_constant=_no_number)
    except RecursionError:
        raise TwinError(str(path), "is nested too deeply") from None
    except ValueError as reason:
        raise TwinError(str(path), f"is not JSON: {reason}", then="It may be cut off: fetch it again.") from None
    if not isinstance(tree, dict):
        raise TwinError(str(path), "holds no JSON object")
    return tree


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a number that JSON has")


def _read(path: Path) -> Any:  # noqa: ANN401 - a GeoDataFrame
    import geopandas as gpd
    import pandas as pd

    tree = load_json(path)
    features = tree.get("features")
    if tree.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise TwinError(str(path), "is no FeatureCollection", 'type "FeatureCollection" with a list of features')
    own = tree.get("practicum") if isinstance(tree.get("practicum"), dict) else None
    shapes, rows = [], []
    for at, feature in enumerate(features):
        where = f"{path}, feature {at}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise TwinError(where, "is no Feature")
        properties = feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise TwinError(where, "its properties are no object")
        rows.append(properties)
        shapes.append(_shape(where, feature.get("geometry")))
    crs = _crs(path, tree)
    frame = pd.DataFrame(rows, index=pd.RangeIndex(len(rows)))
    frame = frame.drop(columns="geometry", errors="ignore")
    table = indexed(gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=crs)))
    check_table(str(path), table)
    return table if own is None else _as_it_was(path, table, own, in_degrees="crs" not in tree)


def _shape(where: str, geometry: object) -> Any:  # noqa: ANN401 - shapely's geometry
    import shapely

    if geometry is None:
        return None
    try:
        shape = shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, shapely.errors.ShapelyError):
        raise TwinError(f"{where}, geometry", "is no GeoJSON geometry", "Point to GeometryCollection") from None
    flat = shapely.get_coordinates(shape)
    if shape.is_empty or not all(map(math.isfinite, flat.ravel())):
        raise TwinError(f"{where}, geometry", "is empty or not of numbers", "A geometry, or null")
    return shape


def _crs(path: Path, tree: dict[str, Any]) -> Any:  # noqa: ANN401 - pyproj's CRS
    import pyproj

    if "crs" not in tree:
        return WGS84
    try:
        return pyproj.CRS.from_user_input(tree["crs"]["properties"]["name"])
    except (TypeError, KeyError, pyproj.exceptions.CRSError):
        raise TwinError(
            f"{path}, crs",
            f"{json.dumps(tree['crs'])[:120]}",
            'e.g. {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}, or no member crs at all',
        ) from None


def _as_it_was(path: Path, table: "gpd.GeoDataFrame", own: dict[str, Any], *, in_degrees: bool) -> "gpd.GeoDataFrame":
    import pyproj

    try:
        kinds = {column: kind for column, kind in own["columns"].items() if column in table.columns}
        missing = [column for column in own["columns"] if column not in table.columns] if len(table) else []
        table = table.astype(kinds)
        if in_degrees:
            table = from_lon_lat(table, own["crs"])
    except (KeyError, TypeError, ValueError, AttributeError, pyproj.exceptions.CRSError):
        raise TwinError(f"{path}, practicum", "does not describe this table", "As write_geojson writes it") from None
    if missing:
        raise TwinError(f"{path}, properties", f"lack {', '.join(missing)}", "Every column that the file names")
    return table[[*own["columns"], "geometry"]] if len(table) else table
