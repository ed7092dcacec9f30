"""``practicum district export`` and ``diff`` as typed."""

import json

import pytest
from click.testing import CliRunner

from grader.cli import practicum
from twin_sandbox import open_district
from twin_sandbox.formats import FORMATS


def run(*words):
    """Exit code and output of a command; a refusal's sentence is the output."""
    result = CliRunner().invoke(practicum, ["district", *map(str, words)])
    text = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        text += str(result.exception)
    return result.exit_code, text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_written_from_the_command_line(form, tmp_path):
    out = tmp_path / ("out" + FORMATS[form].suffixes[0] if form not in ("geoparquet", "geojson") else "out")
    table = ["--table", "streets"] if "tables" in FORMATS[form].options else []
    code, text = run("export", "--format", form, "--out", out, "--json", *table)
    assert code == 0, text
    told = json.loads(text)
    assert told["format"] == form
    assert told["files"] >= 1
    assert told["bytes"] > 1000
    assert out.exists()


def test_an_export_says_that_the_place_does_not_exist(tmp_path):
    code, text = run("export", "--format", "gpkg", "--out", tmp_path / "q.gpkg", "--table", "parks")
    assert code == 0
    assert "does not exist" in text


def test_an_option_of_another_format_is_refused(tmp_path):
    code, text = run("export", "--format", "swmm", "--out", tmp_path / "q.inp", "--lod", "2")
    assert code != 0
    assert "has no option lods" in text
    assert list(tmp_path.iterdir()) == []


def test_an_export_equals_its_district_and_a_changed_one_does_not(tmp_path):
    one, two = tmp_path / "one.gpkg", tmp_path / "two"
    run("export", "--format", "gpkg", "--out", one, "--table", "buildings", "--table", "parks")
    run("export", "--format", "geojson", "--out", two, "--table", "buildings", "--table", "parks")
    code, text = run("diff", one, two)
    assert (code, text) == (0, "No difference.\n")

    file = two / "buildings.geojson"
    tree = json.loads(file.read_text(encoding="utf-8"))
    codes = [feature["id"] for feature in tree["features"]]
    tree["features"][0]["properties"]["height_m"] += 1.5
    for ring in tree["features"][1]["geometry"]["coordinates"]:
        for corner in ring:
            corner[1] += 3e-5  # of latitude: 3.3 m
    del tree["features"][2]
    file.write_text(json.dumps(tree), encoding="utf-8")
    (two / "parks.geojson").unlink()
    code, text = run("diff", one, two, "--json")
    assert code == 1
    told = {(d["table"], d["code"], d["what"]): d for d in json.loads(text)["differences"]}
    assert set(told) == {
        ("parks", "", "table removed"),
        ("buildings", codes[0], "changed"),
        ("buildings", codes[1], "moved"),
        ("buildings", codes[2], "entity removed"),
    }
    height = told["buildings", codes[0], "changed"]
    assert height["column"] == "height_m"
    assert height["new"] == height["old"] + 1.5
    assert told["buildings", codes[1], "moved"]["new"] == pytest.approx(3.33, abs=0.01)
    code, text = run("diff", one, two)
    assert code == 1
    assert "moved by 3.3" in text
    assert "4 differences." in text


def test_a_built_district_equals_itself():
    folder = open_district().district.folder
    assert run("diff", folder, folder) == (0, "No difference.\n")


def test_what_is_not_there_is_said(tmp_path):
    code, text = run("diff", tmp_path / "a.gpkg", tmp_path / "b.gpkg")
    assert code != 0
    assert "no such file" in text
