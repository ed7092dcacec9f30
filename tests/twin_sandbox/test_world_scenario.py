"""A scenario's days without rain, its events, its policies; and what an event sets in which engine."""

import pandas as pd
import pytest

from twin_sandbox import Reality, Scenario, Storm, Tide, TwinError
from twin_sandbox.world import events as happen
from twin_sandbox.world.events import EVENTS, Event
from twin_sandbox.world.policies import Policies

START = pd.Timestamp("2026-07-15 00:00+08:00")
NOON = START + pd.Timedelta(hours=12)


def day(**changes) -> Scenario:
    return Scenario(**{"name": "day", "start": START, "horizon_h": 24.0, "engines": ("supply", "power"), **changes})


def test_a_dry_day_needs_neither_storm_nor_tide_and_may_last_a_week():
    scenario = day(horizon_h=168.0)
    assert not scenario.rains
    assert scenario.rain_mm_h().max() == 0.0
    assert scenario.tide.level_m(NOON).tolist() == [0.0]
    assert scenario == day(horizon_h=168.0, storm=None, storm_start=None, tide=None)
    assert Reality(storm_offset_min=-30.0).happens(scenario).storm_start == START


def test_a_storm_keeps_a_run_to_two_days():
    with pytest.raises(TwinError, match=r"Without a storm up to 168 h"):
        day(horizon_h=72.0, storm=Storm.chicago(5))
    with pytest.raises(TwinError, match="tide"):
        day(engines=("drainage", "supply"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"engines": ()}, "engines"),
        ({"engines": "supply"}, "engines"),
        ({"engines": ("supply", "supply")}, "engines"),
        ({"engines": ("water supply",)}, "engines"),
        ({"grid_m": 7}, "grid_m"),
        ({"grid_m": float("nan")}, "grid_m"),
        ({"day_kind": ""}, "day_kind"),
        ({"day_kind": 3}, "day_kind"),
        ({"weather": "fine"}, "weather"),
        ({"horizon_h": "6"}, "horizon_h"),
        ({"horizon_h": float("nan")}, "horizon_h"),
        ({"report_step_s": None}, "report_step_s"),
        ({"policies": {}}, "policies"),
        ({"events": 5}, "events"),
        ({"events": ("fire",)}, "events"),
        ({"events": (happen.StreetClosed("S", start=START - pd.Timedelta(hours=1)),)}, r"StreetClosed\.start"),
        ({"events": (happen.StreetClosed("S", start=START + pd.Timedelta(hours=24)),)}, r"StreetClosed\.start"),
    ],
)
def test_a_day_that_makes_no_sense_is_refused(changes, named):
    with pytest.raises(TwinError, match=named):
        day(**changes)


def test_events_are_kept_in_the_order_of_time():
    late, early = happen.StreetClosed("B", start=NOON), happen.Fire("H", 0.015, start=START)
    assert day(events=[late, early]).events == (early, late)
    assert day(events=[late, early]) == day(events=[early, late])


@pytest.mark.parametrize(
    "wrong",
    [
        {"tariff_cny_kwh": (0.5,) * 23},
        {"tariff_cny_kwh": (-0.5,) * 24},
        {"tariff_cny_kwh": (float("nan"),) * 24},
        {"close_street_above_m": 0.0},
        {"stay_home_share": 1.5},
        {"stay_home_share": float("nan")},
        {"stay_home_share": "half"},
        {"close_street_above_m": "15 cm"},
        {"tariff_cny_kwh": 0.6},
        {"tariff_cny_kwh": ("cheap",) * 24},
    ],
)
def test_a_policy_out_of_all_measure_is_refused(wrong):
    with pytest.raises(TwinError, match=next(iter(wrong))):
        Policies(**wrong)


@pytest.mark.parametrize(
    ("event", "engine", "port", "codes", "value"),
    [
        (happen.StreetClosed("S", start=NOON), "traffic", "closed", ("S",), 1.0),
        (happen.DemandChange(0.7, start=NOON), "traffic", "demand_factor", (), 0.7),
        (happen.SwitchOpen("W", start=NOON), "power", "switch_closed", ("W",), 0.0),
        (happen.PipeBreak("P", 0.02, start=NOON), "supply", "leak_coefficient", ("P",), 0.02),
        (happen.Fire("H", 0.015, start=NOON), "supply", "fire_m3s", ("H",), 0.015),
        (happen.BoosterFailed("B", start=NOON), "supply", "powered", ("B",), 0.0),
        (happen.GateStuck("gate_1", 0.3, start=NOON), "drainage", "setting", ("gate_1",), 0.3),
        (happen.Evacuation("B", start=NOON), "people", "evacuated", ("B",), 1.0),
    ],
)
def test_an_event_says_what_it_sets_in_which_engine(event, engine, port, codes, value):
    assert event.settings() == (happen.Setting(engine, port, codes, value, NOON, None),)


def test_an_ambulance_is_the_models_own_business():
    assert happen.AmbulanceCall("A", "B", start=NOON).settings() == ()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: happen.StreetClosed("", start=NOON), "street"),
        (lambda: happen.StreetClosed(None, start=NOON), "street"),
        (lambda: happen.StreetClosed("S", start="2026-07-15 12:00"), "time zone"),
        (lambda: happen.StreetClosed("S", start=NOON, end=NOON), "end"),
        (lambda: happen.Fire("H", 15.0, start=NOON), "flow_m3s"),
        (lambda: happen.Fire("H", float("nan"), start=NOON), "flow_m3s"),
        (lambda: happen.PipeBreak("P", "0.02", start=NOON), "coefficient"),
        (lambda: happen.GateStuck("gate_1", True, start=NOON), "opening"),
        (lambda: happen.PowerOutage("T", start=NOON).settings(), "no district"),
    ],
)
def test_an_event_that_cannot_be_is_refused(make, named):
    with pytest.raises(TwinError, match=named):
        make()


def test_every_kind_of_event_has_one_name():
    assert set(EVENTS.values()) == set(Event.__subclasses__())


def test_an_outage_opens_every_switch_at_the_assets_ends(twin):
    """A medium-voltage cable with a breaker at each end: both open; a feed's busbar: every switch on it."""
    switches = twin.entities["power_switches"]
    line = switches["branch_code"][switches["branch_code"] != ""].value_counts().idxmax()
    (setting,) = happen.PowerOutage(line, start=NOON).settings(twin.district)
    assert set(setting.codes) == set(switches.index[switches["branch_code"] == line])
    assert len(setting.codes) >= 2
    feed, bus = next(twin.entities["grid_feeds"]["bus_code"].items())
    (cut,) = happen.PowerOutage(feed, start=NOON).settings(twin.district)
    assert set(switches.index[switches["bus_code"] == bus]) <= set(cut.codes)


def test_a_code_that_the_district_has_not_is_named_with_what_is_near(twin):
    street = twin.entities["streets"].index[0]
    happen.StreetClosed(street, start=NOON).check(twin.district)
    happen.GateStuck("gate_1", 0.0, start=NOON).check(twin.district)
    with pytest.raises(TwinError, match=street):
        happen.StreetClosed(street[:-1] + "?", start=NOON).check(twin.district)
    with pytest.raises(TwinError, match="pump_"):
        happen.PumpFailed("pump_9", start=NOON).check(twin.district)


def test_a_tide_is_kept_as_given():
    tide = Tide(0.1, 2.8, NOON)
    assert day(tide=tide).tide == tide


def test_a_failed_pump_is_named_shortly_and_set_by_its_code(twin):
    second = twin.entities["pumps"].sort_values("swmm_id").index[1]
    (setting,) = happen.PumpFailed("pump_2", start=NOON).settings(twin.district)
    assert (setting.port, setting.codes, setting.value) == ("powered", (second,), 0.0)
    with pytest.raises(TwinError, match="pump_9"):
        happen.PumpFailed("pump_9", start=NOON).settings(twin.district)


def test_every_event_sets_what_its_engine_takes(twin):
    """The ports, and the codes of the district, of the real engines; none is started."""
    from twin_sandbox.world.assemble import assemble

    tables = twin.entities
    first = {name: tables[name].index[0] for name in ("streets", "signals", "power_switches", "water_pipes")}
    first |= {name: tables[name].index[0] for name in ("water_valves", "booster_pumps", "hydrants", "buildings")}
    events = (
        happen.StreetClosed(first["streets"], start=NOON),
        happen.SignalDark(first["signals"], start=NOON),
        happen.DemandChange(0.5, start=NOON),
        happen.SwitchOpen(first["power_switches"], start=NOON),
        happen.PowerOutage(tables["transformers"].index[0], start=NOON),
        happen.PipeBreak(first["water_pipes"], 0.01, start=NOON),
        happen.ValveShut(first["water_valves"], start=NOON),
        happen.BoosterFailed(first["booster_pumps"], start=NOON),
        happen.Fire(first["hydrants"], 0.01, start=NOON),
        happen.PumpFailed("pump_1", start=NOON),
        happen.GateStuck("gate_1", 0.5, start=NOON),
        happen.Evacuation(first["buildings"], start=NOON),
    )
    assert {type(event) for event in events} | {happen.AmbulanceCall} == set(EVENTS.values())
    names = tuple(sorted({event.engine for event in events}))
    scenario = day(engines=names, tide=Tide(0.0, 2.8, NOON), horizon_h=14.0, events=events)
    engines = assemble(twin.district, scenario, Reality())
    try:
        for event in scenario.events:
            for setting in event.settings(twin.district):
                assert set(setting.codes) <= set(engines[setting.engine].takes[setting.port].codes), event
    finally:
        for engine in engines.values():
            engine.close()
