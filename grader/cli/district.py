"""``practicum district``: build, check, show, export and compare districts."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin_sandbox.entities import LAND_COVER, District, read_district
from twin_sandbox.errors import TwinError
from twin_sandbox.formats import FORMATS
from twin_sandbox.generate import build_district

if TYPE_CHECKING:
    from twin_sandbox.generate.sanity import Value

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path))


@click.group()
def command() -> None:
    """Build, check, show, export and compare districts."""


@command.command()
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write. Default: the user's cache.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe to build. Default: the sample district's.")
@click.option("--json", "as_json", is_flag=True, help="Print the folder and what it holds as JSON.")
def build(out: Path | None, recipe: Path | None, *, as_json: bool) -> None:
    """Build a district from its recipe; one that lies whole in the cache is kept."""
    if not as_json:
        click.echo("Building the district (a few seconds) …", err=True)
    folder = build_district(recipe, out)
    try:
        district = read_district(folder)
    except TwinError:  # what lay in the cache was damaged
        district = read_district(build_district(recipe, out, again=True))
    if as_json:
        counts = {name: len(table) for name, table in district.entities.items()}
        click.echo(json.dumps({"folder": str(folder), "built_from": district.manifest["built_from"], **counts}))
    else:
        click.echo(f"{district.name_en} {district.name_zh} lies in {folder}")


@command.command()
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print every value with its range and source as JSON.")
def check(folder: Path | None, *, as_json: bool) -> None:
    """Prove that a district is sane; exit 1 when it is not.

    FOLDER is a built district; without it, the sample district.
    """
    from twin_sandbox.generate.sanity import check_district

    district = read_district(folder or build_district())
    values = check_district(district)
    ok = all(value.ok for value in values)
    if as_json:
        click.echo(json.dumps(_report(district, values), ensure_ascii=False, indent=1))
    else:
        for value in values:
            mark = "ok " if value.ok else "BAD"
            span = f"{value.low:g} to {value.high:g}" if value.low != value.high else f"{value.low:g}"
            click.echo(f"{mark}  {value.name:<40} {value.value:>10g} {value.unit:<7} {span:<18} {value.source}")
        bad = sum(not value.ok for value in values)
        click.echo(f"{len(values)} values, all in range." if ok else f"{bad} of {len(values)} values out of range.")
    sys.exit(0 if ok else 1)


def _report(district: District, values: "list[Value]") -> dict[str, object]:
    kinds = district.entities["devices"]["kind"].value_counts()
    return {
        "ok": all(value.ok for value in values),
        "district": district.name_en,
        "residents": int(district.entities["buildings"]["residents"].sum()),
        "devices": len(district.entities["devices"]),
        "device_kinds": {str(kind): int(count) for kind, count in sorted(kinds.items())},
        "entities": {name: len(table) for name, table in district.entities.items()},
        "values": [value.as_json() for value in values],
    }


@command.command()
@_FOLDER
@click.option("--map", "picture", type=click.Path(path_type=Path), help="Draw a map into this PNG file.")
@click.option("--below", type=click.Path(path_type=Path), help="Draw what lies below ground into this PNG file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def show(folder: Path | None, picture: Path | None, below: Path | None, *, as_json: bool) -> None:
    """Say what a district holds, and draw its map.

    FOLDER is a built district; without it, the sample district.
    """
    district = read_district(folder or build_district())
    summary = _summary(district)
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, indent=1))
    else:
        click.echo(f"{district.name_en} {district.name_zh}: {district.manifest['notice']}")
        for name, value in summary.items():
            click.echo(f"  {name:<28} {value}")
    if picture is not None:
        from twin_sandbox.generate.picture import draw_map

        draw_map(district, picture)
        click.echo(f"Map: {picture}", err=True)
    if below is not None:
        from twin_sandbox.generate.picture import draw_below

        draw_below(district, below)
        click.echo(f"Map: {below}", err=True)


def _summary(district: District) -> dict[str, object]:
    entities, terrain = district.entities, district.terrain
    streets, areas = entities["streets"], entities["low_areas"]
    cell_km2 = terrain.cell_m**2 / 1e6
    lowest = areas.loc[areas.index[areas["kind"] == "street"], "bottom_m"]
    return {
        "folder": str(district.folder),
        "frame": f"{district.crs}, {terrain.elevation_m.shape[1]} x {terrain.elevation_m.shape[0]} cells of "
        f"{terrain.cell_m:g} m",
        "land_km2": round(float((terrain.land_cover > 0).sum()) * cell_km2, 3),
        "land_cover_share": {
            LAND_COVER[k].name_en: round(float((terrain.land_cover == k).sum() / (terrain.land_cover > 0).sum()), 3)
            for k in LAND_COVER
            if k
        },
        "residents": int(entities["buildings"]["residents"].sum()),
        "streets_km": round(float(streets.length.sum()) / 1e3, 2),
        "lowest_street_m": float(lowest.min()),
        "lowest_street": str(areas.loc[lowest.idxmin(), "name_en"]),
        "sewers_km": round(float(entities["conduits"]["length_m"].sum()) / 1e3, 2),
        "pumps_m3s": round(float(entities["pumps"]["rated_m3s"].sum()), 2),
        "tank_m3": round(float((entities["storages"]["max_depth_m"] * entities["storages"]["area_m2"]).sum())),
        "tables": {name: len(table) for name, table in entities.items()},
    }


@command.command()
@_FOLDER
@click.option("--format", "form", required=True, type=click.Choice(list(FORMATS)), help="What to write.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File or folder to write.")
@click.option("--table", "tables", multiple=True, help="Only this table; may be given again. Default: all.")
@click.option("--projected", is_flag=True, help="GeoJSON in the district's metres, not in longitude and latitude.")
@click.option(
    "--lod", "lods", multiple=True, type=click.Choice(["1", "2"]), help="CityJSON: this level. Default: both."
)
@click.option("--surroundings", is_flag=True, help="CityJSON: parks and trees too.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    folder: Path | None,
    form: str,
    out: Path,
    *,
    tables: tuple[str, ...],
    projected: bool,
    lods: tuple[str, ...],
    surroundings: bool,
    as_json: bool,
) -> None:
    """Write a district in another program's format.

    geoparquet and geojson are folders with one file a table (a name that ends in .parquet or .geojson: one file for
    one table), the others one file. gpkg holds all tables; cityjson the buildings as closed solids; swmm the storm
    sewers, epanet the water supply, power-grid the electricity network as these programs read them.

    FOLDER is a built district; without it, the sample district.
    """
    from twin_sandbox.formats import write

    district = read_district(folder or build_district())
    given: dict[str, object] = {
        "tables": list(tables),
        "projected": projected,
        "lods": [int(lod) for lod in lods],
        "surroundings": surroundings,
    }
    write(district, form, out, **{name: value for name, value in given.items() if value})
    files = sorted(out.iterdir()) if out.is_dir() else [out]
    size = sum(file.stat().st_size for file in files)
    if as_json:
        click.echo(json.dumps({"format": form, "out": str(out), "files": len(files), "bytes": size}))
    else:
        click.echo(
            f"{out}: {len(files)} file{'s' * (len(files) != 1)}, {size / 1e6:.1f} MB. {district.manifest['notice']}"
        )


@command.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every difference as JSON.")
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Say what differs between two districts; exit 1 when anything does.

    OLD and NEW are built districts or exports of them. Geometries that moved by less than a millimetre are the same.
    """
    from twin_sandbox.formats.difference import differences, load

    changes = differences(load(old), load(new))
    if as_json:
        found = {"same": not changes, "differences": [change._asdict() for change in changes]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for change in changes:
            click.echo(str(change))
        click.echo(f"{len(changes)} differences." if changes else "No difference.")
    sys.exit(1 if changes else 0)
