"""The issuance log: one line a certificate, appended, each line bound to the one before by its hash.

A line that is changed, removed or put in between is noticed when the log is next read. A cut at the
log's end is not: whoever must exclude that keeps the last ``digest`` elsewhere.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.errors import GraderError

_START = "0" * 64


@dataclass(frozen=True)
class Issue:
    """One issued certificate, as the log keeps it.

    Args:
        number: 1, 2, 3 …
        time: moment of issue, ISO 8601 with its zone.
        credential: the certificate's id.
        student: roster account.
        competency: id in the framework.
        issuer: DID of the issuer.
        sha256: of the certificate's file.
        previous: digest of the line before; zeros for the first.
    """

    number: int
    time: str
    credential: str
    student: str
    competency: str
    issuer: str
    sha256: str
    previous: str

    @property
    def digest(self) -> str:
        """SHA-256 over this line's content."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("utf-8")).hexdigest()


class IssuanceLog:
    """An open log; get one from :func:`issuance_log`, which lets one writer in at a time."""

    def __init__(self, path: Path, issues: list[Issue]) -> None:
        self._path, self.issues = path, issues

    def find(self, student: str, competency: str) -> Issue | None:
        """The certificate that this student holds for this competency, the latest if several."""
        found = [issue for issue in self.issues if (issue.student, issue.competency) == (student, competency)]
        return found[-1] if found else None

    def append(self, *, time: str, credential: str, student: str, competency: str, issuer: str, sha256: str) -> Issue:
        """Add a line; it is on the disk when this returns.

        Raises:
            GraderError: the line cannot be written.
        """
        previous = self.issues[-1].digest if self.issues else _START
        issue = Issue(len(self.issues) + 1, time, credential, student, competency, issuer, sha256, previous)
        line = json.dumps({**asdict(issue), "digest": issue.digest}) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise GraderError(
                str(self._path), f"cannot be written: {error.strerror}", then="Make room, then run it again."
            ) from error
        self.issues.append(issue)
        return issue


@contextmanager
def issuance_log(path: Path) -> Iterator[IssuanceLog]:
    """The log at ``path``, checked from its first line to its last; made if it is not there.

    Raises:
        GraderError: somebody changed it, or it cannot be read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise GraderError(str(path), f"cannot be opened: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            # A line without its end was never finished (power cut, full disk): no certificate hangs on it.
            file.truncate(len(whole))
        yield IssuanceLog(path, _read(path, whole))


def _read(path: Path, content: bytes) -> list[Issue]:
    issues: list[Issue] = []
    previous = _START
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = json.loads(line)
            digest = entry.pop("digest")
            issue = Issue(**entry)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _broken(path, number) from error
        if (issue.number, issue.previous, issue.digest) != (number, previous, digest):
            raise _broken(path, number)
        issues.append(issue)
        previous = digest
    return issues


def _broken(path: Path, number: int) -> GraderError:
    return GraderError(
        f"{path}, line {number}",
        "does not follow from the line before: the log was changed",
        then="Restore it from a backup; nothing is issued until then.",
    )
