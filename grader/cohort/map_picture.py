"""A notebook's map as a still picture: what a student's process made reaches others as pictures, never as script.

A map's output carries its layers packed in ``<div class="practicum-map" data-map="…">``. Of these only the two
pictures are taken, the ground and the water on it, and the words of the legend; nothing is drawn by code.
"""

import base64
import binascii
import html
import json
import re
import zlib
from typing import Any

MAX_PACKED_CHARS = 4 << 20
MAX_BYTES = 16 << 20
_MAP = re.compile(r'<div class="practicum-map"[^>]*\bdata-map="([A-Za-z0-9+/=]*)"')
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_BOX = "position:relative;max-width:640px;overflow:hidden;border-radius:4px;line-height:0"
_WORDS = (
    "position:absolute;left:0;bottom:0;padding:.3em .7em;background:#ffffffd9;color:#1f2933;font:13px/1.4 sans-serif"
)

Box = tuple[float, float, float, float]


def map_picture(fragment: str) -> str | None:
    """The map in an output's HTML as a still picture seen from above; nothing if there is none that can be read."""
    found = _MAP.search(fragment[: MAX_PACKED_CHARS + 1000])
    if not found or len(found[1]) > MAX_PACKED_CHARS:
        return None
    try:
        packed = _unpacked(found[1])
        layers = {layer.get("id"): layer for layer in json.loads(packed["spec"])["layers"]}
        ground, whole = _image(packed, "ground"), _bounds(layers["ground"])
        pictures = [f'<img alt="{_label(packed)}" src="{ground}" style="width:100%;height:auto;background:none">']
        if "water" in packed["columns"] and "water" in layers:
            place = _place(_bounds(layers["water"]), whole)
            pictures.append(
                f'<img alt="" src="{_image(packed, "water")}" style="position:absolute;background:none;{place}">'
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error, binascii.Error):
        return None
    words = _words(packed.get("overlay"))
    return f'<div style="{_BOX}">{"".join(pictures)}<div style="{_WORDS}">{words}</div></div>'


def _unpacked(text: str) -> dict[str, Any]:
    stream = zlib.decompressobj(wbits=31)
    content = stream.decompress(base64.b64decode(text), MAX_BYTES)
    if stream.unconsumed_tail:
        raise ValueError("too large")
    packed: dict[str, Any] = json.loads(content)
    return packed


def _image(packed: dict[str, Any], name: str) -> str:
    image = packed["columns"][name]["image"]
    if image["dtype"] != "webp" or not _BASE64.fullmatch(image["data"]):
        raise ValueError("no picture")
    return f"data:image/webp;base64,{image['data']}"


def _bounds(layer: dict[str, Any]) -> Box:
    """West, south, east, north of a layer's corners, in degrees."""
    corners = [(float(corner[0]), float(corner[1])) for corner in layer["bounds"]]
    east, north = max(corner[0] for corner in corners), max(corner[1] for corner in corners)
    west, south = min(corner[0] for corner in corners), min(corner[1] for corner in corners)
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ValueError("no place")
    return west, south, east, north


def _place(part: Box, whole: Box) -> str:
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    left, top = (part[0] - whole[0]) / width, (whole[3] - part[3]) / height
    wide, high = (part[2] - part[0]) / width, (part[3] - part[1]) / height
    return f"left:{left:.2%};top:{top:.2%};width:{wide:.2%};height:{high:.2%}"


def _label(packed: dict[str, Any]) -> str:
    return html.escape(str(packed.get("label", "map"))[:200])


def _words(overlay: object) -> str:
    facts = overlay if isinstance(overlay, dict) else {}
    lines = facts.get("lines") if isinstance(facts.get("lines"), list) else []
    told = [str(facts.get("title", "")), *map(str, lines or [])][:5]
    return " · ".join(html.escape(line[:120]) for line in told if line)
