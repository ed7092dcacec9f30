"""Every kind of event, on the sample district, sets an input that exists in the engine it names."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Reality, Scenario, Storm, Tide
from twin_sandbox.world.assemble import EVERY, assemble
from twin_sandbox.world.clock import Clock
from twin_sandbox.world.events import EVENTS, AmbulanceCall
from twin_sandbox.world.models.network import short_names
from twin_sandbox.world.session import effects
from twin_sandbox.world.wiring import read_wiring

START = pd.Timestamp("2026-07-15 17:00+08:00")
NUMBERS = {"factor": 1.2, "coefficient": 0.01, "flow_m3s": 0.01, "opening": 0.5}


def made(district, kind):
    """An event of a kind, of the district's first entity that it can name."""
    given = {}
    for one in fields(kind):
        tables = one.metadata.get("tables", ())
        if tables:
            index = district.entities[tables[0]].index
            code = str(index[len(given)])
            given[one.name] = short_names(district)[code] if tables[0] in ("pumps", "gates") else code
        elif one.name in NUMBERS:
            given[one.name] = NUMBERS[one.name]
    return kind(start=START, end=START + pd.Timedelta(minutes=20), **given)


@pytest.fixture(scope="module")
def scenario(twin):
    events = tuple(made(twin.district, kind) for kind in EVENTS.values())
    for event in events:
        event.check(twin.district)
    return Scenario(
        "everything at once", START, 0.5, storm=Storm.dry(), tide=Tide(0.0, 2.8, START), grid_m=10, engines=EVERY,
        day_kind="weekday", events=events,
    )  # fmt: skip


@pytest.fixture(scope="module")
def engines(twin, scenario):
    made_ = assemble(twin.district, scenario, Reality())
    yield made_
    for engine in made_.values():
        engine.close()


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_reaches_its_engine(twin, scenario, engines, kind):
    event = next(one for one in scenario.events if type(one) is EVENTS[kind])
    if isinstance(event, AmbulanceCall):
        calls = engines["traffic"].model.calls
        assert [(call.at_s, call.from_code, call.to_code) for call in calls] == [(0.0, *event.codes)]
        return
    settings = event.settings(twin.district)
    assert settings
    for setting in settings:
        port = engines[setting.engine].takes[setting.port]
        assert set(setting.codes) <= set(port.codes)
    found = [one for one in effects(scenario, twin.district, engines) if (one.engine, one.takes) == (
        settings[0].engine, settings[0].port)]  # fmt: skip
    assert found
    assert all(np.isfinite(one.value) for one in found)


def test_the_clock_takes_them_all_and_engines_run_with_them(twin, scenario, engines):
    wiring = read_wiring().among(engines)
    clock = Clock(engines, wiring, scenario.horizon_s, 300, effects(scenario, twin.district, engines))
    clock.start()
    clock.advance(600)
    assert clock.time_s == 600
    events = {type(event).__name__: event for event in scenario.events}
    shut = engines["traffic"].gives["speed_kmh"].codes.index(events["StreetClosed"].street)
    assert clock.tracks is not None
    assert clock.tracks.array("traffic.vehicles")[1, shut] <= clock.tracks.array("traffic.vehicles")[0, shut] + 1.0
    hydrant = engines["supply"].gives["fire_flow_m3s"].codes.index(events["Fire"].hydrant)
    assert clock.tracks.array("supply.fire_flow_m3s")[1, hydrant] > 0.005
    gate = engines["drainage"].gives["setting"].codes.index("gate_1")
    assert clock.tracks.array("drainage.setting")[1, gate] == pytest.approx(0.5, abs=0.01)
    home = engines["people"].gives["occupants"].codes.index(events["Evacuation"].building)
    assert clock.tracks.array("people.occupants")[1, home] == 0.0
