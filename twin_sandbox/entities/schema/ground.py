"""Streets, buildings, parks and where water collects."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "streets": Table("F", "RD", "LineString", ("street_class", "width_m", "lanes", "speed_kmh", "vehicles_per_h")),
    "buildings": Table("B", "BD", "Polygon", ("use", "storeys", "height_m", "floor_m", "residents")),
    "parks": Table("F", "PK", "Polygon", ()),
    "low_areas": Table(
        "F",
        "LA",
        "Polygon",
        ("bottom_m", "sill_m", "spills_to", "street_code", "swmm_id"),
        {"spills_to": "spills_to", "street_code": "lies_on"},
    ),
}

FACTS: dict[str, Facts] = {}
