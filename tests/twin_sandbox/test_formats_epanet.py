"""EPANET input files: the district's and a foreign one, out and in; damaged ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin_sandbox.entities.code import is_valid
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet import COLUMNS, district_network, epanet_text, read_epanet, write_epanet
from twin_sandbox.formats.epanet_network import FLOW_M3S

FOREIGN = Path(__file__).parent / "fixtures" / "two_tanks.inp"
FOOT_M = 0.3048


@pytest.fixture(scope="module")
def supply(twin):
    return district_network(twin.district)


@pytest.fixture(scope="module")
def file(supply, tmp_path_factory):
    return write_epanet(supply, tmp_path_factory.mktemp("epanet") / "supply.inp")


@pytest.fixture(scope="module")
def foreign():
    return read_epanet(FOREIGN)


def heads_m(path, folder):
    """Heads of all nodes by EPANET itself, step by step; a warning is an exception."""
    import epanet.toolkit as en

    project = en.createproject()
    en.open(project, str(path), str(folder / "report.txt"), str(folder / "results.bin"))
    us = en.getflowunits(project) in {en.GPM, en.CFS}
    en.openH(project)
    en.initH(project, en.NOSAVE)
    steps = []
    while True:
        en.runH(project)
        steps.append([en.getnodevalue(project, k + 1, en.HEAD) for k in range(en.getcount(project, en.NODECOUNT))])
        if en.nextH(project) <= 0:
            break
    en.closeH(project)
    en.close(project)
    en.deleteproject(project)
    return np.array(steps) * (FOOT_M if us else 1.0)


def same(one, other):
    for name in COLUMNS:
        a, b = one.tables[name], other.tables[name]
        pd.testing.assert_frame_equal(
            pd.DataFrame(a.drop(columns="geometry")), pd.DataFrame(b.drop(columns="geometry")), check_dtype=False
        )
        for p, q in zip(a.geometry, b.geometry, strict=True):
            assert (p is None) == (q is None)
            assert p is None or p.equals_exact(q, 1e-6)
    pd.testing.assert_frame_equal(one.demands.reset_index(drop=True), other.demands.reset_index(drop=True))
    pd.testing.assert_frame_equal(one.patterns, other.patterns)
    pd.testing.assert_frame_equal(one.curves, other.curves, check_dtype=False)
    assert one.units == other.units


def test_the_districts_file_brings_back_codes_attributes_and_places_to_the_millimetre(twin, file):
    back = read_epanet(file, twin.district.crs)
    entities = twin.district.entities
    pipes, found = entities["water_pipes"], back.tables["pipes"]
    assert list(found.index) == list(pipes.index)
    assert all(is_valid(code) for code in found.index)
    for name in ("from_code", "to_code", "epanet_id"):
        assert list(found[name]) == list(pipes[name])
    for mine, theirs in (("length_m", "length_m"), ("diameter_m", "diameter_m"), ("roughness_hw", "roughness")):
        assert np.abs(pipes[mine] - found[theirs]).max() < 1e-9
    assert pipes.geometry.reset_index(drop=True).geom_equals_exact(found.geometry.reset_index(drop=True), 1e-3).all()
    junctions, found = entities["water_junctions"], back.tables["junctions"]
    assert list(found.index) == list(junctions.index)
    assert np.abs(junctions["elevation_m"] - found["elevation_m"]).max() < 1e-9
    assert max(a.distance(b) for a, b in zip(junctions.geometry, found.geometry, strict=True)) < 1e-3
    sources = back.tables["sources"]
    assert dict(sources["head_m"]) == dict(entities["water_sources"]["head_m"])
    demands = back.demands.groupby("junction_code")["base_demand_m3s"].sum()
    wanted = junctions["base_demand_m3s"] + junctions["leakage_m3s"]
    assert np.abs(demands.reindex(wanted.index).fillna(0.0) - wanted).max() < 5e-7
    reducers = entities["water_valves"].query("kind == 'prv'")
    assert dict(back.tables["valves"]["setting"]) == pytest.approx(dict(reducers["setting_m"]))


def test_what_is_read_is_written_the_same(supply, file, foreign, tmp_path):
    same(supply, read_epanet(file, supply.tables["pipes"].crs))
    assert epanet_text(read_epanet(file)) == file.read_text("utf-8")
    again = read_epanet(write_epanet(foreign, tmp_path / "again.inp"))
    same(foreign, again)
    assert again.texts == foreign.texts


def test_epanet_solves_the_districts_file_without_a_warning(file, tmp_path):
    heads = heads_m(file, tmp_path)
    assert heads.shape[0] == 25  # hours 0 to 24
    assert heads.min() > 0


def test_a_weekend_draws_by_its_own_patterns(twin, supply):
    weekend = district_network(twin.district, "weekend")
    at_noon = {n: t.patterns.query("step == 12").set_index("pattern")["multiplier"] for n, t in
               (("weekday", supply), ("weekend", weekend))}  # fmt: skip
    assert at_noon["weekend"]["office"] == pytest.approx(0.35 * at_noon["weekday"]["office"])
    with pytest.raises(TwinError, match="weekday, weekend"):
        district_network(twin.district, "holiday")


def test_a_foreign_file_is_read_in_metres(foreign):
    """Typed by hand in gallons a minute, feet, inches, psi and horsepower."""
    tables = foreign.tables
    assert tables["junctions"].loc["10", "elevation_m"] == pytest.approx(710 * FOOT_M)
    assert tables["junctions"].loc["11", "tag"] == "mill"
    assert tables["pipes"].loc["10", "length_m"] == pytest.approx(10530 * FOOT_M)
    assert tables["pipes"].loc["10", "diameter_m"] == pytest.approx(18 * 0.0254)
    assert list(tables["pipes"].loc[["10", "12", "21"], "status"]) == ["open", "check", "closed"]
    assert tables["pipes"].loc["10"].geometry.coords[2] == (26.0, 71.123456)
    assert tables["sources"].loc["9", "pattern"] == "wave"
    assert tables["sources"].loc["9"].geometry.x == 10
    assert tables["tanks"].loc["2", "max_level_m"] == pytest.approx(150 * FOOT_M)
    assert tables["tanks"].loc["3", "volume_curve"] == "VOL"
    assert tables["tanks"].loc["3"].geometry is None
    assert tables["pumps"].loc["9", ["head_curve", "pattern", "speed", "status"]].tolist() == ["1", "day", 1.1, "open"]
    assert tables["pumps"].loc["8", "power_kw"] == pytest.approx(5 * 0.7457)
    # 55 psi are 38.7 m of water, 300 gallons a minute 18.93 L/s
    assert tables["valves"].loc["V1", "setting"] == pytest.approx(38.7, abs=0.05)
    assert tables["valves"].loc["V2", ["setting", "status"]].tolist() == [pytest.approx(0.018927, abs=1e-6), "open"]
    assert tables["valves"]["kind"].tolist() == ["prv", "fcv", "tcv"]
    mill = foreign.demands.query("junction_code == '13'")
    assert mill["pattern"].tolist() == ["day", ""]
    assert mill["base_demand_m3s"].tolist() == pytest.approx([60 * FLOW_M3S["GPM"], 30 * FLOW_M3S["GPM"]])
    assert foreign.texts["CONTROLS"] == [" LINK 9 OPEN IF NODE 2 BELOW 110", " LINK 9 CLOSED IF NODE 2 ABOVE 140"]


def test_a_foreign_file_runs_the_same_after_a_round_trip(foreign, tmp_path):
    again = write_epanet(foreign, tmp_path / "again.inp")
    before, after = heads_m(FOREIGN, tmp_path), heads_m(again, tmp_path)
    assert before.shape == after.shape
    assert np.abs(before - after).max() < 1e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((" 10 10 11 10530", " 10 10 nowhere 10530"), r"EPANET error 203, undefined node nowhere in \[PIPES\] section"),
        ((" 11   700  120  day", " 11   700  120  night"), "EPANET error 205, undefined time pattern night"),
        ((" 11   700  120  day", " 11   high  120  day"), "EPANET error 202, illegal numeric value high"),
        (("[RESERVOIRS]\n 9  800 wave\n", ""), r"EPANET error 20[39]"),
        ((" Units GPM", " Units stones"), "EPANET error"),
        (("HEAD 1 SPEED", "HEAD 7 SPEED"), "EPANET error 206"),
        ((" 12   690  150", " 12   690  150\n 12   690  150"), "EPANET error 215"),
        ((" 11   700 ", " 11   nan "), "node 11: nan. A finite number"),
        ((" 3  820 10 0 20 20 0 VOL", " 3  820 10 0 20 0 0 VOL"), "tank 3: has a volume curve and no diameter"),
    ],
)
def test_a_broken_file_is_refused_with_the_engines_own_code(change, said, tmp_path):
    text = FOREIGN.read_text("utf-8")
    assert change[0] in text
    broken = tmp_path / "broken.inp"
    broken.write_text(text.replace(*change), "utf-8")
    with pytest.raises(TwinError, match=said) as refused:
        read_epanet(broken)
    assert str(broken) in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no text with"),
        (b"\x00\x01[PIPES]", "no text with"),
        (b"[JUNCTIONS]\n[END]\n", "EPANET"),
        (None, "no such|No such"),
    ],
)
def test_what_is_no_network_is_refused(content, said, tmp_path):
    file = tmp_path / "net.inp"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TwinError, match=said):
        read_epanet(file)


def test_a_network_that_epanet_refuses_leaves_nothing_behind(foreign, tmp_path):
    demands = foreign.demands.assign(pattern="night")
    wrong = type(foreign)(foreign.tables, demands, foreign.patterns, foreign.curves, foreign.units, texts=foreign.texts)
    with pytest.raises(TwinError, match="EPANET error 205"):
        write_epanet(wrong, tmp_path / "net.inp")
    assert list(tmp_path.iterdir()) == []


JUNK = ["nan", "-1", "1e400", "", "*", "[", "]", "[PIPES]", "x" * 300, "9" * 40, "HEAD", "GPV", "%s%n", "é", '"']


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_a_network_or_a_refusal_never_anything_else(data, tmp_path):
    """Lines cut, words replaced, lines doubled: some of it breaks EPANET's parser itself."""
    lines = FOREIGN.read_text("utf-8").splitlines()
    lines = lines[: data.draw(st.integers(1, len(lines)))]
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(" ")
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(JUNK))
        lines[at] = " ".join(words * data.draw(st.sampled_from([1, 1, 2, 30])))
    damaged = tmp_path / "damaged.inp"
    damaged.write_text("\n".join(lines), "utf-8")
    try:
        network = read_epanet(damaged)
    except TwinError as refused:
        assert str(damaged) in str(refused)  # noqa: PT017 - either end is right
    else:
        assert set(network.tables) == set(COLUMNS)
