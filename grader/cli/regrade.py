"""``practicum regrade``: grade again what is graded, and see what would change before it does."""

import json
import sys
from pathlib import Path

import click

from grader.cli.grade import JOBS, district_places, stop
from grader.cli.progress import Progress
from grader.cohort.course import open_course
from grader.cohort.regrade import Change, Regrade
from grader.cohort.run import open_desk, open_run
from grader.cohort.verdict_box import points
from grader.isolation.job import Ground


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: here."
)
@click.option("--student", "students", multiple=True, help="This student alone; several times.")
@click.option("--all", "everything", is_flag=True, help="Also what this version of lab and grader has graded.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=JOBS, show_default="one a core", help="Submissions at once."
)
@click.option("--apply", "applies", is_flag=True, help="Apply without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON; applies them with --apply alone.")
def command(
    assignment: str,
    folder: Path,
    students: tuple[str, ...],
    jobs: int,
    *,
    everything: bool,
    applies: bool,
    as_json: bool,
) -> None:
    """Grade ASSIGNMENT again where lab or grader have changed since, show whose points would change, then ask.

    Until it is applied nothing changes; then the old records stay beside the new ones.
    """
    course = open_course(folder)
    lab = course.lab(assignment)
    chosen = [course.student(name) for name in students] or course.students()
    places = district_places()
    ground = Ground(lab.folder, places.datasets, places.district)
    try:
        with (
            open_desk(course, assignment, ground, jobs=jobs) as desk,
            open_run(desk, jobs=jobs, tell=lambda words: click.echo(words, err=True)) as run,
        ):
            regrade = Regrade(run)
            progress = Progress(0)

            def count(number: int) -> None:
                nonlocal progress
                progress = Progress(number, quiet=as_json)

            changes = regrade.compare(
                chosen, everything=everything, on_count=count, on_change=lambda one: progress.line(_line(one))
            )
            if as_json:
                told = {"lab": assignment, "applied": applies, "changes": [change.as_json() for change in changes]}
                click.echo(json.dumps(told, ensure_ascii=False, indent=1))
            else:
                _tell(changes)
            if changes and (applies or (not as_json and _agreed())):
                regrade.apply(changes)
                click.echo("Applied. The old records stay in the journal.", err=True)
    except KeyboardInterrupt:
        stop("Stopped. Nothing has changed; run the same command to go on.")


def _line(change: Change) -> str:
    pair = f"{points(change.before.score)} → {points(change.after.score)}"
    return f"{change.student.id:<24} hand-in {change.before.attempt}   {pair}"


def _tell(changes: list[Change]) -> None:
    if not changes:
        click.echo("Nothing to grade again: every result is of this version of lab and grader.")
        return
    differing = [change for change in changes if change.tasks]
    click.echo(f"\n{len(changes)} graded again, {len(differing)} with other points:")
    for change in differing:
        told = ", ".join(f"{task} {points(old)} → {points(new)}" for task, (old, new) in change.tasks.items())
        click.echo(f"  {_line(change)}   {told}")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        click.echo("Not applied. Apply it: the same command with --apply.")
        return False
    return click.confirm("Apply?", default=False)
