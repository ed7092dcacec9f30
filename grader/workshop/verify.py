"""Proves a lab's checks: right answers pass, mistakes and mutants are caught, a blank and a neighbour gain nothing."""

import hashlib
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.checks.controller import Controller
from grader.checks.function import Function
from grader.cohort import durable
from grader.cohort.course import Course, create_course, release_lab
from grader.cohort.custody import TruthProcess, complete_all
from grader.cohort.roster import Student
from grader.cohort.submission import Lesson, read_lesson
from grader.errors import GraderError
from grader.isolation.job import Cell, Ground, Job, Report
from grader.isolation.pool import Pool
from grader.workshop.bank import Entry, read_bank
from grader.workshop.lab import Lab, load_key
from grader.workshop.mutation import KINDS

_NEAR = 1e-6
_GUESS = 0.34
_MUTANT = "practicum_mutant"


@dataclass
class Proof:
    """What verifying a lab has shown.

    Args:
        lab: the lab's id.
        seeds: realities that each answer was tried on.
        right_total: right answers tried, over all realities; ``right_failed`` of them did not get all points.
        blank_score: the most that an empty lesson got.
        misconceptions_total: mistakes tried, over all realities; ``misconceptions_missed`` of them passed the
            check that should refuse them.
        mutants_total: mutants of values tried, one for each task and mistake of :mod:`grader.workshop.mutation` that
            changes its answer; ``mutants_killed`` of them lost points.
        neighbour_gain: share of the points of value tasks that a neighbour's values earned, mean over the realities;
            up to a third is what a guess among few streets and faults earns.
        run_s: seconds that it took.
        rows: one for each run.
    """

    lab: str
    seeds: int
    right_total: int = 0
    right_failed: int = 0
    blank_score: float = 0.0
    misconceptions_total: int = 0
    misconceptions_missed: int = 0
    mutants_total: int = 0
    mutants_killed: int = 0
    neighbour_gain: float = 0.0
    run_s: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the lab may judge: nothing failed, was missed, or could be copied."""
        return self.right_total > 0 and self.neighbour_gain <= _GUESS and all(row["ok"] for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"ok": self.ok, **vars(self)}

    def in_words(self) -> str:
        """The proof in a few lines."""
        caught = self.misconceptions_total - self.misconceptions_missed
        return "\n".join(
            [
                f"\n{self.lab}, {self.seeds} realities, {self.run_s:.0f} s: {'proven' if self.ok else 'NOT PROVEN'}",
                f"  right answers: {self.right_total - self.right_failed} of {self.right_total} get all points",
                f"  misconceptions: {caught} of {self.misconceptions_total} are caught",
                f"  a blank gets {self.blank_score:g} points; a neighbour's values gain {self.neighbour_gain:.0%}",
                f"  mutants: {self.mutants_killed} of {self.mutants_total} refused",
            ]
        )


@dataclass(frozen=True)
class _Try:
    entry: Entry
    seed: int
    neighbour: bool = False
    mutant: str = ""


class _Rehearsal:
    """A throw-away course whose students are the realities that answers are tried on."""

    def __init__(self, root: Path, lab: Lab, datasets: Path, district: Path, seeds: int, jobs: int) -> None:
        self.students = [Student(f"seed-{seed}", f"Seed {seed}", sample=True) for seed in range(1, seeds + 2)]
        self.course: Course = create_course(root / "course", self.students, course_id=f"verify-{lab.id}")
        # the same realities at each run: a proof that can be repeated
        key = hashlib.sha256(f"realities that {lab.id} is proven on".encode()).hexdigest()
        durable.write(self.course.course_key, key.encode(), 0o600)
        release_lab(self.course, lab)
        self.lab = self.course.lab(lab.id)
        self.lesson: Lesson = read_lesson(self.course.release_notebook(lab.id), lab.id)
        # the name under which each task's answer is found in the notebook
        self.names = {task: str(check.name) for task, check in load_key(lab.folder).checks.items()}
        self.equivalent = _equivalent(lab)
        self.pool = Pool(Ground(self.lab.folder, datasets, district), workers=jobs)
        with TruthProcess(self.course) as process:
            for student in self.students:
                process.prepare(student, lab.id)
        for _ in complete_all(self.course, lab.id, self.students[:-1]):
            pass

    def run(self, attempt: _Try) -> Report:
        """Grade one answer on one reality; a neighbour's answer was made from the next reality's data."""
        student = self.students[attempt.seed - 1].id
        source = self.students[attempt.seed].id if attempt.neighbour else student
        cells = self.lesson.graft(attempt.entry.answers)
        if attempt.mutant:
            cells.append(Cell(_MUTANT, _mutant_text(self.names, attempt.mutant)))
        return self.pool.grade(
            Job(
                cells=cells,
                truth=self.course.truth(student, self.lab.id).read_bytes(),
                bundle=self.course.bundle(source, self.lab.id),
                points=self.lab.auto_points,
            )
        )


def verify_lab(
    lab: Lab,
    datasets: Path,
    district: Path,
    *,
    seeds: int = 2,
    jobs: int = 2,
    on_row: Callable[[dict[str, Any]], None] | None = None,
) -> Proof:
    """Try every answer of a lab's bank on ``seeds`` fresh realities, in the sandbox that grades.

    Args:
        lab: the lab.
        datasets: recipes and reference tables, handed to each run.
        district: the built district, likewise.
        seeds: realities, from 1 to 1000.
        jobs: runs at once.
        on_row: called with each run's row as it is there.

    Raises:
        GraderError: the bank or the lesson is malformed, or nothing can be graded here.
    """
    if not 1 <= seeds <= 1000:
        raise GraderError("--seeds", str(seeds), "From 1 to 1000.")
    begun = time.monotonic()
    written = [entry for entry in read_bank(lab).values() if not entry.facts.get("made")]
    rights = [entry for entry in written if entry.kind == "right"]
    if not rights:
        raise GraderError(str(lab.bank), "holds no right answer", 'At least one entry with kind = "right".')
    proof = Proof(lab.id, seeds)
    values = _value_points(lab)
    with tempfile.TemporaryDirectory(prefix="practicum-verify-") as scratch:
        rehearsal = _Rehearsal(Path(scratch), lab, datasets, district, seeds, jobs)
        tries = [_Try(entry, seed) for seed in range(1, seeds + 1) for entry in written]
        tries += [_Try(Entry("(empty)", "blank", "nothing", 0.0), seed) for seed in range(1, seeds + 1)]
        tries += [_Try(rights[0], seed, neighbour=True) for seed in range(1, seeds + 1)]
        tries += [_Try(rights[0], seed, mutant=kind) for seed in range(1, min(seeds, 2) + 1) for kind in KINDS]
        for attempt, report in _all(rehearsal, tries, jobs):
            row = _mutant_row(rehearsal, attempt, report) if attempt.mutant else _row(lab, attempt, report)
            if attempt.neighbour:
                earned = sum(report.verdicts[task].score for task in values)
                row["gain"] = earned / sum(values.values()) if values else 0.0
                row["ok"] = row["gain"] <= 0.5
            _count(proof, attempt, row)
            proof.rows.append(row)
            if on_row:
                on_row(row)
    proof.rows.sort(key=lambda row: (row["seed"], row["entry"]))
    proof.run_s = round(time.monotonic() - begun, 1)
    return proof


def _mutant_text(names: Mapping[str, str], kind: str) -> str:
    """The cell that makes a right notebook wrong after its last cell, and prints what it has changed."""
    text = (Path(__file__).parent / "mutation.py").read_text(encoding="utf-8")
    return f"{text}\nprint({_MUTANT!r}, *apply(globals(), {sorted(set(names.values()))!r}, {kind!r}))\n"


def _mutant_row(rehearsal: _Rehearsal, attempt: _Try, report: Report) -> dict[str, Any]:
    printed = "".join(str(output.get("text", "")) for output in report.outputs.get(_MUTANT, []))
    changed = {name for line in printed.splitlines() if line.startswith(_MUTANT) for name in line.split()[1:]}
    tried = [task for task in report.verdicts if rehearsal.names[task] in changed]
    excused = {task for task in tried if (task, attempt.mutant) in rehearsal.equivalent}
    survived = [task for task in tried if report.verdicts[task].status == "correct" and task not in excused]
    return {
        "entry": f"mutant: {attempt.mutant}",
        "kind": "mutant",
        "seed": attempt.seed,
        "score": sum(verdict.score for verdict in report.verdicts.values()),
        "expected": None,
        "tried": [task for task in tried if task not in excused],
        "survived": survived,
        "ok": not survived and bool(printed),
        "seconds": round(report.wall_s, 1),
    }


def _equivalent(lab: Lab) -> set[tuple[str, str]]:
    """Mutants that are still right by meaning: ``[[equivalent]]`` in ``lab.toml`` with task, mutant, because."""
    facts = tomllib.loads((lab.folder / "lab.toml").read_text(encoding="utf-8"))
    found = set()
    for entry in facts.get("equivalent", []):
        if not entry.get("because") or entry.get("mutant") not in KINDS:
            told = f"Each has a task, a mutant ({', '.join(KINDS)}) and a reason (because)."
            raise GraderError(f"{lab.folder / 'lab.toml'}, equivalent", repr(entry), told)
        found.add((lab.task(str(entry.get("task"))).id, str(entry["mutant"])))
    return found


def _all(rehearsal: _Rehearsal, tries: list[_Try], jobs: int) -> Iterator[tuple[_Try, Report]]:
    threads = ThreadPoolExecutor(max(1, jobs))
    with rehearsal.pool:
        try:
            futures = {threads.submit(rehearsal.run, attempt): attempt for attempt in tries}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _value_points(lab: Lab) -> Mapping[str, float]:
    """Points of the tasks that are judged by a value: those alone can be copied from a neighbour as numbers."""
    checks = load_key(lab.folder).checks
    return {task: most for task, most in lab.auto_points.items() if not isinstance(checks[task], Function | Controller)}


def _row(lab: Lab, attempt: _Try, report: Report) -> dict[str, Any]:
    entry = attempt.entry
    score = sum(verdict.score for verdict in report.verdicts.values())
    missed = [task for task in entry.caught_by if report.verdicts[task].status == "correct"]
    row: dict[str, Any] = {
        "entry": f"{entry.name} (a neighbour's values)" if attempt.neighbour else entry.name,
        "kind": "neighbour" if attempt.neighbour else entry.kind,
        "seed": attempt.seed,
        "score": score,
        "expected": None if attempt.neighbour else entry.score,
        "as_expected": attempt.neighbour or abs(score - entry.score) < _NEAR,
        "missed": missed,
        "tasks": {task: verdict.score for task, verdict in report.verdicts.items()},
        "incidents": [vars(incident) for incident in report.incidents],
        "seconds": round(report.wall_s, 1),
    }
    if entry.kind == "right":
        row["ok"] = abs(score - lab.max_auto_score) < _NEAR
    elif entry.caught_by:
        row["ok"] = not missed
    else:
        row["ok"] = score <= entry.score + _NEAR
    return row


def _count(proof: Proof, attempt: _Try, row: Mapping[str, Any]) -> None:
    kind = row["kind"]
    if kind == "mutant":
        proof.mutants_total += len(row["tried"])
        proof.mutants_killed += len(row["tried"]) - len(row["survived"])
    elif kind == "right":
        proof.right_total += 1
        proof.right_failed += not row["ok"]
    elif kind == "neighbour":
        proof.neighbour_gain += float(row["gain"]) / proof.seeds
    elif attempt.entry.name == "(empty)":
        proof.blank_score = max(proof.blank_score, float(row["score"]))
    elif attempt.entry.caught_by or kind == "misconception":
        proof.misconceptions_total += 1
        proof.misconceptions_missed += not row["ok"]
