"""GeoParquet, GeoPackage and GeoJSON: out and in again to the millimetre and the attribute, and what is refused."""

import json
import math
import warnings
from contextlib import suppress
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from twin_sandbox import formats
from twin_sandbox.entities import FACTS, TABLES
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.geojson import read_geojson, write_geojson
from twin_sandbox.formats.geopackage import read_geopackage, write_geopackage
from twin_sandbox.formats.geoparquet import read_geoparquet, write_geoparquet

X, Y = 581000.0, 3930000.0
FORMS = {
    "geoparquet": ("geoparquet", "parquet", {}),
    "gpkg": ("gpkg", "district.gpkg", {}),
    "geojson": ("geojson", "lon_lat", {}),
    "geojson in metres": ("geojson", "metres", {"projected": True}),
}


def district(shapes=None, crs="EPSG:4549", **columns):
    """A district of one table "things"."""
    shapes = [Point(X, Y), Point(X + 5, Y + 7)] if shapes is None else shapes
    codes = columns.pop("code", [f"A{k}" for k in range(len(shapes))])
    table = gpd.GeoDataFrame(
        columns, geometry=gpd.GeoSeries(shapes, crs=crs), index=pd.Index(range(len(shapes)))
    ).set_index(pd.Index(codes, name="code", dtype=object))
    return SimpleNamespace(entities={"things": table}, facts={}, manifest={"notice": "made up"}, sheets={}, crs=crs)


def line(corners):
    with np.errstate(invalid="ignore"):
        return shapely.from_wkt(f"LINESTRING ({corners})")


def apart_m(a, b) -> float:
    """The farthest that any geometry of one table is from its twin in the other."""
    return float(np.nan_to_num(shapely.hausdorff_distance(a.geometry.to_numpy(), b.geometry.to_numpy())).max(initial=0))


@pytest.fixture(scope="module", params=list(FORMS))
def exported(request, twin, tmp_path_factory):
    form, name, options = FORMS[request.param]
    path = tmp_path_factory.mktemp("out") / name
    formats.write(twin.district, form, path, **options)
    return path


def test_every_entity_table_comes_back_to_the_millimetre_and_the_attribute(exported, twin):
    back = formats.read(exported)
    assert set(TABLES) <= set(back)
    for name in TABLES:
        was, found = twin.entities[name], back[name]
        assert list(found.columns) == list(was.columns), name
        if len(was):
            pd.testing.assert_frame_equal(
                pd.DataFrame(found.drop(columns="geometry")), pd.DataFrame(was.drop(columns="geometry")), obj=name
            )
            assert found.crs == was.crs, name
            assert (found.geometry.isna() == was.geometry.isna()).all(), name
            assert apart_m(found, was) <= 0.001, name


@pytest.mark.parametrize("form", ["geoparquet", "gpkg"])
def test_facts_come_back_too(form, twin, tmp_path):
    path = tmp_path / ("facts.gpkg" if form == "gpkg" else "facts")
    names = [name for name in FACTS if 0 < len(twin.district.facts[name]) < 5000]
    formats.write(twin.district, form, path, tables=names)
    back = formats.read(path)
    for name in names:
        pd.testing.assert_frame_equal(back[name], twin.district.facts[name], obj=name)


def test_gdal_finds_longitude_first_in_geojson(twin, tmp_path):
    write_geojson(twin.district, tmp_path / "streets.geojson", ["streets"])
    west, south, east, north = pyogrio.read_dataframe(tmp_path / "streets.geojson").total_bounds
    assert 120.8 < west < east < 121.0
    assert 35.4 < south < north < 35.6


def test_gdal_finds_easting_first_in_projected_geojson_and_in_the_geopackage(twin, tmp_path):
    write_geojson(twin.district, tmp_path / "streets.geojson", ["streets"], projected=True)
    write_geopackage(twin.district, tmp_path / "streets.gpkg", ["streets"])
    for name in ("streets.geojson", "streets.gpkg"):
        table = pyogrio.read_dataframe(tmp_path / name).set_index("code")
        assert table.crs.to_epsg() == 4549
        assert apart_m(table.loc[twin.entities["streets"].index], twin.entities["streets"]) <= 0.001


def test_geopackage_layers_are_described_in_english_and_chinese(twin, tmp_path):
    import sqlite3

    write_geopackage(twin.district, tmp_path / "d.gpkg", ["streets", "buildings"])
    with sqlite3.connect(tmp_path / "d.gpkg") as base:
        rows = dict(base.execute("select table_name, description from gpkg_contents"))
    base.close()
    for text in rows.values():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
        assert any("a" <= letter <= "z" for letter in text)


def test_geoparquet_is_what_the_specification_says(twin, tmp_path):
    write_geoparquet(twin.district, tmp_path / "b.parquet", ["buildings"])
    table = pq.read_table(tmp_path / "b.parquet")  # a reader that knows nothing of this practicum
    geo = json.loads(table.schema.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert geo["version"] == "1.1.0"
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4549}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    shapes = shapely.from_wkb(table["geometry"].to_numpy())
    boxes = table["bbox"].to_pylist()
    bounds = shapely.bounds(shapes)
    assert np.allclose([[b["xmin"], b["ymin"], b["xmax"], b["ymax"]] for b in boxes], bounds, atol=0.1)
    assert (bounds[:, 0] < 600_000).all()  # x is the easting


def test_geojson_follows_rfc_7946(twin, tmp_path):
    write_geojson(twin.district, tmp_path / "b.geojson", ["buildings"])
    tree = json.loads((tmp_path / "b.geojson").read_text(encoding="utf-8"))
    assert "crs" not in tree
    assert [feature["id"] for feature in tree["features"]] == list(twin.entities["buildings"].index)
    assert all(shapely.is_ccw(shapely.LinearRing(f["geometry"]["coordinates"][0])) for f in tree["features"])
    assert len(tree["bbox"]) == 4


def test_cgcs2000_is_taken_as_wgs_84(tmp_path):
    """On the central meridian of its zone, easting 500 km, the longitude is exactly 120°."""
    write_geojson(district([Point(500000.0, Y)]), tmp_path / "t.geojson")
    (feature,) = json.loads((tmp_path / "t.geojson").read_text(encoding="utf-8"))["features"]
    assert feature["geometry"]["coordinates"][0] == pytest.approx(120.0, abs=1e-9)


def test_a_foreign_file_without_codes_is_read(tmp_path):
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(2.3, 48.8)], crs=4326).to_file(tmp_path / "far.geojson")
    table = formats.read(tmp_path / "far.geojson")["far"]
    assert table["name"].tolist() == ["a"]
    assert table.crs.to_epsg() == 4326 or table.crs.to_string() == "OGC:CRS84"


values = st.fixed_dictionaries(
    {
        "text": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
        "share": st.floats(-1e9, 1e9) | st.just(math.nan),
        "count": st.integers(-(2**53), 2**53),
        "there": st.booleans(),
        "x": st.floats(-2000, 2000),
        "y": st.floats(-2000, 2000),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(values, min_size=1, max_size=4), form=st.sampled_from(list(FORMS)))
def test_any_table_comes_back(tmp_path_factory, rows, form):
    name, file, options = FORMS[form]
    path = tmp_path_factory.mktemp("any") / file
    columns = {key: [row[key] for row in rows] for key in ("text", "share", "count", "there")}
    made = district([Point(X + row["x"], Y + row["y"]) for row in rows], **columns)
    formats.write(made, name, path, **options)
    (back,) = formats.read(path).values()
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.drop(columns="geometry")), pd.DataFrame(made.entities["things"].drop(columns="geometry"))
    )
    assert apart_m(back, made.entities["things"]) <= 0.001


BAD_TABLES = {
    "no CRS": (lambda: district(crs=None), "none is given"),
    "wrong CRS": (lambda: district(crs="EPSG:28992"), "outside of where"),
    "swapped axes": (lambda: district([Point(Y, X)]), "axes are swapped"),
    "not a number": (lambda: district([line("581000 3930000, 581000 nan")]), "not a number"),
    "infinite": (lambda: district([line("581000 3930000, 581000 inf")]), "not a number"),
    "empty geometry": (lambda: district([Polygon()]), "is empty"),
    "huge": (lambda: district([Point(1e12, 0)]), "farther than the earth"),
    "doubled code": (lambda: district(code=["A0", "A0"]), "twice"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
@pytest.mark.parametrize("form", FORMS)
def test_a_bad_table_is_refused_and_nothing_is_written(case, form, tmp_path):
    make, words = BAD_TABLES[case]
    name, file, options = FORMS[form]
    with pytest.raises(TwinError, match=words):
        formats.write(make(), name, tmp_path / file, **options)
    assert list(tmp_path.iterdir()) == []


def write_raw(made, path):
    """The table as it is, past our own checks."""
    table = made.entities["things"].reset_index()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GDAL says that a file without a CRS has none
        table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path, layer="things", driver="GPKG")


@pytest.mark.parametrize("case", BAD_TABLES)
@pytest.mark.parametrize("name", ["t.parquet", "t.gpkg"])
def test_a_bad_file_is_refused(case, name, tmp_path):
    make, words = BAD_TABLES[case]
    if case == "not a number" and name == "t.gpkg":
        words = "not a number|is empty|cannot be read"
    write_raw(make(), tmp_path / name)
    with pytest.raises(TwinError, match=words):
        formats.read(tmp_path / name)


def collection(*coordinates, **more):
    features = [
        {"type": "Feature", "properties": {"code": f"A{k}"}, "geometry": {"type": "Point", "coordinates": list(at)}}
        for k, at in enumerate(coordinates)
    ]
    return {"type": "FeatureCollection", "features": features} | more


METRES = {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}}
BAD_GEOJSON = {
    "empty": ("", "is empty"),
    "cut off": (json.dumps(collection((120.0, 36.0)))[:-20], "is not JSON"),
    "a list": ("[]", "no JSON object"),
    "another type": ('{"type": "Feature"}', "no FeatureCollection"),
    "NaN": (json.dumps(collection((math.nan, 36.0))), "NaN is not a number"),
    "swapped axes": (json.dumps(collection((36.0, 120.0))), "axes are swapped"),
    "swapped metres": (json.dumps(collection((Y, X), **METRES)), "axes are swapped"),
    "metres as degrees": (json.dumps(collection((X, Y))), "outside of where"),
    "huge": (json.dumps(collection((1e300, 36.0))), "farther than the earth"),
    "unknown CRS": (json.dumps(collection((X, Y), crs={"properties": {"name": "EPSG:1"}})), "crs"),
    "doubled code": (json.dumps({**collection(), "features": collection((1.0, 2.0))["features"] * 2}), "twice"),
    "empty geometry": (json.dumps(collection(())), "geometry"),
    "text as coordinate": (json.dumps(collection(("a", "b"))), "no GeoJSON geometry|not of numbers"),
    "nested": ("[" * 100_000, "nested too deeply|is not JSON"),
}


@pytest.mark.parametrize("case", BAD_GEOJSON)
def test_bad_geojson_is_refused(case, tmp_path):
    text, words = BAD_GEOJSON[case]
    (tmp_path / "t.geojson").write_text(text, encoding="utf-8")
    with pytest.raises(TwinError, match=words):
        formats.read(tmp_path / "t.geojson")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_reasons(tmp_path_factory, data):
    """Cut anywhere, or a byte changed: a TwinError or a table, nothing else."""
    folder = tmp_path_factory.mktemp("damaged")
    name = data.draw(st.sampled_from(["t.parquet", "t.gpkg", "t.geojson"]))
    writers = {"t.parquet": write_geoparquet, "t.gpkg": write_geopackage, "t.geojson": write_geojson}
    readers = {"t.parquet": read_geoparquet, "t.gpkg": read_geopackage, "t.geojson": read_geojson}
    writers[name](district(), folder / name, ["things"])
    whole = (folder / name).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] if data.draw(st.booleans()) else whole[:at] + b"\xff" + whole[at + 1 :]
    (folder / name).write_bytes(damaged)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(TwinError):
            assert readers[name](folder / name)


def test_what_is_not_there_or_not_known_is_said(tmp_path, twin):
    with pytest.raises(TwinError, match="no such file"):
        formats.read(tmp_path / "none.gpkg")
    (tmp_path / "a.docx").write_text("?", encoding="utf-8")
    with pytest.raises(TwinError, match=r"no format that is read here.*\.geojson"):
        formats.read(tmp_path / "a.docx")
    with pytest.raises(TwinError, match="One of geoparquet"):
        formats.write(twin.district, "shapefile", tmp_path / "x")
    with pytest.raises(TwinError, match="has no option projected"):
        formats.write(twin.district, "gpkg", tmp_path / "x.gpkg", projected=True)
    with pytest.raises(TwinError, match="'tram'"):
        formats.write(twin.district, "gpkg", tmp_path / "x.gpkg", tables=["tram"])


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(TwinError, match="holds something else"):
        write_geojson(district(), tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["diary.txt"]


def test_an_export_is_replaced_whole(tmp_path):
    write_geojson(district(), tmp_path / "out")
    write_geojson(district([Point(X, Y)]), tmp_path / "out")
    assert len(read_geojson(tmp_path / "out")["things"]) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
