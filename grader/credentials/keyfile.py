"""The signing key at rest: PKCS #8 under a passphrase that scrypt makes costly to guess.

PKCS #8 as OpenSSL and `cryptography` write it stretches a passphrase with 2,048 rounds, which a
graphics card undoes. So the passphrase given to it is scrypt's output (RFC 7914, 64 MiB, about 0.2 s).
"""

import base64
import json
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from grader.errors import GraderError

_FORMAT = "practicum-signing-key/1"
_SCRYPT_N = 2**16
SHORTEST_PASSPHRASE = 12


def create_key(path: Path, passphrase: str) -> None:
    """Draw a new Ed25519 key and keep it encrypted in ``path`` (mode 0600); never overwrites one.

    Raises:
        GraderError: there is a key already, the passphrase is too short, or the folder cannot be written.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise GraderError(
            "signing passphrase",
            f"has {len(passphrase)} characters",
            f"At least {SHORTEST_PASSPHRASE}.",
            "Choose a longer one and keep it apart from the course folder.",
        )
    salt = os.urandom(16)
    sealed = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(_stretched(passphrase, salt)),
    )
    entry = {"format": _FORMAT, "scrypt_n": _SCRYPT_N, "salt": salt.hex(), "pkcs8": sealed.decode("ascii")}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entry, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise GraderError(str(path), "there is a signing key already", then="It is used as it is.") from error
    except OSError as error:
        raise GraderError(str(path), f"cannot be written: {error.strerror}") from error


def open_key(content: bytes, passphrase: str) -> Ed25519PrivateKey:
    """The key in a file that :func:`create_key` wrote.

    Raises:
        GraderError: it is no such file, or the passphrase is another one.
    """
    try:
        entry = json.loads(content)
        # Only the cost written here is paid: a planted file cannot ask for more.
        ours = entry["format"] == _FORMAT and entry["scrypt_n"] == _SCRYPT_N
        salt, sealed = bytes.fromhex(entry["salt"]), entry["pkcs8"].encode("ascii")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _foreign() from error
    if not ours:
        raise _foreign()
    try:
        key = serialization.load_pem_private_key(sealed, _stretched(passphrase, salt))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise GraderError(
            "signing key", "does not open with this passphrase", then="Set PRACTICUM_SIGNING_PASSPHRASE and try again."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise GraderError("signing key", "is not an Ed25519 key")
    return key


def _foreign() -> GraderError:
    return GraderError("signing key", "is no key file of this practicum", then="Restore it from a backup.")


def _stretched(passphrase: str, salt: bytes) -> bytes:
    key = Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=8, p=1).derive(passphrase.encode("utf-8"))
    return base64.b64encode(key)
