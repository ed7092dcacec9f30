"""The graded notebook of a stock course, as formgrader shows it and ``nbgrader generate_feedback`` prints it."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from grader.cohort.safe import safe_markdown, safe_outputs
from grader.cohort.submission import Submission
from grader.cohort.verdict_box import verdict_html, verdict_text
from grader.stock.notebook import StockNotebook
from grader.stock.placing import Step
from grader.stock.run import Judged, NotebookRun

_NOT_CERTIFIABLE = "Run beside the submitted code ({why}), so it cannot count towards a certificate."


def graded_notebook(
    notebook: StockNotebook, submission: Submission, steps: Sequence[Step], run: NotebookRun
) -> dict[str, Any]:
    """The instructor's notebook with the student's cells, their cleaned outputs, and each test's verdict.

    A test cell has the text that students were given; it ends with its points as a result, as nbgrader reads them.
    """
    texts = {step.id: step.source for step in steps}
    made = []
    for known, body in zip(notebook.cells, notebook.body["cells"], strict=True):
        cell = copy.deepcopy(body)
        if known.role in ("answer", "manual") and not known.code:
            answer = submission.answers.get(known.id, known.released)
            cell["source"] = answer if known.id in submission.blank else safe_markdown(answer)
        elif known.id in run.judged:
            cell["source"], cell["outputs"] = known.released, told(run.judged[known.id])
        elif known.code:
            cell["source"] = texts.get(known.id, known.released)
            cell["outputs"] = safe_outputs(run.outputs.get(known.id, ()))
        made.append((known.id, cell))
    return {**notebook.body, "cells": _with_own(made, steps, run)}


def told(judged: Judged) -> list[dict[str, Any]]:
    """A verdict as the outputs of its cell."""
    note = "" if judged.certifiable else _NOT_CERTIFIABLE.format(why=judged.beside)
    shown = {
        "text/html": verdict_html(judged.verdict, note=note),
        "text/plain": verdict_text(judged.verdict, note=note),
    }
    score = {"text/plain": repr(float(judged.verdict.score))}
    return [
        {"output_type": "display_data", "data": shown, "metadata": {}},
        {"output_type": "execute_result", "data": score, "metadata": {}, "execution_count": None},
    ]


def _with_own(
    made: Sequence[tuple[str, dict[str, Any]]], steps: Sequence[Step], run: NotebookRun
) -> list[dict[str, Any]]:
    known = {name for name, _ in made}
    after: dict[str, list[Step]] = {}
    last = ""
    for step in steps:
        if step.id in known:
            last = step.id
        elif step.id.startswith("own-"):
            after.setdefault(last, []).append(step)
    cells = [_own(step, run.outputs) for step in after.get("", ())]
    for name, cell in made:
        cells += [cell, *(_own(step, run.outputs) for step in after.get(name, ()))]
    return cells


def _own(step: Step, outputs: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": safe_outputs(outputs.get(step.id, ())),
        "source": step.source,
    }
