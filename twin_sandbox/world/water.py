"""The water of a run, told alike whichever engine moved it: what maps, charts and key figures read.

A `Result` of the drains alone tells it of itself; a run of several engines by its `SurfaceWater`. Both are reached as
``result.water``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario


class WaterResult(Protocol):
    """What either kind of run tells of its water; names, shapes and units as in `twin_sandbox.world.result.Result`."""

    @property
    def water(self) -> "WaterResult":
        """Itself."""

    @property
    def scenario(self) -> "Scenario":
        """What was run."""

    @property
    def district(self) -> "District":
        """Where it was run."""

    @property
    def levels_m(self) -> "pd.DataFrame":
        """Water level [m above datum], time × code of each junction, storage, outfall and low area."""

    @property
    def flows_m3s(self) -> "pd.DataFrame":
        """Flow [m³/s], time × code of each conduit, pump and gate."""

    @property
    def street_depth_m(self) -> "pd.DataFrame":
        """Depth in each low area [m], time × code."""

    @property
    def rain_mm_h(self) -> "pd.Series[float]":
        """Rain that fell, mean intensity since the kept moment before [mm/h]."""

    @property
    def tide_m(self) -> "pd.Series[float]":
        """Sea level [m above datum]."""

    @property
    def pump_flow_m3s(self) -> "pd.DataFrame":
        """Flow [m³/s], time × short name."""

    @property
    def settings(self) -> "pd.DataFrame":
        """Setting 0 to 1, time × short name of pump or gate."""

    @property
    def rain_m3(self) -> float:
        """Rain that fell [m³]."""

    @property
    def runoff_m3(self) -> float:
        """What of it ran off [m³]."""

    @property
    def outfall_m3(self) -> float:
        """What left to the sea, net [m³]."""

    @property
    def stored_m3(self) -> float:
        """What stands in pipes, tank and streets at the end, less what stood there at the start [m³]."""

    @property
    def mass_error(self) -> float:
        """Error of the whole account [share]."""

    @property
    def runoff_error(self) -> float:
        """SWMM's own error of rain against infiltration, runoff and surface storage [share]."""

    @property
    def pump_running_s(self) -> Mapping[str, float]:
        """Short name → time at full speed that its energy is worth [s]."""

    @property
    def pump_starts(self) -> Mapping[str, int]:
        """Short name → number of starts."""

    @property
    def pump_power_kw(self) -> Mapping[str, float]:
        """Short name → rated power [kW]."""

    @property
    def seconds(self) -> float:
        """Length of the run [s]."""

    def row(self, time: object) -> int:
        """Number of the kept moment nearest to a time."""

    def depth_map_m(self, time: object) -> "NDArray[np.float32]":
        """Depth on the ground [m] at a moment, shaped like the terrain."""

    def max_depth_map_m(self) -> "NDArray[np.float32]":
        """Greatest depth on the ground [m] over the run, shaped like the terrain."""


class Watery(Protocol):
    """A run with water, of either kind."""

    @property
    def water(self) -> WaterResult:
        """Its water."""
