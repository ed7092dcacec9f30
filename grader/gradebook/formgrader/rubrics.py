"""The rubric of an essay, as the reader sees it below the answer; in no release and in no feedback."""

import html
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.workshop.lab import load_lab

_STYLE = "margin:0 0 20px;border:1px solid #d9e0e6;border-radius:4px;padding:10px 15px;background:#f4f6f8"
_CELL = "vertical-align:top;padding:3px 12px 3px 0"


def rubrics_of(course: Path, assignment: str, folder: Path) -> dict[str, str]:
    """Rubrics of an assignment's tasks as HTML, by grade cell; none for an assignment that is no lab of ours."""
    try:
        tasks = load_lab(course / "labs" / assignment).tasks
    except GraderError:
        return {}
    found = {task.id: folder / f"{task.rubric}.toml" for task in tasks if task.rubric}
    return {task: rubric_html(path) for task, path in found.items() if path.is_file()}


@cache
def rubric_html(path: Path) -> str:
    """One rubric as a table: a row a criterion, the levels with their points from the best down."""
    rubric = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = "".join(_row(criterion) for criterion in rubric["criterion"])
    advice = f"<p>{html.escape(rubric['advice'])}</p>" if rubric.get("advice") else ""
    head = f"Rubric: {html.escape(rubric['title'])} ({rubric['points']} points)"
    return (
        f'<details class="practicum-rubric" open style="{_STYLE}">'
        f'<summary style="cursor:pointer"><b>{head}</b></summary>'
        f'{advice}<table style="font-size:13px">{rows}</table></details>'
    )


def _row(criterion: dict[str, Any]) -> str:
    levels = "".join(
        f'<div style="padding-left:2.2em;text-indent:-2.2em"><b style="display:inline-block;width:2.2em;text-indent:0">'
        f"{level['level']:g}</b>{html.escape(level['says'])}</div>"
        for level in criterion["level"]
    )
    title = html.escape(criterion["title"])
    return f'<tr><td style="{_CELL};width:12em">{title}</td><td style="{_CELL}">{levels}</td></tr>'
