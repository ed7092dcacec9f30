"""Maps and app in Chromium with software WebGL: something is seen, nothing is asked of any other host."""

import io
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from twin_sandbox.views import district_map, embed
from twin_sandbox.views.palette import depth_colours

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not on this machine (.ci/system-packages)"),
]
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FIRST_PAINT_S = 60


class Watched:
    """A page, with every request to another host and every error of its own written down."""

    def __init__(self, page, port: int | None = None) -> None:
        self.page, self.outside, self.errors = page, [], []
        ours = ("blob:", "data:", "file:", *(f"{kind}://127.0.0.1:{port}/" for kind in ("http", "ws")))
        page.on("request", lambda request: None if request.url.startswith(ours) else self.outside.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def picture(self, selector: str = ".pm-box") -> np.ndarray:
        shot = self.page.locator(selector).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float64)

    def wait_for_map(self) -> None:
        self.page.locator(".pm-box[data-drawn]").first.wait_for(timeout=FIRST_PAINT_S * 1000)


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    pages = []

    def make(port: int | None = None, width: int = 1000, height: int = 640) -> Watched:
        page = chromium.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        return Watched(page, port)

    yield make
    for page in pages:
        page.close()


def share_like(picture: np.ndarray, colour: np.ndarray, within: float) -> float:
    return float((np.abs(picture - colour).max(axis=-1) < within).mean())


def test_a_saved_page_draws_the_flood_from_the_disk(twin, night, open_page, tmp_path):
    result = twin.run(night(100, surge_m=0.8))
    dry, wet = district_map(twin, height=600), district_map(twin, result, height=600)
    pictures = {}
    for name, shown in (("dry", dry), ("wet", wet)):
        file = tmp_path / f"{name}.html"
        html = f"<meta charset='utf-8'><body style='margin:0'>{shown.as_html()}<script>window.bad = 1</script></body>"
        file.write_text(embed(html), encoding="utf-8")
        watched = open_page()
        watched.page.goto(file.as_uri())
        watched.wait_for_map()
        time.sleep(0.5)
        pictures[name] = watched.picture()
        assert watched.outside == []
        assert watched.errors == []
    assert pictures["dry"].std() > 20  # a blank canvas has one colour
    changed = np.abs(pictures["wet"] - pictures["dry"]).max(axis=-1) > 25
    assert 0.01 < changed.mean() < 0.3
    blue = depth_colours(0.5)
    assert share_like(pictures["wet"], blue, 30) > share_like(pictures["dry"], blue, 30) + 0.002


def test_a_map_that_a_stranger_wrote_can_only_draw(open_page, tmp_path, twin):
    shown = district_map(twin)
    spec = shown.spec
    for name, evil in {
        "expression": spec.replace('"@@=ring"', "\"@@=constructor.constructor('window.bad=1')()\""),
        "address": spec.replace(
            '"layers": [', '"layers": [{"@@type": "ScatterplotLayer", "id": "x", "data": "http://192.0.2.1/x"}, ', 1
        ),
        "layer": spec.replace('"BitmapLayer"', '"TileLayer"', 1),
    }.items():
        assert evil != spec
        shown.spec = evil
        file = tmp_path / f"{name}.html"
        file.write_text(embed(f"<meta charset='utf-8'><body>{shown.as_html()}</body>"), encoding="utf-8")
        watched = open_page()
        watched.page.goto(file.as_uri())
        watched.page.get_by_text("The map could not be drawn.").wait_for(timeout=FIRST_PAINT_S * 1000)
        assert watched.page.evaluate("window.bad") is None
        assert watched.outside == []


def test_the_app_shows_what_the_engine_says(app_port, open_page, twin):
    from twin_sandbox import kpi
    from twin_sandbox.views.apps.flood import FIRST_STEP, STEP_MIN, run_night

    watched = open_page(app_port, 1440, 900)
    page = watched.page
    page.goto(f"http://127.0.0.1:{app_port}/", timeout=60_000)
    watched.wait_for_map()

    def shown(name: str, value: str) -> None:
        page.locator(f"[data-figure='{name}']", has_text=value).wait_for(timeout=30_000)
        assert page.locator(f"[data-figure='{name}']").inner_text() == value

    shown("buildings", f"{kpi.flooded_buildings(run_night(twin, 50, 'on'))}")
    time.sleep(0.5)
    with_pumps = watched.picture()
    assert with_pumps.std() > 20

    page.get_by_role("button", name="pumps off").click()
    off = run_night(twin, 50, "off")
    shown("pumped", "0")
    shown("buildings", f"{kpi.flooded_buildings(off)}")

    storm = page.get_by_role("slider", name="A storm that comes once in")
    storm.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("100 years").wait_for(timeout=30_000)
    rarer = run_night(twin, 100, "off")
    shown("buildings", f"{kpi.flooded_buildings(rarer)}")
    moment = rarer.scenario.start + pd.Timedelta(minutes=FIRST_STEP * STEP_MIN)
    shown("deepest-now", f"{rarer.water.street_depth_m.loc[moment].max() * 100:.0f}")
    time.sleep(1)
    assert (np.abs(watched.picture() - with_pumps).max(axis=-1) > 25).mean() > 0.003

    page.get_by_role("button", name="中文").click()
    page.get_by_text("鸥港的一场暴雨").wait_for(timeout=30_000)
    assert watched.outside == []
    assert watched.errors == []
