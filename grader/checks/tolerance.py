"""How near is right, and why so near."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """A band around the truth, with the reason for its width.

    Args:
        share: half-width as a share of the truth's size.
        size: half-width in the quantity's own unit; the larger of the two counts.
        because: the noise, the sampling or the engine's step that makes it so wide.
    """

    share: float
    size: float
    because: str

    def half_width(self, truth: float) -> float:
        """Half the band's width at this truth, in the quantity's unit."""
        return max(self.share * abs(truth), self.size)

    def holds(self, found: float, truth: float) -> bool:
        """Whether ``found`` lies in the band; not-a-number never does."""
        return abs(found - truth) <= self.half_width(truth)

    def words(self, unit: str) -> str:
        """How wide the band is, without telling where it lies."""
        parts = []
        if self.share:
            parts.append(f"±{self.share:.1%}")
        if self.size:
            parts.append(f"±{self.size:g} {unit}".rstrip())
        return f"{' or '.join(parts)} ({self.because})"


def relative(share: float, because: str, at_least: float = 0.0) -> Tolerance:
    """A band of ±``share`` of the truth, never narrower than ±``at_least`` in the quantity's unit."""
    return Tolerance(share, at_least, because)


def absolute(size: float, because: str) -> Tolerance:
    """A band of ±``size`` in the quantity's own unit."""
    return Tolerance(0.0, size, because)
