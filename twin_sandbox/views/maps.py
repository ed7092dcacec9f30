"""The map of a district, dry or at a moment of a run."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from twin_sandbox.errors import TwinError
from twin_sandbox.views import below, palette
from twin_sandbox.views.scene import FITS, Scene, flood_columns, language_of, make_scene, make_scene_below, mark
from twin_sandbox.views.widget import MapWidget

if TYPE_CHECKING:
    from twin_sandbox.entities import District
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.twin import Twin

_WORDS = {
    "en": {
        "deepest": "deepest water of the run",
        "wet": "water above the ground floor",
        "of": "Map of",
        "below": "below ground, depths drawn {times:g} times as deep",
    },
    "zh": {
        "deepest": "全过程最大积水",
        "wet": "水高于底层地面",
        "of": "地图：",
        "below": "地下，深度放大 {times:g} 倍",
    },
}
_scenes: "WeakKeyDictionary[District, dict[str, Scene]]" = WeakKeyDictionary()


def scene_of(district: "District", language: str) -> Scene:
    """The district's scene, made once."""
    made = _scenes.setdefault(district, {})
    if language not in made:
        made[language] = make_scene(district, language)
    return made[language]


def district_map(
    twin: "Twin",
    result: "Result | None" = None,
    time: object | None = None,
    height: int = 520,
    language: str = "en",
    *,
    under: bool = False,
) -> MapWidget:
    """The twin's district in 3-D; with a result, the water that stands in it; or what lies under it.

    Args:
        twin: from ``twin_sandbox.open_district()``.
        result: a run with drainage; without one the district is dry.
        time: a moment of the run; by default each place shows the deepest water of the run.
        height: height of the map in the page [px].
        language: of the names: "en" or "zh".
        under: show what lies below ground instead; no result then.

    Raises:
        TwinError: a result together with ``under``, a moment outside the run, a height that no page has, or an
            unknown language.
    """
    if under:
        if result is not None:
            raise TwinError(
                "map, under", "with a result", "The district alone.", "Show the water on the map above ground."
            )
        return _map_below(twin.district, height, language_of(language))
    scene = scene_of(twin.district, language_of(language))
    name = twin.district.name_en if language == "en" else twin.district.name_zh
    widget = MapWidget(
        scene.deck, height=height, columns=scene.columns, label=f"{_WORDS[language]['of']} {name}", fits=FITS
    )
    if result is not None:
        widget.show_all(flood_columns(scene, result, time))
    widget.overlay = overlay(name, result, time, language)
    return widget


def _map_below(district: "District", height: int, language: str) -> MapWidget:
    scene = make_scene_below(district, language)
    name = district.name_en if language == "en" else district.name_zh
    widget = MapWidget(
        scene.deck, height=height, columns=scene.columns, label=f"{_WORDS[language]['of']} {name}", fits=FITS
    )
    widget.overlay = {
        "title": name,
        "lines": [_WORDS[language]["below"].format(times=below.EXAGGERATION)],
        "keys": below.legend(district, language),
        "mark": mark(language),
    }
    return widget


def overlay(name: str, result: "Result | None", time: object | None, language: str) -> dict[str, object]:
    """Title, legend and mark of a map, as the widget takes them."""
    words = _WORDS[language]
    shown: dict[str, object] = {"title": name, "lines": [], "mark": mark(language)}
    if result is not None:
        import pandas as pd

        moment = words["deepest"] if time is None else f"{pd.Timestamp(str(time)):%Y-%m-%d %H:%M}"
        shown["lines"] = [result.water.scenario.name, moment]
        shown["legend"] = palette.depth_legend(language)._asdict()
        shown["keys"] = [{"colour": palette.css(palette.FLOODED_ROOF), "label": words["wet"]}]
    return shown
