"""Devices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin_sandbox.entities import TABLES, District
from twin_sandbox.entities.schema.things import SPACES, STATES
from twin_sandbox.generate.layers.things_kinds import KINDS
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

LEAST = {"rain_gauge": 2, "tide_gauge": 1, "level_sensor": 4, "street_depth": 4, "pump_status": 2}
"""Kind → fewest devices, for the kinds that the drains need; of others one, or as many as the recipe places."""

_CENSUS = "guidance report 2023, sensing system of the city: one ledger of all devices"
_SPACES = "guidance report 2023, sensing system of the city: above ground, below, in the air, on the water"
_LINGANG = "guidance report 2023, case 6: twelve classes of sensor, about 140,000 messages a day"


def values(district: District) -> Iterator[Value]:
    """Figures of the devices and their datastreams."""
    devices, streams = district.entities["devices"], district.facts["datastreams"]
    kinds = devices["kind"].value_counts()
    yield Value("devices", float(len(devices)), 140, 180, "1", _CENSUS)
    yield Value("device_kinds", float(len(kinds)), 12, 60, "1", _LINGANG)
    for kind, least in LEAST.items():
        yield Value(f"devices_{kind}", float(kinds.get(kind, 0)), least, 40, "1", RULE)
    planned = [row["kind"] for row in district.recipe.get("device", [])]
    missing = sum(kinds.get(kind, 0) < (1 if form.number else planned.count(kind)) for kind, form in KINDS.items())
    yield none_of("device_kinds_missing", missing)
    for space in SPACES:
        name = f"devices_{space.replace(' ', '_')}"
        yield Value(name, float((devices["space"] == space).sum()), 1, len(devices), "1", _SPACES)
    yield none_of("devices_on_the_wrong_ground", _on_wrong_ground(district, devices))
    hosts = {code for name in TABLES for code in district.entities[name].index} | {""}
    yield none_of("devices_without_a_host", int((~devices["host"].isin(hosts)).sum()))
    gateways = set(devices.index[devices["kind"] == "gateway"])
    lost = ~devices["gateway"].isin(gateways) & (devices["kind"] != "gateway")
    yield none_of("devices_without_a_gateway", int(lost.sum()))
    yield none_of("devices_of_nobody", int((devices["owner"] == "").sum()), _CENSUS)
    yield none_of("device_states_wrong", _wrong_states(devices), _CENSUS)
    yield from _datastreams(devices, streams)
    yield none_of("thing_descriptions_wrong", _wrong_descriptions(district), "W3C WoT Thing Description 1.1")


def _datastreams(devices: "gpd.GeoDataFrame", streams: "pd.DataFrame") -> Iterator[Value]:
    yield none_of("datastreams_doubled", int(streams["datastream"].duplicated().sum()))
    yield none_of("datastreams_of_no_device", int((~streams["device_code"].isin(devices.index)).sum()))
    yield none_of("devices_without_a_datastream", int((~devices.index.isin(streams["device_code"])).sum()))
    yield none_of("devices_without_resolution", int((~(streams["resolution"] > 0)).sum()))
    span = streams["range_high"] - streams["range_low"]
    # what is only ever on or off has no finer step
    switch = (span == 1.0) & (streams["resolution"] == 1.0)
    fine = (span > 0) & ((streams["resolution"] <= span / 10) | switch)
    yield none_of("datastream_ranges_absurd", int((~fine).sum()))
    reporting = streams["device_code"].map(devices["state"]).isin(("in service", "fault"))
    a_day = float((86400 / streams.loc[reporting, "interval_s"]).sum())
    yield Value("observations_a_day", round(a_day), 100_000, 180_000, "1", _LINGANG)


def _on_wrong_ground(district: District, devices: "gpd.GeoDataFrame") -> int:
    terrain = district.terrain
    wrong = 0
    for space, at in zip(devices["space"], devices.geometry, strict=True):
        afloat = terrain.land_cover[terrain.cell(at.x, at.y)] == 0
        wrong += space != "air" and bool(afloat) != (space == "water")
    return wrong


def _wrong_states(devices: "gpd.GeoDataFrame") -> int:
    ended = devices["valid_to"] != ""
    known = devices["state"].isin(STATES)
    installed = (devices["installed"] != "") | (devices["state"] == "planned")
    return int((~known | (ended != (devices["state"] == "retired")) | ~installed).sum())


def _wrong_descriptions(district: District) -> int:
    """Descriptions without what every consumer needs: a title, a unit and a way to each property."""
    from twin_sandbox.things.description import thing_descriptions

    try:
        found = thing_descriptions(district)
    except KeyError:  # a unit without a term
        return len(district.entities["devices"])
    wrong = len(set(district.entities["devices"].index) - set(found))
    for description in found.values():
        fine = description["title"] and description["properties"]
        for field in description["properties"].values():
            fine = fine and field["unit"] and field["forms"] and field["minimum"] < field["maximum"]
        wrong += not fine
    return wrong
