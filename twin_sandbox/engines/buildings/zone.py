"""One zone a building: five resistances and one capacity, by EN ISO 13790:2008, annex C (the simple hourly method).

Equation numbers are the standard's. Every array has one value a building. Cold goes into the air; of heat half, as of
inner gains, since half of what a radiator gives it radiates (EN ISO 52016-1 tells the two apart, the older standard
does not).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AIR_TO_SURFACE_W_M2K = 3.45
"""h_is between the air's node and the surfaces' (7.2.2.2)."""
MASS_TO_SURFACE_W_M2K = 9.1
"""h_ms between the mass and the surfaces (12.2.2)."""
SURFACES_BY_FLOOR = 4.5
"""Λ_at: area of all surfaces that face the room by floor area (7.2.2.2)."""


@dataclass(frozen=True)
class Fabric:
    """What a building is made of, [n] each.

    Args:
        floor_m2: conditioned floor area A_f.
        opaque_w_k: transmission through walls, roof and ground H_tr,op.
        windows_w_k: transmission through windows H_tr,w.
        air_w_k: ventilation H_ve, more than 0.
        capacity_j_k: inner heat capacity C_m.
        mass_m2: effective area of the mass A_m.
    """

    floor_m2: Floats
    opaque_w_k: Floats
    windows_w_k: Floats
    air_w_k: Floats
    capacity_j_k: Floats
    mass_m2: Floats

    @property
    def loss_w_k(self) -> Floats:
        """Heat lost at rest for each kelvin between air and outside: through the nodes, in series and in parallel."""
        surfaces = SURFACES_BY_FLOOR * self.floor_m2 * AIR_TO_SURFACE_W_M2K
        through = self.windows_w_k + self.opaque_w_k
        return self.air_w_k + 1.0 / (1.0 / surfaces + 1.0 / through)


class Zones:
    """The network's solution for a fixed step, by Crank and Nicolson as the standard has it (C.4)."""

    def __init__(self, fabric: Fabric, step_s: float) -> None:
        inner = SURFACES_BY_FLOOR * fabric.floor_m2
        self._to_air = AIR_TO_SURFACE_W_M2K * inner
        self._to_mass = MASS_TO_SURFACE_W_M2K * fabric.mass_m2
        self._mass_out = 1.0 / (1.0 / fabric.opaque_w_k - 1.0 / self._to_mass)
        self._windows, self._air = fabric.windows_w_k, fabric.air_w_k
        self._mass_share = fabric.mass_m2 / inner  # (C.2)
        self._surface_share = 1.0 - self._mass_share - fabric.windows_w_k / (MASS_TO_SURFACE_W_M2K * inner)  # (C.3)
        self._h1 = 1.0 / (1.0 / self._air + 1.0 / self._to_air)  # (C.6)
        self._h2 = self._h1 + self._windows  # (C.7)
        self._h3 = 1.0 / (1.0 / self._h2 + 1.0 / self._to_mass)  # (C.8)
        inertia, half = fabric.capacity_j_k / step_s, 0.5 * (self._h3 + self._mass_out)
        self._keep, self._take = (inertia - half) / (inertia + half), 1.0 / (inertia + half)
        # what one watt of heat, and one into the air alone, adds to the mass and to the air over the step
        rest, one = np.zeros_like(inner), np.ones_like(inner)
        self._heat_to_mass, self.heat_to_air = self.step(rest, 0.0, one, rest)
        self._cold_to_mass = self._take * self._h3 * self._h1 / self._air / self._h2
        self.cold_to_air = self._air_of(0.5 * self._cold_to_mass, rest, 0.0, 1.0)

    def step(self, mass_c: Floats, outside_c: float | Floats, inner_w: Floats, sun_w: Floats) -> tuple[Floats, Floats]:
        """Mass after the step, and mean air over it, with no heating or cooling.

        Args:
            mass_c: temperature of the mass before.
            outside_c: of the outside air, which is also the air that comes in.
            inner_w: heat of people and appliances.
            sun_w: heat of the sun through windows.
        """
        rest = 0.5 * inner_w + sun_w
        to_surface = self._surface_share * rest
        into_surface = to_surface + self._windows * outside_c + self._h1 * (0.5 * inner_w / self._air + outside_c)
        total = self._mass_share * rest + self._mass_out * outside_c + self._h3 * into_surface / self._h2  # (C.5)
        after = self._keep * mass_c + self._take * total  # (C.4)
        return after, self._air_of(0.5 * (mass_c + after), to_surface, outside_c, 0.5 * inner_w)  # (C.9)

    def _air_of(self, mass_c: Floats, to_surface: Floats, outside_c: float | Floats, to_air: float | Floats) -> Floats:
        """Air (C.11), by the surfaces (C.10)."""
        supply = self._h1 * (outside_c + to_air / self._air)
        surface = (self._to_mass * mass_c + to_surface + self._windows * outside_c + supply) / (
            self._to_mass + self._windows + self._h1
        )
        return (self._to_air * surface + self._air * outside_c + to_air) / (self._to_air + self._air)

    def heated(self, mass_c: Floats, air_c: Floats, heat_w: Floats, cold_w: Floats) -> tuple[Floats, Floats]:
        """Mass and air as :meth:`step` gave them, with so much heat given and so much taken from the air."""
        return (
            mass_c + self._heat_to_mass * heat_w - self._cold_to_mass * cold_w,
            air_c + self.heat_to_air * heat_w - self.cold_to_air * cold_w,
        )
