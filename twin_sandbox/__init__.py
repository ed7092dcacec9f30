"""The mini-twin of a sample city district: entities, engines on one clock, things, maps.

>>> import twin_sandbox
>>> twin = twin_sandbox.open_district()

Heavy libraries and engines are imported when first used, so importing this package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin_sandbox.errors import TwinError
    from twin_sandbox.things import faults
    from twin_sandbox.world import kpi
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.session import Session
    from twin_sandbox.world.storm import Storm
    from twin_sandbox.world.tide import Tide
    from twin_sandbox.world.twin import Twin, open_district

__all__ = [
    "Reality",
    "Result",
    "Scenario",
    "Session",
    "Storm",
    "Tide",
    "Twin",
    "TwinError",
    "faults",
    "kpi",
    "open_district",
]

_HOMES = {
    "Reality": "twin_sandbox.world.reality",
    "Result": "twin_sandbox.world.result",
    "Scenario": "twin_sandbox.world.scenario",
    "Session": "twin_sandbox.world.session",
    "Storm": "twin_sandbox.world.storm",
    "Tide": "twin_sandbox.world.tide",
    "Twin": "twin_sandbox.world.twin",
    "TwinError": "twin_sandbox.errors",
    "faults": "twin_sandbox.things.faults",
    "kpi": "twin_sandbox.world.kpi",
    "open_district": "twin_sandbox.world.twin",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'twin_sandbox' has no attribute {name!r}")
    module = importlib.import_module(home)
    # A public name that is itself a module is named like its file.
    value: object = module if home.endswith(f".{name}") and not hasattr(module, name) else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
