"""How the hidden quantities of a reality are distributed before anything is observed, and drawing one."""

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.data import data_folder
from twin_sandbox.errors import TwinError
from twin_sandbox.world.reality import Reality

if TYPE_CHECKING:
    import numpy as np

    from twin_sandbox.entities import District
    from twin_sandbox.things.faults import Fault
    from twin_sandbox.truth import Leaves

LEAST_RATIO = 10.0
"""A prior is at least this many times as wide as any tolerance on its quantity."""

DAY_H = 24.0


@dataclass(frozen=True)
class Prior:
    """The distribution of one hidden quantity.

    Args:
        name: a field of `Reality`.
        distribution: "uniform" or "loguniform".
        low: least value, in ``unit``.
        high: greatest value.
        resolution: drawn values are rounded to it.
        tolerance: the widest that a check may allow: absolute, or a factor for "loguniform".
        unit: of ``low`` and ``high``.
        reason: why these numbers.
        source: where they are from.
        chance: share of assets or devices that differ at all.

    Raises:
        TwinError: numbers that make no sense, or a tolerance too wide for the prior.
    """

    name: str
    distribution: str
    low: float
    high: float
    resolution: float
    tolerance: float
    unit: str
    reason: str
    source: str
    chance: float = 1.0

    def __post_init__(self) -> None:
        where = f"prior {self.name}"
        if self.distribution not in ("uniform", "loguniform"):
            raise TwinError(f"{where}, distribution", repr(self.distribution), '"uniform" or "loguniform".')
        positive = self.distribution == "uniform" or self.low > 0
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high and positive):
            raise TwinError(where, f"from {self.low} to {self.high}", "A low below a high, above 0 if loguniform.")
        if not 0.0 < self.chance <= 1.0 or not self.resolution > 0.0:
            told = f"a chance of {self.chance}, a resolution of {self.resolution}"
            raise TwinError(where, told, "A chance above 0, at most 1; a resolution above 0.")
        least = 0.0 if self.distribution == "uniform" else 1.0
        if not least < self.tolerance < math.inf or self.ratio < LEAST_RATIO:
            allowed = f"The prior is at least {LEAST_RATIO:g} times as wide as the tolerance."
            raise TwinError(f"{where}, tolerance", f"{self.tolerance}", allowed, "Narrow it, or widen the prior.")

    @property
    def ratio(self) -> float:
        """Width of the prior ÷ its widest tolerance; of the logarithms, if loguniform."""
        if self.distribution == "uniform":
            return (self.high - self.low) / self.tolerance
        return math.log(self.high / self.low) / math.log(self.tolerance)

    def draw(self, rng: "np.random.Generator") -> float:
        """One value, rounded to the resolution, never outside low to high."""
        share = float(rng.random())
        if self.distribution == "uniform":
            value = self.low + share * (self.high - self.low)
        else:
            value = self.low * math.exp(share * math.log(self.high / self.low))
        digits = max(0, math.ceil(-math.log10(self.resolution)))
        rounded = round(round(value / self.resolution) * self.resolution, digits)
        return min(max(rounded, self.low), self.high)


Priors = Mapping[str, Prior]


def read_priors(path: Path | None = None) -> Priors:
    """The priors of a district; by default of the sample district.

    Raises:
        TwinError: the file cannot be read, lacks a field, or its numbers make no sense.
    """
    path = path or data_folder("datasets") / "gulls_quay" / "priors.toml"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TwinError(f"priors {path.name}", f"cannot be read: {error}") from error
    return {name: _prior(path.name, name, facts) for name, facts in tree.items()}


def _prior(file: str, name: str, facts: object) -> Prior:
    known = {one.name: one.type for one in fields(Prior) if one.name != "name"}
    where = f"{file}, {name}"
    if name not in {one.name for one in fields(Reality)}:
        raise TwinError(where, "is no field of Reality", f"{', '.join(one.name for one in fields(Reality))}.")
    if not isinstance(facts, dict):
        raise TwinError(where, "is no table", f"A table with {', '.join(known)}.")
    wrong = set(facts) ^ set(known) - {"chance"} if "chance" not in facts else set(facts) ^ set(known)
    if wrong:
        raise TwinError(where, f"{', '.join(sorted(wrong))} missing or unknown", f"Exactly: {', '.join(known)}.")
    for key, value in facts.items():
        number = known[key] is float
        if isinstance(value, bool) or not isinstance(value, int | float if number else str):
            raise TwinError(f"{where}, {key}", repr(value), "A number." if number else "A text.")
    return Prior(name=name, **facts)


def draw_reality(leaves: "Leaves", priors: Priors, district: "District") -> Reality:
    """A whole hidden reality: every quantity that has a prior, each from a stream of its own.

    Args:
        leaves: of a student's attempt; quantity ``x`` is drawn from the purpose ``reality-x``.
        priors: what is drawn; a quantity without one stays as designed.
        district: whose assets; tables that it lacks are passed over.
    """
    drawn: dict[str, Any] = {}
    for name, prior in priors.items():
        drawn[name] = _DRAW.get(name, _one)(prior, leaves.generator(f"reality-{name}"), district)
    return Reality(**drawn)


def _one(prior: Prior, rng: "np.random.Generator", _: "District") -> float:
    return prior.draw(rng)


def _codes(district: "District", table: str) -> list[str]:
    return [str(code) for code in district.entities[table].index] if table in district.entities else []


def _some(prior: Prior, rng: "np.random.Generator", names: Iterable[str]) -> dict[str, float]:
    """Each name by its chance. Two numbers a name, whether it differs or not: a new asset at the end moves nobody."""
    pairs = [(name, rng.random() < prior.chance, prior.draw(rng)) for name in names]
    return {name: value for name, differs, value in pairs if differs}


def _blockage(prior: Prior, rng: "np.random.Generator", district: "District") -> dict[str, float]:
    conduits = district.entities["conduits"]
    return _some(prior, rng, [str(code) for code in conduits.index[~conduits["is_trunk"].astype(bool)]])


def _leaks(prior: Prior, rng: "np.random.Generator", district: "District") -> dict[str, float]:
    return _some(prior, rng, _codes(district, "water_pipes"))


def _demand(prior: Prior, rng: "np.random.Generator", district: "District") -> dict[str, float]:
    return _some(prior, rng, sorted({str(use) for use in district.entities["buildings"]["use"]}))


def _valves(prior: Prior, rng: "np.random.Generator", district: "District") -> tuple[str, ...]:
    return tuple(_some(prior, rng, _codes(district, "water_valves")))


def _outages(prior: Prior, rng: "np.random.Generator", district: "District") -> tuple[tuple[str, float, float], ...]:
    found = []
    for code, length_h in _some(prior, rng, _codes(district, "power_lines")).items():
        from_h = round(float(rng.uniform(0.0, DAY_H)), 2)
        found.append((code, from_h, round(from_h + length_h, 2)))
    return tuple(found)


def _device_faults(prior: Prior, rng: "np.random.Generator", district: "District") -> "tuple[Fault, ...]":
    from twin_sandbox.things.faults import Bias, Drift, Stuck
    from twin_sandbox.things.ledger import ledger

    names = [str(name) for name in ledger(district).index]
    kinds = {name: int(rng.integers(3)) for name in names}
    begins = _some(prior, rng, names)
    made: tuple[Callable[[str, float], Fault], ...] = (
        lambda name, at: Stuck(name, begins=at),
        lambda name, at: Bias(name, begins=at),
        lambda name, at: Drift(name, begins=at),
    )
    return tuple(made[kinds[name]](name, at) for name, at in begins.items())


_DRAW: Mapping[str, Callable[..., Any]] = {
    "blockage": _blockage,
    "leak_coefficient": _leaks,
    "demand_factor": _demand,
    "closed_valves": _valves,
    "outages": _outages,
    "device_faults": _device_faults,
}
