"""Medium voltage: feeds, switching stations, rings with a normally open point, transformers."""

from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.generate.layers.power_areas import Area
from twin_sandbox.generate.layers.power_cables import INCOMING, LOW, RING, WARM, Cable
from twin_sandbox.generate.layers.power_demand import Demand
from twin_sandbox.generate.layers.power_rings import (
    Ring,
    StreetWays,
    cable,
    draw_incoming,
    draw_rings,
)
from twin_sandbox.generate.layers.site import Site

MV, LV = 10.0, 0.38
SECONDARY_KV = 0.4
TAP = 1
"""The off-load tap: one step of 2.5 % above 10 kV, for a busbar that is held at 1.02."""
MV_DEPTH_M, LV_DEPTH_M = 1.0, 0.8
SWITCH_A = 630.0
ONE_ROOM_M = 15.0
"""Boards closer than this stand in one room and are coupled without a cable."""


@dataclass(frozen=True)
class Station:
    """A switching station: two busbar sections in a building."""

    name_en: str
    name_zh: str
    at: Point
    code: str


@dataclass(frozen=True)
class Board:
    """A low-voltage board behind a transformer: bus, place, feeder, building."""

    bus: str
    at: Point
    feeder: str
    building: str
    name_en: str
    name_zh: str


class Network:
    """The site's power tables in the making; knows how each row is named and dated."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.streets = [s for s in site.draft.streets if s.street_class != "underpass"]
        self._boards = {
            row["building_code"]: float(row["switchboard_level_m"])
            for row in site.facts.get("building_details", [])
            if row.get("switchboard_level_m") is not None
        }

    def year(self, low: int, high: int) -> str:
        """A day in one of the years, ends included."""
        rng = self.site.rng
        return f"{int(rng.integers(low, high + 1))}-{int(rng.integers(1, 13)):02d}-01"

    def street(self, at: Point) -> tuple[str, str]:
        """Name of the nearest street in both languages."""
        street = min(self.streets, key=lambda s: (round(s.line.distance(at), 2), s.name_en))
        return street.name_en, street.name_zh

    def flood_level(self, at: Point, building: int = -1) -> float:
        """Level of water above datum at which a switchboard fails: street cabinets stand on plinths of 0.3 to 0.6 m.

        In a building it is the level that the building's details state, otherwise a plinth above the ground floor.
        """
        step = float(self.site.rng.random())
        if building >= 0:
            row = self.site.tables["buildings"].rows[building]
            return round(self._boards.get(row["code"], float(row["floor_m"]) + 0.15 + 0.35 * step), 2)
        draft = self.site.draft
        return round(float(draft.height_m[draft.grid.cell(at.x, at.y)]) + 0.3 + 0.3 * step, 2)

    def bus(self, at: Point, kind: str, name: tuple[str, str], kv: float, feeder: str, building: int = -1) -> str:
        """Add a bus."""
        return self.site.tables["power_buses"].add(
            at,
            kind,
            *name,
            kv=kv,
            feeder=feeder,
            building_code=self.site.tables["buildings"].rows[building]["code"] if building >= 0 else "",
            flood_level_m=self.flood_level(at, building),
            valid_from=self.year(1998, 2018),
        )

    def line(
        self, path: LineString, kind: str, name: tuple[str, str], ends: tuple[str, str], feeder: str, kv: float,
        sort: Cable, count: int = 1,
    ) -> str:  # fmt: skip
        """Add a line of ``count`` cables side by side."""
        km = path.length / 1000
        return self.site.tables["power_lines"].add(
            path,
            kind,
            *name,
            from_code=ends[0],
            to_code=ends[1],
            feeder=feeder,
            kv=kv,
            length_m=round(path.length, 1),
            cable=sort.name,
            cables=count,
            r_ohm=round(sort.ohm_km * WARM * km / count, 6),
            x_ohm=round(sort.reactance_ohm_km * km / count, 6),
            c_uf=round(sort.c_uf_km * km * count, 5),
            capacity_a=sort.capacity_a * count,
            depth_m=MV_DEPTH_M if kv == MV else LV_DEPTH_M,
            valid_from=self.year(1998, 2020),
        )

    def switch(
        self, at: Point, kind: str, name: tuple[str, str], bus: str, *, branch: str = "", tie: str = "",
        rated_a: float = SWITCH_A,
    ) -> None:  # fmt: skip
        """Add a switch at a bus: of a branch (closed), or a tie to another bus (open)."""
        self.site.tables["power_switches"].add(
            at,
            kind,
            *name,
            bus_code=bus,
            branch_code=branch,
            tie_bus_code=tie,
            is_closed=not tie,
            is_normally_open=bool(tie),
            rated_a=rated_a,
            valid_from=self.year(2002, 2022),
        )

    def medium_line(
        self, path: LineString, kind: str, name: tuple[str, str], ends: tuple[str, str], feeder: str, sort: Cable,
        kinds: tuple[str, str],
    ) -> str:  # fmt: skip
        """A 10 kV cable with a switch at each end; kind "" for an end without one."""
        code = self.line(path, kind, name, ends, feeder, MV, sort)
        for end, (bus, switch) in enumerate(zip(ends, kinds, strict=True)):
            if switch:
                at = Point(path.coords[-end])
                suffix = ("begin", "首端") if end == 0 else ("end", "末端")
                self.switch(
                    at, switch, (f"Switch, {name[0]}, {suffix[0]}", f"{name[1]}{suffix[1]}开关"), bus, branch=code
                )
        return code


def add_medium(site: Site, areas: list[Area], demands: list[Demand], net: Network) -> list[Board]:
    """Add everything at 10 kV and the transformers; one board an area, in their order."""
    ways = StreetWays(site.draft)
    stations = {
        row["name_en"]: Station(row["name_en"], row["name_zh"], shapely.centroid(building.footprint), row["code"])
        for row, building in zip(site.tables["buildings"].rows, site.draft.buildings, strict=True)
        if row["use"] == "substation"
    }
    sections = _sections(site, net, ways, stations)
    rings = draw_rings(site.draft, ways, {name: station.at for name, station in stations.items()})
    chosen = _choose(rings, areas)
    boards: dict[int, Board] = {}
    for number, ring in enumerate(rings):
        own = [k for k in range(len(areas)) if chosen[k] == number]
        own.sort(key=lambda k: (ring.line.project(areas[k].at), k))
        boards |= _lay_ring(net, ring, [(k, areas[k]) for k in own], demands, sections)
    _standby_ties(net, areas, boards)
    return [boards[k] for k in range(len(areas))]


def _sections(
    site: Site, net: Network, ways: StreetWays, stations: dict[str, Station]
) -> dict[tuple[str, int], tuple[str, Point]]:
    """Feeds, the stations' busbar sections with their supplying cables, and the ties between sections."""
    buildings = {row["code"]: k for k, row in enumerate(site.tables["buildings"].rows)}
    sections: dict[tuple[str, int], tuple[str, Point]] = {}
    for number, feed in enumerate(site.recipe.value("power.feed")):
        at = Point(float(feed["x"]), float(feed["y"]))
        name = (feed["name_en"], feed["name_zh"])
        busbar = net.bus(at, "feed_busbar", (f"{name[0]}, 10 kV busbar", f"{name[1]}10kV母线"), MV, name[0])
        site.tables["grid_feeds"].add(
            at,
            "grid_feed",
            *name,
            bus_code=busbar,
            kv=MV,
            voltage_pu=float(feed["voltage_pu"]),
            short_circuit_mva=float(feed["short_circuit_mva"]),
            rx_ratio=0.1,
            valid_from=net.year(1995, 2005),
        )
        for place, station in enumerate(stations.values()):
            spot = Point(round(station.at.x - 3.0 + 6.0 * number, 2), round(station.at.y, 2))
            section = ("I", "II")[number]
            feeder = f"{station.name_en} {section}"
            bus = net.bus(
                spot, "busbar", (f"{station.name_en}, busbar {section}", f"{station.name_zh}{section}段母线"), MV,
                feeder, buildings[station.code],
            )  # fmt: skip
            route = draw_incoming(ways, (at.x, at.y), station.at, place, 1 - 2 * number)
            route = _from_frame(at, route)
            names = (f"Incoming cable, {feeder}", f"{station.name_zh}{section}段进线")
            net.medium_line(
                cable(at, route, spot), "incoming", names, (busbar, bus), feeder, INCOMING, ("breaker", "breaker")
            )
            sections[station.name_en, number + 1] = (bus, spot)
    for station in stations.values():
        (one, at), (two, _) = sections[station.name_en, 1], sections[station.name_en, 2]
        middle = Point(at.x + 3.0, at.y)
        net.switch(
            middle, "bus_coupler", (f"Bus coupler, {station.name_en}", f"{station.name_zh}母联开关"), one, tie=two,
            rated_a=1250.0,
        )  # fmt: skip
    return sections


def _from_frame(at: Point, route: LineString) -> LineString:
    """The route from abreast of the place where it enters the frame."""
    return substring(route, route.project(at), route.length)


def _choose(rings: list[Ring], areas: list[Area]) -> list[int]:
    """The nearest ring for each area; transformers that stand in for each other hang on different rings."""
    chosen: list[int] = []
    for k, area in enumerate(areas):
        order = sorted(range(len(rings)), key=lambda n: (round(rings[n].line.distance(area.at), 2), n))
        taken = chosen[area.standby] if 0 <= area.standby < k else -1
        chosen.append(next(n for n in order if n != taken))
    return chosen


def _lay_ring(
    net: Network, ring: Ring, areas: list[tuple[int, Area]], demands: list[Demand],
    sections: dict[tuple[str, int], tuple[str, Point]],
) -> dict[int, Board]:  # fmt: skip
    """The ring's units from both ends to the open point, where the loads on both sides come out most alike."""
    loads = [sum(demands[m].peak_kw for m in area.members) for _, area in areas]
    total = sum(loads)
    split = min(range(1, len(loads)), key=lambda n: (round(abs(2 * sum(loads[:n]) - total), 3), n), default=len(loads))
    boards: dict[int, Board] = {}
    last: list[tuple[str, Point, float]] = []
    halves = ((ring.begin, areas[:split]), (ring.end, areas[split:][::-1]))
    for side, (section, part) in enumerate(halves):
        feeder = f"{ring.name_en} {'AB'[side]}"
        bus, at = sections[section]
        metres = 0.0 if side == 0 else ring.line.length
        for count, (k, area) in enumerate(part):
            here = ring.line.project(area.at)
            unit, board = _unit(net, area, feeder)
            path = cable(at, ring.line, area.at, (metres, here))
            names = (f"{feeder} {count + 1}", f"{ring.name_zh}{'AB'[side]}线{count + 1}段")
            kinds = ("breaker" if count == 0 else "load_break_switch", "load_break_switch")
            net.medium_line(path, "ring", names, (bus, unit), feeder, RING, kinds)
            boards[k] = board
            bus, at, metres = unit, area.at, here
        last.append((bus, at, metres))
    (a, a_at, a_m), (b, b_at, b_m) = last
    feeder = f"{ring.name_en} A"
    end = net.bus(b_at, "cable_end", (f"{ring.name_en}, open cable end", f"{ring.name_zh}开断点电缆头"), MV, feeder)
    path = cable(a_at, ring.line, b_at, (a_m, b_m))
    names = (f"{ring.name_en}, tie cable", f"{ring.name_zh}联络电缆")
    net.medium_line(path, "ring", names, (a, end), feeder, RING, ("load_break_switch", ""))
    net.switch(
        b_at, "load_break_switch", (f"{ring.name_en}, open point", f"{ring.name_zh}开环点开关"), b, tie=end
    )  # fmt: skip
    return boards


def _unit(net: Network, area: Area, feeder: str) -> tuple[str, Board]:
    """A ring-main unit, its transformer and the low-voltage board, in a street cabinet or a building's room."""
    site, at = net.site, area.at
    number = len(site.tables["transformers"].rows) + 1
    if area.host >= 0:
        host: dict[str, Any] = site.tables["buildings"].rows[area.host]
        place, building = (host["name_en"], host["name_zh"]), host["code"]
    else:
        place, building = net.street(at), ""
    unit = net.bus(
        at, "ring_main_unit", (f"Ring-main unit {number}, {place[0]}", f"{place[1]}{number}号环网柜"), MV, feeder,
        area.host,
    )  # fmt: skip
    low = Point(round(at.x + 1.6, 2), at.y)
    board = net.bus(
        low, "lv_board", (f"Board {number}, {place[0]}", f"{place[1]}{number}号配电屏"), LV, feeder, area.host
    )
    rating = area.rating
    flood = min(site.tables["power_buses"].rows[k]["flood_level_m"] for k in (-1, -2))
    for k in (-1, -2):
        site.tables["power_buses"].rows[k]["flood_level_m"] = flood
    middle = Point(round(at.x + 0.8, 2), at.y)
    name = (f"Transformer {number}, {place[0]}", f"{place[1]}{number}号变压器")
    code = site.tables["transformers"].add(
        middle,
        "building_transformer" if area.host >= 0 else "cabinet_transformer",
        *name,
        from_code=unit,
        to_code=board,
        feeder=feeder,
        building_code=building,
        rated_kva=rating.kva,
        primary_kv=MV,
        secondary_kv=SECONDARY_KV,
        uk_percent=rating.uk_percent,
        load_loss_kw=rating.load_loss_kw,
        no_load_loss_kw=rating.no_load_loss_kw,
        no_load_current_percent=rating.no_load_current_percent,
        tap_pos=TAP,
        tap_min=-2,
        tap_max=2,
        tap_step_percent=2.5,
        flood_level_m=flood,
        valid_from=net.year(2002, 2022),
    )
    net.switch(
        at, "fuse_switch", (f"10 kV switch, {name[0]}", f"{name[1]}高压侧开关"), unit, branch=code, rated_a=200.0
    )
    amperes = round(rating.kva / 3**0.5 / SECONDARY_KV / 100 + 0.5) * 100.0
    net.switch(
        low, "lv_breaker", (f"0.4 kV breaker, {name[0]}", f"{name[1]}低压侧开关"), board, branch=code,
        rated_a=amperes,
    )  # fmt: skip
    return unit, Board(board, low, feeder, building, f"{number}, {place[0]}", f"{place[1]}{number}号")


def _standby_ties(net: Network, areas: list[Area], boards: dict[int, Board]) -> None:
    """An open tie between the boards of transformers that stand in for each other; a cable where they lie apart."""
    for k, area in enumerate(areas):
        if area.standby <= k:
            continue
        one, two = boards[k], boards[area.standby]
        begin = one.bus
        if one.at.distance(two.at) > ONE_ROOM_M:
            name = (f"Board {one.name_en}, open cable end at board {two.name_en}", f"{one.name_zh}配电屏联络电缆头")
            begin = net.bus(two.at, "cable_end", name, LV, one.feeder)
            net.line(
                LineString([one.at, two.at]), "low_voltage",
                (f"Tie cable, board {one.name_en}", f"{one.name_zh}联络电缆"), (one.bus, begin), one.feeder, LV,
                LOW[-1], 2,
            )  # fmt: skip
        amperes = round(area.rating.kva / 3**0.5 / SECONDARY_KV / 100 + 0.5) * 100.0
        net.switch(
            two.at, "bus_coupler", (f"Bus coupler, board {one.name_en}", f"{one.name_zh}配电屏母联开关"), two.bus,
            tie=begin, rated_a=amperes,
        )  # fmt: skip
