"""Engines small enough to be followed by hand."""

import numpy as np

from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError


class Spring:
    """Gives a flow at each of its mouths: ``rate`` times the hours since the start [L/s]."""

    step_s = 60

    def __init__(self, codes: tuple[str, ...] = ("A", "B"), rate: float = 3600.0) -> None:
        self.takes = {"share": Port(codes, "1", "how far each mouth is open")}
        self.gives = {"flow": Port(codes, "L/s", "flow from each mouth")}
        self.codes, self.rate = codes, rate
        self.closed = False

    def start(self) -> Outputs:
        return Outputs(0.0, {"flow": np.zeros(len(self.codes))})

    def step(self, until_s: float, inputs: Values) -> Outputs:
        share = inputs.get("share", np.full(len(self.codes), np.nan))
        return Outputs(until_s, {"flow": np.where(np.isnan(share), 1.0, share) * self.rate * until_s / 3600.0})

    def finish(self) -> Finished:
        return Finished()

    def close(self) -> None:
        self.closed = True


class Tanks:
    """One tank a code: what flows in stays [m³]; fails when one holds more than ``limit_m3``."""

    def __init__(self, codes: tuple[str, ...] = ("B", "C"), step_s: int = 60, limit_m3: float = np.inf) -> None:
        self.step_s, self.limit_m3 = step_s, limit_m3
        self.takes = {"inflow": Port(codes, "m³/s", "flow into each tank")}
        self.gives = {
            "volume": Port(codes, "m³", "water in each tank"),
            "full": Port(codes, "1", "1 where more than 100 m³ are in"),
        }
        self.volume = np.zeros(len(codes))
        self.time_s = 0.0
        self.closed = False

    def _found(self) -> Outputs:
        return Outputs(self.time_s, {"volume": self.volume.copy(), "full": (self.volume > 100.0).astype(float)})

    def start(self) -> Outputs:
        return self._found()

    def step(self, until_s: float, inputs: Values) -> Outputs:
        inflow = np.nan_to_num(inputs.get("inflow", np.zeros(self.volume.size)))
        self.volume += inflow * (until_s - self.time_s)
        self.time_s = until_s
        if self.volume.max() > self.limit_m3:
            raise TwinError("tanks", f"{self.volume.max():.0f} m³", f"At most {self.limit_m3:g} m³.")
        return self._found()

    def finish(self) -> Finished:
        return Finished({"stored_m3": float(self.volume.sum())})

    def close(self) -> None:
        self.closed = True
