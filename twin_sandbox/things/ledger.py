"""The ledger of devices: what hangs where, measures what, how finely and how often."""

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
)


def ledger(district: "District") -> "pd.DataFrame":
    """One row a datastream, indexed by its short id (``"level-03"``), with the columns of `COLUMNS`.

    ``host`` is the code of the junction, tank, low area, pump or outfall that the device watches; ``x_m`` and ``y_m``
    are easting and northing.
    """
    import pandas as pd

    devices = district.entities["devices"]
    table = pd.DataFrame(devices.drop(columns="geometry")).rename_axis("code").reset_index()
    table["x_m"], table["y_m"] = devices.geometry.x.to_numpy(), devices.geometry.y.to_numpy()
    return table.set_index("datastream")[list(COLUMNS)]
