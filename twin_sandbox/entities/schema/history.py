"""Earlier states of entities."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {}

FACTS: dict[str, Facts] = {}
