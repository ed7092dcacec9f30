"""A run that stops at each control step, so that a program can read sensors and act on pumps and gates."""

import math
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from twin_sandbox.engines.drainage import Drainage
from twin_sandbox.errors import TwinError
from twin_sandbox.things.ledger import ledger
from twin_sandbox.world.drains import drains
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.result import Result, make_result
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    from twin_sandbox.entities import District

FORECAST_MIN = 60
"""How far the forecast in the measurements looks ahead [min]."""


class Session:
    """One open run. Made by ``twin.session(...)``; use it in a ``with`` block.

    Args:
        district: where.
        scenario: what happens.
        reality: how the real network differs from the public model.
        step_s: control step [s]: whole minutes that divide the horizon.

    Raises:
        TwinError: a step that does not fit, or the engine refuses the model.
    """

    def __init__(self, district: "District", scenario: Scenario, reality: Reality, step_s: int) -> None:
        if step_s < 60 or step_s % 60 or scenario.horizon_s % step_s:
            raise TwinError("session, step_s", f"{step_s} s", "Whole minutes that divide the horizon, e.g. 300.")
        self.scenario, self.step_s = scenario, step_s
        self._district = district
        self._drains = drains(district, scenario, reality)
        self._reality = reality
        self._names = (*self._drains.pumps, *self._drains.gates)
        self._devices = _sensors(district)
        self._engine = Drainage(self._drains.model)
        self._result: Result | None = None
        try:
            self._state = self._engine.start()
        except BaseException:
            self._engine.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """What can be set: ``pump_1`` …, ``gate_1`` …."""
        return self._names

    @property
    def done(self) -> bool:
        """Whether the horizon is reached."""
        return self._state.time_s >= self.scenario.horizon_s

    @property
    def time(self) -> pd.Timestamp:
        """The present moment."""
        return self.scenario.start + pd.Timedelta(seconds=self._state.time_s)

    def measurements(self) -> dict[str, Any]:
        """What the control room sees now, exact (noise comes with ``twin.observe``); plain floats but for the time.

        =========================== ===========================================================
        ``time``                    ISO time, Beijing
        ``minutes``                 since the start of the run
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
        now, scenario = self.time, self.scenario
        past = now - pd.Timedelta(seconds=min(self.step_s, self._state.time_s) or self.step_s)
        ahead = now + pd.Timedelta(minutes=FORECAST_MIN)
        factor = self._reality.rain_factor
        hours = self.step_s / 3600.0
        seen: dict[str, Any] = {
            "time": now.isoformat(),
            "minutes": self._state.time_s / 60.0,
            "rain_mm_h": scenario.rain_depth_mm(past, now) * factor / hours,
            "tide_m": float(scenario.tide.level_m(now)[0]),
        }
        levels = dict(zip(self._drains.node_codes, self._state.found["level_m"].tolist(), strict=True))
        flows = dict(zip(self._drains.model.links, self._state.found["flow_m3s"].tolist(), strict=True))
        settings = dict(zip(self._drains.model.rules, self._state.found["setting"].tolist(), strict=True))
        seen["sump_m"] = levels[self._drains.sump]
        for key, host, zero_m in self._devices:
            seen[key] = levels[host] - zero_m
        for name in self._names:
            seen[f"{name}_m3s"], seen[name] = flows[name], settings[name]
        seen["forecast_rain_mm"] = scenario.rain_depth_mm(now, ahead)
        seen["forecast_tide_m"] = float(scenario.tide.level_m(ahead)[0])
        return seen

    def step(self, settings: Mapping[str, float] | None = None) -> None:
        """Set pumps and gates, and go on by one control step.

        Args:
            settings: name → 0 (off, shut) to 1 (full speed, open). What was never named obeys the standing rules;
                what was named keeps its setting.

        Raises:
            TwinError: an unknown name, a value out of range, or the run is over.
        """
        allowed = self.check(settings or {})
        if self.done:
            raise TwinError("session.step", "the horizon is reached", then="Ask for session.result().")
        until_s = self._state.time_s + self.step_s
        self._state = self._engine.step(until_s, allowed)

    def check(self, settings: Mapping[str, float]) -> dict[str, float]:
        """The settings as plain floats.

        Raises:
            TwinError: an unknown name or a value out of range.
        """
        if not isinstance(settings, Mapping):
            raise TwinError("session.step", f"settings are a {type(settings).__name__}", 'A dict like {"pump_1": 1.0}.')
        plain: dict[str, float] = {}
        for name, value in settings.items():
            if name not in self._names:
                raise TwinError("session.step", f"{name!r}", f"One of: {', '.join(self._names)}.")
            try:
                number = math.nan if isinstance(value, str | bytes) else float(value)
            except (TypeError, ValueError):
                number = math.nan
            if not 0.0 <= number <= 1.0:
                raise TwinError(f"session.step, {name}", f"{value!r}", "A number from 0 to 1.")
            plain[name] = number
        return plain

    def result(self) -> Result:
        """The result of the run, which goes on to its end first if it is not there yet."""
        if self._result is None:
            if not self.done:
                self._state = self._engine.step(self.scenario.horizon_s, {})
            records = self._engine.finish()
            self._result = make_result(self._district, self.scenario, self._reality, self._drains, records)
        return self._result

    def close(self) -> None:
        """End the run; the result, once asked for, stays."""
        self._engine.close()


def _sensors(district: "District") -> list[tuple[str, str, float]]:
    """For each level and street depth sensor: its key in the measurements, its host, the level it counts from."""
    bottoms = district.entities["low_areas"]["bottom_m"]
    found = []
    for datastream, row in ledger(district).iterrows():
        if row.kind in ("level_sensor", "street_depth"):
            zero_m = float(bottoms[row.host]) if row.kind == "street_depth" else 0.0
            found.append((f"{str(datastream).replace('-', '_')}_m", row.host, zero_m))
    return found
