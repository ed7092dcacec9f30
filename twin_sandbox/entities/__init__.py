"""What a district holds: unified codes, tables, terrain; read from a built folder, asked, checked."""

from twin_sandbox.entities.check import Finding, Place, check_entities, place_of
from twin_sandbox.entities.district import District, read_district
from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.entities.terrain import LAND_COVER, Terrain

__all__ = [
    "FACTS",
    "LAND_COVER",
    "TABLES",
    "District",
    "Finding",
    "Place",
    "Terrain",
    "check_entities",
    "place_of",
    "read_district",
]
