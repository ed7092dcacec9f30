"""The ledger of devices: what hangs where, whose it is, measures what, how finely and how often."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

COLUMNS = (
    "code",
    "kind",
    "name_en",
    "name_zh",
    "host",
    "quantity",
    "unit",
    "resolution",
    "interval_s",
    "range_low",
    "range_high",
    "x_m",
    "y_m",
    "owner",
    "state",
    "space",
    "vendor",
    "firmware",
    "installed",
    "next_calibration",
    "gateway",
    "mount_height_m",
)

REPORTING = ("in service", "fault")
"""States in which a device reports; what comes from one with a fault is not to be trusted."""


def ledger(district: "District") -> "pd.DataFrame":
    """One row a datastream, indexed by its short id (``"level-03"``), with the columns of `COLUMNS`.

    A device with several datastreams has several rows. ``host`` is the code of what the device watches ("" for none);
    ``x_m`` and ``y_m`` are easting and northing, ``mount_height_m`` counts from the ground, negative below it;
    ``state`` is one of `twin_sandbox.entities.schema.things.STATES`; ``gateway`` is the code of the device that passes
    its messages on.
    """
    devices, streams = district.entities["devices"], district.facts["datastreams"]
    table = streams.set_index("datastream").join(devices.drop(columns="geometry"), on="device_code")
    table["x_m"] = table["device_code"].map(devices.geometry.x)
    table["y_m"] = table["device_code"].map(devices.geometry.y)
    return table.rename(columns={"device_code": "code"})[list(COLUMNS)]
