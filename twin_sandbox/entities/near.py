"""What stands near a place."""

import math
from typing import TYPE_CHECKING

from twin_sandbox.entities.history import standing
from twin_sandbox.entities.queries import SHOWN, Queries, needs_table
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely


def near(
    district: Queries, place: "str | tuple[float, float] | shapely.Geometry", within_m: float, table: str | None = None
) -> "gpd.GeoDataFrame":
    """See `Queries.near`."""
    import geopandas as gpd
    import pandas as pd

    if isinstance(within_m, bool) or not isinstance(within_m, int | float) or not 0 <= within_m < math.inf:
        raise TwinError("near, within_m", f"{within_m!r}", "A distance in metres, 0 or more")
    if table is not None:
        needs_table(table, district.entities)
    shape, itself = _shape(district, place)
    if table is not None:
        return _rows_near(district, table, shape, within_m, itself)
    found: list[pd.DataFrame] = []
    for name, rows in district.entities.items():
        # a query of each table's own tree, which is built once and kept by the table
        at = rows.sindex.query(shape, predicate="dwithin", distance=float(within_m))
        if len(at):
            plain = {column: rows[column].to_numpy()[at] for column in (*SHOWN, "valid_from", "valid_to")}
            found.append(pd.DataFrame({"table": name, **plain}, index=rows.index[at]))
    if not found:
        return district.rows([]).assign(distance_m=pd.Series(dtype=float))
    hits = pd.concat(found)
    hits = hits[standing(hits, district.today) & (hits.index != itself)]
    answer = gpd.GeoDataFrame(hits.drop(columns=["valid_from", "valid_to"]), crs=district.entities["streets"].crs)
    return _nearest_first(answer, shape)


def _rows_near(
    district: Queries, table: str, shape: "shapely.Geometry", within_m: float, itself: str
) -> "gpd.GeoDataFrame":
    rows = district.entities[table]
    hits = rows.iloc[rows.sindex.query(shape, predicate="dwithin", distance=float(within_m))]
    hits = hits[standing(hits, district.today) & (hits.index != itself)]
    return _nearest_first(hits, shape)


def _nearest_first(hits: "gpd.GeoDataFrame", shape: "shapely.Geometry") -> "gpd.GeoDataFrame":
    answer: gpd.GeoDataFrame = hits.assign(distance_m=hits.geometry.distance(shape).round(2))
    return answer.sort_values("distance_m", kind="stable")


def _shape(district: Queries, place: object) -> tuple["shapely.Geometry", str]:
    import shapely

    if isinstance(place, str):
        graph = district.graph
        name = str(graph.table_of[graph.node(place)])
        return district.entities[name].geometry[place], place
    if isinstance(place, shapely.Geometry):
        if place.is_empty:
            raise TwinError("near, place", "an empty geometry", "A geometry with at least a point")
        return place, ""
    try:
        x_m, y_m = (float(value) for value in place)  # type: ignore[attr-defined] # anything else raises TypeError
    except (TypeError, ValueError):
        x_m = y_m = math.nan
    if not (math.isfinite(x_m) and math.isfinite(y_m)):
        raise TwinError("near, place", f"{place!r}", "A unified code, a point (x, y) in metres, or a geometry")
    return shapely.Point(x_m, y_m), ""
