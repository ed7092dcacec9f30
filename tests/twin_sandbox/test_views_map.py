"""The map without a browser: what it is made of, what it refuses, what a saved page holds."""

import base64
import gzip
import json
import re

import numpy as np
import pandas as pd
import pydeck
import pytest
from PIL import Image, ImageCms

from twin_sandbox import TwinError, kpi
from twin_sandbox.views import MapWidget, district_map, embed
from twin_sandbox.views.deck_json import layers_json
from twin_sandbox.views.palette import DEEPEST_M, DEPTH_STOPS, depth_colours
from twin_sandbox.views.pictures import FINER, ground_picture, water_picture
from twin_sandbox.views.scene import MOST_BUILDINGS, make_scene


@pytest.fixture(scope="module")
def storm(twin, night):
    return twin.run(night(50, surge_m=0.8))


@pytest.fixture(scope="module")
def flooded(twin, storm):
    return district_map(twin, storm, storm.scenario.start + pd.Timedelta("2h20min"))


def deck(**changes):
    given = {"get_position": "at", "get_radius": 4, "id": "dots"} | changes
    kind, data = given.pop("kind", "ScatterplotLayer"), given.pop("data", [{"at": [120.9, 35.5], "name": "a"}])
    return pydeck.Deck(map_provider=None, map_style=None, layers=[pydeck.Layer(kind, data, **given)])


def lightness(colours: np.ndarray) -> np.ndarray:
    """L* (0 to 100) of CIELAB, by LittleCMS."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = Image.fromarray(np.asarray(colours, dtype=np.uint8)[None])
    made = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    return np.asarray(made)[0, :, 0] / 255 * 100


# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0; applied to linear RGB.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def as_seen(colours: np.ndarray, blindness: str) -> np.ndarray:
    linear = (np.asarray(colours) / 255) ** 2.2
    return np.clip(linear @ np.array(BLINDNESS[blindness]).T, 0, 1) ** (1 / 2.2) * 255


def test_equal_steps_of_depth_look_equal():
    steps = -np.diff(lightness(depth_colours(np.linspace(0, DEEPEST_M, len(DEPTH_STOPS)))))
    assert steps.min() > 10
    assert steps.max() / steps.min() < 1.35


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_deeper_is_darker_to_every_eye(blindness: str):
    seen = lightness(as_seen(depth_colours(np.linspace(0, DEEPEST_M, 21)), blindness))
    assert (np.diff(seen) < 0).all()


def test_water_is_clear_where_it_is_dry_and_dark_where_it_is_deep():
    depth_m = np.zeros((8, 12), dtype=np.float32)
    depth_m[2:6, 4:8] = 1.5
    picture = water_picture(depth_m)
    assert picture.shape == (8 * FINER, 12 * FINER, 4)
    assert picture[0, 0, 3] == 0
    assert picture[4 * FINER, 6 * FINER, 3] == 230
    assert tuple(picture[4 * FINER, 6 * FINER, :3]) == DEPTH_STOPS[-1]


def test_the_ground_fades_at_the_rim(twin):
    picture = ground_picture(twin.terrain)
    rows, columns = picture.shape[:2]
    assert picture[rows // 2, columns // 2, 3] == 255
    rim = np.concatenate([picture[0, :, 3], picture[-1, :, 3], picture[:, 0, 3], picture[:, -1, 3]])
    assert rim.max() == 0


def test_a_scene_asks_no_address_and_stays_light(twin):
    scene = make_scene(twin.district)
    spec = layers_json(scene.deck)
    assert "http" not in spec
    assert len(spec) < 700_000
    assert len(scene.columns["ground"]["image"]["data"]) < 150_000
    layers = {layer["id"]: layer for layer in json.loads(spec)["layers"]}
    assert len(layers["buildings"]["data"]) == min(len(twin.entities["buildings"]), MOST_BUILDINGS)
    assert layers["shadows"]["data"]


def test_a_scene_is_the_same_each_time(twin):
    one, two = make_scene(twin.district), make_scene(twin.district)
    assert layers_json(one.deck) == layers_json(two.deck)
    assert one.columns == two.columns


def test_coloured_roofs_are_the_buildings_that_the_engine_floods(twin, storm, flooded):
    at = storm.scenario.start + pd.Timedelta("2h20min")
    scene = make_scene(twin.district)
    colours = np.frombuffer(flooded.live["buildings"]["rowColor"]["data"], dtype=np.uint8).reshape(-1, 4)
    changed = scene.buildings[(colours != scene.houses.wall_colours).any(axis=1)]
    wet = set(kpi.buildings_under_water(storm, at))
    assert set(changed) == wet
    assert len(changed) > 0
    faces = np.frombuffer(flooded.live["roofs"]["rowColor"]["data"], dtype=np.uint8).reshape(-1, 4)
    dry_faces = scene.houses.colours()[1]
    roofs_changed = {scene.houses.faces[k]["code"] for k in np.flatnonzero((faces != dry_faces).any(axis=1))}
    pitched = {face["code"] for face in scene.houses.faces}
    assert roofs_changed == wet & pitched
    assert roofs_changed


def test_pitched_roofs_stand_on_their_walls_up_to_the_buildings_height(twin):
    houses = make_scene(twin.district).houses
    heights = twin.entities["buildings"]["height_m"]
    tops = {row["code"]: row["height_m"] for row in houses.walls}
    assert len(houses.faces) > 300
    for face in houses.faces:
        z = [corner[2] for corner in face["ring"]]
        assert min(z) >= tops[face["code"]] - 0.02
        assert max(z) <= heights[face["code"]] + 0.05
    flat = set(tops) - {face["code"] for face in houses.faces}
    assert all(tops[code] == pytest.approx(heights[code]) for code in flat)


def test_trees_on_the_map_are_the_districts_trees(twin):
    layers = {layer["id"]: layer for layer in json.loads(layers_json(make_scene(twin.district).deck))["layers"]}
    assert len(layers["trees"]["data"]) == len(twin.entities["trees"])


def test_over_a_run_no_moment_has_more_flooded_buildings_than_the_whole(storm):
    whole = set(kpi.buildings_under_water(storm))
    moments = [set(kpi.buildings_under_water(storm, time)) for time in storm.times]
    assert set().union(*moments) == whole
    assert len(whole) == kpi.flooded_buildings(storm)


def test_the_map_says_what_it_shows(flooded, storm):
    assert flooded.overlay["title"] == "Gulls' Quay"
    assert flooded.overlay["lines"] == ["night", "2026-07-18 20:20"]
    assert flooded.overlay["legend"]["ticks"][-1] == "1+"
    assert "not a real place" in flooded.overlay["mark"]


def test_names_are_chinese_when_asked(twin):
    shown = district_map(twin, language="zh")
    assert shown.overlay["title"] == "鸥港"
    assert "海港路" in [row["label"] for row in json.loads(shown.spec)["layers"][-1]["data"]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"height": 40}, "120 to 2000"),
        ({"height": True}, "120 to 2000"),
        ({"language": "fr"}, "en, zh"),
    ],
)
def test_a_map_refuses_what_no_page_has(twin, changes, said):
    with pytest.raises(TwinError, match=said):
        district_map(twin, **changes)


def test_a_moment_outside_the_run_is_refused(twin, storm):
    with pytest.raises(TwinError, match="From 2026-07-18 18:00"):
        district_map(twin, storm, "2026-07-20 12:00+08:00")


# --- what a student's own map may hold -------------------------------------------------------------------------------


def test_columns_of_the_data_are_drawn():
    assert json.loads(layers_json(deck()))["layers"][0]["getPosition"] == "@@=at"
    assert "@@=[lon, lat]" in layers_json(deck(get_position="[lon, lat]"))


@pytest.mark.parametrize(
    "expression",
    ["w+2.5", "constructor", "constructor.constructor('alert(1)')()", "[at, constructor]", "a.b", "f(at)", "__proto__"],
)
def test_expressions_are_refused(expression: str):
    with pytest.raises(TwinError, match="is an expression"):
        layers_json(deck(get_radius=expression))


@pytest.mark.parametrize(
    "address", ["https://example.org/a.json", "//example.org/a", "/files/a.json", "javascript:alert(1)"]
)
def test_addresses_are_refused(address: str):
    with pytest.raises(TwinError, match="is an address"):
        layers_json(deck(data=address))
    with pytest.raises(TwinError, match="is an address"):
        layers_json(deck(kind="BitmapLayer", image=pydeck.types.String(address)))


@pytest.mark.parametrize("kind", ["TileLayer", "MVTLayer", "ScenegraphLayer", "TerrainLayer", "H3HexagonLayer"])
def test_layers_that_load_from_elsewhere_are_refused(kind: str):
    with pytest.raises(TwinError, match="One of: ArcLayer"):
        layers_json(deck(kind=kind))


def test_a_function_and_a_foreign_part_are_refused():
    text = json.loads(deck().to_json())
    text["layers"][0]["onClick"] = {"@@function": "alert"}
    with pytest.raises(TwinError, match="is a function"):
        layers_json(json.dumps(text))
    text["layers"][0]["onClick"] = {"@@type": "Deck"}
    with pytest.raises(TwinError, match="kind is 'Deck'"):
        layers_json(json.dumps(text))


@pytest.mark.parametrize("thing", [None, "not json", 7, "[1]"])
def test_what_is_no_deck_is_refused(thing):
    with pytest.raises(TwinError, match=r"pydeck\.Deck"):
        MapWidget(thing)


# --- saved pages -----------------------------------------------------------------------------------------------------


def test_a_saved_page_holds_the_map_once_and_asks_nobody(flooded):
    outside = (
        '<script src="https://cdn.example/require.js"></script><link rel="stylesheet" href="//cdn.example/a.css">'
        '<script type="module">import mermaid from "https://cdn.example/m.js"; mermaid.initialize()</script>'
    )
    html = f"<html><head>{outside}</head><body>{flooded.as_html()}{flooded.as_html()}</body></html>"
    page = embed(html)
    assert "cdn.example" not in page
    assert page.count('id="practicum-deck"') == 1
    assert page.endswith("</body></html>")
    assert len(page) < 2_600_000
    packed = re.search(r'data-map="([^"]+)"', page).group(1)
    state = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert state["columns"]["water"]["image"]["dtype"] == "webp"


def test_a_page_without_maps_stays_small():
    assert embed("<body>plain</body>") == "<body>plain</body>"


def test_a_notebook_output_has_widget_and_html(flooded):
    bundle = flooded._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"].startswith('<div class="practicum-map"')
    assert data["text/plain"] == "<map: Map of Gulls' Quay>"


def test_a_step_of_the_clock_sends_little(twin, storm, flooded):
    from twin_sandbox.views.scene import flood_columns

    flooded.show_all(flood_columns(make_scene(twin.district), storm, storm.scenario.start + pd.Timedelta("2h")))
    assert sum(len(column["data"]) for layer in flooded.live.values() for column in layer.values()) < 60_000
