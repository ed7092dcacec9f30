"""What the practice service says in a notebook: refusals, and the table of points after handing in."""

import html
from pathlib import Path
from typing import Any

from grader.cohort.journal import Record
from grader.cohort.verdict_box import COLOURS, SIGNS, WORDS, points
from grader.errors import GraderError
from grader.workshop.lab import Lab

_BOX = (
    "border-left:4px solid {edge};background:{ground};color:#1f2933;padding:.6em .9em;border-radius:3px;"
    "max-width:52em;line-height:1.45;font-family:system-ui,sans-serif;font-size:14px"
)

_CELL = "text-align:left;padding:.15em 1.2em .15em 0;font-size:14px;background:transparent"


def refusal(refused: GraderError) -> dict[str, Any]:
    """A refusal as text and as a box."""
    head = f"{refused.where}: {refused.found}."
    rest = [line for line in (refused.allowed, refused.then) if line]
    edge, ground = COLOURS["could not be checked"]
    rows = [f"<b>{html.escape(head)}</b>", *map(html.escape, rest)]
    page = f'<div role="status" style="{_BOX.format(edge=edge, ground=ground)}">{"<br>".join(rows)}</div>'
    return {"text": "\n".join([head, *rest]), "html": page, "refused": True}


def points_table(lab: Lab, record: Record, feedback: Path) -> dict[str, Any]:
    """The points of a submission as text and as a table, with where the feedback lies."""
    waiting = [task for task in lab.tasks if task.kind == "manual" and task.id not in record.blank]
    head = f"{points(record.score)} of {points(record.max_score)} points in what is checked by machine (practice)"
    lines, rows = [head], []
    for task in lab.tasks:
        verdict = record.verdicts.get(task.id)
        if verdict:
            sign, words, earned = SIGNS[verdict.status], WORDS[verdict.status], points(verdict.score)
        elif task in waiting:
            sign, words, earned = "…", "A person reads it in a course; nobody does in practice", "–"
        else:
            sign, words, earned = SIGNS["not attempted"], WORDS["not attempted"], "0"
        lines.append(f"{sign} {task.title}: {earned} of {points(task.points)} ({words})")
        rows.append(
            f'<tr><td style="{_CELL}">{html.escape(task.title)}</td><td style="{_CELL}">{sign} {words}</td>'
            f'<td style="{_CELL};text-align:right">{earned} of {points(task.points)}</td></tr>'
        )
    notes = [finding.detail for finding in record.findings]
    where = f"Feedback on every task: {feedback.name}, beside this notebook ({feedback})."
    edge, ground = COLOURS["correct" if record.score == record.max_score else "partly"]
    page = (
        f'<div role="status" style="{_BOX.format(edge=edge, ground=ground)}"><b>{html.escape(head)}</b>'
        f'<table style="margin:.5em 0;color:#1f2933">{"".join(rows)}</table>'
        f"{''.join(f'<div>{html.escape(note)}</div>' for note in notes)}"
        f'<div><a href="feedback.html" target="_blank" style="color:#1d5b8f">Open the feedback</a> '
        f'<span style="color:#52606d">({html.escape(str(feedback))})</span></div></div>'
    )
    return {
        "text": "\n".join([*lines, *notes, where]),
        "html": page,
        "score": record.score,
        "max_score": record.max_score,
        "feedback": str(feedback),
    }
