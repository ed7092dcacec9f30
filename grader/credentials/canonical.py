"""The canonical form that a proof signs: JSON-LD to RDF by PyLD, RDFC-1.0 by pyoxigraph, N-Quads.

Also the question that a signer must ask before it signs: does the form hold every word of the
document? A term that no context defines is dropped by JSON-LD without a word, and what is dropped
can be changed by anyone afterwards.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyoxigraph as rdf
from pyld import jsonld

from grader.credentials.contexts import pinned_documents

_ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`\x7f]+")
_ANY_URI = "https://www.w3.org/2001/XMLSchema#anyURI"
_MAX_PARTS = 500

# PyLD resolves what is relative (an undefined type, too) against some base. Ours gives it away.
_RELATIVE = "relative://to.nothing/"

# RDFC-1.0 tries every order of blank nodes that it cannot tell apart: their number is kept small.
_MAX_ANONYMOUS = 40
_MAX_ANONYMOUS_IN_LIST = 6

Steps = tuple[str | int, ...]


class UnsoundError(ValueError):
    """Why a document must be neither signed nor believed, as a sentence for the reader."""


def canonical_form(document: Mapping[str, Any], contexts: Mapping[str, Any] | None = None) -> str:
    """The document's RDF dataset in canonical N-Quads (RDFC-1.0 with SHA-256).

    Args:
        document: JSON-LD without its proof.
        contexts: every context that may be named, by address; the pinned ones if not given.

    Raises:
        UnsoundError: it names another context, is no JSON-LD, or holds an IRI that is not absolute.
    """
    dataset = rdf.Dataset(_quads(document, pinned_documents() if contexts is None else contexts))
    dataset.canonicalize(rdf.CanonicalizationAlgorithm.RDFC_1_0)
    text = rdf.serialize(dataset, format=rdf.RdfFormat.N_QUADS) or b""
    lines = text.decode("utf-8").split("\n")
    # Each quad ends its line; a newline inside a literal is escaped. Code point order, as RDFC-1.0 asks.
    return "".join(f"{line}\n" for line in sorted(line for line in lines if line))


def refuse_unsound(document: Mapping[str, Any]) -> None:
    """Refuse what a signature could not hold in full.

    Raises:
        UnsoundError: a null, an empty list or object, a control character, a fraction, a relative IRI
            or one with a space, a JSON-LD keyword, or any value that the canonical form does not depend on.
    """
    refuse_malformed(document)
    refuse_uncovered(document)


def refuse_malformed(document: Mapping[str, Any]) -> None:
    """The part of :func:`refuse_unsound` that costs nothing: read this before anything is canonicalized.

    Raises:
        UnsoundError: see there.
    """
    parts = list(_walk(document))
    for path, value in parts:
        where = name_of(path)
        if value is None or value in ([], {}):
            raise UnsoundError(f"{where} is empty")
        if isinstance(value, dict):
            for key in value:
                _refuse_key(where, key, top=path == ())
        elif isinstance(value, list):
            _refuse_list(where, value)
        else:
            _refuse_leaf(where, value, is_id=path[-1] == "id")
    anonymous = sum(isinstance(value, dict) and "id" not in value for _, value in parts)
    if anonymous > _MAX_ANONYMOUS or len(parts) > _MAX_PARTS:
        raise UnsoundError("it holds more parts than a certificate has")


def refuse_uncovered(document: Mapping[str, Any]) -> None:
    """Refuse a document in which some value could be changed without changing the canonical form.

    Raises:
        UnsoundError: names the value.
    """
    whole = canonical_form(document)
    for path, value in _walk(document):
        if isinstance(value, dict | list) or path[0] == "@context":
            continue
        changed = copy.deepcopy(dict(document))
        _put(changed, path, _another(value))
        try:
            same = canonical_form(changed) == whole
        except UnsoundError:
            same = False
        if same:
            raise UnsoundError(f"{name_of(path)} is not covered by the signature (no context defines it there)")


def name_of(path: Steps) -> str:
    """A value's place, as a reader writes it: ``credentialSubject.identifier[0].salt``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:60]}" for step in path)
    return text.removeprefix(".") or "the document"


def _quads(document: Mapping[str, Any], contexts: Mapping[str, Any]) -> list[rdf.Quad]:
    def load(url: str, _options: object) -> dict[str, Any]:
        if url not in contexts:
            raise UnsoundError(f"it names the context {url[:120]}, which is not one of those known here")
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": contexts[url]}

    try:
        dataset = jsonld.to_rdf(dict(document), {"documentLoader": load, "base": _RELATIVE})
    except jsonld.JsonLdError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, UnsoundError):
                raise cause from None
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise UnsoundError(f"it is not the JSON-LD of a certificate ({error.code or error.type})") from None
    if set(dataset) - {"@default"}:
        raise UnsoundError("it holds a graph inside its graph")
    try:
        return [_quad(triple) for triple in dataset.get("@default", [])]
    except ValueError as error:
        raise UnsoundError(str(error)) from None


def _quad(triple: Mapping[str, Mapping[str, str]]) -> rdf.Quad:
    subject, predicate, thing = (_term(triple[part]) for part in ("subject", "predicate", "object"))
    return rdf.Quad(subject, predicate, thing)


def _term(term: Mapping[str, str]) -> Any:  # noqa: ANN401 - pyoxigraph's terms share no type
    if term["type"] == "IRI":
        return rdf.NamedNode(_absolute(term["value"]))
    if term["type"] == "blank node":
        return rdf.BlankNode(term["value"].removeprefix("_:"))
    if "language" in term:
        return rdf.Literal(term["value"], language=term["language"])
    if term["datatype"] == _ANY_URI:
        _absolute(term["value"])
    return rdf.Literal(term["value"], datatype=rdf.NamedNode(term["datatype"]))


def _absolute(iri: str) -> str:
    if iri.startswith(_RELATIVE):
        raise UnsoundError(
            f"{iri.removeprefix(_RELATIVE)[:80]!r} is neither an absolute IRI nor a term of the contexts"
        )
    if not _ABSOLUTE_IRI.fullmatch(iri):
        raise UnsoundError(f"{iri[:80]!r} is not an absolute IRI")
    return iri


def _refuse_list(where: str, parts: list[Any]) -> None:
    if any(isinstance(part, list) for part in parts):
        raise UnsoundError(f"{where} holds a list in a list")
    if sum(isinstance(part, dict) and "id" not in part for part in parts) > _MAX_ANONYMOUS_IN_LIST:
        raise UnsoundError(f"{where} lists more than {_MAX_ANONYMOUS_IN_LIST} things without an id")


def _refuse_leaf(where: str, value: object, *, is_id: bool) -> None:
    if isinstance(value, str):
        _refuse_characters(where, value)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > 2**53):
        raise UnsoundError(f"{where} is a number whose digits RDF does not keep; write it as text")
    if is_id and not (isinstance(value, str) and _ABSOLUTE_IRI.fullmatch(value)):
        raise UnsoundError(f"{where} is not an absolute IRI")


def _refuse_characters(where: str, text: str) -> None:
    for character in text:
        if (ord(character) < 32 and character not in "\t\n") or 127 <= ord(character) < 160:
            raise UnsoundError(f"{where} holds the control character U+{ord(character):04X}")
        if 0xD800 <= ord(character) < 0xE000:
            raise UnsoundError(f"{where} holds half a character (U+{ord(character):04X})")


def _refuse_key(where: str, key: str, *, top: bool) -> None:
    _refuse_characters(f"a key of {where}", key)
    # A keyword or a full IRI as key says in RDF what the reader of the JSON does not see.
    if (key.startswith("@") and not (top and key == "@context")) or ":" in key or not key:
        raise UnsoundError(f"{where} has the key {key[:60]!r}, which certificates do not use")


def _walk(value: object, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _walk(part, (*path, key))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _walk(part, (*path, position))


def _put(document: Any, path: Steps, value: object) -> None:  # noqa: ANN401 - JSON
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value


def _another(value: object) -> object:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"
