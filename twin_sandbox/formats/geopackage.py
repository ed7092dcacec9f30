"""GeoPackage: all tables as layers of one file that QGIS opens, each described in English and Chinese."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import written_file
from twin_sandbox.formats.tables import check_table, indexed, tables_of

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District


def write_geopackage(district: "District", path: Path | str, tables: Iterable[str] | None = None) -> None:
    """Write tables as layers of one GeoPackage.

    Raises:
        TwinError: an unknown table, or something that cannot be written.
    """
    import geopandas as gpd
    import pyogrio

    chosen = tables_of(district, tables)
    sheets = {name: f"{sheet.en} {sheet.zh}" for name, sheet in district.sheets.items()}
    with written_file(Path(path)) as draft, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The filename extension should be")  # any name is the user's choice
        for name, table in chosen.items():
            frame = table.reset_index(names="code") if isinstance(table, gpd.GeoDataFrame) else table
            try:
                pyogrio.write_dataframe(
                    frame,
                    draft,
                    layer=name,
                    driver="GPKG",
                    layer_options={"DESCRIPTION": sheets.get(name, name), "IDENTIFIER": name},
                    dataset_options={"VERSION": "1.3"},
                    **({"geometry_type": _kind(frame)} if isinstance(frame, gpd.GeoDataFrame) else {}),
                )
            except pyogrio.errors.DataSourceError:
                raise TwinError(str(path), "cannot be written", then="Free space or name another place.") from None


def _kind(table: Any) -> str:  # noqa: ANN401 - a GeoDataFrame
    kinds = set(table.geometry.dropna().geom_type)
    if len(kinds) == 1:
        return str(kinds.pop())
    return "Unknown"


def read_geopackage(path: Path | str) -> "dict[str, pd.DataFrame]":
    """Read every layer of a GeoPackage, of this practicum or of anyone else.

    Returns:
        Tables by layer; those with geometry are GeoDataFrames, indexed by code where there is a column ``code``.

    Raises:
        TwinError: nothing there, not a GeoPackage, damaged, or a table that `check_table` refuses.
    """
    import geopandas as gpd
    import numpy as np
    import pyogrio
    import shapely

    path = Path(path)
    if not path.is_file():
        raise TwinError(str(path), "no such file")
    tables: dict[str, pd.DataFrame] = {}
    try:
        with path.open("rb") as file:
            if not file.read(16).startswith(b"SQLite format 3"):
                raise TwinError(str(path), "is no GeoPackage", "An SQLite file with the tables of a GeoPackage")
        for name, _ in pyogrio.list_layers(path):
            with np.errstate(invalid="ignore"):  # NaN among the coordinates is refused below
                table = pyogrio.read_dataframe(path, layer=name)
            tables[name] = indexed(table) if isinstance(table, gpd.GeoDataFrame) else table
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        shapely.errors.ShapelyError,
        OSError,
        ValueError,
    ) as reason:
        raise TwinError(str(path), f"cannot be read as a GeoPackage: {reason}"[:300]) from None
    for name, table in tables.items():
        if isinstance(table, gpd.GeoDataFrame):
            check_table(f"{path}, layer {name}", table)
    return tables
