"""The page a student reads: points, verdicts and what to look at, then their own work. One file, no outside address."""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from grader.cohort.journal import Record
from grader.cohort.marked import check_id
from grader.cohort.safe import markdown_html, outputs_html, safe_outputs
from grader.cohort.standing import Standing
from grader.cohort.standing import standing as of_records
from grader.cohort.submission import Lesson
from grader.cohort.verdict_box import COLOURS, SIGNS, WORDS, points, sentence, verdict_html
from grader.workshop.lab import Lab, Task


@dataclass(frozen=True)
class PersonMark:
    """What a person gave for a task, from the gradebook."""

    score: float
    comment: str = ""


_STYLE = """
:root { color-scheme: light dark; --text: #1f2933; --quiet: #52606d; --ground: #ffffff; --soft: #f4f6f8;
  --line: #d9e0e6; --edge: #1d5b8f; --error: #9b2c2c; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e9ee; --quiet: #a6b2bd; --ground: #14191e; --soft: #1d242b;
  --line: #36424d; --edge: #6fb0e6; --error: #f1a3a3; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, "Segoe UI", "Noto Sans",
  "Noto Sans CJK SC", sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
.prose h1, .prose h2, .prose h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
.quiet { color: var(--quiet); }
.score { font-size: 2.2rem; font-weight: 650; margin: 1rem 0 0; font-variant-numeric: tabular-nums; }
.bar { height: .6rem; border-radius: .3rem; background: var(--soft); overflow: hidden; margin: .4rem 0 .3rem; }
.bar div { height: 100%; background: var(--edge); }
.practice { display: inline-block; border: 1px solid var(--edge); color: var(--edge); border-radius: 1rem;
  padding: 0 .7rem; font-size: .9rem; }
table.tasks { border-collapse: collapse; width: 100%; }
table.tasks th, table.tasks td { text-align: left; vertical-align: top; padding: .55rem .7rem;
  border-bottom: 1px solid var(--line); }
table.tasks td.n { white-space: nowrap; font-variant-numeric: tabular-nums; text-align: right; }
.chip { display: inline-block; border-radius: 1rem; padding: 0 .6rem; white-space: nowrap; font-size: .9rem;
  color: #1f2933; border: 1px solid; }
.note { border-left: 4px solid #b7791f; background: var(--soft); padding: .6rem .9rem; margin: .5rem 0; }
.cell { margin: 1rem 0; min-width: 0; }
.answer { border-left: 3px solid var(--edge); padding-left: .9rem; }
.label { color: var(--edge); font-size: .85rem; font-weight: 600; margin-bottom: .2rem; }
pre { background: var(--soft); border-radius: 4px; padding: .7rem .9rem; overflow-x: auto; margin: .35rem 0;
  font: 13.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; max-height: 32rem; }
pre.error, pre.stderr { color: var(--error); }
img { max-width: 100%; height: auto; background: #ffffff; }
div.table { overflow-x: auto; }
div.table table, .prose table { border-collapse: collapse; font-size: .9rem; }
div.table td, div.table th, .prose td, .prose th { border-bottom: 1px solid var(--line); padding: .2rem .6rem; }
a { color: var(--edge); }
"""


def feedback_page(
    lab: Lab,
    lesson: Lesson,
    record: Record,
    name: str,
    marks: Mapping[str, PersonMark] | None = None,
    *,
    standing: Standing | None = None,
    edition: str = "",
) -> str:
    """The feedback for one student as one HTML file.

    It never shows a check, a hidden input or the truth: it is made of the verdicts' words and of what the
    student themself wrote and saw.

    Args:
        lab: the lab.
        lesson: what was released.
        record: what grading found.
        name: the student's name in the roster.
        marks: what a person gave, by task.
        standing: what counts of several attempts, and lateness; the record alone if None.
        edition: a word that tells this page from another, kept in its head.
    """
    marks = marks or {}
    standing = standing or of_records({"": record}, "last")
    person = sum(mark.score for mark in marks.values())
    rows = "\n".join(_row(task, record, marks.get(task.id)) for task in lab.tasks)
    told = [*standing.notes(person), *(finding.detail for finding in record.findings)]
    notes = "\n".join(f'<p class="note">{html.escape(sentence)}</p>' for sentence in told)
    practice = '<p><span class="practice">practice: it counts for no certificate</span></p>' if record.practice else ""
    when = html.escape(record.graded_at.replace("T", " ")[:16])
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="edition" content="{html.escape(edition)}">
<title>{html.escape(lab.title)} – feedback</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{html.escape(lab.title)}</h1>
<p class="quiet">Feedback for {html.escape(name)} · graded {when}</p>
{practice}
{_score(lab, standing, marks)}
{notes}
<h2>Task by task</h2>
<table class="tasks">
<thead><tr><th>Task</th><th>Verdict</th><th>Points</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<h2>Your work</h2>
{_work(lab, lesson, record)}
</main>
</body>
</html>
"""


def _score(lab: Lab, standing: Standing, marks: Mapping[str, PersonMark]) -> str:
    person = sum(mark.score for mark in marks.values())
    total = standing.score + person - standing.taken(person)
    waiting = [task for task in lab.tasks if _waits(task, standing.record, marks.get(task.id))]
    share = 100 * total / lab.max_score
    left = sum(task.points for task in waiting)
    told = f'<p class="quiet">{points(left)} points wait for a person to read your text.</p>' if waiting else ""
    return (
        f'<p class="score">{points(total)} of {points(lab.max_score)} points</p>'
        f'<div class="bar" aria-hidden="true"><div style="width:{share:.1f}%"></div></div>{told}'
    )


def _waits(task: Task, record: Record, mark: PersonMark | None) -> bool:
    return task.kind == "manual" and mark is None and task.id not in record.blank


def _row(task: Task, record: Record, mark: PersonMark | None) -> str:
    verdict = record.verdicts.get(task.id)
    if verdict is not None:
        chip, told, earned = _chip(verdict.status), html.escape(sentence(verdict.message)), points(verdict.score)
    elif mark is not None:
        chip, told, earned = "read by a person", html.escape(mark.comment), points(mark.score)
    elif task.id in record.blank:
        chip, told, earned = _chip("not attempted"), "Nothing was written here.", "0"
    else:
        chip, told, earned = "waits for a person", "", "–"
    title = f'<a href="#{html.escape(task.id)}">{html.escape(task.title)}</a>'
    return f'<tr><td>{title}<br>{told}</td><td>{chip}</td><td class="n">{earned} of {points(task.points)}</td></tr>'


def _chip(status: str) -> str:
    edge, ground = COLOURS[status]
    style = f"background:{ground};border-color:{edge}"
    return f'<span class="chip" style="{style}"><span aria-hidden="true">{SIGNS[status]}</span> {WORDS[status]}</span>'


def _work(lab: Lab, lesson: Lesson, record: Record) -> str:
    titles = {task.id: task.title for task in lab.tasks}
    verdicts = {check_id(task): verdict for task, verdict in record.verdicts.items()}
    parts = []
    for cell in lesson.notebook["cells"]:
        marks = cell.get("metadata", {}).get("nbgrader", {})
        grade_id = str(marks.get("grade_id", ""))
        if grade_id in verdicts:
            parts.append(f'<div class="cell">{verdict_html(verdicts[grade_id], practice=record.practice)}</div>')
            continue
        text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        if marks.get("solution"):
            text = record.answers.get(grade_id, text)
        if cell["cell_type"] == "markdown":
            body = f'<div class="prose">{markdown_html(text)}</div>'
        else:
            shown = outputs_html(safe_outputs(record.outputs.get(cell["id"], [])))
            body = f"<pre><code>{html.escape(text)}</code></pre>{shown}"
        if marks.get("solution"):
            label = f'<div class="label">Your answer: {html.escape(titles.get(grade_id, grade_id))}</div>'
            parts.append(f'<div class="cell answer" id="{html.escape(grade_id)}">{label}{body}</div>')
        else:
            parts.append(f'<div class="cell">{body}</div>')
    return "\n".join(parts)
