"""Makes what a student wrote harmless to whoever reads it: no script, no style, no address outside the page."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from grader.cohort.map_picture import map_picture

MAX_HTML_CHARS = 300_000
MAX_TEXT_CHARS = 200_000
# Cleaning takes time with the square of the depth: a student's page of nested boxes must not hold up the others.
MAX_HTML_TAGS = 4_000
MAX_FORMULAS = 100

# fmt: off
_TAGS = frozenset((
    "p", "br", "hr", "div", "span", "pre", "code", "samp", "kbd", "b", "strong", "i", "em", "u", "s", "sub", "sup",
    "small", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6",
    "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "img",
))
# fmt: on
# Cut out with all that they hold; other tags lose only themselves.
_CUT = ("script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title")
_CELL = {"colspan", "rowspan"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_ANCHOR = re.compile(r'<a class="anchor-link"[^>]*>[^<]*</a>')
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=[#A-Za-z])")
_SCHEME = re.compile(r"(javascript|vbscript|data|file|livescript|blob)\\*:(?=\S)", re.IGNORECASE)
# A picture is fetched without a click: from a stranger's host it tells who reads, from ours it acts in their name.
_IMAGE = re.compile(r"!(?=\[)")
_FORMULA = "\\begin"
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def safe_html(fragment: str) -> str:
    """HTML with plain tags alone: text, tables, pictures that it carries itself."""
    import bleach

    tags = fragment.count("<")
    if len(fragment) > MAX_HTML_CHARS or tags > MAX_HTML_TAGS:
        return f"<p>[HTML of {len(fragment)} characters and {tags} tags: too long to show]</p>"
    for name in _CUT:
        fragment = _without(fragment, name)
    return str(bleach.clean(fragment, tags=_TAGS, attributes=_allowed, protocols={"data"}, strip=True))


def safe_markdown(text: str) -> str:
    """Markdown whose tags and unusual addresses are shown as text, whoever renders it."""
    # Renderers decode entities inside an address, some of them twice. Full-width signs make no entity and no scheme.
    shown = _IMAGE.sub("！", _ENTITY.sub("＆", plain(text[:MAX_TEXT_CHARS])))
    return _few_formulas(_SCHEME.sub("\\1：", _TAG_START.sub("&lt;", shown)))


def _few_formulas(text: str) -> str:
    """The renderer looks for the end of each formula through the whole text: many begun ones take it minutes."""
    return text if text.count(_FORMULA) <= MAX_FORMULAS else text.replace(_FORMULA, "＼begin")


def markdown_html(text: str) -> str:
    """Markdown as harmless HTML; what the renderer cannot take is shown as it was written."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    try:
        rendered = markdown2html_mistune(_few_formulas(text[:MAX_TEXT_CHARS]))
    except Exception:  # noqa: BLE001 - it raises of its own for a missing attachment, and recurses as deep as it is told
        return f"<pre>{html.escape(plain(text[:MAX_TEXT_CHARS]))}</pre>"
    return safe_html(_ANCHOR.sub("", rendered))


def plain(text: str) -> str:
    """Text without control characters, colours, and marks that turn the reading direction around."""
    return _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n")))


def safe_outputs(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A cell's nbformat outputs with text, cleaned HTML, PNG and JPEG alone."""
    return [made for output in outputs if (made := _safe_output(output)) is not None]


def outputs_html(outputs: Sequence[Mapping[str, Any]]) -> str:
    """Outputs (already safe) as HTML for a page."""
    return "\n".join(filter(None, map(_output_html, outputs)))


def _without(fragment: str, name: str) -> str:
    """``fragment`` without the elements ``name``; one pass, however the student has nested them."""
    kept, at, lowered = [], 0, fragment.lower()
    while (start := lowered.find(f"<{name}", at)) >= 0:
        kept.append(fragment[at:start])
        end = lowered.find(f"</{name}", start)
        closed = lowered.find(">", end) if end >= 0 else -1
        if closed < 0:
            return "".join(kept)
        at = closed + 1
    return "".join([*kept, fragment[at:]])


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img":
        return name in ("alt", "width", "height") or (name == "src" and bool(_PICTURE.fullmatch(value)))
    return tag in ("td", "th") and name in _CELL


def _safe_output(output: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": plain(_text(output.get("text", "")))}
    if kind == "error":
        return {
            "output_type": "error",
            "ename": plain(_text(output.get("ename", "")))[:200],
            "evalue": plain(_text(output.get("evalue", "")))[:5000],
            "traceback": [plain(_text(line))[:20000] for line in list(output.get("traceback", []))[:200]],
        }
    if kind not in ("display_data", "execute_result") or not isinstance(output.get("data"), Mapping):
        return None
    made: dict[str, Any] = {"output_type": kind, "data": _safe_data(output["data"]), "metadata": {}}
    if kind == "execute_result":
        count = output.get("execution_count")
        made["execution_count"] = count if type(count) is int else None
    return made if made["data"] else None


def _safe_data(data: Mapping[str, Any]) -> dict[str, str]:
    safe = {}
    for mime in ("image/png", "image/jpeg"):
        picture = _text(data.get(mime, ""))
        if picture and _BASE64.fullmatch(picture):
            safe[mime] = picture
    if "text/html" in data:
        page = _text(data["text/html"])
        safe["text/html"] = map_picture(page) or safe_html(page)
    if "text/plain" in data:
        safe["text/plain"] = plain(_text(data["text/plain"]))[:MAX_TEXT_CHARS]
    elif not safe and data:
        safe["text/plain"] = f"[{', '.join(sorted(plain(str(mime))[:60] for mime in data))}: not shown here]"
    return safe


def _output_html(output: Mapping[str, Any]) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return f'<pre class="{output["name"]}">{html.escape(output["text"])}</pre>'
    if kind == "error":
        lines = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
        return f'<pre class="error">{html.escape(lines)}</pre>'
    data = output["data"]
    for mime in ("image/png", "image/jpeg"):
        if mime in data:
            alt = html.escape(data.get("text/plain", "picture")[:200])
            return f'<img alt="{alt}" src="data:{mime};base64,{"".join(data[mime].split())}">'
    if "text/html" in data:
        return f'<div class="table">{data["text/html"]}</div>'
    return f"<pre>{html.escape(data['text/plain'])}</pre>"


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
