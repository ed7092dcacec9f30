"""Values that fall onto one hash: a table of a few thousand takes seconds to build, of a million, days."""

from collections.abc import Iterable
from typing import Any

from grader.isolation.kinds import Damaged

_MOST_ALIKE = 64  # honest values hardly ever meet: -1 and -2 do, and x with x * 2**61


def check_spread(values: Iterable[Any]) -> None:
    """Refuse plain values of which many different ones have the same hash, as large integers can be chosen to.

    Raises:
        Damaged: too many do.
    """
    by_hash: dict[int, list[Any]] = {}
    for value in values:
        try:
            alike = by_hash.setdefault(hash(value), [])
        except TypeError:  # a list, a dict: no table takes it as a key
            continue
        if value not in alike:
            alike.append(value)
            if len(alike) > _MOST_ALIKE:
                raise Damaged("one hash for many")
