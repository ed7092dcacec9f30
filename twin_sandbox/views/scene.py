"""The district as a scene: ground, streets, water, shadows, trees, buildings, harbour, names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin_sandbox.errors import TwinError
from twin_sandbox.views import palette
from twin_sandbox.views.frame import Frame
from twin_sandbox.views.houses import Houses, houses_of
from twin_sandbox.views.pictures import ground_bounds_m, ground_picture, water_picture, webp
from twin_sandbox.views.widget import Columns, column

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pydeck

    from twin_sandbox.entities import District
    from twin_sandbox.world.result import Result

FITS = (1440, 900)
"""Width and height [px] of the picture that the view is composed for."""

MOST_BUILDINGS = 500
"""More extruded buildings than this are too slow on a machine without a graphics card; the tallest are kept."""

_SHADOW = (0.68, -0.62)
"""Where a shadow falls, east and north, for each metre of height."""
_GROUND = {"depthCompare": "always", "depthWriteEnabled": False}  # flat layers: the order decides, nothing flickers
_MATERIAL = {"ambient": 0.55, "diffuse": 0.55, "shininess": 18, "specularColor": [50, 50, 55]}
_FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif'
CLEAR_M = 75.0
"""Names keep so far from each other [m], north to south."""
_MARK = {"en": "Sample district · not a real place", "zh": "样例城区 · 并非真实地点"}


@dataclass(frozen=True)
class Scene:
    """What a map of the district is made of.

    Args:
        deck: the layers.
        columns: pictures and colours that travel as bytes.
        buildings: codes of the buildings, in the order in which they are drawn.
        houses: their walls and roofs; none in a scene below ground.
    """

    deck: "pydeck.Deck"
    columns: Columns
    buildings: "pd.Index[str]"
    houses: Houses | None


def language_of(language: str) -> str:
    """The language, if it is one that maps speak.

    Raises:
        TwinError: another.
    """
    if language not in _MARK:
        raise TwinError("map, language", repr(language), f"One of: {', '.join(_MARK)}.")
    return language


def mark(language: str) -> str:
    """What every map of the sample district says of itself."""
    return _MARK[language]


def make_scene(district: "District", language: str = "en") -> Scene:
    """The district, dry, in daylight.

    Raises:
        TwinError: an unknown language.
    """
    import pydeck

    language_of(language)
    terrain = district.terrain
    frame = Frame(district.crs, terrain.bounds_m)
    layer, text = pydeck.Layer, pydeck.types.String
    shown = district.entities["buildings"].nlargest(MOST_BUILDINGS, "height_m")
    houses = houses_of(district, shown, frame, language)
    walls, faces = houses.colours()
    centre_x, centre_y = frame.centre_m
    longitude, latitude = frame.degrees(centre_x, centre_y + 10.0).tolist()
    layers = [
        layer("BitmapLayer", None, id="ground", bounds=frame.corners(*ground_bounds_m(terrain)), parameters=_GROUND),
        *_streets(pydeck, district, frame),
        layer("BitmapLayer", None, id="water", bounds=frame.corners(*terrain.bounds_m), parameters=_GROUND),
        layer(
            "PolygonLayer",
            _shadows(shown, frame),
            id="shadows",
            get_polygon="ring",
            get_fill_color=[34, 44, 74, 70],
            stroked=False,
            parameters=_GROUND,
        ),
        layer(
            "ColumnLayer",
            _trees(district, frame),
            id="trees",
            get_position="at",
            radius=2.3,
            disk_resolution=7,
            extruded=True,
            get_elevation="height_m",
            get_fill_color="colour",
            material=_MATERIAL,
        ),
        layer(
            "PolygonLayer",
            houses.walls,
            id="buildings",
            get_polygon="ring",
            get_elevation="height_m",
            extruded=True,
            get_fill_color=[230, 224, 214],
            material=_MATERIAL,
            pickable=True,
            auto_highlight=True,
            highlight_color=[255, 214, 120, 150],
        ),
        layer("PolygonLayer", houses.faces, id="roofs", get_polygon="ring", stroked=False, pickable=True),
        *_harbour(pydeck, district, frame),
        *_labels(pydeck, district, frame, language, text),
    ]
    deck = _deck(layers, (longitude, latitude), zoom=15.98, pitch=52, max_pitch=75)
    columns = {
        "ground": {"image": column(webp(ground_picture(terrain)))},
        "water": {"image": column(webp(water_picture(np.zeros((2, 2), dtype=np.float32))))},
        "buildings": {"rowColor": column(walls)},
        "roofs": {"rowColor": column(faces)},
    }
    return Scene(deck, columns, shown.index, houses)


def make_scene_below(district: "District", language: str = "en") -> Scene:
    """The district below ground: a faded street map, and what lies under it (`twin_sandbox.views.below`).

    Raises:
        TwinError: an unknown language.
    """
    import pydeck

    from twin_sandbox.views.below import below_layers

    language_of(language)
    terrain = district.terrain
    frame = Frame(district.crs, terrain.bounds_m)
    text = pydeck.types.String
    houses = district.entities["buildings"]
    longitude, latitude = frame.degrees(*frame.centre_m).tolist()
    layers = [
        pydeck.Layer(
            "BitmapLayer",
            None,
            id="ground",
            bounds=frame.corners(*ground_bounds_m(terrain)),
            opacity=0.42,
            parameters=_GROUND,
        ),
        *[layer for layer in _streets(pydeck, district, frame) if layer.id == "streets"],
        pydeck.Layer(
            "PolygonLayer",
            [{"ring": frame.path(shape.exterior.coords)} for shape in houses.geometry],
            id="footprints",
            get_polygon="ring",
            get_fill_color=[196, 188, 176, 70],
            get_line_color=[150, 142, 132, 160],
            line_width_min_pixels=0.6,
            parameters=_GROUND,
        ),
        *below_layers(pydeck, district, frame, language),
        *_labels(pydeck, district, frame, language, text),
    ]
    deck = _deck(layers, (longitude, latitude), zoom=15.9, pitch=56, max_pitch=80)
    return Scene(deck, {"ground": {"image": column(webp(ground_picture(terrain)))}}, houses.index, None)


def _deck(layers: list[Any], at: tuple[float, float], *, zoom: float, pitch: float, max_pitch: float) -> Any:  # noqa: ANN401 - pydeck is not typed
    """A scene without a base map, looked at from south-south-east."""
    import pydeck

    pydeck.bindings.deck.has_jupyter_extra = lambda: False  # else every Deck opens a dead comm
    return pydeck.Deck(
        map_provider=None,
        map_style=None,
        effects=[_light()],
        initial_view_state=pydeck.ViewState(
            longitude=at[0],
            latitude=at[1],
            zoom=zoom,
            pitch=pitch,
            bearing=-20,
            min_zoom=13.5,
            max_zoom=19.5,
            max_pitch=max_pitch,
        ),
        layers=layers,
    )


def flood_columns(scene: Scene, result: "Result", time: object | None) -> dict[str, dict[str, Any]]:
    """What changes on the map at a moment of a run (its deepest water if no moment is given).

    A building is coloured while water stands beside it above its ground floor.

    Raises:
        TwinError: the moment lies outside the run.
    """
    from twin_sandbox.world import kpi

    water = result.water
    depth_m = water.max_depth_map_m() if time is None else water.depth_map_m(time)
    wet = kpi.buildings_under_water(result, time)
    changes = {"water": {"image": webp(water_picture(depth_m), quality=80, method=1)}}
    if scene.houses is None:
        return changes
    walls, faces = scene.houses.colours(scene.buildings.isin(wet))
    return {**changes, "buildings": {"rowColor": walls}, "roofs": {"rowColor": faces}}


def _light() -> dict[str, Any]:
    """Bright shade, a warm key from the north-west and a cool fill."""
    return {
        "@@type": "LightingEffect",
        "ambientLight": {"@@type": "AmbientLight", "color": [255, 255, 255], "intensity": 1.05},
        "key": {
            "@@type": "DirectionalLight",
            "color": [255, 244, 224],
            "intensity": 1.15,
            "direction": [1.5, -1.4, -2.2],
        },
        "fill": {
            "@@type": "DirectionalLight",
            "color": [190, 212, 255],
            "intensity": 0.45,
            "direction": [-2, 1.2, -1.2],
        },
    }


def _streets(pydeck: Any, district: "District", frame: Frame) -> list[Any]:  # noqa: ANN401 - pydeck is not typed
    """A grey casing under a light carriageway; the underpass is darker, for it lies below."""
    streets = district.entities["streets"]
    rows = [
        {
            "path": frame.path(line.coords),
            "width_m": float(width) * 0.62,
            "casing_m": float(width) * 0.62 + 2.2,
            "colour": [186, 182, 176] if kind == "underpass" else [252, 250, 245],
        }
        for line, width, kind in zip(streets.geometry, streets["width_m"], streets["street_class"], strict=True)
    ]
    look = {"get_path": "path", "cap_rounded": True, "joint_rounded": True, "parameters": _GROUND}
    return [
        pydeck.Layer("PathLayer", rows, id="casings", get_width="casing_m", get_color=[166, 157, 142, 190], **look),
        pydeck.Layer("PathLayer", rows, id="streets", get_width="width_m", get_color="colour", **look),
    ]


def _shadows(houses: "gpd.GeoDataFrame", frame: Frame) -> list[dict[str, Any]]:
    """Footprints swept along the sun's rays and melted into one: cheaper and cleaner than drawn shadows."""
    import shapely
    from shapely.affinity import translate

    swept = [
        shapely.union_all([shape, translate(shape, _SHADOW[0] * height, _SHADOW[1] * height)]).convex_hull
        for shape, height in zip(houses.geometry, houses["height_m"], strict=True)
    ]
    return [
        {"ring": [frame.path(ring.coords) for ring in (piece.exterior, *piece.interiors)]}
        for piece in shapely.get_parts(shapely.union_all(swept))
    ]


def _trees(district: "District", frame: Frame) -> list[dict[str, Any]]:
    """The trees of the district, in streets and parks."""
    trees = district.entities["trees"]
    places = frame.degrees(trees.geometry.x.to_numpy(), trees.geometry.y.to_numpy()).tolist()
    greens = ([122, 156, 104], [134, 166, 110], [108, 144, 98])
    return [
        {"at": place, "height_m": round(float(height), 1), "colour": greens[k % 3]}
        for k, (place, height) in enumerate(zip(places, trees["height_m"], strict=True))
    ]


def _harbour(pydeck: Any, district: "District", frame: Frame) -> list[Any]:  # noqa: ANN401 - pydeck is not typed
    """Cranes on the quay, boats at their berths."""
    vehicles, cranes = district.entities["vehicles"], district.entities["cranes"]
    boats = vehicles[vehicles["kind"].str.contains("boat")]
    hulls = []
    for k, spot in enumerate(boats.geometry):
        turn = 0.7 * k
        along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        corners = [(-6, -1.8), (3, -1.8), (6.5, 0), (3, 1.8), (-6, 1.8)]
        ring = [(spot.x + a * along[0] + b * across[0], spot.y + a * along[1] + b * across[1]) for a, b in corners]
        hulls.append({"ring": frame.path(ring), "colour": list(palette.BOATS[k % len(palette.BOATS)])})
    masts = frame.degrees(cranes.geometry.x.to_numpy(), cranes.geometry.y.to_numpy()).tolist()
    return [
        pydeck.Layer(
            "PolygonLayer", hulls, id="boats", get_polygon="ring", get_elevation=2.2, extruded=True,
            get_fill_color="colour", material=_MATERIAL,
        ),
        pydeck.Layer(
            "ColumnLayer", [{"at": at} for at in masts], id="cranes", get_position="at", radius=2.6, disk_resolution=4,
            extruded=True, get_elevation=31.0, get_fill_color=list(palette.CRANE), material=_MATERIAL,
        ),
    ]  # fmt: skip


def _labels(pydeck: Any, district: "District", frame: Frame, language: str, text: Any) -> list[Any]:  # noqa: ANN401 - pydeck is not typed
    """Names of parks, of the main streets where there is room, each clear of the others."""
    name = f"name_{language}"
    rows: list[dict[str, Any]] = []
    taken: list[tuple[float, float, float]] = []

    def place(label: str, spots: list[tuple[float, float]], height_m: float) -> None:
        width_m = 11.0 * len(label) * (1.0 if label.isascii() else 1.8)  # of the text, on the ground of the first view
        for x, y in spots:
            if all(abs(x - a) > (width_m + b) / 2 or abs(y - c) > CLEAR_M for a, c, b in taken):
                taken.append((x, y, width_m))
                rows.append({"label": label, "at": [*frame.degrees(x, y).tolist(), height_m]})
                return

    for park in district.entities["parks"].itertuples():
        middle = park.geometry.representative_point()
        place(getattr(park, name), [(middle.x, middle.y)], 8.0)
    streets = district.entities["streets"]
    main = streets[streets["street_class"].isin(["underpass", "arterial", "collector"])]
    for label, pieces in sorted(main.groupby(name), key=lambda item: -item[1].length.sum()):
        middles = [line.interpolate(0.5, normalized=True) for line in pieces.geometry]
        inner = sorted(range(len(middles)), key=lambda k: abs(k - len(middles) // 2))
        place(str(label), [(middles[k].x, middles[k].y) for k in inner], 4.0)
    return [
        pydeck.Layer(
            "TextLayer",
            rows,
            id="names",
            get_text="label",
            get_position="at",
            get_size=14,
            character_set=text("auto"),
            font_family=text(_FONT),
            font_weight=700,
            font_settings={"sdf": True, "fontSize": 72, "buffer": 12, "radius": 16, "smoothing": 0.18},
            get_color=list(palette.INK),
            outline_width=5,
            outline_color=[255, 255, 255, 235],
            parameters=_GROUND,
        )
    ]
