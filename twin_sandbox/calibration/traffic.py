"""Figures of a working day's traffic: who travels how, when, how fast, how long queues grow; and one junction's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from twin_sandbox.engines.traffic.engine import TrafficRecords
    from twin_sandbox.world.twin import Twin

WEDNESDAY = "2026-07-15 00:00+08:00"
DAY_S, HOUR = 86_400, 60
PEAK_H = 8
SURVEYS = "GB 50647-2011 and urban travel surveys, practice"
COUNTS = "GB/T 51328-2018 and traffic counts, practice"
DEPTHS = "Pregnolato, Ford, Wilkinson and Dawson 2017: on the free road 0.71, 0.47 and 0.14"
SIGNALS = "GB 50647-2011, practice of signal timing"
_SPLIT = {"walk": (0.20, 0.30), "e_bike": (0.20, 0.35), "car": (0.20, 0.30), "transit": (0.10, 0.20)}


@dataclass(frozen=True)
class Day:
    """A day's run: what the engine kept each minute, its balances, and the streets in the order of its columns."""

    records: "TrafficRecords"
    balances: dict[str, float]
    streets: tuple[str, ...]


@lru_cache(maxsize=1)
def day(twin: "Twin") -> Day:
    """Wednesday's 24 hours on dry streets.

    Raises:
        TwinError: SUMO refuses the model.
    """
    from twin_sandbox.engines.traffic.engine import Traffic, TrafficRecords
    from twin_sandbox.world.models.traffic import traffic_model

    engine = Traffic(traffic_model(twin.district, pd.Timestamp(WEDNESDAY), DAY_S))
    engine.start()
    engine.step(float(DAY_S), {})
    done = engine.finish()
    assert isinstance(done.records, TrafficRecords)  # noqa: S101 - what this engine leaves
    return Day(done.records, dict(done.balances), tuple(engine.model.streets))


def values(twin: "Twin") -> Iterator[Value]:
    """The figures of a working day and of the junction of two arterials in the peak hour."""
    found = day(twin)
    trips = twin.district.facts["trips"]
    hours = np.bincount((trips["depart_s"] // 3600).astype(int), minlength=24)
    yield Value("peak_hour_share_of_trips", round(hours.max() / hours.sum(), 4), 0.08, 0.11, "1", SURVEYS)
    for mode, (low, high) in _SPLIT.items():
        yield Value(f"trips_by_{mode}", round(float((trips["mode"] == mode).mean()), 4), low, high, "1", SURVEYS)
    records, streets = found.records, twin.entities["streets"].loc[list(found.streets)]
    driven = records.flow_vehicles_h * streets.geometry.length.to_numpy() / 60_000.0
    of_hour = driven.sum(axis=1).reshape(24, HOUR).sum(axis=1)
    yield Value("peak_hour_share_of_driving", round(float(of_hour.max() / of_hour.sum()), 4), 0.08, 0.11, "1", COUNTS)
    peak = slice(PEAK_H * HOUR, (PEAK_H + 1) * HOUR)
    arterial = (streets["street_class"] == "arterial").to_numpy()
    for name, some, low, high in (("arterial", arterial, 20, 30), ("other", ~arterial, 15, 30)):
        yield Value(f"peak_speed_{name}_streets", round(_speed_kmh(records, peak, some), 1), low, high, "km/h", COUNTS)
    night = slice(2 * HOUR, 4 * HOUR)
    yield Value("night_speed_arterial_streets", round(_speed_kmh(records, night, arterial), 1), 20, 45, "km/h", COUNTS)
    flow = records.flow_vehicles_h[peak].mean(axis=0)
    design = streets["vehicles_per_h"].to_numpy(dtype=float)
    ratio = float(flow[arterial].sum() / design[arterial].sum())
    yield Value("peak_flow_arterial_by_design", round(ratio, 3), 0.8, 1.1, "1", RULE)
    yield Value("queue_at_peak_mean", round(float(records.queue_m[peak].mean()), 1), 1, 20, "m", RULE)
    longest = float(records.queue_m[peak].mean(axis=0).max())
    yield Value("queue_at_peak_longest_street", round(longest, 1), 10, 150, "m", RULE)
    yield from _vehicles(found)
    yield from _wet(twin)
    cycles = twin.entities["signals"]["cycle_s"]
    yield Value("shortest_cycle", float(cycles.min()), 60, 150, "s", SIGNALS)
    yield Value("longest_cycle", float(cycles.max()), 60, 150, "s", SIGNALS)
    yield Value("saturation_flow", round(saturation_flow()), 1650, 1800, "pcu/(h·lane)", SIGNALS)


def _speed_kmh(records: "TrafficRecords", when: slice, which: NDArray[np.bool_]) -> float:
    """Mean speed over all vehicles: kilometres ÷ hours."""
    vehicles = records.vehicles[when][:, which]
    return float(np.nansum(vehicles * records.speed_kmh[when][:, which]) / vehicles.sum())


@lru_cache(maxsize=8)
def wet_kmh(twin: "Twin", depth_m: float) -> float:
    """Mean speed over all vehicles from 8:10 to 8:30, every street so deep under water from 8:00 on [km/h].

    Raises:
        TwinError: SUMO refuses the model.
    """
    from twin_sandbox.engines.traffic.engine import Traffic, TrafficRecords
    from twin_sandbox.world.models.traffic import traffic_model

    start = pd.Timestamp(WEDNESDAY) + pd.Timedelta(hours=PEAK_H)
    engine = Traffic(traffic_model(twin.district, start, 1800))
    try:
        engine.start()
        engine.step(1800.0, {"depth_m": np.full(len(engine.model.streets), depth_m)})
        records = engine.finish().records
    finally:
        engine.close()
    assert isinstance(records, TrafficRecords)  # noqa: S101 - what this engine leaves
    return _speed_kmh(records, slice(10, 30), np.ones(records.vehicles.shape[1], bool))


def _wet(twin: "Twin") -> Iterator[Value]:
    """How far water on all streets slows the morning peak; standing at signals takes as long as on dry ones."""
    dry = wet_kmh(twin, 0.0)
    for depth_m, low, high in ((0.05, 0.6, 0.95), (0.1, 0.35, 0.75), (0.2, 0.08, 0.4)):
        share = wet_kmh(twin, depth_m) / dry
        name = f"speed_under_{100 * depth_m:.0f}_cm_of_water_by_dry"
        yield Value(name, round(share, 3), low, high, "1", DEPTHS)


def _vehicles(found: Day) -> Iterator[Value]:
    balances = found.balances
    yield none_of("vehicles_lost", round(balances["vehicles_error"] * balances["departed"]))
    yield none_of("vehicles_teleported", balances["teleported"])
    yield none_of("vehicles_without_a_way", balances["removed"] + balances["cancelled"])
    unfinished = (balances["running"] + balances["waiting"]) / balances["departed"]
    yield Value("unfinished_at_midnight", round(unfinished, 5), 0.0, 0.005, "1", RULE)
    minutes = float(found.records.vehicles.sum())
    yield Value("travel_time_mean", round(minutes / balances["departed"], 2), 1.0, 6.0, "min", RULE)


def saturation_flow() -> float:
    """Vehicles that a standing queue discharges per hour of effective green and lane, with the district's drivers.

    One lane of 50 km/h before lights in the microscopic model, always full: the flow behind them × cycle ÷ effective
    green, which is green and yellow less 4 s lost at start and end (Highway Capacity Manual).
    """
    from twin_sandbox.engines.traffic.engine import Traffic, TrafficRecords
    from twin_sandbox.world.models.traffic_files import HEADWAY_S
    from twin_sandbox.world.models.traffic_network import netconvert
    from twin_sandbox.world.models.traffic_opening import sumo_model

    green_s, yellow_s, red_s, lost_s = 60, 3, 37, 4
    net = netconvert(
        {
            "nod": '<nodes><node id="a" x="0" y="0"/><node id="b" x="400" y="0" type="traffic_light" tl="b"/>'
            '<node id="c" x="800" y="0"/></nodes>',
            "edg": '<edges><edge id="in" from="a" to="b" numLanes="1" speed="13.89"/>'
            '<edge id="out" from="b" to="c" numLanes="1" speed="13.89"/></edges>',
            "con": '<connections><connection from="in" to="out" fromLane="0" toLane="0"/></connections>',
            "tll": f'<tlLogics><tlLogic id="b" type="static" programID="0" offset="0"><phase duration="{green_s}" '
            f'state="G"/><phase duration="{yellow_s}" state="y"/><phase duration="{red_s}" state="r"/></tlLogic>'
            '<connection from="in" to="out" fromLane="0" toLane="0" tl="b" linkIndex="0"/></tlLogics>',
        }
    )
    cars = f'<vType id="car" tau="{HEADWAY_S}"/><flow id="f" type="car" begin="0" end="3600" period="1.5" '
    cars += 'departSpeed="max"><route edges="in out"/></flow>'
    with TemporaryDirectory() as folder:
        Path(folder, "net.xml").write_text(net, encoding="utf-8")
        Path(folder, "cars.rou.xml").write_text(f"<routes>{cars}</routes>", encoding="utf-8")
        files = '<net-file value="net.xml"/><route-files value="cars.rou.xml"/>'
        Path(folder, "run.sumocfg").write_text(
            f"<configuration><input>{files}</input></configuration>", encoding="utf-8"
        )
        engine = Traffic(sumo_model(Path(folder, "run.sumocfg"), 3600))
    engine.start()
    engine.step(3600.0, {})
    records = engine.finish().records
    assert isinstance(records, TrafficRecords)  # noqa: S101 - what this engine leaves
    behind = list(engine.model.streets).index("out")
    cycle_s = green_s + yellow_s + red_s
    flow = float(records.flow_vehicles_h[10:, behind].mean())
    return flow * cycle_s / (green_s + yellow_s - lost_s)


def draw_peak(twin: "Twin") -> "Figure":
    """The streets in the morning peak, 8 to 9 h: width by flow, colour by speed."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    found = day(twin)
    peak = slice(PEAK_H * HOUR, (PEAK_H + 1) * HOUR)
    streets = twin.entities["streets"].loc[list(found.streets)]
    vehicles = found.records.vehicles[peak]
    speed = np.nansum(vehicles * found.records.speed_kmh[peak], axis=0) / np.maximum(vehicles.sum(axis=0), 1e-9)
    flow = found.records.flow_vehicles_h[peak].mean(axis=0)
    figure = Figure(figsize=(10, 8.6), layout="constrained")
    axes = figure.add_subplot()
    twin.entities["buildings"].plot(ax=axes, color="#e9ecef", linewidth=0)
    order = np.argsort(flow)
    lines = LineCollection(
        [np.asarray(line.coords)[:, :2] for line in streets.geometry.iloc[order]],
        linewidths=1.2 + flow[order] / 180.0,
        cmap="RdYlGn",
        capstyle="round",
    )
    lines.set_array(np.asarray(speed[order]))
    lines.set_clim(5.0, 40.0)
    axes.add_collection(lines)
    lit = twin.entities["signals"].geometry
    axes.plot(lit.x, lit.y, "o", color="white", markeredgecolor="#1d2730", markersize=5, linewidth=0, label="signals")
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.legend(loc="lower left", frameon=False)
    figure.colorbar(lines, ax=axes, label="mean speed 8 to 9 h [km/h]", shrink=0.6)
    share = f"{flow.max():,.0f} vehicles/h on the widest line"
    axes.set_title(f"{twin.district.name_en}, a sample: traffic in the morning peak ({share})", loc="left")
    return figure


def draw_day(twin: "Twin") -> "Figure":
    """The day's course: vehicles on the streets and their mean speed."""
    from matplotlib.figure import Figure

    records = day(twin).records
    hours = (np.arange(len(records.vehicles)) + 0.5) / HOUR
    vehicles = records.vehicles.sum(axis=1)
    speed = np.nansum(records.vehicles * records.speed_kmh, axis=1) / np.maximum(vehicles, 1e-9)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(hours, vehicles, color="#9fb8cc", linewidth=0)
    axes.set(xlabel="hour of a Wednesday", ylabel="vehicles on the streets", xlim=(0, 24), ylim=(0, None))
    axes.set_xticks(range(0, 25, 3))
    other = axes.twinx()
    other.plot(hours, np.where(vehicles > 3, speed, np.nan), color="#c1502e", linewidth=1)
    other.set(ylabel="mean speed [km/h]", ylim=(0, 50))
    return figure


def draw_wet(twin: "Twin") -> "Figure":
    """The morning peak's mean speed by the depth of water on all streets, and what is said of the free road."""
    from matplotlib.figure import Figure

    from twin_sandbox.engines.traffic.engine import IMPASSABLE_M, wet_speed_share

    depths = (0.0, 0.05, 0.1, 0.2)
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    dry = wet_kmh(twin, 0.0)
    line = np.linspace(0.0, IMPASSABLE_M, 61)
    axes.plot(100 * line, [wet_speed_share(depth) * dry for depth in line], color="#9fb8cc", lw=4, label="free road")
    axes.plot(
        [100 * d for d in depths], [wet_kmh(twin, d) for d in depths], "o-", color="#1e5092", label="the district"
    )
    axes.axvline(100 * IMPASSABLE_M, color="#c1502e", ls="--", lw=1, label="impassable")
    axes.set(xlabel="water on all streets [cm]", ylabel="mean speed, 8:10 to 8:30 [km/h]", xlim=(0, 32), ylim=(0, None))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES = {
    "Speed and flow of each street in the morning peak": draw_peak,
    "Vehicles on the streets and their mean speed through the day": draw_day,
    "How water on the streets slows the morning peak": draw_wet,
}
