"""The water of a run of sewers and 2-D street surface: what maps, charts and key figures read, as ``result.water``."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.network import short_names
from twin_sandbox.world.moment import nearest_row

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.models.city_water import Ground
    from twin_sandbox.world.result import Result

Floats = NDArray[np.float64]
NO_GROUND = (0, 2, 7)
"""Land cover where no water stands on the ground: the sea, buildings, and the beach, which is the tide's."""


class Water:
    """The water of a run of sewers and street surface.

    A low area's ``street_depth_m`` is the deepest water along the street that lies in it: what its gauge and its
    control room tell. (The deepest of all its cells would be that of the underpass for the street across it, and of
    yards.) ``runoff_m3`` is all that did not seep away or stay on roofs and lawns, ``outfall_m3`` what went through
    outfalls and over the shore.

    Args:
        result: of a run with the engine ``drainage``, to its end.

    Raises:
        TwinError: a run without drainage, or one that failed.
    """

    def __init__(self, result: "Result") -> None:
        from twin_sandbox.engines.drainage.city_water import CityWaterRecords

        finished = result.finished.get("drainage")
        if result.district is None or finished is None or not isinstance(finished.records, CityWaterRecords):
            raise TwinError(
                f"result of {result.scenario.name!r}, water",
                "a run that failed" if result.failed else "a run without the engine drainage",
                'A run with engines=("drainage", …), to its end.',
            )
        self.result = result
        self.scenario, self.district = result.scenario, result.district
        self.records = finished.records
        self._balances = finished.balances
        self.seconds = float(result.scenario.horizon_s)

    def __repr__(self) -> str:
        return (
            f"<Water of {self.scenario.name!r}: runoff {self.runoff_m3:.0f} m³, to the sea {self.outfall_m3:.0f} m³, "
            f"stored {self.stored_m3:+.0f} m³, mass error {self.mass_error:.2%}>"
        )

    @functools.cached_property
    def ground(self) -> "Ground":
        """The surface's grid, and who is where on it."""
        from twin_sandbox.world.models.city_water import ground

        return ground(self.district, float(self.scenario.grid_m))

    def _table(self, values: Floats, codes: "tuple[str, ...] | list[str]") -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(values, index=self.result.times, columns=list(codes))

    def _codes(self, quantity: str) -> tuple[str, ...]:
        return self.result.tracks.ports[f"drainage.{quantity}"].codes

    @functools.cached_property
    def street_depth_m(self) -> "pd.DataFrame":
        """Deepest water along the street of each low area [m], time × code of the low area."""
        streets = self.district.entities["low_areas"]["street_code"]
        codes = self._codes("street_depth_m")
        places = [codes.index(street) for street in streets]
        return self._table(self.records.street_depth_m[:, places], list(streets.index))

    @functools.cached_property
    def levels_m(self) -> "pd.DataFrame":
        """Water level [m above datum], time × code of each node and low area (its bottom plus its depth)."""
        bottoms = self.district.entities["low_areas"]["bottom_m"].to_numpy(dtype=np.float64)
        levels = np.hstack([self.records.levels_m, self.street_depth_m.to_numpy() + bottoms])
        return self._table(levels, [*self._codes("level_m"), *self.street_depth_m.columns])

    @functools.cached_property
    def flows_m3s(self) -> "pd.DataFrame":
        """Flow [m³/s], time × code of each conduit, pump and gate."""
        return self._table(self.records.flows_m3s, self._codes("flow_m3s"))

    @functools.cached_property
    def rain_mm_h(self) -> "pd.Series[float]":
        """Rain that fell, mean intensity since the kept moment before [mm/h]."""
        return self.scenario.rain_mm_h() * self.result.reality.rain_factor

    @functools.cached_property
    def tide_m(self) -> "pd.Series[float]":
        """Sea level [m above datum]."""
        import pandas as pd

        times = self.result.times
        return pd.Series(self.scenario.tide.level_m(times), index=times, name="tide_m")

    @functools.cached_property
    def _pumps(self) -> dict[str, str]:
        """Short name → code of each pump."""
        names = short_names(self.district)
        return {names[code]: code for code in self._codes("pump_kw")}

    @functools.cached_property
    def pump_flow_m3s(self) -> "pd.DataFrame":
        """Flow [m³/s], time × short name."""
        return self.flows_m3s[list(self._pumps.values())].set_axis(list(self._pumps), axis=1)

    @functools.cached_property
    def settings(self) -> "pd.DataFrame":
        """Setting 0 to 1, time × short name of pump or gate."""
        return self._table(self.records.settings, self._codes("setting"))

    @property
    def rain_m3(self) -> float:
        """Rain that fell on streets and all other ground [m³]."""
        return self._balances["rain_m3"]

    @property
    def runoff_m3(self) -> float:
        """Rain, and foul water from wrong connections, less what seeped away or stays on roofs and lawns [m³]."""
        came = self.rain_m3 + self._balances["dry_weather_m3"]
        return came - self._balances["infiltration_m3"] - self._balances["ground_m3"]

    @property
    def outfall_m3(self) -> float:
        """What left through outfalls and over the shore, less what the sea pushed in [m³]."""
        return self._balances["outfall_m3"] + self._balances["sea_m3"]

    @property
    def stored_m3(self) -> float:
        """What stands in pipes, tank and streets at the end, less what stood there at the start [m³]."""
        return self._balances["stored_m3"]

    @property
    def mass_error(self) -> float:
        """Error of the account of all water, as a share of what came, from the sea too, and of what was there."""
        return self._balances["mass_error"]

    @property
    def runoff_error(self) -> float:
        """SWMM's own error of rain against infiltration, runoff and surface storage [share]."""
        return self._balances["runoff_error"]

    @property
    def pump_running_s(self) -> Mapping[str, float]:
        """Short name → time at full speed that its energy is worth [s]."""
        return {name: self.records.running_s[name] for name in self._pumps}

    @property
    def pump_starts(self) -> Mapping[str, int]:
        """Short name → number of starts."""
        return {name: self.records.starts[name] for name in self._pumps}

    @property
    def pump_power_kw(self) -> Mapping[str, float]:
        """Short name → rated power [kW]."""
        power = self.district.entities["pumps"]["power_kw"]
        return {name: float(power[code]) for name, code in self._pumps.items()}

    def row(self, time: object) -> int:
        """Number of the kept moment nearest to ``time``.

        Raises:
            TwinError: the moment lies outside the run.
        """
        return nearest_row(self.result.times, time)

    def depth_map_m(self, time: object) -> NDArray[np.float32]:
        """Depth of water on the ground [m] at the kept moment nearest to ``time``, shaped like the terrain.

        Where the surface's cells are wider than the terrain's, its water lies level in each of them: depth is that
        level less the terrain's ground, so that a street at the foot of a slope is wet and the slope is not. Nothing
        lies in houses, in the sea, and on the beach, which the tide washes.

        Raises:
            TwinError: the moment lies outside the run.
        """
        return self._on_terrain(self.records.depth_m[self.row(time)])

    def max_depth_map_m(self) -> NDArray[np.float32]:
        """Greatest depth on the ground [m] over the run, between kept moments too, shaped like the terrain."""
        side = self.records.map_cells
        deepest = self.records.deepest_m
        rows, columns = deepest.shape
        return self._on_terrain(deepest.reshape(rows // side, side, columns // side, side).max(axis=(1, 3)))

    @functools.cached_property
    def block_ground_m(self) -> Floats:
        """Ground from which each value of the depth maps is told [m above datum], rows × columns; NaN in houses."""
        side, ground = self.records.map_cells, self.ground.grid.ground_m
        if side == 1:
            return ground
        rows, columns = ground.shape
        lowest = np.where(np.isnan(ground), np.inf, ground).reshape(rows // side, side, columns // side, side)
        found = lowest.min(axis=(1, 3))
        return np.where(np.isinf(found), np.nan, found)

    @functools.cached_property
    def _rise_m(self) -> Floats:
        """How far the terrain stands above its block's ground [m], shaped like the terrain; ∞ where no water stands.

        Never below 0: a garden lower than the street beside it does not fill through its wall.
        """
        terrain = self.district.terrain
        times = terrain.elevation_m.shape[0] // self.block_ground_m.shape[0]
        below = np.repeat(np.repeat(self.block_ground_m, times, axis=0), times, axis=1)
        # The surface's ground is the terrain's to the centimetre.
        rise: Floats = np.maximum(terrain.elevation_m.astype(np.float64).round(2) - below, 0.0)
        rise[np.isnan(rise) | np.isin(terrain.land_cover, NO_GROUND)] = np.inf
        return rise

    def _on_terrain(self, depth_m: NDArray[np.floating]) -> NDArray[np.float32]:
        rise = self._rise_m
        times = rise.shape[0] // depth_m.shape[0]
        wide = np.repeat(np.repeat(depth_m, times, axis=0), times, axis=1)
        found: NDArray[np.float32] = np.maximum(wide - rise, 0.0).astype(np.float32)
        return found
