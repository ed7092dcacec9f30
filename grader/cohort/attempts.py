"""What each student has handed in, one durable copy a hand-in: ``attempts/<lab>/<student>/<number>/``.

nbgrader keeps the newest hand-in alone, at ``submitted/<student>/<lab>``. Grading takes a copy of it first and grades
the copy: so a file that is replaced, half written or taken away meanwhile changes nothing, and each grade can be
derived again. An attempt is there as soon as its ``attempt.json`` is, which is written last. Numbers, not times, give
the order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from grader.cohort import durable
from grader.cohort.course import Course
from grader.cohort.policy import Policy
from grader.cohort.submission import Finding, HandedIn, Lesson, parse, read_handed_in, read_timestamp


@dataclass(frozen=True)
class Attempt:
    """One hand-in of a lab.

    Args:
        number: from 1.
        digest: SHA-256 of the file.
        submitted_at: when it was handed in, with a zone; unknown if None.
        readable: whether it is a notebook of the lab at all; one that is not uses up no attempt.
        folder: where the copy lies.
        findings: what was odd about the file.
    """

    number: int
    digest: str
    submitted_at: datetime | None
    readable: bool
    folder: Path
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Held:
    """A hand-in that is not graded, and why, in words to the instructor."""

    kind: str
    why: str


class Attempts:
    """Everyone's hand-ins of one lab.

    Args:
        course: the course.
        lesson: the released notebook.
        policy: the course's rules.
    """

    def __init__(self, course: Course, lesson: Lesson, policy: Policy) -> None:
        self._course, self._lesson, self._policy = course, lesson, policy

    def of(self, student: str) -> list[Attempt]:
        """A student's hand-ins, the oldest first."""
        folder = self._course.attempts(student, self._lesson.lab_id)
        found = (_read(path.parent) for path in folder.glob("*/attempt.json"))
        return sorted((attempt for attempt in found if attempt), key=lambda attempt: attempt.number)

    def take(self, student: str, arrived_at: datetime | None = None) -> Held | None:
        """Keep what lies in ``submitted/`` unless it is kept already; says why if the rules do not let it count.

        Args:
            student: whose.
            arrived_at: when it was seen to come in; stands in for a timestamp that is missing.

        Raises:
            GraderError: it cannot be kept, e.g. the disk is full.
        """
        course, lab = self._course, self._lesson.lab_id
        path = course.submitted(student, lab)
        if not (path.parent.is_symlink() or path.parent.exists()):
            return None
        handed_in = read_handed_in(course.root, path)
        earlier = self.of(student)
        if earlier and earlier[-1].digest == handed_in.digest:
            return None
        submitted_at = read_timestamp(course.root, path.parent) or arrived_at
        readable = parse(handed_in, self._lesson).readable
        if readable and (held := self._held(earlier, submitted_at)):
            return held
        self._keep(student, (earlier[-1].number if earlier else 0) + 1, handed_in, submitted_at, readable=readable)
        return None

    def content(self, attempt: Attempt) -> HandedIn:
        """The file of an attempt as it was handed in."""
        try:
            content = (attempt.folder / f"{self._lesson.lab_id}.ipynb").read_bytes()
        except FileNotFoundError:
            content = None
        return HandedIn(attempt.digest, content, attempt.findings)

    def _held(self, earlier: Sequence[Attempt], submitted_at: datetime | None) -> Held | None:
        counted = [attempt for attempt in earlier if attempt.readable]
        most = self._policy.most
        if most and len(counted) >= most:
            why = f"hand-in {len(counted) + 1}, and {most} are graded: the earlier ones stand"
            return Held("over the number", why)
        before = counted[-1].submitted_at if counted else None
        pause = timedelta(hours=self._policy.cool_down_h)
        # a clock that was set back says nothing of how much time has passed
        if pause and before and submitted_at and timedelta(0) <= submitted_at - before < pause:
            again = (before + pause).astimezone().strftime("%Y-%m-%d %H:%M")
            why = f"handed in less than {pause.total_seconds() / 3600:g} h after the one before; one from {again} is"
            return Held("too soon", f"{why} graded")
        return None

    def _keep(
        self, student: str, number: int, handed_in: HandedIn, submitted_at: datetime | None, *, readable: bool
    ) -> None:
        folder = self._course.attempts(student, self._lesson.lab_id) / f"{number:03d}"
        durable.make_folder(folder, 0o700)
        if handed_in.content is not None:
            durable.write(folder / f"{self._lesson.lab_id}.ipynb", handed_in.content, 0o600)
        about = {
            "number": number,
            "digest": handed_in.digest,
            "submitted_at": submitted_at.isoformat() if submitted_at else None,
            "readable": readable,
            "findings": [vars(finding) for finding in handed_in.findings],
        }
        durable.write(folder / "attempt.json", json.dumps(about).encode(), 0o600)


def _read(folder: Path) -> Attempt | None:
    try:
        about = json.loads((folder / "attempt.json").read_bytes())
        time = about["submitted_at"]
        submitted_at = datetime.fromisoformat(time) if time else None
        findings = tuple(Finding(**finding) for finding in about["findings"])
        facts = int(about["number"]), str(about["digest"]), submitted_at, bool(about["readable"])
        return Attempt(*facts, folder, findings)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a folder that something else left there
