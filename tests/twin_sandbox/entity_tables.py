"""Small handmade districts for the tests of entities."""

import geopandas as gpd
import pandas as pd
import shapely

from twin_sandbox.entities.code import CLASSES, make_code
from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.tables import COMMON, FACTS, TABLES

CRS = "EPSG:4549"
WEST, SOUTH = 581000.0, 3930000.0


class Small(Queries):
    """A district of handmade tables."""

    @property
    def sheets(self):
        return {}

    def __init__(self, entities, facts=None):
        self.entities = {name: entities.get(name, table(name, [])) for name in TABLES}
        self.facts = {name: pd.DataFrame(columns=FACTS[name].columns) for name in FACTS} | (facts or {})


def code(name, serial):
    return make_code("SB01", 0, 0, TABLES[name].letter, TABLES[name].kind, serial)


def table(name, rows):
    """Rows of a table: dicts of columns; what is not given is empty; numbered from 1."""
    schema = TABLES[name]
    spot = {"Point": shapely.Point(0, 0), "LineString": shapely.LineString([(0, 0), (1, 0)])}
    full = [
        {
            **dict.fromkeys(schema.columns, ""),
            "code": code(name, number),
            "entity_class": CLASSES[schema.letter],
            "kind": "test",
            "name_en": f"{name} {number}",
            "name_zh": f"测试{number}",
            "valid_from": "2000-01-01",
            "valid_to": "",
            "geometry": spot.get(schema.geometry, shapely.box(0, 0, 1, 1)),
            **row,
        }
        for number, row in enumerate(rows, 1)
    ]
    frame = gpd.GeoDataFrame(full, columns=["code", *COMMON, *schema.columns], geometry="geometry", crs=CRS)
    frame["geometry"] = frame.geometry.translate(WEST, SOUTH)
    return frame.set_index("code")
