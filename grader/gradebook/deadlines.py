"""When a lab is due, in nbgrader's gradebook: for everyone, and for a student who has been given more time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.gradebook.book import open_book


def deadlines(course: Path, assignment: str) -> tuple[datetime | None, dict[str, timedelta]]:
    """When an assignment is due (with a zone), and each student's extension.

    Raises:
        BookError: the database cannot be read.
    """
    from nbgrader.api import MissingEntry

    with open_book(course) as book:
        try:
            found = book.find_assignment(assignment)
        except MissingEntry:
            return None, {}
        due = found.duedate.replace(tzinfo=UTC) if found.duedate else None
        return due, {str(one.student_id): one.extension for one in found.submissions if one.extension}


def enter_deadlines(
    course: Path, assignment: str, due: datetime | None, extensions: Mapping[str, timedelta | None]
) -> None:
    """Enter when an assignment is due, so that the formgrader shows it; None leaves what is there.

    Args:
        course: the course's folder.
        assignment: its name.
        due: for everyone, with a zone.
        extensions: by student, for those who have handed in.

    Raises:
        BookError: the database cannot be written.
    """
    with open_book(course) as book:
        found = book.find_assignment(assignment)
        if due is not None:
            found.duedate = due.astimezone(UTC).replace(tzinfo=None)
        for submission in found.submissions:
            given = extensions.get(str(submission.student_id))
            if given is not None and found.duedate is not None:
                submission.extension = given
        book.db.commit()
