"""``practicum grade``: grade what students have handed in."""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import NoReturn

import click

from grader import gradebook
from grader.cli.progress import Progress, duration
from grader.cli.stock import grade as grade_stock_course
from grader.cohort.course import Course, open_course
from grader.cohort.grading import Forecast, Outcome, Places, Summary, grade_course, summary_json
from grader.cohort.submission import Finding
from grader.cohort.verdict_box import SIGNS, points
from grader.isolation.job import Ground, Incident
from grader.isolation.unsafe import NAME as UNSAFE
from grader.stock.course import is_stock_course
from grader.workshop.lab import Lab
from twin_sandbox.data import data_folder
from twin_sandbox.engines.drainage.compiled import compile_kernels
from twin_sandbox.generate import build_district

JOBS = min(os.cpu_count() or 1, 64)


@click.command()
@click.argument("assignment")
@click.option(
    "--course", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: here."
)
@click.option("--student", "students", multiple=True, help="This student alone; several times.")
@click.option("--force", is_flag=True, help="Grade the newest hand-ins again.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=JOBS, show_default="one a core", help="Submissions at once."
)
@click.option("--dask", default="", metavar="ADDRESS", help="Grade on a Dask cluster whose workers see the course.")
@click.option(
    "--unsafe", is_flag=True, help="Run without a sandbox. Results certify nothing; never do it to strangers."
)
@click.option("--watch", is_flag=True, help="Stay, and grade each submission as it comes in; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    assignment: str,
    folder: Path,
    students: tuple[str, ...],
    jobs: int,
    dask: str,
    *,
    force: bool,
    unsafe: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """Grade every submission of ASSIGNMENT that is not graded yet; stopping loses nothing, running again goes on."""
    if is_stock_course(folder):
        if watch or dask or unsafe:
            raise click.UsageError("--watch, --dask and --unsafe are not for a course made for stock nbgrader.")
        grade_stock_course(folder, assignment, students, jobs, force=force, as_json=as_json)
        return
    course = open_course(folder)
    lab = course.lab(assignment)
    for student in students:
        course.student(student)
    if unsafe and dask:
        raise click.UsageError("--unsafe and --dask do not go together.")
    if watch:
        if students or force or dask or unsafe or as_json:
            raise click.UsageError("--watch goes with --course and --jobs alone.")
        _watch(course, lab, jobs)
        return
    places = district_places()
    shown = _Shown(quiet=as_json)
    try:
        summary = grade_course(
            course,
            assignment,
            places,
            students=students,
            force=force,
            jobs=jobs,
            dask=dask,
            unsafe=unsafe,
            on_outcome=shown.outcome,
            on_forecast=shown.forecast,
            tell=lambda words: click.echo(words, err=True),
        )
    except KeyboardInterrupt:
        stop(f"Stopped. {shown.done} submissions are graded and kept; run the same command to go on.")
    _tell(course, lab, summary, as_json=as_json)


def _tell(course: Course, lab: Lab, summary: Summary, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary_json(lab, summary), ensure_ascii=False, indent=1))
    else:
        _tell_summary(course, lab, summary)
    if summary.refused:
        raise summary.refused
    if summary.failed:
        sys.exit(1)


def district_places() -> Places:
    """What grading reads on this machine, made if it is not there yet."""
    compile_kernels()
    return Places(data_folder("datasets"), build_district())


def stop(words: str) -> NoReturn:
    """End after Ctrl-C, with a sentence."""
    click.echo(f"\n{words}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # runs in other threads would hold the process up; the journal is whole at any moment
    os._exit(130)


class _Shown:
    """What is printed while a run goes on."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self.done = quiet, 0
        self._progress = Progress(0)

    def forecast(self, forecast: Forecast) -> None:
        self._progress = Progress(forecast.hand_ins, quiet=self._quiet)
        if forecast.hand_ins and not self._quiet:
            click.echo(_forecast(forecast), err=True)

    def outcome(self, outcome: Outcome) -> None:
        self.done += 1
        if outcome.fresh:
            self._progress.line(_line(outcome))
        elif not self._quiet:
            click.echo(_line(outcome))


def _forecast(forecast: Forecast) -> str:
    told = f"{forecast.hand_ins} to grade, {forecast.kept} graded before"
    if forecast.realities:
        told += f"; hidden inputs of {forecast.realities} are worked out first"
    costs, left_s = forecast.cpu_s, forecast.left_s
    if left_s is None:
        return f"{told}. How long it takes is told after the first."
    each = f"{costs.get('student', 0.0) + costs.get('checker', 0.0):.1f} s of processor time"
    if costs.get("replay"):
        each += f", {costs['replay']:.1f} s of it replays"
    return f"{told}. One takes {each}: about {duration(left_s)} when all is loaded, {forecast.jobs} at once."


def _line(outcome: Outcome) -> str:
    record, standing = outcome.record, outcome.standing
    signs = " ".join(SIGNS[verdict.status] for verdict in record.verdicts.values())
    tail = f"{record.wall_s:.1f} s" if outcome.fresh else "kept from before"
    if standing.attempts > 1:
        tail += f", {standing.attempts} hand-ins"
    if standing.penalty:
        tail += f", late: {points(standing.taken())} off"
    odd = len(_odd(outcome))
    told = f", {odd} incident{'s' if odd > 1 else ''}" if odd else ""
    return f"{record.student:<24} {points(standing.score):>6} of {points(record.max_score)}   {signs}   {tail}{told}"


def _tell_summary(course: Course, lab: Lab, summary: Summary) -> None:
    fresh = [outcome.record for outcome in summary.outcomes.values() if outcome.fresh]
    kept = len(summary.outcomes) - len(fresh)
    click.echo(
        f"\n{lab.id}: {len(fresh)} graded now, {kept} kept from before, {len(summary.absent)} handed in nothing."
    )
    if fresh:
        costs = {kind: sum(one.cpu_s.get(kind, 0.0) for one in fresh) for kind in ("student", "checker", "replay")}
        own = costs["student"] + costs["checker"] - costs["replay"]
        told = f"Processor time: {own:.1f} s for the submissions, {costs['replay']:.1f} s for replays"
        realities_s = sum(one.cpu_s.get("reality", 0.0) for one in fresh)
        told += f", {realities_s:.1f} s for hidden inputs" if realities_s else ""
        click.echo(f"{told}; {summary.wall_s:.1f} s in all.")
    manual = [task.id for task in lab.tasks if task.kind == "manual"]
    waiting = sum(any(task not in one.record.blank for task in manual) for one in summary.outcomes.values())
    if waiting:
        click.echo(f"{waiting} submissions wait for a person ({', '.join(manual)}): open the formgrader.")
    _tell_odd(summary)
    loose = sum(outcome.record.tier == UNSAFE for outcome in summary.outcomes.values())
    if loose:
        click.echo(
            f"{loose} graded without a sandbox: they certify nothing, and a run without --unsafe grades them again."
        )
    if summary.outdated:
        told = f"{len(summary.outdated)} results are of an earlier version of lab or grader"
        click.echo(f"{told}: practicum regrade {lab.id} shows what would change.")
    if summary.strangers:
        click.echo(f"  Not in the roster, so not graded: {', '.join(summary.strangers)}")
    click.echo(f"Gradebook: {gradebook.place(course.root)}   Feedback: {course.root / 'feedback'}")


def _tell_odd(summary: Summary) -> None:
    """Who did what: counted over all, then student by student."""
    odd = [(student, one) for student, outcome in summary.outcomes.items() for one in _odd(outcome)]
    if odd:
        counted = Counter(one.kind for _, one in odd).most_common()
        click.echo("Found: " + ", ".join(f"{kind} ({number})" for kind, number in counted) + ".")
    for student, one in odd:
        last = one.detail.strip().splitlines()[-1:] or [""]  # a check's whole traceback is in --json
        where = f" ({one.where})" if one.where else ""
        click.echo(f"  {student}: {one.kind}{where}: {last[0]}")
    for student, held in summary.held.items():
        click.echo(f"  {student}: not graded, {held.kind}: {held.why}")
    for student, why in summary.failed.items():
        click.echo(f"  {student}: NOT GRADED: {why}", err=True)


def _odd(outcome: Outcome) -> list[Finding | Incident]:
    """What was odd about the file that counts, about its run, and about a later file that could not be read."""
    unread = outcome.standing.unread
    return [*outcome.record.findings, *outcome.record.incidents, *(unread.findings if unread else ())]


def _watch(course: Course, lab: Lab, jobs: int) -> None:
    from grader.cohort.watch import watch

    def tell(words: str) -> None:
        click.echo(words, err=True)

    def show(outcome: Outcome) -> None:
        if outcome.fresh:
            click.echo(_line(outcome))

    places = district_places()
    ground = Ground(lab.folder, places.datasets, places.district)
    try:
        watch(course, lab.id, ground, jobs=jobs, on_outcome=show, tell=tell)
    except KeyboardInterrupt:
        stop("Stopped. What has come in and is not graded yet is graded at the next run.")
