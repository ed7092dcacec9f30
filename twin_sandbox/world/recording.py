"""A run that nobody commands, for recordings of a hidden reality: half the cost of an attended one."""

from typing import TYPE_CHECKING

from twin_sandbox.engines.drainage.sewers import Drainage
from twin_sandbox.world.drains import drains
from twin_sandbox.world.result import make_result

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.scenario import Scenario


def record(district: "District", scenario: "Scenario", reality: "Reality") -> "Result":
    """What really happens in a scenario while the standing rules work the station.

    The engine chooses its own steps (`twin_sandbox.world.drains.RECORDING_STEPS`), so levels differ from those of
    ``twin.run`` by a few mm. Pump starts and running times are those seen at the kept moments: too few of them for
    what pumps cost, so take ``twin.run`` for that.

    Raises:
        TwinError: the engine refuses the model.
    """
    model = drains(district, scenario, reality, unattended=True)
    engine = Drainage(model.model)
    try:
        engine.start()
        engine.step(scenario.horizon_s, {})
        return make_result(district, scenario, reality, model, engine.finish())
    finally:
        engine.close()
