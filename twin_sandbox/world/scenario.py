"""What happens in a run: a storm, a tide, a horizon, and how the station is worked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import moment
from twin_sandbox.world.storm import Storm
from twin_sandbox.world.tide import Tide

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Pumps = Literal["rules", "off", "on"]


@dataclass(frozen=True)
class Scenario:
    """One night (or any stretch of time) that the twin can run.

    Args:
        name: for people.
        start: start of the run, with its time zone.
        horizon_h: length [h], 0.5 to 48.
        storm: the rain.
        storm_start: when the storm begins, with its time zone; not before ``start``.
        tide: the sea.
        report_step_s: results are kept every so many seconds: whole minutes that divide the horizon.
        pumps: "rules" (start and stop levels of the district), "off", or "on" (as long as there is water).
        sump_start_m: water level in the tank at the start [m above datum]; by default 0.2 m
            below the lowest start level of the pumps, where seepage keeps it between storms.

    Raises:
        TwinError: any of these is not so.
    """

    name: str
    start: "pd.Timestamp"
    horizon_h: float
    storm: Storm
    storm_start: "pd.Timestamp"
    tide: Tide
    report_step_s: int = 300
    pumps: Pumps = "rules"
    sump_start_m: float | None = None

    def __post_init__(self) -> None:
        where = f"Scenario {self.name!r}"
        object.__setattr__(self, "start", moment(f"{where}, start", self.start))
        object.__setattr__(self, "storm_start", moment(f"{where}, storm_start", self.storm_start))
        if not isinstance(self.storm, Storm):
            raise TwinError(f"{where}, storm", f"a {type(self.storm).__name__}", "A Storm, e.g. Storm.chicago(10).")
        if not isinstance(self.tide, Tide):
            raise TwinError(f"{where}, tide", f"a {type(self.tide).__name__}", "A Tide.")
        if not 0.5 <= self.horizon_h <= 48:
            raise TwinError(f"{where}, horizon_h", f"{self.horizon_h:g} h", "0.5 to 48 h.")
        if self.report_step_s < 60 or self.report_step_s % 60 or self.horizon_s % self.report_step_s:
            raise TwinError(
                f"{where}, report_step_s", f"{self.report_step_s} s", "Whole minutes that divide the horizon, e.g. 300."
            )
        if self.pumps not in ("rules", "off", "on"):
            raise TwinError(f"{where}, pumps", repr(self.pumps), 'One of "rules", "off", "on".')
        delay_s = self._delay_s
        if not 0 <= delay_s < self.horizon_s or delay_s % 60:
            raise TwinError(
                f"{where}, storm_start",
                f"{self.storm_start} is {delay_s / 3600:g} h after the start",
                f"Whole minutes from 0 to the horizon of {self.horizon_h:g} h.",
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
