"""``practicum cohort``: make a course, and the realities and bundles of its students."""

import json
import sys
from pathlib import Path

import click

from grader.cli.marks import marks
from grader.cohort import backup as backups
from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.roster import Student, read_roster, sample_students
from grader.cohort.similar_page import similar_page
from grader.cohort.similarity import similar_pairs
from grader.cohort.standing import graded_answers
from grader.cohort.submission import read_lesson
from grader.errors import GraderError
from grader.workshop.lab import Lab, find_lab
from twin_sandbox.data import data_folder

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def command() -> None:
    """Set up a course and its students' bundles."""


command.add_command(marks)


@command.command()
@click.argument("folder", type=_FOLDER)
@click.option("--lab", "labs", multiple=True, help="A lab to release at once: its id or its folder; several times.")
@click.option("--labs", "root", type=_FOLDER, help="Where labs are looked for. Default: those that come along.")
@click.option("--roster", type=click.Path(path_type=Path, dir_okay=False), help="CSV file: id, name, email.")
@click.option("--sample", type=int, help="This many made-up students instead of a roster.")
@click.option("--name", default="", help="The course's name in words.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Realities derived at once.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def init(
    folder: Path,
    labs: tuple[str, ...],
    root: Path | None,
    roster: Path | None,
    sample: int | None,
    name: str,
    jobs: int,
    *,
    as_json: bool,
) -> None:
    """Make a course in FOLDER: roster, keys, nbgrader's settings, releases, and each student's own data."""
    if (roster is None) == (sample is None):
        raise click.UsageError("Give either --roster FILE or --sample N.")
    wanted = [find_lab(root or data_folder("labs"), lab) for lab in labs]
    students = read_roster(roster) if roster is not None else sample_students(sample or 0)
    course = create_course(folder, students, name=name)
    for lab in wanted:
        _release(course, lab, jobs, quiet=as_json)
    if as_json:
        made = {"course": str(course.root), "id": course.id, "students": len(students), "labs": course.released()}
        click.echo(json.dumps(made, ensure_ascii=False, indent=1))
        return
    click.echo(f"The course {course.id} lies in {course.root}: {len(students)} students, labs: {_list(course)}.")
    click.echo("Keep its keys safe, without them no grade can be derived again:")
    click.echo(f"practicum cohort backup FILE --course {course.root}")


@command.command()
@click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder.")
@click.option("--lab", "lab_id", help="This lab alone. Default: every released lab.")
@click.option("--student", "names", multiple=True, help="This student alone; several times.")
@click.option(
    "--for-grading", is_flag=True, help="Also work out ahead what grading needs: then no result waits for it."
)
@click.option("--afresh", is_flag=True, help="Derive existing ones again too, after a lab's key has changed.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Realities derived at once.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def bundles(
    folder: Path,
    lab_id: str | None,
    names: tuple[str, ...],
    jobs: int,
    *,
    for_grading: bool,
    afresh: bool,
    as_json: bool,
) -> None:
    """Derive what is missing: realities and bundles of late joiners. Nobody's existing reality is touched."""
    course = open_course(folder)
    students = [course.student(name) for name in names] or course.students()
    made = {}
    for lab in [course.lab(lab_id).id] if lab_id else course.released():
        made[lab] = prepare(course, lab, students, jobs, afresh=afresh, quiet=as_json)
        if for_grading:
            _complete(course, lab, students, jobs, quiet=as_json)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(f"{lab}: {len(done)} made" for lab, done in made.items()) or "No lab is released yet.")


@command.command()
@click.argument("lab_id", metavar="LAB")
@click.option("--course", "folder", type=_FOLDER, default=Path(), help="Default: here.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: similar/LAB.html in the course.")
@click.option("--json", "as_json", is_flag=True, help="Print the pairs as JSON; writes the page with --out alone.")
def similar(lab_id: str, folder: Path, out: Path | None, *, as_json: bool) -> None:
    """Show pairs of students whose code in LAB looks alike, for your judgement alone: it is in no score."""
    course = open_course(folder)
    lab = course.lab(lab_id)
    lesson = read_lesson(course.release_notebook(lab_id), lab_id)
    answers = graded_answers(course, lab_id)
    code = lesson.code_answers
    shown = {student: {cell: text for cell, text in own.items() if cell in code} for student, own in answers.items()}
    pairs = similar_pairs(shown, {cell: lesson.released[cell] for cell in code})
    if as_json:
        told = [{"one": pair.one, "other": pair.other, "share": round(pair.share, 3)} for pair in pairs]
        click.echo(json.dumps({"lab": lab_id, "students": len(shown), "pairs": told}, ensure_ascii=False, indent=1))
    if out is None and not as_json:
        durable.make_folder(course.root / "similar", 0o700)
    page = out or (None if as_json else course.root / "similar" / f"{lab_id}.html")
    if page is not None:
        names = {student.id: student.name for student in course.students()}
        durable.write(page, similar_page(lab.title, pairs, shown, names).encode("utf-8", "replace"), 0o600)
    if not as_json:
        for pair in pairs:
            click.echo(f"{pair.one} and {pair.other}: {100 * pair.share:.0f} % alike")
        click.echo(f"{len(pairs)} pairs of {len(shown)} students, side by side: {page}")


_PASSPHRASE = click.option(
    "--passphrase-file",
    "secret",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first line is the passphrase. Default: asked for.",
)


@command.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder.")
@_PASSPHRASE
def backup(path: Path, folder: Path, secret: Path | None) -> None:
    """Keep the course's keys, roster and commitments in FILE, under a passphrase."""
    course = open_course(folder)
    count = backups.back_up(course, path, _passphrase(secret, again=True))
    click.echo(f"{path} holds the keys and roster of {course.id} and {count} commitments.")
    click.echo("Keep it on another machine, and the passphrase elsewhere.")


@command.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder: a new one, or a damaged.")
@_PASSPHRASE
def restore(path: Path, folder: Path, secret: Path | None) -> None:
    """Bring a course back from FILE; what lies in its folder already stays as it is."""
    course, commitments = backups.restore(path, folder, _passphrase(secret, again=False))
    count, broken = backups.kept(course, commitments)
    if broken:
        raise GraderError(
            f"{folder}, bundles",
            f"{len(broken)} differ from what the backup committed to, e.g. {broken[0]}",
            then=f"Derive them again: practicum cohort bundles --course {folder} --afresh",
        )
    click.echo(f"The course {course.id} is back in {course.root}; {count} bundles there keep their commitments.")
    if count < len(commitments):
        click.echo("Release its labs (practicum lab release), then run this command again to check every bundle.")


def _passphrase(file: Path | None, *, again: bool) -> str:
    if file is None:
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=again))
    try:
        return file.read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise GraderError(str(file), f"cannot be read: {error}") from error


def prepare(
    course: Course, lab_id: str, students: list[Student], jobs: int, *, afresh: bool = False, quiet: bool = False
) -> list[str]:
    """Derive missing realities with a progress bar; gives the ids of those made."""
    missing = [student for student in students if afresh or not custody.is_prepared(course, student, lab_id)]
    if not missing:
        return []
    label = f"{lab_id}: realities"
    made = []
    with click.progressbar(length=len(missing), label=label, file=sys.stderr, hidden=quiet) as bar:
        for student in custody.prepare_all(course, lab_id, missing, jobs, afresh=afresh):
            made.append(student.id)
            bar.update(1)
    return sorted(made)


def _complete(course: Course, lab_id: str, students: list[Student], jobs: int, *, quiet: bool) -> None:
    """Work out hidden inputs with a progress bar."""
    missing = [student for student in students if not custody.is_complete(course, student, lab_id)]
    with click.progressbar(length=len(missing), label=f"{lab_id}: hidden inputs", file=sys.stderr, hidden=quiet) as bar:
        for _ in custody.complete_all(course, lab_id, missing, jobs):
            bar.update(1)


def _release(course: Course, lab: Lab, jobs: int, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"Releasing {lab.id} …", err=True)
    release_lab(course, lab)
    prepare(course, lab.id, course.students(), jobs, quiet=quiet)


def _list(course: Course) -> str:
    return ", ".join(course.released()) or "none yet (practicum lab release LAB --course DIR)"
