"""Devices and what they measure."""

from twin_sandbox.entities.schema.table import Facts, Table

SPACES = ("above ground", "below ground", "air", "water")
"""The four spaces of the city's sensing system (感控体系: 地上、地下、空中、水域)."""

STATES = ("in service", "fault", "maintenance", "retired", "planned")
"""What the owner's ledger says of a device; those in service and those with a fault report."""

TABLES: dict[str, Table] = {
    "devices": Table(
        "F",
        "DV",
        "Point",
        (
            "host",
            "space",
            "owner",
            "state",
            "vendor",
            "firmware",
            "installed",
            "next_calibration",
            "gateway",
            "mount_height_m",
        ),
        {"host": "watches", "gateway": "reports_through"},
    ),
}

FACTS: dict[str, Facts] = {
    "datastreams": Facts(
        ("datastream", "device_code", "quantity", "unit", "resolution", "interval_s", "range_low", "range_high"),
        {"device_code": "reported_by"},
    ),
}
