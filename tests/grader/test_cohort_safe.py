"""What a student wrote reaches others without script, style, or an address outside the page."""

import base64
import gzip
import json
import re
import time
from typing import Any

import pytest

from grader.checks.verdict import Verdict
from grader.cohort.map_picture import map_picture
from grader.cohort.safe import MAX_HTML_TAGS, markdown_html, outputs_html, safe_html, safe_markdown, safe_outputs
from grader.cohort.verdict_box import COLOURS, SIGNS, WORDS, points, verdict_html, verdict_text

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<svg onload="alert(1)"><script>alert(1)</script></svg>',
    '<a href="javascript:alert(1)">l</a>',
    '<iframe src="https://example.org"></iframe>',
    "<style>body{background:url(https://example.org/x)}</style>",
    '<div style="background:url(https://example.org/x)" onclick="alert(1)">d</div>',
    '<img src="https://example.org/pixel.png">',
    '<img src="data:image/svg+xml;base64,PHN2Zz4=">',
    "<table background=https://example.org/x><td>1</table>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<style",
    "<base href=https://example.org/><form action=https://example.org><input></form>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_is_left_without_script_and_addresses(attack: str):
    cleaned = safe_html(attack)
    assert not re.search(r"<(script|style|iframe|svg|a|form|base|input)\b", cleaned, re.IGNORECASE)
    assert not re.search(r"<[^>]*\b(on\w+|style|href|background|action)\s*=", cleaned, re.IGNORECASE)
    assert not re.search(r"<[^>]*(https?:|svg)", cleaned, re.IGNORECASE)


def test_tables_and_carried_pictures_stay():
    table = '<table><tbody><tr><td colspan="2">1.5</td></tr></tbody></table>'
    assert safe_html(f"<style scoped>.x {{}}</style>{table}") == table
    assert safe_html('<img src="data:image/png;base64,AAAA">') == '<img src="data:image/png;base64,AAAA">'


def test_nested_boxes_do_not_hold_up_the_others():
    begun = time.process_time()
    assert "too long" in safe_html("<div>" * (MAX_HTML_TAGS + 1))
    safe_html("<div>" * MAX_HTML_TAGS)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "attack",
    [
        *ATTACKS,
        "[l](javascript:alert(1))",
        r"[l](javascript\:alert(1))",
        "[l](java&#115;cript:alert(1))",
        "[l](java&Tab;script&colon;alert(1))",
        "[l](java&amp#115;cript:alert(1))",
        "[l][k]\n\n[k]: JAVASCRIPT:alert(1)",
        "![p](data:text/html;base64,AAAA)",
    ],
)
def test_markdown_shows_tags_as_text_and_has_no_scheme(attack: str):
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    rendered = markdown2html_mistune(safe_markdown(attack))
    assert not re.search(r"<(script|style|iframe|svg|form|base|input|div|table)\b", rendered, re.IGNORECASE)
    assert not re.search(r"(href|src)=\"\s*(javascript|data|java\s*script)\s*:", rendered, re.IGNORECASE)


@pytest.mark.parametrize("image", ["![p](https://example.org/p.png)", "![p][k]\n\n[k]: /api/shutdown"])
def test_markdown_fetches_no_picture(image: str):
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    assert "<img" in markdown2html_mistune(image)
    assert "<img" not in markdown2html_mistune(safe_markdown(image))


@pytest.mark.parametrize("text", ["![p](attachment:p.svg)", "\\begin{a}" * 20_000, ">" * 50_000, "- " * 50_000])
def test_no_text_stops_its_page(text: str):
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    begun = time.process_time()
    assert markdown_html(text)
    assert markdown2html_mistune(safe_markdown(text))
    assert time.process_time() - begun < 10


def test_ordinary_markdown_stays_readable():
    text = "Depth **0.3 m** < 0.5 m & rising\n\n> quoted\n\n- `a < b`"
    assert safe_markdown(text) == text


def test_outputs_keep_text_tables_and_pictures_alone():
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "a\x1b[31mred\x1b[0m\x00"},
        {"output_type": "display_data", "data": {"text/html": "<script>x</script><b>y</b>", "text/plain": "y"}},
        {"output_type": "display_data", "data": {"image/png": "AAAA\n", "application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/png": '"><script>'}},
        {"output_type": "execute_result", "data": {"text/plain": ["1", "2"]}, "execution_count": "x"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m: <b>"]},
        {"output_type": "surprise"},
    ]
    safe = safe_outputs(outputs)
    assert safe[0]["text"] == "ared"
    assert safe[1]["data"] == {"text/html": "<b>y</b>", "text/plain": "y"}
    assert safe[2]["data"] == {"image/png": "AAAA\n"}
    assert "not shown" in safe[3]["data"]["text/plain"]
    assert "image/png" not in safe[4]["data"]
    assert (safe[5]["data"]["text/plain"], safe[5]["execution_count"]) == ("12", None)
    assert safe[6]["traceback"] == ["E: <b>"]
    page = outputs_html(safe)
    assert "<script" not in page
    assert "E: &lt;b&gt;" in page


WEBP = base64.b64encode(b"RIFF....WEBP").decode()
CORNERS = {"ground": [[120.0, 35.0], [120.0, 36.0], [121.0, 36.0], [121.0, 35.0]]}
CORNERS["water"] = [[120.25, 35.25], [120.25, 35.75], [120.75, 35.75], [120.75, 35.25]]


def map_output(**changes: Any) -> str:
    """A map's output as the twin makes it, with some of its parts changed."""
    packed: dict[str, Any] = {
        "spec": json.dumps({"layers": [{"id": name, "bounds": corners} for name, corners in CORNERS.items()]}),
        "columns": {name: {"image": {"dtype": "webp", "data": WEBP}} for name in CORNERS},
        "overlay": {"title": "Gulls' Quay", "lines": ["tonight", "<b>deep</b>"]},
        "label": 'Map "of" <Quay>',
    }
    data = base64.b64encode(gzip.compress(json.dumps(packed | changes).encode())).decode()
    return f'<div class="practicum-map" style="height:520px" data-map="{data}">Map</div><script>alert(1)</script>'


def test_a_map_reaches_others_as_a_still_picture():
    shown = map_picture(map_output())
    assert shown is not None
    assert shown.count(f"data:image/webp;base64,{WEBP}") == 2
    assert "left:25.00%;top:25.00%;width:50.00%;height:50.00%" in shown
    assert "tonight · &lt;b&gt;deep&lt;/b&gt;" in shown
    assert "Map &quot;of&quot; &lt;Quay&gt;" in shown
    assert "<script" not in shown
    safe = safe_outputs([{"output_type": "display_data", "data": {"text/html": map_output()}}])
    assert safe[0]["data"]["text/html"] == shown


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": "not JSON"},
        {"spec": json.dumps({"layers": []})},
        {"columns": {"ground": {"image": {"dtype": "svg", "data": WEBP}}}},
        {"columns": {"ground": {"image": {"dtype": "webp", "data": '"><script>'}}}},
        {"columns": []},
        {"spec": json.dumps({"layers": [{"id": "ground", "bounds": [["x", 1]]}]})},
        {"spec": json.dumps({"layers": [{"id": "ground", "bounds": [[0, 0], [0, 0]]}]})},
        {"spec": json.dumps({"layers": [7]})},
    ],
)
def test_a_map_that_is_none_is_not_shown(changes: dict[str, Any]):
    assert map_picture(map_output(**changes)) is None


def test_a_map_that_unpacks_to_a_flood_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grader.cohort.map_picture.MAX_BYTES", 1000)
    assert map_picture(map_output(label="x" * 5000)) is None
    assert map_picture('<div class="practicum-map" data-map="AAAA">') is None
    assert map_picture("<p>no map</p>") is None


@pytest.mark.parametrize("status", list(SIGNS))
def test_a_verdict_is_told_in_words_and_a_sign(status: str):
    verdict = Verdict("total", 1.5, 2.0, status, "rain: <b>3 mm</b>", "took the mean")  # type: ignore[arg-type]
    page, text = verdict_html(verdict), verdict_text(verdict)
    assert WORDS[status] in page
    assert SIGNS[status] in page
    assert "1.5 of 2 points" in page
    assert "&lt;b&gt;" in page
    assert "took the mean" not in page + text
    assert "took the mean" in verdict_html(verdict, practice=True)
    assert "practice" in verdict_text(verdict, practice=True)


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2: linearised sRGB weighted by 0.2126, 0.7152, 0.0722."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("edge", "ground"), COLOURS.values())
def test_verdict_colours_can_be_read(edge: str, ground: str):
    bright = luminance(ground) + 0.05
    assert bright / (luminance("#1f2933") + 0.05) >= 4.5
    assert bright / (luminance(edge) + 0.05) >= 4.5


def test_points_are_written_as_people_write_them():
    assert [points(number) for number in (2.0, 1.5, 2 / 3, 0.0, 10.0)] == ["2", "1.5", "0.67", "0", "10"]
