"""An assignment of a stock course: every submission graded, entered in nbgrader's gradebook, shown to formgrader."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader import gradebook
from grader.cohort import durable
from grader.cohort.marked import notebook_bytes
from grader.cohort.submission import Finding, Submission, read_submission, read_timestamp
from grader.errors import GraderError
from grader.stock import record as records
from grader.stock.course import StockCourse
from grader.stock.notebook import StockNotebook
from grader.stock.placing import place
from grader.stock.record import NotebookRecord, StockRecord
from grader.stock.run import NotebookRun, Room, unanswered
from grader.stock.sheet import graded_notebook
from grader.stock.study import Study, kept_study

JOURNAL = "journal"


@dataclass
class StockSummary:
    """What a grading run did.

    Args:
        outcomes: by student; whether it was graded just now, beside its record.
        failed: by student, why grading itself could not be done.
        studies: by notebook, what its tests need.
    """

    outcomes: dict[str, tuple[StockRecord, bool]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    studies: dict[str, Study] = field(default_factory=dict)


class StockAssignment:
    """One assignment with its notebooks' tests made ready; grades from several threads.

    Args:
        course: the course.
        name: the assignment.
        workers: submissions at once.
    """

    def __init__(self, course: StockCourse, name: str, workers: int = 1) -> None:
        self.course, self.name = course, name
        self.notebooks = {notebook.name: notebook for notebook in course.notebooks(name)}
        self.files = course.files(name)
        self.studies: dict[str, Study] = {}
        self._files_digest = records.files_digest(self.files)
        self._room = Room(self.notebooks, self.files, workers=workers)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._room)
            for name, notebook in self.notebooks.items():
                path = self._journal / f"{name}.study.json"
                digest = records.digest_of([notebook.digest, self._files_digest])
                self.studies[name] = kept_study(path, notebook, self._room, digest)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def _journal(self) -> Path:
        return self.course.root / JOURNAL / self.name

    def grade(self, student: str, *, force: bool = False) -> tuple[StockRecord, bool]:
        """A submission's record, and whether it was graded just now; writes what formgrader shows.

        Raises:
            GraderError: grading cannot be done here, or its result cannot be kept.
        """
        found = {name: self._submission(student, notebook) for name, notebook in self.notebooks.items()}
        files = self.course.submitted_files(student, self.name)
        parts = [self.name, student, self._files_digest, records.files_digest(files)]
        for name, submission in found.items():
            parts += [name, self.notebooks[name].digest, submission.digest if submission else ""]
        digest = records.digest_of(parts)
        path = self._journal / f"{student}.json"
        shown = self.course.folders["autograded"] / student / self.name
        if not force and (kept := records.find(path, digest)) is not None and shown.is_dir():
            return kept, False
        notebooks = {name: self._notebook(student, name, submission, files) for name, submission in found.items()}
        record = StockRecord(student, self.name, digest, notebooks)
        records.keep(path, record)
        return record, True

    def graded(self, student: str, name: str) -> tuple[dict[str, Any], NotebookRecord]:
        """One notebook of a submission graded, as :func:`graded_notebook` shows it, and its record."""
        submission = self._submission(student, self.notebooks[name])
        return self._graded(name, submission, self.course.submitted_files(student, self.name))

    def _notebook(
        self, student: str, name: str, submission: Submission | None, files: Mapping[str, Path]
    ) -> NotebookRecord:
        body, record = self._graded(name, submission, files)
        if submission is not None:
            target = self.course.folders["autograded"] / student / self.name / f"{name}.ipynb"
            durable.write(target, notebook_bytes(body))
        return record

    def _graded(
        self, name: str, submission: Submission | None, files: Mapping[str, Path]
    ) -> tuple[dict[str, Any], NotebookRecord]:
        notebook = self.notebooks[name]
        manual = [cell.id for cell in notebook.cells if cell.role == "manual"]
        if submission is None or not submission.readable:
            findings = submission.findings if submission else ()
            why = " ".join(finding.detail for finding in findings) or f"{name}.ipynb was not handed in."
            run = NotebookRun(judged=unanswered(notebook.points, why))
            empty = Submission("", {}, frozenset(notebook.released), findings, readable=False)
            record = NotebookRecord(
                run.judged, dict.fromkeys(manual, False), tuple(sorted(notebook.released)), findings
            )
            return graded_notebook(notebook, empty, (), run), record
        steps = place(notebook, submission)
        run = self._room.run(name, steps, files, self.studies[name].beside)
        record = NotebookRecord(
            judged=run.judged,
            manual={cell: cell not in submission.blank for cell in manual},
            blank=tuple(sorted(submission.blank)),
            findings=submission.findings,
            incidents=tuple(run.incidents),
            cpu_s=run.cpu_s,
            wall_s=run.wall_s,
            tier=run.tier,
        )
        return graded_notebook(notebook, submission, steps, run), record

    def _submission(self, student: str, notebook: StockNotebook) -> Submission | None:
        """What was handed in for a notebook, under its own name or, if that is missing, under another."""
        root, folder = self.course.folders["submitted"], self.course.submitted(student, self.name)
        own = folder / notebook.path.name
        if own.is_symlink() or own.exists():
            return read_submission(root, own, notebook.lesson)
        known = {other.path.name for other in self.notebooks.values()}
        best: Submission | None = None
        for path in sorted(folder.glob("*.ipynb")):
            if path.name in known:
                continue
            found = read_submission(root, path, notebook.lesson)
            if found.readable and found.answers and len(found.answers) > (len(best.answers) if best else 0):
                told = f"It is named {path.name!r} instead of {own.name!r}; it was graded all the same."
                best = replace(found, findings=(Finding("renamed", "", told), *found.findings))
        return best


def grade_stock(
    course: StockCourse,
    assignment: str,
    *,
    students: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    on_outcome: Callable[[StockRecord, bool], None] = lambda _record, _fresh: None,
) -> StockSummary:
    """Grade what was handed in and is not graded yet; stopping at any moment loses nothing.

    Raises:
        GraderError: isolation is missing, the assignment is unknown or not in the gradebook, the disk is full …
    """
    handed_in = course.students(assignment)
    unknown = sorted(set(students) - set(handed_in))
    if unknown:
        raise GraderError(f"student {unknown[0]!r}", f"handed in nothing for {assignment!r}")
    chosen = list(students) or handed_in
    with StockAssignment(course, assignment, workers=min(jobs, max(len(chosen), 1))) as ready:
        summary = StockSummary(studies=ready.studies)
        for student, outcome in _each(ready, chosen, force=force, jobs=jobs):
            if isinstance(outcome, GraderError):
                summary.failed[student] = str(outcome)
            else:
                summary.outcomes[student] = outcome
                on_outcome(*outcome)
    grades = [_grades(course, record, fresh=fresh) for record, fresh in summary.outcomes.values()]
    gradebook.enter_grades(course.root, assignment, grades, by_notebook=True)
    return summary


def _each(
    ready: StockAssignment, students: Sequence[str], *, force: bool, jobs: int
) -> Iterator[tuple[str, tuple[StockRecord, bool] | GraderError]]:
    pool = ThreadPoolExecutor(jobs)
    try:
        running = {pool.submit(ready.grade, student, force=force): student for student in students}
        for future in as_completed(running):
            student = running[future]
            error = future.exception()
            if error is None:
                yield student, future.result()
            elif isinstance(error, GraderError):
                yield student, error
            elif isinstance(error, Exception):  # a fault of ours costs one submission, not the cohort
                found = f"the grader itself failed ({type(error).__name__}: {error})"
                yield student, GraderError(f"{ready.name}, {student}", found, then="Please report this.")
            else:
                raise error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _grades(course: StockCourse, record: StockRecord, *, fresh: bool) -> gradebook.Grades:
    scores: dict[str, float] = {}
    waiting: set[str] = set()
    comments: dict[str, str] = {}
    for name, notebook in record.notebooks.items():
        for cell, judged in notebook.judged.items():
            scores[f"{name}/{cell}"] = float(judged.verdict.score)
            waiting |= {f"{name}/{cell}"} if judged.waits else set()
        for cell, answered in notebook.manual.items():
            if answered:
                waiting.add(f"{name}/{cell}")
            else:
                scores[f"{name}/{cell}"] = 0.0
        comments |= {f"{name}/{cell}": "No response." for cell in notebook.blank}
    folder = course.submitted(record.student, record.assignment)
    return gradebook.Grades(
        student=record.student,
        scores={cell: score for cell, score in scores.items() if cell not in waiting},
        waiting=frozenset(waiting),
        fresh=fresh,
        comments=comments,
        submitted_at=read_timestamp(course.folders["submitted"], folder),
    )
