"""What every engine offers the clock: start, step, finish.

The clock says until when; the engine says what it then found. Values pass as plain floats, named by entity, in SI
units; nothing of the engine's own (objects, indices, unit systems) gets through.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outputs:
    """What an engine found at ``time_s`` after its start: one value for each of the names it was started with.

    Args:
        time_s: time since the start [s].
        found: quantity → values in the order of the engine's names for it.
    """

    time_s: float
    found: Mapping[str, NDArray[np.float64]]


class Engine(Protocol):
    """One simulation, driven in steps; several engines meet only at the clock that drives them."""

    def start(self) -> Outputs:
        """Open the model and give the state at time 0.

        Raises:
            TwinError: the engine refuses the model; the engine's code and what it means are in the message.
        """
        ...

    def step(self, until_s: float, inputs: Mapping[str, float]) -> Outputs:
        """Apply ``inputs`` now and go on to ``until_s`` [s since start]."""
        ...

    def finish(self) -> object:
        """Close the model; give records and balances of the whole run."""
        ...

    def close(self) -> None:
        """Free everything, finished or not; more than once does no harm."""
        ...
