"""The public app: its figures are the engine's, its server gives a visitor nothing but its widgets."""

import http.client
import json
import re
import socket
import uuid
from contextlib import closing, suppress
from email.message import Message
from urllib.parse import urlsplit

import nbformat
import numpy as np
import pandas as pd
import pytest

from twin_sandbox import TwinError, kpi
from twin_sandbox.views.apps.flood import FIRST_STEP, STEP_MIN, FloodApp, run_night
from twin_sandbox.views.apps.server import require_free, write_notebook
from twin_sandbox.views.now import scenario_now


@pytest.fixture(scope="module")
def app(twin):
    return FloodApp(twin)


def figures(app: FloodApp) -> dict[str, str]:
    shown = app.figures.value + app.moment.value
    return dict(re.findall(r"data-figure='([\w-]+)'>([^<]*)<", shown))


@pytest.mark.parametrize("pumps", ["on", "off"])
def test_figures_are_the_engines(app, twin, pumps):
    app.pumps.value = pumps
    result = run_night(twin, 50, pumps)
    water = result.water
    now = result.scenario.start + pd.Timedelta(minutes=FIRST_STEP * STEP_MIN)
    pumped_m3 = np.trapezoid(water.pump_flow_m3s.sum(axis=1), dx=300)
    assert figures(app) == {
        "buildings": f"{kpi.flooded_buildings(result)}",
        "streets": f"{kpi.flooded_street_length_m(result):,.0f}",
        "pumped": f"{pumped_m3:,.0f}",
        "buildings-now": f"{len(kpi.buildings_under_water(result, now))}",
        "deepest-now": f"{water.street_depth_m.loc[now].max() * 100:.0f}",
        "sea-now": f"{water.tide_m.loc[now]:+.2f}",
    }


def test_the_pumps_matter(app):
    app.pumps.value = "on"
    with_pumps = figures(app)
    app.pumps.value = "off"
    without = figures(app)
    assert int(without["buildings"]) > int(with_pumps["buildings"])
    assert without["pumped"] == "0"
    app.pumps.value = "on"


def test_the_sea_matters(app):
    app.sea.value = "calm"
    calm = figures(app)
    app.sea.value = "high"
    high = figures(app)
    assert float(high["sea-now"]) == pytest.approx(float(calm["sea-now"]) + 1.1, abs=0.02)
    assert int(high["buildings"]) > int(calm["buildings"])
    app.sea.value = "surge"


def test_the_clock_moves_water_figures_and_chart(app):
    before, drawn = figures(app), app.chart.value
    app.step.value = 0
    assert figures(app)["buildings-now"] == "0"
    assert app.chart.value != drawn
    assert app.map.overlay["lines"] == ["18:00"]
    app.step.value = FIRST_STEP
    assert figures(app) == before


def test_it_speaks_chinese(app):
    chosen, nights = app.choice, app.run.cache_info()
    app.speaks.value = "zh"
    assert app.choice == chosen
    assert app.run.cache_info().misses == nights.misses  # other words are no other night
    assert app.run.cache_info().hits == nights.hits + 1
    assert "鸥港" in app.head.value
    assert "栋建筑进水" in app.figures.value
    assert app.map.overlay["title"] == "鸥港"
    app.speaks.value = "en"
    assert "buildings" in app.figures.value


def test_what_a_page_may_not_send_is_not_used(app):
    before = app.choice
    with suppress(Exception):  # whatever ipywidgets says of it, the app must not run it
        app.period.set_state({"index": 99})
    with suppress(Exception):
        app.step.set_state({"value": 10**9})
    *chosen, step = app.choice
    assert tuple(chosen) == before[:-1]
    assert 0 <= step <= 36
    app.step.value = FIRST_STEP


def test_an_engine_that_fails_says_one_kind_sentence(twin, monkeypatch):
    app = FloodApp(twin)

    def fail(*_: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(app, "run", fail)
    app.pumps.value = "off"
    assert "could not run this night" in app.figures.value
    assert "secret" not in app.figures.value + app.moment.value
    app.step.value = 3  # a dead night does not break the clock


def test_the_notebook_is_one_clean_cell(tmp_path):
    notebook = nbformat.read(write_notebook("flood", tmp_path), as_version=4)
    nbformat.validate(notebook)
    assert [cell.outputs for cell in notebook.cells] == [[]]


def test_a_busy_port_is_named_with_the_next_step():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TwinError, match=f"practicum apps --port {port + 1}"):
            require_free("127.0.0.1", port, "practicum apps")


def test_the_live_district_has_weather_that_all_share():
    moments = pd.date_range("2026-07-01 00:10", periods=60, freq="11h", tz="Asia/Shanghai")
    scenarios = [scenario_now(moment) for moment in moments]
    assert scenarios[7] == scenario_now(moments[7])
    rainy = sum(scenario.storm.depth_mm > 0 for scenario in scenarios)
    assert 3 <= rainy <= 30
    assert all(scenario.end <= moment for scenario, moment in zip(scenarios, moments, strict=True))


# --- the server ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(app_port):
    return f"http://127.0.0.1:{app_port}/"


def get(url: str, **headers: str) -> tuple[int, Message, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with closing(connection):
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.fixture(scope="module")
def page(server):
    return get(server)


def test_the_page_asks_nobody_and_says_what_it_may_load(page):
    status, headers, body = page
    text = body.decode()
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", text) == []


def test_only_the_extensions_on_the_list_are_loaded(page):
    listed = json.loads(
        re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page[2].decode(), re.DOTALL).group(1)
    )
    names = {extension["name"] for extension in listed["federated_extensions"]}
    assert "anywidget" in names
    assert not [name for name in names if "nbgrader" in name or "preview" in name]


def test_a_visitor_cannot_choose_the_template(server):
    status, _, body = get(server + "?template=lab&theme=dark")
    assert status == 200
    assert b"practicum" in body
    assert b"fontawesome" not in body
    assert b"JupyterLab Dark" not in body


@pytest.mark.parametrize(
    "path", ["voila/files/flood.ipynb", "voila/files/../server.py", "api/contents", "api/kernels", "terminals/1"]
)
def test_files_and_kernels_are_not_served(server, path):
    status, _, body = get(server + path)
    assert status != 200
    assert b"FloodApp" not in body


def test_code_of_a_visitor_is_dropped(page, server, tmp_path):
    """A standalone Voila passes comm messages on and drops execute requests, on every channel."""
    import websocket

    kernel = json.loads(
        re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page[2].decode(), re.DOTALL).group(1)
    )["kernelId"]
    mark = tmp_path / "ran"
    address = server.replace("http", "ws") + f"api/kernels/{kernel}/channels"
    connection = websocket.create_connection(address, timeout=4)

    def message(kind: str, channel: str, content: dict) -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "username": "", "version": "5.3"}
        return json.dumps(
            {
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "channel": channel,
                "buffers": [],
            }
        )

    code = {
        "code": f"open({str(mark)!r}, 'w').close()",
        "silent": False,
        "store_history": False,
        "user_expressions": {},
    }
    answered = set()
    try:
        for channel in ("shell", "control"):
            connection.send(message("execute_request", channel, code))
            connection.send(
                message("debug_request", channel, {"command": "evaluate", "arguments": {"expression": code["code"]}})
            )
        connection.send(message("kernel_info_request", "shell", {}))
        with suppress(websocket.WebSocketTimeoutException):
            while "kernel_info_reply" not in answered:
                answered.add(json.loads(connection.recv())["header"]["msg_type"])
    finally:
        connection.close()
    assert "kernel_info_reply" in answered  # the kernel is there and hears what it may
    assert not answered & {"execute_reply", "execute_result", "debug_reply"}
    assert not mark.exists()


def test_the_map_library_is_served_compressed_and_kept(server):
    status, headers, script = get(server + "practicum/static/deck.js")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(script) < 1_500_000
    assert get(server + "practicum/static/deck.js", **{"If-None-Match": headers["ETag"]})[0] == 304
