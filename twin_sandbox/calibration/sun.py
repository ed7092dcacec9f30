"""Figures of the roofs' solar systems over a year, and their pictures."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.engines.sun import Generation, SunModel
    from twin_sandbox.world.twin import Twin

NEW_YEAR = "2026-01-01 00:00+08:00"
YEAR_S = 365 * 86_400
PVGIS = "PVGIS 5 and maps of solar resource for the south coast of Shandong, from memory"


def year(twin: "Twin") -> "tuple[SunModel, Generation]":
    """An ordinary year by hours."""
    from twin_sandbox.engines.sun import generation
    from twin_sandbox.world.models.sun import sun_model
    from twin_sandbox.world.weather import Weather

    start = pd.Timestamp(NEW_YEAR)
    model = sun_model(twin.district, start, YEAR_S, Weather.ordinary(start, YEAR_S, 3600), 3600)
    return model, generation(model)


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of an ordinary year."""
    model, made = year(twin)
    level = float(model.ghi_w_m2.sum()) / 1000.0
    yield Value("light_on_the_level", round(level), 1300, 1500, "kWh/m²a", PVGIS)
    each = made.ac_kw.sum(axis=0) / model.kwp
    whole = float(made.ac_kw.sum() / model.kwp.sum())
    yield Value("yield_of_all_systems", round(whole), 1200, 1350, "kWh/kWp", PVGIS)
    yield Value("yield_of_the_middle_system", round(float(np.median(each))), 1200, 1350, "kWh/kWp", PVGIS)
    free_kwh = made.free_w_m2.sum(axis=0) / 1000.0
    ratio = float(made.ac_kw.sum() / (free_kwh @ model.kwp))
    yield Value("performance_ratio", round(ratio, 3), 0.78, 0.84, "1", "IEC 61724-1; PVGIS, practice")
    shade = 1.0 - float((made.plane_w_m2.sum(axis=0) @ model.kwp) / (made.free_w_m2.sum(axis=0) @ model.kwp))
    yield Value("light_lost_to_neighbours", round(shade, 3), 0.0, 0.1, "1", "practice")
    roofs = twin.district.facts["roofs"].set_index("building_code")
    systems = twin.entities["pv_systems"]
    own = roofs.reindex(systems["building_code"])
    flat = (own["pitch_deg"] <= 8.0).to_numpy()
    density = 1000.0 * systems["kwp"].to_numpy()[flat].sum() / own["usable_pv_m2"].to_numpy()[flat].sum()
    yield Value("panels_by_usable_flat_roof", round(float(density), 1), 80, 120, "W/m²", "common practice")
    hottest = float(made.cell_c[made.plane_w_m2 > 100.0].max())
    yield Value("hottest_cell", round(hottest, 1), 50, 75, "°C", "IEC 61215 and practice")
    beyond = (made.ac_kw > model.inverter_kw + 1e-9).sum()
    yield none_of("hours_beyond_the_inverter", float(beyond), unit="h")
    yield none_of("hours_of_power_at_night", float((made.ac_kw[model.ghi_w_m2 <= 0.0] > 0.0).sum()), RULE, "h")


def draw_year(twin: "Twin") -> "Figure":
    """Where the systems stand and what they yield; what a shaded one sees; a clear day with and without shade."""
    from dataclasses import replace

    from matplotlib.figure import Figure

    from twin_sandbox.engines.sun import generation
    from twin_sandbox.world.models.sun import sun_model
    from twin_sandbox.world.weather import LATITUDE_DEG, LONGITUDE_DEG, Weather

    model, made = year(twin)
    each = made.ac_kw.sum(axis=0) / model.kwp
    figure = Figure(figsize=(11.5, 4.2), layout="constrained")
    grid = figure.add_gridspec(1, 3, width_ratios=(1.25, 1.0, 1.1))
    place = figure.add_subplot(grid[0])
    twin.entities["buildings"].plot(ax=place, color="#d9dde0")
    at = twin.entities["pv_systems"].geometry
    dots = place.scatter(
        at.x, at.y, c=each, s=14 + 2.5 * model.kwp, cmap="viridis", vmin=800, edgecolor="white", lw=0.5
    )
    figure.colorbar(dots, ax=place, shrink=0.75, label="kWh/kWp in a year")
    place.set(title="Yield of each system", xticks=[], yticks=[], xlabel="", ylabel="", aspect="equal")
    worst = int(np.argmin(made.plane_w_m2.sum(axis=0) / made.free_w_m2.sum(axis=0)))
    start = pd.Timestamp("2026-10-10 00:00+08:00")
    clear = Weather.heat_wave(start, 86_400, 28.0, 300)
    day = sun_model(twin.district, start, 86_400, clear)
    import pvlib

    path = pvlib.solarposition.get_solarposition(clear.times, LATITUDE_DEG, LONGITUDE_DEG)
    view = figure.add_subplot(grid[1])
    directions = np.arange(day.horizon_deg.shape[1] + 1) * 360.0 / day.horizon_deg.shape[1]
    seen = np.append(day.horizon_deg[worst], day.horizon_deg[worst][0])
    view.fill_between(directions, seen, color="#8a949c", label="neighbours")
    up = path["apparent_elevation"] > 0.0
    view.plot(path["azimuth"][up], path["apparent_elevation"][up], color="#e0a458", lw=2.5, label="sun, 10 October")
    view.set(title="What a shaded system sees", xlim=(0, 360), ylim=(0, 90), xticks=range(0, 361, 90))
    view.set_xticklabels(["N", "E", "S", "W", "N"])
    view.set(ylabel="elevation [°]")
    view.legend(fontsize="small", loc="upper right")
    course = figure.add_subplot(grid[2])
    free = replace(day, horizon_deg=np.zeros_like(day.horizon_deg), sky_share=np.ones_like(day.sky_share))
    hours = np.arange(day.ghi_w_m2.size) / 12.0
    for one, colour, label in ((free, "#c9ced4", "without neighbours"), (day, "#1e5092", "as it stands")):
        course.plot(hours, generation(one).ac_kw[:, worst] / day.kwp[worst], color=colour, lw=2, label=label)
    course.set(title="The same system that day", xlabel="hour", ylabel="kW by kWp", xlim=(4, 20), ylim=(0, 1))
    course.legend(fontsize="small", loc="upper left")
    for axes in (view, course):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "What roofs yield in a year; what a shaded system sees, and what that costs on a clear day": draw_year,
}
