"""``practicum grade`` in a course made for stock nbgrader."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader import gradebook
from grader.cohort.verdict_box import SIGNS, points
from grader.stock.course import open_stock_course
from grader.stock.grading import StockSummary, grade_stock
from grader.stock.record import StockRecord

if TYPE_CHECKING:
    from grader.cohort.submission import Finding
    from grader.isolation.job import Incident


def grade(folder: Path, assignment: str, students: Sequence[str], jobs: int, *, force: bool, as_json: bool) -> None:
    """Grade every submission of an assignment that is not graded yet, and tell what was found."""
    course = open_stock_course(folder)

    def tell(record: StockRecord, fresh: bool) -> None:  # noqa: FBT001 - called with a record's two facts
        if not as_json:
            click.echo(_line(record, fresh=fresh))

    try:
        summary = grade_stock(course, assignment, students=students, force=force, jobs=jobs, on_outcome=tell)
    except KeyboardInterrupt:
        click.echo("\nStopped. What is graded is kept; run the same command to go on.", err=True)
        sys.exit(130)
    if as_json:
        click.echo(json.dumps(summary_json(assignment, summary), ensure_ascii=False, indent=1))
    else:
        _tell(course.root, assignment, summary)
    if summary.failed:
        sys.exit(1)


def summary_json(assignment: str, summary: StockSummary) -> dict[str, Any]:
    """A grading run as plain values."""
    return {
        "assignment": assignment,
        "students": [
            asdict(record)
            | {
                "score": record.score,
                "max_score": record.max_score,
                "certifiable": record.certifiable,
                "fresh": fresh,
            }
            for _, (record, fresh) in sorted(summary.outcomes.items())
        ],
        "tests": {name: asdict(study) for name, study in summary.studies.items()},
        "failed": summary.failed,
    }


def _line(record: StockRecord, *, fresh: bool) -> str:
    judged = [one for notebook in record.notebooks.values() for one in notebook.judged.values()]
    signs = " ".join(SIGNS[one.verdict.status] + ("" if one.certifiable else "*") for one in judged)
    tail = f"{sum(one.wall_s for one in record.notebooks.values()):.1f} s" if fresh else "kept from before"
    return f"{record.student:<24} {points(record.score):>6} of {points(record.max_score)}   {signs}   {tail}"


def _tell(root: Path, assignment: str, summary: StockSummary) -> None:
    fresh = sum(new for _, new in summary.outcomes.values())
    click.echo(f"\n{assignment}: {fresh} graded now, {len(summary.outcomes) - fresh} kept from before.")
    for name, study in summary.studies.items():
        for cell, why in study.beside.items():
            click.echo(f"  * {name}, {cell}: runs beside the submitted code ({why}): not certifiable")
        for cell, why in study.broken.items():
            click.echo(f"  ! {name}, {cell}: the model solution does not pass it ({' '.join(why.split())})")
    for student, (record, _) in sorted(summary.outcomes.items()):
        for words in _found(record):
            click.echo(f"  {student}: {words}")
    for student, why in sorted(summary.failed.items()):
        click.echo(f"  {student}: NOT GRADED: {why}", err=True)
    waiting = sum(
        any(one.waits for one in notebook.judged.values()) or any(notebook.manual.values())
        for record, _ in summary.outcomes.values()
        for notebook in record.notebooks.values()
    )
    if waiting:
        click.echo(f"{waiting} notebooks wait for a person: open the formgrader.")
    click.echo(f"Gradebook: {gradebook.place(root)}   Feedback: nbgrader generate_feedback {assignment}")


def _found(record: StockRecord) -> Iterator[str]:
    for name, notebook in record.notebooks.items():
        odd: tuple[Finding | Incident, ...] = (*notebook.findings, *notebook.incidents)
        for one in odd:
            last = one.detail.strip().splitlines()[-1:] or [""]
            yield f"{name}{f', {one.where}' if one.where else ''}: {one.kind}: {last[0]}"
        for cell, judged in notebook.judged.items():
            if judged.waits:
                yield f"{name}, {cell}: waits for a person: {judged.beside}"
