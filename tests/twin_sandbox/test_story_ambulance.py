"""Storm → sewers surcharge → streets under water → streets shut or slow → an ambulance takes longer.

17:10  it begins to rain: a storm of 100 years in an hour, its peak at 17:34
17:33  the sewer under Lotus Underpass is full to the street
17:36  water stands deeper than 0.27 m in the underpass: the police shut it, and 13 other streets by 17:42
17:45  vehicles drive 10 km/h where it was 24, and queue in the streets that are open
17:50  an ambulance is called from the emergency centre to Lighthouse Avenue 7: another way, and queues on it;
       122 s in the dry, 610 s now
18:10  on from there to the hospital: 109 s in the dry, 169 s now

with the wire from street depth to traffic cut, the storm is the same and the ambulance as quick as in the dry
"""

import numpy as np
import pandas as pd
import pytest

from twin_sandbox.views.stories import SHUT_M, UNDERPASS, first, journeys, play

CUT = "drainage.street_depth_m"


@pytest.fixture(scope="module")
def wet(twin):
    return play(twin, "story_ambulance")


@pytest.fixture(scope="module")
def cut(twin):
    return play(twin, "story_ambulance", CUT)


def surcharged(twin, result):
    """First moment at which a manhole's water stands at its rim, within 60 m of the underpass."""
    junctions = twin.district.entities["junctions"]
    street = twin.district.entities["streets"].geometry[UNDERPASS]
    near = [code for code in junctions.index[junctions.distance(street) < 60] if code in result["drainage.level_m"]]
    return first((result["drainage.level_m"][near] >= junctions["rim_m"][near] - 0.01).any(axis=1))


def test_sewers_surcharge_then_the_street_drowns_then_it_is_shut_then_the_call_comes(twin, wet):
    depth = wet["drainage.street_depth_m"][UNDERPASS]
    rain = first(wet.scenario.rain_mm_h() > 0)
    full, shut = surcharged(twin, wet), first(depth > SHUT_M)
    crawl = first(wet["traffic.speed_kmh"][UNDERPASS] < 3.0)
    called = wet.scenario.events[0].start
    assert rain < full <= shut < called
    assert abs(crawl - shut) <= pd.Timedelta(minutes=5)
    assert depth[full - pd.Timedelta(minutes=2)] < 0.1
    assert wet["traffic.vehicles"][UNDERPASS].iloc[-1] == 0.0  # who was in it has left; nobody is sent in
    assert shut - rain < pd.Timedelta(minutes=40)
    assert depth.max() > 1.0  # an underpass in a storm of 100 years (GB 50014-2021's kind of design)


def test_an_ambulance_takes_longer_through_water_and_by_another_way(wet, cut):
    for slow, quick in zip(journeys(wet), journeys(cut), strict=True):
        assert (slow.from_code, slow.to_code) == (quick.from_code, quick.to_code)
        assert slow.travel_s > 1.3 * quick.travel_s
        assert slow.distance_m > quick.distance_m
        assert slow.edges != quick.edges
    there, _ = journeys(wet)
    assert there.travel_s > 3.0 * journeys(cut)[0].travel_s
    depth = wet["drainage.street_depth_m"]
    # diverted on its way, it goes on from where it is: no piece of street is driven twice, nothing is jumped over
    assert len(set(there.edges)) == len(there.edges)
    assert np.hypot(*np.diff(there.track[:, 1:], axis=0).T).max() < 320.0  # the longest street
    driven = {edge.removeprefix("-") for edge in there.edges}
    at_call = depth.loc[there.called_s // 60 * pd.Timedelta(minutes=1) + depth.index[0]]
    assert (at_call.reindex(sorted(driven & set(depth.columns))) <= SHUT_M).all()


def test_streets_shut_slow_everyone_and_no_vehicle_is_lost(wet, cut):
    assert wet.balances["traffic"]["vehicles_error"] == 0.0
    assert cut.balances["traffic"]["removed"] == 0.0
    arrived = wet.balances["traffic"]["arrived"] / cut.balances["traffic"]["arrived"]
    assert arrived < 0.85
    assert wet["traffic.queue_m"].iloc[-1].sum() > 3 * cut["traffic.queue_m"].iloc[-1].sum()


def test_with_the_wire_cut_the_storm_is_the_same_and_traffic_as_in_the_dry(twin, wet, cut):
    """Byte for byte: drainage does not feel traffic, and traffic without water is traffic alone."""
    for quantity in (q for q in wet.quantities if q.startswith("drainage.")):
        assert np.array_equal(wet.tracks.array(quantity), cut.tracks.array(quantity)), quantity
    alone = play(twin, "story_ambulance", engines=("traffic",))
    for quantity in alone.quantities:
        assert np.array_equal(cut.tracks.array(quantity), alone.tracks.array(quantity), equal_nan=True), quantity
