"""What a run leaves: levels, flows, depths in the streets, and its mass balance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.world.moment import nearest_row
from twin_sandbox.world.scenario import Scenario

if TYPE_CHECKING:
    from twin_sandbox.engines.drainage.sewers import Records
    from twin_sandbox.entities import District
    from twin_sandbox.world.drains import Drains
    from twin_sandbox.world.reality import Reality


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One finished run.

    Args:
        scenario: what was run.
        levels_m: water level [m above datum], time × code of each junction, storage, outfall and low area.
        flows_m3s: flow [m³/s], time × code of each conduit, pump and gate.
        street_depth_m: depth above the bottom of each low area [m], time × code.
        rain_mm_h: rain that fell, mean intensity since the kept moment before [mm/h].
        tide_m: sea level [m above datum].
        pump_flow_m3s: flow [m³/s], time × short name (``pump_1`` …).
        settings: setting 0 to 1, time × short name of pump or gate.
        rain_m3: rain that fell on the subcatchments [m³].
        runoff_m3: what of it ran off into the drains [m³].
        outfall_m3: what left to the sea, through outfalls and over the quay, less what the tide pushed in [m³].
        stored_m3: what stands in pipes, tank and streets at the end, less what stood there at the start [m³].
        mass_error: (runoff − outfall − stored) ÷ runoff, or ÷ the water that moved when it hardly rained [share].
        runoff_error: the engine's own error of rain against infiltration, runoff and surface storage [share].
        pump_running_s: short name → time at full speed that its energy is worth [s].
        pump_starts: short name → number of starts.
        pump_power_kw: short name → rated power [kW].
        seconds: length of the run [s].
        district: where it was run.
    """

    scenario: Scenario
    levels_m: pd.DataFrame
    flows_m3s: pd.DataFrame
    street_depth_m: pd.DataFrame
    rain_mm_h: "pd.Series[float]"
    tide_m: "pd.Series[float]"
    pump_flow_m3s: pd.DataFrame
    settings: pd.DataFrame
    rain_m3: float
    runoff_m3: float
    outfall_m3: float
    stored_m3: float
    mass_error: float
    runoff_error: float
    pump_running_s: Mapping[str, float]
    pump_starts: Mapping[str, int]
    pump_power_kw: Mapping[str, float]
    seconds: float
    district: "District"

    def __repr__(self) -> str:
        return (
            f"<Result of {self.scenario.name!r}: runoff {self.runoff_m3:.0f} m³, to the sea {self.outfall_m3:.0f} m³, "
            f"stored {self.stored_m3:+.0f} m³, mass error {self.mass_error:.2%}>"
        )

    @property
    def water(self) -> Self:
        """Itself: what maps and key figures ask of either kind of run (`twin_sandbox.world.water.WaterResult`)."""
        return self

    def depth_map_m(self, time: object) -> NDArray[np.float32]:
        """Depth of water on the ground [m] at the kept moment nearest to ``time``, shaped like the terrain.

        A low area's water lies level: depth is its level minus the ground, in the cells that drown with it, never
        below 0.

        Raises:
            TwinError: the moment lies outside the run.
        """
        return self._depth_m(self.street_depth_m.to_numpy()[self.row(time)])

    def row(self, time: object) -> int:
        """Number of the kept moment nearest to ``time``.

        Raises:
            TwinError: the moment lies outside the run.
        """
        return nearest_row(pd.DatetimeIndex(self.levels_m.index), time)

    def max_depth_map_m(self) -> NDArray[np.float32]:
        """Greatest depth on the ground [m] over the run, shaped like the terrain."""
        return self._depth_m(self.street_depth_m.to_numpy().max(axis=0))

    def _depth_m(self, depths_m: NDArray[np.float64]) -> NDArray[np.float32]:
        terrain = self.district.terrain
        bottoms = self.district.entities["low_areas"]["bottom_m"].reindex(self.street_depth_m.columns).to_numpy()
        # The last row stands for "no low area" (index −1): a level below any ground.
        level = np.append(np.where(depths_m > 0, bottoms + depths_m, -np.inf), -np.inf)
        depth = level[terrain.low_area] - terrain.elevation_m
        return np.maximum(depth, 0.0).astype(np.float32)


def make_result(
    district: "District", scenario: Scenario, reality: "Reality", drains: "Drains", records: "Records"
) -> Result:
    """The result from an engine's records."""
    times = scenario.times()
    levels = pd.DataFrame(records.levels_m, index=times, columns=list(drains.node_codes))
    flows = pd.DataFrame(records.flows_m3s, index=times, columns=list(drains.link_codes))
    low_areas = district.entities["low_areas"]
    depths = levels[list(low_areas.index)] - low_areas["bottom_m"]
    by_name = dict(zip(drains.model.links, drains.link_codes, strict=True))
    pump_flows = flows[[by_name[name] for name in drains.pumps]].set_axis(list(drains.pumps), axis=1)
    totals = records.totals_m3
    stored = totals["stored_end_m3"] - totals["stored_start_m3"]
    # The tide also pushes sea water into the open outlets; what leaves is counted net of it.
    sea_water = totals["inflow_m3"] - totals["runoff_m3"]
    outflow = totals["outflow_m3"] + totals["overflow_m3"] - sea_water
    moved = max(totals["runoff_m3"], outflow, abs(stored), 1.0)
    area_m2 = float(district.entities["subcatchments"]["area_m2"].sum())
    fallen_mm = scenario.rain_depth_mm(scenario.start, scenario.end) * reality.rain_factor
    return Result(
        scenario=scenario,
        levels_m=levels,
        flows_m3s=flows,
        street_depth_m=depths.clip(lower=0.0),
        rain_mm_h=scenario.rain_mm_h() * reality.rain_factor,
        tide_m=pd.Series(scenario.tide.level_m(times), index=times, name="tide_m"),
        pump_flow_m3s=pump_flows,
        settings=pd.DataFrame(records.settings, index=times, columns=list(drains.model.rules)),
        rain_m3=fallen_mm / 1000.0 * area_m2,
        runoff_m3=totals["runoff_m3"],
        outfall_m3=outflow,
        stored_m3=stored,
        mass_error=(totals["runoff_m3"] - outflow - stored) / moved,
        runoff_error=records.runoff_error,
        pump_running_s={name: records.running_s[name] for name in drains.pumps},
        pump_starts={name: records.starts[name] for name in drains.pumps},
        pump_power_kw={name: power for name, (power, _) in drains.pumps.items()},
        seconds=float(scenario.horizon_s),
        district=district,
    )
