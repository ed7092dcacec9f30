"""The district in other programs' files, out and in.

>>> from twin_sandbox import formats
>>> formats.write(district, "cityjson", "quay.city.json")
>>> formats.read("quay.city.json")["buildings"]

Each format is a module with its own writer and reader, which take and tell more; this is their list.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

__all__ = ["FORMATS", "Format", "read", "write"]


class Format(NamedTuple):
    """A format.

    Args:
        about: what a file of it holds, for the command line.
        suffixes: how its files' names end.
        write: its writer: district, path, options.
        read: its reader: path → tables by name.
        options: keyword arguments that the writer takes.
    """

    about: str
    suffixes: tuple[str, ...]
    write: Callable[..., object]
    read: "Callable[[Path], dict[str, pd.DataFrame]]"
    options: tuple[str, ...] = ()


# Each function imports its module when it is called: opening a file takes one format, not all.


def _write_geoparquet(district: "District", path: Path, **options: Any) -> None:  # noqa: ANN401 - the writer's own
    from twin_sandbox.formats.geoparquet import write_geoparquet

    write_geoparquet(district, path, **options)


def _read_geoparquet(path: Path) -> "dict[str, pd.DataFrame]":
    from twin_sandbox.formats.geoparquet import read_geoparquet

    return read_geoparquet(path)


def _write_geopackage(district: "District", path: Path, **options: Any) -> None:  # noqa: ANN401 - the writer's own
    from twin_sandbox.formats.geopackage import write_geopackage

    write_geopackage(district, path, **options)


def _read_geopackage(path: Path) -> "dict[str, pd.DataFrame]":
    from twin_sandbox.formats.geopackage import read_geopackage

    return read_geopackage(path)


def _write_geojson(district: "District", path: Path, **options: Any) -> None:  # noqa: ANN401 - the writer's own
    from twin_sandbox.formats.geojson import write_geojson

    write_geojson(district, path, **options)


def _read_geojson(path: Path) -> "dict[str, pd.DataFrame]":
    from twin_sandbox.formats.geojson import read_geojson

    return read_geojson(path)


def _write_cityjson(district: "District", path: Path, **options: Any) -> None:  # noqa: ANN401 - the writer's own
    from twin_sandbox.formats.cityjson import write_cityjson

    write_cityjson(district, path, **options)


def _read_cityjson(path: Path) -> "dict[str, pd.DataFrame]":
    from twin_sandbox.formats.cityjson_reading import read_cityjson

    return read_cityjson(path)


def _write_swmm(district: "District", path: Path) -> None:
    from twin_sandbox.formats.swmm import write_swmm

    write_swmm(district, path)


def _read_inp(path: Path) -> "dict[str, pd.DataFrame]":
    """EPANET's and SWMM's files end alike; only EPANET's have pipes."""
    from twin_sandbox.formats.beside import read_text

    if "[PIPES]" in read_text(path).upper():
        from twin_sandbox.formats.epanet import read_epanet

        return dict(read_epanet(path).tables)
    from twin_sandbox.formats.swmm import read_swmm

    return read_swmm(path)


def _write_epanet(district: "District", path: Path) -> None:
    from twin_sandbox.formats.epanet import district_network, write_epanet

    write_epanet(district_network(district), path)


def _write_power_grid(district: "District", path: Path) -> None:
    from twin_sandbox.formats.power_grid import power_grid, write_power_grid

    write_power_grid(power_grid(district), path)


def _read_power_grid(path: Path) -> "dict[str, pd.DataFrame]":
    import pandas as pd

    from twin_sandbox.formats.power_grid import read_power_grid

    grid = read_power_grid(path)
    tables = {name: pd.DataFrame(rows) for name, rows in grid.components.items()}
    return {
        name: table.assign(code=[grid.codes[k] for k in table["id"]]).set_index("code")
        for name, table in tables.items()
    }


FORMATS: dict[str, Format] = {
    "geoparquet": Format(
        "all tables, a folder with one file a table", (".parquet",), _write_geoparquet, _read_geoparquet, ("tables",)
    ),
    "gpkg": Format(
        "all tables, a file with one layer a table", (".gpkg",), _write_geopackage, _read_geopackage, ("tables",)
    ),
    "geojson": Format(
        "tables of entities, a folder with one file a table",
        (".geojson",),
        _write_geojson,
        _read_geojson,
        ("tables", "projected"),
    ),
    "cityjson": Format(
        "buildings as closed solids", (".city.json",), _write_cityjson, _read_cityjson, ("lods", "surroundings")
    ),
    "swmm": Format("storm sewers, for EPA SWMM", (".inp",), _write_swmm, _read_inp),
    "epanet": Format("water supply, for EPANET", (".inp",), _write_epanet, _read_inp),
    "power-grid": Format("electricity, for power-grid-model", (".json",), _write_power_grid, _read_power_grid),
}


def write(district: "District", format_name: str, path: Path | str, **options: object) -> None:
    """Write a district, or the part of it that the format can hold.

    Args:
        district: a built district.
        format_name: a key of `FORMATS`.
        path: file or folder to write; what lies there is replaced when the new one is whole.
        options: keyword arguments of the format's own writer.

    Raises:
        TwinError: an unknown format or option, or what the writer refuses.
    """
    chosen = FORMATS.get(format_name)
    if chosen is None:
        raise TwinError("format", repr(format_name), f"One of {', '.join(FORMATS)}")
    wrong = sorted(set(options) - set(chosen.options))
    if wrong:
        can = ", ".join(chosen.options) or "none"
        raise TwinError(f"format {format_name}", f"has no option {', '.join(wrong)}", f"Its options: {can}")
    chosen.write(district, Path(path), **options)


def read(path: Path | str) -> "dict[str, pd.DataFrame]":
    """Read a file or a folder of files; the format is told by how the names end, and by a look inside.

    Returns:
        Tables by name; those with geometry are GeoDataFrames. Entities are indexed by code.

    Raises:
        TwinError: nothing there, an unknown format, or what the reader refuses.
    """
    path = Path(path)
    if not path.exists():
        raise TwinError(str(path), "no such file or folder")
    if path.is_file() and path.suffix == ".json":
        from twin_sandbox.formats.geojson import load_json

        kind = {"CityJSON": "cityjson", "FeatureCollection": "geojson"}.get(str(load_json(path).get("type")))
        return FORMATS[kind or "power-grid"].read(path)
    names = [entry.name for entry in path.iterdir()] if path.is_dir() else [path.name]
    for one in FORMATS.values():
        if any(name.lower().endswith(one.suffixes) for name in names):
            return one.read(path)
    endings = ", ".join(dict.fromkeys(end for one in FORMATS.values() for end in one.suffixes))
    raise TwinError(str(path), "is of no format that is read here", f"Names that end in {endings}")
