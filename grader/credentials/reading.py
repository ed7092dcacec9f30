"""Reading JSON that a stranger wrote: bounded in size and depth, each key once, nothing guessed."""

import json
from typing import Any

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16


class UnreadableError(ValueError):
    """Why a document was not read, as a sentence for the reader."""


def read_json(content: bytes) -> dict[str, Any]:
    """The JSON object that ``content`` holds.

    Raises:
        UnreadableError: too large, not UTF-8, not JSON, a key twice, too deep, NaN, or no object.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"it is larger than {MAX_BYTES // 1024} KiB")
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise UnreadableError(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("it holds a number of more digits than are read") from None
    if not isinstance(document, dict):
        raise UnreadableError("it is JSON, but not an object")
    if _depth(document) > MAX_DEPTH:
        raise UnreadableError(f"it is nested deeper than {MAX_DEPTH} levels")
    return document


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableError(f"the key {twice[:60]!r} stands twice in one object")
    return document


def _no_constant(name: str) -> None:
    raise UnreadableError(f"it holds {name}, which is not JSON")


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        inner: list[object] = []
        for part in level:
            if isinstance(part, dict):
                inner.extend(part.values())
            elif isinstance(part, list):
                inner.extend(part)
        level = inner
    return depth
