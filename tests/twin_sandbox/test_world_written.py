"""What is written down of a run: taken up where it was, run again to the same bytes, and nothing believed unseen."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Reality, Scenario
from twin_sandbox.errors import TwinError
from twin_sandbox.world.events import Fire
from twin_sandbox.world.session import Session, state_hash
from twin_sandbox.world.written import found_hash, reality_from, reality_told, run_again, save_result

START = pd.Timestamp("2026-07-15T06:00+08:00")


@pytest.fixture(scope="module")
def scenario(twin):
    hydrant = str(twin.entities["hydrants"].index[3])
    fire = Fire(start=START + pd.Timedelta("20min"), end=START + pd.Timedelta("40min"), hydrant=hydrant, flow_m3s=0.015)
    return Scenario("a fire", START, 1.0, engines=("supply", "power"), events=(fire,))


def valve(twin):
    return str(twin.entities["water_valves"].index[5])


def test_a_session_is_taken_up_where_it_was_and_ends_alike(twin, scenario, tmp_path):
    with twin.session(scenario) as session:
        session.step({"supply.valve_open": {valve(twin): 0.0}})
        session.step()
        path = session.save(tmp_path / "stopped.json")
        session.step({"supply.valve_open": {valve(twin): math.nan}})
        whole = session.result()
    with twin.resume(path) as again:
        assert again.time == START + pd.Timedelta("10min")
        again.step({"supply.valve_open": {valve(twin): math.nan}})
        taken_up = again.result()
    assert found_hash(taken_up) == found_hash(whole)
    assert len(taken_up.log) == len(whole.log) == 2


def test_a_run_is_written_with_all_that_it_takes_to_run_it_again_to_the_same_bytes(twin, scenario, tmp_path):
    reality = Reality(demand_factor={"residential": 1.2})
    with Session(twin.district, scenario, reality) as session:
        session.step({"supply.valve_open": {valve(twin): 0.0}})
        result = session.result()
        folder = save_result(result, session.wiring, tmp_path / "run")
    told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert told["versions"]["owa-epanet"] == "2.3.5"
    assert told["seed"] == 0
    assert told["balances"]["supply"]["balance_error"] < 1e-3
    assert "fire" in (folder / "scenario.yaml").read_text(encoding="utf-8")
    assert np.array_equal(np.load(folder / "found.npy"), result.tracks.block, equal_nan=True)
    again = run_again(twin.district, folder)
    assert found_hash(again) == told["found_sha256"]
    assert again["supply.fire_flow_m3s"].max().max() == pytest.approx(0.015, rel=1e-3)


def test_a_changed_commands_file_is_noticed(twin, scenario, tmp_path):
    with twin.session(scenario) as session:
        session.step({"supply.valve_open": {valve(twin): 0.0}})
        path = session.save(tmp_path / "stopped.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    told["log"] = []
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(TwinError, match=r"something else than when it was saved.*The file was changed"):
        twin.resume(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.pop("state_sha256"), "a finished run, no saved session"),
        (lambda told: told.update(district="0" * 64), "another district"),
        (lambda told: told.update(format="recipe"), "no run of a twin"),
        (lambda told: told.update(reality={"colour": 1}), "'colour'"),
        (lambda told: told.update(wiring={"wires": [{"from": 1}], "every_s": {}}), "saved wiring.*damaged"),
        (lambda told: told.update(log=[{"time_s": 0}]), "saved commands.*damaged"),
    ],
)
def test_what_is_no_saved_session_is_refused(twin, scenario, tmp_path, change, words):
    with twin.session(scenario) as session:
        path = session.save(tmp_path / "stopped.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(TwinError, match=words):
        twin.resume(path)


def test_a_missing_or_broken_file_is_refused(twin, tmp_path):
    with pytest.raises(TwinError, match="cannot be read"):
        twin.resume(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(TwinError, match="no JSON"):
        twin.resume(tmp_path / "broken.json")


def test_a_folder_that_holds_something_else_is_left_alone(twin, scenario, tmp_path):
    (tmp_path / "letters.txt").write_text("mine", encoding="utf-8")
    with twin.session(scenario) as session:
        result = session.result()
        with pytest.raises(TwinError, match="holds something else"):
            save_result(result, session.wiring, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_reality_survives_being_told():
    reality = Reality(leak_coefficient={"X": 0.01}, outages=(("Y", 1.0, 2.0),), closed_valves=("Z",), surge_m=0.3)
    assert reality_from(json.loads(json.dumps(reality_told(reality)))) == reality


def test_the_state_tells_two_moments_apart(twin, scenario):
    with twin.session(scenario) as session:
        before = state_hash(session.clock)
        session.step()
        assert state_hash(session.clock) != before
