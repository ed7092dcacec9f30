"""The engines of a run, by name: each made from the district, the scenario and the reality by its model's module.

To add an engine, write its adapter in `twin_sandbox/engines`, its model in `twin_sandbox/world/models` with a function
``engine(district, scenario, reality)``, and its line here; what feeds it stands in ``datasets/wiring.toml``.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError

if TYPE_CHECKING:
    from twin_sandbox.engines.protocol import Engine
    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

MODELS: Mapping[str, str] = {
    "people": "twin_sandbox.world.models.people",
    "drainage": "twin_sandbox.world.models.city_water",
    "buildings": "twin_sandbox.world.models.buildings",
    "heat": "twin_sandbox.world.models.heat",
    "sun": "twin_sandbox.world.models.sun",
    "supply": "twin_sandbox.world.models.supply",
    "power": "twin_sandbox.world.models.power",
    "traffic": "twin_sandbox.world.models.traffic",
}
"""Engine → the module that makes it. Engines that need not wait for each other step in this order."""

EVERY = tuple(MODELS)
"""All engines: what a scenario of the whole district names."""


def assemble(district: "District", scenario: "Scenario", reality: "Reality") -> "dict[str, Engine]":
    """The engines that a scenario names, not started.

    Raises:
        TwinError: no such engine, or the district cannot be modelled.
    """
    made: dict[str, Engine] = {}
    for name in sorted(scenario.engines, key=lambda one: list(MODELS).index(one) if one in MODELS else -1):
        if name not in MODELS:
            close = get_close_matches(name, MODELS, 1)
            then = f"Did you mean {close[0]!r}?" if close else ""
            raise TwinError(f"Scenario {scenario.name!r}, engines", repr(name), f"{', '.join(MODELS)}.", then)
        made[name] = import_module(MODELS[name]).engine(district, scenario, reality)
    return made
