"""GeoParquet 1.1: a folder with one file a table.

Geometries are WKB with x before y whatever the CRS says of its axes, as the specification asks; the CRS stands in the
file as PROJJSON, and a column ``bbox`` with the bounds of each row lets readers skip what lies elsewhere.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import written_file, written_folder
from twin_sandbox.formats.tables import check_table, indexed, tables_of

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

SUFFIX = ".parquet"


def write_geoparquet(district: "District", path: Path | str, tables: Iterable[str] | None = None) -> None:
    """Write tables as GeoParquet, facts as plain Parquet.

    Args:
        district: a built district.
        path: folder to write; with a name that ends in ``.parquet``, one file for one table.
        tables: names; None for all.

    Raises:
        TwinError: an unknown table, something that cannot be written, or several tables for one file.
    """
    path = Path(path)
    chosen = tables_of(district, tables)
    notice = str(district.manifest.get("notice", ""))
    if path.suffix == SUFFIX:
        if len(chosen) != 1:
            raise TwinError(str(path), f"{len(chosen)} tables for one file", "One table", "Name a folder instead.")
        with written_file(path) as draft:
            _write(*chosen.popitem(), draft, notice)
        return
    with written_folder(path, SUFFIX) as folder:
        for name, table in chosen.items():
            _write(name, table, folder / f"{name}{SUFFIX}", notice)


def _write(name: str, table: Any, path: Path, notice: str) -> None:  # noqa: ANN401 - with or without geometry
    import geopandas as gpd
    import pyarrow.parquet as pq

    first = io.BytesIO()
    if isinstance(table, gpd.GeoDataFrame):
        table.reset_index(names="code").to_parquet(first, index=False, write_covering_bbox=True, schema_version="1.1.0")
    else:
        table.to_parquet(first, index=False)
    arrow = pq.read_table(first)
    about = {b"title": name.encode(), b"description": notice.encode()}
    pq.write_table(arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **about}), path)


def read_geoparquet(path: Path | str) -> "dict[str, pd.DataFrame]":
    """Read a GeoParquet file, or a folder of them, of this practicum or of anyone else.

    Returns:
        Tables by file name; those with geometry are GeoDataFrames, indexed by code where there is a column ``code``.

    Raises:
        TwinError: nothing there, not Parquet, truncated, or a table that `check_table` refuses.
    """
    path = Path(path)
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise TwinError(str(path), f"holds no {SUFFIX} file")
    return {file.stem: _read(file) for file in files}


def _read(path: Path) -> Any:  # noqa: ANN401 - with or without geometry
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyproj
    import shapely

    try:
        metadata = pq.read_schema(path).metadata or {}
        if b"geo" not in metadata:
            return pd.read_parquet(path)
        geo = json.loads(metadata[b"geo"])
        if geo["columns"][geo["primary_column"]].get("crs", "") is None:
            raise TwinError(f"{path}, CRS", "none is given", "A coordinate reference system, e.g. EPSG:4549")
        with np.errstate(invalid="ignore"):  # NaN among the coordinates is refused below
            table = indexed(gpd.read_parquet(path))
    except FileNotFoundError:
        raise TwinError(str(path), "no such file") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise TwinError(str(path), f"cannot be read as GeoParquet: {_short(reason)}", "A whole file") from None
    except (shapely.errors.ShapelyError, pyproj.exceptions.ProjError) as reason:
        raise TwinError(str(path), f"holds a damaged geometry or CRS: {_short(reason)}") from None
    check_table(str(path), table)
    return table


def _short(reason: Exception) -> str:
    return (str(reason).splitlines() or [type(reason).__name__])[0][:160]
