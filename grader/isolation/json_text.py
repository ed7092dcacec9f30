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
    weigh(text, most_parts)
    found: object = json.loads(text, parse_constant=_refuse)
    return found


def weigh(text: bytes, most_parts: int, marks: str = "[{,") -> None:
    """Refuse a large ``text`` in which more than ``most_parts`` of ``marks`` stand outside strings.

    Raises:
        ValueError: there are more.
    """
    if len(text) > _SMALL_BYTES:
        bare = _STRINGS.sub(b"", text)
        if sum(bare.count(mark.encode()) for mark in marks) > most_parts:
            raise ValueError("too many parts")


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
