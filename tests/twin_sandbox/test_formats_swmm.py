"""SWMM input: the district's for SWMM alone, other towns' as tables, and what is strange or refused."""

import math
import subprocess
import sys
from contextlib import suppress

import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin_sandbox import formats
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.swmm import default_scenario, opened_by_swmm, read_swmm, write_swmm
from twin_sandbox.formats.swmm_reading import findings, sections_of, tables

TOWN = """[TITLE]
Two manholes and an outfall in feet
[OPTIONS]
FLOW_UNITS CFS
INFILTRATION HORTON
FLOW_ROUTING KINWAVE
START_DATE 01/01/2020
END_DATE 01/01/2020
END_TIME 01:00:00
[RAINGAGES]
G INTENSITY 0:05 1.0 TIMESERIES R
[SUBCATCHMENTS]
S1 G J1 10 50 500 1 0
[SUBAREAS]
S1 0.01 0.1 0.05 0.05 25 OUTLET
[INFILTRATION]
S1 3 0.5 4 7 0
[JUNCTIONS]
J1 100 8 0 0 0 ; the upper one
J2 98 10
[OUTFALLS]
O1 95 FREE NO
[CONDUITS]
C1 J1 J2 400 0.013 0 0.5
C2 J2 O1 300 0.013 0 0
[XSECTIONS]
C1 CIRCULAR 1.5 0 0 0
C2 CIRCULAR 2 0 0 0
[TIMESERIES]
R 0:00 1
R 1:00 0
[COORDINATES]
J1 0 0
J2 400 0
O1 700 0
[VERTICES]
C1 200 50
"""


@pytest.fixture(scope="module")
def quay(twin, tmp_path_factory):
    path = tmp_path_factory.mktemp("swmm") / "quay.inp"
    write_swmm(twin.district, path)
    return path


def town(tmp_path, *changes):
    text = TOWN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "town.inp"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_network_comes_back_as_it_was(quay, twin):
    back = formats.read(quay)
    conduits, was = back["conduits"].loc[twin.entities["conduits"].index], twin.entities["conduits"]
    assert (conduits["from_code"] == was["from_code"]).all()
    assert (conduits["length_m"] - was["length_m"]).abs().max() < 1e-3
    assert (conduits["diameter_m"] - was["diameter_m"]).abs().max() < 1e-6
    assert (conduits["slope"] - was["slope"]).abs().max() < 1e-4
    assert shapely.hausdorff_distance(conduits.geometry.to_numpy(), was.geometry.to_numpy()).max() <= 0.001
    for name in ("junctions", "storages", "outfalls"):
        nodes = back[name].loc[twin.entities[name].index]
        assert (nodes["invert_m"] - twin.entities[name]["invert_m"]).abs().max() < 1e-3
        assert shapely.distance(nodes.geometry.to_numpy(), twin.entities[name].geometry.to_numpy()).max() <= 0.001
        assert nodes.crs == twin.entities[name].crs
    areas = back["subcatchments"].loc[twin.entities["subcatchments"].index]
    assert areas["area_m2"].tolist() == pytest.approx(twin.entities["subcatchments"]["area_m2"].tolist(), rel=1e-4)
    assert (areas["outlet"] == twin.entities["subcatchments"]["outlet"]).all()
    assert set(back["pumps"].index) == set(twin.entities["pumps"].index)


def test_every_node_is_on_the_map_and_no_pipe_climbs(quay):
    assert set(findings(formats.read(quay))["kind"]) == set()


def test_the_map_changes_nothing_of_the_run(quay, twin, tmp_path):
    """SWMM's own report of the runs with and without map and tags: the same but for the moments at its end."""
    plain = tmp_path / "plain.inp"
    plain.write_text(twin.drainage_input(default_scenario()), encoding="utf-8")
    code = "import sys; from swmm.toolkit import solver; solver.swmm_run(*sys.argv[1:4])"
    reports = []
    for file in (plain, quay):
        report = tmp_path / f"{file.stem}.rpt"
        out = tmp_path / "t.out"
        subprocess.run([sys.executable, "-c", code, str(file), str(report), str(out)], check=True, capture_output=True)
        lines = report.read_text(encoding="utf-8").splitlines()
        reports.append([line for line in lines if "Analysis" not in line and "elapsed" not in line])
    assert reports[0] == reports[1]
    assert any("Flow Routing Continuity" in line for line in reports[0])


def test_feet_become_metres(tmp_path):
    read = read_swmm(town(tmp_path))
    junctions, conduits = read["junctions"], read["conduits"]
    assert junctions.loc["J1", "invert_m"] == pytest.approx(30.48)
    assert junctions.loc["J1", "rim_m"] == pytest.approx(108 * 0.3048)
    assert conduits.loc["C1", "length_m"] == pytest.approx(121.92)
    assert conduits.loc["C1", "diameter_m"] == pytest.approx(0.4572)
    assert conduits.loc["C1", "slope"] == pytest.approx(1.5 / 400)  # 100 ft to 98 ft and half a foot
    assert read["subcatchments"].loc["S1", "area_m2"] == pytest.approx(40468.564)
    assert list(conduits.loc["C1", "geometry"].coords) == [(0, 0), (200, 50), (400, 0)]
    assert findings(read).empty


@pytest.mark.parametrize("units", ["CMS", "LPS", "MLD"])
def test_metric_files_stay_in_metres(tmp_path, units):
    read = read_swmm(town(tmp_path, ("CFS", units)))
    assert read["junctions"].loc["J1", "invert_m"] == 100
    assert read["subcatchments"].loc["S1", "area_m2"] == 1e5


def test_offsets_may_be_levels(tmp_path):
    levels = town(
        tmp_path, ("FLOW_UNITS CFS", "FLOW_UNITS CMS\nLINK_OFFSETS ELEVATION"), ("0.013 0 0.5", "0.013 * 98.5")
    )
    assert read_swmm(levels)["conduits"].loc["C1", "outlet_invert_m"] == 98.5


def test_a_pipe_that_climbs_and_a_circle_are_told_but_read(tmp_path):
    climbing = findings(read_swmm(town(tmp_path, ("J2 98 10", "J2 101 10"))))
    assert climbing[climbing["kind"] == "climbs"]["code"].tolist() == ["C1"]
    assert "climbs by" in climbing["text"].iloc[0]
    circle = town(
        tmp_path,
        ("KINWAVE", "DYNWAVE"),
        ("[XSECTIONS]", "C3 J2 J1 300 0.013 0 0\n[XSECTIONS]\nC3 CIRCULAR 1 0 0 0"),
    )
    told = findings(read_swmm(circle))
    assert told[told["kind"] == "cycle"]["text"].tolist() == ["J1 → J2 → J1"]


def test_what_is_not_drawn_or_leads_nowhere_is_told(tmp_path):
    read = tables("town", TOWN.replace("J1 0 0\n", "").replace("C2 J2 O1 300 0.013 0 0\n", ""))
    assert sorted(zip(*(findings(read)[name] for name in ("kind", "code")), strict=True)) == [
        ("undrained", "J2"),
        ("undrawn", "J1"),
    ]
    assert read["conduits"].loc["C1", "geometry"] is None


BAD = {
    "empty": (lambda text: "", "is empty"),
    "no network": (lambda text: "[TITLE]\nnothing\n", "has no nodes"),
    "cut off in a line": (lambda text: text[: text.index(" 400 0.013")], r"\[CONDUITS\].*cut off"),
    "unknown node": (lambda text: text.replace("C2 J2 O1", "C2 J2 O9"), "goes to 'O9'"),
    "doubled node": (lambda text: text.replace("J2 98 10", "J2 98 10\nJ1 3 4"), "twice"),
    "not a number": (lambda text: text.replace("J2 98 10", "J2 nan 10"), "'nan' is no number"),
    "text for a number": (lambda text: text.replace("J2 98 10", "J2 high 10"), "'high' is no number"),
    "unknown units": (lambda text: text.replace("CFS", "BUCKETS"), "FLOW_UNITS.*CFS"),
    "no cross-section": (lambda text: text.replace("C2 CIRCULAR 2 0 0 0\n", ""), "conduit 'C2' has none"),
    "unknown rain": (lambda text: text.replace("TIMESERIES R\n", "TIMESERIES Q\n"), "SWMM refuses it: ERROR"),
    "huge": (lambda text: text.replace("J1 0 0\n", "J1 1e30 0\n"), "farther than the earth"),
    "Latin letters": (lambda text: text.encode("utf-16").decode("latin-1"), "has no nodes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused(case, tmp_path):
    change, words = BAD[case]
    path = tmp_path / "town.inp"
    path.write_text(change(TOWN), encoding="utf-8")
    with pytest.raises(TwinError, match=words):
        read_swmm(path)


def test_swmm_says_what_its_error_means(tmp_path):
    path = town(tmp_path, ("TIMESERIES R\n", "TIMESERIES Q\n"))
    (error, *_) = opened_by_swmm(path)
    assert error.startswith("ERROR 173") or "Q" in error
    assert opened_by_swmm(town(tmp_path)) == []


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_line_cut_or_word_changed_is_read_or_refused(data):
    lines = TOWN.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    words = lines[at].split() or [""]
    word = data.draw(st.integers(0, len(words) - 1))
    new = data.draw(st.sampled_from(["", "-", "1e400", "*", "J2", "[CONDUITS]", "-5", "0"]))
    lines[at] = " ".join([*words[:word], new, *words[word + 1 :]][: data.draw(st.integers(0, len(words)))])
    with suppress(TwinError):
        assert isinstance(findings(tables("town", "\n".join(lines))), pd.DataFrame)


def test_sections_leave_comments_out():
    assert sections_of("[a]\n;; no\nx 1 ; why\n\n[B]\ny")["A"] == [["x", "1"]]
    assert math.isnan(tables("t", TOWN.replace("C2 CIRCULAR 2", "C2 IRREGULAR T7"))["conduits"].loc["C2", "diameter_m"])
