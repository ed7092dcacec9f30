"""When a lab is due for each student: by the course's ``grading.toml``, else as nbgrader's gradebook says.

What the gradebook says is noted beside the journal whenever it is open, so that feedback need not wait for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grader.cohort import durable
from grader.cohort.course import Course
from grader.cohort.policy import Policy


@dataclass(frozen=True)
class Deadlines:
    """When one lab is due.

    Args:
        due: for everyone, with a zone; None if never.
        extensions: by student, how much later.
    """

    due: datetime | None = None
    extensions: Mapping[str, timedelta] = field(default_factory=dict)

    def of(self, student: str) -> datetime | None:
        """When the lab is due for a student."""
        return None if self.due is None else self.due + self.extensions.get(student, timedelta(0))


def deadlines(course: Course, lab_id: str, policy: Policy) -> Deadlines:
    """When a lab is due; the course's rules stand before the gradebook's."""
    noted = _noted(course, lab_id)
    own = {student: timedelta(hours=labs[lab_id]) for student, labs in policy.extension_h.items() if lab_id in labs}
    return Deadlines(policy.due.get(lab_id, noted.due), {**noted.extensions, **own})


def note(course: Course, lab_id: str, due: datetime | None, extensions: Mapping[str, timedelta]) -> None:
    """Note what the gradebook says.

    Raises:
        GraderError: the disk is full or the folder cannot be written.
    """
    if _noted(course, lab_id) == Deadlines(due, dict(extensions)):
        return
    seconds = {student: length.total_seconds() for student, length in extensions.items()}
    about = {"due": due.isoformat() if due else None, "extension_s": seconds}
    durable.write(course.journal(lab_id) / ".due.json", json.dumps(about).encode(), 0o600)


def _noted(course: Course, lab_id: str) -> Deadlines:
    try:
        about = json.loads((course.journal(lab_id) / ".due.json").read_bytes())
        due = datetime.fromisoformat(about["due"]) if about["due"] else None
        return Deadlines(due, {name: timedelta(seconds=length) for name, length in about["extension_s"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Deadlines()
