"""What a student handed in, read with suspicion: the text of their answer cells, and nothing else of the file."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.errors import GraderError
from grader.isolation import json_text
from grader.isolation.job import Cell

MAX_FILE_BYTES = 20 << 20
MAX_ANSWER_CHARS = 200_000
_MAX_BRACKETS = 1_000_000  # lists and dicts: what is drawn in outputs has some 100,000
_SAVE_AGAIN = "Open the lab's notebook in JupyterLab, save it, and hand it in again."


@dataclass(frozen=True)
class Finding:
    """Something about a submitted file that its student and the instructor should know.

    Args:
        kind: a few words to count by, e.g. ``"not JSON"``, ``"cell missing"``, ``"cell twice"``.
        where: the cell's id, or empty for the whole file.
        detail: one sentence: what was found, what was done about it, what to do next.
    """

    kind: str
    where: str
    detail: str


@dataclass(frozen=True)
class Submission:
    """A read submission.

    Args:
        digest: SHA-256 of the file, or of why it could not be read.
        answers: text by answer cell, those alone that the file has; a blank one as released.
        blank: answer cells that are missing or as they were released.
        findings: what was odd.
        readable: whether the file is a notebook of this lab at all.
        own_cells: code cells that the student added; a lab does not run them.
        cells: all cells of the file, as they stand there.
    """

    digest: str
    answers: Mapping[str, str]
    blank: frozenset[str]
    findings: tuple[Finding, ...] = ()
    readable: bool = True
    own_cells: int = 0
    cells: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Lesson:
    """The released notebook of a lab: what submissions are grafted into.

    Args:
        lab_id: the lab.
        notebook: nbformat 4.5, as nbgrader released it.
        digest: SHA-256 of the file.
    """

    lab_id: str
    notebook: Mapping[str, Any]
    digest: str
    released: Mapping[str, str] = field(default_factory=dict)

    @property
    def code_answers(self) -> frozenset[str]:
        """Answer cells that hold code, not text."""
        cells = (cell for cell in self.notebook["cells"] if _is_answer(cell) and cell["cell_type"] == "code")
        return frozenset(str(cell_marks(cell)["grade_id"]) for cell in cells)

    def graft(self, answers: Mapping[str, str]) -> list[Cell]:
        """All code cells in order with ``answers`` in place; check cells left out."""
        cells = []
        for cell in self.notebook["cells"]:
            marks = cell_marks(cell)
            if cell["cell_type"] != "code" or (marks.get("grade") and not marks.get("solution")):
                continue
            text = cell_text(cell)
            if marks.get("solution"):
                text = answers.get(str(marks["grade_id"]), text)
            cells.append(Cell(str(cell["id"]), text))
        return cells


def read_lesson(path: Path, lab_id: str) -> Lesson:
    """The released notebook at ``path``.

    Raises:
        GraderError: it is not there, or is no notebook.
    """
    try:
        content = path.read_bytes()
        notebook = json.loads(content)
        released = {
            str(cell_marks(cell)["grade_id"]): cell_text(cell) for cell in notebook["cells"] if _is_answer(cell)
        }
    except FileNotFoundError as error:
        raise GraderError(str(path), "not found", then=f"Release the lab: practicum lab release {lab_id}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GraderError(
            str(path), "is no notebook", then=f"Release it again: practicum lab release {lab_id}"
        ) from error
    return Lesson(lab_id, notebook, hashlib.sha256(content).hexdigest(), released)


@dataclass(frozen=True)
class HandedIn:
    """A file as it lay there when it was looked at.

    Args:
        digest: SHA-256 of the content, or of why it could not be read.
        content: its bytes; none if it could not be read.
        findings: what was odd.
    """

    digest: str
    content: bytes | None
    findings: tuple[Finding, ...] = ()


def read_handed_in(root: Path, path: Path) -> HandedIn:
    """Read a file once; never raises for anything that a student can do.

    Args:
        root: the course's folder; no link below it is followed.
        path: where the notebook is expected, below ``root``.
    """
    try:
        content, findings = _bytes(root, path)
    except _Refused as refused:
        detail = refused.finding.detail
        return HandedIn(hashlib.sha256(detail.encode("utf-8", "replace")).hexdigest(), None, (refused.finding,))
    return HandedIn(hashlib.sha256(content).hexdigest(), content, tuple(findings))


def parse(handed_in: HandedIn, lesson: Lesson) -> Submission:
    """What a file says as a submission of a lesson; never raises for anything that a student can do."""
    if handed_in.content is None:
        return Submission(handed_in.digest, {}, frozenset(), handed_in.findings, readable=False)
    try:
        cells = _cells(handed_in.content, lesson.lab_id)
        answers, found = _answers(cells, lesson)
    except _Refused as refused:
        return Submission(handed_in.digest, {}, frozenset(), (refused.finding,), readable=False)
    blank = {name for name, text in lesson.released.items() if _same(answers.get(name, text), text)}
    own = sum(_is_own(cell, lesson) for cell in cells)
    findings = (*handed_in.findings, *found)
    return Submission(handed_in.digest, answers, frozenset(blank), findings, own_cells=own, cells=tuple(cells))


def read_submission(root: Path, path: Path, lesson: Lesson) -> Submission:
    """Read what a student handed in; never raises for anything that a student can do.

    Args:
        root: the course's folder; no link below it is followed.
        path: where the notebook is expected, below ``root``.
        lesson: what was released.
    """
    return parse(read_handed_in(root, path), lesson)


def read_timestamp(root: Path, folder: Path) -> datetime | None:
    """When a submission was handed in, as nbgrader's ``timestamp.txt`` beside it says; nothing if it says no time."""
    try:
        content, _ = _bytes(root, folder / "timestamp.txt")
        day, *rest = content[:100].decode("ascii").split()
        # "2026-11-21 10:00:00.000000 Asia/Shanghai", or all in one as ISO writes it
        time = datetime.fromisoformat(f"{day} {rest[0]}" if rest else day)
        zone = ZoneInfo(rest[1]) if len(rest) > 1 else UTC
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (_Refused, ValueError, OverflowError, ZoneInfoNotFoundError, OSError):  # one at an end of time has no zones
        return None


class _Refused(Exception):  # noqa: N818 - it becomes a finding
    def __init__(self, kind: str, detail: str) -> None:
        self.finding = Finding(kind, "", detail)
        super().__init__(detail)


def _bytes(root: Path, path: Path) -> tuple[bytes, list[Finding]]:
    """The file's content; opened folder by folder so that no link is followed, and never waits on a FIFO."""
    findings = []
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    *folders, name = path.relative_to(root).parts
    try:
        for folder in folders:
            descriptor = _step(descriptor, folder, os.O_DIRECTORY)
        try:
            descriptor = _step(descriptor, name, os.O_NONBLOCK)
        except FileNotFoundError:
            names = os.listdir(descriptor)  # noqa: PTH208 - a descriptor has no Path
            others = sorted(entry for entry in names if entry.endswith(".ipynb"))
            if len(others) != 1:
                raise
            detail = f"It is named {others[0]!r} instead of {name!r}; it was graded all the same."
            findings.append(Finding("renamed", "", detail))
            descriptor = _step(descriptor, others[0], os.O_NONBLOCK)
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _Refused("not a file", f"{name} is not a regular file, so it was not read. {_SAVE_AGAIN}")
        if facts.st_size > MAX_FILE_BYTES:
            size = f"{facts.st_size / (1 << 20):.0f} MiB; at most {MAX_FILE_BYTES >> 20} MiB are read"
            raise _Refused("too large", f"The notebook has {size}. Clear its outputs, save it, and hand it in again.")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _Refused("nothing there", f"There is no {name} in what was handed in. {_SAVE_AGAIN}") from None
    except OSError as error:
        link = "a link, and links are not followed" if error.errno in _LINK_ERRORS else error.strerror
        raise _Refused("not a file", f"{name} could not be read: {link}. {_SAVE_AGAIN}") from None
    finally:
        os.close(descriptor)
    return content, findings


_LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR)  # the second is what a link to a folder gives with O_DIRECTORY


def _step(descriptor: int, name: str, flags: int) -> int:
    below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=descriptor)
    os.close(descriptor)
    return below


def _cells(content: bytes, lab_id: str) -> list[dict[str, Any]]:
    try:
        json_text.weigh(content, _MAX_BRACKETS, "[{")
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _Refused("not JSON", f"The file is not a notebook: it is not JSON. {_SAVE_AGAIN}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        old = isinstance(notebook, dict) and "worksheets" in notebook
        told = "is in a notebook format of long ago" if old else "is JSON, but no notebook"
        raise _Refused("no notebook", f"The file {told}. {_SAVE_AGAIN}")
    own = notebook.get("metadata")
    made_for = (
        own.get("practicum", {}).get("lab")
        if isinstance(own, dict) and isinstance(own.get("practicum"), dict)
        else None
    )
    if made_for is not None and made_for != lab_id:
        told = f"The notebook is of the lab {str(made_for)[:60]!r}, not of {lab_id!r}."
        raise _Refused("another lab", f"{told} Hand in the notebook of {lab_id!r}.")
    return [cell for cell in notebook["cells"] if isinstance(cell, dict)]


def _answers(cells: list[dict[str, Any]], lesson: Lesson) -> tuple[dict[str, str], list[Finding]]:
    texts: dict[str, list[str]] = {}
    findings: list[Finding] = []
    foreign = 0
    for cell in cells:
        name = _answer_id(cell, lesson)
        version = cell_marks(cell).get("schema_version", 3)
        foreign += version != 3
        if name is None:
            continue
        text = cell_text(cell)
        if len(text) > MAX_ANSWER_CHARS:
            told = f"The answer has {len(text)} characters; the first {MAX_ANSWER_CHARS} were read."
            findings.append(Finding("answer too long", name, told))
            text = text[:MAX_ANSWER_CHARS]
        texts.setdefault(name, []).append(text)
    if lesson.released and not texts:
        told = f"None of the answer cells of {lesson.lab_id!r} is in the notebook."
        raise _Refused("another lab", f"{told} Hand in the notebook of {lesson.lab_id!r}.")
    if foreign:
        told = f"{foreign} cells carry another version of nbgrader's marks; only the answers' text was used."
        findings.append(Finding("foreign schema version", "", told))
    findings += [
        Finding("cell missing", name, f"The answer cell {name!r} is not in the notebook; it counts as not answered.")
        for name in lesson.released
        if name not in texts
    ]
    return {name: _joined(name, parts, lesson.released[name], findings) for name, parts in texts.items()}, findings


def _joined(name: str, parts: list[str], released: str, findings: list[Finding]) -> str:
    """One answer of all cells that carry its mark: what running them in order would do."""
    own = [part for part in parts if part.strip() and not _same(part, released)]
    if len(parts) > 1:
        told = (
            f"The answer cell {name!r} is there {len(parts)} times (split or copied); they were run in order, as one."
        )
        findings.append(Finding("cell twice", name, told))
    return "\n".join(own) if own else released


def _answer_id(cell: dict[str, Any], lesson: Lesson) -> str | None:
    grade_id = cell_marks(cell).get("grade_id")
    for name in (grade_id, cell.get("id") if grade_id is None else None):
        if isinstance(name, str) and name in lesson.released:
            return name
    return None


def _is_own(cell: Mapping[str, Any], lesson: Lesson) -> bool:
    known = {str(one["id"]) for one in lesson.notebook["cells"] if "id" in one}
    ours = str(cell.get("id")) in known or cell_marks(cell).get("grade_id") is not None
    return cell.get("cell_type") == "code" and not ours and bool(cell_text(cell).strip())


def _is_answer(cell: Mapping[str, Any]) -> bool:
    return bool(cell_marks(cell).get("solution"))


def cell_marks(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The marks of nbgrader on a cell; none if there is nothing of that form."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) else {}


def cell_text(cell: Mapping[str, Any]) -> str:
    """A cell's text, whichever of its two forms it has."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return ""
    # Half a surrogate pair is valid JSON, but no text.
    return source.encode("utf-8", "replace").decode("utf-8")


def _same(one: str, other: str) -> bool:
    return one.split() == other.split()
