"""The weather over a run: temperature, sun, wind and humidity, from the climate, for extreme days, or from arrays."""

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.world import climate
from twin_sandbox.world.climate import Days
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    import pandas as pd

LATITUDE_DEG, LONGITUDE_DEG, ALTITUDE_M = 35.5, 120.9, 10.0
"""Where the sample district's plane coordinates lie."""
STEPS_S = (300, 600, 900, 1800, 3600)
_LONGEST_S = 2 * 366 * 86400
_LIMITS = {
    "temperature_c": (-60.0, 60.0, "°C"),
    "ghi_w_m2": (0.0, 1500.0, "W/m²"),
    "dni_w_m2": (0.0, 1400.0, "W/m²"),
    "dhi_w_m2": (0.0, 1000.0, "W/m²"),
    "wind_m_s": (0.0, 80.0, "m/s"),
    "humidity_percent": (0.0, 100.0, "%"),
}
QUANTITIES = tuple(_LIMITS)


@dataclass(frozen=True, eq=False)
class Weather:
    """Values at ``start``, ``start + step_s``, …; between two moments they change linearly.

    Args:
        start: moment of the first value, with its time zone.
        step_s: time from one value to the next [s], one of `STEPS_S`.
        temperature_c: of the air, in the shade.
        ghi_w_m2: global irradiance on the level.
        dni_w_m2: direct irradiance on a plane that faces the sun.
        dhi_w_m2: diffuse irradiance on the level.
        wind_m_s: 10 m above the ground.
        humidity_percent: relative humidity.

    Raises:
        TwinError: a moment without time zone, arrays that do not fit together, or a value no weather has.
    """

    start: "pd.Timestamp"
    step_s: int
    temperature_c: NDArray[np.float64]
    ghi_w_m2: NDArray[np.float64]
    dni_w_m2: NDArray[np.float64]
    dhi_w_m2: NDArray[np.float64]
    wind_m_s: NDArray[np.float64]
    humidity_percent: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", moment("Weather.start", self.start))
        if self.step_s not in STEPS_S:
            raise TwinError("Weather.step_s", f"{self.step_s!r} s", f"One of {', '.join(map(str, STEPS_S))} s.")
        for name, (low, high, unit) in _LIMITS.items():
            values = _numbers(name, getattr(self, name))
            if name != "temperature_c" and values.shape != self.temperature_c.shape:
                raise TwinError(
                    f"Weather.{name}", f"{values.size} values", f"{self.temperature_c.size}, as temperature_c has."
                )
            wrong = ~((values >= low) & (values <= high))
            if wrong.any():
                k = int(np.argmax(wrong))
                raise TwinError(f"Weather.{name}, value {k}", f"{values[k]:g} {unit}", f"{low:g} to {high:g} {unit}.")
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Weather):
            return NotImplemented
        same = self.start == other.start and self.step_s == other.step_s
        return same and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in QUANTITIES)

    def __hash__(self) -> int:
        return hash((self.start, self.step_s, self.temperature_c.tobytes(), self.ghi_w_m2.tobytes()))

    @property
    def times(self) -> "pd.DatetimeIndex":
        """The moments of the values."""
        import pandas as pd

        count = self.temperature_c.size
        return pd.date_range(self.start, periods=count, freq=pd.Timedelta(seconds=self.step_s))

    @property
    def horizon_s(self) -> int:
        """Time from the first value to the last [s]."""
        return (self.temperature_c.size - 1) * self.step_s

    def at(self, times: Any) -> "pd.DataFrame":  # noqa: ANN401 - whatever pandas reads as times
        """The weather at each time, linear between values: one row a time, columns as the attributes.

        Raises:
            TwinError: a time without zone, or outside the weather.
        """
        import pandas as pd

        try:
            index = pd.DatetimeIndex([times] if isinstance(times, str | pd.Timestamp) else times)
        except (TypeError, ValueError):
            raise TwinError("Weather.at", f"{times!r}", 'Times, e.g. "2026-07-18 20:00+08:00".') from None
        if index.tz is None:
            raise TwinError("Weather.at", "times without time zone", 'E.g. "2026-07-18 20:00+08:00".')
        since_s = np.asarray((index - self.start) / pd.Timedelta(seconds=1), dtype=np.float64)
        if index.size and not (since_s.min() >= 0.0 and since_s.max() <= self.horizon_s):
            raise TwinError(
                "Weather.at", f"{index.min()} to {index.max()}", f"{self.start} to {self.times[-1]}.",
                "Make the weather for the whole run.",
            )  # fmt: skip
        known_s = np.arange(self.temperature_c.size) * float(self.step_s)
        columns = {name: np.interp(since_s, known_s, getattr(self, name)) for name in QUANTITIES}
        return pd.DataFrame(columns, index=index)

    def changed(self, **values: Any) -> Self:  # noqa: ANN401 - as the attributes
        """The same weather with other values, e.g. ``weather.changed(temperature_c=weather.temperature_c + 2)``.

        Raises:
            TwinError: as for a new weather, or a name that it does not have.
        """
        known = [field.name for field in fields(self)]
        for name in values:
            if name not in known:
                raise TwinError(f"Weather.changed, {name}", "no such quantity", f"One of {', '.join(known)}.")
        return replace(self, **values)

    @classmethod
    def normal(cls, start: object, horizon_s: float, step_s: int = 300) -> Self:
        """The climate's mean: every day as its month has them on average.

        Raises:
            TwinError: no moment with a zone, or a horizon that is no time span.
        """
        return cls._of_days(*_span(start, horizon_s, step_s), step_s, None, {})

    @classmethod
    def ordinary(cls, start: object, horizon_s: float, step_s: int = 300, seed: int = 0) -> Self:
        """Days as the climate brings them; a date's weather depends on the date and the seed alone.

        Raises:
            TwinError: no moment with a zone, or a horizon that is no time span.
        """
        return cls._of_days(*_span(start, horizon_s, step_s), step_s, _seed(seed), {})

    @classmethod
    def heat_wave(
        cls,
        start: object,
        horizon_s: float,
        highest_c: float = 36.0,
        step_s: int = 300,
    ) -> Self:
        """Clear, still days that each reach ``highest_c`` and cool by 8 K at night (record of Qingdao: 38.9 °C).

        Raises:
            TwinError: as for an ordinary weather, or a heat that is none.
        """
        highest_c = _within("Weather.heat_wave, highest_c", highest_c, 28.0, 50.0)
        shape = {"mean_c": highest_c - 4.0, "swing_k": 8.0, "clear_share": 0.97, "wind_m_s": 2.0}
        return cls._of_days(*_span(start, horizon_s, step_s), step_s, None, {**shape, "humidity_percent": 60.0})

    @classmethod
    def cold_spell(
        cls,
        start: object,
        horizon_s: float,
        lowest_c: float = -12.0,
        step_s: int = 300,
    ) -> Self:
        """Dull, windy days that each fall to ``lowest_c`` and warm by 6 K at noon.

        Raises:
            TwinError: as for an ordinary weather, or a cold that is none.
        """
        lowest_c = _within("Weather.cold_spell, lowest_c", lowest_c, -40.0, 5.0)
        shape = {"mean_c": lowest_c + 3.0, "swing_k": 6.0, "clear_share": 0.5, "wind_m_s": 6.0}
        return cls._of_days(*_span(start, horizon_s, step_s), step_s, None, shape)

    @classmethod
    def _of_days(
        cls, start: "pd.Timestamp", count: int, step_s: int, seed: int | None, shape: dict[str, float]
    ) -> Self:
        import pandas as pd

        times = pd.date_range(start, periods=count, freq=pd.Timedelta(seconds=step_s))
        # from the day before to the day after, so that days pass into each other
        midnights = pd.date_range(times[0].normalize() - pd.Timedelta(days=1), times[-1] + pd.Timedelta(days=1))
        of_year = midnights.dayofyear.to_numpy(dtype=np.float64)
        ordinals = np.array([day.toordinal() for day in midnights], dtype=np.int64)
        days = climate.normal_days(of_year) if seed is None else climate.drawn_days(of_year, ordinals, seed)
        days = replace(days, **{name: np.full(len(midnights), value) for name, value in shape.items()})
        elapsed = np.asarray((times - midnights[0]) / pd.Timedelta(days=1), dtype=np.float64)
        temperature_c, mean_c = _temperature(days, elapsed)
        today = elapsed.astype(np.int64)
        ghi, dni, dhi = _sun(times, days.clear_share[today])
        vapour = days.humidity_percent[today] * _saturation(mean_c)
        humidity = np.clip(vapour / _saturation(temperature_c), 10.0, 100.0)
        hour = elapsed % 1.0 * 24.0
        wind = days.wind_m_s[today] * (1.0 + 0.2 * np.cos(2.0 * np.pi * (hour - 14.0) / 24.0))
        return cls(start, step_s, temperature_c, ghi, dni, dhi, wind, humidity)


def _temperature(days: Days, elapsed: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Temperature, and the running mean of the days; means and swings pass linearly from noon to noon."""
    noons = np.arange(days.mean_c.size) + 0.5
    mean_c, swing = np.interp(elapsed, noons, days.mean_c), np.interp(elapsed, noons, days.swing_k)
    # sun time is some minutes ahead of Beijing time here: not told apart at an hourly table
    below = np.interp(elapsed % 1.0 * 24.0, np.arange(25.0), [*climate.BELOW_HIGHEST, climate.BELOW_HIGHEST[0]])
    return mean_c + swing * (0.5 - below), mean_c


def _saturation(temperature_c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Saturation pressure of vapour over water by Magnus, relative to 0 °C (WMO-No. 8, annex 4.B)."""
    return np.exp(17.62 * temperature_c / (243.12 + temperature_c))


def _sun(times: "pd.DatetimeIndex", clear_share: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Global, direct and diffuse irradiance: Ineichen's clear sky × the day's share, divided by Erbs (1982)."""
    import pvlib

    sun = pvlib.solarposition.get_solarposition(times, LATITUDE_DEG, LONGITUDE_DEG, ALTITUDE_M)
    zenith = sun["zenith"].to_numpy()
    of_year = times.dayofyear.to_numpy(dtype=np.float64)
    mass = pvlib.atmosphere.get_relative_airmass(sun["apparent_zenith"].to_numpy())
    absolute = pvlib.atmosphere.get_absolute_airmass(mass)
    turbidity = climate.by_month(climate.LINKE_TURBIDITY, of_year)
    extra = pvlib.irradiance.get_extra_radiation(of_year)
    with np.errstate(divide="ignore", invalid="ignore"):  # at night
        clear = pvlib.clearsky.ineichen(
            sun["apparent_zenith"].to_numpy(), absolute, turbidity, ALTITUDE_M, np.asarray(extra)
        )
    ghi = np.nan_to_num(np.asarray(clear["ghi"])) * clear_share
    split = pvlib.irradiance.erbs(ghi, zenith, of_year)
    dni, dhi = (np.nan_to_num(np.asarray(split[name])) for name in ("dni", "dhi"))
    return np.maximum(ghi, 0.0), np.clip(dni, 0.0, 1400.0), np.maximum(dhi, 0.0)


def _span(start: object, horizon_s: float, step_s: int) -> tuple["pd.Timestamp", int]:
    """Start, and the number of values that cover the horizon, its end included."""
    begins = moment("Weather.start", start)
    if step_s not in STEPS_S:
        raise TwinError("Weather.step_s", f"{step_s!r} s", f"One of {', '.join(map(str, STEPS_S))} s.")
    horizon_s = _within("Weather.horizon_s", horizon_s, 1.0, float(_LONGEST_S))
    return begins, math.ceil(horizon_s / step_s) + 1


def _within(where: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise TwinError(where, f"{value!r}", f"A number from {low:g} to {high:g}.")
    return float(value)


def _seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise TwinError("Weather.ordinary, seed", f"{seed!r}", "A whole number, 0 or more.")
    return seed


def _numbers(name: str, values: object) -> NDArray[np.float64]:
    """A copy as floats, one dimension, at least two values."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TwinError(f"Weather.{name}", f"{type(values).__name__} that holds no numbers", "An array.") from None
    if array.ndim != 1 or array.size < 2:
        raise TwinError(f"Weather.{name}", f"shape {array.shape}", "One dimension and at least two values.")
    return array
