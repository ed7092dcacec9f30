"""A water supply as an EPANET 2.2 input file, out and in.

EPANET itself reads the files (owa-epanet, the maintained edition of the toolkit; Rossman et al., EPANET 2.2 User
Manual, EPA/600/R-20/133), so a file that is refused here is refused there, with EPANET's own code.

Short names (``J001``) stand in the file, unified codes in its section [TAGS]; reading it restores the codes. What has
a column here is in metres, cubic metres a second and kilowatts, whatever the file's own units. Options, times,
controls, quality, energy and what else has no table (`epanet_network.TEXTS`) are kept as the file has them and written
as they were, in the file's units. What EPANET has no place for (materials, depths, names) does not travel: use
GeoPackage for those.
"""

from typing import TYPE_CHECKING

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet_network import COLUMNS, WaterNetwork
from twin_sandbox.formats.epanet_reading import read_epanet
from twin_sandbox.formats.epanet_writing import epanet_text, write_epanet

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

__all__ = ["COLUMNS", "WaterNetwork", "district_network", "epanet_text", "read_epanet", "write_epanet"]


def district_network(district: "District", day_type: str = "weekday") -> WaterNetwork:
    """The district's supply, demands driven by pressure, for a day of hourly demands.

    Full demand from 20 m on, none at 0 m, by the square root between (Wagner 1988). Chlorine decays in the water by
    0.5 a day and at the walls by 0.05 m a day.

    Args:
        district: a built district.
        day_type: "weekday" or "weekend".

    Raises:
        TwinError: no such day type.
    """
    import geopandas as gpd
    import pandas as pd
    from shapely.geometry import LineString

    entities, patterns = district.entities, district.facts["demand_patterns"]
    if day_type not in set(patterns["day_type"]):
        raise TwinError("day type", repr(day_type), "Allowed: weekday, weekend")
    patterns = patterns[patterns["day_type"] == day_type].rename(columns={"hour": "step"})
    valves = entities["water_valves"]
    checked = set(valves.loc[valves["kind"] == "check", "pipe_code"])
    reducers = valves[valves["kind"] == "prv"]
    places = entities["water_junctions"].geometry
    chambers = [(places[a], places[b]) for a, b in zip(reducers["from_code"], reducers["to_code"], strict=True)]
    pipes = entities["water_pipes"].rename(columns={"roughness_hw": "roughness"})
    pipes = pipes.assign(minor_loss=0.0, status=["check" if code in checked else "open" for code in pipes.index])
    tables = {
        "junctions": entities["water_junctions"],
        "sources": entities["water_sources"].assign(pattern=""),
        "pipes": pipes,
        "valves": reducers.rename(columns={"setting_m": "setting"}).assign(
            minor_loss=0.0, curve="", status="active", geometry=[LineString(ends) for ends in chambers]
        ),
    }
    empty = {
        name: gpd.GeoDataFrame({"geometry": []}, index=pd.Index([], dtype=object), crs=district.crs) for name in COLUMNS
    }
    tables = {name: _tidy(tables[name].assign(tag="") if name in tables else empty[name], name) for name in COLUMNS}
    quality = [f" {row['epanet_id']} {row['chlorine_mg_l']:g}" for _, row in entities["water_sources"].iterrows()]
    start = float(entities["water_sources"]["chlorine_mg_l"].min())
    quality += [f" {name} {start:g}" for name in entities["water_junctions"]["epanet_id"]]
    texts = {
        "TITLE": [
            f"{district.name_en} water supply, {day_type}. A sample district, not a real place.",
            f"Coordinates: {district.crs}, easting and northing in metres.",
        ],
        "QUALITY": quality,
        "REACTIONS": [" Global Bulk -0.5", " Global Wall -0.05"],
        "TIMES": [
            " Duration 24:00",
            " Hydraulic Timestep 1:00",
            " Quality Timestep 0:05",
            " Pattern Timestep 1:00",
            " Report Timestep 1:00",
        ],
        "REPORT": [" Status No", " Summary No"],
        "OPTIONS": [
            " Units LPS",
            " Headloss H-W",
            " Demand Model PDA",
            " Minimum Pressure 0",
            " Required Pressure 20",
            " Pressure Exponent 0.5",
            " Trials 100",
            " Accuracy 0.00001",
            " Quality Chlorine mg/L",
        ],
    }
    return WaterNetwork(
        tables,
        district.facts["water_demands"].copy(),
        patterns[["pattern", "step", "multiplier"]].reset_index(drop=True),
        pd.DataFrame({"curve": [], "x": [], "y": []}),
        texts=texts,
    )


def _tidy(table: "gpd.GeoDataFrame", name: str) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    kept = ["epanet_id", "tag", *COLUMNS[name], "geometry"]
    tidy = gpd.GeoDataFrame(table.reindex(columns=kept), geometry="geometry", crs=table.crs)
    tidy.index.name = "code"
    return tidy
