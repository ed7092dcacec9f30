import json
import shutil

import numpy as np
import pytest

from twin_sandbox.entities import LAND_COVER, TABLES, District, Terrain, read_district
from twin_sandbox.entities.tables import COMMON
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build_district


@pytest.fixture(scope="module")
def sample() -> District:
    return read_district(build_district())


@pytest.fixture
def copy(sample, tmp_path):
    return shutil.copytree(sample.folder, tmp_path / "copy")


def test_opening_reads_no_table(sample):
    assert read_district(sample.folder).entities._kept == {}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_columns_and_is_indexed_by_code(sample, name):
    table = sample.entities[name]
    assert set(COMMON) | set(TABLES[name].columns) <= set(table.columns)
    assert table.index.name == "code"
    assert table.crs.to_epsg() == 4549
    assert not table.drop(columns="geometry").isna().any().any()


def test_tables_are_found_by_name_alone(sample):
    assert list(sample.entities) == list(TABLES)
    with pytest.raises(KeyError, match="the tables are streets"):
        sample.entities["houses"]


def test_the_frame_lies_on_open_sea_and_says_so(sample):
    """35.5° N 120.9° E: the Yellow Sea, some 70 km from the nearest shore."""
    west, south, east, north = sample.entities["streets"].to_crs(4326).total_bounds
    assert 120.85 < west < east < 120.95
    assert 35.45 < south < north < 35.55
    assert "does not exist" in sample.manifest["notice"]


def test_terrain_is_north_up_and_finds_cells():
    """2 × 3 cells of 5 m from (100, 190) to (115, 200): the point (112, 191) lies in the last column, lower row."""
    flat = np.zeros((2, 3))
    terrain = Terrain(flat.astype("f4"), flat.astype("u1"), flat.astype("i2"), 100.0, 200.0, 5.0)
    assert terrain.bounds_m == (100.0, 190.0, 115.0, 200.0)
    assert terrain.cell(112.0, 191.0) == (1, 2)
    assert terrain.cell(-5.0, 500.0) == (0, 0)


def test_rasters_have_one_shape_and_known_values(sample):
    terrain = sample.terrain
    assert terrain.elevation_m.shape == terrain.land_cover.shape == terrain.low_area.shape == (200, 220)
    assert (terrain.elevation_m.dtype, terrain.land_cover.dtype, terrain.low_area.dtype) == ("f4", "u1", "i2")
    assert set(np.unique(terrain.land_cover)) == set(LAND_COVER)
    assert set(np.unique(terrain.low_area)) == set(range(-1, len(sample.entities["low_areas"])))


def test_each_low_area_has_its_stage_table(sample):
    areas = sample.entities["low_areas"]
    assert list(sample.stage_storage) == list(areas.index)
    for code, stages in sample.stage_storage.items():
        assert list(stages.columns) == ["level_m", "area_m2", "volume_m3"]
        assert stages["level_m"].iloc[0] == pytest.approx(areas["bottom_m"][code])
        assert stages["level_m"].iloc[-1] >= areas["sill_m"][code] + 0.4 - 1e-9


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(TwinError, match="no such folder"):
        read_district(tmp_path / "nowhere")


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    with pytest.raises(TwinError, match=r"not a built district: it holds no manifest\.json"):
        read_district(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "something"}, "of something else"),
        ({"version": 99}, "format version 99"),
        ({"crs": 4549}, "missing or of the wrong type"),
        ({"files": {}}, "damaged or changed"),
    ],
)
def test_another_manifest_is_refused(copy, change, says):
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    (copy / "manifest.json").write_text(json.dumps(manifest | change), "utf-8")
    with pytest.raises(TwinError, match=says):
        read_district(copy)


def test_a_manifest_that_is_not_json_is_refused(copy):
    (copy / "manifest.json").write_text("{", "utf-8")
    with pytest.raises(TwinError, match="not JSON"):
        read_district(copy)


@pytest.mark.parametrize("name", ["district.gpkg", "elevation_m.npy", "stage_storage.csv", "recipe.toml"])
def test_a_damaged_or_missing_file_is_refused(copy, name):
    file = copy / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(TwinError, match="damaged or changed"):
        read_district(copy)
    file.unlink()
    with pytest.raises(TwinError, match="missing"):
        read_district(copy)


def test_a_missing_table_or_column_is_refused(copy, sample):
    database = copy / "district.gpkg"
    database.unlink()
    sample.entities["streets"].drop(columns="lanes").reset_index().to_file(database, layer="streets")
    district = District(copy, sample.manifest)
    with pytest.raises(TwinError, match="lacks the columns lanes"):
        district.entities["streets"]
    with pytest.raises(TwinError, match="holds no table 'parks'"):
        district.entities["parks"]
    database.write_bytes(b"not a database")
    with pytest.raises(TwinError, match="cannot be opened"):
        district.entities["parks"]
