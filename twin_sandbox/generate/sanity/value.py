"""One figure of a district, and the range that it must keep."""

import math
from dataclasses import dataclass

RULE = "rule of this project"


@dataclass(frozen=True)
class Value:
    """One figure of a district and the range that it must lie in, ends included."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str

    @property
    def ok(self) -> bool:
        """Whether the value lies in the range; a value that cannot be computed (nan) does not."""
        return bool(self.low <= self.value <= self.high)

    def as_json(self) -> dict[str, object]:
        """Plain fields; nan and infinity become None, which JSON knows."""
        fields = {"name": self.name, "value": self.value, "low": self.low, "high": self.high}
        plain = {key: None if isinstance(x, float) and not math.isfinite(x) else x for key, x in fields.items()}
        return {**plain, "unit": self.unit, "source": self.source, "ok": self.ok}


def none_of(name: str, count: float, source: str = RULE, unit: str = "1") -> Value:
    """A figure that must be nought: so many faults of one kind."""
    return Value(name, float(count), 0.0, 0.0, unit, source)
