"""Figures of the water supply: an ordinary day, every hydrant in turn, and what a failure does."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twin_sandbox.calibration.supply_runs import (
    DAY_S,
    HOUR_S,
    MONDAY,
    STEP_S,
    Array,
    Run,
    buildings,
    burst,
    no_water,
    outage,
    run,
    shut_feeds,
    sweep,
)
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from twin_sandbox.world.twin import Twin

OUTDOOR, HYDRANTS, HOUSES = "GB 50013-2018", "GB 50974-2014", "GB 50015-2019"
RATED_M3S, WIDE_OPEN_M3S = 0.015, 0.2


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of the supply, each with its range and source."""
    day = run(twin, MONDAY, DAY_S)
    last = {name: rows[:-1] for name, rows in day.found.items()}
    yield from _pressures(twin, day, last)
    yield from _flows(twin, day, last)
    yield from _hydrants(twin, int(np.argmax(last["inflow_m3s"].sum(axis=1))) * STEP_S)
    yield from _failures(twin, day)


def _pressures(twin: "Twin", day: Run, last: Mapping[str, Array]) -> Iterator[Value]:
    served = (twin.entities["water_junctions"]["base_demand_m3s"] > 0).to_numpy()
    pressure = last["pressure_m"][:, served]
    yield Value("supply_pressure_least", round(float(pressure.min()), 1), 28.0, 40.0, "m", f"{OUTDOOR}, 3.0.10")
    yield Value("supply_pressure_greatest", round(float(pressure.max()), 1), 28.0, 45.0, "m", "practice")
    top = last["service_pressure_m"].min(axis=0)
    pumped = np.isin(buildings(day.model), [booster.building for booster in day.model.boosters])
    source = f"{HOUSES}: taps work from 5 to 10 m"
    yield Value("uppermost_tap_without_pumps_least", round(float(top[~pumped].min()), 1), 5.0, 45.0, "m", source)
    yield Value("uppermost_tap_with_pumps_least", round(float(top[pumped].min()), 1), 5.0, 45.0, "m", source)
    least = float(last["chlorine_mg_l"][:, served].min())
    yield Value("chlorine_least", round(least, 3), 0.05, 2.0, "mg/L", "GB 5749-2022, table 2")
    yield none_of("supply_warnings", len(day.finished.records.statements), "EPANET 2.3")  # type: ignore[attr-defined]


def _flows(twin: "Twin", day: Run, last: Mapping[str, Array]) -> Iterator[Value]:
    produced = last["inflow_m3s"].sum(axis=1)
    night = produced[2 * HOUR_S // STEP_S : 4 * HOUR_S // STEP_S].mean() / produced.mean()
    yield Value("night_flow_by_mean", round(float(night), 3), 0.25, 0.5, "1", "municipal practice, 02 to 04 h")
    peak = produced.reshape(24, -1).mean(axis=1).max() / produced.mean()
    yield Value("greatest_hour_by_mean", round(float(peak), 2), 1.2, 1.6, "1", f"{OUTDOOR}, Kh")
    balances = day.finished.balances
    yield Value(
        "leakage_share", round(balances["leakage_share"], 3), 0.03, 0.12, "1", "CJJ 92-2016; 0.09 wanted from 2025 on"
    )
    error = balances["worst_step_error"]
    yield Value("water_balance_error_of_a_step_greatest", float(f"{error:.1e}"), 0.0, 1e-3, "1", RULE)
    pipes = twin.entities["water_pipes"]
    speed = np.abs(last["flow_m3s"]).max(axis=0) / (np.pi / 4 * pipes["diameter_m"].to_numpy() ** 2)
    feed = (pipes["kind"] == "feed main").to_numpy()
    yield Value("speed_in_feeds_greatest", round(float(speed[feed].max()), 2), 0.6, 1.2, "m/s", "practice")
    yield Value("speed_in_mains_greatest", round(float(speed[~feed].max()), 2), 0.3, 1.2, "m/s", "practice")
    lifted = np.array([booster.lifted_share for booster in day.model.boosters])
    place = [buildings(day.model).index(booster.building) for booster in day.model.boosters]
    energy = last["booster_kw"].sum() / ((last["delivered_m3s"][:, place] * lifted).sum() * HOUR_S)
    yield Value("booster_energy", round(float(energy), 2), 0.1, 0.6, "kWh/m³", "practice of secondary supply")


def _hydrants(twin: "Twin", peak_s: int) -> Iterator[Value]:
    idle, drawn = (sweep(twin, peak_s, flow) for flow in (0.0, RATED_M3S))
    had = sweep(twin, peak_s, WIDE_OPEN_M3S)[1]
    source = f"{HYDRANTS}, 7.2.8"
    yield Value("hydrant_idle_least", round(float(idle[0].min()), 1), 14.0, 50.0, "m", source)
    yield Value("hydrant_at_15_l_s_least", round(float(drawn[0].min()), 1), 10.0, 50.0, "m", source)
    yield Value("hydrant_flow_at_10_m_least", round(1000 * float(had.min()), 1), 15.0, 300.0, "L/s", source)


def _failures(twin: "Twin", day: Run) -> Iterator[Value]:
    usual = day.found["delivered_m3s"].sum()
    source = f"{OUTDOOR}, 7.1: 70 % of the design flow with one main out"
    for k, name in enumerate(("east", "north")):
        found = run(twin, MONDAY, DAY_S, lambda model, _, k=k: shut_feeds(twin, model, (k,))).found  # type: ignore[misc]
        share = float(found["delivered_m3s"].sum() / usual)
        yield Value(f"delivered_without_the_{name}_feed", round(share, 3), 0.7, 1.0, "1", source)
    dry = outage(twin).found["service_pressure_m"]
    pumped = np.isin(buildings(day.model), [booster.building for booster in day.model.boosters])
    fails = dry[1:, pumped] <= 0.0
    minutes = (np.argmax(fails[:, fails.any(axis=0)], axis=0) + 1) * STEP_S / 60
    yield Value(
        "upper_storeys_last_without_power_median", float(np.median(minutes)), 20.0, 240.0, "min", "half a greatest hour"
    )


_BLUE, _RED, _SAND, _GREY = "#1e5092", "#b3423a", "#e0a458", "#5b6675"


def draw_day(twin: "Twin") -> "Figure":
    """The net at the greatest hour, head at junctions and what every hydrant gives at 10 m; a day's course."""
    from matplotlib.figure import Figure

    day = run(twin, MONDAY, DAY_S)
    inflow = 1000 * day.found["inflow_m3s"].sum(axis=1)
    peak = int(np.argmax(inflow))
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    (heads, fires), (course, chlorine) = figure.subplots(2, 2, height_ratios=(1.5, 1))
    nodes, hydrants = twin.entities["water_junctions"], twin.entities["hydrants"]
    _ground(twin, heads)
    dots = heads.scatter(
        nodes.geometry.x, nodes.geometry.y, c=np.clip(day.found["pressure_m"][peak], 28, 44), s=12, cmap="viridis"
    )
    figure.colorbar(dots, ax=heads, label="m", shrink=0.8)
    heads.set_title(f"Pressure head at {day.hours[peak]:.0f} h, the greatest hour")
    had = 1000 * sweep(twin, peak * STEP_S, WIDE_OPEN_M3S)[1]
    _ground(twin, fires)
    dots = fires.scatter(hydrants.geometry.x, hydrants.geometry.y, c=had, s=24, cmap="magma_r")
    figure.colorbar(dots, ax=fires, label="L/s", shrink=0.8)
    fires.set_title("What each hydrant alone gives while 10 m remain")
    served = (nodes["base_demand_m3s"] > 0).to_numpy()
    pressure = day.found["pressure_m"][:, served]
    course.fill_between(day.hours, pressure.min(axis=1), pressure.max(axis=1), color=_BLUE, alpha=0.15)
    course.plot(day.hours, np.median(pressure, axis=1), color=_BLUE, label="head, least to greatest, median [m]")
    course.plot(day.hours, inflow, color=_RED, label="inflow [L/s]")
    leaked = 1000 * day.finished.balances["leaked_m3"] / DAY_S
    course.axhline(leaked, color=_GREY, linestyle=":", label="of it leakage [L/s]")
    course.set(title="A working day", xlabel="hour", ylim=(0, 65))
    course.legend(fontsize="small", ncols=2, loc="upper left")
    left = day.found["chlorine_mg_l"][:, served]
    chlorine.plot(day.hours, left.min(axis=1), color=_RED, label="farthest tap")
    chlorine.plot(day.hours, np.median(left, axis=1), color=_BLUE, label="median")
    chlorine.axhline(0.05, color=_GREY, linestyle=":", label="least allowed")
    chlorine.set(title="Free chlorine [mg/L]", xlabel="hour", ylim=(0, 0.55))
    chlorine.legend(fontsize="small", ncols=3)
    for axes in (course, chlorine):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlim=(0, 24), xticks=range(0, 25, 4))
    return figure


def _ground(twin: "Twin", axes: "Axes") -> None:
    from matplotlib.collections import LineCollection

    pipes = twin.entities["water_pipes"]
    lines = [np.asarray(line.coords) for line in pipes.geometry]
    axes.add_collection(LineCollection(lines, linewidths=pipes["diameter_m"] * 8, colors="#c9ced4"))
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_failures(twin: "Twin") -> "Figure":
    """What the tall houses, the taps and the mains feel when power, water or a main fails."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    columns = figure.subplots(2, 3, sharex=True)
    runs = {
        "No power for house pumps, 7 to 11": outage(twin),
        "Both feeds shut, 7 to 11": no_water(twin),
        "Harbour main bursts at 7, gates shut at 9": burst(twin),
    }
    served = (twin.entities["water_junctions"]["base_demand_m3s"] > 0).to_numpy()
    usual = run(twin, MONDAY + pd.Timedelta(hours=7), 8 * HOUR_S).found["delivered_m3s"].sum(axis=1)
    for (upper, lower), (title, found) in zip(columns.T, runs.items(), strict=True):
        hours = 7 + found.hours
        tall = np.isin(buildings(found.model), [booster.building for booster in found.model.boosters])
        dry = found.found["service_pressure_m"] <= 0.0
        upper.plot(hours, 100 * dry[:, tall].mean(axis=1), color=_RED, label="tall houses, uppermost tap dry")
        upper.plot(hours, 100 * dry[:, ~tall].mean(axis=1), color=_SAND, label="other houses dry")
        delivered = found.found["delivered_m3s"].sum(axis=1) / usual
        upper.plot(hours, 100 * delivered, color=_BLUE, label="delivered, of usual")
        upper.set_title(title, fontsize="medium")
        upper.set_ylim(-3, 112)
        pressure = found.found["pressure_m"][:, served]
        lower.fill_between(hours, pressure.min(axis=1), pressure.max(axis=1), color=_BLUE, alpha=0.15)
        lower.plot(hours, np.median(pressure, axis=1), color=_BLUE, label="head in the mains [m]")
        lower.plot(hours, 1000 * found.found["inflow_m3s"].sum(axis=1), color=_RED, label="inflow [L/s]")
        lower.plot(hours, found.found["booster_kw"].sum(axis=1), color=_SAND, label="house pumps [kW]")
        for name, style in (("break_tank_m3", "--"), ("roof_tank_m3", ":")):
            stock = found.found[name].sum(axis=1)
            lower.plot(
                hours,
                40 * stock / stock[0],
                color=_GREY,
                linestyle=style,
                label=f"{name[:-3].replace('_', ' ')}s, 40 = full",
            )
        lower.set(xlabel="hour", xticks=range(7, 16), ylim=(0, 165))
    columns[0, 0].set_ylabel("%")
    handles = [handle for axes in columns[:, 0] for handle in axes.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    for axes in columns.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "The net at the greatest hour, what each hydrant gives, a day's course, chlorine": draw_day,
    "What fails when power, water or a main fails": draw_failures,
}
