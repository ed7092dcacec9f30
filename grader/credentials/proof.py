"""Embedded proofs of the cryptosuite ``eddsa-rdfc-2022``.

Source: Data Integrity EdDSA Cryptosuites v1.0 (W3C Recommendation, 15 May 2025), section 3.2.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grader.credentials.canonical import canonical_form, refuse_unsound
from grader.credentials.multikey import from_multibase, to_multibase

_OPTIONS = ("type", "cryptosuite", "created", "verificationMethod", "proofPurpose")


def sign(
    document: Mapping[str, Any], key: Ed25519PrivateKey, *, verification_method: str, created: datetime
) -> dict[str, Any]:
    """The document with its proof, an array of one.

    Args:
        document: the credential without a proof.
        key: the issuer's signing key.
        verification_method: where the issuer names the key, ``<issuer id>#<multikey>``.
        created: when, with its time zone.

    Raises:
        UnsoundError: the signature would not hold every word of the document.
    """
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    refuse_unsound(document)
    refuse_unsound({"@context": document["@context"], **options})
    value = to_multibase(key.sign(hash_data(document, options)))
    return {**document, "proof": [{**options, "proofValue": value}]}


def is_signed_by(
    document: Mapping[str, Any],
    proof: Mapping[str, Any],
    key: Ed25519PublicKey,
    contexts: Mapping[str, Any] | None = None,
) -> bool:
    """Whether ``proof`` is that key's signature over ``document`` (without its proof).

    Raises:
        UnsoundError: the document has no canonical form.
    """
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    try:
        key.verify(from_multibase(proof["proofValue"]), hash_data(document, options, contexts))
    except (InvalidSignature, ValueError) as error:
        # An UnsoundError is a ValueError that the reader must hear of.
        if type(error) not in (InvalidSignature, ValueError):
            raise
        return False
    return True


def hash_data(
    document: Mapping[str, Any], options: Mapping[str, Any], contexts: Mapping[str, Any] | None = None
) -> bytes:
    """The 64 bytes that are signed: SHA-256 of the options' canonical form, then of the document's."""
    configuration = {"@context": document["@context"], **options}
    return b"".join(
        hashlib.sha256(canonical_form(part, contexts).encode("utf-8")).digest() for part in (configuration, document)
    )


def is_complete(proof: object) -> bool:
    """Whether ``proof`` has the form that :func:`sign` gives it: these members, texts, and no other."""
    return (
        isinstance(proof, dict)
        and set(proof) == {*_OPTIONS, "proofValue"}
        and all(isinstance(value, str) for value in proof.values())
        and proof["type"] == "DataIntegrityProof"
        and proof["cryptosuite"] == "eddsa-rdfc-2022"
        and proof["proofPurpose"] == "assertionMethod"
    )
