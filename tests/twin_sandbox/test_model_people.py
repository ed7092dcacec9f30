"""The district's people: conserved, on the table's day, at the designed water, and otherwise on other days."""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Reality, Scenario, TwinError
from twin_sandbox.engines.people import People
from twin_sandbox.world.models import people_days as days
from twin_sandbox.world.models import people_water as water
from twin_sandbox.world.models.people import people_model

WEDNESDAY = pd.Timestamp("2026-07-15 00:00+08:00")
DAY_S = 86_400


@pytest.fixture(scope="module")
def people(twin):
    return days.population(twin.district)


def played(twin, start=WEDNESDAY, horizon_s=DAY_S, every_s=60, **choices):
    """The engine's outputs through a run, one row a step, and what it left."""
    engine = People(people_model(twin.district, start, horizon_s, **choices))
    found = [engine.start().found]
    found += [engine.step(float(at), {}).found for at in range(every_s, horizon_s + 1, every_s)]
    return {name: np.array([one[name] for one in found]) for name in found[0]}, engine.finish()


@pytest.fixture(scope="module")
def ordinary(twin):
    return played(twin)


def test_everyone_is_somewhere_all_day(twin, ordinary):
    found, _ = ordinary
    everyone = len(twin.entities["residents"]) + len(twin.entities["commuters"])
    assert (found["whereabouts"].sum(axis=1) == everyone).all()
    assert (found["whereabouts"] >= 0).all()
    inside = found["whereabouts"][:, :2].sum(axis=1) - found["occupants"].sum(axis=1)
    assert (inside >= 0).all(), "who is inside the district and in no building is in a park"


def test_at_night_everyone_is_at_home_in_their_building(twin, ordinary):
    """At 03:29 nobody of the table is out: a building holds its residents, the commuters are outside."""
    found, _ = ordinary
    assert found["occupants"][209].tolist() == twin.entities["buildings"]["residents"].tolist()
    assert found["whereabouts"][209].tolist() == [12000, 0, 0, 2286]


def test_an_ordinary_working_day_has_the_tables_trips(twin, ordinary):
    """One of 34,105 trips of the table departs at each moment that it says; none is at second 0."""
    found, finished = ordinary
    table = twin.district.facts["trips"]
    assert finished.balances["trips"] == len(table)
    model = people_model(twin.district, WEDNESDAY, DAY_S)
    departed = np.bincount(-(-table["depart_s"] // 60), minlength=1441)
    assert found["departed"].sum(axis=1).tolist() == departed.tolist()
    assert found["departed"].sum(axis=0).tolist() == [(table["mode"] == mode).sum() for mode in model.modes]


def test_a_minute_of_one_person_is_where_the_table_says(twin, people):
    """The first traveller of the table: at home until departure, then at the destination until the next departure."""
    first, second = (twin.district.facts["trips"].iloc[k] for k in (0, 1))
    day = days.plan_day(people, "weekday")
    own = np.flatnonzero(day.person == np.flatnonzero(people.codes == first.person_code)[0])
    code = np.array(people.buildings)[day.stays.place[own]]
    assert code.tolist() == [first.from_place, first.to_place, second.to_place]
    assert day.stays.begin_s[own].tolist() == [12600, first.depart_s + first.duration_s, 58733 + second.duration_s]
    assert day.stays.end_s[own].tolist() == [first.depart_s, second.depart_s, 12600 + DAY_S]


def test_on_an_ordinary_working_day_every_building_draws_its_designed_volume(twin, people, ordinary):
    """Within 0.1 % for the day of each building; each use's hours within 1 % of its designed pattern."""
    found, _ = ordinary
    base_m3s, pattern, patterns = water.designed(twin.district, people)
    drawn = found["water_m3s"][:1440]
    assert drawn.mean(axis=0) == pytest.approx(base_m3s, rel=1e-3)
    for name in set(pattern):
        own = pattern == name
        hours = drawn[:, own].sum(axis=1).reshape(24, 60).mean(axis=1) / base_m3s[own].sum()
        assert hours == pytest.approx(patterns[name].to_numpy(), rel=0.01), name
    assert (found["activity_factor"] == 1.0).all()


def test_a_buildings_water_has_the_shape_of_its_people_not_of_the_pattern(people, twin, ordinary):
    """A house from which most leave draws less at noon, by its own mean, than one where most stay."""
    found, _ = ordinary
    residents = twin.entities["buildings"]["residents"].to_numpy()
    large = np.flatnonzero(residents >= 40)
    noon = found["occupants"][720, large] / residents[large]
    drawn = found["water_m3s"][720, large] / found["water_m3s"][:1440, large].mean(axis=0)
    few, many = noon < np.quantile(noon, 0.25), noon > np.quantile(noon, 0.75)
    assert drawn[few].mean() < 0.9 * drawn[many].mean()


def test_on_a_holiday_homes_draw_more_and_offices_less(twin, people, ordinary):
    holiday, _ = played(twin, every_s=600, day_kind="holiday")
    _, pattern, _ = water.designed(twin.district, people)
    factor = holiday["water_m3s"][:144].mean(axis=0) / ordinary[0]["water_m3s"][:1440].mean(axis=0)
    assert 1.05 < factor[pattern == "home"].mean() < 1.5
    assert factor[pattern == "office"].mean() < 0.6
    noon = holiday["activity_factor"][72]
    assert noon[pattern == "home"].mean() > 1.2
    assert noon[pattern == "office"].mean() < 0.7


def test_if_all_stay_at_home_nobody_travels_and_no_office_is_lit(twin, people, ordinary):
    still, finished = played(twin, every_s=3600, stay_home_share=1.0)
    assert finished.balances["trips"] == 0.0
    assert (still["whereabouts"] == [12000, 0, 0, 2286]).all()
    drawn, usual = still["water_m3s"][:24].sum(), ordinary[0]["water_m3s"][:1440:60].sum()
    assert 0.8 * usual < drawn < 1.1 * usual


@pytest.mark.parametrize(("kind", "purpose"), [("weekend", 0), ("weekend", 2), ("holiday", 0), ("holiday", 2)])
def test_a_day_off_has_the_tables_share_of_tours(people, kind, purpose):
    """Tours of a purpose by those of a working day are the table's factor, within 0.03."""
    day = days.plan_day(people, kind, (1,))
    code = day.trips["purpose"].map({"work": 0, "school": 1}).fillna(2)
    made = (code.groupby(day.trips["tour"]).min() == purpose).sum()
    factor, _ = people.kinds[kind][days.PURPOSES[purpose]]
    assert made / (people.tours["kind"] == purpose).sum() == pytest.approx(factor, abs=0.03)


@pytest.mark.parametrize("kind", ["weekday", "weekend", "holiday", "school_holiday", "exam_day"])
def test_nobody_is_in_two_places_on_any_day(people, kind):
    day = days.plan_day(people, kind, (7,))
    same = np.diff(day.person) == 0
    gap_s = day.stays.begin_s[1:] - day.stays.end_s[:-1]
    assert (gap_s[same] > 0).all(), "one stay ends before the next begins"
    assert (day.stays.end_s >= day.stays.begin_s).all()
    assert (np.bincount(day.person[day.stays.begin_s == days.DAY_BEGINS_S]) == 1).all()
    last = np.append(~same, True)
    assert (day.stays.place[last] == people.home).all(), "all are home at the end"


def test_shops_and_hospitals_are_staffed_on_days_off(people):
    day = days.plan_day(people, "weekend", (3,))
    workers = np.unique(day.trips["person"][day.trips["purpose"] == "work"])
    usual = np.unique(people.trips["person"][people.trips["purpose"] == "work"])
    daily = people.open_daily[usual].sum()
    assert people.open_daily[workers].sum() / daily == pytest.approx(0.8, abs=0.05)
    assert len(workers) / len(usual) == pytest.approx(0.35, abs=0.03)


def test_days_follow_the_calendar_and_run_on_over_midnight(twin):
    """From Friday 22:00 for 12 h: the evening of a working day, then a weekend's morning."""
    friday = pd.Timestamp("2026-07-17 22:00+08:00")
    found, _ = played(twin, friday, 12 * 3600, every_s=600)
    whole, _ = played(twin, friday.normalize(), DAY_S, every_s=600)
    assert found["occupants"][:12].tolist() == whole["occupants"][132:144].tolist()
    saturday, _ = played(twin, every_s=600, day_kind="weekend")
    monday = whole["whereabouts"][60, 0]
    assert found["whereabouts"][72, 0] > 1.2 * monday
    assert found["whereabouts"][72, 0] == pytest.approx(saturday["whereabouts"][60, 0], rel=0.1)


def test_the_same_run_gives_the_same_bytes(twin):
    one, two = (people_model(twin.district, WEDNESDAY, 7200, day_kind="holiday", seed=5) for _ in range(2))
    assert one.rate.tobytes() == two.rate.tobytes()
    assert one.stays.begin_s.tobytes() == two.stays.begin_s.tobytes()
    other = people_model(twin.district, WEDNESDAY, 7200, day_kind="holiday", seed=6)
    assert one.stays.place.tobytes() != other.stays.place.tobytes()


def test_a_hot_day_draws_more(twin):
    """1.5 % for each degree above 30 °C: a day whose greatest temperature is 36 °C draws 9 % more at every hour."""
    from twin_sandbox.world.weather import Weather

    warm = Weather.ordinary(WEDNESDAY, DAY_S)
    hot = warm.changed(temperature_c=warm.temperature_c - warm.temperature_c.max() + 36.0)
    plain, heated = (people_model(twin.district, WEDNESDAY, DAY_S, weather=sky) for sky in (None, hot))
    assert heated.water_factor[:24] == pytest.approx(1.09 * plain.water_factor[:24])
    assert water.heat_factor(np.array([10.0, 30.0, 100.0])).tolist() == [1.0, 1.0, water.HEAT_MOST]


def test_a_city_that_uses_less_water_than_designed_does_so_once_whoever_computes_the_demand(twin):
    half = Reality(demand_factor=dict.fromkeys(twin.entities["buildings"]["use"].unique(), 0.5))
    for engines in (("supply",), ("people", "supply")):
        night = Scenario("night", WEDNESDAY, 0.5, engines=engines)
        designed, real = (twin.run(night, reality)["supply.delivered_m3s"].iloc[1:] for reality in (None, half))
        assert real.to_numpy().sum() == pytest.approx(0.5 * designed.to_numpy().sum(), rel=0.05)


def test_shelters_take_the_nearest(twin):
    model = people_model(twin.district, WEDNESDAY, 3600)
    services = twin.entities["services"]
    shelters = set(services["building_code"][services["kind"] == "shelter"])
    assert {model.buildings[k] for k in model.shelter} <= shelters


def test_an_unknown_kind_of_day_is_refused(twin):
    with pytest.raises(TwinError, match="weekday"):
        people_model(twin.district, WEDNESDAY, 3600, day_kind="doomsday")
    with pytest.raises(TwinError, match="time zone"):
        people_model(twin.district, pd.Timestamp("2026-07-15"), 3600)


def test_a_scenario_makes_its_people(twin):
    from twin_sandbox import Scenario
    from twin_sandbox.world.models.people import engine
    from twin_sandbox.world.policies import Policies

    scenario = Scenario("still", WEDNESDAY, 2.0, engines=("people",), policies=Policies(stay_home_share=1.0))
    made = engine(twin.district, scenario, Reality())
    assert made.start().found["whereabouts"].tolist() == [12000, 0, 0, 2286]
    assert (made.model.horizon_s, made.model.depart_s.tolist()) == (7200, [])


def test_whoever_stays_at_home_does_not_drive_either(twin):
    """If half stay at home, half of the trips by car are left; they are drawn person by person, so within 6 %."""
    from twin_sandbox.world.models.traffic_demand import trips_of_days

    all_day = (WEDNESDAY, 0.0, float(DAY_S), "weekday", 0)
    usual, half, none = (trips_of_days(twin.district, *all_day, share)["drives"].sum() for share in (0.0, 0.5, 1.0))
    assert none == 0
    assert half == pytest.approx(0.5 * usual, rel=0.06)


def test_the_police_shut_a_street_at_the_depth_that_the_policy_says(twin):
    """20 cm of water: vehicles would still pass (to 30 cm), but the policy shuts streets above 15 cm."""
    from twin_sandbox import Scenario
    from twin_sandbox.world.models.traffic import engine
    from twin_sandbox.world.policies import Policies

    for policies, shut in ((Policies(), False), (Policies(close_street_above_m=0.15), True)):
        made = engine(twin.district, Scenario("x", WEDNESDAY, 0.5, engines=("traffic",), policies=policies), Reality())
        assert (made.model.close_above_m < 0.2) is shut
        made.close()
