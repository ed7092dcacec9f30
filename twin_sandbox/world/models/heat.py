"""The heat net of a district as the heat loop's model."""

import math
from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.engines.heat.engine import HeatLoop
from twin_sandbox.engines.heat.pipe import HEAT_J_KGK
from twin_sandbox.engines.heat.substation import HeatModel
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.buildings import DESIGN_OUTSIDE_C, heating_season
from twin_sandbox.world.weather import Weather

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

STEP_S = 300
DENSITY_KG_M3 = 960.0
"""Of water near 95 °C."""
GROUND_C = 5.0
"""Around the pipes in winter, 1.2 to 1.5 m down."""


def engine(district: "District", scenario: "Scenario", reality: "Reality") -> HeatLoop:
    """The engine of a run.

    Raises:
        TwinError: no heat station, or the scenario's weather does not cover the run.
    """
    return HeatLoop(
        heat_model(
            district,
            scenario.start,
            scenario.horizon_s,
            scenario.weather_or_ordinary(),
            reality,
            step_s=math.gcd(STEP_S, scenario.horizon_s),
        )
    )


def heat_model(
    district: "District",
    start: "pd.Timestamp",
    horizon_s: float,
    weather: Weather,
    reality: "Reality | None" = None,  # noqa: ARG001 - nothing hidden touches the heat net yet
    *,
    step_s: int = STEP_S,
) -> HeatModel:
    """The station, its pipes, substations and houses, under a weather.

    Raises:
        TwinError: the district has no heat station, or several; or the weather does not cover the run.
    """
    import pandas as pd

    sources, nodes, pipes, substations, services = (
        district.entities[f"heat_{name}"] for name in ("sources", "nodes", "pipes", "substations", "services")
    )
    if len(sources) != 1:
        raise TwinError("heat_model, heat_sources", f"{len(sources)} stations", "One.", "Leave the engine out.")
    times = pd.date_range(start, periods=int(np.ceil(horizon_s / step_s)) + 1, freq=pd.Timedelta(seconds=step_s))
    number = {code: k for k, code in enumerate((*sources.index, *nodes.index))}
    section_m2 = np.pi / 4.0 * pipes["diameter_m"].to_numpy(dtype=np.float64) ** 2
    temperatures = {
        name: substations[name].to_numpy(dtype=np.float64)
        for name in ("primary_supply_c", "primary_return_c", "secondary_supply_c", "secondary_return_c")
    }
    return HeatModel(
        start=start,
        step_s=step_s,
        source=str(sources.index[0]),
        supply_c=float(sources["supply_c"].iloc[0]),
        rated_kw=float(sources["rated_kw"].iloc[0]),
        pipes=tuple(pipes.index),
        pipe_from=pipes["from_code"].map(number).to_numpy(dtype=np.int64),
        pipe_to=pipes["to_code"].map(number).to_numpy(dtype=np.int64),
        pipe_mass_kg=section_m2 * pipes["length_m"].to_numpy(dtype=np.float64) * DENSITY_KG_M3,
        pipe_cooling_per_s=pipes["insulation_w_mk"].to_numpy() / (section_m2 * DENSITY_KG_M3 * HEAT_J_KGK),
        ground_c=GROUND_C,
        substations=tuple(substations.index),
        substation_node=substations["node_code"].map(number).to_numpy(dtype=np.int64),
        design_kw=substations["rated_kw"].to_numpy(dtype=np.float64),
        **temperatures,
        buildings=tuple(services["building_code"]),
        building_substation=substations.index.get_indexer(services["substation_code"]).astype(np.int64),
        building_design_kw=services["design_load_kw"].to_numpy(dtype=np.float64),
        outside_c=weather.at(times)["temperature_c"].to_numpy(),
        design_outside_c=DESIGN_OUTSIDE_C,
        in_season=heating_season(times),
    )
