"""Storm sewers, the pumping station, and foul water that runs into them."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "subcatchments": Table(
        "F",
        "SC",
        "Polygon",
        ("area_m2", "impervious_share", "runoff_coefficient", "slope", "width_m", "outlet", "swmm_id"),
        {"outlet": "drains_to"},
    ),
    "junctions": Table(
        "F",
        "MH",
        "Point",
        ("invert_m", "rim_m", "low_area", "overflow_to", "swmm_id"),
        {"low_area": "lies_in", "overflow_to": "overflows_to"},
    ),
    "conduits": Table(
        "F",
        "PP",
        "LineString",
        (
            "from_code",
            "to_code",
            "length_m",
            "diameter_m",
            "roughness_n",
            "slope",
            "inlet_offset_m",
            "outlet_offset_m",
            "is_trunk",
            "swmm_id",
        ),
        {"from_code": "from", "to_code": "to"},
    ),
    "storages": Table("F", "TK", "Point", ("invert_m", "max_depth_m", "area_m2", "swmm_id")),
    "pumps": Table(
        "F",
        "PM",
        "Point",
        ("from_code", "to_code", "rated_m3s", "start_level_m", "stop_level_m", "power_kw", "swmm_id"),
        {"from_code": "from", "to_code": "to"},
    ),
    "gates": Table(
        "F",
        "GT",
        "Point",
        ("from_code", "to_code", "sill_m", "height_m", "width_m", "swmm_id"),
        {"from_code": "from", "to_code": "to"},
    ),
    "outfalls": Table("F", "OF", "Point", ("invert_m", "tidal", "swmm_id")),
    "wrong_connections": Table(
        "F",
        "WC",
        "LineString",
        (
            "building_code",
            "junction_code",
            "dry_weather_m3s",
            "length_m",
            "diameter_m",
            "inlet_invert_m",
            "outlet_invert_m",
        ),
        {"building_code": "drains", "junction_code": "drains_to"},
    ),
}

FACTS: dict[str, Facts] = {}
