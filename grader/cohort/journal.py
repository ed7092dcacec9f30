"""One durable record for each graded submission: whatever stops a run, nothing finished is lost.

A record's name is a keyed hash of the submission, the lab, the grader and the student's reality: if any of
them changes, the name changes, and the submission is graded again. The record is sealed with the same key,
so that one altered by hand is noticed. Everything else that grading writes can be made from the records.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from grader.checks.verdict import Verdict
from grader.cohort import durable
from grader.cohort.submission import Finding
from grader.errors import GraderError
from grader.isolation.job import Incident

# What decides a score, apart from the lab itself.
_DECIDES = (
    "grader/checks",
    "grader/isolation",
    "twin_sandbox/entities",
    "twin_sandbox/engines",
    "twin_sandbox/world",
    "twin_sandbox/things",
)


@dataclass(frozen=True)
class Record:
    """What grading one submission found.

    Args:
        student: the id in the roster.
        lab: the lab's id.
        submission: SHA-256 of the submitted file.
        graded_at: ISO time with zone.
        answers: text by answer cell, raw: sanitise before showing.
        blank: answer cells without an answer.
        verdicts: by task, in the lab's order.
        findings: about the file; the student is told them.
        incidents: about the run; the instructor alone is told them.
        outputs: cell id to nbformat outputs, raw: sanitise before showing.
        cpu_s: processor seconds of student, checker and replay.
        tier: the isolation that was used.
        practice: graded by a throw-away course: never certifies.
        attempt: number of the hand-in, from 1.
        sequence: number of this grading among the student's; a later one of an attempt stands in for an earlier.
        readable: whether what was handed in was a notebook of this lab at all.
    """

    student: str
    lab: str
    submission: str
    graded_at: str
    answers: Mapping[str, str]
    blank: tuple[str, ...]
    verdicts: Mapping[str, Verdict]
    findings: tuple[Finding, ...] = ()
    incidents: tuple[Incident, ...] = ()
    outputs: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    tier: str = ""
    practice: bool = False
    attempt: int = 1
    sequence: int = 0
    readable: bool = True

    @property
    def score(self) -> float:
        """Points of the tasks that checks judge."""
        return float(sum(verdict.score for verdict in self.verdicts.values()))

    @property
    def max_score(self) -> float:
        """The most that those tasks can give."""
        return float(sum(verdict.max_score for verdict in self.verdicts.values()))


class Journal:
    """The records of one lab in one course.

    Args:
        folder: where they lie.
        key_file: the journal key, 32 bytes in hex.
    """

    def __init__(self, folder: Path, key_file: Path) -> None:
        self._folder = folder
        self._key = key_file.read_bytes()

    def name(self, *parts: str) -> str:
        """A record's name: a keyed hash of ``parts``, each with its length."""
        text = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
        return hmac.new(self._key, b"name" + text, hashlib.sha256).hexdigest()

    def find(self, student: str, name: str) -> Record | None:
        """The record of that name; nothing if there is none or its seal is broken."""
        try:
            stored = json.loads((self._folder / student / f"{name}.json").read_bytes())
            body = json.dumps(stored["record"], sort_keys=True).encode()
            if not hmac.compare_digest(stored["seal"], self._seal(name, body)):
                return None
            if stored["record"]["student"] != student:  # whole, but another's: it was put here
                return None
            return _record(stored["record"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # damaged: graded again

    def current(self, student: str) -> dict[str, Record]:
        """A student's records by name, the latest of each attempt, the first attempt first."""
        names = sorted(path.stem for path in (self._folder / student).glob("*.json"))
        found = [(name, record) for name in names if (record := self.find(student, name)) is not None]
        latest: dict[int, tuple[str, Record]] = {}
        for name, record in sorted(found, key=lambda item: item[1].sequence):
            latest[record.attempt] = (name, record)
        return {name: record for _, (name, record) in sorted(latest.items())}

    def add(self, name: str, record: Record) -> str:
        """Keep a record as the newest of its attempt, whatever is there already; gives the name it has got.

        Raises:
            GraderError: the disk is full or the folder cannot be written.
        """
        folder = self._folder / record.student
        before = [found.sequence for path in folder.glob("*.json") if (found := self.find(record.student, path.stem))]
        record = replace(record, sequence=max(before, default=0) + 1)
        # an earlier record of that name stays; one whose seal is broken is no record
        own = f"{name}-{record.sequence}" if self.find(record.student, name) else name
        self.keep(own, record)
        return own

    def keep(self, name: str, record: Record) -> None:
        """Write a record durably.

        Raises:
            GraderError: the disk is full or the folder cannot be written.
        """
        body = asdict(record)
        sealed = {"record": body, "seal": self._seal(name, json.dumps(body, sort_keys=True).encode())}
        durable.make_folder(self._folder / record.student, 0o700)
        durable.write(self._folder / record.student / f"{name}.json", json.dumps(sealed).encode(), 0o600)

    def entered(self) -> dict[str, str]:
        """By student, the name of the record that the gradebook shows."""
        try:
            found = json.loads((self._folder / "entered.json").read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(student): str(name) for student, name in found.items()} if isinstance(found, dict) else {}

    def note_entered(self, names: Mapping[str, str]) -> None:
        """Remember which records the gradebook shows."""
        durable.write(self._folder / "entered.json", json.dumps(self.entered() | dict(names)).encode(), 0o600)

    def _seal(self, name: str, body: bytes) -> str:
        return hmac.new(self._key, b"seal" + name.encode() + body, hashlib.sha256).hexdigest()


@cache
def grader_digest() -> str:
    """SHA-256 over the program text that decides a score, and the Python it runs on."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256(f"{sys.version_info.major}.{sys.version_info.minor}".encode())
    for folder in _DECIDES:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _record(body: dict[str, Any]) -> Record:
    try:
        return Record(
            **body
            | {
                "blank": tuple(body["blank"]),
                "verdicts": {task: Verdict(**verdict) for task, verdict in body["verdicts"].items()},
                "findings": tuple(Finding(**finding) for finding in body["findings"]),
                "incidents": tuple(Incident(**incident) for incident in body["incidents"]),
            }
        )
    except TypeError as error:
        raise GraderError("journal", f"a record of another version: {error}") from error
