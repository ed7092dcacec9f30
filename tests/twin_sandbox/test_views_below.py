"""What lies below ground, as layers: each pipe at its depth, several times over, and never above the street."""

import json

import pytest

from twin_sandbox import TwinError
from twin_sandbox.views import below, district_map


def _layer(shown, name):
    return next(layer for layer in json.loads(shown.spec)["layers"] if layer["id"] == name)


def test_each_sewer_lies_at_its_depth(twin):
    rows = {row["code"]: row for row in _layer(district_map(twin, under=True), "conduits")["data"]}
    conduits, junctions = twin.entities["conduits"], twin.entities["junctions"]
    assert set(rows) == set(conduits.index)
    inland = conduits[conduits["from_code"].isin(junctions.index) & conduits["to_code"].isin(junctions.index)]
    for code, pipe in inland.iloc[::9].iterrows():
        ends = [(junctions.loc[pipe[f"{end}_code"]], offset) for end, offset in
                (("from", pipe["inlet_offset_m"]), ("to", pipe["outlet_offset_m"]))]  # fmt: skip
        path = rows[code]["path"]
        for (junction, offset), place in zip(ends, (path[0], path[-1]), strict=True):
            deep = junction["rim_m"] - junction["invert_m"] - offset
            assert place[2] == pytest.approx(-below.EXAGGERATION * deep, abs=0.05 * below.EXAGGERATION)


def test_nothing_below_ground_hangs_in_the_air(twin):
    shown = district_map(twin, under=True)
    for network in below.NETWORKS:
        for layer in json.loads(shown.spec)["layers"]:
            if layer["id"] == network.tables[0]:
                assert all(place[2] < 0 for row in layer["data"] for place in row["path"])


@pytest.mark.parametrize(("language", "word"), [("en", "storm sewers"), ("zh", "雨水管")])
def test_the_legend_names_the_networks_and_the_exaggeration(twin, language, word):
    overlay = district_map(twin, under=True, language=language).overlay
    assert word in [key["label"] for key in overlay["keys"]]
    assert f"{below.EXAGGERATION:g}" in overlay["lines"][0]
    assert overlay["mark"]


def test_water_is_not_shown_from_below(twin, ten_year_night):
    with pytest.raises(TwinError, match="under"):
        twin.map(ten_year_night, under=True)
