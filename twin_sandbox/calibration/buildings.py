"""Figures of buildings over an ordinary year and on hard days, and their picture."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.value import RULE, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.engines.buildings.rooms import BuildingsModel
    from twin_sandbox.world.twin import Twin
    from twin_sandbox.world.weather import Weather

NEW_YEAR = "2026-01-01 00:00+08:00"
JULY = "2026-07-22 00:00+08:00"
DAY_S, YEAR_S = 86_400, 365 * 86_400
HEAT = "CJJ 34-2022, 3.1"
STOCK = "China Building Energy and Emissions Yearbook, order of magnitude, from memory"
USED = "GB/T 51161-2016, order of magnitude, from memory"
Found = dict[str, NDArray[np.float64]]


def run(
    twin: "Twin", weather: "Weather", horizon_s: int, step_s: int = 300, **inputs: float
) -> "tuple[BuildingsModel, Found]":
    """The engine alone: its model, and quantity → one row a step; an input holds for all entities and all the time."""
    from twin_sandbox.engines.buildings.engine import Buildings
    from twin_sandbox.world.models.buildings import buildings_model

    model = buildings_model(twin.district, weather.start, horizon_s, weather, step_s=step_s)
    engine = Buildings(model)
    given = {name: np.full(len(engine.takes[name].codes), value) for name, value in inputs.items()}
    found = [engine.start().found]
    found += [engine.step(float(at), given).found for at in range(step_s, horizon_s + 1, step_s)]
    return model, {name: np.array([one[name] for one in found]) for name in found[0]}


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of the fabric, of an ordinary day, a heat wave, and a year."""
    yield from _fabric(twin)
    yield from _days(twin)
    yield from _year(twin)


def _fabric(twin: "Twin") -> Iterator[Value]:
    from twin_sandbox.calibration.heat import coldest

    hours = 12
    model, found = run(twin, coldest(hours * 3600), hours * 3600, heat_supplied_kw=0.0)
    buildings = twin.entities["buildings"]
    details = twin.district.facts["building_details"].set_index("building_code").reindex(buildings.index)
    floor, homes = details["floor_area_m2"].to_numpy(), (buildings["use"] == "residential").to_numpy()
    heat_w = model.fabric.loss_w_k * (np.nan_to_num(model.heat_set_c) + 5.0)
    for name, mine, low, high in (("homes", homes, 35, 45), ("public", ~homes, 50, 70)):
        own = mine & model.on_net
        each = float(heat_w[own].sum() / floor[own].sum())
        yield Value(f"heat_of_{name}_at_minus_5", round(each, 1), low, high, "W/m²", HEAT)
    own = homes & model.on_net
    fallen = float((found["indoor_c"][1, own] - found["indoor_c"][-1, own]).mean())
    yield Value("homes_cool_in_half_a_day_without_heat", round(fallen, 2), 1, 6, "K", "practice of heating companies")


def _days(twin: "Twin") -> Iterator[Value]:
    from twin_sandbox.world.weather import Weather

    model, mean = run(twin, Weather.normal(JULY, DAY_S), DAY_S)
    off = np.abs(mean["electric_kw"] - model.load_kw).max()
    yield Value("mean_days_load_off_the_profiles", round(float(off), 6), 0.0, 1e-6, "kW", "table load_profiles")
    _, ordinary = run(twin, Weather.ordinary(JULY, DAY_S), DAY_S)
    _, hot = run(twin, Weather.heat_wave(JULY, DAY_S), DAY_S)
    by = float(ordinary["electric_kw"].sum() / model.load_kw.sum())
    yield Value("ordinary_days_load_by_the_profiles", round(by, 3), 0.9, 1.1, "1", "table load_profiles")
    peaks = [float(one["electric_kw"].sum(axis=1).max()) for one in (mean, hot)]
    yield Value("heat_waves_peak_by_ordinary", round(peaks[1] / peaks[0], 2), 1.1, 1.6, "1", "grid operators, memory")
    share = float((hot["cooling_kw"].sum(axis=1) / hot["electric_kw"].sum(axis=1)).max())
    yield Value("most_of_the_load_that_is_cooling", round(share, 2), 0.2, 0.5, "1", "summer peaks of eastern China")


def _year(twin: "Twin") -> Iterator[Value]:
    from twin_sandbox.calibration.sun import year
    from twin_sandbox.world.carbon import Account
    from twin_sandbox.world.weather import Weather

    model, found = run(twin, Weather.ordinary(NEW_YEAR, YEAR_S, 3600), YEAR_S, 3600)
    buildings = twin.entities["buildings"]
    details = twin.district.facts["building_details"].set_index("building_code").reindex(buildings.index)
    floor, use = details["floor_area_m2"].to_numpy(), buildings["use"].to_numpy()
    on_net = np.flatnonzero(model.on_net)
    heat_kwh = found["heat_demand_kw"][1:].sum(axis=0)
    for name, mine, low, high in (
        ("homes", use[on_net] == "residential", 40, 90),
        ("public", use[on_net] != "residential", 50, 110),
    ):
        each = float(heat_kwh[mine].sum() / floor[on_net][mine].sum())
        yield Value(
            f"heat_of_{name}_in_a_year", round(each, 1), low, high, "kWh/m²a", "GB/T 51161-2016; 0.15 to 0.4 GJ"
        )
    # after the season's first days, which warm the walls
    served = found["indoor_c"][: 24 * 75][:, model.on_net]
    yield Value(
        "coldest_served_house_until_mid_march", round(float(served.min()), 2), 18, 22, "°C", "GB 50736-2012, 3.0.1"
    )
    electric_kwh = found["electric_kw"][1:].sum(axis=0)
    electric = float(electric_kwh.sum())
    for name, low, high in (("residential", 20, 40), ("office", 60, 110), ("shop", 100, 220), ("hospital", 100, 200)):
        own = use == name
        each = float(electric_kwh[own].sum() / floor[own].sum())
        yield Value(f"electricity_of_{name}_in_a_year", round(each, 1), low, high, "kWh/m²a", USED)
    yield Value("electricity_in_a_year", round(electric / floor.sum(), 1), 40, 90, "kWh/m²a", USED)
    sun = float(year(twin)[1].ac_kw.sum())
    yield Value("electricity_from_the_roofs", round(sun / electric, 4), 0.005, 0.1, "1", RULE)
    used = {
        "electricity": electric - sun,
        "heat": float(heat_kwh.sum()),
        "gas": float(found["gas_kw"][1:].sum()),
    }
    account = Account(used, float(floor.sum()), float(buildings["residents"].sum()))
    yield Value("carbon_in_a_year", round(account.kg_m2, 1), 30, 80, "kg/m²a", STOCK)
    yield Value("carbon_of_a_resident", round(account.kg_person / 1000.0, 2), 1.0, 5.0, "t/a", STOCK)


def draw_days(twin: "Twin") -> "Figure":
    """The district's load on an ordinary and a hot day; rooms by energy class when the heat fails on a cold one."""
    from matplotlib.figure import Figure

    from twin_sandbox.calibration.heat import coldest
    from twin_sandbox.world.weather import Weather

    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    load, rooms = figure.subplots(1, 2)
    hours = np.arange(289) / 12.0
    for weather, colour, label in (
        (Weather.ordinary(JULY, DAY_S), "#1e5092", "ordinary day"),
        (Weather.heat_wave(JULY, DAY_S), "#b3423a", "heat wave, 36 °C"),
    ):
        model, found = run(twin, weather, DAY_S)
        load.plot(hours, found["electric_kw"].sum(axis=1) / 1000.0, color=colour, lw=2, label=f"{label}: all")
        cooling = found["cooling_kw"].sum(axis=1) / 1000.0
        load.fill_between(hours, cooling, color=colour, alpha=0.25, lw=0, label=f"{label}: cooling")
    load.plot(hours, model.load_kw.sum(axis=1) / 1000.0, color="#22303a", ls=":", label="load profiles")
    load.set(title="Electricity of the buildings in July", xlabel="hour", ylabel="MW", xlim=(0, 24), ylim=(0, None))
    load.set_xticks(range(0, 25, 4))
    load.legend(fontsize="small", loc="upper left")
    model, found = run(twin, coldest(2 * DAY_S), 2 * DAY_S, heat_supplied_kw=0.0)
    buildings = twin.entities["buildings"]
    details = twin.district.facts["building_details"].set_index("building_code").reindex(buildings.index)
    homes = (buildings["use"] == "residential").to_numpy() & model.on_net
    classes = details["energy_class"].to_numpy()
    for name, colour in zip("ABCD", ("#1a7f5a", "#7fa7c9", "#e0a458", "#b3423a"), strict=True):
        own = homes & (classes == name)
        mean_c = found["indoor_c"][1:, own].mean(axis=1)
        rooms.plot(np.arange(1, 577) / 12.0, mean_c, color=colour, lw=2, label=f"class {name}, {own.sum()} houses")
    rooms.axhline(18.0, color="#5b6675", ls="--", lw=1)
    rooms.set(title="Homes at −5 °C after the heat has failed", xlabel="hours", ylabel="°C", xlim=(0, 48))
    rooms.set_xticks(range(0, 49, 8))
    rooms.legend(fontsize="small")
    for axes in (load, rooms):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "Electricity on an ordinary and a hot day, and how homes cool when the heat fails": draw_days,
}
