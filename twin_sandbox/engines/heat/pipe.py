"""A buried pipe through which hot water moves as plugs."""

import math
from collections import deque

HEAT_J_KGK = 4200.0
"""Specific heat of water between 40 and 120 °C."""


class Pipe:
    """First in, first out; each plug cools by Newton's law from when it came in.

    Args:
        mass_kg: of the water in the pipe.
        cooling_per_s: λ / (A ρ c).
        ground_c: temperature that everything cools to.
    """

    def __init__(self, mass_kg: float, cooling_per_s: float, ground_c: float) -> None:
        self.mass_kg, self._cooling_per_s, self._ground_c = mass_kg, cooling_per_s, ground_c
        # mass [kg], temperature when it came in [°C], when [s]; the oldest first
        self._plugs: deque[tuple[float, float, float]] = deque()

    def fill(self, came_c: float, mass_kg_s: float, step_s: float) -> float:
        """Fill with water that has come in at ``came_c`` for ever; what would leave at time 0 [°C]."""
        self._plugs.clear()
        whole, each = self.mass_kg, mass_kg_s * step_s
        if each <= 0.0:
            self._plugs.append((whole, came_c, 0.0))
            return came_c
        count = max(1, math.ceil(whole / each - 1e-9))
        for back in range(count, 0, -1):
            part = whole - (count - 1) * each if back == count else each
            self._plugs.append((part, came_c, step_s / 2 - back * step_s))
        return self._cooled(came_c, whole / mass_kg_s)

    def passes(self, mass_kg: float, came_c: float, time_s: float) -> tuple[float, float]:
        """Let so much water in at one end: mean temperature of what leaves at the other, and heat lost on its way [J].

        Args:
            mass_kg: more than 0.
            came_c: temperature of what comes in.
            time_s: the middle of the step in which it moves.
        """
        plugs = self._plugs
        plugs.append((mass_kg, came_c, time_s))
        wanted, degrees, lost = mass_kg, 0.0, 0.0
        while wanted > 1e-9:
            mass, was_c, since_s = plugs.popleft()
            taken = min(mass, wanted)
            if mass > wanted:
                plugs.appendleft((mass - wanted, was_c, since_s))
            now_c = self._cooled(was_c, time_s - since_s)
            degrees += taken * now_c
            lost += taken * (was_c - now_c)
            wanted -= taken
        return degrees / mass_kg, lost * HEAT_J_KGK

    def holds(self, time_s: float) -> tuple[float, float]:
        """Heat that the water holds above 0 °C, and what it has lost since it came in [J]."""
        held = sum(mass * self._cooled(was_c, time_s - since_s) for mass, was_c, since_s in self._plugs)
        came = sum(mass * was_c for mass, was_c, _ in self._plugs)
        return held * HEAT_J_KGK, (came - held) * HEAT_J_KGK

    def outlet_c(self, time_s: float) -> float:
        """Temperature of the water that stands at the far end."""
        _, was_c, since_s = self._plugs[0]
        return self._cooled(was_c, time_s - since_s)

    def _cooled(self, was_c: float, for_s: float) -> float:
        return self._ground_c + (was_c - self._ground_c) * math.exp(-self._cooling_per_s * max(for_s, 0.0))
