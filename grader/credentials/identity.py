"""Whose certificate it is: the name in words, the e-mail and the account as salted hashes only.

Open Badges 3.0, IdentityObject: ``identityHash`` is ``sha256$`` and the hexadecimal digest of the
identity's text followed by the salt's text.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """One person on a course's roster.

    Args:
        id: the roster account that hands work in.
        name: as it stands on the certificate.
        email: empty if the roster has none.
        sample: a made-up person of a sample cohort.
    """

    id: str
    name: str
    email: str = ""
    sample: bool = False


def identifiers(person: Person) -> list[dict[str, object]]:
    """The identity entries of a credential's subject, each hash with a salt of its own."""
    entries: list[dict[str, object]] = [
        {"type": "IdentityObject", "hashed": False, "identityHash": person.name, "identityType": "name"}
    ]
    hidden = [("emailAddress", person.email)] if person.email else []
    for kind, identity in [*hidden, ("accountId", person.id)]:
        salt = secrets.token_hex(16)
        entries.append(
            {
                "type": "IdentityObject",
                "hashed": True,
                "identityHash": hashed(identity, salt),
                "identityType": kind,
                "salt": salt,
            }
        )
    return entries


def hashed(identity: str, salt: str) -> str:
    """``sha256$…`` of an e-mail address (letter case does not count) or an account."""
    return f"sha256${hashlib.sha256((_plain(identity) + salt).encode('utf-8')).hexdigest()}"


def belongs_to(entries: Iterable[object], claimed: str) -> bool:
    """Whether one of the salted hashes is that of ``claimed``, an e-mail address or a roster account.

    A name in words never counts: anyone can bear it.
    """
    return any(
        isinstance(entry, dict)
        and entry.get("hashed") is True
        and isinstance(entry.get("salt"), str)
        and secrets.compare_digest(str(entry.get("identityHash")).encode(), hashed(claimed, entry["salt"]).encode())
        for entry in entries
    )


def holder_name(document: Mapping[str, Any]) -> str:
    """The name in words that a credential gives its holder; a phrase where it gives none."""
    for entry in document["credentialSubject"].get("identifier", ()):
        if isinstance(entry, dict) and entry.get("identityType") == "name" and entry.get("hashed") is False:
            return str(entry.get("identityHash"))
    return "a holder it does not name"


def _plain(identity: str) -> str:
    text = unicodedata.normalize("NFC", identity.strip())
    return text.lower() if "@" in text else text
