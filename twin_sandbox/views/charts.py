"""Charts drawn as SVG: small, sharp, and the same in Lab, apps and saved pages."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.result import Result

_WIDTH, _LEFT, _RIGHT = 420, 40, 8
_INK, _QUIET, _RAIN, _TIDE, _WATER = "#182234", "#5b6675", "#7d93b8", "#1f8a8a", "#1e5092"
_WORDS = {
    "en": {
        "rain": "rain, mm/h",
        "tide": "sea level, m",
        "water": "deepest water in a street, m",
        "is": "Rain, sea level and deepest street water from {a} to {b}",
    },
    "zh": {
        "rain": "雨强（mm/h）",
        "tide": "潮位（m）",
        "water": "街道最大积水深（m）",
        "is": "{a} 至 {b} 的雨强、潮位与街道最大积水深",
    },
}


def night_chart(result: "Result", time: object, language: str) -> str:
    """Rain, tide and the deepest street water of a run, one under the other, with a line at a moment."""
    import pandas as pd

    words, water = _WORDS[language], result.water
    times = pd.DatetimeIndex(water.street_depth_m.index)
    deepest = water.street_depth_m.max(axis=1)
    at = _x(pd.DatetimeIndex([pd.Timestamp(str(time))]), times)[0]
    parts = [
        _panel(words["rain"], water.rain_mm_h, times, 14, 58, _RAIN, bars=True),
        _panel(words["tide"], water.tide_m, times, 92, 58, _TIDE),
        _panel(words["water"], deepest, times, 170, 58, _WATER),
    ]
    hours = pd.date_range(times[0].ceil("h"), times[-1], freq="h")
    ticks = "".join(
        f'<text x="{x:.1f}" y="246" text-anchor="middle">{hour:%H:%M}</text>'
        for hour, x in zip(hours[::2], _x(hours[::2], times), strict=True)
        if _LEFT + 12 < x < _WIDTH - 12
    )
    label = escape(words["is"].format(a=f"{times[0]:%H:%M}", b=f"{times[-1]:%H:%M}"))
    return (
        f'<svg class="night-chart" viewBox="0 0 {_WIDTH} 252" role="img" aria-label="{label}" fill="{_QUIET}" '
        f'font-family="system-ui, sans-serif" font-size="11">{"".join(parts)}{ticks}'
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="10" y2="232" stroke="{_INK}" stroke-width="1.5"/></svg>'
    )


def _x(moments: "pd.DatetimeIndex", times: "pd.DatetimeIndex") -> list[float]:
    share = (moments - times[0]) / (times[-1] - times[0])
    return [_LEFT + float(part) * (_WIDTH - _LEFT - _RIGHT) for part in share]


def _panel(
    label: str,
    series: "pd.Series[float]",
    times: "pd.DatetimeIndex",
    top: int,
    height: int,
    colour: str,
    *,
    bars: bool = False,
) -> str:
    values = series.to_numpy(dtype=np.float64)
    low, high = min(0.0, float(values.min())), max(float(values.max()), 0.1)
    x = _x(times, times)
    y = top + height - (values - low) / (high - low) * height
    zero = top + height - (0 - low) / (high - low) * height
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    ground = f"{x[0]:.1f},{zero:.1f} {points} {x[-1]:.1f},{zero:.1f}"
    area = f'<polygon points="{ground}" fill="{colour}" opacity="{0.55 if bars else 0.16}"/>'
    line = "" if bars else f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
    across = f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"'
    axis = f'<line {across} stroke="{_QUIET}" stroke-width="0.6"/>'
    scale = (
        f'<text x="{_LEFT - 5}" y="{top + 9}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{_LEFT - 5}" y="{zero + 3:.1f}" text-anchor="end">0</text>'
    )
    name = f'<text x="{_LEFT + 4}" y="{top - 3}" fill="{_INK}">{escape(label)}</text>'
    return area + line + axis + scale + name
