"""What was found in one submission of a stock course, kept so that nothing is graded twice."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import grader
from grader.checks.verdict import Verdict
from grader.cohort import durable
from grader.cohort.submission import Finding
from grader.isolation import Incident
from grader.stock.run import Judged

_DECIDES = ("checks", "isolation", "stock", "cohort/submission.py")


@dataclass(frozen=True)
class NotebookRecord:
    """One notebook of a submission.

    Args:
        judged: by test cell.
        manual: solution cells that a person judges, and whether there is an answer.
        blank: solution cells without an answer.
        findings: about the file; the student is told them.
        incidents: about the run; the instructor alone is told them.
    """

    judged: Mapping[str, Judged]
    manual: Mapping[str, bool]
    blank: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    tier: str = ""

    @property
    def score(self) -> float:
        """Points of the test cells."""
        return float(sum(one.verdict.score for one in self.judged.values()))

    @property
    def max_score(self) -> float:
        """The most that the test cells can give."""
        return float(sum(one.verdict.max_score for one in self.judged.values()))


@dataclass(frozen=True)
class StockRecord:
    """One submission of an assignment.

    Args:
        digest: SHA-256 over everything that decided it.
        notebooks: by name.
    """

    student: str
    assignment: str
    digest: str
    notebooks: Mapping[str, NotebookRecord]

    @property
    def score(self) -> float:
        """Points of all test cells."""
        return float(sum(one.score for one in self.notebooks.values()))

    @property
    def max_score(self) -> float:
        """The most that all test cells can give."""
        return float(sum(one.max_score for one in self.notebooks.values()))

    @property
    def certifiable(self) -> bool:
        """Whether no point depends on a test that ran beside the student's code."""
        judged = [one for notebook in self.notebooks.values() for one in notebook.judged.values()]
        return all(one.certifiable for one in judged)


def digest_of(parts: Iterable[str | bytes]) -> str:
    """SHA-256 over parts, each with its length, and over the program that decides a score."""
    digest = hashlib.sha256(grader_digest().encode())
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()


def files_digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def grader_digest() -> str:
    """SHA-256 over the program text that decides a score in a stock course."""
    root = Path(grader.__file__).parent
    digest = hashlib.sha256()
    for name in _DECIDES:
        paths = [root / name] if name.endswith(".py") else sorted((root / name).rglob("*.py"))
        for path in paths:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def keep(path: Path, record: StockRecord) -> None:
    """Write a record durably.

    Raises:
        GraderError: the disk is full or the folder cannot be written.
    """
    durable.write(path, json.dumps(asdict(record)).encode(), 0o600)


def find(path: Path, digest: str) -> StockRecord | None:
    """The record in the file ``path``, if it is of the same submission, tests and grader."""
    try:
        body = json.loads(path.read_bytes())
        if body["digest"] != digest:
            return None
        notebooks = {name: _notebook(one) for name, one in body["notebooks"].items()}
        return StockRecord(body["student"], body["assignment"], digest, notebooks)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # damaged: graded again


def _notebook(body: dict[str, object]) -> NotebookRecord:
    made: dict[str, object] = dict(body)
    judged, findings, incidents, blank = (made[name] for name in ("judged", "findings", "incidents", "blank"))
    if not isinstance(judged, dict) or not isinstance(findings, list) or not isinstance(incidents, list):
        raise TypeError("no record")
    made["judged"] = {name: Judged(**one | {"verdict": Verdict(**one["verdict"])}) for name, one in judged.items()}
    made["findings"] = tuple(Finding(**one) for one in findings)
    made["incidents"] = tuple(Incident(**one) for one in incidents)
    made["blank"] = tuple(blank) if isinstance(blank, list) else ()
    return NotebookRecord(**made)  # type: ignore[arg-type]  # the fields as they were written
