"""District heat."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "heat_sources": Table("F", "HS", "Point", ("rated_kw", "supply_c", "return_c")),
    "heat_nodes": Table("F", "HJ", "Point", ("elevation_m",)),
    "heat_pipes": Table(
        "F",
        "HP",
        "LineString",
        (
            "from_code",
            "to_code",
            "length_m",
            "diameter_m",
            "design_kg_s",
            "insulation_w_mk",
            "depth_m",
            "street_code",
        ),
        {"from_code": "from", "to_code": "to", "street_code": "lies_on"},
    ),
    "heat_substations": Table(
        "F",
        "HX",
        "Point",
        (
            "node_code",
            "rated_kw",
            "primary_supply_c",
            "primary_return_c",
            "secondary_supply_c",
            "secondary_return_c",
            "pump_kw",
        ),
        {"node_code": "fed_by"},
    ),
    "heat_services": Table(
        "F",
        "HV",
        "LineString",
        ("building_code", "substation_code", "floor_area_m2", "design_load_kw", "length_m", "diameter_m"),
        {"building_code": "serves", "substation_code": "fed_by"},
    ),
}

FACTS: dict[str, Facts] = {}
