"""The JSON-LD contexts that a credential may name: two documents, pinned by hash, never fetched.

The files are installed data of openbadgeslib (the package's code plays no part here). The first pin
is the digest that W3C prints for the base context in Verifiable Credentials Data Model 2.0, appendix B.1.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader.errors import GraderError


@dataclass(frozen=True)
class Context:
    """One pinned context.

    Args:
        url: as credentials name it.
        file: its name among the installed data, and in a trust pack.
        sha256: of the file's bytes, hexadecimal.
    """

    url: str
    file: str
    sha256: str


VERIFIABLE_CREDENTIALS = Context(
    "https://www.w3.org/ns/credentials/v2",
    "credentials-v2.json",
    "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
)
OPEN_BADGES = Context(
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "ob-v3p0-context-3.0.3.json",
    "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
)
CONTEXTS = (VERIFIABLE_CREDENTIALS, OPEN_BADGES)
"""In the order in which a credential names them."""


@cache
def content(context: Context) -> bytes:
    """The context's bytes, as installed.

    Raises:
        GraderError: the file is missing or is not the pinned one.
    """
    path = _installed(context)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise GraderError(str(path), "cannot be read", then="Install the practicum again.") from error
    if hashlib.sha256(text).hexdigest() != context.sha256:
        raise GraderError(
            str(path),
            "is not the pinned context",
            f"Its SHA-256 must be {context.sha256}.",
            "Install the versions in requirements.lock.",
        )
    return text


@cache
def pinned_documents() -> dict[str, Any]:
    """Every pinned context by its address, parsed."""
    return {context.url: json.loads(content(context)) for context in CONTEXTS}


def _installed(context: Context) -> Path:
    package = find_spec("openbadgeslib")
    if package is None or package.origin is None:
        raise GraderError("openbadgeslib", "is not installed", then="Install the practicum again.")
    return Path(package.origin).parent / "ob3" / "contexts" / context.file
