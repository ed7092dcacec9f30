"""What goes into a file and what came out of one: tables by name, and what none of them may hold."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities import District

Tables = Mapping[str, "pd.DataFrame"]
"""Tables by name: GeoDataFrames indexed by code, and DataFrames of facts."""

CGCS2000 = "EPSG:4490"
WGS84 = "OGC:CRS84"
"""WGS 84, longitude before latitude."""

_EARTH_M = 4.1e7
"""No coordinate in metres is larger than the earth is round."""


def tables_of(district: "District", names: Iterable[str] | None = None, *, facts: bool = True) -> "dict[str, Any]":
    """The district's tables: those named, or all of them.

    Raises:
        TwinError: a name that is no table, or a table that holds what no file may hold (`check_table`).
    """
    known = [*district.entities, *(district.facts if facts else ())]
    chosen = known if names is None else list(names)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise TwinError("table", ", ".join(map(repr, unknown)), f"One of {', '.join(known)}")
    tables: dict[str, Any] = {
        name: district.entities[name] if name in district.entities else district.facts[name] for name in chosen
    }
    for name, table in tables.items():
        if name in district.entities:
            check_table(f"table {name}", table)
    return tables


def check_table(where: str, table: "gpd.GeoDataFrame", *, needs_crs: bool = True) -> None:
    """Refuse what cannot be a table of entities on the map.

    A row without a geometry is allowed (an entity that stands nowhere), an empty geometry is not.

    Raises:
        TwinError: doubled codes, no CRS, empty geometries, coordinates that are no numbers, that lie nowhere near
            where the CRS is valid, or whose axes are swapped.
    """
    import numpy as np
    import shapely

    doubled = table.index[table.index.duplicated()]
    if len(doubled):
        raise TwinError(f"{where}, codes", f"{doubled[0]!r} stands there twice", "Each entity once")
    if needs_crs and table.crs is None:
        raise TwinError(
            f"{where}, CRS",
            "none is given",
            "A coordinate reference system, e.g. EPSG:4549",
            "Ask where the file comes from, and write the CRS into it.",
        )
    shapes = table.geometry.to_numpy()
    there = ~shapely.is_missing(shapes)
    xy = shapely.get_coordinates(shapes[there], include_z=True)
    flat = np.isfinite(xy[:, :2]).all()
    heights = xy[:, 2][shapely.has_z(np.repeat(shapes[there], shapely.get_num_coordinates(shapes[there])))]
    if not flat or not np.isfinite(heights).all():
        raise TwinError(f"{where}, geometry", "a coordinate is not a number", "Finite numbers")
    empty = table.index[there & shapely.is_empty(shapes)]
    if len(empty):
        raise TwinError(f"{where}, geometry", f"that of {empty[0]!r} is empty", "A geometry, or none at all")
    if len(xy):
        low, high = xy[:, :2].min(axis=0), xy[:, :2].max(axis=0)
        _check_place(where, table.crs, (float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def _check_place(where: str, crs: Any, box: tuple[float, float, float, float]) -> None:  # noqa: ANN401 - pyproj's CRS
    span = f"x {box[0]:.9g} to {box[2]:.9g}, y {box[1]:.9g} to {box[3]:.9g}"
    if max(map(abs, box)) > _EARTH_M:
        raise TwinError(f"{where}, geometry", f"{span}: farther than the earth is round", "Metres or degrees")
    valid = _valid_box(crs)
    if valid is None or _inside(box, valid):
        return
    if _inside((box[1], box[0], box[3], box[2]), valid):
        raise TwinError(
            f"{where}, geometry",
            f"{span}: the axes are swapped",
            "x is easting or longitude, y is northing or latitude",
            "Swap them where the file was made.",
        )
    raise TwinError(
        f"{where}, geometry",
        f"{span}: outside of where {crs.to_string()} is used",
        f"About x {valid[0]:.6g} to {valid[2]:.6g}, y {valid[1]:.6g} to {valid[3]:.6g}",
        "The CRS is not the one in which the coordinates were measured.",
    )


def _valid_box(crs: Any) -> tuple[float, float, float, float] | None:  # noqa: ANN401 - pyproj's CRS
    """Where a CRS is used, with a margin of a half on each side; None where nobody says."""
    import pyproj

    if crs is None or crs.area_of_use is None:
        return None
    west, south, east, north = crs.area_of_use.bounds
    if west >= east or crs.is_geographic:
        return (-180.0, -90.0, 180.0, 90.0)
    to_map = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x_min, y_min, x_max, y_max = to_map.transform_bounds(west, south, east, north)
    dx, dy = (x_max - x_min) / 2, (y_max - y_min) / 2
    return (x_min - dx, y_min - dy, x_max + dx, y_max + dy)


def _inside(box: tuple[float, float, float, float], outer: tuple[float, float, float, float]) -> bool:
    return outer[0] <= box[0] and outer[1] <= box[1] and box[2] <= outer[2] and box[3] <= outer[3]


def to_lon_lat(table: "gpd.GeoDataFrame") -> "gpd.GeoDataFrame":
    """The table in longitude and latitude of WGS 84.

    CGCS2000 is taken as equal to WGS 84: both follow the ITRF and differ by centimetres, which no transformation
    published for general use resolves (EPSG gives the shift as zero). So no datum is shifted.
    """
    if table.crs.geodetic_crs is not None and table.crs.geodetic_crs.to_epsg() == 4490:
        moved: gpd.GeoDataFrame = table.to_crs(CGCS2000).set_crs(WGS84, allow_override=True)
    else:
        moved = table.to_crs(WGS84)
    return moved


def from_lon_lat(table: "gpd.GeoDataFrame", crs: Any) -> "gpd.GeoDataFrame":  # noqa: ANN401 - what pyproj takes
    """A table in WGS 84 brought into ``crs``; the inverse of `to_lon_lat`."""
    import pyproj

    geodetic = pyproj.CRS.from_user_input(crs).geodetic_crs
    same = geodetic is not None and geodetic.to_epsg() == 4490
    moved: gpd.GeoDataFrame = (table.set_crs(CGCS2000, allow_override=True) if same else table).to_crs(crs)
    return moved


def indexed(table: "gpd.GeoDataFrame") -> "gpd.GeoDataFrame":
    """The table indexed by its column ``code`` where it has one."""
    by_code: gpd.GeoDataFrame = table.set_index("code") if "code" in table.columns else table
    return by_code
