"""What a control room of the drains sees, under the same names whichever engine runs the water."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

FORECAST_MIN = 60
"""How far the forecast in the measurements looks ahead [min]."""


@dataclass(frozen=True)
class Seen:
    """What an engine found of the drains.

    Args:
        levels_m: node → level above the city datum [m].
        flows_m3s: pumps and gates by their short names → flow [m³/s].
        settings: likewise → 0 (off, shut) to 1 (full speed, open).
        depths_m: low area → depth of water on its street [m].
    """

    levels_m: Mapping[str, float]
    flows_m3s: Mapping[str, float]
    settings: Mapping[str, float]
    depths_m: Mapping[str, float]


class ControlRoom:
    """Reads a run of the drains as its control room does.

    Args:
        district: where.
        scenario: what happens.
        reality: how the real city differs.
        step_s: control step [s].
    """

    def __init__(self, district: "District", scenario: "Scenario", reality: "Reality", step_s: int) -> None:
        from twin_sandbox.things.ledger import ledger

        self._scenario, self._reality, self._step_s = scenario, reality, step_s
        self._sump = str(district.entities["storages"].index[0])
        things = ledger(district)
        self._levels, self._depths = (
            [
                (f"{str(key).replace('-', '_')}_m", str(host))
                for key, host in things.loc[things["kind"] == kind, "host"].items()
            ]
            for kind in ("level_sensor", "street_depth")
        )

    def tells(self, time_s: float, seen: Seen) -> dict[str, Any]:
        """What it sees at a moment [s since start], exact (noise comes with ``twin.observe``); plain floats.

        =========================== ===========================================================
        ``rain_mm_h``               rain intensity, mean of the past control step
        ``tide_m``                  sea level [m above datum]
        ``sump_m``                  water level in the tank [m above datum]
        ``level_<nn>_m``            level sensor ``level-<nn>`` [m above datum]
        ``depth_<nn>_m``            street depth sensor ``depth-<nn>`` [m above the low area's bottom]
        ``<pump>_m3s``, ``<pump>``  flow of a pump, and its setting 0 to 1
        ``<gate>_m3s``, ``<gate>``  likewise for a gate
        ``forecast_rain_mm``        rain of the next 60 min (a perfect forecast)
        ``forecast_tide_m``         sea level in 60 min
        =========================== ===========================================================
        """
        scenario = self._scenario
        now = scenario.start + pd.Timedelta(seconds=time_s)
        past = now - pd.Timedelta(seconds=min(self._step_s, time_s) or self._step_s)
        ahead = now + pd.Timedelta(minutes=FORECAST_MIN)
        told: dict[str, Any] = {
            "rain_mm_h": scenario.rain_depth_mm(past, now) * self._reality.rain_factor / (self._step_s / 3600.0),
            "tide_m": float(scenario.tide.level_m(now)[0]),
            "sump_m": seen.levels_m[self._sump],
        }
        told |= {key: seen.levels_m[host] for key, host in self._levels}
        told |= {key: seen.depths_m[host] for key, host in self._depths}
        for name, setting in seen.settings.items():
            told[f"{name}_m3s"], told[name] = seen.flows_m3s[name], setting
        told["forecast_rain_mm"] = scenario.rain_depth_mm(now, ahead)
        told["forecast_tide_m"] = float(scenario.tide.level_m(ahead)[0])
        return told
