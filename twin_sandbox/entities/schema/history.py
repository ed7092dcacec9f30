"""What was before: earlier values of entities that still stand, and buildings that no longer do."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "former_buildings": Table(
        "B", "DB", "Polygon", ("use", "storeys", "height_m", "succeeded_by"), {"succeeded_by": "succeeded_by"}
    ),
}

FACTS: dict[str, Facts] = {
    "versions": Facts(
        ("code", "table", "attribute", "value", "valid_from", "valid_to", "source"), {"code": "describes"}
    ),
}
"""From ``valid_from`` until the day before ``valid_to`` the attribute had this value; else it has its table's."""
