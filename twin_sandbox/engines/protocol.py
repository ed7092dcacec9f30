"""What every engine offers the clock: ports, start, step, finish.

The clock says until when and hands over what came from other engines; the engine says what it then found. Values pass
as arrays of plain floats, one for each entity of a port, in the unit that the port states; nothing of the engine's own
(objects, indices, unit systems) gets through. So a wire needs to know two ports, and never two engines.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError

Values = Mapping[str, NDArray[np.float64]]
"""Quantity → one value for each code of its port, in the port's order and unit."""


@dataclass(frozen=True)
class Port:
    """One quantity that an engine takes or gives.

    Args:
        codes: the entities that it speaks of, by unified code (or short name, like ``pump_1``), in order.
        unit: unit of every value, e.g. ``"m³/s"``; ``"1"`` for a share, a state (0 or 1) or a factor.
        means: the quantity in a few words, with its reference level or sign.
        low: least value that may be set.
        high: greatest value that may be set.
        whole: whether only whole numbers may be set, as for states.
        limits: code → least and greatest value, where an entity has its own.
    """

    codes: tuple[str, ...]
    unit: str
    means: str
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def refuse(self, where: str, code: str, value: float) -> None:
        """Refuse what this entity cannot be set to, before anything is changed; NaN is always allowed.

        Raises:
            TwinError: infinite, out of the limits, or no whole number where one is needed.
        """
        low, high = self.limits.get(code, (self.low, self.high))
        if math.isnan(value) or (
            math.isfinite(value) and low <= value <= high and not (self.whole and value != round(value))
        ):
            return
        kind, unit = "A whole number" if self.whole else "A number", "" if self.unit == "1" else f" {self.unit}"
        span = {
            (True, True): f" from {low:g} to {high:g}{unit}",
            (True, False): f", {low:g}{unit} or more",
            (False, True): f", at most {high:g}{unit}",
            (False, False): unit and f" of{unit}",
        }[math.isfinite(low), math.isfinite(high)]
        raise TwinError(f"{where}, {code}", f"{value:g}", f"{kind}{span}, or NaN to leave it alone.")


@dataclass(frozen=True)
class Outputs:
    """What an engine found at ``time_s`` after its start: the values of the ports that it gives."""

    time_s: float
    found: Values


@dataclass(frozen=True)
class Finished:
    """What an engine leaves when its run is over.

    Args:
        balances: what went in, out and stayed (``inflow_m3`` …), and the engine's errors as shares (``…_error``).
        records: whatever of its own the engine kept, for those who ask for it by type.
    """

    balances: Mapping[str, float] = field(default_factory=dict)
    records: object = None


class Engine(Protocol):
    """One simulation, driven in steps; several engines meet only at the clock that drives them.

    One that computes in a process of its own has ``elsewhere = True``: the clock then lets it step beside the others.
    One that finds the same in steps of any length has ``seamless = True``: alone, it takes several ticks in one.
    """

    @property
    def step_s(self) -> int:
        """Shortest time over which the engine exchanges values [s]; the clock steps it by a multiple of it."""
        ...

    @property
    def takes(self) -> Mapping[str, Port]:
        """What may be handed to :meth:`step`. Nothing has to be: left to itself, an engine follows its own model."""
        ...

    @property
    def gives(self) -> Mapping[str, Port]:
        """What :meth:`start` and :meth:`step` tell."""
        ...

    def start(self) -> Outputs:
        """Open the model and give the state at time 0.

        Raises:
            TwinError: the engine refuses the model; the engine's code and what it means are in the message.
        """
        ...

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Take ``inputs`` now, hold them, and go on to ``until_s`` [s since start].

        A value of NaN leaves that entity to the engine itself, which then does what it would do alone.

        Raises:
            TwinError: the engine failed; what was given before stays true.
        """
        ...

    def finish(self) -> Finished:
        """Close the model; give records and balances of the whole run."""
        ...

    def close(self) -> None:
        """Free everything, finished or not; more than once does no harm."""
        ...
