"""Water supply: feeds, mains, valves, hydrants, services, secondary pumps, demands and their patterns."""

from typing import Any

import shapely
from shapely.geometry import LineString, Point

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.layers.water_demand import (
    LEAKAGE,
    PATTERN_OF_USE,
    PATTERNS,
    STOREYS_FED,
    STOREYS_FED_IF_PUMPED,
    service_head_m,
    service_size_m,
    size_booster,
)
from twin_sandbox.generate.layers.water_design import Design, design_supply
from twin_sandbox.generate.layers.water_mains import Mains
from twin_sandbox.generate.layers.water_valves import add_valves

HYDRANT_M, HYDRANT_M3S = 0.1, 0.015  # GB 50974-2014: DN100 outlet, 15 L/s
SPARE_M = 1.0  # head kept in hand before a house is given pumps
COVER_M = {"arterial": 1.1, "collector": 1.0, "local": 0.9}


def add(site: Site) -> None:
    """Add the supply: in the greatest hour, the head at its junction decides whether a house gets pumps."""
    design = design_supply(site)
    nodes = _node_rows(site, design)
    pipes = _pipe_rows(site, design, nodes)
    add_valves(site, design, nodes, pipes)
    _hydrant_rows(site, design, nodes)
    _service_rows(site, design, nodes)
    for pattern, (weekday, weekend) in PATTERNS.items():
        for day_type, scale in (("weekday", 1.0), ("weekend", weekend)):
            site.facts["demand_patterns"] += [
                {"pattern": pattern, "day_type": day_type, "hour": hour, "multiplier": round(value * scale, 4)}
                for hour, value in enumerate(weekday)
            ]


def _node_rows(site: Site, design: Design) -> list[str]:
    """Sources and junctions; the code of each node."""
    draft, net = site.draft, design.net
    codes = [""] * len(net.at)
    spots = draft.recipe.value("water.source")
    for feed in net.feeds:
        at = Point(net.at[feed.source])
        spot = min(spots, key=lambda row: at.distance(Point(row["x"], row["y"])))
        codes[feed.source] = site.tables["water_sources"].add(
            at,
            "city main",
            spot["name_en"],
            spot["name_zh"],
            head_m=float(spot["head_m"]),
            chlorine_mg_l=float(spot["chlorine_mg_l"]),
            epanet_id=f"R{len(site.tables['water_sources'].rows) + 1}",
            valid_from=design.since(feed.source),
        )
    chambers = {node for feed in net.feeds for node in (feed.before, feed.behind)}
    zones = _zones(draft, net)
    street = {node: draft.streets[main.street] for main in reversed(net.mains) for node in (main.a, main.b)}
    for node, place in enumerate(net.at):
        if codes[node]:
            continue
        count = len(site.tables["water_junctions"].rows) + 1
        drawn = {name: value for name, value in design.draws[node].items() if name != LEAKAGE}
        codes[node] = site.tables["water_junctions"].add(
            Point(place),
            "valve chamber" if node in chambers else "junction",
            f"Water junction {count}, {street[node].name_en}",
            f"{street[node].name_zh}给水节点{count}",
            elevation_m=design.ground_m[node],
            base_demand_m3s=round(sum(drawn.values()), 7),
            leakage_m3s=design.draws[node].get(LEAKAGE, 0.0),
            zone=zones[node],
            pattern=max(drawn, key=lambda name: (drawn[name], name)) if drawn else "",
            epanet_id=f"J{count:03d}",
            valid_from=design.since(node),
        )
        site.facts["water_demands"] += [
            {"junction_code": codes[node], "pattern": name, "base_demand_m3s": round(value, 7)}
            for name, value in sorted(design.draws[node].items())
        ]
    return codes


def _zones(draft: Draft, net: Mains) -> list[str]:
    """The land use that each node stands in: of the nearest house."""
    tree = shapely.STRtree([building.footprint for building in draft.buildings])
    nearest = tree.nearest(shapely.points(net.at))
    return [draft.buildings[int(k)].zone for k in nearest]


def _pipe_rows(site: Site, design: Design, nodes: list[str]) -> list[str]:
    streets, codes = site.tables["streets"].rows, []
    for k, (main, pipe, material) in enumerate(zip(design.net.mains, design.pipes, design.materials, strict=True)):
        line = main.line if pipe.a == main.a else LineString(list(main.line.coords)[::-1])
        street = site.draft.streets[main.street]
        size = f"DN{round(pipe.diameter_m * 1000)}"
        cover = COVER_M.get(street.street_class, 1.0) + 0.05 * int(site.rng.integers(-2, 3))
        codes.append(
            site.tables["water_pipes"].add(
                line,
                main.kind,
                f"Water {main.kind} {size}, {street.name_en}",
                f"{street.name_zh}给水{material[1]}管{size}",
                from_code=nodes[pipe.a],
                to_code=nodes[pipe.b],
                length_m=pipe.length_m,
                diameter_m=pipe.diameter_m,
                roughness_hw=pipe.roughness_hw,
                depth_m=round(min(max(cover, 0.8), 1.2), 2),
                material=material[0],
                street_code=streets[main.street]["code"],
                epanet_id=f"P{k + 1:03d}",
                valid_from=f"{design.years[main.street]}-06-01",
            )
        )
    return codes


def _hydrant_rows(site: Site, design: Design, nodes: list[str]) -> None:
    streets = site.tables["streets"].rows
    for count, (node, spot, street) in enumerate(design.net.hydrants, 1):
        named = site.draft.streets[street]
        site.tables["hydrants"].add(
            spot,
            "hydrant",
            f"Hydrant {count}, {named.name_en}",
            f"{named.name_zh}{count}号消火栓",
            junction_code=nodes[node],
            street_code=streets[street]["code"],
            diameter_m=HYDRANT_M,
            rated_m3s=HYDRANT_M3S,
            valid_from=design.since(node),
        )


def _service_rows(site: Site, design: Design, nodes: list[str]) -> None:
    """A service for each house, with pumps where the main's head does not reach the uppermost storey."""
    draft = site.draft
    houses = site.tables["buildings"].rows
    for k, (building, demand, (node, line)) in enumerate(
        zip(draft.buildings, design.of_house_m3s, design.net.taps, strict=True)
    ):
        row: dict[str, Any] = houses[k]
        floor = row["floor_m"] - design.ground_m[node]
        spare = float(design.peak_head_m[node]) - design.ground_m[node] - SPARE_M - floor
        fed = next((n for n in range(min(building.storeys, STOREYS_FED), 0, -1) if service_head_m(n) <= spare), 0)
        booster = ""
        if fed < building.storeys:
            fed = min(fed, STOREYS_FED_IF_PUMPED)
            booster = _booster_row(site, k, nodes[node], fed, demand)
        site.tables["water_services"].add(
            line,
            "service",
            f"Water service of {row['name_en']}",
            f"{row['name_zh']}给水接户管",
            building_code=row["code"],
            junction_code=nodes[node],
            booster_code=booster,
            storeys=building.storeys,
            direct_storeys=fed,
            required_head_m=round(service_head_m(fed) + floor, 2) if fed else 0.0,
            base_demand_m3s=demand,
            pattern=PATTERN_OF_USE.get(building.use, "port"),
            length_m=round(line.length, 2),
            diameter_m=service_size_m(demand),
        )


def _booster_row(site: Site, k: int, junction: str, fed: int, demand_m3s: float) -> str:
    building = site.draft.buildings[k]
    row: dict[str, Any] = site.tables["buildings"].rows[k]
    pumped = demand_m3s * (building.storeys - fed) / building.storeys
    lift = building.height_m * (building.storeys - 0.5) / building.storeys
    if not fed:  # the house stands too high for the main: its pumps stand down by the street
        lift += max(0.0, row["floor_m"] - site.draft.recipe.number("water.zone_head_m") + 30.0)
    pumps = size_booster(pumped, lift)
    return site.tables["booster_pumps"].add(
        building.footprint.representative_point(),
        "booster pump",
        f"Booster pumps of {row['name_en']}",
        f"{row['name_zh']}二次供水泵",
        building_code=row["code"],
        junction_code=junction,
        rated_m3s=pumps.rated_m3s,
        head_m=pumps.head_m,
        power_kw=pumps.power_kw,
        tank_m3=pumps.tank_m3,
        lowest_storey=fed + 1,
        highest_storey=building.storeys,
    )
