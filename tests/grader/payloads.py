"""What a student may try against whoever reads their work: each would call ``hit(name)`` in the page, or fetch."""

import base64
import json
from typing import Any

OUTSIDE = "http://192.0.2.7"  # a documentation address: nobody is there
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="hit(\'{0}\')"><script>hit("{0}")</script></svg>'
_PAGE = '<script>parent.hit("{0}");top.hit("{0}")</script>'


def _data(mime: str, text: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(text.encode()).decode()}"


HTML = {
    "script": '<script>hit("script")</script>',
    "script in pieces": '<scr<script>ipt>hit("pieces")</scr</script>ipt>',
    "module": f'<script type="module" src="{OUTSIDE}/m.js"></script>',
    "image error": "<img src=x onerror=\"hit('image error')\">",
    "image slash": "<img/src/onerror=hit('slash')>",
    "details": "<details open ontoggle=\"hit('details')\"><summary>s</summary></details>",
    "focus": "<input autofocus onfocus=\"hit('focus')\">",
    "animation": "<style>@keyframes a{}</style><b style='animation:a 1s' onanimationstart=\"hit('animation')\">b</b>",
    "svg": _SVG.format("svg"),
    "svg animate": "<svg><animate onbegin=\"hit('animate')\" attributeName=x dur=1s></svg>",
    "svg foreign": "<svg><foreignObject><iframe srcdoc=\"<script>parent.hit('foreign')</script>\"></iframe></svg>",
    "math": "<math><mtext><table><mglyph><style><!--</style><img title=\"--><img src=1 onerror=hit('math')>\">",
    "noscript": "<noscript><p title=\"</noscript><img src=x onerror=hit('noscript')>\">",
    "iframe srcdoc": "<iframe srcdoc=\"<script>parent.hit('srcdoc')</script>\"></iframe>",
    "iframe script": "<iframe src=\"javascript:parent.hit('frame')\"></iframe>",
    "iframe outside": f'<iframe src="{OUTSIDE}/frame"></iframe>',
    "object": f'<object data="{_data("text/html", _PAGE.format("object"))}"></object>',
    "embed": f'<embed src="{_data("image/svg+xml", _SVG.format("embed"))}">',
    "refresh": f'<meta http-equiv="refresh" content="0;url={OUTSIDE}/refresh">',
    "refresh script": '<meta http-equiv="refresh" content="0;url=javascript:hit(\'refresh\')">',
    "base": f'<base href="{OUTSIDE}/">',
    "link": f'<link rel="stylesheet" href="{OUTSIDE}/s.css"><link rel="prefetch" href="{OUTSIDE}/p">',
    "style": f"<style>@import url({OUTSIDE}/i.css);body{{background:url({OUTSIDE}/b)}}</style>",
    "style attribute": f'<div style="background:url({OUTSIDE}/d)">d</div>',
    "picture": f'<img src="{OUTSIDE}/pixel.png" srcset="{OUTSIDE}/2x.png 2x">',
    "own address": '<img src="/formgrader/api/own-address">',
    "video": f"<video src=x onerror=\"hit('video')\" poster={OUTSIDE}/poster></video>",
    "audio": "<audio src=x onerror=hit('audio')>",
    "form": f'<form action="{OUTSIDE}/f"><button autofocus onfocus="hit(\'form\')">b</button></form>',
    "link script": '<a id="lure" href="javascript:hit(\'link\')">l</a>',
    "table": f"<table background='{OUTSIDE}/t'><td onmouseover=\"hit('table')\">1</table>",
    "unclosed": "<img src=x onerror=hit('unclosed') ",
    "comment": "<!--><img src=x onerror=hit('comment')>-->",
    "entity": "&lt;img src=x onerror=hit('entity')&gt;",
    "map": '<div class="practicum-map" data-map="AAAA" onclick="hit(1)">m</div><script>hit("map")</script>',
    "clobber": '<form id="formgrader"><input name="init"></form>',
    "marker": '<div id="notebook-container"><script>hit("marker")</script>',
    "widget": '<script type="application/vnd.jupyter.widget-view+json">{"model_id":"x"}</script>',
    "template": "<template><img src=x onerror=hit('template')></template>",
    "xml": "<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>hit('xml')</x:script>",
    "close cell": "</div></div></div></body><script>hit('close')</script>",
}
MARKDOWN = {
    **HTML,
    "md link": "[l](javascript:hit('md'))",
    "md link entity": "[l](java&#115;cript:hit('entity'))",
    "md link tab": "[l](java&Tab;script&colon;hit('tab'))",
    "md data": f"[l]({_data('text/html', _PAGE.format('md data'))})",
    "md vb": "[l](vbscript:hit)",
    "md auto": "<javascript:hit('auto')>",
    "md reference": "[l][k]\n\n[k]: javascript:hit('reference')",
    "md picture": f"![p]({OUTSIDE}/md.png)",
    "md own picture": "![p](/formgrader/api/own-picture)",
    "md picture quote": "![p](x\"onerror=\"hit('quote'))",
    "md picture title": "![p](x 'a\" onerror=\"hit(1)')",
    "md attachment": "![p](attachment:p.svg)",
    "md fence": "```html\"><img src=x onerror=hit('fence')>\ncode\n```",
    "md heading": "# <img src=x onerror=hit('heading')>",
    "md table": "| a |\n|---|\n| <img src=x onerror=hit('cell')> |",
    "md raw": "<div>\n\n<script>hit('raw')</script>\n\n</div>",
    "tex href": r"$\href{javascript:hit('tex')}{x}$",
    "tex picture": rf"$\style{{background:url({OUTSIDE}/tex)}}{{x}}$",
    "tex script": r"$\unicode{<img src=x onerror=hit('unicode')>}$",
    "tex html": r"$$\text{<img src=x onerror=hit('text')>}$$",
    "tex require": r"$\require{action}\toggle{a}{b}\endtoggle\cssId{notebook-container}{z}$",
    "tex class": r"$\class{x\" onmouseover=\"hit()}{y}$",
    "tex close": r"$x</script><script>hit('tex close')</script>$",
}
_MODEL = {"model_id": "m", "version_major": 2, "version_minor": 0}
MIMES: dict[str, Any] = {
    "application/javascript": 'hit("javascript")',
    "text/javascript": 'hit("text/javascript")',
    "image/svg+xml": _SVG.format("svg mime"),
    "text/markdown": "<img src=x onerror=hit('text/markdown')>",
    "text/latex": r"$\href{javascript:hit('latex')}{x}$<script>hit('latex')</script>",
    "application/vnd.jupyter.widget-view+json": _MODEL,
    "application/vnd.jupyter.widget-state+json": {"state": {"m": {"value": "<script>hit('state')</script>"}}},
    "application/vnd.plotly.v1+json": {"data": [], "layout": {"title": "<script>hit('plotly')</script>"}},
    "application/vnd.vega.v5+json": {"data": [{"url": f"{OUTSIDE}/vega"}]},
    "application/geo+json": {"properties": {"popupContent": "<script>hit('geo')</script>"}},
    "application/pdf": "JVBERi0=",
    "text/html\"><script>hit('mime')</script>": "x",
    "image/png": "\"><script>hit('png')</script>",
    "image/jpeg": "AAAA\" onerror=\"hit('jpeg')",
    "video/mp4": "AAAA",
}


def outputs(*, leaving: bool = True) -> list[dict[str, Any]]:
    """The payloads as a cell's outputs of every kind; without those that only leave the page, if you like."""
    html = {name: text for name, text in HTML.items() if leaving or "refresh" not in name}
    made: list[dict[str, Any]] = [
        {"output_type": "display_data", "data": {"text/html": text}, "metadata": {}} for text in html.values()
    ]
    made += [{"output_type": "display_data", "data": {mime: data}, "metadata": {}} for mime, data in MIMES.items()]
    made.append(
        {"output_type": "display_data", "data": {"text/html": [HTML["script"]]}, "metadata": {"isolated": True}}
    )
    for text in (*html.values(), "\x1b[31m<script>hit('ansi')</script>"):
        made.append({"output_type": "stream", "name": "stdout", "text": text})
    made.append(
        {"output_type": "error", "ename": HTML["script"], "evalue": HTML["svg"], "traceback": list(html.values())}
    )
    made.append(
        {"output_type": "execute_result", "data": {"text/plain": HTML["script"]}, "execution_count": 1, "metadata": {}}
    )
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]
