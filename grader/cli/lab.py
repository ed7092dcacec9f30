"""``practicum lab``: list, build, release, fetch and verify labs."""

import json
import sys
import tempfile
from pathlib import Path

import click

from grader import gradebook
from grader.cli.cohort import prepare
from grader.cohort import custody, durable
from grader.cohort.course import open_course, release_lab
from grader.errors import GraderError
from grader.workshop.lab import find_lab, find_labs
from grader.workshop.notebook import CODE_STUB, TEXT_STUB, write_source_notebook
from twin_sandbox.data import data_folder

_FOLDER = click.Path(path_type=Path, file_okay=False)
_LABS = click.option("--labs", "root", type=_FOLDER, help="Where labs are looked for. Default: those that come along.")


@click.group()
def command() -> None:
    """Build, verify and release labs."""


@command.command(name="list")
@_LABS
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(root: Path | None, *, as_json: bool) -> None:
    """List the labs there are."""
    labs = find_labs(root or data_folder("labs"))
    if as_json:
        rows = [
            {
                "id": lab.id,
                "title": lab.title,
                "domain": lab.domain,
                "level": lab.level,
                "minutes": lab.minutes,
                "tasks": len(lab.tasks),
                "points": lab.max_score,
                "folder": str(lab.folder),
            }
            for lab in labs
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for lab in labs:
        click.echo(f"{lab.id:<20} {lab.domain:<12} {lab.level:<13} {lab.minutes:>3} min  {lab.title}")


@command.command()
@click.argument("lab")
@click.option("--out", type=_FOLDER, required=True, help="Folder for source/ and release/.")
@_LABS
def build(lab: str, out: Path, root: Path | None) -> None:
    """Make the instructor's and the students' notebook of LAB, the same bytes each time."""
    found = find_lab(root or data_folder("labs"), lab)
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch)
        gradebook.write_config(course, "build", CODE_STUB, TEXT_STUB)
        source = write_source_notebook(found, course / "source")
        release = gradebook.release(course, found.id)
        for path in (source, release):
            made = out / path.relative_to(course)
            durable.write(made, path.read_bytes())
            click.echo(str(made))


@command.command()
@click.argument("lab")
@click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Realities derived at once.")
@_LABS
def release(lab: str, folder: Path, jobs: int, root: Path | None) -> None:
    """Release LAB to a course, and give every student data of their own."""
    course = open_course(folder)
    found = find_lab(root or data_folder("labs"), lab)
    path = release_lab(course, found)
    prepare(course, found.id, course.students(), jobs, quiet=False)
    click.echo(str(path))


@command.command()
@click.argument("lab")
@click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder.")
@click.option("--student", required=True, help="The student's id in the roster.")
@click.option("--to", "target", type=_FOLDER, default=Path(), help="Where to put it. Default: here.")
def fetch(lab: str, folder: Path, student: str, target: Path) -> None:
    """Bring a student's notebook of LAB and their own data; a notebook that is there already stays as it is."""
    course = open_course(folder)
    lab_id, person = course.lab(lab).id, course.student(student)
    if not custody.is_prepared(course, person, lab_id):
        raise GraderError(
            f"{lab_id}, data of {student}", "not made yet", then=f"practicum cohort bundles --course {folder}"
        )
    home = target / lab_id
    notebook = home / f"{lab_id}.ipynb"
    if not notebook.exists():
        durable.write(notebook, course.release_notebook(lab_id).read_bytes())
    for path in course.bundle(person.id, lab_id).iterdir():
        durable.write(home / "data" / path.name, path.read_bytes())
    click.echo(str(notebook))


@command.command()
@click.argument("lab")
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=2, show_default=True, help="Realities that each answer is tried on."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Answers tried at once.")
@_LABS
@click.option("--json", "as_json", is_flag=True, help="Print the proof as JSON.")
def verify(lab: str, seeds: int, jobs: int, root: Path | None, *, as_json: bool) -> None:
    """Prove LAB's checks: right answers pass, each misconception is caught, a blank and a neighbour gain nothing."""
    from grader.workshop.verify import verify_lab
    from twin_sandbox.engines.drainage.compiled import compile_kernels
    from twin_sandbox.generate import build_district

    compile_kernels()
    found = find_lab(root or data_folder("labs"), lab)
    tell = None if as_json else _tell_row
    proof = verify_lab(found, data_folder("datasets"), build_district(), seeds=seeds, jobs=jobs, on_row=tell)
    if as_json:
        click.echo(json.dumps(proof.as_json(), ensure_ascii=False, indent=1))
    else:
        click.echo(proof.in_words())
    if not proof.ok:
        sys.exit(1)


def _tell_row(row: dict[str, object]) -> None:
    mark = "ok " if row["ok"] else "BAD"
    click.echo(f"{mark} seed {row['seed']} {row['entry']!s:<28} {row['score']!s:>6} (expected {row['expected']})")
