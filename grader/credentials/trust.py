"""The trust pack: a folder by which anyone verifies certificates offline.

    trust.json      format, issuers with their names, contexts with their hashes
    issuers/        one DID document an issuer: the keys that may sign in its name
    contexts/       the JSON-LD contexts, for verifiers of any make

Whoever pins the pack's fingerprint, got by another way than the pack, trusts exactly these issuers.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from grader.cohort import durable
from grader.credentials.contexts import CONTEXTS, content
from grader.credentials.multikey import did_document, from_multikey, verification_method
from grader.credentials.reading import UnreadableError, read_json
from grader.errors import GraderError

FORMAT = "practicum-trust-pack/1"
_LISTED = re.compile(r"(issuers|contexts)/[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Issuer:
    """An issuer as a trust pack vouches for it.

    Args:
        id: its DID.
        name: what verifiers show.
        multikeys: the keys that may sign certificates in its name; rotation adds one and keeps the old.
        sample: it issues samples only.
    """

    id: str
    name: str
    multikeys: tuple[str, ...]
    sample: bool = False


@dataclass(frozen=True)
class TrustPack:
    """A trust pack as read: issuers by id, and its fingerprint."""

    issuers: dict[str, Issuer]
    fingerprint: str

    def key(self, issuer_id: str, method: str) -> Ed25519PublicKey | None:
        """The issuer's key that ``method`` names, if the pack binds it to that issuer."""
        for multikey in self.issuers[issuer_id].multikeys:
            if method == verification_method(issuer_id, multikey):
                return from_multikey(multikey)
        return None


def write_trust_pack(folder: Path, issuers: Sequence[Issuer]) -> str:
    """Write the pack afresh; issuers that it holds already are kept, their keys too.

    Returns:
        Its fingerprint, for pinning.

    Raises:
        GraderError: the folder holds a damaged pack, or cannot be written.
    """
    known = dict(read_trust_pack(folder).issuers) if (folder / "trust.json").exists() else {}
    for issuer in issuers:
        old = known[issuer.id].multikeys if issuer.id in known else ()
        keys = tuple(dict.fromkeys((*old, *issuer.multikeys)))
        known[issuer.id] = Issuer(issuer.id, issuer.name, keys, issuer.sample)
    entries = [_write_issuer(folder, issuer) for issuer in sorted(known.values(), key=lambda one: one.id)]
    for context in CONTEXTS:
        durable.write(folder / "contexts" / context.file, content(context))
    contexts = [{"url": one.url, "file": f"contexts/{one.file}", "sha256": one.sha256} for one in CONTEXTS]
    durable.write(folder / "trust.json", _json({"format": FORMAT, "issuers": entries, "contexts": contexts}))
    return read_trust_pack(folder).fingerprint


def read_trust_pack(folder: Path, pin: str = "") -> TrustPack:
    """The pack in ``folder``, every file of it checked.

    Args:
        folder: what the issuer hands out.
        pin: the fingerprint it must have; any if empty.

    Raises:
        GraderError: no pack, a damaged one, of another format, or not the pinned one.
    """
    index = _read(folder / "trust.json")
    if index.get("format") != FORMAT:
        raise GraderError(
            f"{folder / 'trust.json'}, format", repr(index.get("format"))[:80], f"This version reads {FORMAT}."
        )
    try:
        issuers = {issuer.id: issuer for issuer in (_read_issuer(folder, entry) for entry in index["issuers"])}
        for entry in index["contexts"]:
            _refuse_changed(folder, entry)
        names = [str(entry["did_document"]) for entry in index["issuers"]]
        names += [str(entry["file"]) for entry in index["contexts"]]
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(folder / "trust.json", str(error)) from error
    print_ = _fingerprint(folder, names)
    if pin and pin.replace(":", "").lower() != print_:
        raise GraderError(
            f"trust pack {folder}",
            f"has the fingerprint {print_}",
            f"Pinned is {pin}.",
            "Somebody changed the pack, or it is another issuer's: get it from the issuer again.",
        )
    return TrustPack(issuers, print_)


def fingerprint(folder: Path) -> str:
    """SHA-256, hexadecimal, over the names and hashes of the pack's files in order of their names."""
    return read_trust_pack(folder).fingerprint


def _fingerprint(folder: Path, names: Sequence[str]) -> str:
    lines = [f"{hashlib.sha256(_bytes(folder, name)).hexdigest()}  {name}\n" for name in sorted({*names, "trust.json"})]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def _write_issuer(folder: Path, issuer: Issuer) -> dict[str, Any]:
    name = f"issuers/{hashlib.sha256(issuer.id.encode('utf-8')).hexdigest()[:16]}.json"
    durable.write(folder / name, _json(did_document(issuer.id, issuer.multikeys)))
    return {"id": issuer.id, "name": issuer.name, "sample": issuer.sample, "did_document": name}


def _read_issuer(folder: Path, entry: dict[str, Any]) -> Issuer:
    document = _document(folder, str(entry["did_document"]))
    did, name = entry["id"], entry["name"]
    if document["id"] != did or not isinstance(name, str) or not name:
        raise ValueError("an issuer's entry and its DID document differ")
    methods = {method["id"]: method for method in document["verificationMethod"]}
    multikeys = tuple(methods[method]["publicKeyMultibase"] for method in document["assertionMethod"])
    for multikey in multikeys:
        from_multikey(multikey)
    if did_document(did, multikeys) != document:
        raise ValueError("an issuer's DID document is not of the form that this version reads")
    if did.startswith("did:key:") and did != f"did:key:{multikeys[0]}":
        raise ValueError("an issuer's did:key is not the identifier of its key")
    return Issuer(did, name, multikeys, bool(entry.get("sample")))


def _refuse_changed(folder: Path, entry: dict[str, Any]) -> None:
    pinned = {context.url: context.sha256 for context in CONTEXTS}
    digest = hashlib.sha256(_bytes(folder, str(entry["file"]))).hexdigest()
    if digest != entry["sha256"] or digest != pinned.get(entry["url"]):
        raise ValueError(f"{entry['file']} is not the context it says")


def _document(folder: Path, name: str) -> dict[str, Any]:
    return _read(folder / _listed(name))


def _bytes(folder: Path, name: str) -> bytes:
    return (folder / (name if name == "trust.json" else _listed(name))).read_bytes()


def _listed(name: str) -> str:
    """A name within the pack: an index that names other files of the machine is refused."""
    if not _LISTED.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no file of a trust pack")
    return name


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path.read_bytes())
    except FileNotFoundError as error:
        raise GraderError(
            str(path), "not found", "A trust pack holds trust.json, issuers/ and contexts/.", "Get it from the issuer."
        ) from error
    except OSError as error:
        raise GraderError(str(path), f"cannot be read: {error.strerror}") from error
    except UnreadableError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> GraderError:
    return GraderError(str(path), f"the trust pack is damaged: {why}", then="Get it from the issuer again.")


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
