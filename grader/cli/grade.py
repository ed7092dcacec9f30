"""``practicum grade``: grade what students have handed in."""

import json
import os
import sys
from pathlib import Path

import click

from grader.cohort.course import open_course
from grader.cohort.grading import Outcome, Places, Summary, grade_course, summary_json
from grader.cohort.verdict_box import SIGNS, points
from grader.workshop.lab import Lab
from twin_sandbox.data import data_folder
from twin_sandbox.engines.drainage.compiled import compile_kernels
from twin_sandbox.generate import build_district


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: here."
)
@click.option("--student", "students", multiple=True, help="This student alone; several times.")
@click.option("--force", is_flag=True, help="Grade again what is graded already.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=min(os.cpu_count() or 1, 64),
    show_default="one a core",
    help="Submissions at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(assignment: str, folder: Path, students: tuple[str, ...], jobs: int, *, force: bool, as_json: bool) -> None:
    """Grade every submission of ASSIGNMENT that is not graded yet; stopping loses nothing, running again goes on."""
    course = open_course(folder)
    lab = course.lab(assignment)
    compile_kernels()
    places = Places(data_folder("datasets"), build_district())
    done: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        done.append(outcome)
        if not as_json:
            click.echo(_line(outcome))

    try:
        summary = grade_course(
            course, assignment, places, students=students, force=force, jobs=max(1, jobs), on_outcome=tell
        )
    except KeyboardInterrupt:
        click.echo(f"\nStopped. {len(done)} submissions are graded and kept; run the same command to go on.", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        # runs in other threads would hold the process up; the journal is whole at any moment
        os._exit(130)
    if as_json:
        click.echo(json.dumps(summary_json(lab, summary), ensure_ascii=False, indent=1))
    else:
        _tell_summary(course.root, lab, summary)
    if summary.failed:
        sys.exit(1)


def _line(outcome: Outcome) -> str:
    record = outcome.record
    signs = " ".join(SIGNS[verdict.status] for verdict in record.verdicts.values())
    tail = f"{record.wall_s:.0f} s" if outcome.fresh else "kept from before"
    odd = len(record.findings) + len(record.incidents)
    told = f", {odd} incident{'s' if odd > 1 else ''}" if odd else ""
    return f"{record.student:<24} {points(record.score):>6} of {points(record.max_score)}   {signs}   {tail}{told}"


def _tell_summary(root: Path, lab: Lab, summary: Summary) -> None:
    fresh = sum(outcome.fresh for outcome in summary.outcomes.values())
    kept = len(summary.outcomes) - fresh
    click.echo(f"\n{lab.id}: {fresh} graded now, {kept} kept from before, {len(summary.absent)} handed in nothing.")
    manual = [task.id for task in lab.tasks if task.kind == "manual"]
    waiting = sum(any(task not in one.record.blank for task in manual) for one in summary.outcomes.values())
    if waiting:
        click.echo(f"{waiting} submissions wait for a person ({', '.join(manual)}): open the formgrader.")
    for student, outcome in sorted(summary.outcomes.items()):
        for finding in outcome.record.findings:
            click.echo(f"  {student}: {finding.kind}{_at(finding.where)}: {finding.detail}")
        for incident in outcome.record.incidents:
            last = incident.detail.strip().splitlines()[-1:] or [""]  # a check's whole traceback is in --json
            click.echo(f"  {student}: {incident.kind}{_at(incident.where)}: {last[0]}")
    for student, why in sorted(summary.failed.items()):
        click.echo(f"  {student}: NOT GRADED: {why}", err=True)
    if summary.strangers:
        click.echo(f"  Not in the roster, so not graded: {', '.join(summary.strangers)}")
    click.echo(f"Gradebook: {root / 'gradebook.db'}   Feedback: {root / 'feedback'}")


def _at(where: str) -> str:
    return f" ({where})" if where else ""
