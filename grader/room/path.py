"""A student's path: each lab, how far it is, and what comes next."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.course import Course, open_course
from grader.cohort.journal import Journal, Record
from grader.errors import GraderError
from grader.workshop.lab import Lab, find_labs

NEW, UNDER_WAY, HANDED_IN = "new", "under way", "handed in"


@dataclass(frozen=True)
class Step:
    """One lab on the path.

    Args:
        lab: the lab.
        notebook: below the workspace.
        status: ``"new"``, ``"under way"`` or ``"handed in"``.
        score: points of the last hand-in; none before.
        max_score: the most that its checks can give.
        graded_at: when, ISO time; empty before.
        feedback: below the workspace; empty if there is none yet.
    """

    lab: Lab
    notebook: str
    status: str
    score: float | None
    max_score: float
    graded_at: str = ""
    feedback: str = ""

    @property
    def reached_cut(self) -> bool:
        """Whether the last hand-in has the share of points that a certificate would need."""
        return self.score is not None and self.score >= self.lab.cut * self.max_score


def path_of(workspace: Path, labs: Path, practice: Path, student: str) -> list[Step]:
    """The labs in their order, with what the student has done of each.

    Args:
        workspace: the student's folder.
        labs: the labs' folder.
        practice: the practice course; may not be there yet.
        student: the id in that course.
    """
    try:
        course = open_course(practice)
    except GraderError:
        course = None
    return [_step(workspace, lab, course, student) for lab in find_labs(labs)]


def continue_with(steps: list[Step]) -> Step | None:
    """What to open next: what is under way, else the first that is new, else the one with most points to gain."""
    for status in (UNDER_WAY, NEW):
        for step in steps:
            if step.status == status:
                return step
    return max(steps, key=lambda step: step.max_score - (step.score or 0.0), default=None)


def _step(workspace: Path, lab: Lab, course: Course | None, student: str) -> Step:
    notebook = f"{lab.id}/{lab.id}.ipynb"
    feedback = f"{lab.id}/feedback.html"
    record = _last_record(course, lab.id, student)
    most = sum(lab.auto_points.values())
    return Step(
        lab,
        notebook,
        HANDED_IN if record else UNDER_WAY if _is_touched(workspace / notebook, course, lab.id) else NEW,
        record.score if record else None,
        record.max_score if record else most,
        record.graded_at if record else "",
        feedback if (workspace / feedback).is_file() else "",
    )


def _last_record(course: Course | None, lab_id: str, student: str) -> Record | None:
    """What grading said of the notebook that was handed in last."""
    if course is None:
        return None
    try:
        handed_in = hashlib.sha256(course.submitted(student, lab_id).read_bytes()).hexdigest()
        journal = Journal(course.journal(lab_id), course.journal_key)
        names = [file.stem for file in (course.journal(lab_id) / student).glob("*.json")]
    except (OSError, GraderError):
        return None  # nothing was handed in yet
    records = [record for name in names if (record := journal.find(student, name)) is not None]
    return max(
        (record for record in records if record.submission == handed_in),
        key=lambda record: record.sequence,
        default=None,
    )


def _is_touched(notebook: Path, course: Course | None, lab_id: str) -> bool:
    """Whether the notebook differs from the one that was handed out."""
    try:
        return course is not None and notebook.read_bytes() != course.release_notebook(lab_id).read_bytes()
    except (OSError, GraderError):
        return False
