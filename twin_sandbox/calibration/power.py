"""Figures of medium and low voltage: ordinary days, a heat wave, a feed lost, a pumping station under water."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.power import BACK_FEED, LV_BAND, MV_BAND, PLANNING, VOLTAGE
from twin_sandbox.generate.sanity.town import land_m2
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.engines.power.model import PowerModel
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.twin import Twin

STEP_S, HOUR_S, DAY_S = 300, 3600, 86_400
DAYS = {
    "summer": pd.Timestamp("2026-07-15 00:00+08:00"),
    "winter": pd.Timestamp("2026-01-14 00:00+08:00"),
    "spring_sunday": pd.Timestamp("2026-04-19 00:00+08:00"),
}
HEAT_FACTOR = 1.3
"""Loads of a heat wave by those of an ordinary summer day: cooling takes about a third of a hot city's peak."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A run of the engine.

    Args:
        model: what was run.
        hours: moments since the start [h].
        found: quantity → one row a moment.
        balances: energies, and the greatest gap in a step's balance.
    """

    model: "PowerModel"
    hours: Array
    found: Mapping[str, Array]
    balances: Mapping[str, float]


def run(
    twin: "Twin",
    start: pd.Timestamp,
    horizon_s: int = DAY_S,
    inputs: "Callable[[PowerModel, int], Mapping[str, Array]] | None" = None,
    reality: "Reality | None" = None,
    step_s: int = STEP_S,
) -> Run:
    """Run the network from a moment on; ``inputs`` tells from the model and the step's end [s] what is handed over.

    Raises:
        TwinError: the engine refuses the model or an input.
    """
    from twin_sandbox.engines.power.engine import Power
    from twin_sandbox.world.models.power import power_model
    from twin_sandbox.world.reality import AS_DESIGNED

    model = power_model(twin.district, start, horizon_s, reality or AS_DESIGNED, step_s=step_s)
    engine = Power(model)
    rows = [engine.start()]
    for second in range(step_s, horizon_s + 1, step_s):
        rows += [engine.step(second, inputs(model, second) if inputs else {})]
    hours = np.array([row.time_s for row in rows]) / HOUR_S
    found = {name: np.array([row.found[name] for row in rows]) for name in engine.gives}
    return Run(model, hours, found, engine.finish().balances)


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of the power network, each with its range and source."""
    days = {name: run(twin, start) for name, start in DAYS.items()}
    medium = (twin.entities["power_buses"]["kv"] > 1).to_numpy()
    for name, day in days.items():
        yield from _ordinary(name, day, medium)
    yield from _peak(twin, days["summer"])
    yield from _back_feed(days["spring_sunday"])
    yield from _hot(twin, medium)
    yield from _failures(twin)


def _ordinary(name: str, day: Run, medium: NDArray[np.bool_]) -> Iterator[Value]:
    found = day.found
    yield none_of(f"{name}_consumers_dark", int((found["energised"] == 0).any(0).sum()))
    for word, chosen, (low, high) in (("medium", medium, MV_BAND), ("low", ~medium, LV_BAND)):
        volts = found["voltage_pu"][:, chosen]
        yield Value(f"{name}_{word}_voltage_least", round(float(volts.min()), 4), low, high, "pu", VOLTAGE)
        yield Value(f"{name}_{word}_voltage_most", round(float(volts.max()), 4), low, high, "pu", VOLTAGE)
    loads = found["served_kw"].sum(1)
    factor = float(loads.mean() / loads.max())
    yield Value(f"{name}_load_factor", round(factor, 3), 0.5, 0.85, "1", "daily load curves of cities, practice")
    books = day.balances
    given = books["feed_kwh"] + books["pv_kwh"]
    yield Value(f"{name}_losses_share", round(books["losses_kwh"] / given, 4), 0.005, 0.05, "1", RULE)
    moves = books["tap_moves"]
    yield Value(f"{name}_tap_moves", moves, 0, 30, "1", "two feeds; up to 15 a day each by usual practice")
    yield Value(f"{name}_power_balance_gap_share", float(f"{books['balance_error']:.1e}"), 0, 1e-6, "1", RULE)


def _peak(twin: "Twin", day: Run) -> Iterator[Value]:
    """What carries how much on an ordinary summer workday."""
    found = day.found
    most = found["transformer_load"].max(0)
    yield Value("transformer_load_at_peak_median", round(float(np.median(most)), 3), 0.3, 0.7, "1", PLANNING)
    yield Value("transformer_load_at_peak_most", round(float(most.max()), 3), 0.3, 0.8, "1", PLANNING)
    within = float(((most >= 0.3) & (most <= 0.7)).mean())
    yield Value("transformers_at_30_to_70_percent_share", round(within, 3), 0.75, 1.0, "1", PLANNING)
    lines = twin.entities["power_lines"]
    for word, chosen in (("medium", lines["kv"] > 1), ("low", lines["kv"] < 1)):
        load = float(found["line_load"][:, chosen.to_numpy()].max())
        yield Value(f"{word}_voltage_line_load_most", round(load, 3), 0.1, 0.9, "1", RULE)
    loads = found["served_kw"].sum(1)
    density = float(loads.max()) * 1e3 / land_m2(twin.district)  # W/m² = MW/km²
    yield Value("peak_load_per_km2", round(density, 1), 6, 30, "MW/km²", PLANNING)
    peak_h = float(day.hours[int(loads.argmax())])
    yield Value("hour_of_peak", round(peak_h, 1), 10, 21, "h", "daily load curves of cities, practice")
    batteries = twin.entities["batteries"]
    given = np.clip(found["battery_given_kw"], 0, None).sum() * STEP_S / HOUR_S
    cycles = float(given / batteries["kwh"].sum())
    yield Value("battery_cycles_a_day", round(cycles, 2), 0.5, 2.5, "1", "storage under a time-of-use tariff, practice")


def _back_feed(day: Run) -> Iterator[Value]:
    """A clear Sunday in spring: little load, much sun."""
    flows = day.model.components["transformer"]["sn"] / 1e3
    share = _reverse_kw(day) / flows
    yield Value("back_feed_to_rating_most", round(float(share.max()), 3), 0, 0.8, "1", BACK_FEED)
    noon = int(np.argmax(day.found["pv_given_kw"].sum(1)))
    sun = float(day.found["pv_given_kw"][noon].sum() / day.found["served_kw"][noon].sum())
    yield Value("sun_by_load_at_noon", round(sun, 3), 0.02, 0.5, "1", RULE)


def _reverse_kw(day: Run) -> Array:
    """What each transformer feeds back at most: sun above the load behind it; batteries and losses left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    model, lines = day.model, day.model.components["line"]
    low = model.components["node"]["u_rated"] < 1000
    a, b = model.bus_of("line", "from_node"), model.bus_of("line", "to_node")
    own = low[a] & lines["from_status"].astype(bool) & lines["to_status"].astype(bool)
    graph = coo_array((np.ones(int(own.sum())), (a[own], b[own])), shape=(len(low), len(low)))
    board = connected_components(graph, directed=False)[1]
    net = np.zeros((len(day.hours), int(board.max()) + 1))
    np.add.at(net.T, board[model.gen_bus[model.panels.gens]], day.found["pv_given_kw"].T)
    np.subtract.at(net.T, board[model.load_bus[: len(model.consumers)]], day.found["served_kw"].T)
    behind: Array = net[:, board[model.bus_of("transformer", "to_node")]]
    return np.asarray(np.clip(behind, 0, None).max(0))


def heat_wave(model: "PowerModel", second: int) -> dict[str, Array]:
    """Every load of an ordinary summer day, and `HEAT_FACTOR` times it from noon on."""
    factor = 1.0 if second < 12 * HOUR_S else HEAT_FACTOR
    return {"load_kw": model.load_w.at(np.array([float(second)]))[0] / 1e3 * factor}


def _hot(twin: "Twin", medium: NDArray[np.bool_]) -> Iterator[Value]:
    hot = run(twin, DAYS["summer"], inputs=heat_wave)
    volts = hot.found["voltage_pu"]
    yield Value("heat_wave_low_voltage_least", round(float(volts[:, ~medium].min()), 4), *LV_BAND, "pu", VOLTAGE)
    yield Value("heat_wave_tap_moves", hot.balances["tap_moves"], 1, 30, "1", RULE)
    most = float(hot.found["transformer_load"].max())
    yield Value("heat_wave_transformer_load_most", round(most, 3), 0.7, 1.3, "1", "GB/T 1094.12, emergency loading")
    unserved = hot.balances["unserved_kwh"]
    yield Value("heat_wave_unserved", round(unserved, 1), 0, 1, "kWh", RULE)


def _failures(twin: "Twin") -> Iterator[Value]:
    """A feed lost at the peak, and the pumping station's two transformers under water."""
    from twin_sandbox.world.reality import Reality

    evening = DAYS["summer"] + pd.Timedelta(hours=20)
    feeds = twin.entities["grid_feeds"]
    reality = Reality(outages=((str(feeds.index[0]), 0.0, 2.0),))
    couple = _couplers(twin, str(feeds["bus_code"].iloc[0]))
    lost = run(twin, evening, HOUR_S, lambda _, second: couple if second > HOUR_S // 2 else {}, reality)
    dark = (lost.found["energised"] == 0).mean(1)
    yield Value("feed_lost_dark_share", round(float(dark[0]), 3), 0.2, 0.8, "1", RULE)
    source = f"{PLANNING}: one element out, all fed again by switching"
    yield Value("feed_lost_dark_after_switching_share", round(float(dark[-1]), 3), 0, 0, "1", source)
    load = float(lost.found["line_load"][-1].max())
    yield Value("feed_lost_line_load_most", round(load, 3), 0.3, 1.0, "1", source)
    volts = lost.found["voltage_pu"][-1]
    fed = volts[volts > 0]
    yield Value("feed_lost_voltage_least", round(float(fed.min()), 4), LV_BAND[0], LV_BAND[1], "pu", VOLTAGE)
    drowned = run(twin, evening, 600, lambda model, second: _station(twin, model, second), step_s=10)
    pumps = [drowned.model.consumers.index(code) for code in twin.entities["pumps"].index]
    without = (drowned.found["energised"][:, pumps].sum(1) == 0).sum() * 10
    wanted = float(twin.entities["generators"]["start_s"].max())
    yield Value("pumps_without_any_power", float(without), wanted - 10, wanted + 10, "s", "generators, start_s")
    served = float((drowned.found["energised"][-1, pumps] > 0).sum())
    yield Value("pumps_on_the_diesel_set", served, 1, 3, "1", "GB 50014-2021, second supply")


def _couplers(twin: "Twin", busbar: str) -> dict[str, Array]:
    """The stations' bus couplers closed, and the breakers of the dead feed's cables opened."""
    switches = twin.entities["power_switches"]
    stations = twin.entities["power_buses"].query("kind == 'busbar'").index
    ties = (switches["kind"] == "bus_coupler") & switches["bus_code"].isin(stations)
    dead = switches["bus_code"] == busbar
    return {"switch_closed": np.where(ties, 1.0, np.where(dead, 0.0, np.nan))}


def _station(twin: "Twin", model: "PowerModel", second: int) -> dict[str, Array]:
    """All pumps at work; after a minute both transformers of their boards stand under water."""
    services = twin.entities["power_services"].set_index("consumer_code")
    pumps, transformers = twin.entities["pumps"].index, twin.entities["transformers"]
    load = np.full(len(model.consumers), np.nan)
    load[[model.consumers.index(code) for code in pumps]] = services.loc[pumps, "connected_kw"]
    boards = {*services.loc[pumps, "bus_code"], *services.loc[pumps, "standby_bus_code"]}
    wet = transformers.index[transformers["to_code"].isin(boards)]
    depth = np.where(np.isin(model.sites.codes, wet), 1.0 if second > 60 else 0.0, np.nan)
    return {"load_kw": load, "site_depth_m": depth}


_USES = {
    "homes": (("residential", "home_charging", "e_bike_charging"), "#d9a441"),
    "shops, offices": (("shop", "office", "public_charging"), "#5a8fb8"),
    "school, hospital": (("school", "hospital"), "#8a77b5"),
    "port, plants, pumps": (("port", "plant", "booster_pump", "drainage_pump"), "#7c8a94"),
    "street lights": (("street_lighting",), "#c9c3a2"),
}


def draw_day(twin: "Twin") -> "Figure":
    """An ordinary summer day's loads and sun, and a heat wave that sinks voltages until the tap changers act."""
    from matplotlib.figure import Figure

    day, hot = run(twin, DAYS["summer"]), run(twin, DAYS["summer"], inputs=heat_wave)
    profile = twin.entities["power_services"]["profile"].to_numpy()
    figure = Figure(figsize=(10.5, 6.6), layout="constrained")
    axes = figure.subplot_mosaic([["load", "volts"], ["stand", "tap"]], height_ratios=(1.5, 1.0))
    parts = [day.found["served_kw"][:, np.isin(profile, own)].sum(1) / 1e3 for own, _ in _USES.values()]
    axes["load"].stackplot(day.hours, parts, colors=[colour for _, colour in _USES.values()], labels=list(_USES))
    axes["load"].set(title="Load of an ordinary summer workday", ylabel="MW")
    axes["load"].legend(loc="lower center", fontsize="x-small", ncols=3, framealpha=0.9)
    axes["stand"].fill_between(day.hours, day.found["pv_given_kw"].sum(1), color="#e2b93b", alpha=0.8, label="sun")
    battery = day.found["battery_given_kw"].sum(1)
    axes["stand"].plot(day.hours, battery, color="#2f7d5b", label="batteries; above 0 they give")
    axes["stand"].set(title="Sun and batteries", ylabel="kW", xlabel="hour")
    axes["stand"].legend(loc="upper left", fontsize="x-small")
    low = (twin.entities["power_buses"]["kv"] < 1).to_numpy()
    for name, one, colour in (("ordinary", day, "#5a8fb8"), ("heat wave from noon", hot, "#c4553d")):
        volts = one.found["voltage_pu"][:, low] * 380
        axes["volts"].fill_between(one.hours, volts.min(1), volts.max(1), color=colour, alpha=0.25, linewidth=0)
        axes["volts"].plot(one.hours, volts.min(1), color=colour, label=f"{name}: lowest bus")
        axes["tap"].step(one.hours, one.found["tap_position"][:, :2].sum(1), where="pre", color=colour, label=name)
    for limit in LV_BAND:
        axes["volts"].axhline(limit * 380, color="#5b6675", linestyle="--", linewidth=0.8)
    axes["volts"].set(title="Voltages at 0.38 kV, all buses; dashed: limits", ylabel="V between phases")
    axes["volts"].legend(loc="lower left", fontsize="x-small", bbox_to_anchor=(0.0, 0.07))
    axes["tap"].set(title="Tap changers of the two feeds, together", ylabel="taps", xlabel="hour")
    axes["tap"].set_yticks(range(4))
    for panel in axes.values():
        panel.set(xlim=(0, 24), xticks=range(0, 25, 4))
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def draw_map(twin: "Twin") -> "Figure":
    """The network at the summer peak: voltage of every bus, load of every cable and transformer."""
    import matplotlib as mpl
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    day = run(twin, DAYS["summer"])
    at = int(day.found["served_kw"].sum(1).argmax())
    buses, lines, transformers = (twin.entities[name] for name in ("power_buses", "power_lines", "transformers"))
    low = (buses["kv"] < 1).to_numpy()
    figure = Figure(figsize=(10.5, 7.0), layout="constrained")
    axes = figure.subplots()
    twin.entities["buildings"].plot(ax=axes, color="#eceae4", edgecolor="#dcd8cf", linewidth=0.3)
    load = day.found["line_load"][at]
    wide = np.where(lines["kv"] > 1, 2.2, 0.9)
    shades = mpl.colormaps["YlOrBr"]
    paths = [np.asarray(path.coords)[:, :2] for path in lines.geometry]
    axes.add_collection(LineCollection(paths, colors=shades(0.2 + 0.8 * np.clip(load, 0, 1)), linewidths=wide))
    points, volts = buses.geometry[low], day.found["voltage_pu"][at][low] * 380
    dots = axes.scatter(points.x, points.y, c=volts, cmap="viridis", s=11, vmin=366, vmax=396, zorder=3)
    places = transformers.geometry
    sizes = 10 + 130 * day.found["transformer_load"][at] ** 2
    axes.scatter(
        places.x, places.y, s=sizes, marker="s", facecolors="none", edgecolors="#1d2730", linewidths=0.8, zorder=4
    )
    hour = int(day.hours[at])
    figure.colorbar(dots, ax=axes, shrink=0.55, pad=0.01, label="V between phases at 0.38 kV")
    scale = mpl.cm.ScalarMappable(
        mpl.colors.Normalize(0, 1), mpl.colors.ListedColormap(shades(np.linspace(0.2, 1, 64)))
    )
    figure.colorbar(scale, ax=axes, shrink=0.55, pad=0.01, label="load of cables by their rating")
    axes.set(title=f"The summer peak, {hour}:00; squares: transformers, the larger the more loaded", aspect="equal")
    west, south, east, north = lines.total_bounds
    axes.set(xlim=(west - 20, east + 20), ylim=(south - 20, north + 20))
    axes.set_axis_off()
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "An ordinary summer workday, and a heat wave that sinks voltages until the tap changers act": draw_day,
    "Voltage of every bus and load of every cable at the summer peak": draw_map,
}
