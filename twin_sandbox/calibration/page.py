"""The figures of the living district as one page: tables, ranges, sources, pictures; nothing from elsewhere."""

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

from twin_sandbox.calibration import pictures
from twin_sandbox.formats.beside import written_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from twin_sandbox.generate.sanity.value import Value
    from twin_sandbox.world.twin import Twin

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #1d2730; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2.5rem; text-transform: capitalize; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #e3e8ec; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: #1a7f5a; } .bad { color: #b3261e; font-weight: 600; } .source { color: #5b6770; }
figure { margin: 1.5rem 0; } img { max-width: 100%; } figcaption, .note { color: #5b6770; }
"""


def write_page(twin: "Twin", found: "Mapping[str, Sequence[Value]]", path: Path) -> Path:
    """Write the page.

    Args:
        twin: where the figures come from; drawn once more for the pictures.
        found: part → its figures.
        path: an HTML file, replaced if it is there.

    Raises:
        TwinError: it cannot be written.
    """
    values = [value for of in found.values() for value in of]
    bad = sum(not value.ok for value in values)
    verdict = f"{len(values)} figures, all in range" if not bad else f"{bad} of {len(values)} figures out of range"
    sections = "".join(_section(twin, part, of) for part, of in found.items())
    notice = html.escape(str(twin.district.manifest["notice"]))
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>The living district, checked</title>'
        f"<style>{_STYLE}</style><h1>The living district, checked</h1>"
        f'<p>{html.escape(twin.district.name_en)} · {html.escape(verdict)}</p><p class="note">{notice}</p>{sections}'
    )
    with written_file(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def _section(twin: "Twin", part: str, values: "Sequence[Value]") -> str:
    rows = "".join(_row(value) for value in values)
    drawn = "".join(_figure(caption, draw(twin)) for caption, draw in pictures(part).items())
    head = "<tr><th></th><th>figure</th><th>value</th><th>range</th><th>unit</th><th>source</th></tr>"
    return f"<h2>{html.escape(part.replace('_', ' '))}</h2><table>{head}{rows}</table>{drawn}"


def _row(value: "Value") -> str:
    mark = '<span class="ok">✓</span>' if value.ok else '<span class="bad">✗ out of range</span>'
    span = f"{value.low:g} to {value.high:g}" if value.low != value.high else f"{value.low:g}"
    name = html.escape(value.name.replace("_", " "))
    return (
        f'<tr><td>{mark}</td><td>{name}</td><td class="n">{value.value:.4g}</td><td class="n">{span}</td>'
        f'<td>{html.escape(value.unit)}</td><td class="source">{html.escape(value.source)}</td></tr>'
    )


def _figure(caption: str, figure: "Figure") -> str:
    block = io.BytesIO()
    figure.savefig(block, format="webp", dpi=110, bbox_inches="tight")
    image = base64.b64encode(block.getvalue()).decode("ascii")
    told = html.escape(caption)
    return f'<figure><img alt="{told}" src="data:image/webp;base64,{image}"><figcaption>{told}</figcaption></figure>'
