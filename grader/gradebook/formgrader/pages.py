"""nbgrader's pages and answers, each behind one guard: quick, escaped, asking nobody outside.

Nothing of nbgrader is copied: every handler of it gets :class:`Guard` in front.
"""

import base64
import hashlib
import html
import inspect
import math
import re
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import apihandlers, handlers
from nbgrader.server_extensions.formgrader.base import BaseHandler
from sqlalchemy.exc import DBAPIError
from tornado import web

from grader.gradebook.formgrader.answers import Answers
from grader.gradebook.formgrader.rubrics import rubrics_of

_NAME = re.compile(r"[^\x00-\x1f\"'<>&\\`]*")
_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_ANSWERS = 'id="notebook-container"'  # below this a page shows what a student made
_CALL = re.compile(r'\son[a-z]+="([^"]*)"', re.IGNORECASE)
# MathJax makes functions of text; an image may come with the page alone
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-hashes' {hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; object-src 'none'; frame-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_OURS = (
    '<link rel="stylesheet" href="{base_url}/formgrader/practicum/pages.css">\n'
    '<script src="{base_url}/formgrader/practicum/pages.js"></script>\n<body>'
)


class Guard(BaseHandler):  # type: ignore[misc]  # nbgrader publishes no types
    """What stands in front of every page and every answer."""

    @property
    def api(self) -> Answers:
        """The answers to what pages ask, quickly."""
        api = Answers(self.coursedir, self.authenticator, parent=self.coursedir.parent)
        api.log_level = self.log.level
        return api

    async def prepare(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - tornado's signature
        """Refuse names that would be code in a page: nbgrader puts them there as they come."""
        named = (*self.path_args, *self.path_kwargs.values())
        if not all(_NAME.fullmatch(name) for name in named if name):
            raise web.HTTPError(404)
        waiting = super().prepare(*args, **options)
        if inspect.isawaitable(waiting):
            await waiting

    def write(self, chunk: Any) -> None:  # noqa: ANN401
        """A page gets its policy; an answer is text, never a page."""
        if isinstance(chunk, str):
            if chunk[:200].lstrip().lower().startswith("<!doctype html"):
                base_url = html.escape(self.base_url)
                chunk = chunk.replace("<body>", _OURS.format(base_url=base_url), 1)
                self.set_header("Content-Security-Policy", policy(chunk))
            else:
                self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        super().write(chunk)

    def write_error(self, status_code: int, **facts: Any) -> None:  # noqa: ANN401
        """A page that is not there, and a database that is down, are told as such."""
        error = (facts.get("exc_info") or (None, None))[1]
        told = "There is no such page in this course's formgrader." if status_code == 404 else ""
        if isinstance(error, DBAPIError):
            status_code = 503
            said = str(error.orig).strip().splitlines()[:1]
            told = f"The gradebook cannot be used: {''.join(said)}. Mend it, then load this page again."
        if not told:
            super().write_error(status_code, **facts)
            return
        self.clear()
        self.set_status(status_code)
        self.finish(told)

    def on_finish(self) -> None:
        """Let the session go: the next page sees what others have written, and a database that was down is back."""
        book = self.settings.get("nbgrader_gradebook")
        if book is not None:
            self.settings["nbgrader_gradebook"] = None
            book.close()
        super().on_finish()


class _Start(Guard, handlers.FormgraderHandler):  # type: ignore[misc]
    @web.authenticated
    def get(self) -> None:
        """The first page of this course; nbgrader would load the settings of any folder that the address names."""
        self.redirect(f"{self.base_url}/formgrader/manage_assignments")


class _Navigation(Guard, handlers.SubmissionNavigationHandler):  # type: ignore[misc]
    def _get_submission_ids(self, assignment_id: str, notebook_id: str) -> list[str]:
        return list(self.api.get_notebook_submission_indices(assignment_id, notebook_id))

    def _get_incorrect_submission_ids(self, assignment_id: str, notebook_id: str, submission: Any) -> list[str]:  # noqa: ANN401
        return sorted(self.api.failed(assignment_id, notebook_id) | {submission.id})


class _Files(Guard, handlers.SubmissionFilesHandler):  # type: ignore[misc]
    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        """A student's file is shown without any right."""
        self.set_header("Content-Security-Policy", "default-src 'none'; img-src 'self'; sandbox")
        self.set_header("X-Content-Type-Options", "nosniff")


class _Grade(Guard, apihandlers.GradeHandler):  # type: ignore[misc]
    @web.authenticated
    def put(self, grade_id: str) -> None:
        """Points as a person gives them: a plain number within what the cell is worth, or none."""
        self._most = float(self.gradebook.find_grade_by_id(grade_id).max_score)
        try:
            super().put(grade_id)
        except _NoScoreError as refusal:
            self.set_status(400)
            self.finish(str(refusal))

    def get_json_body(self) -> dict[str, float | None]:
        """The points in what the page sends: it writes numbers as text."""
        sent = super().get_json_body()
        given = sent if isinstance(sent, dict) else {}
        limits = {"manual_score": self._most, "extra_credit": math.inf}
        return {name: _points(given.get(name), most) for name, most in limits.items()}


class _NoScoreError(ValueError):
    pass


def _points(given: object, most: float) -> float | None:
    if given is None:
        return None
    try:
        points = float(given) if isinstance(given, int | float | str) and not isinstance(given, bool) else math.nan
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and 0.0 <= points <= most):
        allowed = f"from 0 to {most:g}" if most < math.inf else "of 0 or more"
        raise _NoScoreError(f"{str(given)[:40]} is not kept: points are a number {allowed}.")
    return points


class PageExporter(HTMLExporter):
    """A submission's page: names escaped, the rubric beside the essay."""

    def __init__(self, course: Path, rubrics: Path, **options: Any) -> None:  # noqa: ANN401 - nbconvert's signature
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._course, self._rubrics = course, rubrics

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:  # noqa: ANN401
        """The page of one graded notebook."""
        told = {name: html.escape(value) if isinstance(value, str) else value for name, value in resources.items()}
        told["rubrics"] = rubrics_of(self._course, str(resources["assignment_id"]), self._rubrics)
        return super().from_filename(filename, resources=told, **options)


def policy(page: str) -> str:
    """What a page may do: its own scripts, and none that stands where a student's work is shown."""
    own = page.split(_ANSWERS, 1)[0]
    scripts = [*_SCRIPT.findall(own), *map(html.unescape, _CALL.findall(own))]
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts}
    return _POLICY.format(hashes=" ".join(f"'sha256-{one}'" for one in sorted(hashes)))


def guarded_handlers() -> list[tuple[Any, ...]]:
    """Every address of nbgrader's with its guarded handler."""
    ours: dict[type, type] = {one.__bases__[1]: one for one in (_Start, _Navigation, _Files, _Grade)}
    return [(route[0], _guarded(route[1], ours), *route[2:]) for route in _routes()]


def _routes() -> list[tuple[Any, ...]]:
    return [*handlers.default_handlers, *apihandlers.default_handlers]


def _guarded(handler: type, ours: dict[type, type]) -> type:
    if handler in ours:
        return ours[handler]
    return type(handler.__name__, (Guard, handler), {}) if issubclass(handler, BaseHandler) else handler
