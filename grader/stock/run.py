"""One notebook of one submission: run, judged by value, and beside the student where a test cannot be judged so."""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.checks.verdict import Verdict
from grader.isolation import Cell, Ground, Incident, Job, Limits, Pool, Report
from grader.stock import names, points
from grader.stock.checking import PASSED, task_id, write_tests
from grader.stock.hidden import hidden_lines
from grader.stock.notebook import StockNotebook
from grader.stock.placing import Step, changed

_TEST_S = 30.0
_PRELUDE = "practicum-prelude"
_BESIDE_FAILED = "The tests of this cell do not pass."
WITHHELD = "The tests pass beside your own code only, where they prove nothing. A person will look at it."


@dataclass(frozen=True)
class Judged:
    """A test cell's result.

    Args:
        verdict: points, and what the student is told.
        beside: why it was run beside the student's code and so is not certifiable; empty if it was judged by value.
        waits: whether a person must look before points are given.
    """

    verdict: Verdict
    beside: str = ""
    waits: bool = False

    @property
    def certifiable(self) -> bool:
        """Whether no code of the student's had a say in it."""
        return not self.beside


@dataclass
class NotebookRun:
    """What one run of a notebook gave.

    Args:
        judged: by test cell.
        outputs: step id to nbformat outputs, untrusted.
        incidents: what the instructor should know.
    """

    judged: dict[str, Judged] = field(default_factory=dict)
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    tier: str = ""

    def add(self, report: Report) -> None:
        """Add what a grading run used and met."""
        self.wall_s += report.wall_s
        self.tier = report.tier
        for name, used_s in report.cpu_s.items():
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + used_s


class Room:
    """Where submissions of one assignment are run; made once, used by several threads.

    Args:
        notebooks: the instructor's, by name.
        files: what lies beside them, by name.
        limits: what one submission may use.
        workers: submissions at once.
    """

    def __init__(
        self,
        notebooks: Mapping[str, StockNotebook],
        files: Mapping[str, Path],
        limits: Limits | None = None,
        workers: int = 1,
    ) -> None:
        self._notebooks, self._files = dict(notebooks), dict(files)
        tests = max((len(notebook.test_cells) for notebook in self._notebooks.values()), default=0)
        # nbgrader's 30 s for each test cell; each place where tests look keeps a copy of the process
        self._limits = limits or Limits(call_s=_TEST_S, check_s=120.0 + _TEST_S * tests, processes=64 + tests)
        self._workers = workers
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="practicum-stock-")))
            folder.chmod(0o755)
            tests = {name: notebook.tests for name, notebook in self._notebooks.items()}
            lab = write_tests(tests, self._files, folder / "labs" / "stock" / "tests")
            for name in ("datasets", "districts/none"):
                (folder / name).mkdir(parents=True)
            ground = Ground(lab=lab, datasets=folder / "datasets", district=folder / "districts" / "none")
            self._pool = stack.enter_context(Pool(ground, self._limits, workers=self._workers))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def run(
        self,
        name: str,
        steps: Sequence[Step],
        own_files: Mapping[str, Path] | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> NotebookRun:
        """Run a submission's steps and judge every test cell.

        Args:
            name: the notebook's.
            steps: see :mod:`grader.stock.placing`.
            own_files: what the student handed in beside the notebook; the course's own files go before.
            beside: test cells that are known not to work by value, and why.

        Raises:
            GraderError: nothing can be graded here; never for anything that a submission does.
        """
        result = NotebookRun()
        notebook, forced = self._notebooks[name], dict(beside or {})
        with tempfile.TemporaryDirectory(prefix="practicum-stock-") as folder:
            bundle = Path(folder) / "bundle"
            _gather(bundle, {**(own_files or {}), **self._files})
            by_value = {task_id(name, cell): most for cell, most in notebook.points.items() if cell not in forced}
            report = self._pool.grade(_job(name, steps, bundle, by_value))
            result.add(report)
            result.outputs = {step.id: report.outputs.get(step.id, []) for step in steps if not step.test}
            result.incidents = list(report.incidents)
            verdicts = {task.removeprefix(task_id(name, "")): one for task, one in report.verdicts.items()}
            result.judged = {cell: Judged(replace(one, task=cell)) for cell, one in verdicts.items()}
            forced |= _dependent(steps, forced)
            met = {
                cell: one.practice_hint for cell, one in verdicts.items() if one.practice_hint and cell not in forced
            }
            if forced or met:
                needed = _with_earlier(steps, {*forced, *met})
                with_tests = [step for step in steps if not step.test or step.id in needed]
                report = self._pool.grade(_job(name, with_tests, bundle, {}, tests=True))
                result.add(report)
                result.judged |= _judged_beside(notebook, report, forced, met)
        result.judged = {cell: result.judged[cell] for cell in notebook.points}
        return result


def _judged_beside(
    notebook: StockNotebook, report: Report, forced: Mapping[str, str], met: Mapping[str, str]
) -> dict[str, Judged]:
    """What test cells gave that ran as stock nbgrader runs them, in the process of the student's code."""
    found = {}
    lost = {incident.where for incident in report.incidents}
    for cell in {**forced, **met}:
        most, outputs = notebook.points[cell], report.outputs.get(cell, [])
        score = points.of_outputs(outputs, most) if outputs or cell not in lost else 0.0
        if cell in forced:
            words = PASSED if score >= most else _words(notebook, cell, outputs)
            verdict = Verdict(cell, score, most, points.status(score, most), words)
            found[cell] = Judged(verdict, forced[cell])
        elif score > 0:
            verdict = Verdict(cell, 0.0, most, "could not be checked", f"{met[cell]} {WITHHELD}")
            found[cell] = Judged(verdict, met[cell], waits=True)
        else:
            found[cell] = Judged(Verdict(cell, 0.0, most, "incorrect", met[cell]), met[cell])
    return found


def _words(notebook: StockNotebook, name: str, outputs: Iterable[Mapping[str, Any]]) -> str:
    source = next(cell.source for cell in notebook.test_cells if cell.id == name)
    for output in outputs:
        # with hidden tests in the cell, a message could quote one of them
        if output.get("output_type") == "error" and not hidden_lines(source):
            return f"{_BESIDE_FAILED}\n{output.get('ename')}: {str(output.get('evalue'))[:600]}"
    return _BESIDE_FAILED


def _job(name: str, steps: Sequence[Step], bundle: Path, by_value: Mapping[str, float], *, tests: bool = False) -> Job:
    prelude = (files("grader.stock") / "prelude.py").read_text(encoding="utf-8")
    start = "\n\n_practicum_files()\ndel _practicum_files\n"
    cells = [Cell(_PRELUDE, prelude + start)]
    places = {}
    for step in steps:
        if step.test and not tests:
            places[task_id(name, step.id)] = len(cells)  # a test sees names as they are where it stands
        else:
            cells.append(Cell(step.id, step.source))
    truth = json.dumps({"changed": {task_id(name, cell): names for cell, names in changed(steps).items()}}).encode()
    places = {task: place for task, place in places.items() if task in by_value}
    return Job(cells=cells, truth=truth, bundle=bundle, points=by_value, places=places)


def _gather(folder: Path, found: Mapping[str, Path]) -> None:
    folder.mkdir()
    for name, path in found.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for path in (folder.parent, folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _dependent(steps: Sequence[Step], forced: Mapping[str, str]) -> dict[str, str]:
    """Tests that use what tests beside the student set."""
    bound: set[str] = set()
    found: dict[str, str] = {}
    for step in steps:
        if step.test:
            reading = names.read(step.source)
            if step.id not in forced and reading.loaded & bound:
                found[step.id] = "uses what a test that runs beside the student has set"
            if step.id in forced or step.id in found:
                bound |= reading.bound - reading.imports.keys()
    return found


def _with_earlier(steps: Sequence[Step], needed: set[str]) -> set[str]:
    """The tests, and the earlier ones that set a name they use."""
    found = set(needed)
    wanted: set[str] = set()
    for step in reversed(steps):
        if not step.test:
            continue
        reading = names.read(step.source)
        if step.id in found or reading.bound & wanted:
            found.add(step.id)
            wanted |= reading.loaded
    return found


def unanswered(points_by_test: Mapping[str, float], words: str) -> dict[str, Judged]:
    """Every test cell without points, for a notebook that is not there or cannot be read."""
    verdict = Verdict("", 0.0, 0.0, "not attempted", words)
    return {name: Judged(replace(verdict, task=name, max_score=most)) for name, most in points_by_test.items()}
