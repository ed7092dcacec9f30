"""What a district holds: unified codes, tables, terrain; read from a built folder."""

from twin_sandbox.entities.district import District, read_district
from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.entities.terrain import LAND_COVER, Terrain

__all__ = ["FACTS", "LAND_COVER", "TABLES", "District", "Terrain", "read_district"]
