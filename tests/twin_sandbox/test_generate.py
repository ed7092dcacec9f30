import re

import numpy as np
import pytest

from twin_sandbox.entities import read_district
from twin_sandbox.entities.district import MANIFEST
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import build, build_district, sample_recipe
from twin_sandbox.generate.recipe import NUMBERS, read_recipe
from twin_sandbox.generate.sanity import place

TEXT = sample_recipe().read_text("utf-8")


@pytest.fixture
def recipe(tmp_path):
    def write(text):
        file = tmp_path / "recipe.toml"
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def other_seed(recipe):
    text = re.sub(r"^seed = \d+", "seed = 7", TEXT, flags=re.MULTILINE)
    assert text != TEXT
    return recipe(text)


def test_another_seed_gives_another_place_that_is_as_sane(tmp_path, other_seed):
    """All that must not be is not; only figures of size may differ with the seed."""
    other, sample = read_district(build_district(other_seed, tmp_path / "other")), read_district(build_district())
    assert not np.array_equal(other.terrain.elevation_m, sample.terrain.elevation_m)
    assert (
        not other.entities["buildings"]
        .geometry.reset_index(drop=True)
        .equals(sample.entities["buildings"].geometry.reset_index(drop=True))
    )
    assert [value.name for value in place.values(other) if not value.ok] == []


def test_a_built_district_is_found_again_without_building(tmp_path, monkeypatch):
    folder = build_district()
    monkeypatch.setattr(build, "_write", None)
    assert build_district() == folder


def test_the_cache_is_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "_write", lambda recipe, sheets, name, folder: (folder / MANIFEST).write_text("{}"))
    folder = build_district()
    assert folder.parent == tmp_path / "districts"
    assert folder.name == build.recipe_hash(sample_recipe().read_bytes(), sample_recipe().parent / "sheets")


@pytest.mark.parametrize("end", [KeyboardInterrupt, MemoryError, OSError(28, "No space left on device")])
def test_whatever_stops_a_build_leaves_nothing_behind(tmp_path, monkeypatch, end):
    def stop(recipe, sheets, name, folder):
        (folder / "half").write_bytes(b"0")
        raise end

    monkeypatch.setattr(build, "_write", stop)
    with pytest.raises(TwinError if isinstance(end, OSError) else end):
        build_district(out=tmp_path / "here")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_what_to_do(tmp_path, monkeypatch):
    def stop(recipe, sheets, name, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "_write", stop)
    with pytest.raises(TwinError, match=r"No space left on device\. Free space or name another folder"):
        build_district(out=tmp_path / "here")


def test_an_unwritable_place_is_refused(tmp_path):
    """A file where a folder should be refuses everyone, root too."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TwinError, match="cannot be written"):
        build_district(out=tmp_path / "file" / "district")


def test_a_folder_of_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_bytes(b"years of work")
    with pytest.raises(TwinError, match="holds something that is not a district"):
        build_district(out=tmp_path)
    assert (tmp_path / "thesis.txt").read_bytes() == b"years of work"


def test_a_built_district_is_replaced(tmp_path, monkeypatch):
    marks = iter("ab")
    monkeypatch.setattr(
        build, "_write", lambda recipe, sheets, name, folder: (folder / MANIFEST).write_text(next(marks))
    )
    for mark in "ab":
        build_district(out=tmp_path / "here")
        assert (tmp_path / "here" / MANIFEST).read_text() == mark
    assert [entry.name for entry in tmp_path.iterdir()] == ["here"]


def test_leftovers_of_a_killed_build_are_swept(tmp_path, monkeypatch):
    (tmp_path / ".building-old").mkdir()
    monkeypatch.setattr(build, "_STALE_S", -1.0)
    monkeypatch.setattr(build, "_write", lambda recipe, sheets, name, folder: (folder / MANIFEST).write_text("{}"))
    build_district(out=tmp_path / "here")
    assert [entry.name for entry in tmp_path.iterdir()] == ["here"]


def test_a_missing_recipe_is_refused(tmp_path):
    with pytest.raises(TwinError, match="No such file or directory"):
        build_district(tmp_path / "none.toml", tmp_path / "out")


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_a_missing_number_is_named(recipe, key):
    name = key.rsplit(".", 1)[1]
    section = key.split(".")[0]
    start = TEXT.index(f"\n[{section}]")
    body = TEXT[start:]
    broken = re.sub(rf"\b{name} = -?[\d.]+", f"not_{name} = 1", body, count=1)
    assert broken != body
    with pytest.raises(TwinError, match=f"{re.escape(key)}: missing") as refusal:
        read_recipe(recipe(TEXT[:start] + broken))
    assert "a number from" in refusal.value.allowed


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cell_m = 5.0", "cell_m = 0.01", r"district\.cell_m: 0\.01\. Allowed: a number from 2 to 20"),
        ("cell_m = 5.0", "cell_m = nan", r"district\.cell_m: nan"),
        ("cell_m = 5.0", 'cell_m = "5"', "'5' is a text. Allowed: a number"),
        ("cell_m = 5.0", "cell_m = true", "'True' is true or false. Allowed: a number"),
        ("cell_m = 5.0", "cell_m = 7.0", r"district\.width_m: 1100\.0\. Allowed: a multiple of cell_m = 7"),
        ("residents = 12000", "residents = -1", r"district\.residents: -1\. Allowed: a number from 100"),
        ('area_code = "SB01"', 'area_code = "sb01"', "four capital letters or digits"),
        ('name_en = "Gulls\' Quay"', "name_en = 5", r"district\.name_en: '5' is a number. Allowed: a text"),
        ('class = "arterial"', 'class = "motorway"', r"street\[0\]\.class: 'motorway'"),
        ('class = "underpass"', 'class = "local"', "not exactly one underpass"),
        ("[[45, 354]", "[[45]", r"street\[1\]\.line\[0\]: \[45\] is no point"),
        ("[[45, 354]", "[[45, 99999]", r"street\[1\]\.line\[0\]: 99999"),
        ("old_town =", "old_twon =", r"zones\.old_twon: no such use"),
        ("depth_m = 2.6", "depth_m = 0.2", r"underpass\.depth_m: 0\.2"),
        ("diameters_m = [0.3,", "diameters_m = [0.9,", "rising diameters"),
        ("tank_x = 562", "tank_x = 5620", r"drainage\.station\.tank_x: 5620"),
        ("beach_x_m = [-50.0, 395.0]", "beach_x_m = [395.0]", r"coast\.beach_x_m"),
        ("[district]", "[district", "not TOML"),
    ],
)
def test_an_absurd_recipe_is_refused_with_file_key_and_range(recipe, old, new, says):
    assert old in TEXT
    file = recipe(TEXT.replace(old, new, 1))
    with pytest.raises(TwinError, match=says) as refusal:
        read_recipe(file)
    assert str(file) in refusal.value.where


def test_a_street_that_meets_no_other_is_refused(recipe, tmp_path):
    lone = '[[street]]\nname_en = "Lone Lane"\nname_zh = "孤巷"\nclass = "local"\nline = [[100, 900], [180, 960]]\n\n'
    file = recipe(TEXT.replace("[street_class]", lone + "[street_class]", 1))
    with pytest.raises(TwinError, match="is joined to no other"):
        build_district(file, tmp_path / "out")
