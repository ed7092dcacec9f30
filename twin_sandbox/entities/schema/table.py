"""What a table is."""

from collections.abc import Mapping
from typing import NamedTuple

COMMON = ("entity_class", "kind", "name_en", "name_zh", "valid_from", "valid_to", "geometry")
"""Columns of every entity table; valid_to is "" for what still stands."""


class Table(NamedTuple):
    """A table of entities: class letter and kind of its codes, geometry type, columns beyond the common ones.

    ``relations`` maps a column that holds another entity's code ("" for none) to the predicate that it states of the
    row's entity, e.g. ``{"street_code": "lies_on"}``. In a network table (``from_code``, ``to_code``) the direction is
    that of the ordinary flow.
    """

    letter: str
    kind: str
    geometry: str
    columns: tuple[str, ...]
    relations: Mapping[str, str] = {}


class Facts(NamedTuple):
    """A table of facts about entities; ``relations`` as in `Table`."""

    columns: tuple[str, ...]
    relations: Mapping[str, str] = {}
