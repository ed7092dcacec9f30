"""pydeck's layer JSON, checked: what our maps draw, and what they refuse with a reason.

deck.gl's own JSON may hold expressions and addresses, and pydeck writes a plain string keyword as an expression. A map
in a student's notebook is later opened by others, so only names of columns pass; static/map.js holds the same rules.
"""

import json
import re
from typing import Any

from twin_sandbox.errors import TwinError

LAYERS = frozenset(
    {
        "ArcLayer",
        "BitmapLayer",
        "ColumnLayer",
        "GeoJsonLayer",
        "GridCellLayer",
        "LineLayer",
        "PathLayer",
        "PointCloudLayer",
        "PolygonLayer",
        "ScatterplotLayer",
        "SolidPolygonLayer",
        "TextLayer",
        "TripsLayer",
    }
)
PARTS = frozenset({"LightingEffect", "AmbientLight", "DirectionalLight", "PointLight", "MapView"})

_NAME = r"(?!__proto__\b|constructor\b|prototype\b)[A-Za-z_]\w*"
_COLUMN = re.compile(rf"@@=(-|{_NAME}|\[\s*{_NAME}(\s*,\s*{_NAME})*\s*\])\Z", re.ASCII)
_HELD = re.compile(r"data:image/(png|webp|jpeg);base64,[A-Za-z0-9+/=]*\Z")
_ADDRESSES = frozenset({"data", "image", "texture", "mesh", "iconAtlas", "iconMapping", "elevationData"})


def layers_json(deck: Any) -> str:  # noqa: ANN401 - pydeck is not typed
    """The JSON of a ``pydeck.Deck`` (or its text), with everything in it on the list of what may be drawn.

    Raises:
        TwinError: a kind of layer that is not drawn offline, an expression, or an address.
    """
    try:
        text = deck if isinstance(deck, str) else deck.to_json()
        given = json.loads(text)
        layers = [layer for layer in given.get("layers", []) if layer is not None]
    except (AttributeError, TypeError, ValueError) as reason:
        raise TwinError("map", f"a {type(deck).__name__} ({reason})", "A pydeck.Deck, or its to_json() text.") from None
    for layer in layers:
        where = f"map, layer {str(layer.get('id', '?'))[:40]!r}"
        _check_type(where, layer, LAYERS)
        _check_values(where, layer)
    effects = given.get("effects") or []
    _check_values("map, effects", effects)
    return json.dumps({"layers": layers, "effects": effects, "initialViewState": given.get("initialViewState") or {}})


def _check_type(where: str, given: dict[str, Any], allowed: frozenset[str]) -> None:
    if given.get("@@type") not in allowed:
        raise TwinError(where, f"its kind is {given.get('@@type')!r}", f"One of: {', '.join(sorted(allowed))}.")


def _check_values(where: str, given: Any, key: str = "") -> None:  # noqa: ANN401 - any JSON
    if isinstance(given, str):
        _check_text(where, given, key)
    elif isinstance(given, list) and key != "data":
        for item in given:
            _check_values(where, item, key)
    elif isinstance(given, dict) and key != "data":
        if "@@function" in given:
            raise TwinError(where, f"{key} is a function", "A column of the data, or a value.")
        if "@@type" in given and key:
            _check_type(where, given, PARTS)
        for name, item in given.items():
            if name != "@@type":
                _check_values(f"{where}, {name}" if not key else where, item, name)


def _check_text(where: str, text: str, key: str) -> None:
    if text.startswith("@@") and not _COLUMN.match(text):
        raise TwinError(
            where,
            f"{text[:60]!r} is an expression",
            "The name of one column of the data, or a list of names.",
            "Compute the value in a column first; a plain text is written pydeck.types.String(...).",
        )
    if key in _ADDRESSES and not text.startswith("@@") and not _HELD.match(text):
        raise TwinError(
            where, f"{text[:60]!r} is an address", "Data and pictures that lie in the notebook.", "Load them first."
        )
