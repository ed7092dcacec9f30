"""How an engine and its worker process talk: frames of two 4-byte lengths, JSON, and a block of 64-bit floats.

Nothing but the standard library is imported, so that a worker starts in a few hundredths of a second.
"""

import json
import os
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

HEADER = struct.Struct("<II")
"""Length [bytes] of the JSON and of the block of floats that follow."""

Answer = tuple[dict[str, Any], bytes]


class RefusedError(Exception):
    """The library behind the engine gave an error; the text is its own."""


def read_exactly(source: IO[bytes], size: int) -> bytes:
    """The next ``size`` bytes, or fewer at the end."""
    parts = []
    while size:
        part = source.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def frame(said: dict[str, Any], block: bytes = b"") -> bytes:
    """One frame."""
    body = json.dumps(said).encode()
    return HEADER.pack(len(body), len(block)) + body + block


def serve(requests: IO[bytes], answers: IO[bytes], answer: Callable[[dict[str, Any], bytes], Answer]) -> None:
    """Answer requests until there are no more; a refusal is told as ``{"error": …}`` and ends nothing."""
    while len(header := read_exactly(requests, HEADER.size)) == HEADER.size:
        size, more = HEADER.unpack(header)
        request = json.loads(read_exactly(requests, size))
        try:
            said, block = answer(request, read_exactly(requests, more))
        except RefusedError as refused:
            said, block = {"error": str(refused)}, b""
        answers.write(frame(said, block))
        answers.flush()


def serve_standard(answer: Callable[[dict[str, Any], bytes], Answer]) -> None:
    """Serve on standard input and output, and give whatever a library prints to standard error."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(pipe, "wb") as answers:
        serve(sys.stdin.buffer, answers, answer)
