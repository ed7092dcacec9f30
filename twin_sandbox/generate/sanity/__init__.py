"""Whether a built district is sane: every figure with the range that it must keep and where that range comes from.

Everything is computed from the built tables and rasters alone, not from the generator's memory of them.
Clauses of standards are named as far as the project knows them; the data sheet says which were looked up.
"""

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity import drainage, heat, history, people, place, power, things, town, water
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

__all__ = ["RULE", "Value", "check_district", "none_of"]

_PARTS = (town, drainage, place, people, water, heat, power, things, history)


def check_district(district: District) -> list[Value]:
    """All figures: codes, geometry, people and streets first, then layer by layer.

    Raises:
        TwinError: a table or raster cannot be read at all.
    """
    return [value for part in _PARTS for value in part.values(district)]
