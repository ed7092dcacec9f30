"""What happens in a run: when, which weather, tide and day, what befalls the district, and how it is run."""

from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Literal

from twin_sandbox.errors import TwinError
from twin_sandbox.world.events import Event
from twin_sandbox.world.moment import moment
from twin_sandbox.world.policies import Policies
from twin_sandbox.world.storm import Storm
from twin_sandbox.world.tide import Tide

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from twin_sandbox.world.weather import Weather

Pumps = Literal["rules", "off", "on"]

WET_HORIZON_H, DRY_HORIZON_H = 48.0, 168.0
"""Longest run [h] with a storm, and without."""


@dataclass(frozen=True)
class Scenario:
    """One night (or any stretch of time) that the twin can run.

    Args:
        name: for people.
        start: start of the run, with its time zone.
        horizon_h: length [h], 0.5 to 48; to 168 where no rain falls.
        storm: the rain; None: it stays dry.
        storm_start: when the storm begins, with its time zone; not before ``start``. None: at the start.
        tide: the sea; may be None (a still sea at mean level) where the engines have no drainage.
        report_step_s: results are kept every so many seconds: whole minutes that divide the horizon.
        pumps: "rules" (start and stop levels of the district), "off", or "on" (as long as there is water).
        sump_start_m: water level in the tank at the start [m above datum]; by default 0.2 m
            below the lowest start level of the pumps, where seepage keeps it between storms.
        engines: names of the engines that run together.
        weather: sun, air and wind; None: an ordinary day of the season.
        day_kind: kind of day by the district's table ``day_kinds``; None: by the calendar.
        events: what befalls the district, kept in the order of time.
        policies: how the district is run.
        grid_m: cell of the street surface [m]: 10, or 5, which is finer and takes six times as long.
        seed: of whatever is left to chance: clouds, drivers, when people leave. Same seed, same run.

    Raises:
        TwinError: any of these is not so.
    """

    name: str
    start: "pd.Timestamp"
    horizon_h: float
    # None is read as a dry storm, the start and a still sea, so whoever reads the fields never meets it.
    storm: Storm = None  # type: ignore[assignment]
    storm_start: "pd.Timestamp" = None  # type: ignore[assignment]
    tide: Tide = None  # type: ignore[assignment]
    report_step_s: int = 300
    pumps: Pumps = "rules"
    sump_start_m: float | None = None
    engines: tuple[str, ...] = ("drainage",)
    weather: "Weather | None" = None
    day_kind: str | None = None
    events: tuple[Event, ...] = ()
    policies: Policies = field(default_factory=Policies)
    grid_m: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        where = f"Scenario {self.name!r}"
        object.__setattr__(self, "start", moment(f"{where}, start", self.start))
        for name in ("engines", "events"):
            if isinstance(getattr(self, name), str) or not hasattr(getattr(self, name), "__iter__"):
                raise TwinError(f"{where}, {name}", repr(getattr(self, name)), "A tuple.")
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.storm is None:
            object.__setattr__(self, "storm", Storm.dry())
        if self.storm_start is None:
            object.__setattr__(self, "storm_start", self.start)
        if self.tide is None and "drainage" not in self.engines:
            object.__setattr__(self, "tide", Tide(0.0, 0.0, self.start))
        object.__setattr__(self, "storm_start", moment(f"{where}, storm_start", self.storm_start))
        self._refuse_wrong_kinds(where)
        self._refuse_wrong_times(where)
        self._refuse_wrong_choices(where)
        events = sorted(self.events, key=lambda event: (event.start, type(event).__name__, event.codes))
        object.__setattr__(self, "events", tuple(events))

    def _refuse_wrong_kinds(self, where: str) -> None:
        if not isinstance(self.storm, Storm):
            raise TwinError(f"{where}, storm", f"a {type(self.storm).__name__}", "A Storm, e.g. Storm.chicago(10).")
        if not isinstance(self.tide, Tide):
            raise TwinError(f"{where}, tide", f"a {type(self.tide).__name__}", "A Tide.")
        if not isinstance(self.policies, Policies):
            raise TwinError(f"{where}, policies", f"a {type(self.policies).__name__}", "Policies.")
        for event in self.events:
            if not isinstance(event, Event):
                raise TwinError(f"{where}, events", f"a {type(event).__name__}", "Events of twin_sandbox.world.events.")
        if self.weather is not None:
            from twin_sandbox.world.weather import Weather

            if not isinstance(self.weather, Weather):
                raise TwinError(f"{where}, weather", f"a {type(self.weather).__name__}", "A Weather.")

    def _refuse_wrong_times(self, where: str) -> None:
        for name in ("horizon_h", "report_step_s"):
            if not isinstance(getattr(self, name), Real):
                raise TwinError(f"{where}, {name}", repr(getattr(self, name)), "A number.")
        longest_h = WET_HORIZON_H if self.rains else DRY_HORIZON_H
        if not 0.5 <= self.horizon_h <= longest_h:
            then = "" if not self.rains else f"Without a storm up to {DRY_HORIZON_H:g} h."
            raise TwinError(f"{where}, horizon_h", f"{self.horizon_h:g} h", f"0.5 to {longest_h:g} h.", then)
        if self.report_step_s < 60 or self.report_step_s % 60 or self.horizon_s % self.report_step_s:
            raise TwinError(
                f"{where}, report_step_s", f"{self.report_step_s} s", "Whole minutes that divide the horizon, e.g. 300."
            )
        delay_s = self._delay_s
        if not 0 <= delay_s < self.horizon_s or delay_s % 60:
            raise TwinError(
                f"{where}, storm_start",
                f"{self.storm_start} is {delay_s / 3600:g} h after the start",
                f"Whole minutes from 0 to the horizon of {self.horizon_h:g} h.",
            )
        for event in self.events:
            if not self.start <= event.start < self.end:
                raise TwinError(
                    f"{where}, events, {type(event).__name__}.start",
                    f"{event.start}",
                    f"From {self.start} to before {self.end}.",
                )

    def _refuse_wrong_choices(self, where: str) -> None:
        if self.pumps not in ("rules", "off", "on"):
            raise TwinError(f"{where}, pumps", repr(self.pumps), 'One of "rules", "off", "on".')
        if self.grid_m not in (5, 10):
            raise TwinError(f"{where}, grid_m", repr(self.grid_m), "5 or 10 m.")
        if type(self.seed) is not int or not 0 <= self.seed < 2**31:
            raise TwinError(f"{where}, seed", repr(self.seed), "A whole number from 0 to 2147483647.")
        if self.day_kind is not None and not (isinstance(self.day_kind, str) and self.day_kind):
            raise TwinError(f"{where}, day_kind", repr(self.day_kind), 'A kind of day, e.g. "weekday".')
        wrong = [name for name in self.engines if not (isinstance(name, str) and name.isidentifier())]
        if wrong or not self.engines or len(set(self.engines)) < len(self.engines):
            raise TwinError(f"{where}, engines", repr(self.engines), "Names of engines, each once.")

    @property
    def rains(self) -> bool:
        """Whether any rain falls."""
        return bool(self.storm.intensity_mm_h.any())

    def weather_or_ordinary(self) -> "Weather":
        """The weather, which is an ordinary day of the season if none is given."""
        from twin_sandbox.world.weather import Weather

        return (
            self.weather if self.weather is not None else Weather.ordinary(self.start, self.horizon_s, seed=self.seed)
        )

    @property
    def horizon_s(self) -> int:
        """Length of the run [s]."""
        return round(self.horizon_h * 3600)

    @property
    def end(self) -> "pd.Timestamp":
        """End of the run."""
        import pandas as pd

        return self.start + pd.Timedelta(seconds=self.horizon_s)

    def times(self) -> "pd.DatetimeIndex":
        """The moments at which results are kept: start, then every ``report_step_s``, end included."""
        import pandas as pd

        count = self.horizon_s // self.report_step_s + 1
        return pd.date_range(self.start, periods=count, freq=pd.Timedelta(seconds=self.report_step_s), name="time")

    def rain_mm_h(self) -> "pd.Series[float]":
        """Mean rain intensity [mm/h] since the moment before, at each of :meth:`times`; 0 at the first.

        So the values times the step add up to the storm's depth.
        """
        import numpy as np
        import pandas as pd

        times = self.times()
        fallen_mm = self._fallen_mm(np.arange(len(times), dtype=np.float64) * self.report_step_s - self._delay_s)
        rain = np.diff(fallen_mm, prepend=fallen_mm[:1]) * (3600.0 / self.report_step_s)
        return pd.Series(rain, index=times, name="rain_mm_h")

    def rain_depth_mm(self, begin: "pd.Timestamp", end: "pd.Timestamp") -> float:
        """Rain [mm] that falls from ``begin`` to ``end``."""
        import numpy as np

        since_s = [(at - self.storm_start).total_seconds() for at in (begin, end)]
        first, last = self._fallen_mm(np.array(since_s))
        return float(last - first)

    @property
    def _delay_s(self) -> float:
        return (self.storm_start - self.start).total_seconds()

    def _fallen_mm(self, since_s: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Rain [mm] from the storm's start until each time since [s]."""
        import numpy as np

        step_s = float(self.storm.step_s)
        edges_s = np.arange(self.storm.intensity_mm_h.size + 1) * step_s
        depth_mm = np.concatenate([[0.0], np.cumsum(self.storm.intensity_mm_h) * (step_s / 3600.0)])
        return np.asarray(np.interp(since_s, edges_s, depth_mm), dtype=np.float64)
