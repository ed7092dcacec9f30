"""JSON that a foreign process wrote, refused before it becomes twenty times its size in memory."""

import json
import re
from typing import NoReturn

_SMALL_BYTES = 1 << 20  # what becomes at most a few tens of MiB
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def load(text: bytes, most_parts: int) -> object:
    """The value of ``text``; numbers that JSON does not know (NaN) are refused.

    Args:
        text: UTF-8.
        most_parts: lists, dicts and separators outside strings that it may have, where it is large.

    Raises:
        ValueError: it is no JSON, or has too many parts. RecursionError: it is nested too deeply.
    """
    if len(text) > _SMALL_BYTES:
        bare = _STRINGS.sub(b"", text)
        if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > most_parts:
            raise ValueError("too many parts")
    found: object = json.loads(text, parse_constant=_refuse)
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
