"""How devices fail, one small dataclass a kind, and one pure function that applies it.

Kinds after Ni et al. 2009, "Sensor network data fault types" (doi:10.1145/1525856.1525863): noise, outlier (spike),
stuck-at, calibration (bias and drift), and what telemetry adds: gaps and a wrong clock. Numbers that are not given are
drawn from the distribution that the class states; `apply` returns what was drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """White Gaussian noise on every value, independent of each other: value + N(0, sd²).

    Args:
        datastream: e.g. ``"level-03"``.
        sd: standard deviation, in the datastream's unit. Pressure level sensors reach 0.1 to 0.25 % of their range
            (1 cm of 5 m); rain gauges 5 % of the intensity (WMO-No. 8, 2021 edition, volume I, chapter 6).
        relative: whether ``sd`` is a share of the value instead.
    """

    datastream: str
    sd: float
    relative: bool = False


@dataclass(frozen=True)
class Gap:
    """Values that never arrive: ``count`` outages at uniform moments, lengths exponential with mean ``mean_minutes``.

    Independent outages of a radio link: arrivals Poisson, durations memoryless. Each loses at least one value.

    Args:
        datastream: e.g. ``"level-03"``.
        count: number of outages; they may overlap.
        mean_minutes: mean length [min].
    """

    datastream: str
    count: int = 1
    mean_minutes: float = 20.0


@dataclass(frozen=True)
class Drift:
    """An error that grows evenly from a moment on (fouling): rate × hours since then.

    Args:
        datastream: e.g. ``"level-03"``.
        rate_per_h: growth an hour, in the datastream's unit; by default 0.05 to 0.12 with random sign, uniform.
        begins: share of the record after which it begins; by default uniform from 0.1 to 0.4.
    """

    datastream: str
    rate_per_h: float | None = None
    begins: float | None = None


@dataclass(frozen=True)
class Bias:
    """A constant error (zero point wrong after a service, or a mount that slipped during the record).

    Args:
        datastream: e.g. ``"level-03"``.
        offset: in the datastream's unit; by default 0.10 to 0.30 with random sign, uniform.
        begins: share of the record after which it is there; by default from the first value on.
    """

    datastream: str
    offset: float | None = None
    begins: float = 0.0


@dataclass(frozen=True)
class Stuck:
    """A value that is repeated for a while (frozen register, jammed float).

    Args:
        datastream: e.g. ``"level-03"``.
        begins: share of the record after which it sticks; by default uniform from 0.2 to 0.5.
        lasts: share of the record for which it sticks; by default uniform from 0.2 to 0.4.
    """

    datastream: str
    begins: float | None = None
    lasts: float | None = None


@dataclass(frozen=True)
class Spike:
    """Single wild values: a Poisson number of them, at uniform moments, size uniform up to ``size`` with random sign.

    Args:
        datastream: e.g. ``"level-03"``.
        mean_count: mean number in the record.
        size: greatest size, in the datastream's unit; the least is half of it.
    """

    datastream: str
    mean_count: float = 3.0
    size: float = 1.5


@dataclass(frozen=True)
class ClockSkew:
    """A device clock that is wrong by a constant: every time stamp is shifted.

    Args:
        datastream: e.g. ``"level-03"``.
        seconds: shift [s], positive when the stamps are late; by default a whole number of 5-minute steps, 3 to 9 of
            them, of random sign (a clock that was set by hand).
    """

    datastream: str
    seconds: float | None = None


Fault = Noise | Gap | Drift | Bias | Stuck | Spike | ClockSkew


class Applied(NamedTuple):
    """A faulty series, and the truth of what was done to it (plain JSON values)."""

    series: "pd.Series[float]"
    truth: dict[str, Any]


def apply(series: "pd.Series[float]", fault: Fault, rng: np.random.Generator) -> Applied:
    """The series as a device with this fault reports it; the given series stays as it is.

    Args:
        series: values by time, in order.
        fault: one of the dataclasses of this module.
        rng: draws what the fault leaves open.

    Raises:
        TwinError: the series is empty, or the fault's numbers make no sense.
    """
    if series.empty:
        raise TwinError(f"fault on {fault.datastream}", "no values to apply it to")
    out, truth = _APPLY[type(fault)](series.astype(float), fault, rng)
    return Applied(out, {"datastream": fault.datastream, "fault": type(fault).__name__.lower(), **truth})


_Step = tuple["pd.Series[float]", dict[str, Any]]


def _hours(series: "pd.Series[float]") -> Floats:
    import pandas as pd

    since = series.index - series.index[0]
    return np.asarray(since / pd.Timedelta(hours=1), dtype=np.float64)


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _share(where: str, value: float | None, low: float, high: float, rng: np.random.Generator) -> float:
    drawn = rng.uniform(low, high)
    if value is None:
        return round(float(drawn), 3)
    if not 0.0 <= value <= 1.0:
        raise TwinError(where, f"{value}", "A share of the record, 0 to 1.")
    return value


def _noise(series: "pd.Series[float]", fault: Noise, rng: np.random.Generator) -> _Step:
    if not 0.0 <= fault.sd < np.inf:
        raise TwinError("Noise.sd", f"{fault.sd}", "0 or more.")
    scale = np.abs(series.to_numpy()) * fault.sd if fault.relative else fault.sd
    return series + rng.standard_normal(len(series)) * scale, {"sd": fault.sd, "relative": fault.relative}


def _gap(series: "pd.Series[float]", fault: Gap, rng: np.random.Generator) -> _Step:
    if fault.count < 0 or fault.mean_minutes <= 0:
        raise TwinError("Gap", f"{fault.count} outages of {fault.mean_minutes} min", "0 or more, of some length.")
    minutes = _hours(series) * 60.0
    lost = np.zeros(len(series), dtype=bool)
    outages = []
    for _ in range(fault.count):
        first = int(rng.integers(len(series)))
        length = float(rng.exponential(fault.mean_minutes))
        hit = (minutes >= minutes[first]) & (minutes <= minutes[first] + length)
        lost |= hit
        outages.append({"first": _iso(series, first), "last": _iso(series, int(np.flatnonzero(hit)[-1]))})
    return series[~lost], {"outages": outages, "lost": int(lost.sum())}


def _drift(series: "pd.Series[float]", fault: Drift, rng: np.random.Generator) -> _Step:
    begins = _share("Drift.begins", fault.begins, 0.1, 0.4, rng)
    drawn = round(float(rng.uniform(0.05, 0.12)) * _sign(rng), 4)
    rate = drawn if fault.rate_per_h is None else fault.rate_per_h
    hours = _hours(series)
    start = begins * hours[-1]
    first = int(np.searchsorted(hours, start))
    error = rate * np.maximum(hours - start, 0.0)
    return series + error, {"rate_per_h": rate, "begins": begins, "first": _iso(series, min(first, len(series) - 1))}


def _bias(series: "pd.Series[float]", fault: Bias, rng: np.random.Generator) -> _Step:
    drawn = round(float(rng.uniform(0.10, 0.30)) * _sign(rng), 3)
    offset = drawn if fault.offset is None else fault.offset
    first = int(_share("Bias.begins", fault.begins, 0.0, 0.0, rng) * (len(series) - 1))
    out = series.copy()
    out.iloc[first:] += offset
    return out, {"offset": offset, "begins": fault.begins, "first": _iso(series, first)}


def _stuck(series: "pd.Series[float]", fault: Stuck, rng: np.random.Generator) -> _Step:
    begins = _share("Stuck.begins", fault.begins, 0.2, 0.5, rng)
    lasts = _share("Stuck.lasts", fault.lasts, 0.2, 0.4, rng)
    first = int(begins * (len(series) - 1))
    last = min(len(series) - 1, first + max(1, round(lasts * (len(series) - 1))))
    out = series.copy()
    out.iloc[first : last + 1] = out.iloc[first]
    truth = {"begins": begins, "lasts": lasts, "first": _iso(series, first), "last": _iso(series, last)}
    return out, {**truth, "value": float(out.iloc[first])}


def _spike(series: "pd.Series[float]", fault: Spike, rng: np.random.Generator) -> _Step:
    if fault.mean_count < 0 or fault.size < 0:
        raise TwinError("Spike", f"{fault.mean_count} of size {fault.size}", "Neither below 0.")
    count = min(int(rng.poisson(fault.mean_count)), len(series))
    places = np.sort(rng.choice(len(series), size=count, replace=False))
    sizes = rng.uniform(0.5, 1.0, count) * fault.size * np.where(rng.random(count) < 0.5, 1.0, -1.0)
    out = series.copy()
    out.iloc[places] += sizes
    return out, {"times": [_iso(series, int(place)) for place in places], "sizes": sizes.round(4).tolist()}


def _clock_skew(series: "pd.Series[float]", fault: ClockSkew, rng: np.random.Generator) -> _Step:
    import pandas as pd

    drawn = 300.0 * int(rng.integers(3, 10)) * _sign(rng)
    seconds = drawn if fault.seconds is None else fault.seconds
    return series.set_axis(series.index + pd.Timedelta(seconds=seconds)), {"seconds": seconds}


def _iso(series: "pd.Series[float]", place: int) -> str:
    return str(series.index[place].isoformat())


_APPLY: dict[type, Callable[..., _Step]] = {
    Noise: _noise,
    Gap: _gap,
    Drift: _drift,
    Bias: _bias,
    Stuck: _stuck,
    Spike: _spike,
    ClockSkew: _clock_skew,
}

ORDER = (Drift, Bias, Noise, Spike, Stuck, Gap, ClockSkew)
"""How a signal meets them: the sensor errs, the register freezes, the telemetry loses, the clock stamps."""
