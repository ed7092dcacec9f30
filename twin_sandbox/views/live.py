"""The live page: the district as it is right now, for the landing page of a room or for a wall screen."""

import asyncio
import time
from html import escape

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from twin_sandbox.errors import TwinError

KEPT_S = 300
_WORDS = {
    "en": {
        "now": "{clock}, simulated weather",
        "sea": "sea level {tide:+.2f} m",
        "rain": "rain {rain:.0f} mm/h",
        "dry": "no rain",
    },
    "zh": {"now": "{clock}，模拟天气", "sea": "潮位 {tide:+.2f} m", "rain": "雨强 {rain:.0f} mm/h", "dry": "无雨"},
}
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<style>html,body{{margin:0;height:100%;background:#edf1f4}}.practicum-map{{height:100%!important}}
.pm-box{{border-radius:0!important}}</style>
<script id="jupyter-config-data" type="application/json">{{"baseUrl": "{base}"}}</script></head>
<body>{map}<script type="module">
import {{drawPage}} from "{base}practicum/static/map.js";
drawPage(() => Promise.reject(new Error("deck.gl is not served")));
</script></body></html>
"""
_kept: dict[str, tuple[float, str]] = {}


def live_map(language: str) -> str:
    """The district of this moment as the HTML of a map."""
    import pandas as pd

    from twin_sandbox.views.maps import district_map
    from twin_sandbox.views.now import scenario_now
    from twin_sandbox.world.twin import open_district

    twin = open_district()
    scenario = scenario_now(pd.Timestamp.now(tz="Asia/Shanghai"))
    result = twin.run(scenario)
    words = _WORDS[language]
    rain = float(result.water.rain_mm_h.iloc[-1])
    shown = district_map(twin, result, scenario.end, language=language)
    shown.overlay = {
        **shown.overlay,
        "lines": [
            words["now"].format(clock=f"{scenario.end:%H:%M}"),
            words["sea"].format(tide=float(result.water.tide_m.iloc[-1])),
            words["rain"].format(rain=rain) if rain >= 1 else words["dry"],
        ],
    }
    return shown.as_html()


class LivePage(JupyterHandler):
    """``practicum/district?lang=en``."""

    @web.authenticated
    async def get(self) -> None:
        """The page; made at most once in five minutes."""
        language = "zh" if self.get_argument("lang", "en") == "zh" else "en"
        made, drawn = _kept.get(language, (-KEPT_S, ""))
        if time.monotonic() - made > KEPT_S:
            try:
                drawn = await asyncio.get_running_loop().run_in_executor(None, live_map, language)
                _kept[language] = time.monotonic(), drawn
            except TwinError as refusal:
                drawn = f"<p>{escape(str(refusal))}</p>"
        self.finish(_PAGE.format(language=language, title="Live district", base=escape(self.base_url), map=drawn))
