"""Storms, tides, scenarios and realities."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from twin_sandbox import Reality, Scenario, Storm, Tide, TwinError


@pytest.mark.parametrize(
    ("city", "return_period_a", "depth_mm"),
    [
        # Suzhou 2025, 2 h: 62, 84, 118, 156 mm for 2, 5, 20, 100 a; Shanghai DB31/T 1043-2017: 60, 76, 101, 129 mm.
        *(("suzhou", p, d) for p, d in ((2, 62), (5, 84), (20, 118), (100, 156))),
        *(("shanghai", p, d) for p, d in ((2, 60), (5, 76), (20, 101), (100, 129))),
    ],
)
def test_a_design_storm_has_its_published_depth(city, return_period_a, depth_mm):
    assert Storm.chicago(return_period_a, 120, city=city).depth_mm == pytest.approx(depth_mm, abs=0.5)


def test_the_depth_of_a_chicago_storm_does_not_depend_on_its_step():
    """H(120) = A (1 + C lg P) t / (t + b)^n = 17.969 · 2.24 · 120 / 138.415^0.785 = 100.72 mm for Suzhou, P = 10 a."""
    expected = 17.969 * 2.24 * 120 / 138.415**0.785
    for step_s in (60, 300, 600):
        assert Storm.chicago(10, step_s=step_s).depth_mm == pytest.approx(expected, rel=1e-12)


def test_a_chicago_storm_peaks_where_it_should_and_every_window_around_is_a_design_storm():
    """The wettest t minutes hold H(t): for t = 30 min, 17.969 · 2.24 · 30 / 48.415^0.785 = 57.4 mm."""
    storm = Storm.chicago(10, 120, 0.4)
    assert int(np.argmax(storm.intensity_mm_h)) in (47, 48)
    wettest = np.convolve(storm.intensity_mm_h / 60.0, np.ones(30), "valid").max()
    assert wettest == pytest.approx(17.969 * 2.24 * 30 / 48.415**0.785, rel=0.002)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"return_period_a": 0}, "return_period_a"),
        ({"return_period_a": float("nan")}, "return_period_a"),
        ({"duration_min": 5}, "duration_min"),
        ({"peak_share": 1.0}, "peak_share"),
        ({"city": "atlantis"}, "city"),
        ({"step_s": 7}, "step_s"),
    ],
)
def test_a_storm_that_no_formula_knows_is_refused(changes, named):
    with pytest.raises(TwinError, match=named):
        Storm.chicago(**{"return_period_a": 5, **changes})


@pytest.mark.parametrize("values", [[-1.0], [np.nan], [np.inf], [5000.0], [], [[1.0]]])
def test_rain_that_never_falls_is_refused(values):
    with pytest.raises(TwinError, match="intensity_mm_h"):
        Storm(60, np.array(values))


def test_a_storm_from_a_series_takes_its_step_from_the_times():
    times = pd.date_range("2026-07-18", periods=3, freq="5min", tz="Asia/Shanghai")
    storm = Storm.from_series(pd.Series([12.0, 24.0, 0.0], index=times))
    assert (storm.step_s, storm.depth_mm) == (300, pytest.approx(3.0))
    assert storm == Storm.from_series([12.0, 24.0, 0.0], step_s=300)
    assert storm != Storm.dry()
    with pytest.raises(TwinError, match="evenly"):
        Storm.from_series(pd.Series([1.0, 2.0, 3.0], index=times[[0, 1, 1]] + pd.to_timedelta([0, 0, 60], "s")))
    with pytest.raises(TwinError, match="no step"):
        Storm.from_series([1.0, 2.0])


def test_a_storm_cannot_be_changed_from_outside():
    values = np.ones(3)
    storm = Storm(60, values)
    values[0] = 9.0
    assert storm.intensity_mm_h.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        storm.intensity_mm_h[0] = 9.0


def test_the_tide_comes_back_after_twelve_hours_and_twenty_five_minutes():
    """Period 12.42 h; high water mean + surge + range/2 = 0.2 + 0.5 + 1.4 = 2.1 m, low water 6.21 h later at −0.7 m."""
    high = pd.Timestamp("2026-07-18 20:00+08:00")
    tide = Tide(0.2, 2.8, high, surge_m=0.5)
    at = high + pd.to_timedelta([0, 6.21, 12.42, 3.105], "h")
    assert tide.level_m(at) == pytest.approx([2.1, -0.7, 2.1, 0.7], abs=1e-9)


def test_a_tide_reads_utc_and_beijing_as_the_same_moment():
    beijing, utc = (Tide(0, 2.8, pd.Timestamp(text)) for text in ("2026-07-18 20:00+08:00", "2026-07-18 12:00+00:00"))
    assert beijing == utc


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((0, 2.8, "2026-07-18 20:00"), "time zone"),
        ((0, 2.8, "noon"), "not a time"),
        ((99, 2.8, "2026-07-18T12Z"), "mean_m"),
    ],
)
def test_a_tide_of_no_sea_is_refused(given, named):
    with pytest.raises(TwinError, match=named):
        Tide(*given)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"start": pd.Timestamp("2026-07-18 18:00")}, "time zone"),
        ({"horizon_h": 0}, "horizon_h"),
        ({"horizon_h": 100}, "horizon_h"),
        ({"report_step_s": 7}, "report_step_s"),
        ({"report_step_s": 1260}, "report_step_s"),
        ({"pumps": "maybe"}, "pumps"),
        ({"storm": 5}, "storm"),
        ({"tide": None}, "tide"),
        ({"storm_start": pd.Timestamp("2026-07-18 17:00+08:00")}, "storm_start"),
        ({"storm_start": pd.Timestamp("2026-07-19 18:00+08:00")}, "storm_start"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(night, changes, named):
    with pytest.raises(TwinError, match=named):
        night(**changes)


def test_rain_is_told_as_the_mean_since_the_moment_before(night):
    scenario = night(10)
    rain = scenario.rain_mm_h()
    assert rain.iloc[0] == 0.0
    assert rain.sum() * scenario.report_step_s / 3600 == pytest.approx(scenario.storm.depth_mm, rel=1e-12)
    assert scenario.rain_depth_mm(scenario.start, scenario.end) == pytest.approx(scenario.storm.depth_mm)
    assert len(scenario.times()) == 73
    assert scenario.times()[-1] == scenario.end


@pytest.mark.parametrize(
    "wrong",
    [{"trunk_roughness_n": 0.5}, {"blockage": {"X": 0.0}}, {"inlet_factor": 0.0}, {"pump_efficiency": float("nan")}],
)
def test_a_reality_out_of_all_measure_is_refused(wrong):
    with pytest.raises(TwinError, match=next(iter(wrong))):
        Reality(**wrong)


def test_a_reality_is_plain_data():
    reality = Reality(trunk_roughness_n=0.02, blockage={"X": 0.5})
    assert Reality(**dataclasses.asdict(reality)) == reality


def test_two_scenarios_of_the_same_night_are_equal(night):
    assert night(5) == night(5)
    assert night(5) != night(6)
    assert isinstance(night(5), Scenario)
