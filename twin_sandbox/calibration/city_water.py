"""Figures of sewers and streets in design storms of 3 to 100 years and on a dry day, and their picture."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.engines.drainage.city_water import CityWaterModel, CityWaterRecords
    from twin_sandbox.world.twin import Twin

Floats = NDArray[np.float64]

RETURN_PERIODS_A = (3, 10, 30, 100)
START = pd.Timestamp("2026-07-18 18:00+08:00")
NIGHT_H, RAIN_AFTER_H, PEAK_MIN = 6.0, 1.0, 49
FLOODING = "GB 51222-2017 and GB 50014-2021, 3.2: one lane no deeper than 15 cm"
STORMS = "GB 50014-2021, 3.2: pipes for 2 to 5 years"
PUMPS = "GB 50014-2021, 6: no more than 6 starts an hour"
LEDGER = "rule of this project: all water within 0.5 %"
DEEP_M = 0.15


@dataclass(frozen=True)
class Night:
    """One finished night.

    Args:
        model: what was run.
        records: what it left.
        balances: all its water.
    """

    model: "CityWaterModel"
    records: "CityWaterRecords"
    balances: Mapping[str, float]

    @property
    def streets_m(self) -> "pd.Series[float]":
        """Street code → deepest water of the night [m]."""
        return pd.Series(self.records.street_depth_m.max(axis=0), index=list(self.model.streets))


@lru_cache(maxsize=len(RETURN_PERIODS_A) + 1)
def run(twin: "Twin", return_period_a: float | None, horizon_h: float = NIGHT_H) -> Night:
    """A night in which a storm's peak meets high water; without return period, a dry one."""
    from twin_sandbox.engines.drainage.city_water import CityWater
    from twin_sandbox.world.models.city_water import city_water_model
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.storm import Storm
    from twin_sandbox.world.tide import Tide

    begins = START + pd.Timedelta(hours=RAIN_AFTER_H)
    scenario = Scenario(
        "calibration",
        START,
        horizon_h,
        Storm.chicago(return_period_a) if return_period_a else Storm.dry(),
        begins if return_period_a else START,
        Tide(0.0, 2.8, begins + pd.Timedelta(minutes=PEAK_MIN)),
        grid_m=5,
    )
    model = city_water_model(twin.district, scenario)
    engine = CityWater(model)
    try:
        engine.start()
        engine.step(model.horizon_s, {})
        done = engine.finish()
    finally:
        engine.close()
    return Night(model, done.records, done.balances)  # type: ignore[arg-type]


def values(twin: "Twin") -> Iterator[Value]:
    """Depths in streets, fill of pipes, work of the pumps and the account of all water, storm by storm."""
    with ThreadPoolExecutor(2) as pool:
        dry = pool.submit(run, twin, None, 24.0)
        nights = dict(
            zip(RETURN_PERIODS_A, pool.map(lambda years: run(twin, float(years)), RETURN_PERIODS_A), strict=True)
        )
    yield from _depths(twin, nights)
    yield from _pipes(twin, nights)
    yield from _station(nights)
    for name, night in [
        *((f"storm of {years} years", night) for years, night in nights.items()),
        ("dry day", dry.result()),
    ]:
        yield Value(f"water unaccounted for, {name}", 100 * night.balances["mass_error"], -0.5, 0.5, "%", LEDGER)
    gully = 1000 * float(nights[3].model.inlets.opening_m2.min()) * 0.65 * np.sqrt(2 * 9.80665 * 0.1)
    yield Value("a gully's grating under 0.1 m of water", float(gully), 10.0, 21.0, "L/s", "GB 50014-2021, 5.7; 16S518")


def _depths(twin: "Twin", nights: Mapping[int, Night]) -> Iterator[Value]:
    streets = twin.entities["streets"]["street_class"]
    below = streets.index[streets == "underpass"]
    rest = streets.index[streets != "underpass"]
    deep = {years: int((night.streets_m[rest] > DEEP_M).sum()) for years, night in nights.items()}
    yield none_of("streets deeper than 15 cm outside the underpass, storm of 3 years", deep[3], f"{STORMS}; {FLOODING}")
    for years, low, high in ((10, 3, 20), (30, 10, 35), (100, 20, 60)):
        yield Value(f"streets deeper than 15 cm, storm of {years} years", float(deep[years]), low, high, "1", RULE)
    ponds = _ponds_m(twin, nights[100])
    yield Value(
        "ponds in low streets, mean of their deepest, storm of 100 years", float(ponds.mean()), 0.2, 0.6, "m", RULE
    )
    deepest = float(nights[100].streets_m[rest].max())
    yield Value("deepest street outside the underpass, storm of 100 years", deepest, 0.3, 0.8, "m", RULE)
    for years, least, most in ((3, 0.0, 0.8), (100, 1.0, 3.5)):
        depth = float(nights[years].streets_m[below].max())
        yield Value(f"underpass, storm of {years} years", depth, least, most, "m", RULE)


def _ponds_m(twin: "Twin", night: Night) -> Floats:
    """Deepest water on the carriageway in each low area, the underpass apart [m]."""
    from twin_sandbox.world.models.city_water import STREET

    terrain, low = twin.terrain, twin.entities["low_areas"]
    wet = np.where(terrain.land_cover == STREET, night.records.deepest_m, 0.0)
    deepest = [float(wet[terrain.low_area == k].max()) for k in range(len(low))]
    ponds: Floats = np.array(deepest)[(low["kind"] == "street").to_numpy()]
    return ponds


def fill(twin: "Twin", night: Night) -> Floats:
    """Fill of each conduit at its upper end [share of the diameter], records × conduits."""
    conduits = twin.entities["conduits"]
    levels = pd.DataFrame(night.records.levels_m, columns=list(night.model.node_codes))[
        conduits["from_code"]
    ].to_numpy()
    inverts = pd.concat([twin.entities[table]["invert_m"] for table in ("junctions", "storages")])
    bottom = inverts[conduits["from_code"]].to_numpy() + conduits["inlet_offset_m"].to_numpy()
    share: Floats = np.clip((levels - bottom) / conduits["diameter_m"].to_numpy(), 0.0, 1.0)
    return share


def _pipes(twin: "Twin", nights: Mapping[int, Night]) -> Iterator[Value]:
    for years, low, high in ((3, 0.5, 1.0), (100, 0.9, 1.0)):
        fullest = float(np.median(fill(twin, nights[years]).max(axis=0)))
        yield Value(f"fullest fill of the median pipe, storm of {years} years", fullest, low, high, "1", STORMS)
    full = fill(twin, nights[3]).max(axis=0) >= 1.0
    yield Value("pipes that run full, storm of 3 years", 100 * float(full.mean()), 5, 60, "%", STORMS)


def _station(nights: Mapping[int, Night]) -> Iterator[Value]:
    pumps = list(nights[3].model.pumps_kw)
    for years, low, high in ((3, 1.0, 8.0), (100, 3.0, 15.0)):
        hours = sum(nights[years].records.running_s[name] for name in pumps) / 3600.0
        yield Value(f"hours that the pumps run together, storm of {years} years", hours, low, high, "h", RULE)
    starts = max(max(_starts_an_hour(night, name) for name in pumps) for night in nights.values())
    yield Value("starts of one pump in an hour, all storms", float(starts), 0.0, 6.0, "1/h", PUMPS)


def _starts_an_hour(night: Night, pump: str) -> float:
    setting = night.records.settings[:, list(night.model.rules).index(pump)]
    started = np.diff(setting, prepend=0.0) > 0
    hour = 3600 // night.model.report_s
    return float(max(started[k : k + hour].sum() for k in range(0, len(started), 1)))


def draw_storm(twin: "Twin") -> "Figure":
    """The deepest water of a storm of 100 years, and how street, sewer and sea go through it together."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from twin_sandbox.views.palette import DEEPEST_M, depth_colours

    night = run(twin, 100.0)
    terrain, records = twin.terrain, night.records
    west, south, east, north = terrain.bounds_m
    figure = Figure(figsize=(11.5, 6.4), layout="constrained")
    axes = figure.subplot_mosaic([["map", "rain"], ["map", "street"], ["map", "sewer"]], width_ratios=(1.7, 1.0))
    ground = np.where(terrain.land_cover == 0, 2, np.where(terrain.land_cover == 1, 1, 0))
    axes["map"].imshow(
        ground, cmap=ListedColormap(["#f3f0e8", "#dcd8cf", "#dfeaf0"]), extent=(west, east, south, north)
    )
    twin.entities["buildings"].plot(ax=axes["map"], color="#c9c3b6", linewidth=0)
    shades = ListedColormap(depth_colours(np.linspace(0, DEEPEST_M, 64)) / 255.0)
    depth = np.where((records.deepest_m > 0.05) & night.model.inland, records.deepest_m, np.nan)
    water = axes["map"].imshow(depth, cmap=shades, vmin=0, vmax=DEEPEST_M, extent=(west, east, south, north), zorder=3)
    figure.colorbar(water, ax=axes["map"], shrink=0.5, pad=0.01, extend="max", label="deepest water [m], above 5 cm")
    axes["map"].set(title="Storm of 100 years at high water", xlim=(west, east), ylim=(south + 120, north))
    axes["map"].set_axis_off()
    hours = np.arange(len(records.levels_m)) * night.model.report_s / 3600.0
    rain = night.model.rain_mm_h
    axes["rain"].fill_between(np.arange(rain.size) / 60.0, rain, color="#5a8fb8", step="post")
    axes["rain"].set(ylabel="mm/h", title="Rain")
    names = twin.entities["streets"]["name_en"]
    deepest = night.streets_m.sort_values(ascending=False)
    shown = deepest[~names[deepest.index].duplicated().to_numpy()].index[:4]
    depths = pd.DataFrame(records.street_depth_m, columns=list(night.model.streets))
    for code, colour in zip(shown, ("#262464", "#1e5092", "#2a7ab8", "#52a3d2"), strict=False):
        axes["street"].plot(hours, depths[code], color=colour, label=names[code])
    axes["street"].axhline(DEEP_M, color="#5b6675", linestyle="--", linewidth=0.8)
    axes["street"].set(ylabel="m", title="Water in streets; dashed: 15 cm")
    axes["street"].legend(fontsize="x-small")
    tank = twin.entities["storages"].index[0]
    level = pd.DataFrame(records.levels_m, columns=list(night.model.node_codes))[tank]
    axes["sewer"].plot(hours, level, color="#2f7d5b", label="storage tank")
    axes["sewer"].plot(np.arange(night.model.sea_m.size) / 60.0, night.model.sea_m, color="#8a97a8", label="sea")
    running = records.pump_kw.astype(bool).sum(axis=1)
    axes["sewer"].step(hours, running, color="#c4553d", where="post", label="pumps running")
    axes["sewer"].set(ylabel="m above datum; pumps", xlabel="hours since 18:00", title="Tank, sea and pumps")
    axes["sewer"].legend(fontsize="x-small")
    for name in ("rain", "street", "sewer"):
        axes[name].set(xlim=(0, NIGHT_H))
        axes[name].spines[["top", "right"]].set_visible(False)
    return figure


def draw_storms(twin: "Twin") -> "Figure":
    """Where the streets flood and how deep, in storms of 3, 10, 30 and 100 years whose peak meets high water."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    from twin_sandbox.views.palette import DEEPEST_M, depth_colours

    terrain = twin.terrain
    west, south, east, north = terrain.bounds_m
    shades = ListedColormap(depth_colours(np.linspace(0, DEEPEST_M, 64)) / 255.0)
    figure = Figure(figsize=(11.5, 8.8), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, years in zip(panels, RETURN_PERIODS_A, strict=True):
        night = run(twin, float(years))
        deepest = night.records.deepest_m
        depth = np.where((deepest > 0.05) & night.model.inland, deepest, np.nan)
        twin.entities["buildings"].plot(ax=axes, color="#dcd8cf", linewidth=0)
        water = axes.imshow(depth, cmap=shades, vmin=0, vmax=DEEPEST_M, extent=(west, east, south, north), zorder=3)
        deep = int((night.streets_m > DEEP_M).sum())
        axes.set(title=f"{years} years: {deep} of {len(night.streets_m)} streets deeper than 15 cm")
        axes.set(xlim=(west, east), ylim=(south + 120, north))
        axes.set_axis_off()
    figure.colorbar(water, ax=panels, shrink=0.5, pad=0.01, extend="max", label="deepest water [m], above 5 cm")
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "Deepest water in a storm of 100 years, and how street, sewer and sea go through it together": draw_storm,
    "Where the streets flood in storms of 3, 10, 30 and 100 years": draw_storms,
}
