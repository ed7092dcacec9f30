"""A water network in from an EPANET input file, taken from EPANET itself after it has read the file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.formats.epanet_network import COLUMNS, NODES, WaterNetwork, engine_reads

if TYPE_CHECKING:
    import geopandas as gpd


def read_epanet(path: Path | str, crs: str | None = None) -> WaterNetwork:
    """Read an EPANET input file, of the district or any other.

    Args:
        path: the file.
        crs: coordinate reference system of its coordinates, e.g. ``"EPSG:4549"``; the file does not say.

    Raises:
        TwinError: no such file, or EPANET refuses it: the message has EPANET's codes, lines and what they mean.
    """
    import pandas as pd

    path = Path(path)
    found = engine_reads(path, path)
    return WaterNetwork(
        {name: _frame(name, found["tables"][name], crs) for name in COLUMNS},
        pd.DataFrame(found["demands"], columns=["junction_code", "pattern", "base_demand_m3s"]),
        pd.DataFrame(found["patterns"], columns=["pattern", "step", "multiplier"]),
        pd.DataFrame(found["curves"], columns=["curve", "x", "y"]),
        found["units"],
        found["pressure"],
        found["texts"],
    )


def _frame(name: str, rows: list[dict[str, Any]], crs: str | None) -> "gpd.GeoDataFrame":
    import geopandas as gpd
    from shapely.geometry import LineString, Point

    columns = ["code", "epanet_id", "tag", *COLUMNS[name], "geometry"]
    shape = Point if name in NODES else LineString
    drawn = [row | {"geometry": shape(row["geometry"]) if row["geometry"] else None} for row in rows]
    return gpd.GeoDataFrame(drawn, columns=columns, geometry="geometry", crs=crs).set_index("code")
