"""Is a certificate genuine? Five lines, each with its own verdict, from a file and a trust pack alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from grader.credentials.canonical import UnsoundError, refuse_malformed, refuse_uncovered
from grader.credentials.identity import belongs_to
from grader.credentials.openbadge import IncompleteError, moment, refuse_incomplete
from grader.credentials.proof import is_complete, is_signed_by
from grader.credentials.reading import UnreadableError, read_json
from grader.credentials.trust import TrustPack

Verdict = Literal["pass", "fail", "warning", "unknown"]
LINES = ("untampered", "issuer_known", "in_date", "not_revoked", "belongs_to_person")
_TITLES = ("untampered", "issuer known", "in date", "not revoked", "belongs to this person")

# A certificate checked the minute it was issued, on a machine whose clock is a little late, is in date.
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Line:
    """One of the five questions, its verdict and the reason in words."""

    name: str
    verdict: Verdict
    says: str

    @property
    def title(self) -> str:
        """The question, for people."""
        return _TITLES[LINES.index(self.name)]


@dataclass(frozen=True)
class Verification:
    """The five lines about one certificate.

    Args:
        lines: in the order of :data:`LINES`.
        certificate: what it says, only where it is untampered and its issuer known; else empty.
    """

    lines: tuple[Line, ...]
    certificate: dict[str, Any]

    @property
    def valid(self) -> bool:
        """Untampered, by a known issuer and in date, and neither revoked nor another person's."""
        must, must_not = self.lines[:3], self.lines[3:]
        return all(line.verdict == "pass" for line in must) and all(line.verdict != "fail" for line in must_not)

    def as_json(self) -> dict[str, object]:
        """``valid``, one verdict a line under the line's name, and the words."""
        verdicts = {line.name: line.verdict for line in self.lines}
        return {"valid": self.valid, **verdicts, "lines": [dict(vars(line)) for line in self.lines]}


def verify(content: bytes, pack: TrustPack, *, now: datetime, person: str = "") -> Verification:
    """Judge a certificate.

    Args:
        content: the file's bytes, as anyone may have written them.
        pack: whom the reader trusts.
        now: the present moment, with its time zone.
        person: an e-mail address or roster account that it should belong to; empty if not asked.
    """
    try:
        document = read_json(content)
        refuse_malformed(document)
        refuse_incomplete({name: value for name, value in document.items() if name != "proof"})
    except (UnreadableError, UnsoundError, IncompleteError) as error:
        return _stopped(f"not a certificate: {error}")
    issuer_id = document["issuer"]["id"]
    issuer = pack.issuers.get(issuer_id)
    if issuer is None:
        known = Line("issuer_known", "warning", f"nobody in this trust pack is {issuer_id[:100]}")
        judged = Line("untampered", "unknown", "cannot be judged: the trust pack holds no key of its issuer")
    else:
        marked = " (issues samples only)" if issuer.sample else ""
        known = Line("issuer_known", "pass", f"{issuer.name}{marked}")
        judged = _untampered(document, pack)
    genuine = judged.verdict == "pass"
    lines: tuple[Line, ...] = (
        judged,
        known,
        _in_date(document, now),
        _not_revoked(document),
        _belongs(document, person),
    )
    if not genuine:
        # What such a document says of dates and persons is nobody's word.
        why = "not judged: it was changed" if judged.verdict == "fail" else "not judged: nobody here vouches for it"
        lines = (judged, known, *(Line(name, "unknown", why) for name in LINES[2:]))
    return Verification(lines, document if genuine else {})


def _untampered(document: Mapping[str, Any], pack: TrustPack) -> Line:
    proofs = document.get("proof")
    if proofs is None:
        return _tampered("it bears no signature")
    if not isinstance(proofs, list) or len(proofs) != 1 or not is_complete(proofs[0]):
        return _tampered("its proof is not one eddsa-rdfc-2022 signature for assertion")
    proof = proofs[0]
    key = pack.key(document["issuer"]["id"], proof["verificationMethod"])
    if key is None:
        return _tampered("it is signed with a key that is not its issuer's")
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    try:
        moment(proof["created"], "proof.created")
        if not is_signed_by(unsigned, proof, key):
            return _tampered("the signature does not fit: something was changed after signing")
        refuse_uncovered(unsigned)
    except ValueError as error:
        return _tampered(str(error))
    return Line("untampered", "pass", "every word is as it was signed")


def _in_date(document: Mapping[str, Any], now: datetime) -> Line:
    start = moment(document["validFrom"], "validFrom")
    if now < start - _CLOCKS_DIFFER:
        return Line("in_date", "fail", f"valid only from {start:%Y-%m-%d %H:%M %Z}")
    if "validUntil" not in document:
        return Line("in_date", "pass", f"valid since {start:%Y-%m-%d}, without an end")
    end = moment(document["validUntil"], "validUntil")
    if now > end:
        return Line("in_date", "fail", f"expired on {end:%Y-%m-%d}")
    return Line("in_date", "pass", f"valid from {start:%Y-%m-%d} until {end:%Y-%m-%d}")


def _not_revoked(document: Mapping[str, Any]) -> Line:
    listed = "credentialStatus" in document
    says = "this version reads no status list, and it names one: ask the issuer" if listed else "no status list yet"
    return Line("not_revoked", "unknown", says)


def _belongs(document: Mapping[str, Any], person: str) -> Line:
    name = "belongs_to_person"
    entries = document["credentialSubject"].get("identifier", [])
    if not person:
        return Line(name, "unknown", "not asked: give --person with an e-mail address or account")
    if isinstance(entries, list) and belongs_to(entries, person):
        return Line(name, "pass", f"its hash fits {person}")
    return Line(name, "fail", f"no identity in it is {person}")


def _tampered(why: str) -> Line:
    return Line("untampered", "fail", why)


def _stopped(why: str) -> Verification:
    rest = tuple(Line(name, "unknown", "not judged") for name in LINES[1:])
    return Verification((_tampered(why), *rest), {})
