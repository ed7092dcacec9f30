"""Devices."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "devices": Table(
        "F",
        "DV",
        "Point",
        ("host", "quantity", "unit", "resolution", "interval_s", "datastream", "range_low", "range_high"),
        {"host": "watches"},
    ),
}

FACTS: dict[str, Facts] = {}
