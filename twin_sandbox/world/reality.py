"""How the real network differs from the network as designed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twin_sandbox.errors import TwinError

_LIMITS = {
    "trunk_roughness_n": (0.008, 0.05),
    "pipe_roughness_n": (0.008, 0.05),
    "impervious_factor": (0.3, 1.5),
    "inlet_factor": (0.02, 2.0),
    "pump_efficiency": (0.1, 1.2),
    "rain_factor": (0.3, 2.0),
}


@dataclass(frozen=True)
class Reality:
    """Deviations of the real network from the public model; what is not given is as designed.

    Args:
        trunk_roughness_n: Manning's n of all trunk conduits [s/m^(1/3)], 0.008 to 0.05.
        pipe_roughness_n: Manning's n of all other conduits [s/m^(1/3)].
        blockage: conduit code → share of its cross-section that is still open, 0.05 to 1. A blocked pipe is
            modelled as a pipe of the open area (diameter × √share).
        impervious_factor: real ÷ designed impervious share of every subcatchment (the share stays at most 1).
        inlet_factor: real ÷ designed capacity of the gullies (leaves, silt).
        pump_efficiency: real ÷ rated flow of each pump (wear).
        rain_factor: real rain over the district ÷ the scenario's (spatial error of the forecast).

    Raises:
        TwinError: a value outside its limits.
    """

    trunk_roughness_n: float | None = None
    pipe_roughness_n: float | None = None
    blockage: Mapping[str, float] = field(default_factory=dict)
    impervious_factor: float = 1.0
    inlet_factor: float = 1.0
    pump_efficiency: float = 1.0
    rain_factor: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise TwinError(f"Reality.{name}", f"{value}", f"{low:g} to {high:g}.")
        for code, share in self.blockage.items():
            if not 0.05 <= share <= 1.0:
                raise TwinError(f"Reality.blockage[{code!r}]", f"{share}", "The open share: 0.05 to 1.")
        object.__setattr__(self, "blockage", dict(self.blockage))


AS_DESIGNED = Reality()
"""The public model."""
