"""Well-known binary geometry, walked before a C parser sees it."""

import struct

from grader.isolation.kinds import MAX_NODES, Damaged

_MAX_NESTING = 4
_Z, _M, _SRID = 0x80000000, 0x40000000, 0x20000000
_POINT, _LINE, _POLYGON, _LAST_COLLECTION = 1, 2, 3, 7


def check_wkb(data: bytes) -> int:
    """Refuse what is not one well-formed geometry of modest nesting (ISO 13249-3 and PostGIS's EWKB).

    Returns:
        How many geometries and rings it consists of.

    Raises:
        Damaged: a count, type or length does not fit the bytes, or there are too many parts.
    """
    walk = _Walk(data)
    try:
        end = walk.geometry(0, 0)
    except struct.error:
        raise Damaged("geometry cut short") from None
    if end != len(data):
        raise Damaged("geometry with bytes left over")
    return walk.parts


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.parts = 0

    def geometry(self, at: int, nesting: int) -> int:
        data = self._data
        if nesting > _MAX_NESTING:
            raise Damaged("geometry nested too deeply")
        if at >= len(data) or data[at] not in {0, 1}:
            raise Damaged("geometry byte order")
        order = "<" if data[at] else ">"
        (word,) = struct.unpack_from(f"{order}I", data, at + 1)
        at += 9 if word & _SRID else 5
        thousands, kind = divmod(word & ~(_Z | _M | _SRID), 1000)
        if thousands > 3 or not _POINT <= kind <= _LAST_COLLECTION:
            raise Damaged("geometry type")
        has_z = bool(word & _Z) or thousands in {1, 3}
        has_m = bool(word & _M) or thousands in {2, 3}
        position_bytes = 8 * (2 + has_z + has_m)
        self._add(1)
        if kind == _POINT:
            return self._fits(at, 1, position_bytes)
        (count,) = struct.unpack_from(f"{order}I", data, at)
        at += 4
        if kind == _LINE:
            return self._fits(at, count, position_bytes)
        self._fits(at, count, 4)
        for _ in range(count):
            if kind == _POLYGON:
                self._add(1)
                (positions,) = struct.unpack_from(f"{order}I", data, at)
                at = self._fits(at + 4, positions, position_bytes)
            else:
                at = self.geometry(at, nesting + 1)
        return at

    def _add(self, parts: int) -> None:
        self.parts += parts
        if self.parts > MAX_NODES:
            raise Damaged("geometry of too many parts")

    def _fits(self, at: int, count: int, size: int) -> int:
        end = at + count * size
        if end > len(self._data):
            raise Damaged("geometry longer than its bytes")
        return end
