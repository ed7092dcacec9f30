"""Where one submission of a lab is graded and its result is shown."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort.course import Course
from grader.cohort.feedback import PersonMark, feedback_page
from grader.cohort.journal import Journal, Record, grader_digest
from grader.cohort.marked import marked_notebook, notebook_bytes
from grader.cohort.roster import Student
from grader.cohort.standing import Standing, standing
from grader.cohort.submission import Finding, HandedIn, Lesson, Submission, parse, read_handed_in
from grader.isolation.job import Incident, Job, Report
from grader.isolation.pool import Pool
from grader.workshop.lab import Lab

NO_ANSWER = "There is no answer in this cell yet."
OWN_CELLS = "Cells that you added ({count}) were not run: what an answer needs belongs into its answer cell."
_HEAD_BYTES = 2000
_BUSY = 3.0  # processes that want to run, by core
_DIED = {"cell ended the process", "answers lost", "check failed", "notebook given up"}


@dataclass(frozen=True)
class Outcome:
    """One student's result.

    Args:
        standing: what counts of their attempts.
        fresh: graded just now, not taken from the journal.
    """

    standing: Standing
    fresh: bool

    @property
    def record(self) -> Record:
        """The attempt that is shown."""
        return self.standing.record

    @property
    def name(self) -> str:
        """Its name in the journal."""
        return self.standing.name


@dataclass(frozen=True)
class Desk:
    """What grading one submission of one lab needs; safe to use from several threads.

    Args:
        course: the course.
        lab: the lab as released.
        lesson: the released notebook.
        pool: runs the submissions; none is needed to show what is graded.
        realities: works out what is hidden; None starts a truth process each time.
        unsafe: whether the pool runs without a sandbox; such a result stands only until it is graded in one.
    """

    course: Course
    lab: Lab
    lesson: Lesson
    pool: Pool | None = None
    realities: custody.Realities | None = None
    unsafe: bool = False

    @cached_property
    def journal(self) -> Journal:
        """Where the records of this lab are kept."""
        return Journal(self.course.journal(self.lab.id), self.course.journal_key)

    @cached_property
    def _versions(self) -> tuple[str, str, str]:
        return self.lab.digest(), self.lesson.digest, grader_digest()

    def name(self, student: Student, digest: str, attempt: int = 1) -> str:
        """The name that the record of a hand-in has, as lab and grader are now.

        Raises:
            GraderError: the student has no bundle.
        """
        promise = custody.commitment(self.course.bundle(student.id, self.lab.id))
        later = (str(attempt),) if attempt > 1 else ()
        return self.journal.name(student.id, digest, *self._versions, promise, *later)

    def grade(self, student: Student, *, force: bool = False) -> Outcome:
        """Grade what a student has in ``submitted/``, or find it graded; keeps the record, writes the pages.

        Raises:
            GraderError: grading cannot be done here, or its result cannot be kept.
        """
        handed_in = read_handed_in(self.course.root, self.course.submitted(student.id, self.lab.id))
        name = self.name(student, handed_in.digest)
        record = None if force else self.journal.find(student.id, name)
        fresh = record is None
        if record is None:
            record = self.examine(student, handed_in)
            name = self.journal.add(name, record)
        outcome = Outcome(standing({name: record}, "last"), fresh)
        self.show(student, outcome.standing)
        return outcome

    def examine(self, student: Student, handed_in: HandedIn, attempt: int = 1) -> Record:
        """Grade one file; keeps and shows nothing.

        Raises:
            GraderError: grading cannot be done here.
        """
        submission = parse(handed_in, self.lesson)
        record = (
            self._run(student, submission, attempt) if submission.readable else self._unreadable(student, submission)
        )
        return replace(record, attempt=attempt, readable=submission.readable)

    def show(self, student: Student, standing: Standing, marks: Mapping[str, PersonMark] | None = None) -> None:
        """Write the graded notebook and the feedback page, unless they say all of it already."""
        course, lab = self.course, self.lab
        notebook, page = course.autograded(student.id, lab.id), course.feedback(student.id, lab.id)
        edition = _edition(lab, self.lesson, student, standing, marks)
        if notebook.exists() and _says(page, edition):
            return
        # the page last: it carries the edition, and so says that both are written
        durable.write(notebook, notebook_bytes(marked_notebook(self.lesson, standing.record, standing.scores)))
        text = feedback_page(lab, self.lesson, standing.record, student.name, marks, standing=standing, edition=edition)
        durable.write(page, text.encode("utf-8", "replace"))

    def _run(self, student: Student, submission: Submission, attempt: int) -> Record:
        assert self.pool is not None  # noqa: S101 - a desk that grades has one
        if self.realities:
            truth, reality_cpu_s = self.realities.truth(student, self.lab.id, attempt)
        else:
            truth, reality_cpu_s = custody.truth(self.course, student, self.lab.id, attempt), 0.0
        job = Job(
            cells=self.lesson.graft(submission.answers),
            truth=truth,
            bundle=self.course.bundle(student.id, self.lab.id),
            points=self.lab.auto_points,
        )
        report = self.pool.grade(job)
        if any(incident.kind in _DIED for incident in report.incidents):
            # a process that something else has killed looks like one that ended itself, but ends so only once
            again = self.pool.grade(job)
            if not any(incident.kind in _DIED for incident in again.incidents):
                report = again
        return replace(
            self._record(student, submission, report.verdicts),
            incidents=(*report.incidents, *_busy(report)),
            outputs=report.outputs,
            cpu_s=dict(report.cpu_s) | ({"reality": reality_cpu_s} if reality_cpu_s else {}),
            wall_s=report.wall_s,
            tier=report.tier,
        )

    def _unreadable(self, student: Student, submission: Submission) -> Record:
        why = " ".join(finding.detail for finding in submission.findings)
        verdicts = {
            task: Verdict(task, 0.0, most, "could not be checked", why) for task, most in self.lab.auto_points.items()
        }
        record = self._record(student, submission, verdicts)
        return replace(record, blank=tuple(sorted(self.lesson.released)))

    def _record(self, student: Student, submission: Submission, verdicts: Mapping[str, Verdict]) -> Record:
        findings = submission.findings
        if submission.own_cells and any(verdict.status != "correct" for verdict in verdicts.values()):
            findings += (Finding("own cells", "", OWN_CELLS.format(count=submission.own_cells)),)
        return Record(
            student=student.id,
            lab=self.lab.id,
            submission=submission.digest,
            graded_at=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
            answers=dict(submission.answers),
            blank=tuple(sorted(submission.blank)),
            verdicts={task: _fair(verdicts[task], submission.blank) for task in self.lab.auto_points},
            findings=findings,
            practice=self.course.practice,
        )


def _busy(report: Report) -> list[Incident]:
    """A word to the instructor where limits of wall time were hit while far more wanted to run than can."""
    cores, wanting = os.cpu_count() or 1, os.getloadavg()[0]
    if wanting < _BUSY * cores or not any("timed out" in incident.kind for incident in report.incidents):
        return []
    told = f"{wanting:.0f} processes wanted {cores} cores: time may have run out for that reason alone"
    return [Incident("busy machine", "", f"{told}; grade it again with --force when less is going on")]


def _fair(verdict: Verdict, blank: frozenset[str]) -> Verdict:
    """What stands in the released stub is nobody's mistake: a cell left as it was is not attempted."""
    if verdict.task in blank and verdict.score == 0.0 and verdict.status in ("incorrect", "not attempted"):
        return replace(verdict, status="not attempted", message=NO_ANSWER, practice_hint="")
    return verdict


def _edition(
    lab: Lab, lesson: Lesson, student: Student, standing: Standing, marks: Mapping[str, PersonMark] | None
) -> str:
    """What a page is made of, in one word."""
    given = {task: vars(mark) for task, mark in sorted((marks or {}).items())}
    person = sum(mark.score for mark in (marks or {}).values())
    parts = [
        standing.name,
        dict(standing.scores),
        standing.notes(person),
        given,
        student.name,
        lab.title,
        lesson.digest,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _says(page: Path, edition: str) -> bool:
    try:
        with page.open("rb") as file:
            return edition.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
