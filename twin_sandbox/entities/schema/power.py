"""Medium and low voltage."""

from twin_sandbox.entities.schema.table import Facts, Table

_LINK = {"from_code": "from", "to_code": "to"}
_FED = {"bus_code": "fed_by"}

TABLES: dict[str, Table] = {
    "grid_feeds": Table(
        "F",
        "EX",
        "Point",
        ("bus_code", "kv", "voltage_pu", "short_circuit_mva", "rx_ratio"),
        {"bus_code": "feeds"},
    ),
    "power_buses": Table(
        "F",
        "EB",
        "Point",
        ("kv", "feeder", "building_code", "flood_level_m"),
        {"building_code": "stands_in"},
    ),
    "power_lines": Table(
        "F",
        "EL",
        "LineString",
        (
            "from_code",
            "to_code",
            "feeder",
            "kv",
            "length_m",
            "cable",
            "cables",
            "r_ohm",
            "x_ohm",
            "c_uf",
            "capacity_a",
            "depth_m",
        ),
        _LINK,
    ),
    "transformers": Table(
        "F",
        "ET",
        "Point",
        (
            "from_code",
            "to_code",
            "feeder",
            "building_code",
            "rated_kva",
            "primary_kv",
            "secondary_kv",
            "uk_percent",
            "load_loss_kw",
            "no_load_loss_kw",
            "no_load_current_percent",
            "tap_pos",
            "tap_min",
            "tap_max",
            "tap_step_percent",
            "flood_level_m",
        ),
        {**_LINK, "building_code": "stands_in"},
    ),
    # a switch of a branch stands at one end of it; a tie joins two buses and is open in ordinary operation
    "power_switches": Table(
        "F",
        "ES",
        "Point",
        ("bus_code", "branch_code", "tie_bus_code", "is_closed", "is_normally_open", "rated_a"),
        {"bus_code": "stands_at", "branch_code": "switches", "tie_bus_code": "ties_to"},
    ),
    "power_services": Table(
        "F",
        "EM",
        "Point",
        (
            "consumer_code",
            "bus_code",
            "standby_bus_code",
            "phases",
            "length_m",
            "connected_kw",
            "coincident_peak_kw",
            "profile",
        ),
        {"consumer_code": "serves", "bus_code": "fed_by", "standby_bus_code": "fed_in_need_by"},
    ),
    "pv_systems": Table(
        "F",
        "EG",
        "Point",
        ("building_code", "bus_code", "kwp", "inverter_kw", "tilt_deg", "azimuth_deg"),
        {"building_code": "stands_on", "bus_code": "feeds"},
    ),
    "batteries": Table(
        "F",
        "EY",
        "Point",
        ("building_code", "bus_code", "kwh", "kw", "round_trip_efficiency"),
        {"building_code": "stands_at", "bus_code": "feeds"},
    ),
    "chargers": Table(
        "F",
        "EC",
        "Point",
        ("host_code", "bus_code", "kw", "outlets"),
        {"host_code": "stands_at", **_FED},
    ),
    "generators": Table(
        "F",
        "ED",
        "Point",
        ("building_code", "bus_code", "kw", "fuel_h", "start_s"),
        {"building_code": "stands_in", "bus_code": "feeds_in_need"},
    ),
    "lighting_circuits": Table(
        "F",
        "EI",
        "LineString",
        ("bus_code", "length_m", "lamps", "kw"),
        dict(_FED),
    ),
}

FACTS: dict[str, Facts] = {
    "load_profiles": Facts(("profile", "season", "day_kind", "hour", "load_share", "kvar_per_kw")),
}
