"""Devices."""

from collections.abc import Iterator

from twin_sandbox.entities import TABLES, District
from twin_sandbox.generate.sanity.value import RULE, Value, none_of


def values(district: District) -> Iterator[Value]:
    """Figures of the devices."""
    table = district.entities["devices"]
    hosts = {code for name in TABLES for code in district.entities[name].index} | {""}
    yield none_of("datastreams_doubled", int(table["datastream"].duplicated().sum()))
    yield none_of("devices_without_a_host", int((~table["host"].isin(hosts)).sum()))
    yield none_of("devices_without_resolution", int((~(table["resolution"] > 0)).sum()))
    kinds = table["kind"].value_counts()
    for kind, least in (
        ("rain_gauge", 2),
        ("tide_gauge", 1),
        ("level_sensor", 4),
        ("street_depth", 4),
        ("pump_status", 2),
    ):
        yield Value(f"devices_{kind}", float(kinds.get(kind, 0)), least, 40, "1", RULE)
