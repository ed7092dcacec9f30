"""Design storms: a city's intensity formula in the Chicago shape, or a series of your own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

City = Literal["suzhou", "shanghai"]

MAX_INTENSITY_MM_H = 1000.0
"""Above any rain ever measured over a minute at sea level in China; what exceeds it is a slip of units."""


@dataclass(frozen=True)
class IntensityFormula:
    """A storm intensity formula i = A (1 + C lg P) / (t + b)^n.

    Args:
        a_mm_min: A [mm/min].
        c: C, growth with the logarithm of the return period P [a].
        b_min: b [min].
        n: exponent.
        source: where the formula is published.
    """

    a_mm_min: float
    c: float
    b_min: float
    n: float
    source: str

    def depth_mm(self, duration_min: float | NDArray[np.float64], return_period_a: float) -> NDArray[np.float64]:
        """Depth [mm] of the design storm of that duration [min]: H(t) = i t."""
        t = np.asarray(duration_min, dtype=np.float64)
        scale = self.a_mm_min * (1.0 + self.c * np.log10(return_period_a))
        depth: NDArray[np.float64] = scale * t / (t + self.b_min) ** self.n
        return depth


FORMULAS: dict[str, IntensityFormula] = {
    "suzhou": IntensityFormula(17.969, 1.24, 18.415, 0.785, "Suzhou storm intensity formula, 2025 revision"),
    # Published as q = 1600 (1 + 0.846 lg P) / (t + 7)^0.656 L/(s·ha); 1 L/(s·ha) = 0.006 mm/min.
    "shanghai": IntensityFormula(1600 * 0.006, 0.846, 7.0, 0.656, "DB31/T 1043-2017, Shanghai"),
}


@dataclass(frozen=True, eq=False)
class Storm:
    """Rain as intensities held for ``step_s`` each.

    Args:
        step_s: step [s], whole minutes.
        intensity_mm_h: rain intensity [mm/h] in each step, from the storm's start on.

    Raises:
        TwinError: the step is not whole minutes, or an intensity is negative, absurd or not a number.
    """

    step_s: int
    intensity_mm_h: NDArray[np.float64]

    def __post_init__(self) -> None:
        values = np.array(self.intensity_mm_h, dtype=np.float64, copy=True)
        if self.step_s <= 0 or self.step_s % 60 or self.step_s > 3600:
            raise TwinError("Storm.step_s", f"{self.step_s} s", "Whole minutes up to an hour, e.g. 60 or 300.")
        if values.ndim != 1 or not 1 <= values.size <= 10_000:
            raise TwinError(
                "Storm.intensity_mm_h", f"an array of shape {values.shape}", "One row of 1 to 10000 values."
            )
        wrong = ~(np.isfinite(values) & (values >= 0) & (values <= MAX_INTENSITY_MM_H))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise TwinError(
                "Storm.intensity_mm_h",
                f"{values[at]} at step {at}",
                f"Numbers from 0 to {MAX_INTENSITY_MM_H:g} mm/h.",
                "Fill gaps first; check mm against mm/h.",
            )
        values.flags.writeable = False
        object.__setattr__(self, "intensity_mm_h", values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Storm):
            return NotImplemented
        return self.step_s == other.step_s and np.array_equal(self.intensity_mm_h, other.intensity_mm_h)

    def __hash__(self) -> int:
        return hash((self.step_s, self.intensity_mm_h.tobytes()))

    def __repr__(self) -> str:
        minutes, peak = self.duration_s / 60, self.intensity_mm_h.max()
        return f"<Storm: {self.depth_mm:.1f} mm in {minutes:.0f} min, peak {peak:.0f} mm/h>"

    @property
    def depth_mm(self) -> float:
        """Total depth [mm]."""
        return float(self.intensity_mm_h.sum() * self.step_s / 3600.0)

    @property
    def duration_s(self) -> int:
        """Duration [s]."""
        return int(self.intensity_mm_h.size) * self.step_s

    @classmethod
    def chicago(
        cls,
        return_period_a: float,
        duration_min: int = 120,
        peak_share: float = 0.405,
        city: City = "suzhou",
        step_s: int = 60,
    ) -> Self:
        """The Chicago design storm of a city: every part of it around the peak is as rare as the whole.

        Before the peak the depth that falls within the last t minutes is r H(t/r), after it (1 − r) H(t/(1 − r)),
        with H(t) the formula's depth for a duration t (Keifer and Chu 1957, eqs. 6 and 7, integrated). Each step gets
        the exact difference, so the storm's depth is H(duration) to the last digit whatever the step.

        Args:
            return_period_a: P [a], 0.25 to 1000.
            duration_min: duration [min], 30 to 1440.
            peak_share: r, the share of the duration before the peak (0.405 Shanghai; 0.43 Suzhou for 180 min).
            city: "suzhou": i = 17.969 (1 + 1.24 lg P) / (t + 18.415)^0.785 mm/min (2025);
                "shanghai": q = 1600 (1 + 0.846 lg P) / (t + 7)^0.656 L/(s·ha) (DB31/T 1043-2017).
            step_s: step of the result [s], whole minutes.

        Raises:
            TwinError: a value outside these limits, or an unknown city.
        """
        if city not in FORMULAS:
            raise TwinError("Storm.chicago, city", repr(city), f"One of: {', '.join(FORMULAS)}.")
        for name, value, low, high, unit in (
            ("return_period_a", return_period_a, 0.25, 1000.0, "a"),
            ("duration_min", duration_min, 30, 1440, "min"),
            ("peak_share", peak_share, 0.05, 0.95, ""),
        ):
            if not low <= value <= high:
                raise TwinError(
                    f"Storm.chicago, {name}", f"{value:g} {unit}".strip(), f"{low:g} to {high:g} {unit}".strip() + "."
                )
        if step_s <= 0 or (duration_min * 60) % step_s:
            raise TwinError("Storm.chicago, step_s", f"{step_s} s", "A divisor of the duration.")
        formula = FORMULAS[city]
        edges_min = np.arange(0, duration_min * 60 + step_s, step_s) / 60.0
        peak_min = peak_share * duration_min
        away = np.abs(edges_min - peak_min)
        share = np.where(edges_min < peak_min, peak_share, 1.0 - peak_share)
        arm_mm = share * formula.depth_mm(away / share, return_period_a)
        total_before = peak_share * formula.depth_mm(duration_min, return_period_a)
        cumulative_mm = total_before + np.where(edges_min < peak_min, -arm_mm, arm_mm)
        return cls(step_s, np.diff(cumulative_mm) * (3600.0 / step_s))

    @classmethod
    def from_series(cls, series: "pd.Series[Any] | Sequence[float] | NDArray[Any]", step_s: int | None = None) -> Self:
        """A storm from rain intensities [mm/h]: an evenly spaced time series, or plain values with their step.

        Args:
            series: pandas Series indexed by time, or a sequence.
            step_s: step [s]; needed for a plain sequence, read from the index of a Series otherwise.

        Raises:
            TwinError: uneven times, no step, or values that no storm has.
        """
        index = getattr(series, "index", None)
        if step_s is None:
            if index is None or isinstance(series, list | tuple) or len(index) < 2:
                raise TwinError("Storm.from_series", "no step", "A Series indexed by time, or step_s=...")
            steps = np.diff(index.asi8) if hasattr(index, "asi8") else None
            unit = getattr(index, "unit", "ns")
            if steps is None or steps[0] <= 0 or (steps != steps[0]).any():
                raise TwinError(
                    "Storm.from_series",
                    "times that are not evenly spaced",
                    then="Resample, e.g. .resample('1min').mean().",
                )
            per_s = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
            step_s = int(steps[0] // per_s)
        return cls(step_s, np.asarray(series, dtype=np.float64))

    @classmethod
    def dry(cls) -> Self:
        """No rain at all."""
        return cls(3600, np.zeros(1))
