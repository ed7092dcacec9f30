"""From a lesson's cells to nbgrader's source notebook, byte for byte the same each time."""

import json
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.workshop.lab import Lab
from grader.workshop.source import SourceCell, lesson, parse_source

# What stands in the release where a solution stood: valid in a function's body and at the top level, and silent.
CODE_STUB = "pass  # YOUR CODE HERE"
# An essay keeps its author's invitation; nothing else is put in the solution's place.
TEXT_STUB = ""
NBGRADER_SCHEMA = 3


def source_notebook(lab: Lab) -> dict[str, Any]:
    """The instructor's notebook of a lab, in nbformat 4.5, with nbgrader's marks and the solutions."""
    return _notebook(lesson(lab), {"lab": lab.id})


def reading_notebook(source: Path) -> dict[str, Any]:
    """A notebook to read and to try, with nothing to hand in, from a percent-format text.

    Raises:
        GraderError: the text cannot be read, a cell has no id of its own, or one asks for a verdict.
    """
    cells = parse_source(source)
    graded = [cell.id for cell in cells if cell.kind not in ("prose", "code")]
    if graded:
        raise GraderError(f"{source}, cell {graded[0]!r}", "is graded", "Here cells are prose and code.")
    return _notebook(cells, {"reading": source.stem})


def _notebook(cells: list[SourceCell], about: dict[str, str]) -> dict[str, Any]:
    return {
        "cells": [_cell(cell) for cell in cells],
        "metadata": {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
            "practicum": about,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_bytes(notebook: dict[str, Any]) -> bytes:
    """The bytes of a notebook file: keys sorted, one space of indent, as Jupyter writes them."""
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def write_source_notebook(lab: Lab, folder: Path) -> Path:
    """Write ``<folder>/<lab>/<lab>.ipynb`` and give its path."""
    path = folder / lab.id / f"{lab.id}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook_bytes(source_notebook(lab)))
    return path


def _cell(cell: SourceCell) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": "code", "id": cell.id, "metadata": {}, "source": _lines(_text(cell))}
    if cell.kind in ("prose", "essay"):
        made["cell_type"] = "markdown"
    else:
        made |= {"execution_count": None, "outputs": []}
    if cell.kind in ("answer", "check", "essay"):
        made["metadata"]["nbgrader"] = _nbgrader(cell)
    return made


def _text(cell: SourceCell) -> str:
    if cell.kind == "check":
        return f'check("{cell.task}")'
    if cell.kind == "essay" and "BEGIN SOLUTION" not in cell.text:
        return f"{cell.text}\n\n<!-- BEGIN SOLUTION -->\n<!-- END SOLUTION -->"
    return cell.text


def _nbgrader(cell: SourceCell) -> dict[str, Any]:
    marks: dict[str, Any] = {
        "grade": cell.kind in ("check", "essay"),
        "grade_id": cell.id,
        "locked": cell.kind == "check",
        "schema_version": NBGRADER_SCHEMA,
        "solution": cell.kind in ("answer", "essay"),
        "task": False,
    }
    if marks["grade"]:
        marks["points"] = cell.points
    return marks


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
