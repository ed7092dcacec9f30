"""What the power engine runs: a network as power-grid-model's input, who draws from it, and what guards it.

Powers are in W and var as power-grid-model counts them (consumption and feed-in both positive), so that what an engine
hands to the library is the model's own number and no product of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

BRANCHES = ("line", "transformer", "link")
"""The components that switches stand in; other branches of a file are solved, and never switched."""


@dataclass(frozen=True)
class Course:
    """Values that run straight from knot to knot, and stay before the first and after the last.

    Args:
        at_s: moments since the start of the run, rising, (k,).
        values: (k, n).
        held_s: values are taken every so many seconds, counted from the first knot, and held until then; 0: always.
    """

    at_s: Floats
    values: Floats
    held_s: float = 0.0

    def at(self, times_s: Floats) -> Floats:
        """The values at each moment, (t, n); at a knot they are the knot's, to the last digit."""
        if self.held_s:
            first_s = self.at_s[0]
            times_s = first_s + np.floor((times_s - first_s) / self.held_s) * self.held_s
        last = len(self.at_s) - 1
        if len(times_s) == 1:
            return self._one(float(times_s[0]), last)
        before = np.clip(np.searchsorted(self.at_s, times_s, side="right") - 1, 0, last)
        after = np.minimum(before + 1, last)
        span = np.where(after > before, self.at_s[after] - self.at_s[before], 1.0)
        share = np.clip((times_s - self.at_s[before]) / span, 0.0, 1.0)[:, None]
        low: Floats = self.values[before]
        return low + share * (self.values[after] - low)

    def _one(self, time_s: float, last: int) -> Floats:
        """The same for one moment, which is what a coupled run asks for."""
        before = max(int(self.at_s.searchsorted(time_s, side="right")) - 1, 0)
        low: Floats = self.values[before : before + 1]
        if before == last or time_s <= self.at_s[before]:
            return low
        share = (time_s - self.at_s[before]) / (self.at_s[before + 1] - self.at_s[before])
        high: Floats = self.values[before + 1 : before + 2]
        return np.asarray(low + share * (high - low))


def held(values: Floats) -> Course:
    """A course that never changes."""
    return Course(np.zeros(1), np.asarray(values, np.float64)[None, :])


@dataclass(frozen=True)
class Switches:
    """Breakers and switches, each at one end of a branch, or a tie between two buses.

    Args:
        codes: their codes, (s,).
        component: "line", "transformer" or "link" (a tie), for each.
        rows: row of that component.
        ends: 0 at its beginning, 1 at its end, 2 for a tie.
        closed: how each stands if nobody commands it.
    """

    codes: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    rows: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    ends: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    closed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))


@dataclass(frozen=True)
class Sites:
    """Switchgear that water can reach.

    Args:
        codes: buses and transformers.
        limit_m: depth of water above the ground there at which it fails.
        switches: which switches cut each off.
    """

    codes: tuple[str, ...] = ()
    limit_m: Floats = field(default_factory=lambda: np.zeros(0))
    switches: tuple[Rows, ...] = ()


@dataclass(frozen=True)
class Panels:
    """Solar panels: their row of sym_gen, and what they give where nothing is wired [W]."""

    codes: tuple[str, ...] = ()
    gens: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    watts: Course = field(default_factory=lambda: held(np.zeros(0)))


@dataclass(frozen=True)
class Batteries:
    """Batteries: row of sym_gen, energy, power, energy out ÷ energy in, and whose load and sun each evens out.

    Args:
        codes: their codes, (b,).
        gens: row of sym_gen, (b,).
        kwh: energy that each holds; half of it at the start.
        kw: power in and out.
        efficiency: of a round trip; its root is lost on either way.
        consumers: consumers on the same board, for each.
        panels: panels on the same board, for each.
        tariff_cny_kwh: price in each hour of the day; empty: each serves its board's own use of its sun.
        start_h: hour of the day at which the run starts.
    """

    codes: tuple[str, ...] = ()
    gens: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    kwh: Floats = field(default_factory=lambda: np.zeros(0))
    kw: Floats = field(default_factory=lambda: np.zeros(0))
    efficiency: Floats = field(default_factory=lambda: np.zeros(0))
    consumers: tuple[Rows, ...] = ()
    panels: tuple[Rows, ...] = ()
    tariff_cny_kwh: tuple[float, ...] = ()
    start_h: float = 0.0


@dataclass(frozen=True)
class Diesels:
    """Diesel sets: bus, row of source (off at first), power, fuel, and the switches that open before it feeds."""

    codes: tuple[str, ...] = ()
    buses: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    sources: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    kw: Floats = field(default_factory=lambda: np.zeros(0))
    fuel_kwh: Floats = field(default_factory=lambda: np.zeros(0))
    start_s: Floats = field(default_factory=lambda: np.zeros(0))
    interlock: tuple[Rows, ...] = ()


@dataclass(frozen=True)
class TapChanger:
    """The on-load tap changer of a feed's 110/10 kV transformer: it holds the voltage of the feed's bus.

    The feed is a stiff source behind an impedance (Thévenin), so a tap adds ``step_pu`` to the source's voltage.

    Args:
        target_pu: voltage to hold.
        band_pu: it does nothing within so much of the target.
        delay_s: it waits so long outside the band, then goes one tap, and waits again.
        step_pu: a tap.
        most: taps up and down from 0, where a run starts.
    """

    target_pu: float = 1.015
    band_pu: float = 0.0125
    delay_s: float = 60.0
    step_pu: float = 0.0125
    most: int = 8


@dataclass(frozen=True)
class Outage:
    """What is out of service, whatever is commanded: ``rows`` of a component or list of the model, for a time.

    Args:
        what: "line", "transformer", "source", "switch", "consumer", "panel", "battery" or "diesel".
        rows: which.
        from_s: begin [s since start].
        until_s: end.
    """

    what: str
    rows: tuple[int, ...]
    from_s: float
    until_s: float


@dataclass(frozen=True)
class PowerModel:
    """A network and all that hangs on it.

    Args:
        components: power-grid-model's input arrays by component.
        buses: codes of the rows of node.
        lines: codes of the rows of line.
        transformers: codes of the rows of transformer.
        feeds: codes of the first rows of source.
        consumers: codes of the first rows of sym_load.
        load_w: what each consumer draws where nothing is wired.
        load_var: likewise reactive, lagging positive.
        rank: consumers with the least rank lose their supply first.
        whole_w: rated power of consumers that run wholly or not at all, like a pump; 0 for all others. A diesel set
            keeps it free for them even while they rest.
        dual: for each consumer the row of sym_load at its other board; -1 for one feed.
        chargers: which consumers are chargers.
        charger_kw: power of all outlets of each of these.
        others: who is told whether there is power and draws none of its own: code → row of node.
        panels, switches, sites, batteries, diesels, tap_changer, outages: see there.
        step_s: shortest exchange of values; what lasts shorter is not seen.
    """

    components: Mapping[str, NDArray[Any]]
    buses: tuple[str, ...]
    lines: tuple[str, ...]
    transformers: tuple[str, ...]
    feeds: tuple[str, ...]
    consumers: tuple[str, ...]
    load_w: Course
    load_var: Course
    rank: Rows
    whole_w: Floats
    dual: Rows
    chargers: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    charger_kw: Floats = field(default_factory=lambda: np.zeros(0))
    others: Mapping[str, int] = field(default_factory=dict)
    panels: Panels = Panels()
    switches: Switches = Switches()
    sites: Sites = Sites()
    batteries: Batteries = Batteries()
    diesels: Diesels = Diesels()
    tap_changer: TapChanger | None = None
    outages: tuple[Outage, ...] = ()
    step_s: int = 60

    @cached_property
    def load_bus(self) -> Rows:
        """Row of the bus of each row of sym_load."""
        return self.bus_of("sym_load")

    @cached_property
    def gen_bus(self) -> Rows:
        """Row of the bus of each row of sym_gen."""
        return self.bus_of("sym_gen")

    @cached_property
    def source_bus(self) -> Rows:
        """Row of the bus of each row of source."""
        return self.bus_of("source")

    def bus_of(self, component: str, column: str = "node") -> Rows:
        """Row of the bus that each row of a component names; none where the component is not there."""
        if component not in self.components:
            return np.zeros(0, np.intp)
        return rows_of(self.components["node"]["id"], self.components[component][column])


def rows_of(ids: NDArray[Any], wanted: NDArray[Any]) -> Rows:
    """Row of each wanted id."""
    order = np.argsort(ids, kind="stable")
    return np.asarray(order[np.searchsorted(ids, wanted, sorter=order)], np.intp)
