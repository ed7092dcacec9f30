"""Storm sewers, the station, subcatchments, low areas and wrong connections."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity.town import land_m2
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

DRAINAGE = "GB 50014-2021"
FOUL_OF_SUPPLY = 0.85
"""GB 50318-2017."""


def values(district: District) -> Iterator[Value]:
    """Figures of the drains."""
    for part in (_sewers, _flow, _station, _catchments, _low_areas, _wrong_connections):
        yield from part(district)


def _inverts(district: District) -> "pd.Series[float]":
    tables = [district.entities[name]["invert_m"] for name in ("junctions", "storages", "outfalls")]
    inverts: pd.Series[float] = pd.concat(tables)
    return inverts


def _levels(district: District) -> pd.DataFrame:
    """The conduits with the absolute levels of their two ends, nan where an end is unknown."""
    conduits, invert = district.entities["conduits"], _inverts(district)
    return pd.DataFrame(
        {
            "inlet_m": conduits["from_code"].map(invert) + conduits["inlet_offset_m"],
            "outlet_m": conduits["to_code"].map(invert) + conduits["outlet_offset_m"],
            "diameter_m": conduits["diameter_m"],
            "length_m": conduits["length_m"],
            "roughness_n": conduits["roughness_n"],
            "slope": conduits["slope"],
            "from_code": conduits["from_code"],
            "to_code": conduits["to_code"],
        }
    )


def _sewers(district: District) -> Iterator[Value]:
    conduits, pipes = district.entities["conduits"], _levels(district)
    slope = (pipes["inlet_m"] - pipes["outlet_m"]) / pipes["length_m"]
    yield none_of("pipes_that_do_not_fall", int((~(slope > 0)).sum()), DRAINAGE)
    yield none_of("pipes_with_a_wrong_slope", int((~((slope - pipes["slope"]).abs() < 2e-4)).sum()))
    offsets = conduits[["inlet_offset_m", "outlet_offset_m"]].min(axis=1)
    yield none_of("pipes_below_their_manhole", int((~(offsets > -0.0005)).sum()))
    yield Value("pipe_slope_least", round(float(slope.min()), 5), 0.0006, 0.05, "1", f"{DRAINAGE}, 5.2")
    yield Value("pipe_slope_greatest", round(float(slope.max()), 4), 0.0006, 0.05, "1", f"{DRAINAGE}, 5.2")
    speed = (pipes["diameter_m"] / 4) ** (2 / 3) * np.sqrt(slope.clip(lower=0)) / pipes["roughness_n"]
    yield Value("full_bore_speed_least", round(float(speed.min()), 2), 0.75, 5.0, "m/s", f"{DRAINAGE}, 5.2")
    yield Value("full_bore_speed_greatest", round(float(speed.max()), 2), 0.75, 5.0, "m/s", f"{DRAINAGE}, 5.2")
    yield Value("diameter_least", float(pipes["diameter_m"].min()), 0.3, 3.0, "m", f"{DRAINAGE}, 5.3")
    yield Value("diameter_greatest", float(pipes["diameter_m"].max()), 0.3, 3.0, "m", "16S518 and precast series")
    yield none_of("pipes_narrower_than_those_above", _narrowing(conduits), DRAINAGE)
    rim = district.entities["junctions"]["rim_m"]
    covers = [
        pipes[end].map(rim) - pipes[level] - pipes["diameter_m"]
        for end, level in (("from_code", "inlet_m"), ("to_code", "outlet_m"))
    ]
    cover = float(np.nanmin(np.concatenate([part.to_numpy(float) for part in covers])))
    yield Value("cover_at_manholes_least", round(cover, 2), 0.7, 10.0, "m", f"{DRAINAGE}, 5.3")
    yield Value("cover_along_pipes_least", round(_cover_along(district, pipes), 2), 0.6, 10.0, "m", RULE)
    junctions, terrain = district.entities["junctions"], district.terrain
    holes = junctions[junctions["kind"] == "manhole"]
    ground = np.array([terrain.elevation_m[terrain.cell(p.x, p.y)] for p in holes.geometry])
    yield Value(
        "rim_off_the_ground_greatest", round(float(np.abs(ground - holes["rim_m"]).max()), 3), 0.0, 0.05, "m", RULE
    )


def _narrowing(conduits: pd.DataFrame) -> int:
    widest = conduits.groupby("to_code")["diameter_m"].max()
    above = conduits["from_code"].map(widest)
    return int((above > conduits["diameter_m"] + 1e-9).sum())


def _cover_along(district: District, pipes: pd.DataFrame) -> float:
    """Least ground above the soffit, sampled along street sewers; outfall pipes lie in the quay wall."""
    terrain = district.terrain
    street = ~pipes["to_code"].isin(district.entities["outfalls"].index).to_numpy()
    lines = np.asarray(district.entities["conduits"].geometry)[street]
    inlet, outlet, size = (pipes[name].to_numpy(float)[street] for name in ("inlet_m", "outlet_m", "diameter_m"))
    least = math.inf
    for share in np.linspace(0.0, 1.0, 24):
        spots = shapely.line_interpolate_point(lines, share, normalized=True)
        ground = np.array([terrain.elevation_m[terrain.cell(spot.x, spot.y)] for spot in spots])
        least = min(least, float(np.min(ground - (inlet + (outlet - inlet) * share + size))))
    return least


def _links(district: District) -> list[tuple[Any, Any]]:
    return [
        pair
        for name in ("conduits", "pumps", "gates")
        for pair in zip(district.entities[name]["from_code"], district.entities[name]["to_code"], strict=True)
    ]


def _flow(district: District) -> Iterator[Value]:
    nodes = {code for name in ("junctions", "storages", "outfalls") for code in district.entities[name].index}
    links = _links(district)
    yield none_of("links_to_unknown_nodes", sum(a not in nodes or b not in nodes for a, b in links))
    reached = set(district.entities["outfalls"].index)
    while True:
        more = {a for a, b in links if b in reached and a not in reached}
        if not more:
            break
        reached |= more
    yield none_of("nodes_that_do_not_drain_to_an_outfall", len(nodes - reached))
    ends = [b for _, b in links]
    idle = [code for code in district.entities["outfalls"].index if ends.count(code) != 1]
    yield none_of("outfalls_without_exactly_one_pipe", len(idle))
    junctions = set(district.entities["junctions"].index)
    outlet = district.entities["subcatchments"]["outlet"]
    yield none_of("subcatchments_without_a_junction", int((~outlet.isin(junctions)).sum()))
    areas = {*district.entities["low_areas"].index, ""}
    over = district.entities["junctions"]
    yield none_of(
        "overflows_to_unknown_places", int((~(over["overflow_to"].isin(areas) & over["low_area"].isin(areas))).sum())
    )


def _upstream(district: District, node: str) -> tuple[float, float, float]:
    """Area [ha], area × coefficient [ha] and longest time [min] of what drains to a node by pipes."""
    conduits, pipes = district.entities["conduits"], _levels(district)
    catchment = district.entities["subcatchments"].groupby("outlet")["area_m2"].sum() / 1e4
    shed = district.entities["subcatchments"]
    shed = (shed["area_m2"] * shed["runoff_coefficient"]).groupby(shed["outlet"]).sum() / 1e4
    slope = ((pipes["inlet_m"] - pipes["outlet_m"]) / pipes["length_m"]).clip(lower=1e-6)
    speed = (pipes["diameter_m"] / 4) ** (2 / 3) * np.sqrt(slope) / pipes["roughness_n"]
    into: dict[str, list[tuple[str, float]]] = {}
    for code, pipe in conduits.iterrows():
        into.setdefault(pipe["to_code"], []).append((pipe["from_code"], pipe["length_m"] / speed[code] / 60))
    inlet_min = float(district.recipe["drainage"]["inlet_time_min"])
    area = effective = longest = 0.0
    seen, queue = {node}, [(node, 0.0)]
    while queue:
        at, minutes = queue.pop()
        longest = max(longest, minutes)
        area += float(catchment.get(at, 0.0))
        effective += float(shed.get(at, 0.0))
        for above, time in into.get(at, ()):
            if above not in seen:
                seen.add(above)
                queue.append((above, minutes + time))
    return area, effective, inlet_min + longest


def _station(district: District) -> Iterator[Value]:
    storages, pumps = district.entities["storages"], district.entities["pumps"]
    yield Value("storage_tanks", float(len(storages)), 1, 4, "1", RULE)
    if len(storages) == 0 or len(pumps) == 0:
        return
    tank = storages.iloc[0]
    area, effective, minutes = _upstream(district, storages.index[0])
    rain = district.recipe["drainage"]["rainfall"]
    peak = effective * 0.167 * rain["a"] * (1 + rain["c"] * math.log10(5)) / (minutes + rain["b"]) ** rain["n"]
    share = float(pumps["rated_m3s"].sum()) / peak if peak else math.nan
    yield Value("pumps_to_five_year_peak", round(share, 2), 0.4, 0.7, "1", f"{DRAINAGE}, practice")
    low, high = float(pumps["stop_level_m"].min()), _top(district, storages.index[0])
    volume = (high - low) * tank["area_m2"]
    yield Value("tank_volume_per_ha", round(volume / area, 1) if area else math.nan, 50, 150, "m³/ha", "practice")
    largest = float(pumps["rated_m3s"].max())
    sump_s = (float(pumps["start_level_m"].min()) - low) * tank["area_m2"] / largest
    yield Value("sump_seconds_of_largest_pump", round(sump_s), 30, 3600, "s", f"{DRAINAGE}, 6.3")
    yield none_of("pumps_that_stop_above_their_start", int((~(pumps["start_level_m"] > pumps["stop_level_m"])).sum()))
    inside = (pumps["stop_level_m"] > tank["invert_m"]) & (
        pumps["start_level_m"] < tank["invert_m"] + tank["max_depth_m"]
    )
    yield none_of("pump_levels_outside_the_tank", int((~inside).sum()))
    # a pump starts most often when half its flow arrives: cycle = 4 V / Q
    between = (pumps["start_level_m"] - pumps["stop_level_m"]) * tank["area_m2"]
    starts = (3600 * pumps["rated_m3s"] / (4 * between)).max()
    yield Value("pump_starts_per_hour_greatest", round(float(starts), 1), 0.0, 6.0, "1/h", f"{DRAINAGE}, practice")
    yield Value("tide_gates", float(len(district.entities["gates"])), 1, 4, "1", RULE)
    yield Value("tidal_outfalls", float(district.entities["outfalls"]["tidal"].sum()), 2, 4, "1", RULE)


def _top(district: District, tank: str) -> float:
    """Soffit of the highest pipe into the tank: what is stored above it backs up into the sewers."""
    pipes = _levels(district)
    into = pipes[pipes["to_code"] == tank]
    return float((into["outlet_m"] + into["diameter_m"]).max())


def _catchments(district: District) -> Iterator[Value]:
    table = district.entities["subcatchments"]
    land = land_m2(district)
    union = float(shapely.union_all(table.geometry.values).area)
    yield Value("subcatchments_cover_of_land", round(union / land, 3), 0.97, 1.03, "1", RULE)
    yield Value("subcatchments_overlap", round(float(table.area.sum()) / union - 1, 4), -0.001, 0.001, "1", RULE)
    yield none_of("subcatchment_areas_wrong", int((~((table.area - table["area_m2"]).abs() < 2.0)).sum()))
    share = table["impervious_share"]
    yield none_of("impervious_shares_absurd", int((~share.between(0, 1)).sum()))
    mean = float((table["runoff_coefficient"] * table["area_m2"]).sum() / table["area_m2"].sum())
    yield Value("runoff_coefficient_mean", round(mean, 2), 0.45, 0.75, "1", f"{DRAINAGE}, 4.1")


def _low_areas(district: District) -> Iterator[Value]:
    table = district.entities["low_areas"]
    yield Value("low_areas", float(len(table)), 6, 14, "1", RULE)
    depth = table["sill_m"] - table["bottom_m"]
    streets = table["kind"] != "underpass"
    yield Value("underpasses", float((~streets).sum()), 1, 4, "1", RULE)
    yield Value("underpass_depth", round(float(depth[~streets].min()), 2), 1.5, 4.0, "m", RULE)
    yield Value("street_low_area_depth_least", round(float(depth[streets].min()), 2), 0.2, 1.0, "m", RULE)
    yield Value("street_low_area_depth_greatest", round(float(depth[streets].max()), 2), 0.2, 1.0, "m", RULE)
    codes = set(table.index)
    unknown = [code for code in table["spills_to"] if code and code not in codes]
    spills: dict[str, str] = table["spills_to"].to_dict()
    yield none_of("spills_to_unknown_places", len(unknown))
    yield none_of("spills_that_never_reach_the_sea", sum(_loops(spills, code) for code in spills))
    yield none_of(
        "low_areas_of_unknown_streets", int((~table["street_code"].isin(district.entities["streets"].index)).sum())
    )
    drained = set(district.entities["junctions"]["low_area"])
    yield none_of("low_areas_without_a_manhole", len(codes - drained))
    wrong = 0
    raster, ground = district.terrain.low_area, district.terrain.elevation_m
    for k, (code, row) in enumerate(table.iterrows()):
        stages = district.stage_storage.get(str(code))
        cells = ground[raster == k]
        rising = (
            stages is not None
            and len(stages) > 2
            and all(bool((stages[column].diff().dropna() >= 0).all()) for column in ("level_m", "area_m2", "volume_m3"))
        )
        fits = cells.size > 0 and abs(float(cells.min()) - row["bottom_m"]) < 0.006
        if not rising or not fits or stages is None:
            wrong += 1
            continue
        top = stages.iloc[-1]
        exact = float(np.clip(top["level_m"] - cells, 0, None).sum()) * district.terrain.cell_m**2
        wrong += not abs(exact - top["volume_m3"]) < 1.0 + 0.001 * exact or top["level_m"] < row["sill_m"]
    yield none_of("stage_tables_unlike_the_terrain", wrong)


def _loops(spills: dict[str, str], code: str) -> bool:
    """Whether water that spills from a low area comes round to where it was."""
    seen = set()
    while code in spills:
        if code in seen:
            return True
        seen.add(code)
        code = spills[code]
    return False


def _wrong_connections(district: District) -> Iterator[Value]:
    table, services = district.entities["wrong_connections"], district.entities["water_services"]
    houses, manholes = district.entities["buildings"], district.entities["junctions"]
    yield Value("wrong_connections", float(len(table)), 6, 12, "1", RULE)
    foul = FOUL_OF_SUPPLY * float(services["base_demand_m3s"].sum())
    share = float(table["dry_weather_m3s"].sum()) / foul if foul else math.nan
    yield Value("share_of_foul_water_in_storm_sewers", round(share, 4), 0.01, 0.08, "1", RULE)
    fall = (table["inlet_invert_m"] - table["outlet_invert_m"]) / table["length_m"]
    yield Value("wrong_connection_slope_least", round(float(fall.min()), 4), 0.003, 0.1, "1", "GB 50015-2019, 4.5")
    floor = table["junction_code"].map(manholes["invert_m"])
    yield none_of("wrong_connections_below_their_manhole", int((~(table["outlet_invert_m"] > floor)).sum()))
    house = houses.geometry.reindex(table["building_code"]).to_numpy()
    manhole = manholes.geometry.reindex(table["junction_code"]).to_numpy()
    begin, end = (shapely.get_point(table.geometry.to_numpy(), k) for k in (0, -1))
    joined = (shapely.distance(begin, house) < 0.05) & (shapely.distance(end, manhole) < 0.05)
    yield none_of("wrong_connections_that_miss_house_or_manhole", int((~joined).sum()))
