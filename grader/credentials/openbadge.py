"""One competency as an Open Badges 3.0 credential on VC Data Model 2.0.

Source: Open Badges Specification 3.0 (1EdTech), data model of OpenBadgeCredential. Arrays wherever
the model says 0..*, no nulls, texts where it says text.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grader.credentials.contexts import CONTEXTS
from grader.credentials.identity import Person, identifiers

_NAMESPACE = uuid.UUID("6a1b7d9e-6f0c-5f6e-9c0d-2f7f0b8e4a11")
SAMPLE_NAME = "SAMPLE – "
SAMPLE_SENTENCE = "This is a sample certificate of a demonstration course; it certifies nobody's ability."
_YEARS_VALID = 3


class IncompleteError(ValueError):
    """Which member a credential lacks or has in another shape, as a sentence for the reader."""


@dataclass(frozen=True)
class Achievement:
    """What is certified, and by which rule.

    Args:
        framework: id and version of the curriculum framework it stands in.
        code: the competency's human coding scheme, e.g. ``SIM.P.1``.
        name, description, criteria: texts for people.
        required_percent: cut score, per cent of the autograded points, 0 to 100.
        sample: mark it as a sample wherever a reader looks.
    """

    framework: str
    framework_title: str
    code: str
    name: str
    description: str
    criteria: str
    required_percent: float
    sample: bool = True

    @property
    def id(self) -> str:
        """The same for the same competency of the same framework, everywhere."""
        return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{self.framework}|{self.code}')}"


@dataclass(frozen=True)
class Evidence:
    """What the certificate rests on.

    Args:
        submission_sha256: hash of the notebook as it was handed in.
        commitment: hash by which the course is bound to the hidden reality it graded against.
        grader: name and version of the grader.
        conduct: who watched, e.g. ``"practice, unsupervised"``.
        assignment: the lab's title.
    """

    submission_sha256: str
    commitment: str
    grader: str
    conduct: str
    assignment: str


def credential(
    achievement: Achievement,
    person: Person,
    evidence: Sequence[Evidence],
    *,
    percent: float,
    issuer_id: str,
    issuer_name: str,
    issued: datetime,
) -> dict[str, Any]:
    """An unsigned credential under a new id.

    Args:
        achievement: the competency.
        person: who earned it.
        evidence: one entry a submission, at least one.
        percent: what was reached, per cent of the autograded points.
        issuer_id: the issuer's DID.
        issuer_name: as the issuer calls itself (a verifier takes the name from its trust pack).
        issued: the moment of issue, with its time zone; valid for three years from then.

    Raises:
        ValueError: ``percent`` is below the achievement's cut, or ``issued`` has no time zone.
    """
    if percent < achievement.required_percent:
        raise ValueError(f"{percent:g} % is below the cut of {achievement.required_percent:g} %")
    if issued.tzinfo is None:
        raise ValueError("the moment of issue has no time zone")
    name = f"{SAMPLE_NAME}{achievement.name}" if achievement.sample else achievement.name
    description, criteria = (
        f"{SAMPLE_SENTENCE} {text}" if achievement.sample else text
        for text in (achievement.description, achievement.criteria)
    )
    share = f"{achievement.id}#share"
    return {
        "@context": [context.url for context in CONTEXTS],
        "id": f"urn:uuid:{uuid.uuid4()}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": name,
        "description": description,
        "issuer": {"id": issuer_id, "type": ["Profile"], "name": issuer_name},
        "validFrom": _moment(issued),
        "validUntil": _moment(_years_later(issued, _YEARS_VALID)),
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": identifiers(person),
            "achievement": {
                "id": achievement.id,
                "type": ["Achievement"],
                "achievementType": "Competency",
                "name": name,
                "description": description,
                "criteria": {"narrative": criteria},
                "inLanguage": "en",
                "humanCode": achievement.code,
                "alignment": [
                    {
                        "type": ["Alignment"],
                        "targetType": "CFItem",
                        "targetName": achievement.name,
                        "targetUrl": achievement.id,
                        "targetCode": achievement.code,
                        "targetFramework": achievement.framework_title,
                    }
                ],
                "resultDescription": [
                    {
                        "id": share,
                        "type": ["ResultDescription"],
                        "name": "Share of the autograded points",
                        "resultType": "Percent",
                        "valueMin": "0",
                        "valueMax": "100",
                        "requiredValue": f"{achievement.required_percent:g}",
                    }
                ],
            },
            "result": [{"type": ["Result"], "resultDescription": share, "value": f"{percent:.1f}"}],
        },
        "evidence": [_evidence(entry) for entry in evidence],
    }


def refuse_incomplete(document: Mapping[str, Any]) -> None:
    """Refuse a credential that lacks what Open Badges 3.0 asks for, or that is of another shape.

    Raises:
        IncompleteError: names the member.
    """
    if document.get("@context") != [context.url for context in CONTEXTS]:
        raise IncompleteError("@context must name the two contexts of Open Badges 3.0.3, in their order, and no other")
    if document.get("type") != ["VerifiableCredential", "OpenBadgeCredential"]:
        raise IncompleteError("type must be VerifiableCredential, OpenBadgeCredential")
    for name in ("id", "name", "validFrom"):
        _text(document, name)
    issuer = _part(document, "issuer")
    _typed(issuer, "issuer", "Profile")
    for name in ("id", "name"):
        _text(issuer, name, "issuer.")
    subject = _part(document, "credentialSubject")
    _typed(subject, "credentialSubject", "AchievementSubject")
    if not isinstance(subject.get("identifier"), list) and not isinstance(subject.get("id"), str):
        raise IncompleteError("credentialSubject names nobody (neither identifier nor id)")
    achievement = _part(subject, "achievement", "credentialSubject.")
    where = "credentialSubject.achievement."
    _typed(achievement, where.rstrip("."), "Achievement")
    for name in ("id", "name", "description"):
        _text(achievement, name, where)
    _part(achievement, "criteria", where)
    for name in ("validFrom", "validUntil"):
        if name in document:
            moment(document[name], name)


def moment(text: object, name: str) -> datetime:
    """A date and time with its zone.

    Raises:
        IncompleteError: it is none.
    """
    try:
        # Only the forms of xsd:dateTimeStamp: fromisoformat alone would take week dates as well.
        value = datetime.fromisoformat(text) if isinstance(text, str) and text[10:11] == "T" else None
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise IncompleteError(f"{name} is not a date and time with its zone")
    return value


def _evidence(entry: Evidence) -> dict[str, Any]:
    return {
        "id": f"urn:uuid:{uuid.uuid5(_NAMESPACE, entry.submission_sha256)}",
        "type": ["Evidence"],
        "name": f"Graded submission: {entry.assignment}",
        "genre": entry.conduct,
        "narrative": (
            f"Submission SHA-256 {entry.submission_sha256}. Hidden reality, commitment {entry.commitment}. "
            f"Graded by {entry.grader}. Conduct: {entry.conduct}."
        ),
    }


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")


def _years_later(value: datetime, years: int) -> datetime:
    try:
        return value.replace(year=value.year + years)
    except ValueError:  # 29 February
        return value.replace(year=value.year + years, day=28)


def _part(parent: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    value = parent.get(name)
    if not isinstance(value, dict):
        raise IncompleteError(f"{where}{name} is missing or not an object")
    return value


def _text(parent: Mapping[str, Any], name: str, where: str = "") -> None:
    if not isinstance(parent.get(name), str) or not parent[name]:
        raise IncompleteError(f"{where}{name} is missing or not a text")


def _typed(part: Mapping[str, Any], where: str, kind: str) -> None:
    kinds = part.get("type")
    if not isinstance(kinds, list) or kind not in kinds:
        raise IncompleteError(f"{where}.type must list {kind}")
