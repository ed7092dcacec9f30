"""The tide at the quay: one semidiurnal wave on a mean level, with a surge on top."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    import pandas as pd

PERIOD_H = 12.42
"""Period of the principal lunar semidiurnal tide M2 [h] (12 h 25.2 min)."""


@dataclass(frozen=True)
class Tide:
    """Sea level η(t) = mean + surge + range/2 · cos(2π (t − t_high) / 12.42 h).

    A single constituent (M2) is what a night's operation needs: spring and neap enter by ``range_m``
    (northern Chinese coast: mean range 2.8 m, spring 3.5 to 4 m; surge 0.5 to 2 m).

    Args:
        mean_m: mean sea level [m above datum].
        range_m: high water minus low water [m].
        high_at: a moment of high water, with its time zone.
        surge_m: what wind and low pressure add [m].

    Raises:
        TwinError: a value no sea has, or a moment without time zone.
    """

    mean_m: float
    range_m: float
    high_at: "pd.Timestamp"
    surge_m: float = 0.0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("mean_m", self.mean_m, -10.0, 10.0),
            ("range_m", self.range_m, 0.0, 15.0),
            ("surge_m", self.surge_m, -3.0, 6.0),
        ):
            if not low <= value <= high:
                raise TwinError(f"Tide.{name}", f"{value:g} m", f"{low:g} to {high:g} m.")
        object.__setattr__(self, "high_at", moment("Tide.high_at", self.high_at))

    def level_m(self, times: Any) -> NDArray[np.float64]:  # noqa: ANN401 - whatever pandas reads as times
        """Sea level [m above datum] at each time (one Timestamp, or an index of them)."""
        import pandas as pd

        index = pd.DatetimeIndex([times]) if isinstance(times, pd.Timestamp) else pd.DatetimeIndex(times)
        hours = np.asarray((index - self.high_at) / pd.Timedelta(hours=1), dtype=np.float64)
        level: NDArray[np.float64] = (
            self.mean_m + self.surge_m + 0.5 * self.range_m * np.cos(2.0 * np.pi * hours / PERIOD_H)
        )
        return level
