"""Streets in detail, blocks, roofs, services, harbour, rooms below the ground."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import shapely

from twin_sandbox.entities import District
from twin_sandbox.generate.sanity.value import RULE, Value, none_of

WANTED = ("fire_station", "ambulance_station", "hospital", "school", "police_station", "shelter", "filling_station")


def values(district: District) -> Iterator[Value]:
    """Figures of the layer."""
    yield from _streets(district)
    yield from _signals(district)
    yield from _kerbs(district)
    yield from _blocks(district)
    yield from _services(district)
    yield from _roofs(district)
    yield from _harbour(district)
    yield from _underground(district)


def _carriageways(district: District, shrink_m: float = 0.0) -> shapely.Geometry:
    streets = district.entities["streets"]
    above = streets[streets["street_class"] != "underpass"]
    roads = shapely.union_all(above.geometry.buffer(above["width_m"] / 2 - shrink_m).values)
    shapely.prepare(roads)
    return roads


def _streets(district: District) -> Iterator[Value]:
    lanes, nodes, streets = (district.entities[name] for name in ("lanes", "street_nodes", "streets"))
    yield none_of("streets_without_lanes", int((~streets.index.isin(lanes["street_code"])).sum()))
    yield none_of("street_nodes_out_of_reach_by_car", len(nodes) - _reached(district))
    # relations that lead nowhere are counted by other figures; here they must not end the check
    known = lanes[lanes["street_code"].isin(streets.index)]
    own = streets[~streets.index.duplicated()].loc[known["street_code"]]
    off = known.geometry.values.distance(own.geometry.values) + known["width_m"].to_numpy() / 2
    yield none_of("lanes_beyond_the_kerb", int((off > own["width_m"].to_numpy() / 2 + 0.05).sum()))
    cars = lanes[lanes["kind"] == "general_lane"]
    yield Value("car_lane_narrowest", float(cars["width_m"].min()), 3.0, 3.75, "m", "CJJ 37-2012, 5.3")
    yield Value(
        "cycle_lane_narrowest", float(lanes[lanes["kind"] == "cycle_lane"]["width_m"].min()), 1.5, 4.5, "m", RULE
    )
    above = streets[streets["street_class"] != "underpass"]
    yield Value("street_between_junctions_median", round(float(above.length.median())), 80, 300, "m", "GB/T 51328-2018")


def _reached(district: District) -> int:
    """Nodes that a car can reach from the first one, and from which it can come back, lane by lane."""
    lanes, nodes = district.entities["lanes"], district.entities["street_nodes"]
    cars = lanes[lanes["allowed"].str.contains("car")]
    both = []
    for start, end in (("from_code", "to_code"), ("to_code", "from_code")):
        ways: dict[str, set[str]] = defaultdict(set)
        for a, b in zip(cars[start], cars[end], strict=True):
            ways[a].add(b)
        seen, queue = set(), [str(nodes.index[0])]
        while queue:
            node = queue.pop()
            if node not in seen:
                seen.add(node)
                queue += ways[node]
        both.append(seen)
    return len(both[0] & both[1])


def _signals(district: District) -> Iterator[Value]:
    signals, crossings, nodes = (district.entities[name] for name in ("signals", "crossings", "street_nodes"))
    yield none_of("signalised_nodes_without_signals", int((nodes["signalised"].astype(bool)).sum()) - len(signals))
    yield Value("signal_cycle_shortest", float(signals["cycle_s"].min()), 60, 150, "s", "GB 50647-2011 and practice")
    yield Value("signal_cycle_longest", float(signals["cycle_s"].max()), 60, 150, "s", "GB 50647-2011 and practice")
    greens = signals["main_green_s"] + signals["side_green_s"] + signals["left_green_s"]
    total = greens + signals["phases"] * (signals["yellow_s"] + signals["all_red_s"])
    yield none_of("signals_that_do_not_add_up", int((total != signals["cycle_s"]).sum()))
    least = signals[["main_green_s", "side_green_s"]].min(axis=1)
    yield none_of("signals_too_short_for_walkers", int((least < signals["pedestrian_green_s"]).sum()))
    lit = crossings[crossings["kind"] == "signalised"]
    each = float(lit.groupby("node_code").size().mean())
    yield Value("crossings_at_a_signalised_junction", round(each, 2), 3.0, 4.0, "1", RULE)


def _kerbs(district: District) -> Iterator[Value]:
    poles, streets = district.entities["poles"], district.entities["streets"]
    streets = streets[~streets.index.duplicated()]
    gaps: list[float] = []
    for code, part in poles.groupby("street_code"):
        if code not in streets.index:
            continue
        stations = sorted({round(float(at)) for at in streets.geometry[code].project(part.geometry)})
        gaps += [b - a for a, b in pairwise(stations) if b - a > 2]
    spaced = np.asarray(gaps)
    yield Value("lamp_spacing_median", round(float(np.median(spaced)), 1), 25, 35, "m", "CJJ 45-2015")
    share = float(((spaced >= 25) & (spaced <= 36)).mean())
    yield Value("lamp_spacing_share_25_to_36_m", round(share, 3), 0.85, 1.0, "1", "CJJ 45-2015")
    roads = _carriageways(district, 0.05)
    for name in ("poles", "trees", "bus_stops"):
        yield none_of(
            f"{name}_on_a_carriageway", int(shapely.intersects(roads, district.entities[name].geometry.values).sum())
        )
    buildings = shapely.STRtree(district.entities["buildings"].geometry.values)
    for name in ("poles", "trees", "bus_stops", "sites", "parking"):
        shapes = district.entities[name].geometry.buffer(-0.05 if name in {"sites", "parking"} else 0.0).values
        shapes = district.entities[name].geometry.values if name in {"poles", "trees", "bus_stops"} else shapes
        yield none_of(f"{name}_inside_buildings", len(set(buildings.query(shapes, "intersects")[0])))


def _blocks(district: District) -> Iterator[Value]:
    blocks, details = district.entities["blocks"], district.facts["building_details"]
    roads = _carriageways(district)
    overlap = shapely.area(shapely.intersection(roads, blocks.geometry.values))
    yield none_of("blocks_on_streets", int((overlap > 0.5).sum()))
    pairs = shapely.STRtree(blocks.geometry.values).query(blocks.geometry.buffer(-0.05).values, "intersects").T
    yield none_of("blocks_on_one_another", int(sum(a < b for a, b in pairs)))
    sides = [max(_sides_m(shape)) for shape in blocks.geometry]
    yield Value(
        "block_longer_side_median", round(float(np.median(sides))), 100, 300, "m", "GB 50180-2018 (150–300, or denser)"
    )
    yield none_of(
        "blocks_above_their_floor_area_ratio", int((blocks["floor_area_ratio"] > blocks["ratio_limit"]).sum())
    )
    yield none_of("blocks_below_their_green_share", int((blocks["green_share"] < blocks["green_least_share"]).sum()))
    buildings = district.entities["buildings"]
    limits = details.set_index("building_code")["block_code"].map(blocks["height_limit_m"])
    yield none_of(
        "buildings_above_their_height_limit", int((buildings["height_m"] > limits.reindex(buildings.index)).sum())
    )
    people = max(float(buildings["residents"].sum()), 1.0)
    yield Value(
        "park_per_person",
        round(float(district.entities["parks"].area.sum()) / people, 1),
        8.0,
        40.0,
        "m²",
        "GB 50137-2011, 4.3",
    )
    homes = float(details["dwellings"].sum())
    yield Value("people_a_dwelling", round(people / max(homes, 1.0), 2), 2.0, 3.6, "1", RULE)
    spaces = float(district.entities["parking"].query("kind != 'e_bike_shed'")["spaces"].sum())
    spaces += float(district.entities["underground"]["spaces"].sum())
    yield Value("car_spaces_a_dwelling", round(spaces / max(homes, 1.0), 2), 0.3, 2.0, "1", RULE)


def _sides_m(shape: shapely.Geometry) -> tuple[float, float]:
    """Both sides of the smallest rectangle round a shape [m]."""
    a, b, c = (shapely.Point(xy) for xy in list(shape.minimum_rotated_rectangle.exterior.coords)[:3])
    return float(a.distance(b)), float(b.distance(c))


def _services(district: District) -> Iterator[Value]:
    services, stops, buildings = (district.entities[name] for name in ("services", "bus_stops", "buildings"))
    yield none_of("services_missing", len(set(WANTED) - set(services["kind"])))
    yield none_of("services_without_a_building", int((~services["building_code"].isin(buildings.index)).sum()))
    tree = shapely.STRtree(stops.geometry.values)
    _, away = tree.query_nearest(buildings.geometry.values, return_distance=True, all_matches=False)
    share = float(buildings["residents"].to_numpy()[away <= 500].sum() / max(buildings["residents"].sum(), 1))
    yield Value("residents_within_500_m_of_a_stop", round(share, 3), 0.9, 1.0, "1", "GB/T 51328-2018")
    calls = district.facts["bus_line_stops"]
    yield none_of("bus_lines_with_one_stop", int((calls.groupby("line_code").size() < 2).sum()))


def _roofs(district: District) -> Iterator[Value]:
    buildings = district.entities["buildings"]
    roofs = district.facts["roofs"].set_index("building_code")
    yield none_of("buildings_without_a_roof", int((~buildings.index.isin(roofs.index)).sum()))
    roofs = roofs.reindex(buildings.index)
    top = buildings["floor_m"] + buildings["height_m"]
    yield none_of("ridges_off_the_buildings_height", int(((roofs["ridge_m"] - top).abs() > 0.011).sum()))
    least = buildings["floor_m"] + buildings["height_m"] * (buildings["storeys"] - 1) / buildings["storeys"] + 0.5
    yield none_of("eaves_below_the_top_storey", int((roofs["eaves_m"] < least).sum()))
    flat = roofs["roof_kind"] == "flat"
    yield none_of("flat_roofs_with_a_slope", int((flat & (roofs["ridge_m"] != roofs["eaves_m"])).sum()))
    pitched = roofs[~flat]["pitch_deg"]
    yield Value("roof_pitch_least", float(pitched.min()), 3.0, 45.0, "°", RULE)
    yield Value("roof_pitch_most", float(pitched.max()), 3.0, 45.0, "°", RULE)
    yield none_of("roofs_smaller_than_their_plan", int((roofs["roof_area_m2"] < buildings.area - 0.1).sum()))
    share = float(roofs["usable_pv_m2"].sum() / roofs["roof_area_m2"].sum())
    yield Value("roof_share_for_solar_panels", round(share, 2), 0.2, 0.6, "1", RULE)
    known = district.facts["building_details"]["building_code"]
    yield none_of("buildings_without_details", int((~buildings.index.isin(known)).sum()))


def _harbour(district: District) -> Iterator[Value]:
    berths, terrain = district.entities["berths"], district.terrain
    clearance = berths["depth_m"] - berths["draught_m"]
    yield Value("berth_under_keel_clearance_least", round(float(clearance.min()), 2), 0.3, 5.0, "m", RULE)
    quay = berths["quay_level_m"]
    yield Value("quay_level_lowest", float(quay.min()), 2.0, 4.0, "m", RULE)
    spots = district.entities["beaches"].representative_point()
    dry = sum(terrain.land_cover[terrain.cell(p.x, p.y)] != 7 for p in spots)
    yield none_of("beaches_off_the_sand", int(dry))
    length = float(district.entities["beaches"]["length_m"].sum())
    yield Value("beach_length", round(length), 100, 2000, "m", RULE)


def _underground(district: District) -> Iterator[Value]:
    rooms, buildings = district.entities["underground"], district.entities["buildings"].geometry
    below = rooms[rooms["building_code"].isin(buildings.index)]
    houses = buildings[~buildings.index.duplicated()].loc[below["building_code"]].values
    yield none_of(
        "basements_beyond_their_building", int((shapely.area(below.geometry.values.difference(houses)) > 0.1).sum())
    )
    yield none_of("rooms_upside_down", int((rooms["bottom_m"] + 2.0 > rooms["top_m"]).sum()))
    sewers = _Sewers(district)
    tunnels, gas = district.entities["utility_tunnels"], district.entities["gas_pipes"]
    gaps = [
        bottom - (row["invert_m"] + row["height_m"])
        for _, row in tunnels.iterrows()
        for _, _, bottom in sewers.under(row.geometry.buffer(row["width_m"] / 2))
    ]
    yield Value("tunnel_below_sewers_least", round(min(gaps, default=9.0), 2), 0.3, 9.0, "m", "GB 50289-2016")
    close = crossed = 0
    for _, row in gas.iterrows():
        for spot, top, bottom in sewers.under(row.geometry):
            ground = float(district.terrain.elevation_m[district.terrain.cell(spot.x, spot.y)])
            upper = ground - row["depth_m"]
            crossed += 1
            close += not (upper - row["diameter_m"] - top >= 0.15 or bottom - upper >= 0.15)
    share = close / max(crossed, 1)
    yield Value("gas_to_sewer_clearance_short_share", round(share, 3), 0.0, 0.1, "1", "GB 50289-2016 (0.15 m)")
    yield Value("gas_cover_least", float(gas["depth_m"].min()), 0.6, 2.0, "m", "GB 50028-2006, 6.3")
    wells = district.entities["groundwater_wells"]
    yield none_of("groundwater_above_the_ground", int((wells["level_m"] > wells["ground_m"]).sum()))


class _Sewers:
    """Sewers with their levels, found by what passes over or under them."""

    def __init__(self, district: District) -> None:
        self.rows = district.entities["conduits"]
        ends = (
            district.entities["junctions"]["invert_m"].to_dict() | district.entities["storages"]["invert_m"].to_dict()
        )
        ends |= district.entities["outfalls"]["invert_m"].to_dict()
        self.inverts = ends
        self.tree = shapely.STRtree(self.rows.geometry.values)

    def under(self, shape: shapely.Geometry) -> Iterator[tuple[shapely.Point, float, float]]:
        """Where a sewer crosses ``shape``, the level of its soffit and of its invert there."""
        for k in sorted(self.tree.query(shape, "intersects")):
            row = self.rows.iloc[int(k)]
            spot = row.geometry.intersection(shape).centroid
            share = row.geometry.project(spot) / row.geometry.length
            first = self.inverts.get(row["from_code"], np.nan) + row["inlet_offset_m"]
            last = self.inverts.get(row["to_code"], np.nan) + row["outlet_offset_m"]
            invert = first + (last - first) * share
            yield spot, invert + row["diameter_m"], invert
