"""One table in the making: rows, each with its unified code."""

from typing import Any

import geopandas as gpd
import shapely
from shapely.affinity import translate

from twin_sandbox.entities.code import CLASSES, make_code
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

    def frame(self) -> gpd.GeoDataFrame:
        """The table, indexed by code."""
        columns = ["code", *COMMON[:-1], *self.table.columns, "geometry"]
        return gpd.GeoDataFrame(self.rows, columns=columns, crs=f"EPSG:{self.recipe.value('district.epsg')}").set_index(
            "code"
        )
