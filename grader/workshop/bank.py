"""The bank of a lab: one file a person's way of thinking, from which whole submissions are composed."""

import copy
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.workshop.lab import Lab
from grader.workshop.source import parse_source

_BASE = re.compile(r"^#\s*base:\s*(\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One file of a bank.

    Args:
        name: the file's stem.
        kind: as the bank's ``expected.toml`` says: ``"right"``, ``"misconception"``, ``"attack"``, …
        says: what that person does, in words.
        score: the autograded points it deserves, written down beforehand.
        caught_by: the tasks whose checks must refuse it.
        answers: text by cell id (= task), inherited ones included; cells not named stay as released.
        facts: everything that ``expected.toml`` says of it.
    """

    name: str
    kind: str
    says: str
    score: float
    caught_by: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_bank(lab: Lab) -> dict[str, Entry]:
    """Every entry of a lab's bank by name, in the order of ``expected.toml``.

    An entry that says how it is ``made`` (from a neighbour's values, say) has no file and no answers yet.

    Raises:
        GraderError: a file has no expectation, an expectation no file, or either is malformed.
    """
    path = lab.bank / "expected.toml"
    try:
        expected = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}") from error
    files = {file.stem for file in lab.bank.glob("*.py")}
    lonely = sorted(files ^ {name for name, facts in expected.items() if not facts.get("made")})
    if lonely:
        raise GraderError(str(path), f"{', '.join(lonely)}: a file without an expectation, or the reverse")
    return {name: _entry(lab, path, name, facts) for name, facts in expected.items()}


def compose(release: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """The notebook a person would hand in: the release with ``answers`` (text by cell id) filled in.

    Raises:
        GraderError: an answer is for a cell that the release does not have.
    """
    notebook = copy.deepcopy(dict(release))
    missing = set(answers)
    for cell in notebook["cells"]:
        grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id].splitlines(keepends=True)
            missing.discard(grade_id)
    if missing:
        raise GraderError("bank", f"answers for {', '.join(sorted(missing))}", "The release has no such cell.")
    return notebook


def _entry(lab: Lab, path: Path, name: str, facts: Mapping[str, Any]) -> Entry:
    score = facts.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise GraderError(f"{path}, {name}.score", repr(score), "The autograded points it deserves, a number.")
    caught = facts.get("caught_by", ())
    caught_by = (caught,) if isinstance(caught, str) else tuple(map(str, caught))
    for task in caught_by:
        lab.task(task)
    return Entry(
        name=name,
        kind=str(facts.get("kind", "")),
        says=str(facts.get("says", "")),
        score=float(score),
        caught_by=caught_by,
        answers={} if facts.get("made") else _answers(lab, name, ()),
        facts=dict(facts),
    )


def _answers(lab: Lab, name: str, heirs: tuple[str, ...]) -> dict[str, str]:
    path = lab.bank / f"{name}.py"
    if name in heirs:
        raise GraderError(str(path), "inherits from itself", f"The chain is {' → '.join((*heirs, name))}.")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise GraderError(str(path), f"cannot be read: {error}") from error
    base = _BASE.search(text)
    answers = _answers(lab, base[1], (*heirs, name)) if base else {}
    for cell in parse_source(path, bank=True):
        answers[cell.task] = cell.text
    return answers
