"""The release of a lab by nbgrader's own converter, and the students of the gradebook."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.errors import GraderError
from grader.gradebook.book import open_book, read_config
from grader.gradebook.indexes import add_indexes


def release(course: Path, assignment: str) -> Path:
    """Make ``release/<assignment>`` from ``source/<assignment>`` by nbgrader's own converter, and enter its cells.

    Raises:
        GraderError: nbgrader refuses, e.g. because submissions exist and the graded cells have changed.
    """
    with open_book(course) as book:  # a database that is down is told in our words, not from inside the converter
        add_indexes(book)
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    config = read_config(course)
    directory = CourseDirectory(config=config)
    directory.assignment_id = assignment
    log = _CollectingLog()
    working = Path.cwd()
    try:
        converter = GenerateAssignment(coursedir=directory, config=config, force=True, log=log.logger)
        converter.start()
    except NbGraderException as error:
        said = "; ".join(log.said) or str(error)
        raise GraderError(
            f"{course}, release of {assignment}",
            f"nbgrader refused: {said}",
            "Graded cells cannot be added or removed once there are submissions.",
            "Give the changed lab another id, or start a new course.",
        ) from error
    finally:
        os.chdir(working)
    return course / "release" / assignment / f"{assignment}.ipynb"


def enter_students(course: Path, students: Sequence[Mapping[str, str]]) -> None:
    """Enter students (``id``, ``first_name``, ``last_name``, ``email``) or bring them up to date."""
    from nbgrader.api import Student
    from sqlalchemy import select

    with open_book(course) as book:
        known = {str(one.id): one for one in book.db.scalars(select(Student))}
        for student in students:
            entry = known.get(student["id"])
            if entry is None:
                entry = known[student["id"]] = Student(id=student["id"])
                book.db.add(entry)
            for fact in ("first_name", "last_name", "email"):
                if student.get(fact):
                    setattr(entry, fact, student[fact])
        book.db.commit()


class _CollectingLog(logging.Handler):
    """Keeps nbgrader's errors, so that they reach the person in one message."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []
        self.logger = logging.Logger("practicum.nbgrader", logging.ERROR)  # noqa: LOG001 - its own, not the process's
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if text and "Traceback" not in text:
            self.said.append(text.splitlines()[-1])
