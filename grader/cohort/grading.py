"""Grades what was handed in: read, graft, run in the sandbox, keep the record, show it, enter it in the gradebook."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader import gradebook
from grader.checks.verdict import Verdict
from grader.cohort import custody, durable
from grader.cohort.course import Course
from grader.cohort.feedback import PersonMark, feedback_page
from grader.cohort.journal import Journal, Record, grader_digest
from grader.cohort.marked import check_id, marked_notebook, notebook_bytes
from grader.cohort.roster import Student
from grader.cohort.submission import Finding, Lesson, Submission, read_lesson, read_submission, read_timestamp
from grader.errors import GraderError
from grader.isolation.job import Ground, Job, Limits
from grader.isolation.pool import Pool
from grader.workshop.lab import Lab

NO_ANSWER = "There is no answer in this cell yet."
OWN_CELLS = "Cells that you added ({count}) were not run: what an answer needs belongs into its answer cell."


@dataclass(frozen=True)
class Places:
    """Data that every grading run reads.

    Args:
        datasets: recipes and reference tables.
        district: the built district.
    """

    datasets: Path
    district: Path


@dataclass(frozen=True)
class Outcome:
    """One student's result.

    Args:
        record: what was found.
        fresh: graded just now, not taken from the journal.
        name: the journal record's name.
    """

    record: Record
    fresh: bool
    name: str


@dataclass
class Summary:
    """What a grading run did.

    Args:
        outcomes: by student.
        absent: students of the roster who handed in nothing.
        strangers: folders below ``submitted/`` that no student of the roster has.
        failed: by student, why grading itself could not be done; they are graded at the next run.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def grade_course(
    course: Course,
    lab_id: str,
    places: Places,
    *,
    students: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    limits: Limits | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> Summary:
    """Grade every submission of a lab that is not graded yet, and bring the gradebook and feedback up to date.

    Stopping it at any moment loses nothing: each finished submission is in the journal, and the next run
    goes on with what is missing.

    Args:
        course: the course.
        lab_id: a lab that it has released.
        places: what grading reads.
        students: those alone; all if none.
        force: grade again what is graded.
        jobs: submissions at once.
        limits: what one submission may use.
        on_outcome: called with each result as it is there.

    Raises:
        GraderError: isolation is missing, the lab is not released, the disk is full …
    """
    lab = course.lab(lab_id)
    lesson = read_lesson(course.release_notebook(lab_id), lab_id)
    roster = {student.id: student for student in course.students()}
    chosen = [course.student(name) for name in students] if students else list(roster.values())
    summary = Summary(strangers=_strangers(course, roster))
    handed_in = [student for student in chosen if _handed_in(course, student, lab_id)]
    summary.absent = [student.id for student in chosen if student not in handed_in]
    with Pool(Ground(lab.folder, places.datasets, places.district), limits, workers=jobs) as pool:
        desk = Desk(course, lab, lesson, pool)
        for student, outcome in _each(desk, handed_in, force=force, jobs=jobs):
            if isinstance(outcome, GraderError):
                summary.failed[student.id] = str(outcome)
                continue
            summary.outcomes[student.id] = outcome
            on_outcome(outcome)
    if summary.outcomes:
        _enter(course, lab, lesson, summary)
    if summary.failed and not summary.outcomes:
        student_id, why = next(iter(summary.failed.items()))
        raise GraderError(f"{lab_id}, {student_id}", why, then="Run the same command again when that is mended.")
    return summary


@dataclass(frozen=True)
class Desk:
    """What grading one submission of one lab needs; safe to use from several threads.

    Args:
        course: the course.
        lab: the lab as released.
        lesson: the released notebook.
        pool: runs the submissions; none is needed to show what is graded.
    """

    course: Course
    lab: Lab
    lesson: Lesson
    pool: Pool | None = None

    def grade(self, student: Student, *, force: bool = False) -> Outcome:
        """Grade one student's submission, or find it graded; writes the record, the notebook and the feedback.

        Raises:
            GraderError: grading cannot be done here, or its result cannot be kept.
        """
        course, lab = self.course, self.lab
        submission = read_submission(course.root, course.submitted(student.id, lab.id), self.lesson)
        journal = Journal(course.journal(lab.id), course.journal_key)
        bundle = course.bundle(student.id, lab.id)
        name = journal.name(
            student.id, submission.digest, lab.digest(), self.lesson.digest, grader_digest(), custody.commitment(bundle)
        )
        record = None if force else journal.find(student.id, name)
        if record is not None:
            if not (course.autograded(student.id, lab.id).exists() and course.feedback(student.id, lab.id).exists()):
                self.show(student, record)
            return Outcome(record, fresh=False, name=name)
        record = self._run(student, submission) if submission.readable else self._unreadable(student, submission)
        journal.keep(name, record)
        self.show(student, record)
        return Outcome(record, fresh=True, name=name)

    def show(self, student: Student, record: Record, marks: Mapping[str, PersonMark] | None = None) -> None:
        """Write the graded notebook and the feedback page of a record."""
        course, lab = self.course, self.lab
        marked = notebook_bytes(marked_notebook(self.lesson, record))
        durable.write(course.autograded(student.id, lab.id), marked)
        page = feedback_page(lab, self.lesson, record, student.name, marks)
        durable.write(course.feedback(student.id, lab.id), page.encode("utf-8", "replace"))

    def _run(self, student: Student, submission: Submission) -> Record:
        assert self.pool is not None  # noqa: S101 - a desk that grades has one
        job = Job(
            cells=self.lesson.graft(submission.answers),
            truth=custody.truth(self.course, student, self.lab.id),
            bundle=self.course.bundle(student.id, self.lab.id),
            points=self.lab.auto_points,
        )
        report = self.pool.grade(job)
        return replace(
            self._record(student, submission, report.verdicts),
            incidents=tuple(report.incidents),
            outputs=report.outputs,
            cpu_s=dict(report.cpu_s),
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


def _fair(verdict: Verdict, blank: frozenset[str]) -> Verdict:
    """What stands in the released stub is nobody's mistake: a cell left as it was is not attempted."""
    if verdict.task in blank and verdict.score == 0.0 and verdict.status in ("incorrect", "not attempted"):
        return replace(verdict, status="not attempted", message=NO_ANSWER, practice_hint="")
    return verdict


def _each(
    desk: Desk, students: Sequence[Student], *, force: bool, jobs: int
) -> Iterator[tuple[Student, Outcome | GraderError]]:
    if jobs <= 1 or len(students) <= 1:
        for student in students:
            yield student, _one(desk, student, force=force)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        running: dict[Future[Outcome | GraderError], Student] = {
            pool.submit(_one, desk, student, force=force): student for student in students
        }
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(desk: Desk, student: Student, *, force: bool) -> Outcome | GraderError:
    try:
        return desk.grade(student, force=force)
    except GraderError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a fault of ours costs one submission, not the cohort
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"the grader itself failed ({type(error).__name__}: {error}, {Path(at.filename).name} line {at.lineno})"
        return GraderError(f"{desk.lab.id}, {student.id}", found, then="Please report this; the others are graded.")


def _handed_in(course: Course, student: Student, lab_id: str) -> bool:
    folder = course.submitted(student.id, lab_id).parent
    return folder.is_symlink() or folder.exists()


def _strangers(course: Course, roster: Mapping[str, Student]) -> list[str]:
    folders = sorted((course.root / "submitted").iterdir()) if (course.root / "submitted").is_dir() else []
    return [folder.name for folder in folders if folder.name not in roster and not folder.name.startswith(".")]


def _enter(course: Course, lab: Lab, lesson: Lesson, summary: Summary) -> None:
    journal = Journal(course.journal(lab.id), course.journal_key)
    entered = journal.entered()
    gradebook.enter_grades(
        course.root, lab.id, [_grades(course, lab, one, entered) for one in summary.outcomes.values()]
    )
    journal.note_entered({student: one.name for student, one in summary.outcomes.items()})
    desk = Desk(course, lab, lesson)
    for student, marks in person_marks(course, lab).items():
        if student in summary.outcomes:
            desk.show(course.student(student), summary.outcomes[student].record, marks)


def person_marks(course: Course, lab: Lab) -> dict[str, dict[str, PersonMark]]:
    """What persons have given, by student and task."""
    manual = {task.id for task in lab.tasks if task.kind == "manual"}
    found = {}
    for line in gradebook.lines(course.root, lab.id):
        marks = {
            cell: PersonMark(score, line.comments.get(cell, ""))
            for cell, score in line.by_person.items()
            if cell in manual
        }
        if marks:
            found[line.student] = marks
    return found


def _grades(course: Course, lab: Lab, outcome: Outcome, entered: Mapping[str, str]) -> gradebook.Grades:
    record = outcome.record
    scores = {check_id(task): float(verdict.score) for task, verdict in record.verdicts.items()}
    manual = {task.id for task in lab.tasks if task.kind == "manual"}
    scores |= {task: 0.0 for task in manual if task in record.blank}
    comments: dict[str, str] = dict.fromkeys(record.blank, "No response.")
    return gradebook.Grades(
        student=record.student,
        scores=scores,
        waiting=frozenset(task for task in manual if task not in record.blank),
        fresh=entered.get(record.student) != outcome.name,
        comments=comments,
        submitted_at=read_timestamp(course.root, course.submitted(record.student, lab.id).parent),
    )


def summary_json(lab: Lab, summary: Summary) -> dict[str, Any]:
    """A grading run as plain values."""
    return {
        "lab": lab.id,
        "max_score": lab.max_auto_score,
        "students": [
            {
                "id": student,
                "score": outcome.record.score,
                "max_score": outcome.record.max_score,
                "fresh": outcome.fresh,
                "tasks": {task: verdict.score for task, verdict in outcome.record.verdicts.items()},
                "verdicts": {task: verdict.status for task, verdict in outcome.record.verdicts.items()},
                "findings": [_finding(finding) for finding in outcome.record.findings],
                "incidents": [vars(incident) for incident in outcome.record.incidents],
                "cpu_s": dict(outcome.record.cpu_s),
                "wall_s": outcome.record.wall_s,
                "tier": outcome.record.tier,
            }
            for student, outcome in sorted(summary.outcomes.items())
        ],
        "absent": summary.absent,
        "strangers": summary.strangers,
        "failed": summary.failed,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return dict(vars(finding))
