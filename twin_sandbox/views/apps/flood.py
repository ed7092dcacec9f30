"""The app "A storm in Gulls' Quay": one storm, one decision, and what the water does.

Every figure is the engines': a run of sewers and street surface for the chosen storm, read by
:mod:`twin_sandbox.world.kpi`.
"""

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
import pandas as pd

from twin_sandbox.views.charts import night_chart
from twin_sandbox.views.maps import district_map, overlay, scene_of
from twin_sandbox.views.scene import flood_columns
from twin_sandbox.world import kpi
from twin_sandbox.world.scenario import Pumps, Scenario
from twin_sandbox.world.session import Session
from twin_sandbox.world.storm import Storm
from twin_sandbox.world.tide import Tide
from twin_sandbox.world.twin import Twin, open_district

if TYPE_CHECKING:
    from twin_sandbox.world.result import Result

PERIODS_A = (1, 3, 10, 30, 50, 100, 200)
"""Return periods on the slider [a]."""
HORIZON_H, STEP_MIN = 6.0, 10
STEPS = round(HORIZON_H * 60 / STEP_MIN)
KEPT = 14
"""Nights that a page keeps: each takes a few MB."""
GRID_M = 10
"""Cell of the street surface [m]: a night in two seconds. Cells of 5 m take four times as long."""
FIRST_STEP = 14
"""The page opens when the water is highest: at 20:20."""
PUMPS: dict[str, Pumps] = {"on": "rules", "off": "off"}

WORDS = {
    "en": {
        "title": "A storm in Gulls' Quay",
        "ask": "Choose a storm and a tide, and switch the pumps. Then let the night run.",
        "storm": "A storm that comes once in",
        "years": "{p} years",
        "year": "{p} year",
        "depth": "{mm:.0f} mm of rain in two hours",
        "pumps": "Pumping station",
        "on": "pumps on",
        "off": "pumps off",
        "tide": "The sea at high tide",
        "calm": "calm",
        "surge": "surge",
        "high": "high surge",
        "time": "Time",
        "night": "In this night",
        "buildings": "buildings with water inside",
        "streets": "m of street under more than 15 cm",
        "pumped": "m³ pumped to the sea",
        "moment": "At {clock}",
        "now_buildings": "buildings with water inside",
        "deepest": "cm at the deepest place",
        "sea": "m sea level",
        "running": "The twin is running this night …",
        "failed": "The twin could not run this night. Choose another storm, or reload the page.",
        "why": "Where the numbers come from",
        "explain": "The rain is Suzhou's design storm of 2025, the tide one spring tide with a surge of {surge:g} m. "
        "EPA SWMM {engine} computes runoff, sewers, tank and pumps, and a 2-D model of shallow water the streets, in "
        "{cells:,} cells of {cell} m, for this page, now. Water balance of this run: error {error:.2f} %. The district "
        "is a sample: it does not exist.",
    },
    "zh": {
        "title": "鸥港的一场暴雨",
        "ask": "选一场雨和一种潮位，开或关水泵，然后让这一夜开始。",
        "storm": "重现期",
        "years": "{p} 年一遇",
        "year": "{p} 年一遇",
        "depth": "两小时雨量 {mm:.0f} mm",
        "pumps": "雨水泵站",
        "on": "水泵开启",
        "off": "水泵关闭",
        "tide": "高潮时的海面",
        "calm": "无增水",
        "surge": "有增水",
        "high": "强增水",
        "time": "时间",
        "night": "这一夜",
        "buildings": "栋建筑进水",
        "streets": "m 街道积水超过 15 cm",
        "pumped": "m³ 由水泵排入海",
        "moment": "{clock} 时",
        "now_buildings": "栋建筑进水",
        "deepest": "cm 最深处积水",
        "sea": "m 潮位",
        "running": "孪生体正在计算这一夜……",
        "failed": "这一夜未能算出。请换一场雨，或重新载入页面。",
        "why": "数字从哪里来",
        "explain": "降雨用苏州 2025 年设计暴雨公式，潮位为一次大潮加 {surge:g} m 增水。EPA SWMM {engine} 当场计算产流、"
        "管网、调蓄池和水泵，二维浅水模型在 {cells:,} 个 {cell} m 网格上计算街道积水。本次水量平衡"
        "误差 {error:.2f} %。城区为样例，并非真实地点。",
    },
}
SEAS_M = {"calm": 0.0, "surge": 0.6, "high": 1.1}
"""What wind adds to the spring tide [m]: nothing; a common surge; one that runs over the lowest shore."""


def night(period_a: int, pumps: str, sea: str = "surge") -> Scenario:
    """The night of the app: the storm starts an hour before a spring high tide, with a surge or without."""
    start = pd.Timestamp("2026-08-20 18:00", tz="Asia/Shanghai")
    tide = Tide(mean_m=0.1, range_m=3.0, high_at=start + pd.Timedelta(hours=2), surge_m=SEAS_M[sea])
    storm = Storm.chicago(period_a)
    name = f"{period_a}-year storm, pumps {pumps}, sea {sea}"
    begins = start + pd.Timedelta(hours=1)
    return Scenario(name, start, HORIZON_H, storm, begins, tide, pumps=PUMPS[pumps], grid_m=GRID_M)


def run_night(twin: Twin, period_a: int, pumps: str, sea: str = "surge") -> "Result":
    """Sewers and streets in that night.

    Raises:
        TwinError: the engine refuses the model.
    """
    with Session(twin.district, night(period_a, pumps, sea)) as session:
        return session.result()


class FloodApp:
    """Widgets and what they do; values from the page are checked, for a page may send anything."""

    def __init__(self, twin: Twin | None = None) -> None:
        self.twin = twin or open_district()
        self.run = lru_cache(maxsize=KEPT)(self._run)
        self.language = "en"
        self.result: Result | None = None
        self._make()
        self._write()
        self._new_night()

    def _run(self, period_a: int, pumps: str, sea: str) -> "Result":
        return run_night(self.twin, period_a, pumps, sea)

    @property
    def page(self) -> w.Widget:
        """What a notebook shows."""
        return self._page

    @property
    def choice(self) -> tuple[int, str, str, int]:
        """Return period [a], pumps, sea and step of time, as far as they are allowed; else where the app starts."""
        period, pumps, sea, step = self.period.value, self.pumps.value, self.sea.value, self.step.value
        return (
            period if period in PERIODS_A else 50,
            pumps if pumps in PUMPS else "on",
            sea if sea in SEAS_M else "surge",
            step if isinstance(step, int) and 0 <= step <= STEPS else FIRST_STEP,
        )

    def _make(self) -> None:
        wide = w.Layout(width="auto")
        self.speaks = w.ToggleButtons(
            options=[("English", "en"), ("中文", "zh")], value="en", tooltips=["English", "中文"]
        )
        self.head = w.HTML()
        self.storm_label, self.pumps_label, self.sea_label, self.time_label = (w.HTML() for _ in range(4))
        self.period = w.SelectionSlider(
            options=PERIODS_A, value=50, readout=False, layout=wide, continuous_update=False
        )
        self.pumps = w.ToggleButtons(options=[("on", "on"), ("off", "off")], value="on")
        self.sea = w.ToggleButtons(options=[(sea, sea) for sea in SEAS_M], value="surge")
        self.step = w.IntSlider(min=0, max=STEPS, value=FIRST_STEP, readout=False, layout=wide)
        self.play = w.Play(min=0, max=STEPS, value=FIRST_STEP, interval=450, show_repeat=False)
        w.jslink((self.play, "value"), (self.step, "value"))
        self.figures, self.moment, self.chart, self.why = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.map = district_map(self.twin, height=620)
        for part, kind in (
            (self.speaks, "pr-speaks"),
            (self.pumps, "pr-pumps"),
            (self.sea, "pr-pumps"),
            (self.play, "pr-play"),
            (self.figures, "pr-figures"),
            (self.moment, "pr-figures"),
        ):
            part.add_class(kind)
        top = w.Box([self.head, self.speaks])
        top.add_class("pr-top")
        clock = w.Box([self.play, self.step])
        clock.add_class("pr-clock")
        stage = w.Box([self.map, self.time_label, clock])
        stage.add_class("pr-stage")
        side = w.Box(
            [
                self.storm_label,
                self.period,
                self.pumps_label,
                self.pumps,
                self.sea_label,
                self.sea,
                self.figures,
                self.moment,
                self.chart,
                self.why,
            ]
        )
        side.add_class("pr-side")
        body = w.Box([stage, side])
        body.add_class("pr-body")
        self._page = w.Box([top, body])
        self._page.add_class("pr-app")
        self.speaks.observe(self._speak, "value")
        self.period.observe(self._new_night, "value")
        self.pumps.observe(self._new_night, "value")
        self.sea.observe(self._new_night, "value")
        self.step.observe(self._new_moment, "value")

    def _speak(self, _: object = None) -> None:
        self.language = "zh" if self.speaks.value == "zh" else "en"
        scene = scene_of(self.twin.district, self.language)
        fresh = district_map(self.twin, language=self.language, height=self.map.height)
        self.map.spec, self.map.columns, self.map.label = fresh.spec, scene.columns, fresh.label
        fresh.close()
        self._write()
        self._new_night()

    def _write(self) -> None:
        words = WORDS[self.language]
        self.head.value = f"<h1>{escape(words['title'])}</h1><p>{escape(words['ask'])}</p>"
        self.pumps_label.value = _label(words["pumps"])
        self.sea_label.value = _label(words["tide"])
        _, pumps, sea, _ = self.choice
        for buttons, names, chosen in ((self.pumps, PUMPS, pumps), (self.sea, SEAS_M, sea)):
            buttons.unobserve(self._new_night, "value")  # new words press the first button, which is no choice
            buttons.options, buttons.value = [(words[name], name) for name in names], chosen
            buttons.observe(self._new_night, "value")
        for control, name in ((self.period, "storm"), (self.step, "time")):
            control.description = words[name]  # for screen readers: what is seen stands above the slider

    def _new_night(self, _: object = None) -> None:
        """A storm or the pumps were chosen: run, then show."""
        words = WORDS[self.language]
        period, pumps, sea, _step = self.choice
        scenario = night(period, pumps, sea)
        years = words["year" if period == 1 else "years"].format(p=period)
        rain = words["depth"].format(mm=scenario.storm.depth_mm)
        self.storm_label.value = _label(words["storm"], years, rain)
        self.figures.value = f"<p class='pr-busy'>{escape(words['running'])}</p>"
        self.result = None
        try:
            result = self.result = self.run(period, pumps, sea)
        except Exception:  # noqa: BLE001 - a visitor gets one sentence, whatever the engine says
            self.figures.value = f"<p class='pr-busy'>{escape(words['failed'])}</p>"
            return
        pumped_m3 = float(np.trapezoid(result.water.pump_flow_m3s.sum(axis=1), dx=scenario.report_step_s))
        self.figures.value = _figures(
            words["night"],
            (f"{kpi.flooded_buildings(result)}", words["buildings"], "buildings"),
            (f"{kpi.flooded_street_length_m(result):,.0f}", words["streets"], "streets"),
            (f"{pumped_m3:,.0f}", words["pumped"], "pumped"),
        )
        self.why.value = _details(
            words["why"],
            words["explain"].format(
                surge=SEAS_M[sea],
                engine="5.2",
                cells=int(result.water.ground.grid.land.sum()),
                cell=GRID_M,
                error=abs(result.water.mass_error) * 100,
            ),
        )
        self._new_moment()

    def _new_moment(self, _: object = None) -> None:
        """The clock moved: the water of that moment."""
        words = WORDS[self.language]
        result, step = self.result, self.choice[-1]
        if result is None:
            return
        time = result.scenario.start + pd.Timedelta(minutes=step * STEP_MIN)
        water = result.water
        row = water.row(time)
        clock = f"{time:%H:%M}"
        self.time_label.value = _label(words["time"], clock)
        self.moment.value = _figures(
            words["moment"].format(clock=clock),
            (f"{len(kpi.buildings_under_water(result, time))}", words["now_buildings"], "buildings-now"),
            (f"{water.street_depth_m.iloc[row].max() * 100:.0f}", words["deepest"], "deepest-now"),
            (f"{water.tide_m.iloc[row]:+.2f}", words["sea"], "sea-now"),
        )
        self.chart.value = night_chart(result, time, self.language)
        district = self.twin.district
        name = district.name_en if self.language == "en" else district.name_zh
        shown: dict[str, Any] = overlay(name, result, time, self.language)
        self.map.overlay = {**shown, "lines": [clock]}
        self.map.show_all(flood_columns(scene_of(district, self.language), result, time))


def _label(name: str, *more: str) -> str:
    strong = f" <b>{escape(more[0])}</b>" if more else ""
    return f"<div class='pr-label'>{escape(name)}{strong}{''.join(f'<span>{escape(m)}</span>' for m in more[1:])}</div>"


def _figures(title: str, *rows: tuple[str, str, str]) -> str:
    cells = "".join(
        f"<div><b data-figure='{name}'>{escape(value)}</b><span>{escape(label)}</span></div>"
        for value, label, name in rows
    )
    return f"<h2>{escape(title)}</h2><div class='pr-row'>{cells}</div>"


def _details(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><p>{escape(text)}</p></details>"
