"""What stands in streets, on quays and on the beach; blocks."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {}

FACTS: dict[str, Facts] = {}
