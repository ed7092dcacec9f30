"""The ledger, what devices report, how they fail, and the store."""

import json

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError, faults
from twin_sandbox.entities.schema.things import STATES
from twin_sandbox.generate import build_district
from twin_sandbox.generate.build import sample_recipe
from twin_sandbox.things.ledger import COLUMNS
from twin_sandbox.things.observation import observe, quantised
from twin_sandbox.things.store import Store

TIMES = pd.date_range("2026-07-18 18:00", periods=73, freq="5min", tz="Asia/Shanghai")


def streams(seed: int = 1) -> dict[str, np.random.Generator]:
    return {"noise": np.random.default_rng(seed), "faults": np.random.default_rng(seed + 100)}


@pytest.fixture
def ramp() -> pd.Series:
    return pd.Series(np.linspace(1.0, 2.0, len(TIMES)), index=TIMES)


def test_the_ledger_has_a_row_a_datastream(twin):
    things = twin.things
    assert things.index.is_unique
    assert {"rain_gauge", "tide_gauge", "level_sensor", "street_depth", "pump_status"} <= set(things["kind"])
    assert tuple(things.columns) == COLUMNS
    assert things.notna().all(axis=None)
    nodes = set(twin.entities["junctions"].index) | set(twin.entities["storages"].index)
    assert set(things[things["kind"] == "level_sensor"]["host"]) <= nodes


def test_the_devices_of_the_drains_come_first_and_are_in_service(twin, ten_year_night):
    """Labs draw noise in the order of the ledger: whoever adds a device adds it behind these."""
    first = twin.things.iloc[:24]
    names = [("rain", 2), ("tide", 1), ("level", 7), ("depth", 11), ("pump", 3)]
    assert list(first.index) == [f"{name}-{k:02d}" for name, count in names for k in range(1, count + 1)]
    assert set(first["state"]) == {"in service"}
    table = twin.observe(ten_year_night, np.random.default_rng(3))
    assert list(table["datastream"].unique()[:24]) == list(first.index)


def test_devices_hang_where_their_kind_belongs(twin):
    things, entities = twin.things, twin.entities
    for kind, table in (
        ("lamp_controller", "poles"), ("hydrant_pressure", "hydrants"), ("transformer_monitor", "transformers"),
        ("methane_sensor", "tunnel_chambers"), ("signal_controller", "signals"), ("gate_actuator", "gates"),
    ):  # fmt: skip
        hosts = set(things.loc[things["kind"] == kind, "host"])
        assert hosts <= set(entities[table].index), kind
        assert len(hosts) == things.loc[things["kind"] == kind, "code"].nunique(), kind
    lamps = things[things["kind"] == "lamp_controller"].drop_duplicates("code").set_index("host")
    poles = entities["poles"].geometry.loc[lamps.index]
    assert np.hypot(poles.x - lamps["x_m"], poles.y - lamps["y_m"]).max() < 0.02


def test_the_ledger_knows_devices_in_every_state(twin):
    devices = twin.entities["devices"]
    assert set(devices["state"]) == set(STATES)
    assert (devices.loc[devices["state"] == "retired", "valid_to"] < "2026-06-01").all()
    assert (devices.loc[devices["state"] == "planned", "valid_from"] > "2026-06-01").all()


def test_a_recipe_places_no_device_that_is_spread(tmp_path):
    text = sample_recipe().read_text(encoding="utf-8").replace('kind = "wave_buoy"', 'kind = "lamp_controller"')
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TwinError, match=r"device\[0\].kind: 'lamp_controller'"):
        build_district(tmp_path / "recipe.toml", tmp_path / "out")


def test_observations_are_quantised_and_within_range(twin, ten_year_night):
    table = twin.observe(ten_year_night, np.random.default_rng(3))
    assert list(table.columns) == ["datastream", "time", "value"]
    assert str(table["time"].dt.tz) == "Asia/Shanghai"
    things = twin.things
    for name, part in table.groupby("datastream"):
        steps = part["value"] / things.loc[name, "resolution"]
        assert np.allclose(steps, steps.round(), atol=1e-6)
        half = things.loc[name, "resolution"] / 2
        assert part["value"].between(things.loc[name, "range_low"] - half, things.loc[name, "range_high"] + half).all()
        assert len(part) == len(ten_year_night.times)


def test_a_sound_level_sensor_errs_by_a_centimetre(twin, ten_year_night):
    """White noise of 1 cm and a resolution of 1 cm: standard deviation √(1² + 1²/12) = 1.04 cm."""
    table = twin.observe(ten_year_night, np.random.default_rng(5))
    name = "level-03"
    seen = table[table["datastream"] == name].set_index("time")["value"]
    error = seen - ten_year_night.water.levels_m[twin.things.loc[name, "host"]]
    wet = error[seen > twin.things.loc[name, "range_low"] + 0.05]
    assert wet.std() == pytest.approx(0.0104, rel=0.35)


def test_rain_gauges_add_up_to_the_storm(twin, ten_year_night):
    """5 % noise on each of 24 wet values leaves at most about 3 % on the sum."""
    table = twin.observe(ten_year_night, np.random.default_rng(7))
    depth_mm = table[table["datastream"] == "rain-01"]["value"].sum() * 300 / 3600
    assert depth_mm == pytest.approx(ten_year_night.scenario.storm.depth_mm, rel=0.06)


def test_a_fault_on_one_device_changes_no_other(twin, ten_year_night):
    sound = observe(twin.district, ten_year_night, streams()).table
    faulty = observe(
        twin.district, ten_year_night, streams(), [faults.Gap("level-01", 3), faults.Drift("level-02")]
    ).table
    others = ~sound["datastream"].isin(["level-01", "level-02"])
    pd.testing.assert_frame_equal(
        sound[others].reset_index(drop=True),
        faulty[~faulty["datastream"].isin(["level-01", "level-02"])].reset_index(drop=True),
        check_exact=True,
    )


def test_the_truth_of_the_faults_is_plain_data_and_stays_out_of_the_table(twin, ten_year_night):
    given = [faults.Stuck("level-02"), faults.ClockSkew("depth-01"), faults.Spike("level-04"), faults.Bias("tide-01")]
    observed = observe(twin.district, ten_year_night, streams(), given)
    told = {(fault["datastream"], fault["fault"]) for fault in json.loads(json.dumps(observed.truth))}
    assert {("level-02", "stuck"), ("depth-01", "clockskew"), ("level-04", "spike"), ("tide-01", "bias")} <= told
    assert observed.table.attrs == {}
    again = observe(twin.district, ten_year_night, streams(), given)
    pd.testing.assert_frame_equal(again.table, observed.table, check_exact=True)


def test_a_fault_of_no_device_is_refused(twin, ten_year_night):
    with pytest.raises(TwinError, match="level-99"):
        twin.observe(ten_year_night, np.random.default_rng(1), [faults.Bias("level-99")])


def test_noise_has_its_stated_spread(ramp):
    long = pd.Series(0.0, index=pd.date_range("2026-01-01", periods=20_000, freq="1min", tz="UTC"))
    noisy = faults.apply(long, faults.Noise("x", 0.02), np.random.default_rng(1)).series
    # Standard error of a standard deviation: σ/√(2n) = 0.5 %; four of them.
    assert noisy.std() == pytest.approx(0.02, rel=0.02)
    relative = faults.apply(ramp * 0 + 100, faults.Noise("x", 0.05, relative=True), np.random.default_rng(1)).series
    assert 3 < relative.std() < 7


def test_a_drift_grows_by_its_rate_from_its_beginning(ramp):
    out, truth = faults.apply(ramp, faults.Drift("x", rate_per_h=0.1, begins=0.5), np.random.default_rng(1))
    # 6 h in all; from 3 h on 0.1 an hour, so 0.3 at the end.
    assert (out - ramp).iloc[-1] == pytest.approx(0.3)
    assert (out - ramp).iloc[:36].abs().max() == 0.0
    assert truth == {
        "datastream": "x", "fault": "drift", "rate_per_h": 0.1, "begins": 0.5, "first": TIMES[36].isoformat(),
    }  # fmt: skip


def test_a_stuck_value_is_repeated_and_then_free(ramp):
    out, truth = faults.apply(ramp, faults.Stuck("x", begins=0.25, lasts=0.5), np.random.default_rng(1))
    stuck = out.loc[truth["first"] : truth["last"]]
    assert (stuck == stuck.iloc[0]).all()
    assert len(stuck) == 37
    assert out.iloc[-1] == ramp.iloc[-1]


def test_gaps_lose_values_and_say_how_many(ramp):
    out, truth = faults.apply(ramp, faults.Gap("x", count=2, mean_minutes=30), np.random.default_rng(4))
    assert len(out) == len(ramp) - truth["lost"]
    assert truth["lost"] >= 1
    for outage in truth["outages"]:
        assert out.loc[outage["first"] : outage["last"]].empty


def test_a_bias_a_spike_and_a_wrong_clock(ramp):
    rng = np.random.default_rng(2)
    assert (faults.apply(ramp, faults.Bias("x", 0.2), rng).series - ramp).to_numpy() == pytest.approx(0.2)
    spiked, truth = faults.apply(ramp, faults.Spike("x", mean_count=5, size=2.0), rng)
    changed = (spiked - ramp).abs() > 1e-9
    assert changed.sum() == len(truth["times"])
    assert (spiked - ramp)[changed].abs().between(1.0, 2.0).all()
    late = faults.apply(ramp, faults.ClockSkew("x", 900), rng).series
    assert late.index[0] - ramp.index[0] == pd.Timedelta(minutes=15)
    assert late.to_numpy().tolist() == ramp.to_numpy().tolist()


@pytest.mark.parametrize("kind", [faults.Drift, faults.Bias, faults.Stuck, faults.Gap, faults.Spike, faults.ClockSkew])
def test_what_is_left_open_is_drawn_and_the_series_given_stays(ramp, kind):
    kept = ramp.copy()
    first = faults.apply(ramp, kind("x"), np.random.default_rng(1))
    second = faults.apply(ramp, kind("x"), np.random.default_rng(2))
    assert first.truth != second.truth
    pd.testing.assert_series_equal(ramp, kept)


@pytest.mark.parametrize(
    "wrong", [faults.Noise("x", -1.0), faults.Stuck("x", begins=2.0), faults.Gap("x", -1), faults.Spike("x", -1)]
)
def test_faults_that_make_no_sense_are_refused(ramp, wrong):
    with pytest.raises(TwinError):
        faults.apply(ramp, wrong, np.random.default_rng(1))


def test_quantised_values_have_no_crumbs():
    assert quantised(np.array([0.123, -0.004, 2.675]), 0.01).tolist() == [0.12, 0.0, 2.68]
    assert quantised(np.array([12.34]), 0.2).tolist() == [12.4]
    assert not np.signbit(quantised(np.array([-0.001]), 0.01)[0])


def test_the_store_keeps_each_observation_once(twin, ten_year_night, tmp_path):
    table = twin.observe(ten_year_night, np.random.default_rng(1))
    with Store(tmp_path / "night.db") as store:
        assert store.add(table) == len(table)
        assert store.add(table.assign(value=-1.0)) == 0
        back = store.read("level-03")
        assert back["value"].tolist() == table[table["datastream"] == "level-03"]["value"].tolist()
        assert back["time"].tolist() == table[table["datastream"] == "level-03"]["time"].tolist()
        hour = store.read("level-03", begin="2026-07-18T20:00+08:00", end="2026-07-18T13:00Z")
        assert len(hour) == 12
        assert len(store.latest()) == table["datastream"].nunique() >= 24
    with Store(tmp_path / "night.db") as store:
        assert len(store.read()) == len(table)


def test_the_store_refuses_what_it_cannot_keep(tmp_path):
    with Store(":memory:") as store:
        with pytest.raises(TwinError, match="lack value"):
            store.add(pd.DataFrame({"datastream": ["a"], "time": [TIMES[0]]}))
        with pytest.raises(TwinError, match="time zone"):
            store.add(pd.DataFrame({"datastream": ["a"], "time": [TIMES[0].tz_localize(None)], "value": [1.0]}))
        assert store.read().empty
    (tmp_path / "text.db").write_text("not a database, only a long enough line of text" * 30, encoding="utf-8")
    with pytest.raises(TwinError, match="not a database"):
        Store(tmp_path / "text.db")
