"""The district as a SUMO model: the same bytes each time, who drives, and whether flows agree with the design."""

import itertools
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin_sandbox.errors import TwinError
from twin_sandbox.world.models import traffic_demand as demand
from twin_sandbox.world.models.traffic import traffic_model
from twin_sandbox.world.models.traffic_network import Streets, links, netconvert, network, plain_xml, read_streets
from twin_sandbox.world.models.traffic_paths import Paths, quickest
from twin_sandbox.world.twin import Twin, open_district

START = pd.Timestamp("2026-07-15 08:00+08:00")


@pytest.fixture(scope="module")
def twin() -> Twin:
    return open_district()


@pytest.fixture(scope="module")
def streets(twin: Twin) -> Streets:
    return read_streets(twin.district)


@pytest.fixture(scope="module")
def paths(streets: Streets) -> Paths:
    return quickest(streets)


def test_the_network_has_the_same_bytes_each_time(streets: Streets, tmp_path: Path) -> None:
    made = netconvert(plain_xml(streets))
    assert network(streets, tmp_path / "networks") == made
    assert network(streets, tmp_path / "networks") == made
    [kept] = (tmp_path / "networks").iterdir()
    assert kept.stat().st_mode & 0o444 == 0o444  # a sandbox reads it as another user
    assert "<!--" not in made
    assert str(tmp_path) not in made


def test_the_network_is_kept_nowhere_if_nothing_may_be_written(streets: Streets, tmp_path: Path) -> None:
    (tmp_path / "networks").write_text("in the way")
    assert network(streets, tmp_path / "networks").startswith("<?xml")


def test_every_street_and_every_signal_is_in_the_network(twin: Twin, streets: Streets) -> None:
    net = ET.fromstring(netconvert(plain_xml(streets)))  # noqa: S314 - made here
    edges = {edge.get("id") for edge in net.iter("edge") if edge.get("function") is None}
    for code in twin.entities["streets"].index:
        assert {code, f"-{code}"} <= edges
    logics = {logic.get("id"): logic for logic in net.iter("tlLogic")}
    for code, row in twin.entities["signals"].iterrows():
        phases = [(float(phase.get("duration", 0)), phase.get("state", "")) for phase in logics[code].iter("phase")]
        assert sum(duration for duration, _ in phases) == row["cycle_s"]
        greens = [duration for duration, state in phases if "g" in state.lower()]
        assert len(greens) == row["phases"]
        served = {k for _, state in phases for k, letter in enumerate(state) if letter in "gG"}
        assert served == set(range(len(phases[0][1])))


def test_no_lane_ends_without_a_way_on(streets: Streets) -> None:
    leaving = {(turn.into, lane) for turn, lane, _ in links(streets)}
    for name, edge in streets.edges.items():
        if any(turn.into == name for turn in streets.turns):
            assert all((name, lane) in leaving for lane in range(edge.lanes)), name


def test_each_driven_trip_of_a_working_day_drives(twin: Twin, streets: Streets, paths: Paths) -> None:
    places = demand.Places(twin.district, streets, paths)
    midnight = pd.Timestamp("2026-07-15 00:00+08:00")
    span_s = (8 * 3600.0, 9 * 3600.0)
    journeys = demand.of_run(twin.district, streets, paths, places, midnight, span_s, "weekday", 0)
    kinds = Counter(journey.kind for journey in journeys)
    trips = twin.district.facts["trips"]
    trips = trips[trips["drives"]]
    late_s = np.where(
        trips["from_place"].str.len() == 1,
        trips["duration_s"] * trips["outside_distance_m"] / trips["distance_m"].clip(lower=1.0),
        0.0,
    )
    appear_s = np.round(trips["depart_s"] + late_s, 1)
    assert kinds["resident"] == int(((appear_s >= span_s[0]) & (appear_s < span_s[1])).sum())
    assert kinds["through"] > 3000
    for journey in journeys[::50]:
        names = [paths.names[edge] for edge in journey.way]
        for one, other in itertools.pairwise(names):
            assert streets.edges[one].end == streets.edges[other].start
    weekend = demand.of_run(twin.district, streets, paths, places, midnight, span_s, "weekend", 0)
    assert Counter(journey.kind for journey in weekend)["resident"] < kinds["resident"]
    # the arterials carry what they were designed for
    flow = Counter(streets.edges[paths.names[edge]].code for journey in journeys for edge in journey.way)
    table = twin.entities["streets"]
    arterial = table[table["street_class"] == "arterial"]["vehicles_per_h"]
    assert sum(flow[code] for code in arterial.index) == pytest.approx(arterial.sum(), rel=0.2)


def test_a_model_is_the_same_for_a_seed_and_another_for_another(twin: Twin) -> None:
    one, again, other = (traffic_model(twin.district, START, 300, seed=seed).files for seed in (1, 1, 2))
    assert one == again
    assert one["vehicles.rou.xml"] != other["vehicles.rou.xml"]
    assert one["net.xml"] == other["net.xml"]


def test_buses_run_by_their_headway(twin: Twin) -> None:
    text = traffic_model(twin.district, START, 3600).files["vehicles.rou.xml"].decode()
    for code, line in twin.entities["bus_lines"].iterrows():
        departures = re.findall(rf'<vehicle id="{code}:(\d+)"', text)
        assert len(departures) == pytest.approx(75 / line["headway_min"], abs=1)


def test_what_cannot_be_modelled_is_refused(twin: Twin) -> None:
    with pytest.raises(TwinError, match="no signal 'SB01'"):
        traffic_model(twin.district, START, 600, junction="SB01")
    with pytest.raises(TwinError, match="horizon_s"):
        traffic_model(twin.district, START, 86_400, micro=True)
    with pytest.raises(TwinError, match="day_kind"):
        traffic_model(twin.district, START, 600, day_kind="doomsday")
