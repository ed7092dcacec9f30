"""Weather from the climate, of extreme days, and from arrays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin_sandbox import TwinError
from twin_sandbox.world.weather import _LIMITS, QUANTITIES, Weather

DAY_S = 86_400
JULY = "2026-07-18 00:00+08:00"


def still(count=25, step_s=3600, **changes):
    """A day of 20 °C without sun or wind."""
    zeros = np.zeros(count)
    given_ = {"temperature_c": zeros + 20.0, "humidity_percent": zeros + 50.0}
    given_ |= dict.fromkeys(("ghi_w_m2", "dni_w_m2", "dhi_w_m2", "wind_m_s"), zeros)
    return Weather(pd.Timestamp(JULY), step_s, **{**given_, **changes})


def test_a_mean_day_of_january_swings_between_the_months_normals():
    """Mid January lies on the normals themselves: lowest −3, highest 3 °C."""
    day = Weather.normal("2026-01-16 00:00+08:00", DAY_S, 3600)
    assert day.temperature_c.min() == pytest.approx(-3.0, abs=0.1)
    assert day.temperature_c.max() == pytest.approx(3.0, abs=0.1)
    assert day.temperature_c.argmin() == 5
    assert day.temperature_c.argmax() in (14, 15)


def test_a_year_has_the_climates_mean_and_light():
    year = Weather.ordinary("2026-01-01 00:00+08:00", 365 * DAY_S, 3600)
    assert year.temperature_c.mean() == pytest.approx(12.9, abs=0.5)
    assert 1300 < year.ghi_w_m2.sum() / 1000 < 1500


def test_a_dates_weather_does_not_depend_on_where_the_run_begins():
    one = Weather.ordinary("2026-07-16 00:00+08:00", 4 * DAY_S)
    other = Weather.ordinary(JULY, DAY_S)
    own = one.at(other.times)
    for name in QUANTITIES:
        assert np.allclose(own[name], getattr(other, name), rtol=1e-12, atol=1e-9), name


def test_another_seed_is_another_weather_and_the_same_the_same():
    first, same, other = (Weather.ordinary(JULY, DAY_S, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.temperature_c, same.temperature_c)
    assert not np.array_equal(first.temperature_c, other.temperature_c)


def test_direct_and_diffuse_light_add_up_to_the_global():
    """GHI = DNI cos z + DHI, wherever the sun stands clear of the horizon."""
    import pvlib

    from twin_sandbox.world.weather import ALTITUDE_M, LATITUDE_DEG, LONGITUDE_DEG

    day = Weather.ordinary(JULY, DAY_S, 300)
    sun = pvlib.solarposition.get_solarposition(day.times, LATITUDE_DEG, LONGITUDE_DEG, ALTITUDE_M)
    high = sun["elevation"].to_numpy() > 5.0
    whole = day.dni_w_m2 * np.cos(np.radians(sun["zenith"].to_numpy())) + day.dhi_w_m2
    assert np.allclose(whole[high], day.ghi_w_m2[high], atol=0.5)
    assert day.ghi_w_m2[sun["elevation"].to_numpy() < -1.0].max() == 0.0


def test_extreme_days_reach_what_they_are_named_for():
    assert Weather.heat_wave(JULY, DAY_S, 37.0).temperature_c.max() == pytest.approx(37.0)
    assert Weather.cold_spell(JULY, DAY_S, -9.0).temperature_c.min() == pytest.approx(-9.0)


def test_between_two_values_the_weather_is_linear():
    rising = still(temperature_c=np.arange(25.0))
    at = rising.at(pd.DatetimeIndex(["2026-07-17 22:30+00:00", "2026-07-17 17:15+00:00"]))
    assert at["temperature_c"].tolist() == [6.5, 1.25]


def test_weather_cannot_be_changed_in_place_but_made_anew():
    day = still()
    with pytest.raises(ValueError, match="read-only"):
        day.temperature_c[0] = 5.0
    assert day.changed(temperature_c=day.temperature_c + 1.0).temperature_c[3] == 21.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: still(temperature_c=np.full(25, np.nan)), "temperature_c, value 0: nan °C"),
        (lambda: still(temperature_c=np.full(25, 293.0)), "293 °C. -60 to 60"),
        (lambda: still(ghi_w_m2=np.full(25, -1.0)), "ghi_w_m2, value 0: -1 W/m²"),
        (lambda: still(wind_m_s=np.zeros(24)), "24 values. 25"),
        (lambda: still(temperature_c="warm"), "holds no numbers"),
        (lambda: still(temperature_c=np.zeros((5, 5))), "One dimension"),
        (lambda: still(step_s=7), "One of 300"),
        (lambda: Weather.ordinary("2026-07-18", DAY_S), "no time zone"),
        (lambda: Weather.ordinary("soon", DAY_S), "not a time"),
        (lambda: Weather.ordinary(JULY, -1), "horizon_s"),
        (lambda: Weather.ordinary(JULY, float("nan")), "horizon_s"),
        (lambda: Weather.ordinary(JULY, DAY_S, seed=-1), "seed"),
        (lambda: Weather.heat_wave(JULY, DAY_S, 12.0), "28 to 50"),
        (lambda: Weather.cold_spell(JULY, DAY_S, True), "-40 to 5"),
        (lambda: still().at(pd.Timestamp("2026-07-20 00:00+08:00")), "for the whole run"),
        (lambda: still().at(pd.DatetimeIndex(["2026-07-18"])), "without time zone"),
        (lambda: still().at("soon"), "'soon'"),
        (lambda: still().at(5), "Weather.at: 5"),
        (lambda: still().changed(rain_mm=1), "no such quantity"),
    ],
)
def test_what_no_weather_is_is_refused_with_what_is_allowed(make, words):
    with pytest.raises(TwinError, match=words.replace(".", r"\.").replace("²", ".")):
        make()


@given(st.lists(st.floats(), min_size=2, max_size=6), st.sampled_from(QUANTITIES))
def test_any_array_is_taken_whole_or_refused(values, name):
    low, high, _ = _LIMITS[name]
    if all(low <= value <= high for value in values):
        assert getattr(still(len(values), **{name: np.array(values)}), name).tolist() == values
    else:
        with pytest.raises(TwinError, match=f"Weather.{name}, value"):
            still(len(values), **{name: np.array(values)})
