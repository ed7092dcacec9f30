"""The water of a run, counted step by step, and what EPANET warned of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Finished

VOLUMES = ("produced_m3", "delivered_m3", "leaked_m3", "fire_m3", "stored_m3")
"""What a balance counts: out of the sources; out of taps; lost; out of hydrants; more in tanks, houses' among them."""
_LEAST_M3S = 1e-4
"""A balance's error is told as a share of what flows, of this if less flows [m³/s]."""


@dataclass(frozen=True)
class Statement:
    """What EPANET warned of, from one moment to another: the code, its meaning, and what it did to the pressures."""

    from_s: int
    until_s: int
    code: int
    says: str


@dataclass(frozen=True)
class Records:
    """What a run leaves.

    Args:
        statements: EPANET's warnings in order.
        time_s: beginnings of EPANET's own steps [s].
        volumes_m3: steps × `VOLUMES` [m³].
        errors: balance error of each step, as a share of what flowed in it.
    """

    statements: tuple[Statement, ...]
    time_s: NDArray[np.int64]
    volumes_m3: NDArray[np.float64]
    errors: NDArray[np.float64]


class Account:
    """Volumes and statements of one run."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []
        self._statements: list[Statement] = []

    def add(self, time_s: int, step_s: int, volumes_m3: tuple[float, float, float, float, float]) -> None:
        """Count a step's volumes, in the order of `VOLUMES`."""
        produced, *out = volumes_m3
        through = max(abs(produced), abs(out[-1]), _LEAST_M3S * step_s)
        self._rows.append((time_s, *volumes_m3, abs(produced - sum(out)) / through))

    def warn(self, time_s: int, step_s: int, code: int, says: str) -> None:
        """Keep a warning that held from a moment on for so long; one that goes on is one statement."""
        last = self._statements[-1] if self._statements else None
        if last and (last.until_s, last.code, last.says) == (time_s, code, says):
            self._statements.pop()
            self._statements.append(Statement(last.from_s, time_s + step_s, code, says))
        else:
            self._statements.append(Statement(time_s, time_s + step_s, code, says))

    def finished(self) -> Finished:
        """Sums, shares of loss and error, and the records."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(VOLUMES) + 2)
        volumes, errors = table[:, 1:-1], table[:, -1]
        balances = dict(zip(VOLUMES, volumes.sum(axis=0).tolist(), strict=True))
        produced_m3 = max(balances["produced_m3"], 1e-9)
        out_m3 = sum(balances[name] for name in VOLUMES[1:])
        balances["leakage_share"] = balances["leaked_m3"] / produced_m3
        balances["balance_error"] = abs(balances["produced_m3"] - out_m3) / produced_m3
        balances["worst_step_error"] = float(errors.max(initial=0.0))
        return Finished(balances, Records(tuple(self._statements), table[:, 0].astype(np.int64), volumes, errors))
