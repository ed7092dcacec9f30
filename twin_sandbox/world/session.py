"""A run of one engine or several on one clock, that stops at each control step so that a program can act.

What can be seen and set is what the engines' ports say: ``session.see("power.voltage_pu")``,
``session.step({"power.switch_closed": {code: 0.0}})``. Pumps and gates also go by their short names:
``session.step({"pump_1": 1.0})``.
"""

import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from twin_sandbox.errors import TwinError
from twin_sandbox.world.clock import Clock, Effect
from twin_sandbox.world.control_room import ControlRoom, Seen
from twin_sandbox.world.models.network import short_names
from twin_sandbox.world.reality import AS_DESIGNED, Reality
from twin_sandbox.world.result import Result, RunFailedError
from twin_sandbox.world.wiring import Wiring, read_wiring

if TYPE_CHECKING:
    from pathlib import Path

    from twin_sandbox.engines.protocol import Engine, Finished
    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario

Settings = Mapping[str, "float | Mapping[str, float]"]
"""``{"pump_1": 1.0, "power.switch_closed": {code: 0.0}}``"""


class Session:
    """One open run. Made by ``twin.session(...)``; use it in a ``with`` block.

    Args:
        district: where.
        scenario: what happens, and which engines take part.
        reality: how the real city differs from the public model.
        step_s: control step [s]: divides the horizon.
        wiring: what feeds what; by default the practicum's own wiring.
        engines: the engines themselves; by default those that the scenario names.

    Raises:
        TwinError: a step or a wiring that does not fit, or an engine refuses its model.
    """

    def __init__(
        self,
        district: "District | None",
        scenario: "Scenario",
        reality: Reality = AS_DESIGNED,
        step_s: int = 300,
        wiring: Wiring | None = None,
        engines: "Mapping[str, Engine] | None" = None,
    ) -> None:
        self.district, self.scenario, self.reality, self.step_s = district, scenario, reality, step_s
        if engines is None:
            from twin_sandbox.world.assemble import assemble

            assert district is not None  # noqa: S101 - engines come from a district
            engines = assemble(district, scenario, reality)
        self.wiring = (wiring or read_wiring()).among(engines)
        self.log: list[dict[str, Any]] = []
        self._result: Result | None = None
        self._failed: TwinError | None = None
        self.clock = Clock(
            engines, self.wiring, scenario.horizon_s, scenario.report_step_s, effects(scenario, district, engines)
        )
        tick_s = self.clock.tick_s
        if step_s <= 0 or step_s % tick_s or scenario.horizon_s % step_s:
            allowed = f"A multiple of {tick_s} s that divides the horizon of {scenario.horizon_s} s."
            raise TwinError("session, step_s", f"{step_s} s", allowed)
        self._room: ControlRoom | None = None
        if district is not None and "drainage" in engines:
            self._room = ControlRoom(district, scenario, reality, step_s)
        try:
            self.clock.start()
        except BaseException:
            self.clock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """What can be set by its short name: ``pump_1`` …, ``gate_1`` …; none without drains."""
        drainage = self.clock.engines.get("drainage")
        return () if drainage is None else drainage.takes["setting"].codes

    @property
    def done(self) -> bool:
        """Whether the horizon is reached, or an engine failed."""
        return self._failed is not None or self.clock.time_s >= self.scenario.horizon_s

    @property
    def time(self) -> pd.Timestamp:
        """The present moment."""
        return self.scenario.start + pd.Timedelta(seconds=self.clock.time_s)

    @property
    def sees(self) -> dict[str, str]:
        """What can be seen: ``engine.quantity`` → its meaning and unit."""
        return {
            f"{name}.{quantity}": f"{port.means} [{port.unit}]"
            for name, engine in self.clock.engines.items()
            for quantity, port in engine.gives.items()
        }

    @property
    def sets(self) -> dict[str, str]:
        """What can be set: ``engine.quantity`` → its meaning and unit."""
        return {
            f"{name}.{quantity}": f"{port.means} [{port.unit}]"
            for name, engine in self.clock.engines.items()
            for quantity, port in engine.takes.items()
        }

    def see(self, quantity: str) -> "pd.Series[float]":
        """What an engine found last: one value for each entity of ``"engine.quantity"``, exact.

        Raises:
            TwinError: no such quantity.
        """
        if quantity not in self.sees:
            raise TwinError("session.see", f"no quantity {quantity!r}", f"{', '.join(self.sees)}.")
        engine, name = quantity.split(".")
        port = self.clock.engines[engine].gives[name]
        return pd.Series(self.clock.found[engine][name].copy(), index=list(port.codes), name=quantity)

    def measurements(self) -> dict[str, Any]:
        """What a controller is told: plain floats.

        ``time`` (ISO, Beijing) and ``minutes`` since the start; every quantity as ``{code: value}``; and where the
        drains take part, what their control room sees, by the names of
        :meth:`twin_sandbox.world.control_room.ControlRoom.tells` (``sump_m``, ``rain_mm_h``, ``pump_1`` …). So a
        controller that asks for these alone works with any engines. A low area's gauge tells the deepest water of its
        street.
        """
        seen: dict[str, Any] = {"time": self.time.isoformat(), "minutes": self.clock.time_s / 60.0}
        for name, found in self.clock.found.items():
            for quantity, values in found.items():
                codes = self.clock.engines[name].gives[quantity].codes
                seen[f"{name}.{quantity}"] = dict(zip(codes, values.tolist(), strict=True))
        if self._room is not None:
            seen |= self._room.tells(self.clock.time_s, self._drains_seen(seen))
        return seen

    def _drains_seen(self, seen: Mapping[str, Any]) -> Seen:
        assert self.district is not None  # noqa: S101 - there is a control room
        short = short_names(self.district)
        flows, depths = seen["drainage.flow_m3s"], seen["drainage.street_depth_m"]
        streets = self.district.entities["low_areas"]["street_code"]
        return Seen(
            levels_m=seen["drainage.level_m"],
            flows_m3s={name: flows[code] for code, name in short.items()},
            settings=seen["drainage.setting"],
            depths_m={area: depths[street] for area, street in streets.items() if street in depths},
        )

    def step(self, settings: Settings | None = None) -> None:
        """Set inputs, and go on by one control step.

        Args:
            settings: what is set keeps its value until it is set again; NaN gives it back to the wiring and the engine.

        Raises:
            TwinError: an unknown name, a value that is no number or is not allowed, or the run is over; nothing is
                changed then.
            RunFailedError: an engine failed; what had been found is in its ``result``.
        """
        plain = self.check({} if settings is None else settings)
        if self.done:
            raise TwinError("session.step", "the run is over", then="Ask for session.result().")
        self._apply(plain)
        self._advance(self.clock.time_s + self.step_s)

    def check(self, settings: Settings) -> dict[str, dict[str, float]]:
        """The settings as ``{"engine.quantity": {code: value}}`` of plain floats.

        Raises:
            TwinError: an unknown name, a value that is no number, or one that its port does not allow.
        """
        if not isinstance(settings, Mapping):
            raise TwinError("session.step", f"settings are a {type(settings).__name__}", 'A dict like {"pump_1": 1.0}.')
        plain: dict[str, dict[str, float]] = {}
        for key, told in settings.items():
            name, given = (key, told) if isinstance(told, Mapping) else (self._by_short_name(key), {key: told})
            if name not in self.sets:
                raise TwinError("session.step", f"{name!r} cannot be set", f"{', '.join([*self.names, *self.sets])}.")
            engine, quantity = name.split(".")
            port = self.clock.engines[engine].takes[quantity]
            for code, number in given.items():
                if code not in port.codes:
                    raise TwinError(
                        f"session.step, {name}", f"no entity {code!r}", f"E.g. {', '.join(port.codes[:6])}."
                    )
                where = f"session.step, {name}"
                plain.setdefault(name, {})[code] = value = _number(f"{where}, {code}", number, port.unit)
                port.refuse(where, code, value)
        return plain

    def _by_short_name(self, key: object) -> str:
        return "drainage.setting" if key in self.names else str(key)

    def _apply(self, plain: Mapping[str, Mapping[str, float]]) -> None:
        for name, values in plain.items():
            engine, quantity = name.split(".")
            self.clock.command(engine, quantity, values)
        if plain:
            self.log.append({"time_s": self.clock.time_s, "settings": {name: dict(of) for name, of in plain.items()}})

    def _advance(self, until_s: int) -> None:
        try:
            self.clock.advance(until_s)
        except Exception as error:
            raise self._ended_by(error) from error

    def _ended_by(self, error: Exception) -> RunFailedError:
        """The run is over: what was found stays, whoever's fault it was."""
        if not isinstance(error, TwinError):  # no refusal but a fault in an engine's own code
            found = f"{type(error).__name__}: {error}"
            error = TwinError("the run", f"an engine failed with {found}", then="This is a fault of the engine.")
        self._failed = error
        return RunFailedError(error, self.result())

    def replay(self, log: Sequence[Mapping[str, Any]], until_s: int) -> None:
        """Go on to ``until_s`` by the commands of a log, each at its time.

        Raises:
            TwinError: as for :meth:`step`.
        """
        for entry in log:
            self._advance(int(entry["time_s"]))
            self._apply(self.check(entry["settings"]))
        self._advance(until_s)

    def result(self) -> Result:
        """The result of the run, which goes on to its end first if it is not there yet; after a failure, what there is.

        Raises:
            RunFailedError: an engine failed on the way; what had been found is in its ``result``.
        """
        if self._result is None:
            if not self.done:
                self._advance(self.scenario.horizon_s)
            assert self.clock.tracks is not None  # noqa: S101 - it was started
            finished: Mapping[str, Finished] = {}
            if not self._failed:
                try:
                    finished = self.clock.finish()
                except Exception as error:
                    raise self._ended_by(error) from error
            self._result = Result(
                district=self.district,
                scenario=self.scenario,
                reality=self.reality,
                tracks=self.clock.tracks,
                finished=finished,
                log=tuple(self.log),
                failed=self._failed,
            )
        return self._result

    def save(self, path: "Path | str") -> "Path":
        """Save the open run as a JSON file, to be taken up by ``twin.resume(path)``.

        Raises:
            TwinError: the run was ended by a failure, or the file cannot be written.
        """
        from twin_sandbox.world.written import save_session

        if self._failed is not None:
            told = f"the run was ended by {self._failed}"
            raise TwinError("session.save", told, then="Ask for session.result(): it has what was found.")

        return save_session(self, path)

    def close(self) -> None:
        """End the run; the result, once asked for, stays."""
        self.clock.close()


def _number(where: str, given: object, unit: str) -> float:
    try:
        plain = not isinstance(given, str | bytes) and np.ndim(given) == 0  # type: ignore[arg-type]
        number = float(given) if plain else math.inf  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.inf
    if math.isinf(number):
        told = "" if unit == "1" else f" in {unit}"
        raise TwinError(where, f"{given!r:.60}", f"A number{told}, or NaN to give it back.")
    return number


def effects(scenario: "Scenario", district: "District | None", engines: "Mapping[str, Engine]") -> list[Effect]:
    """What the scenario's events do to the engines that take part.

    Raises:
        TwinError: an event names what the district has not.
    """
    found = []
    for event in scenario.events:
        for setting in event.settings(district):
            engine = engines.get(setting.engine)
            if engine is None:
                continue
            codes = setting.codes or engine.takes[setting.port].codes
            from_s = (setting.start - scenario.start).total_seconds()
            until_s = math.inf if setting.end is None else (setting.end - scenario.start).total_seconds()
            found += [Effect(setting.engine, setting.port, code, setting.value, from_s, until_s) for code in codes]
    return found


def state_hash(clock: Clock) -> str:
    """SHA-256 over all that the engines have found last: two runs in the same state have the same."""
    import hashlib

    digest = hashlib.sha256(f"{clock.time_s}".encode())
    for name in sorted(clock.found):
        for quantity in sorted(clock.found[name]):
            digest.update(np.ascontiguousarray(clock.found[name][quantity], dtype=np.float64).tobytes())
    return digest.hexdigest()
