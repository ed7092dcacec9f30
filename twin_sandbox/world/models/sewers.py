"""The district's sewers as an input file for EPA SWMM alone: without the street surface in two dimensions.

All rain of a subcatchment, that on its streets too, runs into its manhole; what a manhole spills ponds above it and
returns. So a storm that the sewers hold gives nearly the levels and flows of a run of the twin, and one that drowns
streets does not: water neither runs along them nor gathers in low areas.
"""

from typing import TYPE_CHECKING, Any

from twin_sandbox.world.models.network import Network
from twin_sandbox.world.reality import AS_DESIGNED, Reality

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario

ROUTING_STEP_S = 5
"""Fixed routing step [s]."""

PONDED_M2 = 600.0
"""Street above a manhole on which its water ponds [m²]: 50 m to either side, 6 m wide."""


def sewers_input(district: "District", scenario: "Scenario", reality: Reality = AS_DESIGNED) -> str:
    """The SWMM input, with the standing rules as its controls.

    Args:
        district: where.
        scenario: rain, tide, time, and how the pumps are run.
        reality: how the real network differs from the public model.

    Raises:
        TwinError: the reality speaks of a conduit that the district doesn't have, or the tank cannot be so full.
    """
    return _Writer(district, scenario, reality).write()


class _Writer(Network):
    def write(self) -> str:
        self._options(ROUTING_STEP_S, {"ALLOW_PONDING": "YES"})
        self._rain()
        self._nodes()
        self._conduits()
        self._station()
        self._series()
        return f"{self.text}[CONTROLS]\n" + "\n".join(self.standing) + "\n"

    def _junction(self, row: Any) -> tuple[float, ...]:  # noqa: ANN401 - a row of the junctions
        return row.rim_m - row.invert_m, 0, 0, PONDED_M2
