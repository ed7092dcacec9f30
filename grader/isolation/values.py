"""Values as they cross a process boundary: a JSON tree and raw buffers, never pickle.

What crosses: None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, dates
and times, numpy arrays, pandas tables, columns, indexes and timestamps, shapely geometries and GeoDataFrames
(their CRS as an EPSG number). What arrives is rebuilt as exactly those types: a subclass arrives as the plain
type it extends, a numpy scalar as a Python number, so nothing that a student defined takes part in a
comparison. A thing without a value arrives as :class:`Opaque` inside a container, and is refused alone.

Each side trusts nothing of the other: depth, number of nodes, sizes, shapes and dtypes are checked before
anything is built.
"""

import json
import struct

from grader.isolation import json_text
from grader.isolation.decoding import decode
from grader.isolation.encoding import encode
from grader.isolation.kinds import MAX_BLOBS, MAX_BYTES, MAX_NODES, Damaged, NoValue, Opaque

__all__ = ["Damaged", "NoValue", "Opaque", "copy", "decode", "encode", "pack", "unpack"]


def pack(value: object) -> bytes:
    """``value`` as bytes for a pipe.

    Raises:
        NoValue: it has none, or a too large one.
    """
    tree, blobs = encode(value)
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode("ascii")
    packed = b"".join(
        [struct.pack(f"!II{len(blobs)}I", len(text), len(blobs), *map(len, blobs)), text, *blobs],
    )
    if len(packed) > MAX_BYTES:
        raise NoValue("too large")
    return packed


def unpack(packed: bytes) -> object:
    """The value that :func:`pack` made into these bytes.

    Raises:
        Damaged: no value is packed so.
    """
    tree, blobs = _parts(packed)
    return decode(tree, blobs)


def copy(value: object) -> object:
    """``value`` as the other side of a pipe would get it.

    Raises:
        NoValue: it has none.
    """
    return unpack(pack(value))


def _parts(packed: bytes) -> tuple[object, list[bytes]]:
    if len(packed) > MAX_BYTES:
        raise Damaged("too large")
    try:
        text_length, count = struct.unpack_from("!II", packed)
        if count > MAX_BLOBS:
            raise Damaged("too many buffers")
        lengths = struct.unpack_from(f"!{count}I", packed, 8)
    except struct.error:
        raise Damaged("cut short") from None
    start = 8 + 4 * count
    if start + text_length + sum(lengths) != len(packed):
        raise Damaged("lengths do not add up")
    try:
        tree = json_text.load(packed[start : start + text_length], 5 * MAX_NODES)
    except (ValueError, RecursionError):
        raise Damaged("not a tree") from None
    start += text_length
    blobs = []
    for length in lengths:
        blobs.append(packed[start : start + length])
        start += length
    return tree, blobs
