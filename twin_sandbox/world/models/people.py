"""The district's people as the model of `twin_sandbox.engines.people`."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from twin_sandbox.engines.people import Doing, Floats, Ints, Model, People, Stays, presence
from twin_sandbox.entities import District
from twin_sandbox.world.models import people_water as water
from twin_sandbox.world.models.people_days import (
    DAY_BEGINS_S,
    DAY_S,
    ORDINARY,
    Day,
    Population,
    kind_of,
    plan_day,
    population,
    shifted,
)
from twin_sandbox.world.moment import moment

if TYPE_CHECKING:
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.weather import Weather


def engine(district: District, scenario: "Scenario", reality: "Reality") -> People:
    """The people of a scenario, not started; without a weather of its own no day is hot.

    A reality's ``demand_factor`` is left to the supply, which multiplies what people hand over to it.

    Raises:
        TwinError: an unknown kind of day.
    """
    del reality
    model = people_model(
        district,
        scenario.start,
        scenario.horizon_s,
        day_kind=scenario.day_kind,
        stay_home_share=scenario.policies.stay_home_share,
        weather=scenario.weather,
        seed=scenario.seed,
    )
    return People(model)


def people_model(
    district: District,
    start: pd.Timestamp,
    horizon_s: int,
    *,
    day_kind: str | None = None,
    stay_home_share: float = 0.0,
    weather: "Weather | None" = None,
    seed: int = 0,
) -> Model:
    """Residents and commuters through a run.

    Args:
        district: with the tables residents, commuters, trips, day_kinds, water_services and demand_patterns.
        start: start of the run, with its time zone.
        horizon_s: length of the run [s].
        day_kind: of all days of the run; None: working days and weekends by the calendar.
        stay_home_share: share of people who stay where they slept.
        weather: for the water of hot days; None: no day is hot.
        seed: of chance on days that are not ordinary.

    Raises:
        TwinError: an unknown kind of day, or a start without time zone.
    """
    begin = moment("people, start", start)
    people = population(district)
    ordinary = plan_day(people, ORDINARY)
    base_m3s, pattern, patterns = water.designed(district, people)
    draught = water.fit(base_m3s, pattern, patterns, people, ordinary)
    stays, doing, trips = _run(people, begin, horizon_s, day_kind, stay_home_share, seed)
    return Model(
        buildings=people.buildings,
        modes=people.modes,
        horizon_s=horizon_s,
        start_hour=(begin - begin.normalize()).total_seconds() / 3600.0,
        people=len(people.home),
        stays=stays,
        doing=doing,
        depart_s=trips["depart_s"].to_numpy(),
        mode=trips["mode"].to_numpy(),
        standing_m3s=draught.standing_m3s,
        rate=draught.rate,
        floor_l_h=draught.floor_l_h,
        water_factor=_heat(begin, horizon_s, weather),
        ordinary=_ordinary_presence(people, ordinary),
        shelter=_shelters(district),
    )


def _run(
    people: Population, begin: pd.Timestamp, horizon_s: int, day_kind: str | None, stay_home_share: float, seed: int
) -> tuple[Stays, Doing, pd.DataFrame]:
    """Stays, doings and trips of all days that the run touches, in seconds since its start."""
    first = (begin - pd.Timedelta(seconds=DAY_BEGINS_S)).normalize()
    count = int(((begin - first).total_seconds() + horizon_s - DAY_BEGINS_S) // DAY_S) + 1
    stays, doing, trips = [], [], []
    for date in first + pd.to_timedelta(np.arange(count), "D"):
        kind = day_kind or kind_of(date)
        day = plan_day(people, kind, (seed, date.toordinal()), stay_home_share)
        by_s = round((date - begin).total_seconds())
        later_s = round(3600.0 * people.kinds[kind].get("other", (1.0, 0.0))[1])
        done = water.doings(people, day, free_later_s=later_s)
        stays.append(shifted(day.stays, by_s))
        doing.append(Doing(done.place, done.begin_s + by_s, done.end_s + by_s, done.litres_h))
        trips.append(day.trips.assign(depart_s=day.trips["depart_s"] + by_s))
    parts = zip(*((one.place, one.begin_s, one.end_s, one.at_home) for one in stays), strict=True)
    place, begin_s, end_s, at_home = (np.concatenate(part) for part in parts)
    return Stays(place, begin_s, end_s, at_home), water.joined(doing), pd.concat(trips, ignore_index=True)


def _ordinary_presence(people: Population, ordinary: Day) -> Floats:
    """People in each building in each minute of an ordinary working day from midnight on, shape (1440, b)."""
    stays = ordinary.stays
    ones, minutes = np.ones(len(stays.place)), (DAY_BEGINS_S + DAY_S) // 60
    counted = presence(stays.place, stays.begin_s, stays.end_s, ones, len(people.buildings), minutes)
    counted[: minutes - 1440] = counted[1440:]
    return counted[:1440]


def _heat(begin: pd.Timestamp, horizon_s: int, weather: "Weather | None") -> Floats:
    """Factor on water for each hour of the run, by the greatest temperature of its date."""
    hours = begin + pd.to_timedelta(np.arange(horizon_s // 3600 + 1), "h")
    if weather is None:
        return np.ones(len(hours))
    since_s = np.minimum(np.arange(len(hours)) * 3600.0, weather.horizon_s)
    temperature_c = weather.at(weather.start + pd.to_timedelta(since_s, "s"))["temperature_c"].to_numpy()
    greatest_c = pd.Series(temperature_c).groupby(hours.normalize()).transform("max")
    return water.heat_factor(greatest_c.to_numpy(dtype=np.float64))


def _shelters(district: District) -> Ints:
    """Each building's nearest shelter, as indices of buildings; itself where the district has none."""
    buildings, services = district.entities["buildings"], district.entities["services"]
    shelters = buildings.index.get_indexer(services["building_code"][services["kind"] == "shelter"])
    if not len(shelters):
        return np.arange(len(buildings))
    points = shapely.centroid(buildings.geometry.to_numpy())
    distance = shapely.distance(points[:, None], points[shelters][None, :])
    return np.asarray(shelters[np.argmin(distance, axis=1)], dtype=np.int64)
