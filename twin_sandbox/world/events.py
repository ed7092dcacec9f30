"""What befalls the district in a run: closures, failures, fires, calls; each knows what it sets in which engine.

An event says what happens in a city's words. `Event.settings` says it in the engines': which port, which codes, to
what value, from when until when. The clock hands these over; an engine never sees an event. A call or an order that
no port takes (an ambulance's way) is read by the model of its engine instead and sets nothing.
"""

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District


@dataclass(frozen=True)
class Setting:
    """One value that an event holds on an engine's port.

    Args:
        engine: name of the engine, e.g. ``"traffic"``.
        port: quantity that it takes, e.g. ``"closed"``.
        codes: entities of the port; empty: all of them.
        value: in the port's unit.
        start: from this moment on.
        end: until this moment; None: to the end of the run.
    """

    engine: str
    port: str
    codes: tuple[str, ...]
    value: float
    start: "pd.Timestamp"
    end: "pd.Timestamp | None"


def _entity(*tables: str) -> Any:  # noqa: ANN401 - a dataclass field
    """A field that names an entity of one of these tables (a short name like pump_1 where the table has such)."""
    return field(metadata={"tables": tables})


def _number(low: float, high: float, unit: str) -> Any:  # noqa: ANN401 - a dataclass field
    """A field that is a number within limits."""
    return field(metadata={"low": low, "high": high, "unit": unit})


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens from ``start`` until ``end``.

    Args:
        start: when it begins, with its time zone.
        end: when it is over; None: not before the run is.

    Raises:
        TwinError: a moment without zone, an end that is not after the start, or a value outside its limits.
    """

    start: "pd.Timestamp"
    end: "pd.Timestamp | None" = None

    engine: ClassVar[str] = ""
    """The engine that it acts on."""
    port: ClassVar[str] = ""
    """The quantity that it sets there; empty: the engine's model reads the event."""
    value: ClassVar[float] = 0.0
    """What it sets, unless a number of its own says so."""

    def __post_init__(self) -> None:
        where = type(self).__name__
        object.__setattr__(self, "start", moment(f"{where}.start", self.start))
        if self.end is not None:
            object.__setattr__(self, "end", moment(f"{where}.end", self.end))
            if self.end <= self.start:
                raise TwinError(f"{where}.end", f"{self.end}", f"After the start, {self.start}.")
        for one in fields(self):
            given = getattr(self, one.name)
            if "tables" in one.metadata and not (isinstance(given, str) and given):
                raise TwinError(f"{where}.{one.name}", repr(given), f"A code of {_either(one.metadata['tables'])}.")
            if "unit" in one.metadata:
                self._refuse_absurd(one.name, given, one.metadata["low"], one.metadata["high"], one.metadata["unit"])

    def _refuse_absurd(self, name: str, given: Any, low: float, high: float, unit: str) -> None:  # noqa: ANN401 - checked
        real = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
        if not real or not low <= given <= high:
            told = "" if unit == "1" else f" {unit}"
            raise TwinError(f"{type(self).__name__}.{name}", f"{given!r}", f"{low:g} to {high:g}{told}.")

    @property
    def codes(self) -> tuple[str, ...]:
        """The entities that it names, in the order of its fields."""
        return tuple(getattr(self, one.name) for one in fields(self) if "tables" in one.metadata)

    def settings(self, district: "District | None" = None) -> tuple[Setting, ...]:
        """What it sets. ``district`` is needed by events whose codes only the district's tables tell.

        Raises:
            TwinError: the event needs the district and has none, or the district has nothing that it could set.
        """
        del district
        if not self.port:
            return ()
        own = [getattr(self, one.name) for one in fields(self) if "unit" in one.metadata]
        value = float(own[0] if own else self.value)
        return (Setting(self.engine, self.port, self.codes, value, self.start, self.end),)

    def check(self, district: "District") -> None:
        """Refuse a code that the district has not.

        Raises:
            TwinError: the field, the code, and what is near it.
        """
        for one in fields(self):
            if "tables" in one.metadata:
                _refuse_unknown(district, f"{type(self).__name__}.{one.name}", getattr(self, one.name), one.metadata)
        self.settings(district)


def _either(tables: tuple[str, ...]) -> str:
    return " or ".join(tables)


def _refuse_unknown(district: "District", where: str, code: str, metadata: Any) -> None:  # noqa: ANN401 - a mapping
    from difflib import get_close_matches

    from twin_sandbox.world.models.network import short_names

    known: list[str] = []
    for table in metadata["tables"]:
        codes = [str(one) for one in district.entities[table].index]
        known += [short_names(district)[one] for one in codes] if table in ("pumps", "gates") else codes
    if code in known:
        return
    near = get_close_matches(code, known, 1, 0.5)
    then = f"Did you mean {near[0]!r}?" if near else f"The first is {known[0]!r}." if known else ""
    raise TwinError(where, f"{code!r} is not in the district", f"A code of {_either(metadata['tables'])}.", then)


@dataclass(frozen=True)
class StreetClosed(Event):
    """A street shut to vehicles; they look for another way."""

    street: str = _entity("streets")
    engine, port, value = "traffic", "closed", 1.0


@dataclass(frozen=True)
class SignalDark(Event):
    """Signals of a junction without power or out of order: first come, first served."""

    signal: str = _entity("signals")
    engine, port, value = "traffic", "signal_powered", 0.0


@dataclass(frozen=True)
class AmbulanceCall(Event):
    """An ambulance leaves one building for another at ``start``; the traffic model carries it."""

    origin: str = _entity("buildings")
    destination: str = _entity("buildings")
    engine = "traffic"


@dataclass(frozen=True)
class DemandChange(Event):
    """More or fewer trips by vehicle than on such a day.

    Args:
        factor: real ÷ usual, 0 to 3.
    """

    factor: float = _number(0.0, 3.0, "1")
    engine, port = "traffic", "demand_factor"


@dataclass(frozen=True)
class SwitchOpen(Event):
    """A breaker or switch stands open."""

    switch: str = _entity("power_switches")
    engine, port, value = "power", "switch_closed", 0.0


@dataclass(frozen=True)
class PowerOutage(Event):
    """A line, a transformer or a busbar is cut off: every switch at its ends opens."""

    asset: str = _entity("power_lines", "transformers", "power_buses", "grid_feeds")
    engine, port, value = "power", "switch_closed", 0.0

    def settings(self, district: "District | None" = None) -> tuple[Setting, ...]:
        """The asset's switches, open.

        Raises:
            TwinError: no district, or no switch could cut the asset off.
        """
        if district is None:
            raise TwinError(
                "PowerOutage.settings", "no district", "The district, whose tables tell the asset's switches."
            )
        feeds = district.entities["grid_feeds"]
        asset = str(feeds["bus_code"][self.asset]) if self.asset in feeds.index else self.asset
        switches = district.entities["power_switches"]
        ends = switches[["branch_code", "bus_code", "tie_bus_code"]].eq(asset).any(axis=1)
        codes = tuple(str(code) for code in switches.index[ends])
        if not codes:
            raise TwinError("PowerOutage.asset", f"{self.asset!r} has no switch", "An asset with a switch at an end.")
        return (Setting(self.engine, self.port, codes, self.value, self.start, self.end),)


@dataclass(frozen=True)
class PipeBreak(Event):
    """A water main bursts: it leaks C √head.

    Args:
        pipe: the main.
        coefficient: C [m³/s/m^0.5], 0 to 0.1; 0.02 lets out about 110 L/s at 30 m.
    """

    pipe: str = _entity("water_pipes")
    coefficient: float = _number(0.0, 0.1, "m³/s/m^0.5")
    engine, port = "supply", "leak_coefficient"


@dataclass(frozen=True)
class ValveShut(Event):
    """A valve of the water supply is shut."""

    valve: str = _entity("water_valves")
    engine, port, value = "supply", "valve_open", 0.0


@dataclass(frozen=True)
class BoosterFailed(Event):
    """A booster station stands still, so the upper storeys of its building have what the main alone gives."""

    booster: str = _entity("booster_pumps")
    engine, port, value = "supply", "powered", 0.0


@dataclass(frozen=True)
class Fire(Event):
    """Firefighters draw water from a hydrant.

    Args:
        hydrant: where.
        flow_m3s: what they draw [m³/s], 0 to 0.1; one hydrant gives 0.010 to 0.015 (GB 50974-2014, 7.2).
    """

    hydrant: str = _entity("hydrants")
    flow_m3s: float = _number(0.0, 0.1, "m³/s")
    engine, port = "supply", "fire_m3s"


@dataclass(frozen=True)
class PumpFailed(Event):
    """A pump of the drainage station does not run, whatever it is told.

    Args:
        pump: its short name, ``pump_1``.
    """

    pump: str = _entity("pumps")
    engine, port, value = "drainage", "powered", 0.0

    def settings(self, district: "District | None" = None) -> tuple[Setting, ...]:
        """The pump without power, by its unified code.

        Raises:
            TwinError: no district, or it has no such pump.
        """
        if district is None:
            raise TwinError("PumpFailed.settings", "no district", "The district, whose tables tell the pump's code.")
        from twin_sandbox.world.models.network import short_names

        codes = {name: code for code, name in short_names(district).items()}
        if self.pump not in codes:
            _refuse_unknown(district, "PumpFailed.pump", self.pump, {"tables": ("pumps",)})
        return (Setting(self.engine, self.port, (codes[self.pump],), self.value, self.start, self.end),)


@dataclass(frozen=True)
class GateStuck(Event):
    """A gate stays where it is, whatever it is told.

    Args:
        gate: its short name, ``gate_1``.
        opening: 0 shut to 1 open.
    """

    gate: str = _entity("gates")
    opening: float = _number(0.0, 1.0, "1")
    engine, port = "drainage", "setting"


@dataclass(frozen=True)
class Evacuation(Event):
    """The people of a building are taken to the nearest shelter, and no one goes in."""

    building: str = _entity("buildings")
    engine, port, value = "people", "evacuated", 1.0


EVENTS: dict[str, type[Event]] = {
    "street_closed": StreetClosed,
    "signal_dark": SignalDark,
    "ambulance_call": AmbulanceCall,
    "demand_change": DemandChange,
    "switch_open": SwitchOpen,
    "power_outage": PowerOutage,
    "pipe_break": PipeBreak,
    "valve_shut": ValveShut,
    "booster_failed": BoosterFailed,
    "fire": Fire,
    "pump_failed": PumpFailed,
    "gate_stuck": GateStuck,
    "evacuation": Evacuation,
}
"""Kinds of events by the name that a scenario file gives them."""
