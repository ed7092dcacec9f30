"""A course's settings for nbgrader, and its gradebook: any database that SQLAlchemy knows by URL."""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError

if TYPE_CHECKING:
    from sqlalchemy import URL

CONFIG = "nbgrader_config.py"
DATABASE = "gradebook.db"

_CONFIG_TEXT = '''\
"""nbgrader's settings of this course; written once, yours to change."""

from pathlib import Path

from grader.gradebook import template_folders

c = get_config()  # noqa: F821 - nbgrader provides it
root = Path(__file__).resolve().parent

c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = str(root)
# Any database by its SQLAlchemy URL, e.g. "postgresql+psycopg2://user:password@host/database".
c.CourseDirectory.db_url = f"sqlite:///{{root / {database!r}}}"
c.Exchange.root = str(root / "exchange")

# A page of `nbgrader generate_feedback` asks no other host.
c.HTMLExporter.extra_template_basedirs = template_folders()

# What stands in a release where a solution stood.
c.ClearSolutions.code_stub = {{"python": {code_stub!r}}}
c.ClearSolutions.text_stub = {text_stub!r}

# `nbgrader autograde` and the formgrader's button grade as `practicum grade` does: in the sandbox. Lateness costs what
# grading.toml says; nbgrader's own AssignLatePenalties would take that penalty away again.
c.Autograde.autograde_preprocessors = [
    "grader.gradebook.SandboxedGrading",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''
_NO_DATABASE = re.compile(r"not a database|malformed|no such (table|column)")


class BookError(GraderError):
    """The gradebook cannot be reached, read or written. What is graded is in the journal: the next run enters it."""


def template_folders() -> list[str]:
    """Where nbconvert finds the templates of the formgrader and of feedback: ours before nbgrader's."""
    # found, not imported: that would take seconds
    nbgrader = Path(str(getattr(importlib.util.find_spec("nbgrader"), "origin", ""))).parent
    return [str(base / "formgrader" / "templates") for base in (Path(__file__).parent, nbgrader / "server_extensions")]


def write_config(course: Path, course_id: str, code_stub: str, text_stub: str) -> Path:
    """Write the course's ``nbgrader_config.py`` unless there is one, and give its path."""
    path = course / CONFIG
    if not path.exists():
        path.write_text(
            _CONFIG_TEXT.format(course_id=course_id, database=DATABASE, code_stub=code_stub, text_stub=text_stub),
            encoding="utf-8",
        )
    return path


def read_config(course: Path) -> Any:  # noqa: ANN401 - traitlets publishes no types
    """The course's settings.

    Raises:
        GraderError: there are none, or they fail.
    """
    from traitlets.config.loader import PyFileConfigLoader

    if not (course / CONFIG).is_file():
        raise GraderError(str(course), f"is no course (no {CONFIG})", then="Make one: practicum cohort init DIR.")
    try:
        return PyFileConfigLoader(CONFIG, path=str(course.resolve())).load_config()
    except Exception as error:  # a program of the course's owner: anything can go wrong in it
        raise GraderError(str(course / CONFIG), f"fails: {type(error).__name__}: {error}", then="Mend it.") from error


def database_url(course: Path) -> "URL":
    """Where the course's gradebook is, by its settings.

    Raises:
        GraderError: the settings name no database.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    given = str(read_config(course).CourseDirectory.get("db_url", f"sqlite:///{course / DATABASE}"))
    try:
        return make_url(given)
    except (ArgumentError, ValueError) as error:  # the text is not shown: a password may stand in it
        allowed = "sqlite:////path/to/gradebook.db or postgresql+psycopg2://user:password@host/database"
        raise GraderError(f"{course / CONFIG}, db_url", "is no database URL", allowed, "Mend it.") from error


def place(course: Path) -> str:
    """The gradebook in words: its file, or its URL without the password."""
    return _place(database_url(course))


@contextmanager
def open_book(course: Path) -> Iterator[Any]:
    """The course's ``Gradebook``, as nbgrader gives it.

    Raises:
        BookError: the database cannot be reached, read or written; also for what happens while it is open.
    """
    from nbgrader import api
    from sqlalchemy.exc import DBAPIError, NoSuchModuleError

    api.get_alembic_version = _schema_version
    url = database_url(course)
    course_id = str(read_config(course).CourseDirectory.get("course_id", ""))
    try:
        with api.Gradebook(url.render_as_string(hide_password=False), course_id) as book:
            yield book
    except (DBAPIError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise refusal(url, error) from error


def refusal(url: "URL", error: Exception) -> BookError:
    """What a database's refusal means, in words."""
    from sqlalchemy.exc import NoSuchModuleError

    if isinstance(error, NoSuchModuleError | ModuleNotFoundError):
        then = "Install its driver, for PostgreSQL: pip install psycopg2-binary."
        return BookError(_place(url), f"cannot be opened: {error}", then=then)
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    found = f"cannot be used: {said[0] if said else type(error).__name__}"
    if url.get_backend_name() == "sqlite" and _NO_DATABASE.search(found):
        then = "Move it away and release the labs again; grading again brings back every point but a person's."
    else:
        then = "Nothing that is graded is lost: mend it, then run the same command again."
    return BookError(_place(url), found, then=then)


def _place(url: "URL") -> str:
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def _schema_version() -> str:
    """What nbgrader notes in a new gradebook; its own way starts the program ``alembic``, which takes seconds."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    config = Config()
    config.set_main_option("script_location", ALEMBIC_DIR)
    return str(ScriptDirectory.from_config(config).get_current_head())
