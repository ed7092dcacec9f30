"""A course's secrets in one file under a passphrase: what must outlive the machine, and its way back.

The file holds the keys, the roster and the course's facts, and the commitments of the bundles that were out by then:
encrypted with AES-256-GCM under a key from scrypt (RFC 7914). Realities and bundles are derived again from it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from grader.cohort import custody, durable
from grader.cohort.course import Course, open_course
from grader.errors import GraderError

_MAGIC = b"practicum-backup-1\n"
_SALT, _NONCE = 16, 12
_N, _R, _P = 1 << 15, 8, 1  # 32 MiB and a tenth of a second a guess
LEAST_CHARACTERS = 12
_FILES = ("course.toml", "roster.csv", "nbgrader_config.py", "keys/course.key", "keys/journal.key")


def back_up(course: Course, path: Path, passphrase: str) -> int:
    """Write the backup, readable for its owner alone; gives the number of commitments in it.

    Raises:
        GraderError: the file exists already, the passphrase is short, or the folder cannot be written.
    """
    if path.exists():
        raise GraderError(str(path), "exists already", then="Name a new file; a backup is never written over.")
    if len(passphrase) < LEAST_CHARACTERS:
        raise GraderError("passphrase", "is short", f"At least {LEAST_CHARACTERS} characters, e.g. five words.")
    promises = {
        f"{student.id}/{lab_id}": custody.commitment(course.bundle(student.id, lab_id))
        for student in course.students()
        for lab_id in course.released()
        if custody.is_prepared(course, student, lab_id)
    }
    content = {"files": {name: _text(course.root / name) for name in _FILES}, "commitments": promises}
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, json.dumps(content).encode(), _MAGIC)
    durable.write(path, _MAGIC + salt + nonce + sealed, 0o600)
    return len(promises)


def restore(path: Path, root: Path, passphrase: str) -> tuple[Course, Mapping[str, str]]:
    """Make a course's folder from its backup, or bring lost files of one back; nothing that is there is changed.

    Gives the course and its commitments, by ``student/lab``. Labs are released and bundles derived afterwards as for
    a new course: the same key gives the same realities.

    Raises:
        GraderError: the file is no backup, the passphrase is another, or the folder holds another course's files.
    """
    content = _open(path, passphrase)
    files = content["files"]
    for name in ("course.toml", "keys/course.key", "keys/journal.key"):
        there = root / name
        if there.is_file() and there.read_bytes() != files[name].encode():
            then = "Choose a new folder; a course is never written over."
            raise GraderError(str(there), "is there already and differs from the backup", then=then)
    durable.make_folder(root, 0o700)
    for folder in ("source", "release", "submitted", "autograded", "feedback", "labs", "exchange"):
        durable.make_folder(root / folder)
    for folder in ("keys", "truth", "bundles", "journal"):
        durable.make_folder(root / folder, 0o700)
    for name, text in files.items():
        if not (root / name).exists():
            durable.write(root / name, text.encode(), 0o600 if name.startswith("keys/") else 0o644)
    return open_course(root), content["commitments"]


def kept(course: Course, commitments: Mapping[str, str]) -> tuple[int, list[str]]:
    """How many bundles of a course keep the backed-up commitments, and which break them."""
    found = {
        name: custody.commitment(folder)
        for name in commitments
        if (folder := course.bundle(*name.split("/", 1))).is_dir()
    }
    return len(found), [name for name, promise in found.items() if promise != commitments[name]]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GraderError(str(path), f"cannot be read: {error}") from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())


def _open(path: Path, passphrase: str) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GraderError(str(path), f"cannot be read: {error.strerror}") from error
    body = data.removeprefix(_MAGIC)
    if body == data or len(body) < _SALT + _NONCE:
        raise GraderError(str(path), "is no backup of a course", "A file that practicum cohort backup wrote.")
    salt, nonce, sealed = body[:_SALT], body[_SALT : _SALT + _NONCE], body[_SALT + _NONCE :]
    try:
        content: dict[str, Any] = json.loads(AESGCM(_key(passphrase, salt)).decrypt(nonce, sealed, _MAGIC))
    except InvalidTag:
        raise GraderError(str(path), "does not open", "The passphrase it was made with; the file as it was.") from None
    return content
