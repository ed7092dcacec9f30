"""Typical curves for every kind of device, and faults for a whole district."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError, faults
from twin_sandbox.things import messages as sending
from twin_sandbox.things.draw import ALONE, RATES, draw_faults
from twin_sandbox.things.ledger import REPORTING
from twin_sandbox.things.messages import messages
from twin_sandbox.things.observation import observe
from twin_sandbox.things.reference import CURVES, REGISTERS, reference_observations, reference_signal

START = "2026-07-18T00:00+08:00"


def day(quantity: str, minutes: int = 5) -> pd.Series:
    times = pd.date_range(START, periods=24 * 60 // minutes, freq=f"{minutes}min").tz_convert("Asia/Shanghai")
    return reference_signal(quantity, times, np.random.default_rng(1))


@pytest.fixture(scope="module")
def usual_day(twin):
    return reference_observations(twin.district, START, 24, np.random.default_rng(1)).table


def test_every_kind_that_reports_has_a_usual_day(twin, usual_day):
    things = twin.things
    reporting = things[things["state"].isin(REPORTING)]
    assert set(things["quantity"]) - set(CURVES) == {"water level"}
    assert set(usual_day["datastream"]) == set(reporting.index[reporting["quantity"] != "water level"])
    assert usual_day["value"].notna().all()


def test_values_keep_range_and_resolution_and_come_at_their_interval(twin, usual_day):
    things = twin.things
    for name, part in usual_day.groupby("datastream"):
        row = things.loc[name]
        assert part["value"].between(row["range_low"], row["range_high"]).all()
        steps = part["value"] / row["resolution"]
        assert np.allclose(steps, steps.round(), atol=1e-4)
        assert len(part) == 86400 // row["interval_s"]
        assert (part["time"].diff().dropna() == pd.Timedelta(seconds=row["interval_s"])).all()


def test_typical_curves_keep_well_inside_the_ranges(twin):
    """A curve that clips would be a flat line that no device shows."""
    for name, row in twin.things[twin.things["quantity"].isin(CURVES)].iterrows():
        curve = CURVES[row["quantity"]]
        assert row["range_low"] <= curve.low <= curve.high <= row["range_high"], name


def test_a_day_of_traffic_has_its_peak_hour_share():
    """The greatest hour of a day holds 8 to 11 % of it."""
    flow = day("vehicle flow")
    hours = flow.resample("1h").mean()
    assert 0.08 <= hours.max() / hours.sum() <= 0.11


def test_the_sun_is_down_at_night_and_warmth_follows_it():
    sun = day("global irradiance")
    assert sun.between_time("20:30", "04:00").max() == 0.0
    assert 11 <= sun.idxmax().hour <= 13
    warm = day("air temperature")
    assert 14 <= warm.idxmax().hour <= 15
    assert 4 <= warm.idxmin().hour <= 5


@pytest.mark.parametrize("quantity", REGISTERS)
def test_registers_never_run_back(quantity):
    times = pd.date_range(START, periods=3 * 96, freq="15min").tz_convert("Asia/Shanghai")
    assert (reference_signal(quantity, times, np.random.default_rng(3)).diff().dropna() >= 0).all()


def test_devices_of_a_kind_differ_and_the_same_stream_gives_the_same(twin, usual_day):
    pressures = usual_day[usual_day["datastream"].str.startswith("pressure-")]
    means = pressures.groupby("datastream")["value"].mean()
    assert means.nunique() == len(means)
    again = reference_observations(twin.district, START, 24, np.random.default_rng(1)).table
    pd.testing.assert_frame_equal(again, usual_day)


def test_reference_observations_refuse_what_makes_no_sense(twin):
    rng = np.random.default_rng(1)
    with pytest.raises(TwinError, match="time zone"):
        reference_observations(twin.district, "2026-07-18", 24, rng)
    for hours in (0, -1, 1e9, float("nan")):
        with pytest.raises(TwinError, match="hours"):
            reference_observations(twin.district, START, hours, rng)
    with pytest.raises(TwinError, match="longer record"):
        reference_observations(twin.district, START, 0.01, rng)
    with pytest.raises(TwinError, match="level-01"):
        reference_observations(twin.district, START, 1, rng, [faults.Bias("level-01")])
    with pytest.raises(TwinError, match="no curve"):
        reference_signal("mood", pd.date_range(START, periods=2, freq="1h"), rng)


def test_a_run_of_the_drains_is_reported_by_their_devices_and_those_that_watch_the_weather(twin, ten_year_night):
    table = observe(twin.district, ten_year_night, np.random.default_rng(1)).table
    assert set(twin.things.loc[table["datastream"].unique(), "kind"]) == {
        "rain_gauge", "tide_gauge", "level_sensor", "street_depth", "pump_status", "gate_actuator", "weather_station",
    }  # fmt: skip


def test_faults_of_a_district_come_at_their_rates(twin):
    """Ten draws over 261 datastreams: each count within four standard deviations of n·p."""
    drawn = [draw_faults(np.random.default_rng(seed), twin.things, 24) for seed in range(10)]
    number = 10 * len(twin.things)
    for kind in ("Gap", "Stuck", "ClockSkew", "Duplicate", "Late", "OutOfOrder", "PoisonMessage"):
        count = sum(type(fault).__name__ == kind for lying, sent in drawn for fault in (*lying, *sent))
        wanted = number * RATES[kind]
        spread = 4 * (wanted * (1 - RATES[kind])) ** 0.5
        # drift and bias, which come before stuck, leave it a little less room
        assert wanted * (0.9 if kind == "Stuck" else 1.0) - spread < count < wanted + spread, kind


def test_drawn_faults_are_settled_and_can_be_applied(twin):
    things = twin.things
    lying, sent = draw_faults(np.random.default_rng(5), things, 24, rates=dict.fromkeys(RATES, 0.3))
    assert (lying, sent) == draw_faults(np.random.default_rng(5), things, 24, rates=dict.fromkeys(RATES, 0.3))
    assert {type(fault).__name__ for fault in (*lying, *sent)} == set(RATES)
    assert all(value is not None for fault in (*lying, *sent) for value in asdict(fault).values())
    alone = [fault.datastream for fault in (*lying, *sent) if type(fault).__name__ in ALONE]
    assert len(alone) == len(set(alone))
    switches = set(things.index[things["resolution"] >= things["range_high"] - things["range_low"]])
    assert not switches & {f.datastream for f in lying if isinstance(f, faults.Drift | faults.Bias | faults.Spike)}
    for fault in sent:
        if isinstance(fault, sending.SwappedIdentity):
            assert things.loc[fault.datastream, "quantity"] == things.loc[fault.other, "quantity"]
    reporting = things[things["state"].isin(REPORTING) & things["quantity"].isin(CURVES)].index
    heard = [fault for fault in lying if fault.datastream in reporting]
    observed = reference_observations(twin.district, START, 6, np.random.default_rng(2), heard)
    told = {(row["datastream"], row["fault"]) for row in observed.truth}
    assert {(fault.datastream, type(fault).__name__.lower()) for fault in heard} <= told
    names = set(observed.table["datastream"])
    on_way = [f for f in sent if f.datastream in names and getattr(f, "other", f.datastream) in names]
    assert messages(things, observed.table, np.random.default_rng(3), on_way).truth


def test_a_rate_changed_for_one_kind_shifts_no_other(twin):
    few = draw_faults(np.random.default_rng(5), twin.things, 24)[1]
    many = draw_faults(np.random.default_rng(5), twin.things, 24, rates={**RATES, "Late": 0.9})[1]
    assert [f for f in few if not isinstance(f, sending.Late)] == [f for f in many if not isinstance(f, sending.Late)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kinds": ["Gremlin"]}, "Gremlin"),
        ({"rates": {**RATES, "Gap": 2.0}}, "share"),
        ({"hours": 0.0}, "hours"),
    ],
)
def test_draws_that_make_no_sense_are_refused(twin, given, words):
    with pytest.raises(TwinError, match=words):
        draw_faults(**{"rng": np.random.default_rng(1), "things": twin.things, "hours": 24.0, **given})
