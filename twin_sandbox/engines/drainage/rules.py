"""What whoever writes a model for SWMM has to know: the station's standing rules, and where SWMM lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """The standing rule of one pump or gate.

    Args:
        kind: "pump" (start and stop depth), "gate" (opens when the water inside is higher), or "fixed".
        inside: node whose water the link takes.
        outside: node to which it goes.
        start_depth_m: depth in ``inside`` above which a pump starts [m].
        stop_depth_m: depth below which it stops [m].
        hold_m: a gate shuts when the water outside stands so far above that inside [m].
    """

    kind: Literal["pump", "gate", "fixed"]
    inside: str
    outside: str
    start_depth_m: float = 0.0
    stop_depth_m: float = 0.0
    hold_m: float = 0.0


def swmm_root() -> Path:
    """The folder from which a worker imports SWMM."""
    import swmm.toolkit

    return Path(next(iter(swmm.toolkit.__path__))).parents[1]
