"""Maps of a district as picture files, above and below the ground, drawn without any outside source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from twin_sandbox.entities import District
from twin_sandbox.errors import TwinError
from twin_sandbox.generate.picture_above import draw_above
from twin_sandbox.generate.picture_below import draw_underground
from twin_sandbox.generate.picture_ink import Key, halo

DPI = 150
SIZE_IN = (12.0, 12.66)
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
NOTICE = ("Sample district, not a real place", "样例街区，非真实地点")


def draw_map(district: District, file: Path) -> None:
    """Draw the district from above into a PNG file: sea, blocks by use, streets with lanes, buildings with shadows.

    Raises:
        TwinError: the file cannot be written.
    """
    _draw(district, file, draw_above, ("", ""))


def draw_below(district: District, file: Path) -> None:
    """Draw what lies below the ground into a PNG file: rooms, sewers, mains, cables, with the streets faded above.

    Raises:
        TwinError: the file cannot be written.
    """
    _draw(district, file, draw_underground, (" below ground", "地下"))


def _draw(district: District, file: Path, draw: Callable[..., list[Key]], words: tuple[str, str]) -> None:
    chinese = _chinese()
    family = ["DejaVu Sans", *chinese]
    with mpl.rc_context({"font.family": family, "font.size": 8, "axes.linewidth": 0.6}):
        figure = Figure(figsize=SIZE_IN, facecolor="#fbfaf7")
        axes = figure.add_axes((0.012, 0.109, 0.976, 0.841))
        west, south, east, north = district.terrain.bounds_m
        axes.set(xlim=(west, east), ylim=(south, north), aspect="equal", xticks=[], yticks=[], anchor="S")
        axes.spines[:].set_color("#4d5357")
        keys = draw(axes, district, chinese=bool(chinese))
        _furniture(axes, district)
        _legend(figure, keys, chinese=bool(chinese))
        title = f"{district.name_en}{words[0]}" + (f"  {district.name_zh}{words[1]}" if chinese else "")
        figure.text(0.014, 0.974, title, fontsize=19, fontweight="bold", color="#22303a", va="center")
        notice = "  ·  ".join(NOTICE if chinese else NOTICE[:1])
        figure.text(0.986, 0.980, notice, fontsize=11, color="#a33a2a", ha="right", va="center")
        people = int(district.entities["buildings"]["residents"].sum())
        note = f"{district.crs}, metres; heights above the city datum; {people:,} residents"
        figure.text(0.986, 0.961, note, fontsize=7.5, color="#5c666d", ha="right", va="center")
        try:
            figure.savefig(file, dpi=DPI, format="png", metadata={"Software": None})
        except OSError as reason:
            raise TwinError(f"map {file}", f"cannot be written: {reason.strerror}", then="Name another file.") from None


def _chinese() -> list[str]:
    """The first font on this machine that has Chinese glyphs; empty without one, and the map is then in English."""
    there = {entry.name for entry in font_manager.fontManager.ttflist}
    return [name for name in CHINESE if name in there][:1]


def _furniture(axes: Any, district: District) -> None:  # noqa: ANN401 - matplotlib's Axes is untyped here
    """North arrow and scale bar."""
    west, south, _, _ = district.terrain.bounds_m
    x, y = west + 34, south + 62
    axes.fill([x - 7, x, x], [y - 14, y + 18, y - 7], color="#22303a", zorder=30)
    axes.fill([x + 7, x, x], [y - 14, y + 18, y - 7], facecolor="white", edgecolor="#22303a", linewidth=0.7, zorder=30)
    axes.text(
        x, y + 22, "N", ha="center", fontsize=10, fontweight="bold", color="#22303a", zorder=30, path_effects=halo()
    )
    left, base = west + 22, south + 20
    for k, colour in enumerate(("#22303a", "white", "#22303a", "white")):
        span = [left + 50 * k, left + 50 * (k + 1)]
        axes.fill_between(span, base, base + 5, facecolor=colour, edgecolor="#22303a", linewidth=0.7, zorder=30)
    for metres in (0, 100, 200):
        axes.text(
            left + metres, base + 8, f"{metres}" + (" m" if metres == 200 else ""), ha="center", fontsize=7.5,
            color="#22303a", zorder=30, path_effects=halo(),
        )  # fmt: skip


def _legend(figure: Figure, keys: list[Key], *, chinese: bool) -> None:
    """A band below the map."""
    handles: list[Any] = []
    for key in keys:
        label = f"{key.en} {key.zh}" if chinese else key.en
        if key.mark == "area":
            handles.append(Patch(facecolor=key.colour, edgecolor=key.edge, linewidth=0.6, label=label))
        elif key.mark == "line":
            handles.append(Line2D([], [], color=key.colour, linewidth=key.size, label=label))
        else:
            handles.append(
                Line2D([], [], linestyle="", marker=key.mark, markersize=key.size, markerfacecolor=key.colour,
                       markeredgecolor=key.edge, markeredgewidth=0.7, label=label)
            )  # fmt: skip
    figure.legend(
        handles=handles, loc="center", bbox_to_anchor=(0.5, 0.054), ncols=6, fontsize=7.5, frameon=False,
        columnspacing=2.2, handlelength=1.7, labelspacing=0.5,
    )  # fmt: skip
