"""The checker's side: runs the test cells of a stock notebook over a student's values.

The folder that the checker sees holds ``tests.json`` (see :func:`write_tests`), ``files``, the course's own copy of
what lies beside the notebooks, and ``lab.py``, the imports that are loaded before the first submission. A task is
``notebook/cell``. What differs from student to student, where their cells set a name anew between two tests, comes as
the truth: ``{"changed": {task: [names]}}``.
"""

import ast
import io
import json
import linecache
import os
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers
from grader.isolation.failures import AnswerFailure, Gone
from grader.stock import names, points
from grader.stock.hidden import hidden_lines
from grader.stock.namespace import LazyNames, StudentRaised

TESTS = "tests.json"
FILES = "files"
PASSED = "The tests of this cell pass."
HIDDEN = "A hidden test of this cell did not pass."
_MOST_WORDS = 600


@dataclass(frozen=True)
class TestCell:
    """One test cell as the checker gets it.

    Args:
        id: its grade id.
        source: its text, hidden tests included.
    """

    id: str
    source: str

    __test__ = False


@dataclass(frozen=True)
class Tests:
    """All test cells of a notebook and what the instructor's other cells give them.

    Args:
        cells: in order.
        imports: import statements of the instructor's cells, by the name they bring.
        definitions: functions and classes of the instructor's own cells, by name.
        asked: names that solution cells set.
    """

    cells: tuple[TestCell, ...]
    imports: Mapping[str, str]
    definitions: Mapping[str, str]
    asked: frozenset[str]

    __test__ = False


def write_tests(tests: Mapping[str, Tests], files: Mapping[str, Path], folder: Path) -> Path:
    """Make the folder that the checker sees as its lab, with an answer key that runs these test cells.

    Args:
        tests: by notebook.
        files: what lies beside the notebooks, by name.
        folder: is made.
    """
    (folder / FILES).mkdir(parents=True)
    body = {name: asdict(one) | {"asked": sorted(one.asked)} for name, one in tests.items()}
    (folder / TESTS).write_text(json.dumps(body), encoding="utf-8")
    for name, path in files.items():
        target = folder / FILES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    imports = dict.fromkeys(text for one in tests.values() for text in one.imports.values())
    (folder / "lab.py").write_text("\n".join([*imports, ""]), encoding="utf-8")
    key = "from pathlib import Path\n\nfrom grader.stock.checking import checks_of\n\n"
    (folder / "key.py").write_text(key + "checks = checks_of(Path(__file__).parent)\n", encoding="utf-8")
    return folder


def checks_of(folder: Path) -> dict[str, "TestCheck"]:
    """The checks, by task, of an answer key that :func:`write_tests` made; loads what the tests import."""
    checks: dict[str, TestCheck] = {}
    for notebook, body in json.loads((folder / TESTS).read_text(encoding="utf-8")).items():
        cells = tuple(TestCell(**cell) for cell in body["cells"])
        tests = Tests(cells, body["imports"], body["definitions"], frozenset(body["asked"]))
        bench = Bench(tests, folder / FILES)
        checks |= {task_id(notebook, cell.id): TestCheck(bench, cell) for cell in cells}
        for text in tests.imports.values():
            with suppress(Exception):  # what cannot be loaded here is the test's to stumble over
                exec(text, {})  # noqa: S102 - an import statement of the instructor's
    return checks


def task_id(notebook: str, cell: str) -> str:
    """A test cell's name among all notebooks of an assignment."""
    return f"{notebook}/{cell}"


class Bench:
    """Where the test cells of one submission share their names.

    Args:
        tests: the notebook's tests.
        files: what lies beside the notebook.
    """

    def __init__(self, tests: Tests, files: Path) -> None:
        self._tests, self._files = tests, files
        self._names: LazyNames | None = None

    def names(self, answers: Answers, changed: Sequence[str]) -> LazyNames:
        """The namespace, at the place of the next test cell."""
        if self._names is None:
            tests = self._tests
            self._names = LazyNames(answers, tests.imports, tests.definitions, tests.asked)
            folder = Path(tempfile.mkdtemp()) / "course"
            shutil.copytree(self._files, folder)
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            random.seed(0)
        self._names.begin(answers, frozenset(changed))
        return self._names


class TestCheck:
    """One test cell as a check of :mod:`grader.checks`.

    Args:
        bench: what the notebook's test cells share.
        cell: the test cell.
    """

    __test__ = False

    def __init__(self, bench: Bench, cell: TestCell) -> None:
        self._bench, self._cell = bench, cell

    def judge(self, task: str, answers: Answers, truth: Mapping[str, Any], max_score: float) -> Verdict:
        """The cell's points; ``practice_hint`` says why it has to be run beside the student, if it has to."""
        namespace = self._bench.names(answers, truth.get("changed", {}).get(task, ()))
        try:
            score, message = run_test(self._cell, namespace, max_score)
        finally:
            with suppress(AnswerFailure):
                namespace.end()
        if score < max_score and namespace.opaque:
            return Verdict(task, 0.0, max_score, "could not be checked", namespace.opaque, namespace.opaque)
        return Verdict(task, score, max_score, points.status(score, max_score), message)


def run_test(cell: TestCell, namespace: LazyNames, max_score: float) -> tuple[float, str]:
    """Run a test cell; points, and what the student is told.

    The words name the line that failed if the student was given it, and never quote what a student's function
    raised or what stands between the marks of a hidden test.
    """
    where = f"<test {cell.id}>"
    text = names.as_python(cell.source)
    linecache.cache[where] = (len(text), None, text.splitlines(keepends=True), where)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            value = _run(text, where, namespace)
    except Gone:
        raise
    except BaseException as error:  # noqa: BLE001 - a test cell, or an answer in it, may raise anything
        if isinstance(error, AnswerFailure) and not namespace.opaque and not str(error).startswith("_"):
            return 0.0, _line(error, where, text) + str(error)
        return 0.0, _told(error, where, cell.source, text)
    score = points.of_value(value, max_score)
    return score, PASSED if score >= max_score else "Some of the tests of this cell do not pass."


def _run(text: str, where: str, namespace: LazyNames) -> object:
    tree = ast.parse(text, where)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or text.rstrip().endswith(";"):
        exec(compile(tree, where, "exec"), namespace)  # noqa: S102 - the instructor's own text
        return None
    tree.body.pop()
    exec(compile(tree, where, "exec"), namespace)  # noqa: S102 - likewise
    return eval(compile(ast.Expression(last.value), where, "eval"), namespace)  # noqa: S307 - likewise


def _told(error: BaseException, where: str, source: str, text: str) -> str:
    number = _number(error, where)
    if (
        number is None
        or (source == text and number in hidden_lines(source))
        or (source != text and hidden_lines(source))
    ):
        return HIDDEN if hidden_lines(source) else f"The tests stopped with {type(error).__name__}."
    kind = type(error).__name__
    if isinstance(error, StudentRaised):
        return f"{_line(error, where, text)}your code stopped with {kind}."
    return f"{_line(error, where, text)}{kind}{': ' if str(error) else ''}{str(error)[:_MOST_WORDS]}"


def _line(error: BaseException, where: str, text: str) -> str:
    number = _number(error, where)
    if number is None or number in hidden_lines(text):
        return ""
    return f"line {number}: {text.splitlines()[number - 1].strip()}\n"


def _number(error: BaseException, where: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == where:
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == where]
    return frames[-1].lineno if frames else None
