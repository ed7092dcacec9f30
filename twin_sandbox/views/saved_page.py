"""Maps that stay alive in a saved page: feedback, an export, a page of a report."""

import base64
import re

from twin_sandbox.views.deck_library import map_script, packed_library

_OUTSIDE = re.compile(
    r"""<script\b[^>]*\bsrc\s*=\s*["']?\s*(?:https?:)?//[^>]*>.*?</script\s*>"""
    r"""|<link\b[^>]*\bhref\s*=\s*["']?\s*(?:https?:)?//[^>]*>"""
    r"""|<script\b[^>]*\btype\s*=\s*["']module["'][^>]*>\s*import\s+mermaid.*?</script\s*>""",
    re.IGNORECASE | re.DOTALL,
)


def embed(page: str) -> str:
    """The page with its maps live and nothing asked of any other host; deck.gl is in it once (1.6 MB), if at all.

    Maps are the ``<div class="practicum-map" data-map="...">`` that a map's output holds. They can only draw
    (:mod:`twin_sandbox.views.deck_json`), so a page may be opened whoever wrote the notebook.
    """
    page = _OUTSIDE.sub("", page)
    if 'data-map="' not in page:
        return page
    library = base64.b64encode(packed_library()).decode()
    script = base64.b64encode(map_script().encode()).decode()
    tail = f"""<script type="text/plain" id="practicum-deck">{library}</script>
<script type="module">
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const script = URL.createObjectURL(new Blob([bytes("{script}")], {{type: "text/javascript"}}));
const {{drawPage}} = await import(script);
drawPage(() => bytes(document.getElementById("practicum-deck").textContent));
</script>
"""
    head, body, rest = page.rpartition("</body>")
    return head + tail + body + rest if body else page + tail
