"""A built district: a folder of tables and rasters, read when they are asked for."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.sheets import Sheet, parse_sheets
from twin_sandbox.entities.tables import COMMON, FACTS, TABLES
from twin_sandbox.entities.terrain import RASTERS, Terrain, read_terrain
from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from twin_sandbox.entities.history import AsOf

FORMAT = "practicum-district"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DATABASE = "district.gpkg"
RECIPE = "recipe.toml"
STAGES = "stage_storage.csv"
SHEETS = "sheets.json"
FILES = (RECIPE, DATABASE, STAGES, SHEETS, *(f"{name}.npy" for name in RASTERS))

Frame = TypeVar("Frame")

_AGAIN = "Build it again: practicum district build."


class Tables(Mapping[str, Frame]):
    """Tables by name, each read at first use and then kept.

    Who changes a table in place changes what the district shows from then on; take a ``.copy()`` to work on.
    """

    def __init__(self, what: str, names: Iterable[str], read: Callable[[str], Frame]) -> None:
        """Hold the tables ``names``, called ``what`` in a refusal."""
        self._what, self._names, self._read = what, tuple(names), read
        self._kept: dict[str, Frame] = {}

    def __getitem__(self, name: str) -> Frame:
        """The table ``name``.

        Raises:
            KeyError: there is no such table.
            TwinError: the folder lacks it, or lacks one of its columns.
        """
        if name not in self._names:
            raise KeyError(f"{name!r}: the {self._what} are {', '.join(self._names)}")
        if name not in self._kept:
            self._kept[name] = self._read(name)
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class District(Queries):
    """The entities and the terrain of one district, and what can be asked of them. Made by `read_district`.

    Attributes:
        folder: where it lies.
        entities: GeoDataFrames by table name (`twin_sandbox.entities.TABLES`).
        facts: DataFrames by table name (`twin_sandbox.entities.FACTS`).
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        database = folder / DATABASE
        self.entities: Mapping[str, gpd.GeoDataFrame] = Tables("tables", TABLES, partial(_read_table, database))
        self.facts: Mapping[str, pd.DataFrame] = Tables("tables of facts", FACTS, partial(_read_facts, database))

    def __repr__(self) -> str:
        return f"<District {self.name_en} {self.name_zh}, {self.folder}>"

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The recipe that it was built from."""
        import tomllib

        return tomllib.loads((self.folder / RECIPE).read_text(encoding="utf-8"))

    def as_of(self, day: object) -> "AsOf":
        """The district as of a day: who stood then, with the values of then; queries work as on today's.

        Tables of facts (`facts`) have no history: they are today's, also those about entities that stood then.

        Args:
            day: a day such as ``"2019-05-01"``, a date or a moment.

        Raises:
            TwinError: no day.
        """
        from twin_sandbox.entities.history import AsOf

        return AsOf(self, day)

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """The data sheet of each table that has one: what its columns are, their units, their source."""
        return parse_sheets((self.folder / SHEETS).read_text(encoding="utf-8"))

    @property
    def name_en(self) -> str:
        """English name."""
        return str(self.manifest["name_en"])

    @property
    def name_zh(self) -> str:
        """Chinese name."""
        return str(self.manifest["name_zh"])

    @property
    def area_code(self) -> str:
        """The first four characters of every code, e.g. ``"SB01"``."""
        return str(self.manifest["area_code"])

    @property
    def crs(self) -> str:
        """Coordinate reference system, e.g. ``"EPSG:4549"``; x is easting, y is northing, metres."""
        return str(self.manifest["crs"])

    @cached_property
    def terrain(self) -> Terrain:
        """Height, land cover and low areas on the 5 m grid."""
        grid = self.manifest["grid"]
        return read_terrain(self.folder, grid["x_min_m"], grid["y_max_m"], grid["cell_m"])

    @cached_property
    def stage_storage(self) -> "dict[str, pd.DataFrame]":
        """For each low area its table level_m, area_m2, volume_m3, rising from the bottom to 0.4 m above the sill."""
        import pandas as pd

        rows = pd.read_csv(self.folder / STAGES, dtype={"code": str})
        return {
            str(code): part.drop(columns="code").reset_index(drop=True)
            for code, part in rows.groupby("code", sort=False)
        }


def read_district(folder: Path | str) -> District:
    """Open a built district; tables are read at first use.

    Raises:
        TwinError: the folder is missing, is no district, has another format version, or a file of it is missing
            or damaged (every file's SHA-256 stands in the manifest).
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    for name in FILES:
        _verify(folder / name, manifest["files"].get(name))
    return District(folder, manifest)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise TwinError(f"district {folder}", "no such folder", then=_AGAIN)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TwinError(
            f"district {folder}",
            f"not a built district: it holds no {MANIFEST}",
            then="Name the folder that `practicum district build --out` wrote.",
        ) from None
    except OSError as reason:
        raise TwinError(str(path), f"cannot be read: {reason.strerror}") from None
    except ValueError:
        raise TwinError(str(path), "damaged: not JSON", then=_AGAIN) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise TwinError(str(path), "of something else, not of a district", f"format: {FORMAT!r}", _AGAIN)
    if manifest.get("version") != FORMAT_VERSION:
        raise TwinError(
            str(path),
            f"district format version {manifest.get('version')!r}",
            f"This practicum reads version {FORMAT_VERSION}",
            _AGAIN,
        )
    wanted = {"files": dict, "grid": dict, "crs": str, "area_code": str, "name_en": str, "name_zh": str}
    for key, kind in wanted.items():
        if not isinstance(manifest.get(key), kind):
            raise TwinError(f"{path}, {key}", "missing or of the wrong type", then=_AGAIN)
    return manifest


def _verify(path: Path, expected: str | None) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise TwinError(str(path), "missing", then=_AGAIN) from None
    except OSError as reason:
        raise TwinError(str(path), f"cannot be read: {reason.strerror}") from None
    if found != expected:
        raise TwinError(str(path), "damaged or changed: its SHA-256 is not the one in the manifest", then=_AGAIN)


def _read_table(path: Path, name: str) -> "gpd.GeoDataFrame":
    table: gpd.GeoDataFrame = _read_layer(path, name, ("code", *COMMON, *TABLES[name].columns))
    return table.set_index("code")


def _read_facts(path: Path, name: str) -> "pd.DataFrame":
    rows: pd.DataFrame = _read_layer(path, name, FACTS[name].columns)
    return rows


def _read_layer(path: Path, name: str, columns: tuple[str, ...]) -> Any:  # noqa: ANN401 - with or without geometry
    import pyogrio

    try:
        table = pyogrio.read_dataframe(path, layer=name)
    except pyogrio.errors.DataLayerError:
        raise TwinError(str(path), f"holds no table {name!r}", then=_AGAIN) from None
    except pyogrio.errors.DataSourceError:
        raise TwinError(str(path), "cannot be opened as a GeoPackage", then=_AGAIN) from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise TwinError(f"{path}, table {name}", f"lacks the columns {', '.join(missing)}", then=_AGAIN)
    return table
