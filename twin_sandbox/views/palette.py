"""Colours of the maps and charts, and the one scale of water depth."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[int, int, int]

# One family of blues whose lightness falls evenly from shallow to deep, so that equal steps of depth look equal, in
# grey and to colour-blind eyes alike (tests/twin_sandbox/test_views_palette.py measures both).
DEPTH_STOPS: tuple[Colour, ...] = (
    (196, 230, 244),
    (140, 199, 228),
    (82, 163, 210),
    (42, 122, 184),
    (30, 80, 146),
    (38, 36, 100),
)
DEEPEST_M = 1.0
"""Depth [m] at which the scale ends; deeper water keeps its last colour."""

INK = (24, 34, 52)
FLOODED_ROOF: Colour = (214, 84, 44)
ROOFS: dict[str, tuple[Colour, ...]] = {
    "residential": ((236, 231, 222), (230, 220, 206), (217, 208, 199), (224, 199, 176), (210, 168, 142)),
    "shop": ((231, 213, 178), (224, 199, 176)),
    "office": ((226, 230, 234), (214, 221, 228)),
    "school": ((226, 190, 150),),
    "hospital": ((244, 244, 246),),
    "port": ((188, 198, 205), (176, 188, 198)),
    "substation": ((196, 196, 176),),
    "pumping station": ((120, 168, 178),),
}
OTHER_ROOF: tuple[Colour, ...] = ((226, 222, 214),)
TILES: tuple[Colour, ...] = ((203, 142, 114), (191, 128, 102), (176, 152, 138), (206, 158, 126), (164, 150, 144))
"""Pitched roofs."""

BOATS: tuple[Colour, ...] = ((250, 250, 248), (96, 132, 164), (182, 92, 74))
CRANE: Colour = (214, 122, 58)


class Legend(NamedTuple):
    """What a colour bar says."""

    label: str
    colours: tuple[str, ...]
    ticks: tuple[str, ...]


def css(colour: Colour) -> str:
    """A colour as a style sheet writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def depth_colours(depth_m: ArrayLike) -> NDArray[np.float64]:
    """Red, green and blue [0 to 255] of depths [m], as a last axis."""
    share = np.clip(np.asarray(depth_m, dtype=np.float64) / DEEPEST_M, 0.0, 1.0)
    knots = np.linspace(0.0, 1.0, len(DEPTH_STOPS))
    channels = np.array(DEPTH_STOPS, dtype=np.float64).T
    return np.stack([np.interp(share, knots, channel) for channel in channels], axis=-1)


def depth_legend(language: str) -> Legend:
    """The scale of :func:`depth_colours` in words."""
    label = {"en": "Water depth (m)", "zh": "积水深度（m）"}[language]
    ticks = [f"{DEEPEST_M * k / 4:g}" for k in range(5)]
    return Legend(label, tuple(css(colour) for colour in DEPTH_STOPS), (*ticks[:-1], f"{ticks[-1]}+"))
