"""Water supply."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "water_sources": Table("F", "WT", "Point", ("head_m", "chlorine_mg_l", "epanet_id")),
    "water_junctions": Table(
        "F",
        "WJ",
        "Point",
        ("elevation_m", "base_demand_m3s", "leakage_m3s", "zone", "pattern", "epanet_id"),
    ),
    "water_pipes": Table(
        "F",
        "WP",
        "LineString",
        (
            "from_code",
            "to_code",
            "length_m",
            "diameter_m",
            "roughness_hw",
            "depth_m",
            "material",
            "street_code",
            "epanet_id",
        ),
        {"from_code": "from", "to_code": "to", "street_code": "lies_on"},
    ),
    "water_valves": Table(
        "F",
        "WV",
        "Point",
        ("from_code", "to_code", "pipe_code", "junction_code", "diameter_m", "setting_m", "epanet_id"),
        {"from_code": "from", "to_code": "to", "pipe_code": "shuts", "junction_code": "stands_by"},
    ),
    "hydrants": Table(
        "F",
        "WH",
        "Point",
        ("junction_code", "street_code", "diameter_m", "rated_m3s"),
        {"junction_code": "fed_by", "street_code": "lies_on"},
    ),
    "booster_pumps": Table(
        "F",
        "WM",
        "Point",
        (
            "building_code",
            "junction_code",
            "rated_m3s",
            "head_m",
            "power_kw",
            "tank_m3",
            "lowest_storey",
            "highest_storey",
        ),
        {"building_code": "serves", "junction_code": "fed_by"},
    ),
    "water_services": Table(
        "F",
        "WS",
        "LineString",
        (
            "building_code",
            "junction_code",
            "booster_code",
            "storeys",
            "direct_storeys",
            "required_head_m",
            "base_demand_m3s",
            "pattern",
            "length_m",
            "diameter_m",
        ),
        {"building_code": "serves", "junction_code": "fed_by", "booster_code": "boosted_by"},
    ),
}

FACTS: dict[str, Facts] = {
    "water_demands": Facts(("junction_code", "pattern", "base_demand_m3s"), {"junction_code": "drawn_from"}),
    "demand_patterns": Facts(("pattern", "day_type", "hour", "multiplier")),
}
