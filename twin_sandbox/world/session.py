"""A run that stops at each control step, so that a program can read sensors and act on pumps and gates."""

import math
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from twin_sandbox.engines.drainage.sewers import Drainage
from twin_sandbox.errors import TwinError
from twin_sandbox.world.control_room import ControlRoom, Seen
from twin_sandbox.world.drains import drains
from twin_sandbox.world.reality import Reality
from twin_sandbox.world.result import Result, make_result
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    from twin_sandbox.entities import District


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
        self._room = ControlRoom(district, scenario, reality, step_s)
        self._bottoms_m: dict[str, float] = district.entities["low_areas"]["bottom_m"].to_dict()
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
        """What the control room sees now.

        ``time`` (ISO, Beijing), ``minutes`` since the start, and the plain floats of
        :meth:`twin_sandbox.world.control_room.ControlRoom.tells`.
        """
        drained, found = self._drains, self._state.found
        levels = dict(zip(drained.node_codes, found["level_m"].tolist(), strict=True))
        seen = Seen(
            levels_m=levels,
            flows_m3s=dict(zip(drained.model.links, found["flow_m3s"].tolist(), strict=True)),
            settings=dict(zip(drained.model.rules, found["setting"].tolist(), strict=True)),
            depths_m={code: levels[code] - bottom_m for code, bottom_m in self._bottoms_m.items()},
        )
        told = {"time": self.time.isoformat(), "minutes": self._state.time_s / 60.0}
        return told | self._room.tells(self._state.time_s, seen)

    def step(self, settings: Mapping[str, float] | None = None) -> None:
        """Set pumps and gates, and go on by one control step.

        Args:
            settings: name → 0 (off, shut) to 1 (full speed, open). What was never named obeys the standing rules;
                what was named keeps its setting.

        Raises:
            TwinError: an unknown name, a value out of range, or the run is over.
        """
        allowed = self.check({} if settings is None else settings)
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
                plain_number = not isinstance(value, str | bytes) and np.ndim(value) == 0
                number = float(value) if plain_number else math.nan
            except (TypeError, ValueError, OverflowError):
                number = math.nan
            if not 0.0 <= number <= 1.0:
                raise TwinError(f"session.step, {name}", f"{value!r:.60}", "A number from 0 to 1.")
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
