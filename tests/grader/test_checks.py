"""Each kind of check: what it accepts, what it refuses, and what its words must not say."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from grader.checks import absolute, controller, decision, field, function, number, record, relative, series, table
from grader.checks.judge import judge_all
from grader.checks.skill import earned, skill, skill_steps
from grader.isolation.answers import LocalAnswers, Unreadable

GRID = pd.date_range("2026-07-17T18:00", periods=6, freq="5min", tz="Asia/Shanghai")


def judge(check, truth, **namespace):
    key = SimpleNamespace(checks={"task": check})
    [verdict] = judge_all(key, LocalAnswers(namespace), truth, {"task": 4.0})
    return verdict


def volume():
    return number(
        "v",
        quantity="runoff volume",
        unit="m³",
        truth=lambda truth: truth["volume_m3"],
        within=relative(0.04, because="a gauge reads 3 % off"),
        plausible=(0.0, 1e6),
        look_at="Look at the units.",
        mistaken={"took mm for m": lambda truth: truth["volume_m3"] * 1000},
    )


@pytest.mark.parametrize("form", [float, np.float32, np.array, lambda v: [v], lambda v: pd.Series([v]), round])
def test_a_number_is_right_in_any_reasonable_form(form):
    assert judge(volume(), {"volume_m3": 31250.0}, v=form(31250.0)).score == 4.0


@pytest.mark.parametrize("value", [31250.0 * 1.05, 0, math.nan, math.inf, -40.0])
def test_a_wrong_number_earns_nothing_and_is_not_told_the_right_one(value):
    verdict = judge(volume(), {"volume_m3": 31250.0}, v=value)
    assert (verdict.score, verdict.status) == (0.0, "incorrect")
    assert "31250" not in verdict.message
    assert "3.125" not in verdict.message
    assert "m³" in verdict.message or "not a number" in verdict.message


def test_a_misconception_is_named_in_the_practice_hint_alone():
    verdict = judge(volume(), {"volume_m3": 310.0}, v=310_000.0)
    assert "took mm for m" in verdict.practice_hint
    assert "took mm for m" not in verdict.message


@pytest.mark.parametrize("value", ["31250 m³", [1.0, 2.0], True, {"v": 1}])
def test_what_is_no_number_is_told_what_to_hand_in(value):
    verdict = judge(volume(), {"volume_m3": 31250.0}, v=value)
    assert (verdict.score, verdict.status) == (0.0, "could not be checked")
    assert "hand in" in verdict.message


@pytest.mark.parametrize("namespace", [{}, {"v": None}])
def test_a_blank_is_not_attempted(namespace):
    verdict = judge(volume(), {"volume_m3": 31250.0}, **namespace)
    assert (verdict.score, verdict.status) == (0.0, "not attempted")


RAIN = [0.0, 2.0, 9.0, 4.0, 1.0, 0.0]


def rain():
    return series(
        "rain",
        column="rain_mm",
        quantity="rain",
        unit="mm in 5 minutes",
        truth=lambda truth: dict(zip([time.isoformat() for time in GRID], truth["rain_mm"], strict=True)),
        rmse_within=lambda truth: 0.03 * max(truth["rain_mm"]),
        because="each tip is 0.1 mm",
        look_at="Look at the clock of the second gauge.",
    )


@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        lambda s: s.tz_convert("UTC"),
        lambda s: s.tz_localize(None),
        lambda s: s.iloc[::-1],
        lambda s: s.rename("rain_mm").rename_axis("time").reset_index(),
        lambda s: s.to_frame("anything"),
        lambda s: s.tolist(),
        lambda s: s.to_numpy(),
        lambda s: {time.isoformat(): value for time, value in s.items()},
    ],
)
def test_a_series_is_right_in_any_reasonable_form(form):
    assert judge(rain(), {"rain_mm": RAIN}, rain=form(pd.Series(RAIN, GRID))).score == 4.0


def test_a_series_five_minutes_late_keeps_a_third_for_its_total():
    late = pd.Series(RAIN, GRID).shift(1, fill_value=0.0)
    verdict = judge(rain(), {"rain_mm": RAIN}, rain=late)
    assert verdict.score == pytest.approx(4 / 3)
    assert "wrong times" in verdict.message


def test_a_series_with_a_hole_is_told_of_the_hole():
    holed = pd.Series(RAIN, GRID).drop(GRID[2])
    verdict = judge(rain(), {"rain_mm": RAIN}, rain=holed)
    assert (verdict.score, verdict.status) == (0.0, "incorrect")
    assert "1 of 6 times" in verdict.message


def depths():
    return table(
        "d",
        column="depth_m",
        quantity="greatest depth",
        unit="m",
        truth=lambda truth: truth["depth_m"],
        within=absolute(0.03, because="the grid's step"),
        steps=((0.9, 1.0), (0.6, 0.5)),
        look_at="Look at the roughness.",
    )


DEPTH = {"LA1": 0.5, "LA2": 0.0, "LA3": 1.2}


@pytest.mark.parametrize(
    "form",
    [
        dict,
        pd.Series,
        lambda d: list(d.items()),
        lambda d: pd.DataFrame({"place": list(d), "depth_m": list(d.values()), "rank": [1, 2, 3]}),
        lambda d: pd.Series(d).to_frame("anything"),
        lambda d: pd.DataFrame({"code": list(d), "name": ["a", "b", "c"], "depth_m": list(d.values())}),
    ],
)
def test_a_table_is_right_in_any_reasonable_form(form):
    assert judge(depths(), {"depth_m": DEPTH}, d=form(DEPTH)).score == 4.0


def test_a_table_earns_half_when_most_rows_are_right():
    assert judge(depths(), {"depth_m": DEPTH}, d=DEPTH | {"LA3": 0.7}).score == 2.0
    assert judge(depths(), {"depth_m": DEPTH}, d={"LA1": 0.5}).score == 0.0


def test_rows_without_end_do_not_buy_points():
    flood = DEPTH | {f"X{i}": 0.0 for i in range(50)}
    assert judge(depths(), {"depth_m": DEPTH}, d=flood).score == 0.0


def sensor():
    return record(
        "f",
        quantity="the sensor",
        fields=(
            field(("stream", "fault"), 0.5, lambda v, t: (v["stream"], v["fault"]) == t["fault"], "look at each plot."),
            field(("since",), 0.5, lambda v, t: v["since"] == t["since"], "the moment is off."),
        ),
    )


def test_a_record_pays_its_evidence_only_after_its_claim():
    truth = {"fault": ("level-03", "stuck"), "since": 5}
    assert judge(sensor(), truth, f={"stream": "level-03", "fault": "stuck", "since": 5}).score == 4.0
    assert judge(sensor(), truth, f={"stream": "level-03", "fault": "stuck", "since": 6}).score == 2.0
    assert judge(sensor(), truth, f={"stream": "level-01", "fault": "stuck", "since": 5}).score == 0.0
    assert "lacks the field since" in judge(sensor(), truth, f={"stream": "level-03", "fault": "x"}).message


def depth_function():
    return function(
        "g",
        quantity="storm depth",
        unit="mm",
        inputs=lambda truth: truth["calls"],
        expected=lambda years, minutes: years * minutes,
        within=relative(0.01, because="rounding"),
        steps=((1.0, 1.0),),
        look_at="Look at the unit of time.",
    )


def test_a_function_is_called_with_hidden_inputs():
    truth = {"calls": [(2.0, 60.0), (5.0, 77.0)]}
    assert judge(depth_function(), truth, g=lambda years, minutes: years * minutes).score == 4.0
    assert judge(depth_function(), truth, g=lambda years, minutes: years + minutes).score == 0.0


def test_a_function_that_raises_its_arguments_learns_and_tells_nothing():
    def g(years, minutes):
        raise ValueError(f"{years} {minutes}")

    verdict = judge(depth_function(), {"calls": [(2.125, 60.0), (5.0, 77.75)]}, g=g)
    assert verdict.score == 0.0
    assert "2.125" not in verdict.message
    assert "77.75" not in verdict.message


class Tank:
    """Fills by 1 m a step, a pump at full setting takes 1 m; the cost is the depth summed over ten steps."""

    def __init__(self):
        self.depth_m, self.minutes, self.paid = 0.0, 0, 0.0

    @property
    def done(self):
        return self.minutes >= 50

    def measurements(self):
        return {"minutes": float(self.minutes), "depth_m": self.depth_m}

    def safe(self, settings):
        pump = settings.get("pump_1") if isinstance(settings, dict) else None
        return {"pump_1": float(pump)} if isinstance(pump, int | float) and 0 <= pump <= 1 else None

    def step(self, settings):
        self.depth_m = max(0.0, self.depth_m + 1.0 - 1.0 * settings["pump_1"])
        self.minutes += 5
        self.paid += self.depth_m

    def cost(self):
        return self.paid

    def close(self):
        pass


def tank_check():
    # Without a pump the depths are 1 to 10 m, which sum to 55; with it they stay 0.
    return controller(
        "run",
        quantity="keeping the tank empty",
        worlds=lambda truth: [Tank, Tank],
        baseline_costs=lambda truth: [55.0, 55.0],
        oracle_costs=lambda truth: [0.0, 0.0],
        first_settings={"pump_1": 0.0},
        steps=skill_steps(0.7, 0.4),
        look_at="Look at the depth.",
    )


def test_a_controller_is_scored_between_baseline_and_oracle():
    assert judge(tank_check(), {}, run=lambda m: {"pump_1": 1.0}).score == 4.0
    assert judge(tank_check(), {}, run=lambda m: {"pump_1": 0.0}).score == 0.0
    # From the fifth step on (minute 20) the depth stays 4: 1+2+3+4×7 = 34, a skill of 21/55 = 0.38.
    assert judge(tank_check(), {}, run=lambda m: {"pump_1": 1.0 if m["minutes"] >= 20 else 0.0}).score == 0.0
    # From the fourth step on: 1+2+3×8 = 27, a skill of 28/55 = 0.51.
    assert judge(tank_check(), {}, run=lambda m: {"pump_1": 1.0 if m["minutes"] >= 15 else 0.0}).score == 2.0


@pytest.mark.parametrize("action", [{"pump_1": 7.0}, {"pump_1": math.nan}, "on", None, 3])
def test_an_action_that_is_not_allowed_keeps_the_last_safe_one(action):
    verdict = judge(tank_check(), {}, run=lambda m: action)
    assert verdict.score == 0.0
    assert "last one was kept" in verdict.message


def test_a_controller_that_fails_late_keeps_what_it_earned():
    def run(m):
        if m["minutes"] > 10:
            raise RuntimeError
        return {"pump_1": 1.0}

    assert judge(tank_check(), {}, run=run).score == 4.0


def test_a_decision_is_scored_by_what_it_brings_about():
    def read(value):
        if not isinstance(value, dict) or "hour" not in value:
            raise Unreadable("choice needs the field hour.")
        return value["hour"]

    check = decision(
        "choice",
        quantity="closing",
        read=read,
        cost=lambda hour, truth: abs(hour - truth["peak_h"]),
        baseline_cost=lambda truth: 4.0,
        oracle_cost=lambda truth: 0.0,
        steps=skill_steps(0.7, 0.4),
        look_at="Look at the peak.",
    )
    assert judge(check, {"peak_h": 20.0}, choice={"hour": 21.0}).score == 4.0
    assert judge(check, {"peak_h": 20.0}, choice={"hour": 22.0}).score == 2.0
    assert judge(check, {"peak_h": 20.0}, choice={"hour": 3.0}).score == 0.0
    assert judge(check, {"peak_h": 20.0}, choice="at nine").status == "could not be checked"


def test_skill_and_steps():
    assert skill(5.0, 10.0, 0.0) == 0.5
    assert skill(math.nan, 10.0, 0.0) == 0.0
    assert skill(99.0, 10.0, 0.0) == 0.0
    assert skill(-99.0, 10.0, 0.0) == 1.0
    with pytest.raises(ValueError, match="must do better"):
        skill(1.0, 1.0, 1.0)
    assert earned(0.5, skill_steps(0.7, 0.4), 3.0) == 1.5


def test_a_check_that_gives_points_out_of_range_is_our_fault_and_is_not_hidden():
    class Broken:
        def judge(self, task, answers, truth, max_score):
            from grader.checks import Verdict

            return Verdict(task, math.nan, max_score, "correct", "")

    with pytest.raises(AssertionError):
        judge(Broken(), {})
