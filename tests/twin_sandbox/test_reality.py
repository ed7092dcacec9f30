"""Hidden realities: priors that are stated and wide, draws from streams of their own, what a scenario becomes."""

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from twin_sandbox import Reality
from twin_sandbox.errors import TwinError
from twin_sandbox.truth import Leaves
from twin_sandbox.world.priors import LEAST_RATIO, Prior, draw_reality, read_priors

KEY = bytes(range(32))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def priors():
    return read_priors()


def leaves(student: str = "s001") -> Leaves:
    return Leaves(KEY, "c", student, "any")


def test_every_field_of_a_reality_has_a_stated_prior_at_least_ten_times_its_tolerance(priors):
    assert set(priors) == {one.name for one in fields(Reality)}
    for prior in priors.values():
        assert prior.ratio >= LEAST_RATIO
        assert prior.reason
        assert prior.source
        assert prior.unit


def test_no_check_of_a_lab_is_wider_than_the_prior_of_its_quantity_allows(priors):
    judged = 0
    for path in sorted((ROOT / "labs").glob("*/*/key.py")):
        spec = importlib.util.spec_from_file_location(f"key_of_{path.parent.name}", path)
        key = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = key
        spec.loader.exec_module(key)
        for check in key.checks.values():
            prior = priors.get(getattr(check, "name", ""))
            if prior is None:
                continue
            judged += 1
            assert prior.distribution == "uniform"
            for value in (prior.low, prior.high):
                assert check.within.half_width(value) <= prior.tolerance
            assert (prior.low, prior.high) == key.PRIOR_N
    assert judged >= 1


def test_draws_stay_within_their_prior_and_fill_it(priors):
    for prior in priors.values():
        rng = np.random.default_rng(7)
        drawn = np.array([prior.draw(rng) for _ in range(2000)])
        assert prior.low <= drawn.min()
        assert drawn.max() <= prior.high
        if prior.distribution == "uniform" and prior.resolution < (prior.high - prior.low) / 10:
            # Mean of 2000 uniform draws: standard error 0.0065 of the width; four of them.
            middle = (prior.low + prior.high) / 2
            assert abs(drawn.mean() - middle) < 0.026 * (prior.high - prior.low)


def test_the_same_student_gets_the_same_and_another_another(twin, priors):
    first, again, other = (draw_reality(leaves(who), priors, twin.district) for who in ("a", "a", "b"))
    assert first == again
    for one in fields(Reality):
        assert getattr(first, one.name) != getattr(other, one.name), one.name


def test_each_quantity_has_a_stream_of_its_own(twin, priors):
    whole = draw_reality(leaves(), priors, twin.district)
    for name in priors:
        alone = draw_reality(leaves(), {name: priors[name]}, twin.district)
        assert getattr(alone, name) == getattr(whole, name)


def test_drawn_codes_are_of_the_district(twin, priors):
    real = draw_reality(leaves(), priors, twin.district)
    entities = twin.entities
    assert set(real.blockage) <= set(entities["conduits"].index)
    assert not entities["conduits"].loc[list(real.blockage), "is_trunk"].any()
    assert set(real.leak_coefficient) <= set(entities["water_pipes"].index)
    assert set(real.closed_valves) <= set(entities["water_valves"].index)
    assert {code for code, _, _ in real.outages} <= set(entities["power_lines"].index)
    assert {fault.datastream for fault in real.device_faults} <= set(twin.things.index)


def test_what_really_happens_has_the_surge_and_the_delay(night):
    designed = night(10)
    real = Reality(surge_m=0.3, storm_offset_min=30).happens(designed)
    assert real.tide.surge_m == pytest.approx(designed.tide.surge_m + 0.3)
    assert (real.storm_start - designed.storm_start).total_seconds() == 1800
    assert real.start == designed.start


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"surge_m": 9.0}, "surge_m"),
        ({"storm_offset_min": float("nan")}, "storm_offset_min"),
        ({"leak_coefficient": {"x": -1.0}}, "leak_coefficient"),
        ({"demand_factor": {"home": float("inf")}}, "demand_factor"),
        ({"outages": [("x", 3.0, 2.0)]}, "from < until"),
        ({"outages": [("x", 3.0)]}, "from < until"),
        ({"closed_valves": "SB"}, "A list"),
        ({"device_faults": ["stuck"]}, "a str"),
    ],
)
def test_absurd_realities_are_refused_in_words(given, told):
    with pytest.raises(TwinError, match=told):
        Reality(**given)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense = 1\n", "no field of Reality"),
        ("[surge_m]\nlow = 0\n", "missing or unknown"),
        ("surge_m = 1\n", "no table"),
        ("[surge_m\n", "cannot be read"),
    ],
)
def test_absurd_priors_are_refused_in_words(tmp_path, text, told):
    path = tmp_path / "priors.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TwinError, match=told):
        read_priors(path)


def test_a_tolerance_too_wide_for_its_prior_is_refused():
    with pytest.raises(TwinError, match="at least 10 times"):
        Prior("surge_m", "uniform", 0.0, 0.4, 0.01, 0.05, "m", "why", "whence")
