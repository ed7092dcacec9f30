"""A verdict as people see it: a small box in the notebook, plain text elsewhere. Words and a sign, not colour alone."""

import html

from grader.checks.verdict import Verdict

SIGNS = {"correct": "✓", "partly": "◐", "incorrect": "✗", "not attempted": "○", "could not be checked": "?"}
# (edge and head, ground): a contrast of at least 4.5, and told apart without colour by the sign
COLOURS = {
    "correct": ("#16694b", "#e8f5ef"),
    "partly": ("#8a5a10", "#fdf6e3"),
    "incorrect": ("#a52a2a", "#fdecec"),
    "not attempted": ("#56616d", "#f1f3f5"),
    "could not be checked": ("#5b4b8a", "#f0edf8"),
}
WORDS = {
    "correct": "Correct",
    "partly": "Partly correct",
    "incorrect": "Not correct yet",
    "not attempted": "Not attempted",
    "could not be checked": "Could not be checked",
}


def points(number: float) -> str:
    """Points as people write them: 2, 1.5, 0.67."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def sentence(message: str) -> str:
    """A message that begins with a quantity's name, with a capital; one that begins with a name in code, as it is."""
    head, colon, _ = message.partition(": ")
    begins_with_words = bool(colon) and "_" not in head and len(head) < 60
    return message[:1].upper() + message[1:] if begins_with_words else message


def verdict_text(verdict: Verdict, *, practice: bool = False, note: str = "") -> str:
    """The verdict in plain text."""
    earned = f"{points(verdict.score)} of {points(verdict.max_score)} points"
    head = f"{SIGNS[verdict.status]} {WORDS[verdict.status]}: {earned}"
    parts = [f"{head} (practice)" if practice else head, sentence(verdict.message)]
    if practice and verdict.practice_hint:
        parts.append(f"Hint: {verdict.practice_hint}")
    return "\n".join([*parts, note] if note else parts)


def verdict_html(verdict: Verdict, *, practice: bool = False, note: str = "") -> str:
    """The verdict as a self-contained box, readable on light and dark pages."""
    edge, ground = COLOURS[verdict.status]
    head = f"{WORDS[verdict.status]} · {points(verdict.score)} of {points(verdict.max_score)} points"
    sign = f'<span aria-hidden="true">{SIGNS[verdict.status]}</span>'
    tail = '<span style="font-weight:400;color:#52606d"> · practice</span>' if practice else ""
    rows = [
        f'<div style="font-weight:600;color:{edge}">{sign} {head}{tail}</div>',
        f'<div style="margin-top:.25em">{html.escape(sentence(verdict.message))}</div>',
    ]
    if practice and verdict.practice_hint:
        rows.append(f'<div style="margin-top:.25em"><b>Hint:</b> {html.escape(verdict.practice_hint)}</div>')
    if note:
        rows.append(f'<div style="margin-top:.25em;color:#52606d;font-size:.9em">{html.escape(note)}</div>')
    style = (
        f"border-left:4px solid {edge};background:{ground};color:#1f2933;padding:.6em .9em;border-radius:3px;"
        "max-width:52em;line-height:1.45;font-family:system-ui,sans-serif;font-size:14px"
    )
    return f'<div role="status" style="{style}">{"".join(rows)}</div>'
