"""Four stories of what acts on what in the district: their runs, and a picture of each.

The runs are scenario files of the sample district; :func:`play` runs one of them, whole or with wires cut, and the
other functions draw what came of it. The page is ``curriculum/guides/coupling.md``.
"""

from typing import TYPE_CHECKING

import numpy as np

from twin_sandbox.data import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from twin_sandbox.engines.traffic.engine import Journey
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.twin import Twin

WET, DRY, RED, GREEN, QUIET, INK = "#1e5092", "#c4853d", "#b3261e", "#1a7f5a", "#8a94a0", "#182234"
SHUT_M = 0.27
"""Depth at which the stories' police shut a street [m]."""

UNDERPASS, HOUSE, BOARD = "SB010504FRD000LS", "SB010906BBD007G0", "SB010906FEB001WP"
"""Lotus Underpass; Anning Road 17, of 22 storeys, and the ring-main unit in the street that feeds it (unit 29)."""
FIRST_FEED, SECOND_FEED, STATION_DIESEL = "SB010501FEB001DR", "SB010501FEB000HN", "SB010501FED0002S"
"""The ring-main units that feed the two boards of the pumping station, and its diesel set."""
RING_UNITS = {"SB010802FEB0019R": "18", "SB010103FEB000DI": "3"}
"""Those under water on the way to each: unit 18 in Harbour Road, unit 3 in Fishmarket Street."""


def play(twin: "Twin", story: str, *cut: str, **changes: object) -> "Result":
    """Run one of the sample district's scenario files.

    Args:
        twin: the sample district's.
        story: name of the file without ``.yaml``.
        cut: wires to leave out, as ``practicum twin run --cut`` names them.
        changes: fields of the scenario that are to be otherwise.

    Raises:
        TwinError: no such file or wire.
    """
    from dataclasses import replace

    from twin_sandbox.world.scenario_file import read_scenario
    from twin_sandbox.world.session import Session
    from twin_sandbox.world.wiring import read_wiring

    path = data_folder("datasets") / "gulls_quay" / "scenarios" / f"{story}.yaml"
    scenario = replace(read_scenario(path, twin.district), **changes)  # type: ignore[arg-type]
    wiring = read_wiring().among(scenario.engines).without(*cut)
    with Session(twin.district, scenario, wiring=wiring) as session:
        return session.result()


def journeys(result: "Result") -> "tuple[Journey, ...]":
    """The ambulances' journeys of a run, in the order of the calls."""
    from twin_sandbox.engines.traffic.engine import TrafficRecords

    records = result.finished["traffic"].records
    assert isinstance(records, TrafficRecords)  # noqa: S101 - traffic leaves these
    return tuple(sorted(records.journeys, key=lambda journey: journey.called_s))


def first(state: "pd.Series[bool]") -> "pd.Timestamp":
    """The first moment at which something is so; NaT if it never is."""
    import pandas as pd

    when = pd.DatetimeIndex(state.index[state.to_numpy(dtype=bool)])
    return when[0] if len(when) else pd.Timestamp("NaT")


def draw_ambulance(wet: "Result", cut: "Result") -> "Figure":
    """Storm, sewer, street and speed in time; the two ways of the ambulance on the map.

    Args:
        wet: run of ``story_ambulance``.
        cut: the same without ``drainage.street_depth_m``.
    """
    from matplotlib.figure import Figure

    assert wet.district is not None  # noqa: S101 - the story is a district's
    figure = Figure(figsize=(11.0, 6.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.05))  # type: ignore[misc]
    rain, sewer, street, speed, running = panels = left.subplots(5, 1, sharex=True)
    times = wet.times
    junction = _sewer_below(wet, UNDERPASS)
    depth = wet["drainage.street_depth_m"]
    rain.bar(times, wet.scenario.rain_mm_h(), width=1 / 1440, color="#7d93b8")
    sewer.plot(times, wet["drainage.level_m"][junction], color=WET)
    rim_m = float(wet.district.entities["junctions"]["rim_m"][junction])
    sewer.axhline(rim_m, color=QUIET, linestyle="--", linewidth=0.8)
    sewer.text(times[-1], rim_m, "street ", ha="right", va="bottom", fontsize=7, color=QUIET)
    street.plot(times, depth[UNDERPASS], color=WET)
    street.axhline(SHUT_M, color=RED, linestyle="--", linewidth=0.8)
    street.text(times[-1], SHUT_M, "shut above 0.27 m ", ha="right", va="bottom", fontsize=7, color=RED)
    for result, colour, name in ((cut, DRY, "wire cut"), (wet, WET, "coupled")):
        many = result["traffic.vehicles"]
        mean = (many * result["traffic.speed_kmh"]).sum(axis=1) / many.sum(axis=1).where(many.sum(axis=1) > 0)
        speed.plot(times, mean, color=colour, label=name)
        running.plot(times, result["traffic.queue_m"].sum(axis=1) / 1000.0, color=colour)
    speed.legend(loc="lower left", fontsize=7, frameon=False)
    for panel, told in zip(
        panels,
        ("Rain, mm/h", "Sewer below Lotus\nUnderpass, m above datum", "Depth in the\nunderpass, m",
         "Speed of all\nvehicles, km/h", "Queues of all\nstreets, km"),
        strict=True,
    ):  # fmt: skip
        _tidy(panel, told)
    running.set_xticks(times[::30])
    full = first(wet["drainage.level_m"][junction] >= rim_m - 0.01)
    _mark(panels, [
        (full, f"{full:%H:%M} sewer full to the street", QUIET),
        (first(depth[UNDERPASS] > SHUT_M), f"{first(depth[UNDERPASS] > SHUT_M):%H:%M} underpass shut", RED),
        (times[0] + _seconds(journeys(wet)[0].called_s), "17:50 call", GREEN),
    ])  # fmt: skip
    _map_of_ways(right.subplots(), wet, cut)
    return figure


def _sewer_below(result: "Result", street: str) -> str:
    """The manhole nearest to the middle of a street whose rim lies lowest."""
    assert result.district is not None  # noqa: S101 - as above
    junctions = result.district.entities["junctions"]
    told = junctions.loc[[code for code in junctions.index if code in set(result["drainage.level_m"].columns)]]
    near = told[told.distance(result.district.entities["streets"].geometry[street]) < 60.0]
    return str(near["rim_m"].idxmin())


def _seconds(count: float) -> "pd.Timedelta":
    import pandas as pd

    return pd.Timedelta(seconds=count)


def _map_of_ways(axes: "Axes", wet: "Result", cut: "Result") -> None:
    import shapely
    from matplotlib.collections import LineCollection
    from shapely.ops import substring

    assert wet.district is not None  # noqa: S101 - as above
    entities = wet.district.entities
    call = journeys(wet)[0]
    at = wet.times[0] + _seconds(call.called_s)
    streets, depth = entities["streets"], wet.at("drainage.street_depth_m", at)
    entities["buildings"].plot(ax=axes, color="#efece5", edgecolor="#e0dcd2", linewidth=0.3)
    lines = [np.asarray(line.coords)[:, :2] for line in streets.geometry]
    water = depth.reindex(streets.index).fillna(0.0).to_numpy()
    colours = np.where(water > SHUT_M, "#1e5092", np.where(water > 0.1, "#8cc7e4", "#cfd3d8"))
    axes.add_collection(LineCollection(lines, colors=list(colours), linewidths=np.where(water > SHUT_M, 6.0, 3.0)))
    for result, colour, name in ((cut, DRY, "wire cut"), (wet, RED, "coupled")):
        journey = journeys(result)[0]
        told = f"{name}: {journey.travel_s / 60:.1f} min over {journey.distance_m / 1000:.1f} km"
        # the mesoscopic model tells where the last piece of street begins: on from there to the house
        spot = entities["buildings"].geometry[journey.to_code].centroid
        line = streets.geometry[journey.edges[-1].removeprefix("-")]
        ends = (line.project(shapely.Point(journey.track[-1, 1:])), line.project(spot))
        rest = np.asarray(substring(line, *ends).coords)[:, :2]
        x, y = np.concatenate([journey.track[:, 1:], rest]).T
        axes.plot(x, y, color=colour, linewidth=2.2, label=told)
    for code, told, below in ((call.from_code, "emergency centre", 4), (call.to_code, "Lighthouse Avenue 7", -13)):
        spot = entities["buildings"].geometry[code].centroid
        axes.plot(spot.x, spot.y, "o", color=INK, markersize=5)
        axes.annotate(told, (spot.x, spot.y), xytext=(6, below), textcoords="offset points", fontsize=8, color=INK)
    axes.plot([], [], color="#1e5092", linewidth=6, label="shut at the call: deeper than 0.27 m")
    axes.plot([], [], color="#8cc7e4", linewidth=3, label="wet: 0.10 to 0.27 m")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.16), ncol=2, fontsize=8, frameon=False)
    axes.set_title(f"The ambulance called at {at:%H:%M}", fontsize=10)
    axes.set_aspect("equal")
    axes.set_axis_off()


def draw_switchboard(coupled: "Result", cut: "Result") -> "Figure":
    """Water at three ring-main units, feeds of the storm pumps, pressure in a tall house, consumers without power.

    Args:
        coupled: run of ``story_switchboard``.
        cut: the same without ``drainage.site_depth_m``.
    """
    from matplotlib.figure import Figure

    from twin_sandbox.world.models.power_sites import failing_depths

    assert coupled.district is not None  # noqa: S101 - the story is a district's
    limits = dict(zip(*failing_depths(coupled.district), strict=True))
    figure = Figure(figsize=(9.0, 8.2), layout="constrained")
    water, dark, feeds, pumps, tap, hydrant = panels = figure.subplots(6, 1, sharex=True)
    times, site = coupled.times, coupled["drainage.site_depth_m"]
    for board, colour, name in zip((BOARD, *RING_UNITS), (RED, GREEN, WET), ("29", *RING_UNITS.values()), strict=True):
        water.plot(times, site[board], color=colour, label=f"ring-main unit {name}")
        water.axhline(limits[board], color=colour, linestyle="--", linewidth=0.8)
    water.legend(loc="upper left", fontsize=7, frameon=False, title="dashed: where it trips", title_fontsize=7)
    for result, colour, name in ((cut, DRY, "wire cut"), (coupled, WET, "coupled")):
        dark.plot(times, (result["power.energised"] < 0.5).sum(axis=1), color=colour, label=name)
        tap.plot(times[1:], result["supply.service_pressure_m"][HOUSE].iloc[1:], color=colour)
        hydrant.plot(times[1:], result["supply.hydrant_m"].iloc[1:].min(axis=1), color=colour)
    dark.legend(loc="upper left", fontsize=7, frameon=False)
    volts = coupled["power.voltage_pu"]
    feeds.plot(times, volts[FIRST_FEED], drawstyle="steps-post", color=WET, label="first feed")
    feeds.plot(times, volts[SECOND_FEED], color=GREEN, linestyle="--", label="second feed")
    feeds.legend(loc="lower left", fontsize=7, frameon=False)
    pumps.plot(
        times, coupled["drainage.pump_kw"].sum(axis=1), drawstyle="steps-post", color=WET, label="three storm pumps"
    )
    pumps.plot(times, coupled["power.diesel_kw"][STATION_DIESEL], drawstyle="steps-post", color=RED, label="diesel set")
    pumps.legend(loc="center left", fontsize=7, frameon=False)
    hydrant.axhline(14.0, color=QUIET, linestyle="--", linewidth=0.8)
    hydrant.set_ylim(0, 34)
    for panel, told in zip(
        panels,
        ("Water at ring-\nmain units, m", "Consumers\nwithout power", "Voltage at the\npumping station, p.u.",
         "Pumps and\ndiesel, kW", "Uppermost tap of\nAnning Road 17, m", "Weakest hydrant\nin the street, m"),
        strict=True,
    ):  # fmt: skip
        _tidy(panel, told)
    pressure = coupled["supply.service_pressure_m"][HOUSE].iloc[1:]
    tripped, empty = first(site[BOARD] > limits[BOARD]), first(pressure <= 0.0)
    one, both = (first(volts[feed] == 0.0) for feed in (FIRST_FEED, SECOND_FEED))
    _mark(panels, [
        (one, f"{one:%H:%M} unit 18 trips: the pumps' first feed is dark", GREEN),
        (tripped, f"{tripped:%H:%M} unit 29 trips: boosters stand still", RED),
        (both, f"{both:%H:%M} unit 3 trips: second feed dark, diesel", WET),
        (empty, f"{empty:%H:%M} roof tank dry", INK),
    ])  # fmt: skip
    return figure


def draw_tide(pumped: "Result", unpumped: "Result") -> "Figure":
    """Rain, sea and tank, pumps, the deepest street, with pumps that run and without.

    Args:
        pumped: run of ``story_tide``.
        unpumped: run of ``story_tide_no_pumps``.
    """
    import pandas as pd
    from matplotlib.figure import Figure

    assert pumped.district is not None  # noqa: S101 - the story is a district's
    tank = str(pumped.district.entities["storages"].index[0])
    figure = Figure(figsize=(9.0, 6.6), layout="constrained")
    rain, level, pump, street, drowned = panels = figure.subplots(5, 1, sharex=True, height_ratios=(1, 1.8, 1, 1.2, 1))
    times = pumped.times
    rain.bar(times, pumped.scenario.rain_mm_h(), width=5 / 1440, align="edge", color="#7d93b8")
    sea = pd.Series(pumped.scenario.tide.level_m(times), times)
    level.plot(times, sea, color=GREEN, label="sea")
    for result, colour, name in ((pumped, WET, "pumps run"), (unpumped, RED, "pumps do not run")):
        level.plot(times, result["drainage.level_m"][tank], color=colour, label=f"tank, {name}")
        depth = result["drainage.street_depth_m"]
        street.plot(times, depth[UNDERPASS], color=colour)
        drowned.plot(times, (depth > 0.15).sum(axis=1), color=colour)
    for start_m in pumped.district.entities["pumps"]["start_level_m"]:
        level.axhline(start_m, color=QUIET, linestyle=":", linewidth=0.8)
    level.legend(loc="upper left", fontsize=7, frameon=False, ncol=3)
    level.set_ylim(top=4.2)
    pump.plot(times, pumped["drainage.pump_kw"].sum(axis=1), color=WET, drawstyle="steps-post")
    for panel, told in zip(
        panels,
        ("Rain, mm/h", "Levels, m above datum\n(dotted: pumps start)", "Pumps, kW", "Lotus\nUnderpass, m",
         "Streets above\n0.15 m"),
        strict=True,
    ):  # fmt: skip
        _tidy(panel, told)
    setting = pumped["drainage.setting"]
    shut = first(setting["gate_1"] == 0.0)
    marks = [(shut, f"{shut:%H:%M} gate shuts", GREEN)]
    for number in (1, 3):
        at = first(setting[f"pump_{number}"] > 0.0)
        marks.append((at, f"{at:%H:%M} pump {number} runs", WET))
    _mark(panels, marks)
    return figure


def draw_heat_wave(ordinary: "Result", flat: "Result", tariff: "Result") -> "Figure":
    """Cooling, water, load, the most loaded transformer, the lowest voltage and the tap changers.

    Args:
        ordinary: run of ``story_heat_wave`` in ordinary weather at one price.
        flat: the same in the heat at one price.
        tariff: the same in the heat with prices by the hour.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 8.2), layout="constrained")
    cold, water, load, transformer, volt, tap = panels = figure.subplots(6, 1, sharex=True)
    runs = (
        (ordinary, GREEN, "ordinary day"), (flat, DRY, "heat wave, one price"),
        (tariff, RED, "heat wave, prices by the hour"),
    )  # fmt: skip
    times = tariff.times
    for result, colour, name in runs:
        cold.plot(times, result["buildings.cooling_kw"].sum(axis=1) / 1000.0, color=colour, label=name)
        water.plot(times[1:], 1000.0 * result["supply.delivered_m3s"].iloc[1:].sum(axis=1), color=colour)
        load.plot(times, result["power.served_kw"].sum(axis=1) / 1000.0, color=colour)
        transformer.plot(times, 100.0 * result["power.transformer_load"].max(axis=1), color=colour)
        volt.plot(times, 380.0 * lowest_volt(result), color=colour)
        tap.plot(times, taps(result), color=colour, drawstyle="steps-post")
    cold.legend(loc="lower center", bbox_to_anchor=(0.5, 1.05), ncol=3, fontsize=8, frameon=False)
    price = tariff.scenario.policies.tariff_cny_kwh
    dear = [hour for hour in range(24) if price[hour] == max(price)]
    for panel in panels:
        for hour in dear:
            begin = times[0].normalize() + _seconds(3600.0 * hour)
            if begin >= times[0]:
                panel.axvspan(begin, begin + _seconds(3600.0), color="#f6e3c5", linewidth=0, zorder=0)
    transformer.axhline(100.0, color=QUIET, linestyle="--", linewidth=0.8)
    for panel, told in zip(
        panels,
        ("Cooling, MW\n(shaded: dear hours)", "Water\ndelivered, L/s", "Load, MW", "Most loaded\ntransformer, %",
         "Lowest voltage\nat 0.38 kV, V", "Taps of both\nfeeds together"),
        strict=True,
    ):  # fmt: skip
        _tidy(panel, told)
    return figure


def lowest_volt(result: "Result") -> "pd.Series[float]":
    """The lowest voltage of live low-voltage buses at each moment, by the rated one."""
    assert result.district is not None  # noqa: S101 - a district's buses
    buses = result.district.entities["power_buses"]
    volts = result["power.voltage_pu"][list(buses.index[buses["kv"] < 1.0])]
    return volts.where(volts > 0.0).min(axis=1)


def taps(result: "Result") -> "pd.Series[float]":
    """Positions of the two feeds' tap changers, added up."""
    assert result.district is not None  # noqa: S101 - a district's feeds
    return result["power.tap_position"][list(result.district.entities["grid_feeds"].index)].sum(axis=1)


def _tidy(axes: "Axes", told: str) -> None:
    from matplotlib.dates import DateFormatter

    axes.set_ylabel(told, fontsize=8, rotation=0, ha="right", va="center")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz="Asia/Shanghai"))  # type: ignore[no-untyped-call]


def _mark(panels: "Iterable[Axes]", marks: "Iterable[tuple[pd.Timestamp, str, str]]") -> None:
    """A line through all panels at each moment, its words above the first, staggered."""
    panels = list(panels)
    for row, (at, told, colour) in enumerate(marks):
        for panel in panels:
            panel.axvline(at, color=colour, linewidth=0.9, alpha=0.7)  # type: ignore[arg-type]
        panels[0].annotate(
            told, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3 + 10 * row),
            textcoords="offset points", fontsize=8, color=colour, ha="left", annotation_clip=False,
        )  # fmt: skip


def draw_all(twin: "Twin") -> "dict[str, Figure]":
    """Run the four stories and draw them: name of the picture → figure. Takes about a minute."""
    from twin_sandbox.world.policies import Policies

    return {
        "story-ambulance": draw_ambulance(
            play(twin, "story_ambulance"), play(twin, "story_ambulance", "drainage.street_depth_m")
        ),
        "story-switchboard": draw_switchboard(
            play(twin, "story_switchboard"), play(twin, "story_switchboard", "drainage.site_depth_m")
        ),
        "story-tide": draw_tide(play(twin, "story_tide"), play(twin, "story_tide_no_pumps")),
        "story-heat-wave": draw_heat_wave(
            play(twin, "story_heat_wave", weather=None, policies=Policies()),
            play(twin, "story_heat_wave", policies=Policies()),
            play(twin, "story_heat_wave"),
        ),
    }
