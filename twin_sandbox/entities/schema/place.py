"""What stands in streets, on quays and on the beach; blocks, roofs, and rooms below the ground."""

from twin_sandbox.entities.schema.table import Facts, Table

_ON_STREET = {"street_code": "lies_on"}
_LINK = {"from_code": "from", "to_code": "to"}

TABLES: dict[str, Table] = {
    "street_nodes": Table("F", "SN", "Point", ("degree", "signalised", "level_m")),
    "lanes": Table(
        "F",
        "LN",
        "LineString",
        (
            "from_code",
            "to_code",
            "street_code",
            "direction",
            "lane_index",
            "offset_m",
            "width_m",
            "allowed",
            "speed_kmh",
            "pavement_index",
        ),
        {**_LINK, **_ON_STREET},
    ),
    "crossings": Table(
        "F",
        "CX",
        "LineString",
        ("street_code", "node_code", "length_m", "width_m", "signalised"),
        {**_ON_STREET, "node_code": "belongs_to"},
    ),
    "signals": Table(
        "F",
        "SG",
        "Point",
        (
            "node_code",
            "controller",
            "phases",
            "cycle_s",
            "main_green_s",
            "side_green_s",
            "left_green_s",
            "pedestrian_green_s",
            "yellow_s",
            "all_red_s",
            "offset_s",
        ),
        {"node_code": "controls"},
    ),
    "parking": Table(
        "F", "PS", "Polygon", ("street_code", "block_code", "spaces"), {**_ON_STREET, "block_code": "lies_in"}
    ),
    "poles": Table("F", "PL", "Point", ("street_code", "height_m", "lamp_w", "multi_use", "carries"), dict(_ON_STREET)),
    "trees": Table(
        "F",
        "TR",
        "Point",
        ("street_code", "park_code", "species", "height_m", "crown_m"),
        {**_ON_STREET, "park_code": "lies_in"},
    ),
    "bus_lines": Table("F", "BL", "LineString", ("line_number", "length_m", "headway_min", "stops")),
    "bus_stops": Table("F", "BS", "Point", ("street_code", "shelter"), dict(_ON_STREET)),
    "blocks": Table(
        "F",
        "BK",
        "Polygon",
        (
            "zone",
            "land_use",
            "area_m2",
            "floor_area_ratio",
            "building_share",
            "green_share",
            "ratio_limit",
            "height_limit_m",
            "green_least_share",
            "setback_m",
        ),
    ),
    "sites": Table("F", "SI", "Polygon", ("block_code", "area_m2", "capacity"), {"block_code": "lies_in"}),
    "services": Table("F", "SV", "Point", ("building_code", "capacity", "capacity_unit"), {"building_code": "lies_in"}),
    "berths": Table("F", "QY", "LineString", ("length_m", "depth_m", "draught_m", "vessel_length_m", "quay_level_m")),
    "cranes": Table("F", "CN", "Point", ("berth_code", "lift_t", "reach_m"), {"berth_code": "serves"}),
    "beaches": Table("F", "BC", "Polygon", ("length_m", "area_m2", "bathers")),
    "underground": Table(
        "F",
        "UG",
        "Polygon",
        ("building_code", "street_code", "top_m", "bottom_m", "entrance_m", "spaces"),
        {"building_code": "below", **_ON_STREET},
    ),
    "tunnel_chambers": Table("F", "CS", "Point", ("ground_m", "invert_m")),
    "utility_tunnels": Table(
        "F",
        "UT",
        "LineString",
        ("from_code", "to_code", "street_code", "length_m", "invert_m", "width_m", "height_m", "carries"),
        {**_LINK, **_ON_STREET},
    ),
    "gas_pipes": Table(
        "F",
        "GP",
        "LineString",
        ("from_code", "to_code", "street_code", "length_m", "diameter_m", "depth_m", "pressure_kpa"),
        {**_LINK, **_ON_STREET},
    ),
    "groundwater_wells": Table("F", "GW", "Point", ("ground_m", "level_m", "well_depth_m")),
}

FACTS: dict[str, Facts] = {
    "roofs": Facts(
        (
            "building_code",
            "roof_kind",
            "eaves_m",
            "ridge_m",
            "ridge_direction_deg",
            "pitch_deg",
            "roof_area_m2",
            "usable_pv_m2",
        ),
        {"building_code": "describes"},
    ),
    "building_details": Facts(
        (
            "building_code",
            "block_code",
            "year_built",
            "structure",
            "floor_area_m2",
            "dwellings",
            "has_basement",
            "basement_depth_m",
            "lifts",
            "energy_class",
            "property_value_cny_m2",
            "heated_area_m2",
            "switchboard_level_m",
        ),
        {"building_code": "describes", "block_code": "lies_in"},
    ),
    "bus_line_stops": Facts(
        ("line_code", "stop_code", "stop_order", "distance_m"), {"line_code": "describes", "stop_code": "stops_at"}
    ),
}
