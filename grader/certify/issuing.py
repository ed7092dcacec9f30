"""Issuing certificates to those who meet the cut: once each, logged, with the trust pack beside them.

<course>/credentials/<student>/<competency>.json    the certificate
<course>/credentials/issued.jsonl                   the log, hash-chained
<course>/trust/                                     the trust pack
<course>/keys/signing.key                           the signing key, encrypted
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.certify.framework import Framework
from grader.certify.rules import Outcome, Submission, judge
from grader.cohort import durable
from grader.credentials.identity import Person
from grader.credentials.issuance import IssuanceLog, issuance_log
from grader.credentials.openbadge import Achievement, Evidence, credential
from grader.credentials.page import certificate_page
from grader.credentials.signing import Signing
from grader.credentials.trust import Issuer, write_trust_pack
from grader.errors import GraderError

_FOLDER_NAME = re.compile(r"\w[\w.@+-]{0,127}")


@dataclass(frozen=True)
class Student:
    """One person and their graded work, by lab id."""

    person: Person
    submissions: Mapping[str, Submission]


@dataclass(frozen=True)
class Decision:
    """What was decided for one person and one competency.

    Args:
        student: roster account.
        outcome: the judgement and its reason.
        file: the certificate; None where none is issued.
        new: issued now, not before.
    """

    student: str
    outcome: Outcome
    file: Path | None
    new: bool

    def as_json(self) -> dict[str, object]:
        """Plain values for ``--json``."""
        return {
            "student": self.student,
            "competency": self.outcome.competency.id,
            "title": self.outcome.competency.title,
            "earned": self.outcome.earned,
            "score": self.outcome.score,
            "max_score": self.outcome.max_score,
            "waits": list(self.outcome.waits),
            "says": self.outcome.says,
            "file": str(self.file) if self.file else None,
            "new": self.new,
        }


@dataclass(frozen=True)
class Issued:
    """What one run of issuing did: every decision, and the trust pack with its fingerprint."""

    decisions: list[Decision]
    trust: Path
    fingerprint: str


def issue_for(
    course: Path,
    students: Iterable[Student],
    framework: Framework,
    *,
    issuer_name: str,
    passphrase: str,
    sample: bool = True,
    now: datetime | None = None,
) -> Issued:
    """Judge every student and issue what is earned and not yet issued.

    Args:
        course: the course's folder.
        students: the roster with its graded work.
        framework: what is certified, and the cuts.
        issuer_name: how the issuer calls itself, in certificates and trust pack.
        passphrase: of the signing key; a new key is made under it where the course has none.
        sample: mark the issuer in the trust pack as one of samples.
        now: moment of issue, with its time zone; the present if not given.

    Raises:
        GraderError: the key does not open, the log was changed, or a file cannot be written.
    """
    moment = now or datetime.now(UTC)
    decisions: list[Decision] = []
    with (
        Signing(course / "keys" / "signing.key", passphrase, create=True) as signing,
        issuance_log(course / "credentials" / "issued.jsonl") as log,
    ):
        issuer = Issuer(signing.did, issuer_name, (signing.multikey,), sample)
        fingerprint = write_trust_pack(course / "trust", [issuer])
        for student in students:
            for outcome in judge(framework, student.submissions):
                file, new = None, False
                if outcome.earned:
                    file, new = _issued(course, student, outcome, framework, signing, issuer_name, log, moment)
                    _show(file)
                decisions.append(Decision(student.person.id, outcome, file, new))
    return Issued(decisions, course / "trust", fingerprint)


def _issued(
    course: Path,
    student: Student,
    outcome: Outcome,
    framework: Framework,
    signing: Signing,
    issuer_name: str,
    log: IssuanceLog,
    moment: datetime,
) -> tuple[Path, bool]:
    competency = outcome.competency
    file = course / "credentials" / _folder_name(student.person.id) / f"{competency.id}.json"
    earlier = log.find(student.person.id, competency.id)
    if earlier is not None:
        return _as_logged(file, earlier.sha256), False
    document = credential(
        _achievement(outcome, framework),
        student.person,
        [
            Evidence(one.sha256, one.commitment, one.grader, one.conduct, one.lab_title)
            for part in competency.evidence
            if (one := student.submissions.get(part.lab)) is not None
        ],
        percent=100 * outcome.share,
        issuer_id=signing.did,
        issuer_name=issuer_name,
        issued=moment,
    )
    content = (json.dumps(signing.sign(document, created=moment), indent=2, ensure_ascii=False) + "\n").encode("utf-8")
    # The file first: a line in the log without its certificate would keep it from ever being issued.
    durable.write(file, content)
    log.append(
        time=moment.isoformat(timespec="seconds"),
        credential=document["id"],
        student=student.person.id,
        competency=competency.id,
        issuer=signing.did,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return file, True


def _show(file: Path) -> None:
    page = certificate_page(json.loads(file.read_bytes()), file.name)
    durable.write(file.with_suffix(".html"), page.encode("utf-8"))


def _achievement(outcome: Outcome, framework: Framework) -> Achievement:
    competency = outcome.competency
    tasks = [f"{part.lab}: {', '.join(part.tasks)}" for part in competency.evidence if part.tasks]
    return Achievement(
        framework=f"{framework.id}/{framework.version}",
        framework_title=framework.title,
        code=competency.code,
        name=competency.title,
        description=(
            f"{competency.statement} Domain {framework.domains[competency.domain].lower()}, "
            f"level {framework.levels[competency.level].lower()}."
        ),
        criteria=(
            f"At least {competency.cut:.0%} of the autograded points of these tasks ({'; '.join(tasks)}), judged "
            f"against a hidden reality of the holder's own. The cut score is {framework.cut_status}. "
            "The essay, where the lab has one, is read by a person and is not part of this certificate."
        ),
        required_percent=100 * competency.cut,
        sample=competency.certificate == "sample",
    )


def _as_logged(file: Path, sha256: str) -> Path:
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise GraderError(
            str(file), "was issued, but is not there", then="Restore it from a backup; it is not issued twice."
        ) from error
    if found != sha256:
        raise GraderError(
            str(file), "is not as it was issued", then="Restore it from a backup; it is not issued twice."
        )
    return file


def _folder_name(student: str) -> str:
    if not _FOLDER_NAME.fullmatch(student):
        raise GraderError(
            f"roster, id {student!r}", "cannot name a folder", "Letters, digits and . _ @ + - (not first), at most 128."
        )
    return student
