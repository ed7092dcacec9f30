"""The tables of a district and what each must hold."""

from typing import NamedTuple

COMMON = ("entity_class", "kind", "name_en", "name_zh", "valid_from", "geometry")


class Table(NamedTuple):
    """One table: class letter and kind of its codes, geometry type, columns beyond the common ones."""

    letter: str
    kind: str
    geometry: str
    columns: tuple[str, ...]


TABLES = {
    "streets": Table("F", "RD", "LineString", ("street_class", "width_m", "lanes", "speed_kmh", "vehicles_per_h")),
    "buildings": Table("B", "BD", "Polygon", ("use", "storeys", "height_m", "floor_m", "residents")),
    "parks": Table("F", "PK", "Polygon", ()),
    "subcatchments": Table(
        "F",
        "SC",
        "Polygon",
        ("area_m2", "impervious_share", "runoff_coefficient", "slope", "width_m", "outlet", "swmm_id"),
    ),
    "junctions": Table("F", "MH", "Point", ("invert_m", "rim_m", "low_area", "overflow_to", "swmm_id")),
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
    ),
    "storages": Table("F", "TK", "Point", ("invert_m", "max_depth_m", "area_m2", "swmm_id")),
    "pumps": Table(
        "F",
        "PM",
        "Point",
        ("from_code", "to_code", "rated_m3s", "start_level_m", "stop_level_m", "power_kw", "swmm_id"),
    ),
    "gates": Table("F", "GT", "Point", ("from_code", "to_code", "sill_m", "height_m", "width_m", "swmm_id")),
    "outfalls": Table("F", "OF", "Point", ("invert_m", "tidal", "swmm_id")),
    "low_areas": Table("F", "LA", "Polygon", ("bottom_m", "sill_m", "spills_to", "street_code", "swmm_id")),
    "devices": Table(
        "F",
        "DV",
        "Point",
        ("host", "quantity", "unit", "resolution", "interval_s", "datastream", "range_low", "range_high"),
    ),
}
