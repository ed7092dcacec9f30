"""The sample district's own weather: what happens there at this hour of this day, the same for all who ask."""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.storm import Storm

HINDCAST_H = 6.0
"""What stands in the streets now fell in the last so many hours [h]."""
MEAN_SEA_M, RANGE_M, SPRING_NEAP_M = 0.0, 2.8, 0.7
_SPRING_NEAP_D = 14.765


def scenario_now(at: "pd.Timestamp") -> "Scenario":
    """The six hours up to a moment, in the district's made-up weather.

    Two days in five bring rain: one storm, of a return period between a quarter of a year and five years, at an hour
    that the date decides. The tide is M2 with the springs and neaps of the moon.

    Args:
        at: a moment, with its time zone.
    """
    import pandas as pd

    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.storm import Storm
    from twin_sandbox.world.tide import Tide

    end = at.tz_convert("Asia/Shanghai").floor("5min")
    start = end - pd.Timedelta(hours=HINDCAST_H)
    spring = pd.Timestamp("2026-01-03 11:00", tz="Asia/Shanghai")
    phase = 2 * np.pi * ((end - spring) / pd.Timedelta(days=_SPRING_NEAP_D))
    tide = Tide(mean_m=MEAN_SEA_M, range_m=RANGE_M + SPRING_NEAP_M * float(np.cos(phase)), high_at=spring)
    storm, begins = Storm.dry(), start
    for day in (start.date(), end.date()):
        found = _storm_of(day)
        if found is not None and start <= found[1] < end:
            storm, begins = found
    return Scenario("now", start, HINDCAST_H, storm, begins, tide)


def _storm_of(day: date) -> "tuple[Storm, pd.Timestamp] | None":
    import pandas as pd

    from twin_sandbox.world.storm import Storm

    dice = np.random.default_rng([20260601, day.toordinal()])
    rains, period_a, minute = dice.random() < 0.4, 0.25 * 20 ** dice.random(), int(dice.integers(0, 24 * 12)) * 5
    if not rains:
        return None
    return Storm.chicago(round(period_a, 2)), pd.Timestamp(day, tz="Asia/Shanghai") + pd.Timedelta(minutes=minute)
