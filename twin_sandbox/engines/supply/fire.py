"""What hydrants really give: the flow asked for, or as much as leaves 10 m of head in the main."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESIDUAL_M = 10.0
"""Head that must remain at a hydrant that gives water (GB 50974-2014, 7.2.8): below it the crew throttles."""
EXPONENT = 1.852
"""Hazen and Williams: head lost on the way grows with the flow to this power."""
_MOST_SOLUTIONS = 10
_NEAR_M, _NEAR = 0.02, 1e-4


def throttled_m3s(
    asked_m3s: Array,
    solve: Callable[[Array], tuple[Array, Array]],
    share_at: Callable[[Array], Array],
    loss: float = 0.0,
) -> Array:
    """Flow had at each hydrant [m³/s].

    A hydrant draws as a demand, which EPANET cuts where pressure lacks; so more is asked than is had. From two
    solutions, idle and flowing, each hydrant's own resistance R = (p0 − p) / Q^1.852 follows, from R the flow that
    leaves `RESIDUAL_M`, and so on until it does. One hydrant takes four solutions; several side by side, which take
    the water from each other, may end some decimetres off.

    Args:
        asked_m3s: flow asked at each hydrant [m³/s].
        solve: demands [m³/s] → pressures in the main [m] and flows really had [m³/s], at the same hydrants.
        share_at: pressures in the main [m] → share of a demand that is met there.
        loss: head that a hydrant itself takes by the square of its flow [m/(m³/s)²].
    """
    flowing = asked_m3s > 0
    idle_m, had = solve(np.zeros_like(asked_m3s))
    demand = asked_m3s / np.maximum(share_at(np.maximum(idle_m, RESIDUAL_M)), 1e-6)
    demand = np.where(flowing & (idle_m > RESIDUAL_M), demand, 0.0)
    for _ in range(_MOST_SOLUTIONS):
        main_m, had = solve(demand)
        pressure_m = main_m - loss * had**2
        full = (np.abs(had - asked_m3s) <= _NEAR * asked_m3s) & (pressure_m >= RESIDUAL_M - _NEAR_M)
        least = (np.abs(pressure_m - RESIDUAL_M) <= _NEAR_M) & (had < asked_m3s)
        if (full | least | ~flowing | (demand <= 0.0)).all():
            break
        resistance = np.maximum(idle_m - pressure_m, 1e-9) / np.maximum(had, 1e-9) ** EXPONENT
        room = np.maximum(idle_m - RESIDUAL_M, 0.0)
        aim = np.where(flowing, np.minimum(asked_m3s, (room / resistance) ** (1 / EXPONENT)), 0.0)
        ahead_m = idle_m - np.maximum(idle_m - main_m, 0.0) * (aim / np.maximum(had, 1e-9)) ** EXPONENT
        demand = aim / np.maximum(share_at(ahead_m), 1e-6)
    return had
