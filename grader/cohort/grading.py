"""Grades what a course has handed in: each hand-in once, in the sandbox, whatever stops the run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.course import Course
from grader.cohort.desk import Outcome
from grader.cohort.run import open_desk, open_run
from grader.cohort.summary import Forecast, Summary, summary_json
from grader.errors import GraderError
from grader.isolation.job import Ground, Limits

__all__ = ["Forecast", "Outcome", "Places", "Summary", "grade_course", "summary_json"]


@dataclass(frozen=True)
class Places:
    """Data that every grading run reads.

    Args:
        datasets: recipes and reference tables.
        district: the built district.
    """

    datasets: Path
    district: Path


def grade_course(
    course: Course,
    lab_id: str,
    places: Places,
    *,
    students: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    limits: Limits | None = None,
    dask: str = "",
    unsafe: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    on_forecast: Callable[[Forecast], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Grade every hand-in of a lab that is not graded yet, and bring the gradebook and feedback up to date.

    Stopping it at any moment loses nothing: each finished submission is in the journal, and the next run
    goes on with what is missing.

    Args:
        course: the course.
        lab_id: a lab that it has released.
        places: what grading reads.
        students: those alone; all if none.
        force: grade the newest hand-ins again.
        jobs: submissions at once.
        limits: what one submission may use.
        dask: address of a Dask scheduler whose workers see the course and ``places`` at the same paths.
        unsafe: run without a sandbox; what is graded so certifies nothing, and a run with one grades it again.
        on_outcome: called with each result as it is there.
        on_forecast: called once, before the first is graded.
        tell: called with what a person should know meanwhile, e.g. that another run is waited for.

    Raises:
        GraderError: isolation is missing, the lab is not released, the disk is full …
    """
    begun = time.monotonic()
    ground = Ground(course.lab(lab_id).folder, places.datasets, places.district)
    cluster = (dask, ground) if dask else None
    with (
        open_desk(course, lab_id, ground, jobs=jobs, limits=limits, unsafe=unsafe) as desk,
        open_run(desk, jobs=jobs, cluster=cluster, tell=tell) as run,
    ):
        run.summary.strangers = _strangers(course, {student.id for student in course.students()})
        chosen = [course.student(name) for name in students] if students else course.students()
        run.grade(chosen, force=force, on_outcome=on_outcome, on_forecast=on_forecast)
        run.finish()
    summary = run.summary
    summary.wall_s = time.monotonic() - begun
    order = [student.id for student in chosen]
    summary.outcomes = {name: summary.outcomes[name] for name in order if name in summary.outcomes}
    if summary.failed and not summary.outcomes:
        student_id, why = next(iter(summary.failed.items()))
        raise GraderError(f"{lab_id}, {student_id}", why, then="Run the same command again when that is mended.")
    return summary


def _strangers(course: Course, roster: set[str]) -> list[str]:
    folders = sorted((course.root / "submitted").iterdir()) if (course.root / "submitted").is_dir() else []
    return [folder.name for folder in folders if folder.name not in roster and not folder.name.startswith(".")]
