"""People, enterprises, vehicles and their days."""

from twin_sandbox.entities.schema.table import Facts, Table

TABLES: dict[str, Table] = {
    "enterprises": Table(
        "E",
        "EN",
        "Point",
        (
            "building_code",
            "storey",
            "sector",
            "employees",
            "founded_year",
            "floor_area_m2",
            "sales_band",
            "opens_h",
            "closes_h",
            "hazard",
            "places",
        ),
        {"building_code": "lies_in"},
    ),
    "residents": Table(
        "P",
        "PE",
        "Point",
        (
            "lives_in",
            "household",
            "age",
            "sex",
            "role",
            "works_at",
            "attends",
            "lives_alone",
            "mobility",
            "language",
            "consents_alerts",
            "consents_location",
            "consents_care",
        ),
        {"lives_in": "lives_in", "works_at": "works_at", "attends": "attends"},
    ),
    "commuters": Table("P", "CM", "Point", ("works_at", "gate", "age", "sex"), {"works_at": "works_at"}),
    "vehicles": Table(
        "V",
        "VH",
        "Point",
        ("owner_code", "household", "driver_code", "building_code", "line_code", "plate", "energy", "seats"),
        {"owner_code": "owned_by", "driver_code": "driven_by", "building_code": "kept_at", "line_code": "serves"},
    ),
}

FACTS: dict[str, Facts] = {
    "households": Facts(
        ("household", "building_code", "storey", "size", "income_band", "cars", "e_bikes"),
        {"building_code": "describes"},
    ),
    "supply_links": Facts(
        ("from_code", "to_code", "product", "weight", "since", "until"),
        {"to_code": "describes", "from_code": "supplied_by"},
    ),
    "trips": Facts(
        (
            "person_code",
            "trip_order",
            "depart_s",
            "from_place",
            "to_place",
            "mode",
            "drives",
            "purpose",
            "distance_m",
            "outside_distance_m",
            "duration_s",
        ),
        {"person_code": "describes"},
    ),
    "day_kinds": Facts(("day_kind", "purpose", "trips_factor", "later_by_h")),
}
