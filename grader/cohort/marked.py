"""The graded notebook, as the formgrader shows it: answers, what they printed, and the verdicts."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from grader.cohort.journal import Record
from grader.cohort.safe import safe_markdown, safe_outputs
from grader.cohort.submission import Lesson
from grader.cohort.verdict_box import verdict_html, verdict_text


def check_id(task: str) -> str:
    """The grade cell of a task that a check judges."""
    return f"check_{task}"


def marked_notebook(lesson: Lesson, record: Record, scores: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The released notebook with a student's answers, their cleaned outputs, and a verdict in each check cell.

    A check cell ends with the points that count as a result, as stock nbgrader reads them: the record's own, or
    ``scores`` by task where several attempts count together.
    """
    counting = {task: verdict.score for task, verdict in record.verdicts.items()} | dict(scores or {})
    notebook = copy.deepcopy(dict(lesson.notebook))
    for cell in notebook["cells"]:
        marks = cell.get("metadata", {}).get("nbgrader", {})
        grade_id = marks.get("grade_id")
        if marks.get("solution") and grade_id in record.answers:
            text = record.answers[grade_id]
            unchanged = grade_id in record.blank
            cell["source"] = text if cell["cell_type"] == "code" or unchanged else safe_markdown(text)
        if cell["cell_type"] == "code":
            cell["outputs"] = _outputs(cell["id"], grade_id, record, counting)
    return notebook


def notebook_bytes(notebook: dict[str, Any]) -> bytes:
    """The notebook as a file."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _outputs(cell_id: str, grade_id: str | None, record: Record, counting: Mapping[str, float]) -> list[dict[str, Any]]:
    for task, verdict in record.verdicts.items():
        if grade_id == check_id(task):
            told = {
                "text/html": verdict_html(verdict, practice=record.practice),
                "text/plain": verdict_text(verdict, practice=record.practice),
            }
            score = {"text/plain": repr(float(counting[task]))}
            return [
                {"output_type": "display_data", "data": told, "metadata": {}},
                {"output_type": "execute_result", "data": score, "metadata": {}, "execution_count": None},
            ]
    return safe_outputs(record.outputs.get(cell_id, []))
