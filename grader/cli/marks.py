"""``practicum cohort marks``: marks out of the gradebook and in again, and the whole gradebook as one file."""

from pathlib import Path

import click

from grader.cohort.course import open_course

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_COURSE = click.option("--course", "folder", type=_FOLDER, required=True, help="The course's folder.")


@click.group()
def marks() -> None:
    """Export and import marks; back up and restore the gradebook."""


@marks.command("export")
@click.argument("path", metavar="FILE", type=_FILE)
@_COURSE
@click.option("--lab", default="", help="This lab alone. Default: every one.")
def export_(path: Path, folder: Path, lab: str) -> None:
    """Write every mark to FILE, a .csv for spreadsheets or a .parquet."""
    from grader.cohort.marks import write_marks
    from grader.gradebook.marks import marks as all_marks

    course = open_course(folder)
    found = all_marks(course.root, course.lab(lab).id if lab else "")
    write_marks(path, found)
    click.echo(f"{path}: {len(found)} marks of {len({mark.student for mark in found})} students.")


@marks.command("import")
@click.argument("path", metavar="FILE", type=_FILE)
@_COURSE
def import_(path: Path, folder: Path) -> None:
    """Take a person's points from FILE, a CSV file with student, assignment, task and points: all rows or none.

    Points that are there already stay as they are; rows without points are passed over.
    """
    from grader.cohort.marks import read_marks
    from grader.gradebook.marks import enter_marks
    from grader.gradebook.marks import marks as all_marks

    course = open_course(folder)
    given = read_marks(path, all_marks(course.root))
    changed = enter_marks(course.root, given)
    click.echo(f"{path}: {changed} marks changed, {len(given) - changed} were there already.")
    if changed:
        click.echo("Grade the labs again (practicum grade LAB): feedback takes the new points in.")


@marks.command()
@click.argument("path", metavar="FILE", type=_FILE)
@_COURSE
def backup(path: Path, folder: Path) -> None:
    """Copy the whole gradebook to FILE, from whatever database it lies in."""
    from grader.gradebook.copies import back_up

    count = back_up(open_course(folder).root, path)
    click.echo(f"{path} holds the gradebook: {count} marks. It names students: keep it as safe as the course.")


@marks.command()
@click.argument("path", metavar="FILE", type=_FILE)
@_COURSE
@click.option("--replace", is_flag=True, help="Put FILE in place of what the gradebook holds.")
def restore(path: Path, folder: Path, *, replace: bool) -> None:
    """Bring the gradebook back from FILE, into whatever database the course's settings name."""
    from grader.gradebook.copies import restore as bring_back

    count = bring_back(path, open_course(folder).root, replace=replace)
    click.echo(f"The gradebook of {folder} is back: {count} marks.")
