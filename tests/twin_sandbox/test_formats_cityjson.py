"""CityJSON: closed solids for every building, out and in, read by cjio; foreign files; what is refused."""

import copy
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
import shapely.affinity
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from twin_sandbox import formats
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.cityjson import building_solid, rings_of, roofs_of, write_cityjson
from twin_sandbox.formats.roof import Roof, roof_faces
from twin_sandbox.formats.solid import flaw, newell, volume_m3

PLANS = {
    "rectangle": [(0, 0), (14, 0), (14, 8), (0, 8)],
    "L": [(0, 0), (18, 0), (18, 6), (6, 6), (6, 14), (0, 14)],
    "L of unequal wings": [(0, 0), (16, 0), (16, 8), (5, 8), (5, 12), (0, 12)],
    "stub": [(0, 0), (16, 0), (16, 6), (10, 6), (10, 8), (0, 8)],
    "U": [(0, 0), (20, 0), (20, 12), (14, 12), (14, 6), (6, 6), (6, 12), (0, 12)],
    "T": [(0, 0), (20, 0), (20, 7), (13, 7), (13, 13), (7, 13), (7, 7), (0, 7)],
    "Z": [(0, 0), (12, 0), (12, 6), (20, 6), (20, 12), (7, 12), (7, 6), (0, 6)],
}
KINDS = ("flat", "shed", "gable", "hip")


def areas_m2(made) -> dict[str, float]:
    """Area of the surfaces of each kind."""
    found: dict[str, float] = {}
    for rings, kind in zip(made.surfaces, made.kinds, strict=True):
        found[kind] = found.get(kind, 0.0) + np.linalg.norm(sum(newell(made.points[ring]) for ring in rings)) / 2
    return found


@pytest.fixture(scope="module")
def city(twin, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("city") / "quay.city.json"
    write_cityjson(twin.district, path, surroundings=True)
    return path


def solids(tree):
    vertices = np.array(tree["vertices"]) * tree["transform"]["scale"] + tree["transform"]["translate"]
    for code, thing in tree["CityObjects"].items():
        for geometry in thing["geometry"]:
            if geometry["type"] == "Solid":
                yield code, geometry, vertices


def test_every_building_is_closed_and_turned_outward_at_both_levels(city, twin):
    tree = json.loads(city.read_text(encoding="utf-8"))
    seen = {"1.2": 0, "2.2": 0}
    for code, geometry, vertices in solids(tree):
        (shell,) = geometry["boundaries"]
        assert flaw(vertices, shell) is None, (code, geometry["lod"])
        kinds = {surface["type"] for surface in geometry["semantics"]["surfaces"]}
        assert kinds == {"RoofSurface", "WallSurface", "GroundSurface"}
        seen[geometry["lod"]] += 1
    assert set(seen.values()) == {len(twin.entities["buildings"])}


def test_trimesh_finds_them_watertight(city):
    tree = json.loads(city.read_text(encoding="utf-8"))
    for code, geometry, vertices in list(solids(tree))[::9]:
        triangles, points = [], []
        for ring, *_ in geometry["boundaries"][0]:
            corners = vertices[ring]
            normal = newell(corners)
            flat = np.delete(corners, np.abs(normal).argmax(), axis=1)  # triangulate in the plane it is largest in
            for part in shapely.constrained_delaunay_triangles(shapely.Polygon(flat)).geoms:
                at = [int(np.abs(flat - xy).sum(axis=1).argmin()) for xy in part.exterior.coords[:3]]
                if np.dot(newell(corners[at]), normal) < 0:
                    at.reverse()
                triangles.append([len(points) + k for k in range(3)])
                points += [corners[k] for k in at]
        mesh = trimesh.Trimesh(points, triangles)
        assert mesh.is_watertight, code
        assert mesh.is_winding_consistent, code
        assert mesh.volume == pytest.approx(volume_m3(vertices, geometry["boundaries"][0]), rel=1e-4), code


def test_cjio_reads_it(city, twin):
    cjio = Path(sys.executable).with_name("cjio")
    done = subprocess.run([cjio, str(city), "info"], capture_output=True, text=True, check=True)
    assert "CityJSON version = 2.0" in done.stdout
    assert "EPSG = 4549" in done.stdout
    assert f"Building ({len(twin.entities['buildings'])})" in done.stdout


def test_it_says_where_and_in_what_it_is_measured(city, twin):
    tree = json.loads(city.read_text(encoding="utf-8"))
    assert tree["transform"]["scale"] == [0.001] * 3
    assert tree["metadata"]["referenceSystem"] == "https://www.opengis.net/def/crs/EPSG/0/4549"
    extent = tree["metadata"]["geographicalExtent"]
    west, south, *_ = twin.entities["buildings"].total_bounds
    assert extent[0] < 600_000  # x is the easting
    assert abs(extent[0] - west) < 200
    assert abs(extent[1] - south) < 200


def test_footprints_come_back_to_the_millimetre_and_attributes_as_they_were(city, twin):
    was, back = twin.entities["buildings"], formats.read(city)["buildings"]
    assert list(back.index) == list(was.index)
    assert back.crs == was.crs
    assert shapely.hausdorff_distance(back.geometry.to_numpy(), was.geometry.to_numpy()).max() <= 0.001
    for column in was.columns.drop("geometry"):
        assert back[column].tolist() == was[column].tolist(), column
    assert np.abs(back["ground_m"] - was["floor_m"]).max() <= 0.001
    assert np.abs(back["top_m"] - was["floor_m"] - was["height_m"]).max() <= 0.02
    assert (back["lod"] == "2.2").all()


def test_roofs_are_those_of_the_facts(twin):
    """A pitched roof has less volume than the block of the same height, and as many planes as its kind needs."""
    least = {"flat": 1, "shed": 1, "gable": 2, "hip": 4}
    roofs = roofs_of(twin.district)
    assert len(roofs) == len(twin.entities["buildings"])
    for code, row in twin.entities["buildings"].iterrows():
        made = building_solid(code, row.geometry, row.floor_m, row.height_m, roofs[code])
        block = building_solid(code, row.geometry, row.floor_m, row.height_m)
        assert made.kinds.count("RoofSurface") >= least[roofs[code].kind], code
        ratio = volume_m3(made.points, made.surfaces) / volume_m3(block.points, block.surfaces)
        assert ratio == pytest.approx(1) if roofs[code].kind == "flat" else ratio < 1, code


def test_all_buildings_with_roofs_are_written_in_three_seconds(twin, tmp_path):
    write_cityjson(twin.district, tmp_path / "warm.city.json", [2])
    start = time.process_time()
    write_cityjson(twin.district, tmp_path / "b.city.json", [2])
    assert time.process_time() - start <= 3


@pytest.mark.parametrize("turn_deg", [0, 17, 90])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plan", PLANS)
def test_a_roof_closes_over_every_plan(plan, kind, turn_deg):
    """The roof's plan area is the plan's; every kind closes, on plans turned any way."""
    shape = shapely.affinity.rotate(shapely.Polygon(PLANS[plan]), turn_deg, origin=(0, 0))
    made = building_solid("b", shape, 3.0, 5.0, Roof(kind, 5.0, 8.0))
    assert flaw(made.points, made.surfaces) is None
    areas = areas_m2(made)
    assert areas["GroundSurface"] == pytest.approx(shape.area, rel=1e-3)
    if kind == "flat":
        assert areas["RoofSurface"] == pytest.approx(shape.area, rel=1e-3)
    elif (plan, kind) != ("Z", "gable"):
        assert areas["RoofSurface"] > 1.01 * shape.area
        assert made.points[:, 2].max() == pytest.approx(11.0, abs=0.02)


def test_a_gable_over_a_rectangle_is_the_one_of_the_textbook():
    """14 × 8 m, eaves 5 m, ridge 8 m: volume = 14 · 8 · 5 + 14 · 8 · 3 / 2; roof = 2 · 14 · √(4² + 3²) = 140 m²."""
    plan = shapely.Polygon(PLANS["rectangle"])
    made = building_solid("b", plan, 0.0, 8.0, Roof("gable", 5.0, 8.0, 90.0))
    assert volume_m3(made.points, made.surfaces) == pytest.approx(14 * 8 * 5 + 14 * 8 * 3 / 2)
    assert areas_m2(made)["RoofSurface"] == pytest.approx(140)
    assert {tuple(p[:2]) for p in made.points if p[2] == 8.0} == {(0.0, 4.0), (14.0, 4.0)}


def test_the_ridge_runs_as_told_and_a_shed_rises_to_the_right_of_it():
    plan = shapely.Polygon(PLANS["rectangle"])
    across = building_solid("b", plan, 0.0, 8.0, Roof("gable", 5.0, 8.0, 0.0))
    assert {tuple(p[:2]) for p in across.points if p[2] == 8.0} == {(7.0, 0.0), (7.0, 8.0)}
    shed = building_solid("b", plan, 0.0, 8.0, Roof("shed", 5.0, 8.0, 0.0))
    assert {tuple(p[:2]) for p in shed.points if p[2] == 8.0} == {(14.0, 0.0), (14.0, 8.0)}


def test_a_hip_over_a_square_is_a_pyramid():
    made = building_solid("b", shapely.box(0, 0, 6, 6), 0.0, 7.0, Roof("hip", 4.0, 7.0))
    assert volume_m3(made.points, made.surfaces) == pytest.approx(36 * 4 + 36 * 3 / 3)


def test_a_court_stays_open():
    plan = shapely.box(0, 0, 20, 20) - shapely.box(5, 5, 15, 15)
    made = building_solid("b", plan, 0.0, 10.0)
    assert flaw(made.points, made.surfaces) is None
    assert volume_m3(made.points, made.surfaces) == pytest.approx(3000)


@settings(max_examples=60, deadline=None)
@given(
    width=st.floats(4, 30),
    depth=st.floats(4, 30),
    notch_x=st.floats(0.15, 0.85),
    notch_y=st.floats(0.15, 0.85),
    turn_deg=st.floats(0, 360),
    rise_m=st.floats(0.3, 6),
    kind=st.sampled_from(KINDS),
)
def test_any_l_closes(width, depth, notch_x, notch_y, turn_deg, rise_m, kind):
    corner = shapely.box(width * notch_x, depth * notch_y, width + 1, depth + 1)
    plan = shapely.affinity.rotate(shapely.box(0, 0, width, depth) - corner, turn_deg, origin=(0, 0))
    made = building_solid("b", plan, 2.0, 6.0, Roof(kind, 6.0, 6.0 + rise_m))
    assert flaw(made.points, made.surfaces) is None
    if kind != "flat":
        assert roof_faces(rings_of(plan)[0], Roof(kind, 6.0, 6.0 + rise_m)) is not None
        assert areas_m2(made)["RoofSurface"] > plan.area * 0.999


def block(x, y, wide, deep, low, high):
    """A box's corners, and its six surfaces seen from outside."""
    corners = [(x, y), (x + wide, y), (x + wide, y + deep), (x, y + deep)]
    points = [[*xy, low] for xy in corners] + [[*xy, high] for xy in corners]
    sides = [[[k, (k + 1) % 4, (k + 1) % 4 + 4, k + 4]] for k in range(4)]
    return points, [[[3, 2, 1, 0]], [[4, 5, 6, 7]], *sides]


def foreign():
    """Two buildings of another town, written by hand: one LoD 1 without semantics, one in a part, 1 cm vertices."""
    first, shell = block(8_500_000, 44_700_000, 1000, 800, 200, 1100)
    second, other = block(8_502_000, 44_700_000, 600, 600, 150, 750)
    moved = [[[at + 8 for at in ring] for ring in surface] for surface in other]
    return {
        "type": "CityJSON",
        "version": "2.0",
        "transform": {"scale": [0.01, 0.01, 0.01], "translate": [0, 0, 0]},
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/28992"},
        "CityObjects": {
            "huis-1": {
                "type": "Building",
                "attributes": {"bouwjaar": 1911, "measuredHeight": 9.2},
                "geometry": [{"type": "Solid", "lod": "1", "boundaries": [shell]}],
            },
            "huis-2": {"type": "Building", "children": ["huis-2-a"]},
            "huis-2-a": {
                "type": "BuildingPart",
                "parents": ["huis-2"],
                "geometry": [
                    {
                        "type": "Solid",
                        "lod": "2",
                        "boundaries": [moved],
                        "semantics": {
                            "surfaces": [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "WallSurface"}],
                            "values": [[0, 1, 2, 2, 2, 2]],
                        },
                    }
                ],
            },
            "boom": {"type": "SolitaryVegetationObject"},
        },
        "vertices": first + second,
    }


def write(tree, folder) -> Path:
    path = folder / "town.city.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def test_a_foreign_file_is_read(tmp_path):
    table = formats.read(write(foreign(), tmp_path))["buildings"]
    assert list(table.index) == ["huis-1", "huis-2"]
    assert table["height_m"].tolist() == [9.2, 6.0]
    assert table["volume_m3"].tolist() == pytest.approx([10 * 8 * 9, 6 * 6 * 6])
    assert table["bouwjaar"].tolist()[0] == 1911
    assert table["lod"].tolist() == ["1", "2"]
    assert table.geometry.iloc[0].equals(shapely.box(85_000, 447_000, 85_010, 447_008))
    assert table.geometry.iloc[1].area == pytest.approx(36)


def shell_of(tree, code="huis-1"):
    return tree["CityObjects"][code]["geometry"][0]["boundaries"][0]


def change(*path, to):
    """A change of a file: the value at a path of keys, or its removal (``to`` None)."""

    def made(tree):
        *way, last = path
        for key in way:
            tree = tree[key]
        if to is None:
            del tree[last]
        else:
            tree[last] = to

    return made


SHELL = ("CityObjects", "huis-1", "geometry", 0, "boundaries", 0)
INVERTED = [[ring[::-1] for ring in surface] for surface in block(0, 0, 1, 1, 0, 1)[1]]
EPSG = "https://www.opengis.net/def/crs/EPSG/0"
BROKEN = {
    "open": (change(*SHELL, 3, to=None), "huis-1, LoD 1, surface .*open"),
    "inverted": (change(*SHELL, to=INVERTED), "huis-1, LoD 1, the solid.*inside out"),
    "one surface turned over": (change(*SHELL, 1, 0, to=[7, 6, 5, 4]), "huis-1, LoD 1, surface .*turned over"),
    "not plane": (change("vertices", 6, 2, to=1130), "huis-1, LoD 1, surface .*not plane"),
    "degenerate ring": (change(*SHELL, 1, 0, to=[4, 5]), "surface 1.*fewer than three corners"),
    "dangling vertex": (change(*SHELL, 1, 0, 2, to=99), "refers to vertex 99"),
    "negative vertex": (change(*SHELL, 1, 0, 2, to=-1), "refers to vertex -1"),
    "fraction as index": (change(*SHELL, 1, 0, 2, to=1.5), "is not what CityJSON asks for"),
    "dangling part": (change("CityObjects", "huis-2", "children", to=["nobody"]), "'nobody' is not in the file"),
    "no CRS": (change("metadata", to=None), "none is given"),
    "unknown CRS": (change("metadata", "referenceSystem", to=f"{EPSG}/1"), "referenceSystem"),
    "wrong CRS": (change("metadata", "referenceSystem", to=f"{EPSG}/4549"), "outside of where"),
    "version 1.0": (change("version", to="1.0"), "upgrade"),
    "no transform": (change("transform", to=None), "vertices and transform"),
    "text as vertex": (change("vertices", 0, to=["a", "b", "c"]), "vertices and transform"),
    "huge": (change("transform", "scale", to=[1e12, 1e12, 1e12]), "farther than the earth"),
    "objects as list": (change("CityObjects", to=[]), "CityObjects"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_and_the_surface_named(case, tmp_path):
    breaks, words = BROKEN[case]
    tree = foreign()
    breaks(tree)
    with pytest.raises(TwinError, match=words):
        formats.read(write(tree, tmp_path))


def test_swapped_axes_of_the_district_are_seen(city, tmp_path):
    tree = json.loads(city.read_text(encoding="utf-8"))
    tree["vertices"] = [[y, x, z] for x, y, z in tree["vertices"]]
    x, y, z = tree["transform"]["translate"]
    tree["transform"]["translate"] = [y, x, z]
    for thing in tree["CityObjects"].values():  # mirrored, so turned over again to be closed outward
        for geometry in thing["geometry"]:
            if geometry["type"] == "Solid":
                for surface in geometry["boundaries"][0]:
                    for ring in surface:
                        ring.reverse()
    with pytest.raises(TwinError, match="axes are swapped"):
        formats.read(write(tree, tmp_path))


def prune(tree, path):
    """The tree without what lies at a path of numbers, each taken modulo what is there."""
    node = tree
    for step in path:
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        if not keys:
            return
        key = keys[step % len(keys)]
        if step == path[-1] or not isinstance(node[key], dict | list):
            node[key] = [None, "x", -3, {}, []][step % 5]
            return
        node = node[key]


@settings(max_examples=150, deadline=None)
@given(path=st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_whatever_is_replaced_in_a_file_it_is_read_or_refused(tmp_path_factory, path):
    tree = copy.deepcopy(foreign())
    prune(tree, path)
    file = write(tree, tmp_path_factory.mktemp("any"))
    with suppress(TwinError):
        assert "buildings" in formats.read(file)


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused(tmp_path_factory, share):
    path = write(foreign(), tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(TwinError, match=r"is empty|is not JSON"):
        formats.read(path)


def test_a_plan_that_crosses_itself_is_refused_and_nothing_is_written(twin, tmp_path):
    buildings = twin.entities["buildings"].iloc[:1].copy()
    buildings.loc[buildings.index[0], "height_m"] = -2.0
    made = SimpleNamespace(entities={"buildings": buildings}, facts={}, crs=twin.district.crs)
    with pytest.raises(TwinError, match=rf"building {buildings.index[0]}.*no closed solid"):
        write_cityjson(made, tmp_path / "b.city.json")
    assert list(tmp_path.iterdir()) == []


def test_a_level_that_is_not_there_is_refused(twin, tmp_path):
    with pytest.raises(TwinError, match="1, 2 or both"):
        write_cityjson(twin.district, tmp_path / "b.city.json", [3])
