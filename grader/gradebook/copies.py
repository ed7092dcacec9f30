"""The whole gradebook as one file and back, whatever database it lies in: the file is an SQLite gradebook itself."""

import math
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.gradebook.book import open_book, refusal
from grader.gradebook.indexes import add_indexes

_VERSION = "SELECT version_num FROM alembic_version"
Rows = dict[str, list[dict[str, Any]]]


def back_up(course: Path, path: Path) -> int:
    """Write every row of the gradebook to a new file at ``path``; gives the number of marks in it.

    Raises:
        GraderError: the file exists already.
        BookError: the gradebook cannot be read, or the file cannot be written.
    """
    from sqlalchemy import text

    if path.exists():
        raise GraderError(str(path), "exists already", then="Name a new file; a backup is never written over.")
    with open_book(course) as book:
        book.db.rollback()
        # one moment for all tables, whoever writes meanwhile
        if book.engine.dialect.name == "postgresql":
            book.db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        elif book.engine.dialect.name == "sqlite":
            book.db.execute(text("BEGIN"))
        version, rows = _read(book.db)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        _write(draft, version, rows)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return len(rows["grade"])


def restore(path: Path, course: Path, *, replace: bool = False) -> int:
    """Bring a gradebook back from its backup, all or nothing; gives the number of marks in it.

    Args:
        path: what :func:`back_up` has written.
        course: the course, whose settings name the database; another kind than that of the backup if you like.
        replace: put the backup in place of submissions that are there.

    Raises:
        GraderError: the file is no backup, is another version's or another course's, holds a score that cannot be, or
            the gradebook holds submissions already.
        BookError: the database cannot be written.
    """
    from nbgrader.api import Base
    from sqlalchemy import delete, func, insert, select

    allowed = "A file that practicum cohort marks backup wrote."
    if not path.is_file():
        raise GraderError(str(path), "not found", allowed)
    with _file(path, GraderError(str(path), "is no backup", allowed)) as copy:
        version, rows = _read(copy)
    _refuse_wrong_scores(path, rows)
    with open_book(course) as book:
        _refuse_other(path, version, rows, book)
        submissions = Base.metadata.tables["submitted_assignment"]
        there = book.db.execute(select(func.count()).select_from(submissions)).scalar_one()
        if there and not replace:
            then = "Back it up, then use --replace."
            raise GraderError(f"{course}, gradebook", f"holds {there} submissions already", then=then)
        for table in reversed(Base.metadata.sorted_tables):
            book.db.execute(delete(table))
        for table in Base.metadata.sorted_tables:
            if rows[table.name]:
                book.db.execute(insert(table), rows[table.name])
        book.db.commit()
        add_indexes(book)
    return len(rows["grade"])


def _read(connection: Any) -> tuple[str, Rows]:  # noqa: ANN401 - nbgrader publishes no types
    from nbgrader.api import Base
    from sqlalchemy import select, text

    version = str(connection.execute(text(_VERSION)).scalar())
    rows = {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in Base.metadata.sorted_tables
    }
    return version, rows


def _write(path: Path, version: str, rows: Rows) -> None:
    from nbgrader.api import Base
    from sqlalchemy import insert, text

    path.touch(0o600)
    with _file(path) as copy:
        Base.metadata.create_all(copy)
        copy.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        copy.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
        for table in Base.metadata.sorted_tables:
            if rows[table.name]:
                copy.execute(insert(table), rows[table.name])
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_other(path: Path, version: str, rows: Rows, book: Any) -> None:  # noqa: ANN401
    from sqlalchemy import text

    expected = str(book.db.execute(text(_VERSION)).scalar())
    if version != expected:
        raise GraderError(str(path), f"is of nbgrader's schema {version}", f"Schema {expected}.")
    courses = [str(row["id"]) for row in rows["course"]]
    if book.course_id not in courses:
        raise GraderError(str(path), f"is of the course {', '.join(courses) or 'none'}", f"Course {book.course_id}.")


def _refuse_wrong_scores(path: Path, rows: Rows) -> None:
    most = {row["id"]: row["max_score"] for kind in ("grade_cells", "task_cells") for row in rows[kind]}
    for row in rows["grade"]:
        limit = float(most.get(row["cell_id"], math.inf))
        for name in ("auto_score", "manual_score", "extra_credit"):
            score, top = row[name], math.inf if name == "extra_credit" else limit
            if score is not None and not (type(score) is float and math.isfinite(score) and 0.0 <= score <= top):
                raise GraderError(f"{path}, {name} of {row['id']}", repr(score), f"A number from 0 to {top:g}.")


@contextmanager
def _file(path: Path, told: GraderError | None = None) -> Iterator[Any]:
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError

    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, ValueError) as error:  # a value of a kind that the column does not have
        raise (told or refusal(url, error)) from error
    finally:
        engine.dispose()
