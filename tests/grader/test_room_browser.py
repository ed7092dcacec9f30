"""A student's first minute in Chromium: landing page, live district, lab notebook, a map that a cell draws."""

import io
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from PIL import Image

from grader.room.jupyter import Server
from twin_sandbox.world.twin import open_district

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not on this machine (.ci/system-packages)"),
]
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
LESSON = """# %% id="map"
import twin_sandbox
twin = twin_sandbox.open_district()
twin.map()
"""


@pytest.fixture
def room(tmp_path, own_tiny_lab):
    """JupyterLab as ``practicum up`` starts it, with a small lab and without the practice service."""
    open_district()
    workspace = tmp_path / "work"
    (workspace / "tiny_lab").mkdir(parents=True)
    lesson = jupytext.reads(LESSON, fmt="py:percent")
    lesson.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(lesson, workspace / "tiny_lab" / "tiny_lab.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    labs = own_tiny_lab.folder.parent.parent
    facts = {
        "workspace": str(workspace),
        "labs": str(labs),
        "practice": str(tmp_path / "none"),
        "student": "me",
        "live": True,
    }
    server = Server(
        root=workspace,
        state=tmp_path / "state",
        port=port,
        page="/practicum",
        extensions=("grader.room.landing", "twin_sandbox.views.web"),
        facts=facts,
    )
    server.write()
    process = subprocess.Popen(
        server.command(), cwd=workspace, env=server.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=1):
            break
        time.sleep(0.1)
    yield server
    process.terminate()
    process.wait(timeout=20)


def picture(shot: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.float64)


def test_from_the_landing_page_to_a_map_in_the_lab(room):
    sync_api = pytest.importorskip("playwright.sync_api")
    outside, errors = [], []
    ours = ("blob:", "data:", *(f"{kind}://127.0.0.1:{room.port}/" for kind in ("http", "ws")))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("request", lambda request: None if request.url.startswith(ours) else outside.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

        page.goto(room.url)
        live = page.frame_locator("iframe").locator(".pm-box[data-drawn]")
        live.wait_for(timeout=60_000)
        time.sleep(0.5)
        assert picture(page.locator(".now").screenshot()).std() > 20
        assert errors == []

        page.get_by_role("link", name="Start the lab").click()
        page.get_by_text("| Idle").wait_for(timeout=60_000)  # a key pressed before the kernel is there is lost
        page.locator(".jp-Notebook .jp-CodeCell").first.click(timeout=60_000)
        page.keyboard.press("Shift+Enter")
        page.locator(".pm-box[data-drawn]").wait_for(timeout=60_000)
        time.sleep(0.5)
        assert picture(page.locator(".pm-box").screenshot()).std() > 20
        assert page.get_by_text("Formgrader").count() == 0
        assert page.get_by_text("news").count() == 0
        browser.close()
    assert outside == []
    assert errors == []
