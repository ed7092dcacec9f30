"""Figures of the heat loop with its houses, on the coldest day that it is made for, and its picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.value import RULE, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.engines.protocol import Finished
    from twin_sandbox.world.twin import Twin
    from twin_sandbox.world.weather import Weather

JANUARY = "2026-01-15 00:00+08:00"
DAY_S = 86_400
HEAT = "CJJ 34-2022"
Found = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Loop:
    """A run of houses and loop together: quantity → one row every five minutes; how it ended."""

    rooms: Found
    heat: Found
    served: NDArray[np.bool_]
    balance: "Finished"


def together(twin: "Twin", weather: "Weather", horizon_s: int, cut_s: tuple[int, int] = (0, 0)) -> Loop:
    """Houses and loop, each by what the other did last; between the times of ``cut_s`` substations have no power."""
    from twin_sandbox.engines.buildings.engine import Buildings
    from twin_sandbox.engines.heat.engine import HeatLoop
    from twin_sandbox.world.models.buildings import buildings_model
    from twin_sandbox.world.models.heat import heat_model

    houses = Buildings(buildings_model(twin.district, weather.start, horizon_s, weather))
    loop = HeatLoop(heat_model(twin.district, weather.start, horizon_s, weather))
    asked, wanted = houses.gives["heat_demand_kw"].codes, loop.takes["heat_demand_kw"].codes
    to_loop = [asked.index(code) for code in wanted]
    to_houses = [wanted.index(code) for code in houses.takes["heat_supplied_kw"].codes]
    on = np.ones(len(loop.takes["powered"].codes))
    rooms, heat = [houses.start().found], [loop.start().found]
    for at in range(300, horizon_s + 1, 300):
        powered = 0.0 if cut_s[0] < at <= cut_s[1] else 1.0
        demand = rooms[-1]["heat_demand_kw"][to_loop]
        heat.append(loop.step(float(at), {"heat_demand_kw": demand, "powered": on * powered}).found)
        supplied = heat[-1]["heat_supplied_kw"][to_houses]
        rooms.append(houses.step(float(at), {"heat_supplied_kw": supplied}).found)
    codes = houses.gives["indoor_c"].codes
    served = np.isin(codes, asked)
    stacked = [{name: np.array([one[name] for one in found]) for name in found[0]} for found in (rooms, heat)]
    return Loop(stacked[0], stacked[1], served, loop.finish())


def coldest(horizon_s: int = DAY_S) -> "Weather":
    """The weather that a heat net is designed for: −5 °C day and night, no sun."""
    from twin_sandbox.world.models.buildings import DESIGN_OUTSIDE_C
    from twin_sandbox.world.weather import Weather

    ordinary = Weather.normal(JANUARY, horizon_s)
    dark = np.zeros_like(ordinary.ghi_w_m2)
    cold = np.full_like(dark, DESIGN_OUTSIDE_C)
    return ordinary.changed(temperature_c=cold, ghi_w_m2=dark, dni_w_m2=dark, dhi_w_m2=dark)


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of the loop at its design load, of the design day with the houses, and of a mean January day."""
    from twin_sandbox.world.weather import Weather

    yield from _design_load(twin)
    run = together(twin, coldest(), DAY_S)
    loads = twin.entities["heat_services"]["design_load_kw"].sum()
    handed = float(run.heat["heat_supplied_kw"][144:].sum(axis=1).mean())
    yield Value("heat_on_the_coldest_day_by_design", round(handed / float(loads), 3), 0.7, 1.05, "1", f"{HEAT}, 3.1")
    indoor = run.rooms["indoor_c"][144:, run.served]
    details = twin.district.facts["building_details"].set_index("building_code")
    floor = details["floor_area_m2"].reindex(twin.entities["buildings"].index).to_numpy()[run.served]
    warm_share = float(floor[indoor.min(axis=0) >= 18.0].sum() / floor.sum())
    yield Value("floor_at_18_c_on_the_coldest_day", round(warm_share, 4), 0.98, 1.0, "1", "practice: 98 % of rooms")
    balance = run.balance.balances
    lost = balance["lost_kwh"] / balance["station_kwh"]
    yield Value("heat_lost_under_way", round(lost, 4), 0.005, 0.08, "1", "practice; 2 to 5 % of new nets")
    yield Value("heat_that_does_not_add_up", abs(balance["heat_error"]), 0.0, 1e-9, "1", RULE)
    ordinary = together(twin, Weather.normal(JANUARY, DAY_S), DAY_S)
    source = ordinary.heat["source_kw"][1:].mean() / twin.entities["heat_sources"]["rated_kw"].iloc[0]
    yield Value("station_by_rated_in_january", round(float(source), 3), 0.3, 0.8, "1", "practice")
    warm = ordinary.rooms["indoor_c"][:, ordinary.served]
    yield Value("coldest_house_in_january", round(float(warm.min()), 2), 18, 22, "°C", "GB 50736-2012, 3.0.1")
    yield Value("longest_way_of_water", round(longest_way_min(twin), 1), 5, 60, "min", RULE)


def _design_load(twin: "Twin") -> Iterator[Value]:
    """Temperatures while the loop, left to itself, hands over what its services were designed for."""
    from twin_sandbox.engines.heat.engine import HeatLoop
    from twin_sandbox.world.models.heat import heat_model

    weather = coldest()
    loop = HeatLoop(heat_model(twin.district, weather.start, DAY_S, weather))
    loop.start()
    found = loop.step(float(DAY_S), {}).found
    for name, label, low, high in (
        ("supply_c", "primary_supply", 110, 130),
        ("return_c", "primary_return", 50, 70),
        ("secondary_supply_c", "secondary_supply", 45, 55),
        ("secondary_return_c", "secondary_return", 35, 45),
    ):
        mean = float(np.average(found[name], weights=found["mass_kg_s"]))
        yield Value(label, round(mean, 1), low, high, "°C", f"{HEAT}, 4.2")


def longest_way_min(twin: "Twin") -> float:
    """Time that water takes to the farthest substation on the coldest day [min], found from the engine.

    The substations stand still for six hours, then run again: hot water has come when supply has risen halfway.
    """
    run = together(twin, coldest(10 * 3600), 10 * 3600, (3600, 7 * 3600))
    restart = 7 * 12
    after = run.heat["supply_c"][restart:]
    halfway = (after[1] + after[-1]) / 2
    return float((after > halfway).argmax(axis=0).max()) * 5.0


def draw_loop(twin: "Twin") -> "Figure":
    """The net by the water's temperature on the coldest day; what three hours without power do, near and far."""
    from matplotlib.figure import Figure

    run = together(twin, coldest(DAY_S), DAY_S, (6 * 3600, 9 * 3600))
    table = twin.entities["heat_substations"]
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    place, course = figure.subplots(1, 2, width_ratios=(1.1, 1.2))
    twin.entities["buildings"].plot(ax=place, color="#dfe3e6")
    pipes = twin.entities["heat_pipes"]
    pipes.plot(ax=place, color="#b3423a", linewidth=0.8 + 9.0 * pipes["diameter_m"].to_numpy())
    dots = place.scatter(
        table.geometry.x,
        table.geometry.y,
        c=run.heat["supply_c"][60],
        cmap="inferno",
        s=46,
        edgecolor="white",
        zorder=5,
    )
    station = twin.entities["heat_sources"].geometry.iloc[0]
    place.plot(station.x, station.y, "s", color="#22303a", ms=11, zorder=6)
    place.annotate("station", (station.x, station.y), (8, 6), textcoords="offset points", fontsize=9)
    figure.colorbar(dots, ax=place, shrink=0.75, label="water that arrives, before the cut [°C]")
    place.set(title="The loop on the coldest day", xticks=[], yticks=[], xlabel="", ylabel="", aspect="equal")
    from_station = table.geometry.distance(station).to_numpy()
    hours = np.arange(run.heat["source_kw"].shape[0]) / 12.0
    for row, colour, label in (
        (int(from_station.argmin()), "#e0a458", "supply, nearest substation"),
        (int(from_station.argmax()), "#b3423a", "supply, farthest substation"),
    ):
        course.plot(hours, run.heat["supply_c"][:, row], color=colour, lw=2, label=label)
    course.set(title="Substations without power from 6 to 9", xlabel="hour", ylabel="°C", xlim=(4, 14), ylim=(60, 125))
    beside = course.twinx()
    beside.plot(hours, run.heat["source_kw"][:, 0] / 1000.0, color="#1e5092", lw=1.6, label="station [MW]")
    mean_c = run.rooms["indoor_c"][:, run.served].mean(axis=1)
    beside.plot(hours, mean_c, color="#5b6675", ls="--", label="houses, mean [°C]")
    beside.set(ylabel="MW, °C", ylim=(0, 45))
    lines = [*course.lines, *beside.lines]
    course.legend(lines, [str(line.get_label()) for line in lines], loc="lower right", fontsize="small")
    for axes in (course, beside):
        axes.spines[["top"]].set_visible(False)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "The heat loop on the coldest day, and three hours in which its substations have no power": draw_loop,
}
