"""The buildings of a district as the buildings engine's model: habits of each use, seasons, loads, prices."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.buildings.engine import Buildings
from twin_sandbox.engines.buildings.rooms import BuildingsModel
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models.buildings_fabric import fabric_of
from twin_sandbox.world.weather import ALTITUDE_M, LATITUDE_DEG, LONGITUDE_DEG, Weather

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

Floats = NDArray[np.float64]

STEP_S = 300


class Use(NamedTuple):
    """Habits of a use.

    window: glass by façade; air_per_h: air changes; heat_c, cool_c: temperatures held (nan: none);
    appliances_w_m2: heat of lamps and machines at their most; m2_per_person: at the busiest hour;
    cooled: share of floor cooled while busy.
    """

    window: float
    air_per_h: float
    heat_c: float
    cool_c: float
    appliances_w_m2: float
    m2_per_person: float
    cooled: float


_NONE = float("nan")
# GB 50736-2012, 3.0.2 and 3.0.6 (20 °C, 26 °C; air by person), GB 50189-2015, annex B (lamps, machines, persons by
# area, here as means of a floor with corridors), JGJ 26-2018, 4 (homes 0.5 air changes, 3.8 W/m² inner gains)
USES = {
    "residential": Use(0.28, 0.5, 20.0, 26.0, 5.0, 30.0, 0.4),
    "shop": Use(0.35, 0.9, 20.0, 26.0, 13.0, 15.0, 0.9),
    "office": Use(0.40, 0.8, 20.0, 26.0, 13.0, 15.0, 0.9),
    "school": Use(0.35, 0.9, 20.0, 26.0, 8.0, 8.0, 0.7),
    "hospital": Use(0.35, 1.1, 22.0, 26.0, 13.0, 12.0, 0.9),
    "port": Use(0.08, 0.6, _NONE, _NONE, 4.0, 80.0, 0.0),
}
_OTHER = Use(0.05, 0.5, _NONE, _NONE, 8.0, 500.0, 0.0)

# of those who live there, share at home by hour; of the floor of homes that is in use, share cooled while at home
AT_HOME = (
    1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.75, 0.5, 0.4, 0.38, 0.42,
    0.5, 0.45, 0.4, 0.4, 0.45, 0.55, 0.72, 0.82, 0.88, 0.93, 0.97, 1.0,
)  # fmt: skip
HOMES_COOLED = (
    0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.25, 0.25, 0.25, 0.3, 0.4,
    0.5, 0.5, 0.45, 0.4, 0.45, 0.55, 0.75, 0.95, 1.0, 1.0, 1.0, 0.9,
)  # fmt: skip
COOLED_FROM, COOLED_TO = 5, 10
"""Months in which cooling stands ready."""
SEASON_FROM, SEASON_TO = (11, 16), (4, 5)
"""First and last day of heating, both heated: 16 November to 5 April, as the city of Qingdao sets it."""
FACES_DEG = (0.0, 90.0, 180.0, 270.0)
PRICE_CNY_KWH = 0.55
"""One price for all hours (homes in Shandong: 0.5469 CNY/kWh)."""
BOILER_EFFICIENCY = 0.9
OWN_HEAT_C = 16.5
"""Mean of a house that heats on its own, where not every room is warm all day."""
HOMES_COLD_W_M2, PUBLIC_COLD_W_M2 = 90.0, 150.0
SPARE_HEAT = 1.15
"""Of radiators beyond the larger of the load that the net was designed for and the house's own on the coldest day."""
DESIGN_OUTSIDE_C = -5.0
"""Outside temperature for heating in Qingdao (GB 50736-2012, annex A)."""


def engine(district: "District", scenario: "Scenario", reality: "Reality") -> Buildings:
    """The engine of a run.

    Raises:
        TwinError: the scenario's weather does not cover it.
    """
    policies, weather = scenario.policies, scenario.weather_or_ordinary()
    return Buildings(
        buildings_model(
            district,
            scenario.start,
            scenario.horizon_s,
            weather,
            reality,
            tariff_cny_kwh=policies.tariff_cny_kwh,
            day_kind=scenario.day_kind,
            step_s=math.gcd(STEP_S, scenario.horizon_s),
        )
    )


def buildings_model(
    district: "District",
    start: "pd.Timestamp",
    horizon_s: float,
    weather: Weather,
    reality: "Reality | None" = None,  # noqa: ARG001 - nothing hidden touches buildings yet
    *,
    tariff_cny_kwh: "Sequence[float]" = (),
    day_kind: str | None = None,
    step_s: int = STEP_S,
) -> BuildingsModel:
    """All buildings of a district under a weather.

    Args:
        district: where.
        start: first moment.
        horizon_s: length of the run [s].
        weather: over at least the run.
        reality: how the real district differs; nothing in it touches buildings.
        tariff_cny_kwh: price of electricity in each hour of the day, 24 values; none: one price all day.
        day_kind: "weekday", or another for a day of rest; None: by the calendar.
        step_s: between moments [s], a divisor of an hour.

    Raises:
        TwinError: the weather does not cover the run, or a tariff that is none.
    """
    import pandas as pd

    if step_s <= 0 or 3600 % step_s:
        raise TwinError("buildings_model, step_s", f"{step_s} s", "A divisor of 3600 s.")
    count = int(np.ceil(horizon_s / step_s)) + 1
    times = pd.date_range(start, periods=count, freq=pd.Timedelta(seconds=step_s))
    now, usual = weather.at(times), Weather.normal(weather.start, weather.horizon_s, weather.step_s).at(times)
    buildings, hour = district.entities["buildings"], times.hour.to_numpy()
    habits = [USES.get(name, _OTHER) for name in buildings["use"]]
    of_use = {field: np.array([getattr(habit, field) for habit in habits]) for field in Use._fields}
    homes = (buildings["use"] == "residential").to_numpy()
    glass_m2, fabric = fabric_of(district, of_use["window"], of_use["air_per_h"])
    customer, load_kw, busy = _loads(district, times, day_kind)
    _, working_kw, _ = _loads(district, times, "weekday")
    people, cooled = _habits(district, fabric.floor_m2, of_use, busy, times)
    services = district.entities["heat_services"].set_index("building_code")
    design_kw = services["design_load_kw"].reindex(buildings.index).to_numpy(dtype=np.float64)
    on_net = np.isfinite(design_kw)
    heat_set_c = np.where(on_net, of_use["heat_c"], np.minimum(of_use["heat_c"], OWN_HEAT_C))
    coldest_w = fabric.loss_w_k * (np.nan_to_num(of_use["heat_c"]) - DESIGN_OUTSIDE_C)
    heat_most_w = SPARE_HEAT * np.fmax(1000.0 * design_kw, coldest_w)
    return BuildingsModel(
        start=start,
        step_s=step_s,
        codes=tuple(buildings.index),
        fabric=fabric,
        customer=customer,
        outside_c=now["temperature_c"].to_numpy(),
        usual_outside_c=usual["temperature_c"].to_numpy(),
        sun_w=_facades(now) @ glass_m2.T,
        usual_sun_w=_facades(usual) @ glass_m2.T,
        people=people,
        appliances_w=busy * of_use["appliances_w_m2"] * fabric.floor_m2,
        load_kw=load_kw,
        working_kw=working_kw,
        heating=heating_season(times),
        heat_set_c=heat_set_c,
        heat_most_w=heat_most_w,
        on_net=on_net,
        boiler_efficiency=BOILER_EFFICIENCY,
        cool_set_c=of_use["cool_c"],
        cooled_share=cooled,
        cool_most_w=np.where(homes, HOMES_COLD_W_M2, PUBLIC_COLD_W_M2) * fabric.floor_m2,
        price_cny_kwh=_prices(tariff_cny_kwh)[hour],
    )


def heating_season(times: "pd.DatetimeIndex") -> NDArray[np.bool_]:
    """Whether each moment lies in the heating season."""
    day = times.month.to_numpy() * 100 + times.day.to_numpy()
    begins, ends = (100 * month + number for month, number in (SEASON_FROM, SEASON_TO))
    season: NDArray[np.bool_] = (day >= begins) | (day <= ends)
    return season


def season_of(month: int) -> str:
    """The load profiles' season of a month: winter is December to February."""
    return ("winter", "spring", "summer", "autumn")[month % 12 // 3]


def _habits(
    district: "District", floor_m2: Floats, of_use: dict[str, Floats], busy: Floats, times: "pd.DatetimeIndex"
) -> tuple[Floats, Floats]:
    """People present, and share of the floor that is cooled, [t, n] each."""
    buildings, hour = district.entities["buildings"], times.hour.to_numpy() + times.minute.to_numpy() / 60.0
    homes = (buildings["use"] == "residential").to_numpy()
    residents = buildings["residents"].to_numpy(dtype=np.float64)
    at_home = residents * np.interp(hour, np.arange(25), (*AT_HOME, AT_HOME[0]))[:, None]
    homes_cooled = np.interp(hour, np.arange(25), (*HOMES_COOLED, HOMES_COOLED[0]))[:, None]
    people = np.where(homes, at_home, busy * floor_m2 / of_use["m2_per_person"])
    warm = (times.month.to_numpy() >= COOLED_FROM) & (times.month.to_numpy() <= COOLED_TO)
    cooled = np.where(homes, homes_cooled, busy) * of_use["cooled"] * warm[:, None]
    return people, cooled


def _facades(now: "pd.DataFrame") -> Floats:
    """Light on upright planes that face north, east, south and west [W/m²], [t, 4]: isotropic sky, albedo 0.2."""
    import pvlib

    sun = pvlib.solarposition.get_solarposition(now.index, LATITUDE_DEG, LONGITUDE_DEG, ALTITUDE_M)
    dni, ghi, dhi = (now[name].to_numpy()[:, None] for name in ("dni_w_m2", "ghi_w_m2", "dhi_w_m2"))
    zenith, azimuth = (sun[name].to_numpy()[:, None] for name in ("apparent_zenith", "azimuth"))
    plane = pvlib.irradiance.get_total_irradiance(
        90.0, np.array(FACES_DEG), zenith, azimuth, dni, ghi, dhi, albedo=0.2, model="isotropic"
    )
    return np.asarray(plane["poa_global"], dtype=np.float64)


def _loads(
    district: "District", times: "pd.DatetimeIndex", day_kind: str | None
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Profile of each building; its electricity [kW] and how busy it is by its season's peak hour, [t, n] each."""
    import pandas as pd

    buildings, profiles = district.entities["buildings"], district.facts["load_profiles"]
    services = district.entities["power_services"].set_index("consumer_code").reindex(buildings.index)
    lacking = services.index[services["profile"].isna()]
    if len(lacking):
        raise TwinError(f"buildings_model, {lacking[0]}", "no power service", "One for every building.")
    names = sorted(set(services["profile"]))
    seasons, kinds = ("winter", "spring", "summer", "autumn"), ("workday", "restday")
    share = np.zeros((len(names), 4, 2, 24))
    rows = profiles[profiles["profile"].isin(names)]
    share[
        rows["profile"].map(names.index).to_numpy(),
        rows["season"].map(seasons.index).to_numpy(),
        rows["day_kind"].map(kinds.index).to_numpy(),
        rows["hour"].to_numpy(),
    ] = rows["load_share"].to_numpy()
    full = pd.date_range(times[0].floor("h"), times[-1].ceil("h"), freq="h")
    season = np.array([seasons.index(season_of(month)) for month in full.month], dtype=np.int64)
    rest = full.dayofweek.to_numpy() >= 5 if day_kind is None else np.full(len(full), day_kind != "weekday")
    at_full = share[:, season, rest.astype(np.int64), full.hour.to_numpy()]
    busy_at_full = at_full / share.max(axis=(2, 3))[:, season]
    # straight from one full hour to the next
    now, known = (np.asarray((index - full[0]) / pd.Timedelta(hours=1), dtype=np.float64) for index in (times, full))
    of_profile, busy = (
        np.stack([np.interp(now, known, row) for row in table], axis=1) for table in (at_full, busy_at_full)
    )
    column = np.array([names.index(name) for name in services["profile"]])
    load_kw = of_profile[:, column] * services["coincident_peak_kw"].to_numpy(dtype=np.float64)
    return tuple(services["profile"]), load_kw, busy[:, column]


def _prices(tariff_cny_kwh: "Sequence[float]") -> Floats:
    """Price in each hour of the day."""
    if not len(tariff_cny_kwh):
        return np.full(24, PRICE_CNY_KWH)
    prices = np.asarray(tariff_cny_kwh, dtype=np.float64)
    if prices.shape != (24,) or not ((prices >= 0.0) & (prices <= 10.0)).all():
        raise TwinError("buildings_model, tariff_cny_kwh", f"{prices}", "24 prices from 0 to 10 CNY/kWh.")
    return prices
