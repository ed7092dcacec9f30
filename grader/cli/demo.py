"""``practicum demo``: the main job with a sample cohort, from the district to certificates that verify."""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from grader.certify.framework import load_framework
from grader.certify.issuing import Issued, issue_for
from grader.certify.work import graded_work
from grader.cli.demo_table import Sample, rows_of, show_table
from grader.cohort import custody, durable
from grader.cohort.course import Course, create_course, open_course, release_lab
from grader.cohort.grading import Outcome, Places, Summary, grade_course
from grader.cohort.journal import grader_digest
from grader.cohort.roster import sample_students
from grader.cohort.submission import read_lesson
from grader.credentials.trust import read_trust_pack
from grader.credentials.verify import verify
from grader.errors import GraderError
from grader.isolation import Ground, Job, Pool, tier
from grader.workshop.bank import compose, read_bank
from grader.workshop.lab import Lab, find_lab
from grader.workshop.neighbour import copied_answers, showing_cell
from twin_sandbox.data import data_folder
from twin_sandbox.engines.drainage.compiled import compile_kernels
from twin_sandbox.generate import build_district

LAB = "storm_night"
MARK = "practicum-demo.json"
_COMPILE = "from twin_sandbox.engines.drainage.compiled import compile_kernels; compile_kernels()"

# The sample cohort's course key is public, so that the table can be reproduced to the last point. A real course
# draws its own at random (`practicum cohort init`) and shows it to nobody.
SAMPLE_COURSE_KEY = hashlib.sha256(b"the sample cohort of the practicum's demo").digest()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("practicum-demo"),
    show_default=True,
    help="Folder of the sample course; an earlier demo there is continued.",
)
@click.option("--fresh", is_flag=True, help="Start over instead of continuing an earlier demo.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=min(os.cpu_count() or 1, 64),
    show_default="one a core",
    help="Submissions at once.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the result here.")
def command(out: Path, jobs: int, json_file: Path | None, *, fresh: bool) -> None:
    """Run the main job: district, lab, a sample cohort, grading, certificates, verification; print one table.

    Ends with 0 only if every student gets exactly what they deserve and every certificate verifies.
    """
    try:
        ok = _run(out, jobs, json_file, fresh=fresh)
    except KeyboardInterrupt:
        click.echo("\nStopped. What is done is kept; run the same command to go on.", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        # runs in other threads would hold the process up; the journal is whole at any moment
        os._exit(130)
    sys.exit(0 if ok else 1)


def _run(out: Path, jobs: int, json_file: Path | None, *, fresh: bool) -> bool:
    begun = time.monotonic()
    tier()  # refuses where nothing can be graded
    earlier = _earlier(out)
    _say(1, "the district")
    with _kernels():
        places = Places(data_folder("datasets"), build_district())
        lab = find_lab(data_folder("labs"), LAB)
        cohort = _cohort(lab)
        _say(2, f"the lab {lab.id!r}, released to {len(cohort)} sample students")
        course = _course(out, lab, cohort, {} if fresh else earlier)
    _say(3, "a hidden reality and a bundle for each")
    copied = _derive(course, lab, cohort, places, jobs)
    _say(4, "what they hand in")
    _hand_in(course, lab, cohort, copied)
    _say(5, "grading, each in a sandbox")
    summary = _grade(course, lab, cohort, places, jobs)
    _say(6, "certificates for those who meet the cut")
    issued = issue_for(
        course.root,
        graded_work(course),
        load_framework(data_folder("curriculum")),
        issuer_name="Gulls' Quay Practicum (sample issuer)",
        passphrase=_passphrase(course),
    )
    _say(7, "verification, offline, as a stranger would")
    credentials = _verified(issued)
    rows = rows_of(lab, cohort, summary, credentials)
    ok = all(row["verdict"] == "as deserved" for row in rows)
    seconds = time.monotonic() - begun
    show_table(lab, rows, credentials)
    click.echo(f"\nTrust pack: {issued.trust}   fingerprint, for pinning: {issued.fingerprint}")
    click.echo(f"Course: {course.root}   ({seconds:.0f} s)")
    click.echo("Everyone got exactly what they deserve." if ok else "NOT as deserved: see the rows marked above.")
    if json_file:
        result = {
            "ok": ok,
            "seconds": round(seconds, 1),
            "students": rows,
            "credentials": list(credentials.values()),
            "trust": str(issued.trust),
            "fingerprint": issued.fingerprint,
        }
        durable.write(json_file, json.dumps(result, ensure_ascii=False, indent=1).encode())
    return ok


def _say(step: int, what: str) -> None:
    click.echo(f"{step}/7  {what}", err=True)


@contextmanager
def _kernels() -> Iterator[None]:
    """Compiles the engines' kernels on another core meanwhile; they are there at the end."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-P", "-c", _COMPILE], stdin=quiet, stdout=quiet, stderr=quiet) as compiling:
        try:
            yield
        except BaseException:
            compiling.kill()
            raise
    if compiling.returncode:
        compile_kernels()  # in this process it says why it cannot


def _cohort(lab: Lab) -> list[Sample]:
    bank = [entry for entry in read_bank(lab).values() if entry.facts.get("student")]
    return [
        Sample(student, entry, earns=entry.score >= lab.cut * lab.max_auto_score)
        for student, entry in zip(sample_students(len(bank)), bank, strict=True)
    ]


def _earlier(out: Path) -> dict[str, str]:
    """What an earlier demo in this folder was made of; nothing if the folder is new or empty.

    Raises:
        GraderError: it holds something else.
    """
    if not out.exists() or not any(out.iterdir()):
        return {}
    try:
        return dict(json.loads((out / MARK).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        then = "Choose another folder with --out."
        raise GraderError(str(out), "holds something that is not a demo of the practicum", then=then) from error


def _course(out: Path, lab: Lab, cohort: list[Sample], earlier: dict[str, str]) -> Course:
    """The sample course: an earlier one if lab and grader are the same, else a new one."""
    versions = {"lab": lab.digest(), "grader": grader_digest(), "district": build_district().name}
    mark = out / MARK
    if earlier == versions:
        click.echo(f"     continuing the demo in {out}", err=True)
        return open_course(out / "course")
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    durable.write(mark, b"{}")
    students = [sample.student for sample in cohort]
    course = create_course(out / "course", students, course_id="sample", name="Sample course of the demo")
    durable.write(course.course_key, SAMPLE_COURSE_KEY.hex().encode(), 0o600)
    release_lab(course, lab)
    durable.write(mark, json.dumps(versions).encode())
    return open_course(course.root)


def _derive(
    course: Course, lab: Lab, cohort: list[Sample], places: Places, jobs: int
) -> Callable[[], Mapping[str, str]]:
    """Make what is missing; gives what tells the copier's answers, begun as soon as the neighbour has their data."""
    neighbour = next(sample for sample in cohort if sample.entry.kind == "right")
    copied: Callable[[], Mapping[str, str]] = partial(_copied, course, lab, neighbour, places)
    missing = [s.student for s in cohort if not custody.is_prepared(course, s.student, lab.id)]
    if missing:
        with click.progressbar(length=len(missing), label="     realities", file=sys.stderr) as bar:
            for student in custody.prepare_all(course, lab.id, missing, jobs):
                bar.update(1)
                if student == neighbour.student:
                    copied = ThreadPoolExecutor(1).submit(copied).result
    return copied


def _hand_in(course: Course, lab: Lab, cohort: list[Sample], copied: Callable[[], Mapping[str, str]]) -> None:
    release = json.loads(course.release_notebook(lab.id).read_text(encoding="utf-8"))
    for sample in cohort:
        path = course.submitted(sample.student.id, lab.id)
        if path.exists():
            continue
        answers = copied() if sample.entry.facts.get("made") == "neighbour" else sample.entry.answers
        durable.make_folder(path.parent)
        durable.write(path, json.dumps(compose(release, answers), ensure_ascii=False, indent=1).encode())


def _copied(course: Course, lab: Lab, neighbour: Sample, places: Places) -> Mapping[str, str]:
    """The values that a student with everything right sees on their screen, as literals."""
    lesson = read_lesson(course.release_notebook(lab.id), lab.id)
    job = Job(
        cells=[*lesson.graft(neighbour.entry.answers), showing_cell(lab)],
        truth=custody.truth(course, neighbour.student, lab.id),
        bundle=course.bundle(neighbour.student.id, lab.id),
        points={},
    )
    with Pool(Ground(lab.folder, places.datasets, places.district)) as pool:
        report = pool.grade(job)
    return copied_answers(lab, report.outputs)


def _grade(course: Course, lab: Lab, cohort: list[Sample], places: Places, jobs: int) -> Summary:
    # an endless loop runs into its limit: begun first, it is not what all wait for at the end
    order = [sample.student.id for sample in sorted(cohort, key=lambda sample: sample.entry.kind != "limit")]
    with click.progressbar(length=len(cohort), label="     submissions", file=sys.stderr) as bar:

        def tell(_: Outcome) -> None:
            bar.update(1)

        return grade_course(course, lab.id, places, students=order, jobs=jobs, on_outcome=tell)


def _passphrase(course: Course) -> str:
    """The passphrase of the sample issuer's key, kept beside it: this issuer vouches for nobody."""
    path = course.root / "keys" / "sample-issuer.passphrase"
    if not path.exists():
        durable.write(path, secrets.token_urlsafe(24).encode(), 0o600)
    return path.read_text(encoding="utf-8")


def _verified(issued: Issued) -> dict[str, dict[str, Any]]:
    """By student: the certificate's file, and whether it verifies against the pinned trust pack."""
    pack = read_trust_pack(issued.trust, issued.fingerprint)
    files = {d.student: d.file for d in issued.decisions if d.outcome.earned and d.file is not None}
    now = datetime.now(UTC)
    return {
        student: {
            "file": str(file),
            "student": student,
            "verified": verify(file.read_bytes(), pack, now=now, person=student).valid,
        }
        for student, file in files.items()
    }
