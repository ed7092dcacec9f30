"""The competency framework, as ``curriculum/framework.toml`` holds it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError

_CERTIFICATES = ("none", "sample", "full")


@dataclass(frozen=True)
class LabEvidence:
    """Which tasks of one lab speak for a competency.

    Args:
        lab: the lab's id.
        tasks: autograded tasks; their points decide.
        waits: tasks that a person reads; shown as waiting, they do not decide.
    """

    lab: str
    tasks: tuple[str, ...]
    waits: tuple[str, ...]


@dataclass(frozen=True)
class Competency:
    """One competency, as the framework describes it.

    Args:
        id: names it in labs and files.
        code: human coding scheme, e.g. ``SIM.P.1``.
        certificate: ``"none"``, ``"sample"`` or ``"full"``.
        because: why there is no certificate; empty if there is one.
        cut: share of the autograded points that is needed, in (0, 1].
        blueprint: rows of the blueprint it covers.
    """

    id: str
    code: str
    domain: str
    level: str
    title: str
    title_zh: str
    statement: str
    certificate: str
    because: str
    cut: float
    blueprint: tuple[int, ...]
    evidence: tuple[LabEvidence, ...]


@dataclass(frozen=True)
class Framework:
    """Domains, levels and competencies.

    Args:
        domains: title by id.
        levels: title by id.
        cut_status: ``"provisional"`` until a panel of judges has sat.
    """

    id: str
    version: str
    title: str
    cut_status: str
    domains: dict[str, str]
    levels: dict[str, str]
    competencies: tuple[Competency, ...]

    def competency(self, competency_id: str) -> Competency:
        """The competency of that id.

        Raises:
            GraderError: there is none.
        """
        for competency in self.competencies:
            if competency.id == competency_id:
                return competency
        known = ", ".join(competency.id for competency in self.competencies)
        raise GraderError("framework", f"no competency {competency_id!r}", f"It has {known}.")


def load_framework(curriculum: Path) -> Framework:
    """Read ``framework.toml`` in the folder ``curriculum``.

    Raises:
        GraderError: it is missing, or says something that cannot be; names the place.
    """
    path = curriculum / "framework.toml"
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}", then="Install the practicum again.") from error
    try:
        framework = Framework(
            id=facts["id"],
            version=facts["version"],
            title=facts["title"],
            cut_status=facts["cut_status"],
            domains={entry["id"]: entry["title"] for entry in facts["domain"]},
            levels={entry["id"]: entry["title"] for entry in facts["level"]},
            competencies=tuple(_competency(entry) for entry in facts["competency"]),
        )
    except KeyError as error:
        raise GraderError(str(path), f"{error.args[0]} is missing", then="Mend the file.") from error
    for competency in framework.competencies:
        _refuse_absurd(path, framework, competency)
    codes = [competency.code for competency in framework.competencies]
    if len(set(codes)) != len(codes):
        raise GraderError(str(path), "a code stands twice", "Each competency has a code of its own.")
    return framework


def _competency(entry: dict[str, Any]) -> Competency:
    return Competency(
        id=entry["id"],
        code=entry["code"],
        domain=entry["domain"],
        level=entry["level"],
        title=entry["title"],
        title_zh=entry["title_zh"],
        statement=entry["statement"],
        certificate=entry["certificate"],
        because=entry.get("because", ""),
        cut=float(entry["cut"]),
        blueprint=tuple(entry["blueprint"]),
        evidence=tuple(
            LabEvidence(part["lab"], tuple(part["tasks"]), tuple(part["waits"])) for part in entry["evidence"]
        ),
    )


def _refuse_absurd(path: Path, framework: Framework, competency: Competency) -> None:
    where = f"{path}, competency {competency.id}"
    if competency.domain not in framework.domains:
        raise GraderError(f"{where}.domain", repr(competency.domain), f"One of {', '.join(framework.domains)}.")
    if competency.level not in framework.levels:
        raise GraderError(f"{where}.level", repr(competency.level), f"One of {', '.join(framework.levels)}.")
    if competency.certificate not in _CERTIFICATES:
        raise GraderError(f"{where}.certificate", repr(competency.certificate), f"One of {', '.join(_CERTIFICATES)}.")
    if not 0 < competency.cut <= 1:
        raise GraderError(f"{where}.cut", f"{competency.cut:g}", "More than 0, at most 1.")
    if competency.certificate != "none" and not any(part.tasks for part in competency.evidence):
        raise GraderError(f"{where}.evidence", "no autograded task", "A certificate rests on at least one.")
