"""Ed25519 public keys as text: multibase base58btc, Multikey, did:key.

Sources: Controlled Identifiers 1.0, section 2.2.2 (Multikey) and 2.4 (multibase); the did:key method 0.9.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUBLIC = b"\xed\x01"
_LONGEST = 256


def to_multibase(content: bytes) -> str:
    """Bytes as multibase base58btc: ``z`` and the digits, each leading zero byte a ``1``."""
    number, digits = int.from_bytes(content, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    zeros = len(content) - len(content.lstrip(b"\0"))
    return "z" + "1" * zeros + digits


def from_multibase(text: str) -> bytes:
    """The bytes that a multibase base58btc text stands for.

    Raises:
        ValueError: it is not one, or longer than any key or signature.
    """
    if not text.startswith("z") or len(text) > _LONGEST:
        raise ValueError("not multibase base58btc")
    number = 0
    for digit in text[1:]:
        number = number * 58 + _ALPHABET.index(digit)
    zeros = len(text) - 1 - len(text[1:].lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def to_multikey(key: Ed25519PublicKey) -> str:
    """A public key as Multikey text (``z6Mk…``)."""
    return to_multibase(_ED25519_PUBLIC + key.public_bytes_raw())


def from_multikey(text: str) -> Ed25519PublicKey:
    """The public key that a Multikey text stands for.

    Raises:
        ValueError: it is no Ed25519 Multikey, or not the one way of writing it.
    """
    content = from_multibase(text)
    if not content.startswith(_ED25519_PUBLIC) or len(content) != 34 or to_multibase(content) != text:
        raise ValueError("not an Ed25519 Multikey")
    return Ed25519PublicKey.from_public_bytes(content[2:])


def did_key(multikey: str) -> str:
    """The did:key identifier of a Multikey."""
    return f"did:key:{multikey}"


def verification_method(did: str, multikey: str) -> str:
    """Where an issuer's key is named: ``<issuer id>#<multikey>``."""
    return f"{did}#{multikey}"


def did_document(did: str, multikeys: tuple[str, ...]) -> dict[str, object]:
    """The DID document that binds keys to an issuer, for signing certificates (``assertionMethod``)."""
    methods = [
        {
            "id": verification_method(did, multikey),
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": multikey,
        }
        for multikey in multikeys
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }
