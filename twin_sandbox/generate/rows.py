"""One table in the making: rows, each with its unified code."""

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate

from twin_sandbox.entities.code import CLASSES, make_code, make_codes
from twin_sandbox.entities.tables import COMMON, TABLES
from twin_sandbox.generate.recipe import Recipe


class Rows:
    """Collects the rows of one table and gives each its code."""

    def __init__(self, recipe: Recipe, table: str) -> None:
        self.table, self.recipe = TABLES[table], recipe
        self.rows: list[dict[str, Any]] = []

    def add(self, shape: shapely.Geometry, kind: str, name_en: str, name_zh: str, **values: object) -> str:
        """Append one entity in local metres; return its code.

        ``valid_from`` and ``valid_to`` may be among the values; by default the entity stands since the district does.
        """
        at = shape if shape.geom_type == "Point" else shape.representative_point()
        column, row = (int(min(max(value, 0.0), 9999.0) // 100) for value in (at.x, at.y))
        district = self.recipe.tree["district"]
        code = make_code(district["area_code"], column, row, self.table.letter, self.table.kind, len(self.rows) + 1)
        moved = translate(shape, district["x_min_m"], district["y_min_m"])
        self.rows.append(
            {
                "code": code,
                "entity_class": CLASSES[self.table.letter],
                "kind": kind,
                "name_en": name_en,
                "name_zh": name_zh,
                "valid_from": district["valid_from"],
                "valid_to": "",
                **values,
                "geometry": shapely.set_precision(moved, 0.01),
            }
        )
        return code

    def add_points(
        self,
        x_m: NDArray[np.float64],
        y_m: NDArray[np.float64],
        kinds: Sequence[str],
        names: tuple[Sequence[str], Sequence[str]],
        columns: Mapping[str, Sequence[object] | NDArray[Any]],
    ) -> list[str]:
        """Append n points in local metres at once, as `add` would one by one; return their codes.

        Args:
            x_m: n eastings in local metres.
            y_m: n northings in local metres.
            kinds: n kinds.
            names: n English and n Chinese names.
            columns: the table's own columns, n values each.
        """
        district = self.recipe.tree["district"]
        first = len(self.rows) + 1
        codes = make_codes(
            district["area_code"],
            np.clip(x_m, 0.0, 9999.0).astype(np.int64) // 100,
            np.clip(y_m, 0.0, 9999.0).astype(np.int64) // 100,
            self.table.letter,
            self.table.kind,
            np.arange(first, first + len(x_m)),
        )
        spots = shapely.set_precision(shapely.points(x_m + district["x_min_m"], y_m + district["y_min_m"]), 0.01)
        entity_class, since = CLASSES[self.table.letter], district["valid_from"]
        plain = [np.asarray(values).tolist() for values in columns.values()]
        for code, kind, name_en, name_zh, spot, *values in zip(codes, kinds, *names, spots, *plain, strict=True):
            self.rows.append(
                {
                    "code": code,
                    "entity_class": entity_class,
                    "kind": kind,
                    "name_en": name_en,
                    "name_zh": name_zh,
                    "valid_from": since,
                    "valid_to": "",
                    **dict(zip(columns, values, strict=True)),
                    "geometry": spot,
                }
            )
        return codes

    def frame(self) -> gpd.GeoDataFrame:
        """The table, indexed by code."""
        columns = ["code", *COMMON[:-1], *self.table.columns, "geometry"]
        return gpd.GeoDataFrame(self.rows, columns=columns, crs=f"EPSG:{self.recipe.value('district.epsg')}").set_index(
            "code"
        )
