"""Scenario files: read, written, refused with line and fix; and the samples."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin_sandbox import Scenario, Storm, Tide, TwinError
from twin_sandbox.data import data_folder
from twin_sandbox.world import events as happen
from twin_sandbox.world import scenario_file
from twin_sandbox.world.events import EVENTS
from twin_sandbox.world.policies import Policies
from twin_sandbox.world.scenario_file import read_scenario, write_scenario
from twin_sandbox.world.scenario_nodes import ScenarioFileError
from twin_sandbox.world.scenario_reading import FAULTS, KEYS
from twin_sandbox.world.weather import Weather

START = pd.Timestamp("2026-07-18 18:00+08:00")
LEAST = (
    'name: a night\nstart: 2026-07-18 18:00+08:00\nhorizon_h: 6\ntide: {mean_m: 0, range_m: 2.8, high_at: "+1:49"}\n'
)
SAMPLES = sorted(data_folder("datasets").glob("gulls_quay/scenarios/*.yaml"))


def mistakes(text: str, district=None):
    with pytest.raises(ScenarioFileError) as caught:
        read_scenario(text, district)
    return caught.value.mistakes


def test_the_least_that_a_scenario_needs():
    scenario = read_scenario(LEAST)
    assert scenario == Scenario("a night", START, 6.0, tide=Tide(0.0, 2.8, START + pd.Timedelta(minutes=109)))


def test_the_documented_example_reads_as_it_says():
    block = scenario_file.__doc__.split(".. code-block:: yaml")[1]
    scenario = read_scenario("\n".join(line[4:] for line in block.splitlines()))
    assert scenario.storm == Storm.chicago(10, 120, 0.405, "suzhou")
    assert scenario.storm_start == START + pd.Timedelta(hours=1)
    assert scenario.engines == ("drainage", "supply", "power")
    assert scenario.day_kind == "weekend"
    assert scenario.weather == Weather.heat_wave(START, 21_600, 37.0)
    assert scenario.policies == Policies(close_street_above_m=0.27, stay_home_share=0.2)
    assert [type(event).__name__ for event in scenario.events] == ["PumpFailed", "Fire", "StreetClosed"]
    assert scenario.events[1].end == START + pd.Timedelta(hours=3)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_fits_the_district_and_reads_back(sample, twin):
    scenario = read_scenario(sample, twin.district)
    assert read_scenario(write_scenario(scenario), twin.district) == scenario
    for event in scenario.events:
        for setting in event.settings(twin.district):
            assert setting.engine in scenario.engines


def test_the_samples_are_those_of_the_course():
    names = "feeder_outage heat_wave high_tide_gate main_break_and_fire ordinary_day"
    assert {*names.split(), "storm_100a", "storm_10a", "storm_30a", "storm_3a"} <= {path.stem for path in SAMPLES}


@pytest.mark.parametrize(("period", "depth_mm"), [("3a", 72), ("10a", 101), ("30a", 127), ("100a", 156)])
def test_a_sample_storm_has_its_depth(period, depth_mm):
    """H = 17.969 (1 + 1.24 lg P) 120 / 138.415^0.785: 71.6, 100.7, 127.3 and 156.4 mm for 3, 10, 30 and 100 a."""
    (path,) = (path for path in SAMPLES if path.stem == f"storm_{period}")
    assert read_scenario(path).storm.depth_mm == pytest.approx(depth_mm, abs=0.6)


@pytest.mark.parametrize(
    ("added", "line", "where", "found", "fix"),
    [
        ("storm: {return_period_a: 10, duration_min: -30}", 5, "storm.duration_min", "-30", ""),
        ("storm: {return_period_a: .nan}", 5, "storm.return_period_a", "'.nan'", ""),
        ("storm: {return_period_a: nan}", 5, "storm.return_period_a", "'nan'", ""),
        ("storm: {return_period_a: 1e999}", 5, "storm.return_period_a", "1e999", ""),
        ("storm: {return_period_a: 10, duration_min: 2 h}", 5, "storm.duration_min", "'2 h'", "Write 120"),
        ("storm: {return_period_a: '10'}", 5, "storm.return_period_a", "the text '10'", "quotes"),
        ("storm: {series_mm_h: [0, 30 mm, 12]}", 5, "storm.series_mm_h[1]", "'30 mm'", "mm is a depth"),
        ("storm: {series_mm_h: [30 mm/h]}", 5, "storm.series_mm_h[0]", "'30 mm/h'", "Write 30 alone"),
        ("storm: {series_mm_h: [5], return_period_a: 3}", 5, "storm.return_period_a", "does not go", "Remove"),
        ("storm: {formula: shanghia, return_period_a: 3}", 5, "storm.formula", "'shanghia'", "shanghai"),
        ('storm: {return_period_a: 3, start: "+7:00"}', 5, "storm_start", "7 h after", ""),
        ("storm: {}", 5, "storm.return_period_a", "nothing", "Add"),
        ("storm:", 5, "storm", "nothing", ""),
        ("horizon_hours: 4", 5, "the file", "'horizon_hours'", "horizon_h"),
        ("horizon_h: 4", 5, "horizon_h", "second time", "Remove one"),
        ("report_step_s: 90.5", 5, "report_step_s", "90.5", ""),
        ("report_step_s: 420", 5, "report_step_s", "420 s", ""),
        ("grid_m: 7", 5, "grid_m", "7", ""),
        ("pumps: of", 5, "pumps", "'of'", "off"),
        ("engines: drainage", 5, "engines", "'drainage'", "Begin each"),
        ("engines: []", 5, "engines", "0 names", ""),
        ("engines: [drainage, drainage]", 5, "engines", "2 names", ""),
        ("engines: [drianage]", 5, "engines[0]", "'drianage'", "drainage"),
        ("weather: {kind: heat_wave, lowest_c: 3}", 5, "weather.lowest_c", "does not go", "Remove"),
        ("weather: {kind: heatwave}", 5, "weather.kind", "'heatwave'", "heat_wave"),
        ("weather: {kind: heat_wave, highest_c: 99}", 5, "weather.highest_c", "99", ""),
        ("weather: {temperature_c: [20, 21]}", 5, "weather.step_s", "nothing", "kind: ordinary"),
        ("policies: {stay_home_share: 20 %}", 5, "policies.stay_home_share", "'20 %'", "number alone"),
        ("policies: {tariff_cny_kwh: [1, 2]}", 5, "policies.tariff_cny_kwh", "2 numbers", ""),
        ("closures: {street: S}", 5, "closures", "keys and values", "Begin each"),
        ("events: [7]", 5, "events[0]", "'7'", ""),
        ("events: [{start: +1:00}]", 5, "events[0].kind", "nothing", "Add kind"),
        ("events:\n  - {kind: fyre}", 6, "events[0].kind", "'fyre'", "fire"),
        ("events:\n  - {kind: fire, hydrant: H, start: +1:00}", 6, "events[0].flow_m3s", "nothing", "Add"),
        ("faults: [{kind: pump_failed, pump: P, start: -1:00}]", 5, "faults[0].start", "before the start", "Move"),
        ("faults: [{kind: pump_failed, pump: P, start: +6:00}]", 5, "faults[0].start", "not before the end", "horizon"),
        ("faults: [{kind: pump_failed, pump: P, start: +2:00, end: +1:00}]", 5, "faults[0]", "19:00", ""),
        ("faults: [{kind: fire, hydrant: H, flow_m3s: 0.01, start: +1:00}]", 5, "faults[0].hydrant", "", ""),
        ("closures: [{street: S, start: 2026-07-18 20:00}]", 5, "closures[0].start", "without time zone", "+08:00"),
        ("closures: [{street: S, start: 2026-02-30 20:00+08:00}]", 5, "closures[0].start", "2026-02-30", "such a day"),
        ("closures: [{street: S, start: noon}]", 5, "closures[0].start", "'noon'", ""),
    ],
)
def test_a_mistake_is_named_with_its_line_and_its_fix(added, line, where, found, fix):
    told = [one for one in mistakes(LEAST + added) if one.where.startswith(where)] or mistakes(LEAST + added)
    assert (told[0].line, told[0].where.split(":")[0]) == (line, where) or where == "faults[0].hydrant"
    assert found in told[0].found
    assert fix in told[0].fix
    assert told[0].allowed or where.startswith("faults")


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("\n", 0, "nothing in it"),
        ("# only a remark\n", 0, "nothing in it"),
        ("name: x\n\tstart: 3\n", 2, "a tab"),
        ("name: a: b\n", 1, "mapping values"),
        ("name: &a x\nstart: *a\n", 1, "an anchor or alias"),
        ("name: !!python/object:os.system x\n", 1, "a tag"),
        ("name: [[[[[[[[[[1]]]]]]]]]]\n", 1, "more than 8 levels"),
        ("name: x\n---\nname: y\n", 2, "a second document"),
        ("- 1\n- 2\n", 1, "a list"),
        ("name: x\x00\n", 0, "no text file"),
        ("name: [1, 2\n", 2, ""),
        ("name: " + "x" * 300_000 + "\n", 0, "bytes"),
    ],
)
def test_what_is_no_scenario_at_all_is_refused(text, line, found):
    told = mistakes(text)
    assert told[0].line == line
    assert found in told[0].found


def test_every_mistake_is_named_at_once():
    text = "name: x\nstart: 2026-07-18 18:00\nhorizon_h: 6 h\nengines: [drainge]\n"
    text += "storm: {formula: suzho, duration_min: -30}\n"
    lines = [one.line for one in mistakes(text)]
    assert lines == [2, 3, 4, 5, 5, 5]
    with pytest.raises(
        TwinError, match=r"6 mistakes\n  line 2, start: found 2026-07-18 18:00 without time zone; allowed"
    ):
        read_scenario(text)


def test_codes_are_looked_up_where_a_district_is_given(twin):
    street = twin.entities["streets"].index[3]
    text = LEAST + f"closures:\n  - {{street: {street}, start: +1:00}}\n  - {{street: {street[:-1]}_, start: +1:00}}\n"
    assert len(read_scenario(text.replace(f"{street[:-1]}_", street)).events) == 2
    (told,) = mistakes(text, twin.district)
    assert (told.line, told.where) == (7, "closures[1].street")
    assert street in told.fix
    (told,) = mistakes(LEAST + "day_kind: weekdays\n", twin.district)
    assert told.fix == "Did you mean weekday?"


def test_a_storm_longer_than_its_engines_allow_needs_a_tide():
    (told,) = mistakes("name: x\nstart: 2026-07-18 18:00+08:00\nhorizon_h: 6\n")
    assert (told.where, "high_at" in told.fix) == ("tide", True)
    assert (
        read_scenario("name: x\nstart: 2026-07-18 18:00+08:00\nhorizon_h: 168\nengines: [supply]\n").horizon_h == 168.0
    )
    (told,) = mistakes(LEAST.replace("horizon_h: 6", "horizon_h: 72") + "storm: {return_period_a: 3}\n")
    assert (told.line, told.where) == (3, "horizon_h")


def test_a_file_is_read_and_written(tmp_path):
    path = tmp_path / "夜.yaml"
    scenario = read_scenario(LEAST)
    text = write_scenario(scenario, path)
    assert path.read_text(encoding="utf-8") == text
    assert read_scenario(path) == read_scenario(str(path)) == scenario
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    (tmp_path / "long.yaml").write_text("#" * 300_000)
    for name in ("latin.yaml", "long.yaml", "missing.yaml", "."):
        with pytest.raises(TwinError, match=str(tmp_path)):
            read_scenario(tmp_path / name)
    with pytest.raises(TwinError, match="no path"):
        read_scenario("a\x00b")


texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*LEAST.splitlines(), "storm:", "  formula: suzhou", "- x", "events: [", "}", "start: 5"]))
    .map("\n".join)
    .map(lambda text: text + "\n"),
    st.tuples(st.integers(0, len(LEAST)), st.text(max_size=6)).map(
        lambda cut: LEAST[: cut[0]] + cut[1] + LEAST[cut[0] :]
    ),
)


@settings(deadline=None, max_examples=300)
@given(texts)
def test_any_text_is_a_scenario_or_a_refusal(text):
    with contextlib.suppress(TwinError):
        assert isinstance(read_scenario(text + "\n"), Scenario)


minutes = st.integers(0, 299).map(lambda minute: START + pd.Timedelta(minutes=minute))
codes = st.text("ABC0123456789_", min_size=1, max_size=16)
spans = st.tuples(minutes, st.none() | st.integers(1, 900)).map(
    lambda span: {"start": span[0], "end": span[1] and span[0] + pd.Timedelta(minutes=span[1])}
)
some_events = st.one_of(
    st.builds(lambda code, span: happen.StreetClosed(code, **span), codes, spans),
    st.builds(lambda code, flow, span: happen.Fire(code, flow, **span), codes, st.floats(0, 0.1), spans),
    st.builds(lambda code, share, span: happen.GateStuck(code, share, **span), codes, st.floats(0, 1), spans),
    st.builds(lambda one, two, span: happen.AmbulanceCall(one, two, **span), codes, codes, spans),
    st.builds(lambda factor, span: happen.DemandChange(factor, **span), st.floats(0, 3), spans),
    st.builds(lambda code, span: happen.PowerOutage(code, **span), codes, spans),
)
storms = st.one_of(
    st.none(),
    st.builds(
        Storm.chicago,
        st.floats(0.3, 900),
        st.integers(30, 240),
        st.floats(0.1, 0.9),
        st.sampled_from(["suzhou", "shanghai"]),
    ),
    st.lists(st.floats(0, 200), min_size=1, max_size=30).map(lambda rain: Storm(300, np.array(rain))),
)
weathers = st.sampled_from(
    [
        None,
        Weather.ordinary(START, 21_600),
        Weather.normal(START, 21_600, step_s=900),
        Weather.heat_wave(START, 21_600, 36.5),
        Weather.cold_spell(START, 21_600),
        Weather.ordinary(START - pd.Timedelta(hours=2), 43_200),
    ]
)
scenarios = st.builds(
    Scenario,
    name=st.text(st.characters(blacklist_categories=("Cs",)), max_size=60),
    start=st.just(START),
    horizon_h=st.sampled_from([6.0, 7.5, 48.0]),
    storm=storms,
    storm_start=minutes,
    tide=st.builds(Tide, st.floats(-2, 2), st.floats(0, 6), minutes, st.floats(0, 2)),
    report_step_s=st.sampled_from([60, 300, 900]),
    pumps=st.sampled_from(["rules", "off", "on"]),
    sump_start_m=st.none() | st.floats(-6, 0),
    engines=st.sampled_from([("drainage",), ("supply", "power"), ("people", "drainage", "traffic")]),
    weather=weathers,
    day_kind=st.sampled_from([None, "weekday", "holiday"]),
    events=st.lists(some_events, max_size=4).map(tuple),
    policies=st.builds(
        Policies,
        st.just(()) | st.lists(st.floats(0, 5), min_size=24, max_size=24).map(tuple),
        st.none() | st.floats(0.05, 1),
        st.floats(0, 1),
    ),
    grid_m=st.sampled_from([5, 10]),
    seed=st.integers(0, 2**31 - 1),
)


@settings(deadline=None, max_examples=60)
@given(scenarios)
def test_a_scenario_reads_back_as_it_was_written(scenario):
    text = write_scenario(scenario)
    assert read_scenario(text) == scenario
    assert write_scenario(read_scenario(text)) == text


def test_a_design_storm_is_written_as_its_formula():
    storm = Storm.chicago(20, 180, 0.43, "suzhou")
    text = write_scenario(Scenario("x", START, 6.0, storm, START, Tide(0, 2.8, START)))
    assert "{formula: suzhou, return_period_a: 20.0, duration_min: 180, peak_share: 0.43," in text


def test_sample_files_are_few_lines_that_people_read():
    assert all(len(Path(path).read_text(encoding="utf-8").splitlines()) <= 25 for path in SAMPLES)


def test_the_guide_tells_every_key_and_kind_and_its_example_reads():
    guide = (data_folder("curriculum") / "guides" / "scenarios.md").read_text(encoding="utf-8")
    example = guide.split("```yaml\n")[1].split("```")[0]
    assert read_scenario(example).storm == Storm.chicago(10)
    assert [key for key in (*KEYS, *EVENTS) if f"`{key}`" not in guide] == []
    assert [kind for kind in FAULTS if f"`{kind}` f |" not in guide] == []
