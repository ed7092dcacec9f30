"""The tables of a district and what each must hold.

An entity table has one row an entity and a unified code; a fact table has rows that are no entities (a trip, a
datastream, an earlier state). Which columns hold the code of another entity, and what that means, is said here once:
the graph of the district is read from it.
"""

from twin_sandbox.entities.schema import drainage, ground, heat, history, people, place, power, things, water
from twin_sandbox.entities.schema.table import COMMON, Facts, Table

_PARTS = (ground, drainage, place, people, water, heat, power, things, history)

TABLES: dict[str, Table] = {name: table for part in _PARTS for name, table in part.TABLES.items()}
FACTS: dict[str, Facts] = {name: facts for part in _PARTS for name, facts in part.FACTS.items()}

__all__ = ["COMMON", "FACTS", "TABLES", "Facts", "Table"]
