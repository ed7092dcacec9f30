"""Pairs of students whose code looks alike, side by side, for the instructor. One file, nothing in it runs."""

import html
from collections.abc import Mapping, Sequence

from grader.cohort.similarity import LEAST_SHARE, Pair

_STYLE = """
:root { color-scheme: light dark; --text: #1f2933; --quiet: #52606d; --ground: #ffffff; --soft: #f4f6f8;
  --line: #d9e0e6; --edge: #1d5b8f; --mark: #ffe8a3; --on-mark: #1f2933; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e9ee; --quiet: #a6b2bd; --ground: #14191e; --soft: #1d242b;
  --line: #36424d; --edge: #6fb0e6; --mark: #6b5410; --on-mark: #fff7df; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans",
  "Noto Sans CJK SC", sans-serif; }
main { max-width: 84rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1.2rem; }
h3 { font-size: .95rem; color: var(--edge); margin: 1rem 0 .2rem; }
.quiet { color: var(--quiet); }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; }
pre { background: var(--soft); border-radius: 4px; padding: .7rem .9rem; overflow-x: auto; margin: 0;
  font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
mark { background: var(--mark); color: var(--on-mark); border-bottom: 2px solid #b7791f; }
a { color: var(--edge); }
"""


def similar_page(
    title: str, pairs: Sequence[Pair], answers: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> str:
    """Pairs side by side as one HTML file.

    Args:
        title: the lab's.
        pairs: the most alike first.
        answers: by student, text by answer cell.
        names: by student.
    """
    who = {student: html.escape(f"{names.get(student, student)} ({student})") for student in answers}
    listed = "\n".join(
        f'<li><a href="#pair{number}">{who[pair.one]} and {who[pair.other]}</a>: {_told(pair)}</li>'
        for number, pair in enumerate(pairs, start=1)
    )
    shown = "\n".join(_pair(number, pair, answers, who) for number, pair in enumerate(pairs, start=1))
    none = "" if pairs else "<p>No two students' code is that much alike.</p>"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{html.escape(title)} – code that looks alike</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}: code that looks alike</h1>
<p class="quiet">{len(answers)} students; pairs that share at least {100 * LEAST_SHARE:.0f} % of the code
of whoever wrote less. Names, numbers, texts, comments and layout do not count, nor what was given or what many have.
It is a reason to look, no proof and no part of any score: two who learned the same way may write the same way.</p>
{none}
<ol>
{listed}
</ol>
{shown}
</main>
</body>
</html>
"""


def _told(pair: Pair) -> str:
    return f"{100 * pair.share:.0f} % ({pair.common} common places)"


def _pair(number: int, pair: Pair, answers: Mapping[str, Mapping[str, str]], who: Mapping[str, str]) -> str:
    cells = sorted({cell for marks in pair.marks.values() for cell in marks})
    rows = "\n".join(
        f'<h3>{html.escape(cell)}</h3>\n<div class="pair">'
        + "".join(_text(answers[one].get(cell, ""), pair.marks[one].get(cell, ())) for one in (pair.one, pair.other))
        + "</div>"
        for cell in cells
    )
    return f'<h2 id="pair{number}">{who[pair.one]} · {who[pair.other]}: {_told(pair)}</h2>\n{rows}'


def _text(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [html.escape(text[at:start]), f"<mark>{html.escape(text[start:end])}</mark>"]
        at = end
    return f"<pre>{''.join([*parts, html.escape(text[at:])])}</pre>"
