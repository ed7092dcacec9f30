"""Typical curves for every kind of device: for a sensing lab without a run, and for what no engine carries.

These are **not results of any engine**: a day's usual course of each quantity between two stated values, a little
different from device to device. They obey no balance, and devices that hang together (a flow and a pressure) do not
answer each other. Of a run, ``twin.observe`` tells instead what its engines found; `twin_sandbox.things.meeting` says
which quantities they carry.

Shapes: temperature lowest at sunrise and highest in mid-afternoon, clear-sky sun as a half sine between sunrise and
sunset of a northern coast in July (05:00 to 19:10), streets with two peaks of which the greater hour has 8 to 11 % of
the day (the figure used for GB 50647), water use with Kh 1.2 to 1.6 (GB 50013), tide semidiurnal of 12.42 h. Levels are
this project's own, of ordinary size.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.things.ledger import REPORTING, ledger
from twin_sandbox.things.observation import Observed, Streams, report
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.things.faults import Fault

Floats = NDArray[np.float64]
SUNRISE_H, SUNSET_H = 5.0, 19.17
TIDE_PERIOD_H = 12.42
DIFFERENCE = 0.1
"""How much devices of a kind differ: each multiplies its swing by 1 ± up to this share, and is up to 20 min apart."""


def _flat(hour: Floats) -> Floats:
    return np.full_like(hour, 0.5)


def _warm(hour: Floats) -> Floats:
    """0 at 05:00, 1 at 14:30, by two half cosines."""
    rising = np.mod(hour - 5.0, 24.0)
    phase = np.where(rising < 9.5, rising / 9.5, 1.0 + (rising - 9.5) / 14.5)
    return 0.5 - 0.5 * np.cos(np.pi * phase)


def _sun(hour: Floats) -> Floats:
    day = np.mod(hour, 24.0)
    return np.clip(np.sin(np.pi * (day - SUNRISE_H) / (SUNSET_H - SUNRISE_H)), 0.0, None) * (day < SUNSET_H)


def _night(hour: Floats) -> Floats:
    return (_sun(hour) < 0.05).astype(np.float64)


def _bump(hour: Floats, at_h: float, width_h: float) -> Floats:
    apart = np.mod(hour - at_h + 12.0, 24.0) - 12.0
    bump: Floats = np.exp(-0.5 * (apart / width_h) ** 2)
    return bump


def _traffic(hour: Floats) -> Floats:
    """Two peaks, 07:45 and 17:45, over a working day."""
    return np.clip(0.95 * _bump(hour, 7.75, 1.1) + _bump(hour, 17.75, 1.4) + 0.55 * _bump(hour, 12.7, 3.5), 0.0, 1.0)


def _homes(hour: Floats) -> Floats:
    """Morning and evening at home."""
    return np.clip(
        0.2 + 0.65 * _bump(hour, 7.3, 1.2) + 0.8 * _bump(hour, 20.0, 2.0) + 0.3 * _bump(hour, 12.2, 1.3), 0.0, 1.0
    )


def _office(hour: Floats) -> Floats:
    return np.clip(0.15 + 0.9 * _bump(hour, 13.5, 3.6), 0.0, 1.0)


def _inverse_homes(hour: Floats) -> Floats:
    return 1.0 - _homes(hour)


def _tide(hour: Floats) -> Floats:
    return 0.5 + 0.5 * np.sin(2 * np.pi * hour / TIDE_PERIOD_H)


def _fill(hour: Floats) -> Floats:
    """Fills over a day and is emptied at 06:00."""
    return np.mod(hour - 6.0, 24.0) / 24.0


def _patrol(hour: Floats) -> Floats:
    """Twenty-minute flights at 08:00, 12:00 and 16:00."""
    return (np.isin(np.floor(np.mod(hour, 24.0)), (8.0, 12.0, 16.0)) & (np.mod(hour, 1.0) < 1 / 3)).astype(np.float64)


def _tired(hour: Floats) -> Floats:
    """A battery: full, and less during each flight."""
    return 1.0 - _patrol(hour) * np.mod(hour, 1.0) * 2.5


def _sum(hour: Floats) -> Floats:
    """What a register counts: the running sum of use at home, one a day."""
    fine = np.arange(0.0, 24.0, 0.1)
    day = np.append(0.0, np.cumsum(_homes(fine)))
    part: Floats = np.interp(np.mod(hour, 24.0), np.append(fine, 24.0), day / day[-1])
    return np.asarray(np.floor_divide(hour, 24.0) + part, dtype=np.float64)


class Curve(NamedTuple):
    """A quantity runs from ``low`` (shape 0) to ``high`` (shape 1), in its unit."""

    shape: Callable[[Floats], Floats]
    low: float
    high: float


CURVES: dict[str, Curve] = {
    "connected devices": Curve(_flat, 38.0, 42.0),
    "air temperature": Curve(_warm, 22.0, 29.0),
    "relative humidity": Curve(lambda hour: 1.0 - _warm(hour), 62.0, 92.0),
    "wind speed": Curve(_warm, 1.5, 4.5),
    "wind speed aloft": Curve(_warm, 5.0, 8.0),
    "wind direction": Curve(_warm, 20.0, 160.0),  # land breeze at night, sea breeze by day
    "air pressure": Curve(_flat, 1003.0, 1005.0),
    "global irradiance": Curve(_sun, 0.0, 880.0),
    "visibility": Curve(_warm, 6.0, 16.0),
    "PM2.5 concentration": Curve(_traffic, 22.0, 45.0),
    "PM10 concentration": Curve(_traffic, 45.0, 85.0),
    "nitrogen dioxide concentration": Curve(_traffic, 15.0, 55.0),
    "ozone concentration": Curve(_warm, 40.0, 150.0),
    "sound level": Curve(_traffic, 48.0, 68.0),
    "water pressure": Curve(_inverse_homes, 0.30, 0.36),
    "hydrant pressure": Curve(_inverse_homes, 0.30, 0.36),
    "water flow": Curve(_homes, 40.0, 160.0),
    "building water flow": Curve(_homes, 0.2, 4.5),
    "water volume": Curve(_sum, 12_000.0, 12_045.0),
    "free chlorine": Curve(_inverse_homes, 0.25, 0.45),
    "turbidity": Curve(_homes, 0.15, 0.35),
    "valve opening": Curve(_flat, 100.0, 100.0),
    "supply temperature": Curve(_flat, 68.0, 72.0),  # summer: hot water only
    "return temperature": Curve(_homes, 42.0, 50.0),
    "heat power": Curve(_homes, 80.0, 420.0),
    "transformer load": Curve(_homes, 180.0, 430.0),
    "voltage": Curve(_inverse_homes, 221.0, 233.0),
    "winding temperature": Curve(_homes, 48.0, 72.0),
    "electric power": Curve(_office, 12.0, 95.0),
    "electric energy": Curve(_sum, 84_000.0, 85_100.0),
    "PV power": Curve(_sun, 0.0, 62.0),
    "charging power": Curve(lambda hour: (_homes(hour) > 0.6).astype(np.float64), 0.0, 7.0),
    "charger occupied": Curve(lambda hour: (_homes(hour) > 0.6).astype(np.float64), 0.0, 1.0),
    "lamp dimming": Curve(_night, 0.0, 100.0),
    "lamp power": Curve(_night, 1.5, 120.0),
    "signal plan": Curve(lambda hour: (_traffic(hour) > 0.6).astype(np.float64), 1.0, 2.0),
    "vehicle flow": Curve(_traffic, 60.0, 1300.0),
    "vehicle speed": Curve(lambda hour: 1.0 - _traffic(hour), 24.0, 46.0),
    "lane flow": Curve(_traffic, 15.0, 520.0),
    "lane occupancy": Curve(_traffic, 0.5, 22.0),
    "pedestrian flow": Curve(_traffic, 10.0, 700.0),
    "parking bay occupied": Curve(lambda hour: (_office(hour) > 0.4).astype(np.float64), 0.0, 1.0),
    "lorry passes": Curve(_office, 4.0, 60.0),
    "cover tilt": Curve(_flat, 0.0, 1.0),
    "methane, share of lower explosive limit": Curve(_flat, 0.5, 2.5),
    "groundwater level": Curve(_tide, 0.6, 0.8),
    "structure tilt": Curve(_warm, -0.1, 0.2),
    "smoke obscuration": Curve(_homes, 0.02, 0.15),
    "room temperature": Curve(_warm, 25.0, 29.0),
    "carbon monoxide": Curve(_homes, 1.0, 6.0),
    "lift vibration": Curve(_homes, 0.5, 9.0),
    "lift door cycles": Curve(_homes, 4.0, 160.0),
    "bin fill level": Curve(_fill, 5.0, 95.0),
    "gate opening": Curve(lambda hour: (_tide(hour) < 0.6).astype(np.float64), 0.0, 1.0),
    "significant wave height": Curve(_warm, 0.4, 0.9),
    "wave period": Curve(_flat, 4.5, 5.5),
    "water temperature": Curve(_warm, 22.5, 24.0),
    "salinity": Curve(_tide, 29.5, 31.5),
    "dissolved oxygen": Curve(_sun, 6.4, 8.2),
    "sea turbidity": Curve(_tide, 6.0, 14.0),
    "flight height": Curve(_patrol, 0.0, 60.0),
    "battery charge": Curve(_tired, 10.0, 100.0),
    # of the drains in dry weather; a run gives them as an engine sees them
    "rain intensity": Curve(_flat, 0.0, 0.0),
    "sea level": Curve(_tide, -1.4, 1.4),
    "depth of water on the street": Curve(_flat, 0.0, 0.0),
    "pump setting": Curve(_flat, 0.0, 0.0),
}
"""Quantity → its usual day. Water levels of the drains have none: they depend on each manhole's depth."""

REGISTERS = ("water volume", "electric energy")
SWITCHES = ("charger occupied", "parking bay occupied", "gate opening", "signal plan", "valve opening")


def reference_signal(quantity: str, times: "pd.DatetimeIndex", rng: np.random.Generator) -> "pd.Series[float]":
    """The usual course of a quantity for one device.

    Args:
        quantity: one of `CURVES`.
        times: with time zone; the hour of Beijing time counts.
        rng: draws how this device differs.

    Raises:
        TwinError: there is no curve for the quantity.
    """
    import pandas as pd

    if quantity not in CURVES:
        raise TwinError("reference_signal", f"no curve for {quantity!r}", f"One of: {', '.join(CURVES)}.")
    curve = CURVES[quantity]
    swing, apart_h = rng.uniform(1.0 - DIFFERENCE, 1.0 + DIFFERENCE), rng.uniform(-1 / 3, 1 / 3)
    midnight = times[0].normalize()
    hour = np.asarray((times - midnight) / pd.Timedelta(hours=1), dtype=np.float64) + apart_h
    if quantity in SWITCHES:
        swing = 1.0
    if quantity in REGISTERS:
        hour = np.maximum(hour, 0.0)
    return pd.Series(curve.low + (curve.high - curve.low) * swing * curve.shape(hour), index=times)


def reference_observations(
    district: "District", start: object, hours: float, stream: Streams, faults: "Sequence[Fault]" = ()
) -> Observed:
    """What the devices report of usual days: typical curves, **not** results of an engine.

    Every device that is in service or has a fault reports at its own interval, with the errors and faults that
    `twin.observe` gives. Water levels of the drains are left out: they come from a run.

    Args:
        district: where.
        start: first moment, with time zone.
        hours: length of the record [h].
        stream: as for `observe`, which draws in the same way; a dict may hold ``"truth"`` for how devices differ, by
            default taken from ``"noise"``.
        faults: any number, for any of these datastreams.

    Raises:
        TwinError: a start without time zone, no length, or a fault for another datastream.
    """
    import pandas as pd

    first = moment("reference_observations, start", start)
    if not 0 < hours <= 24 * 366:
        raise TwinError("reference_observations, hours", f"{hours}", "More than 0, at most 8784.")
    devices = ledger(district)
    devices = devices[devices["state"].isin(REPORTING) & devices["quantity"].isin(CURVES)]
    if isinstance(stream, np.random.Generator):
        stream = {"noise": stream, "faults": stream}
    differ = stream.get("truth", stream["noise"]).spawn(len(devices))
    signals = {}
    for (name, row), rng in zip(devices.iterrows(), differ, strict=True):
        times = pd.date_range(first, periods=int(hours * 3600 // row["interval_s"]), freq=f"{int(row['interval_s'])}s")
        if len(times):
            signals[str(name)] = reference_signal(str(row["quantity"]), times, rng)
    devices = devices[[str(name) in signals for name in devices.index]]
    return report(devices, signals, stream, faults)
