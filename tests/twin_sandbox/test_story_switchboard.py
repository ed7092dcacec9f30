"""Water at switchgear → breakers open → pumps stop, unless a second feed or a diesel set saves them → no pressure.

A storm of 500 years (115 mm in an hour) on a surge of 1.2 m:

    17:31  ring-main units 12 and 18 under water: 72 consumers dark; behind unit 18 the first feed of the station
           is dead: its pumps go on, by the second
    17:36  unit 29 trips: Anning Road 17 (22 storeys, 299 residents) is dark, its boosters stand still; the uppermost
           tap falls from 10 m to the 3 m of the roof tank
    17:43  unit 3 trips, and with it the second feed: the diesel set carries two of the three pumps (330 kW)
    18:25  the roof tank is empty: 18 storeys without water, to drink or to put out a fire with
"""

import pandas as pd
import pytest

from twin_sandbox.views.stories import BOARD, FIRST_FEED, HOUSE, SECOND_FEED, STATION_DIESEL, first, play
from twin_sandbox.world.models.power_sites import failing_depths

CUT = "drainage.site_depth_m"
MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def coupled(twin):
    return play(twin, "story_switchboard")


@pytest.fixture(scope="module")
def cut(twin):
    return play(twin, "story_switchboard", CUT)


@pytest.fixture(scope="module")
def booster(twin):
    boosters = twin.district.entities["booster_pumps"]
    return boosters.index[boosters["building_code"] == HOUSE][0]


def test_the_board_trips_when_water_reaches_it_and_the_house_loses_its_pressure(twin, coupled, booster):
    limits = dict(zip(*failing_depths(twin.district), strict=True))
    reached = first(coupled["drainage.site_depth_m"][BOARD] > limits[BOARD])
    dark = first(coupled["power.energised"][booster] < 0.5)
    stopped = first(coupled["supply.booster_kw"][booster].iloc[10:] == 0.0)
    pressure = coupled["supply.service_pressure_m"][HOUSE]
    assert pd.Timestamp("2026-07-15 17:30+08:00") < reached <= dark <= reached + MINUTE
    assert dark < stopped <= dark + 10 * MINUTE  # a supply step of 5 min, and one of delay
    assert pressure[:reached].iloc[1:].min() == pytest.approx(10.0, abs=0.5)
    assert first(pressure < 4.0) <= stopped  # the roof tank's 3 m
    empty = first(pressure <= 0.0)
    assert 20 * MINUTE < empty - stopped < 90 * MINUTE
    assert pressure.iloc[-1] == 0.0


def test_without_the_wire_nothing_trips_and_every_tap_has_water(coupled, cut, booster):
    assert (cut["power.energised"] > 0.5).all(axis=None)
    assert cut["power.energised"][booster].min() == 1.0
    assert cut["supply.service_pressure_m"][HOUSE].iloc[1:].min() > 9.0
    dark = (coupled["power.energised"].iloc[-1] < 0.5).sum() - (cut["power.energised"].iloc[-1] < 0.5).sum()
    assert 100 < dark < 300


def test_the_second_feed_then_the_diesel_set_saves_storm_pumps(twin, coupled):
    volts, diesel = coupled["power.voltage_pu"], coupled["power.diesel_kw"][STATION_DIESEL]
    pumps = list(twin.district.entities["pumps"].index)
    on = coupled["power.energised"][pumps]
    one_dark, both_dark = (first(volts[feed] == 0.0) for feed in (FIRST_FEED, SECOND_FEED))
    assert one_dark < both_dark
    before = slice(None, both_dark - MINUTE)
    assert (on[before] == 1.0).all(axis=None)
    assert (diesel[before] == 0.0).all()
    after = slice(both_dark + 2 * MINUTE, None)
    assert on[after].sum(axis=1).eq(2.0).all()
    assert diesel[after].between(320.0, 400.0).all()
    assert coupled["drainage.pump_kw"][after].iloc[2:].sum(axis=1).max() == pytest.approx(2 * 165.0)
    assert volts[[FIRST_FEED, SECOND_FEED]].iloc[-1].eq(0.0).all()


def test_fire_fighting_upstairs_is_lost_and_hydrants_in_the_street_keep_their_head(twin, coupled, cut):
    """The district's mains are fed by height, no pump on them: hydrants keep 28 m, which reaches six storeys.

    Above, hoses live on the roof tanks that boosters fill. So what is lost is upstairs, not in the street.
    """
    services = twin.district.entities["water_services"]
    house = services[services["building_code"] == HOUSE].iloc[0]
    assert house["storeys"] - house["direct_storeys"] == 18
    dry = coupled["supply.service_pressure_m"].iloc[-1] <= 0.0
    wet = cut["supply.service_pressure_m"].iloc[-1] <= 0.0
    assert dry[HOUSE]
    assert not wet[HOUSE]
    for result in (coupled, cut):
        assert result["supply.hydrant_m"].iloc[1:].min(axis=None) > 14.0


def test_what_is_drained_served_and_fed_adds_up(coupled):
    assert abs(coupled.balances["drainage"]["mass_error"]) < 0.005
    assert abs(coupled.balances["power"]["balance_error"]) < 1e-6
    assert abs(coupled.balances["supply"]["balance_error"]) < 1e-4
