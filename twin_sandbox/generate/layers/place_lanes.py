"""Lanes, signals and crossings.

Lane widths of 3.0 to 3.5 m and the place of cycle lanes follow CJJ 37; traffic keeps to the right.
"""

import math

import numpy as np
from shapely.geometry import LineString, Point

from twin_sandbox.generate.layers.place_network import STOP_LINE_M, Network, beside, frame, free_line
from twin_sandbox.generate.layers.site import Site

# from the centre line to the kerb: offset of the lane's middle, width, kind, who may use it
SECTIONS: dict[str, tuple[tuple[float, float, str, str], ...]] = {
    "arterial": (
        (2.25, 3.5, "general_lane", "car"),
        (5.75, 3.5, "general_lane", "car bus"),
        (9.75, 3.0, "cycle_lane", "bicycle"),
    ),
    "collector": ((1.75, 3.5, "general_lane", "car bus"), (4.4, 1.8, "cycle_lane", "bicycle")),
    "local": ((1.5, 3.0, "general_lane", "car bus bicycle"),),
    "underpass": ((1.9, 3.5, "general_lane", "car bus"), (5.0, 2.5, "cycle_lane", "bicycle")),
}
LANE_ZH = {"general_lane": "机动车道", "cycle_lane": "非机动车道"}
YELLOW_S, ALL_RED_S = 3, 2
ZEBRA_M = {"arterial": 5.0, "collector": 5.0, "local": 4.0}
WALKING_M_S = 1.0  # the slower walker, for whom a green is long enough
LEAST_MIDBLOCK_M = 45.0  # a crossing between junctions pays only where the next one is further


def add_lanes(site: Site, network: Network) -> None:
    """Fill ``lanes``: one row a lane from stop line to junction, in the direction of travel."""
    for k, street in enumerate(site.draft.streets):
        pavement = round(60.0 + 38.0 * float(site.rng.random()))
        for direction, sign in (("forward", -1.0), ("backward", 1.0)):
            start, end = network.ends[k] if sign < 0 else network.ends[k][::-1]
            for index, (offset, width, kind, allowed) in enumerate(SECTIONS[street.street_class], start=1):
                line = _lane_line(site, network, k, sign * offset)
                site.tables["lanes"].add(
                    line,
                    kind,
                    f"{street.name_en}, {direction} lane {index}",
                    f"{street.name_zh}{'正' if sign < 0 else '反'}向第{index}{LANE_ZH[kind]}",
                    from_code=network.codes[start],
                    to_code=network.codes[end],
                    street_code=network.streets[k],
                    direction=direction,
                    lane_index=index,
                    offset_m=offset,
                    width_m=width,
                    allowed=allowed,
                    speed_kmh=20 if kind == "cycle_lane" else street.speed_kmh,
                    pavement_index=pavement,
                )


def _lane_line(site: Site, network: Network, street: int, offset_m: float) -> LineString:
    whole = site.draft.streets[street].line
    middle = free_line(network, site, street, STOP_LINE_M) or free_line(network, site, street) or whole
    line = beside(middle, offset_m)
    line = line.intersection(frame(site))
    return line.reverse() if offset_m > 0 else line


def add_signals(site: Site, network: Network) -> None:
    """Fill ``signals``: fixed time; two phases, three with a protected left turn where two arterials meet."""
    number = 0
    for node, at in enumerate(network.points):
        if not network.signalised[node]:
            continue
        number += 1
        arms = [site.draft.streets[k] for k in network.arms[node]]
        arterials = {s.name_en for s in arms if s.street_class == "arterial"}
        phases = 3 if len(arterials) >= 2 else 2
        cycle = {0: 70, 1: 90}.get(len(arterials), 120) + 5 * int(site.rng.integers(-1, 2))
        left = 18 if phases == 3 else 0
        green = cycle - phases * (YELLOW_S + ALL_RED_S) - left
        walk = math.ceil(max(s.width_m for s in arms) / 2 / WALKING_M_S) + 7  # to the refuge in the middle
        share = 0.6 if len(arterials) == 1 else 0.5
        side = max(round(green * (1 - share)), walk)
        site.tables["signals"].add(
            Point(at),
            "fixed_time_signal",
            f"Signals {number}, {' / '.join(sorted({s.name_en for s in arms}))}",
            f"{number}号信号灯（{'、'.join(sorted({s.name_zh for s in arms}))}）",
            node_code=network.codes[node],
            controller=f"TSC-{number:02d}",
            phases=phases,
            cycle_s=cycle,
            main_green_s=green - side,
            side_green_s=side,
            left_green_s=left,
            pedestrian_green_s=walk,
            yellow_s=YELLOW_S,
            all_red_s=ALL_RED_S,
            offset_s=round(float(at[0]) / 11.0) % cycle,  # a green wave eastward at 40 km/h
        )


def _zebra(site: Site, street: int, at_m: float) -> LineString:
    """From kerb to kerb, square to the street."""
    own = site.draft.streets[street]
    a, b = own.line.interpolate(max(at_m - 1.0, 0.0)), own.line.interpolate(min(at_m + 1.0, own.line.length))
    size = float(np.sqrt((b.x - a.x) ** 2 + (b.y - a.y) ** 2))
    nx, ny = -(b.y - a.y) / size * own.width_m / 2, (b.x - a.x) / size * own.width_m / 2
    spot = own.line.interpolate(at_m)
    return LineString([(spot.x - nx, spot.y - ny), (spot.x + nx, spot.y + ny)])


def _add_crossing(site: Site, network: Network, street: int, at_m: float, kind: str, node: int | None) -> None:
    own = site.draft.streets[street]
    line = _zebra(site, street, at_m)
    if not line.within(frame(site)):
        return
    site.tables["crossings"].add(
        line,
        kind,
        f"Crossing of {own.name_en}",
        f"{own.name_zh}人行横道",
        street_code=network.streets[street],
        node_code="" if node is None else network.codes[node],
        length_m=round(own.width_m, 2),
        width_m=ZEBRA_M[own.street_class],
        signalised=kind == "signalised",
    )


def add_crossings(site: Site, network: Network) -> None:
    """Fill ``crossings`` at junctions: with signals where those are, plain zebras over collectors and arterials."""
    for node, arms in enumerate(network.arms):
        for street in arms:
            own = site.draft.streets[street]
            first = network.ends[street][0] == node
            clear = network.clear_m[street][0 if first else 1]
            if len(arms) < 3 or own.street_class == "underpass" or clear == 0:
                continue
            at = clear + STOP_LINE_M / 2
            if at > own.line.length / 2:
                continue
            kind = "signalised" if network.signalised[node] else "zebra"
            _add_crossing(site, network, street, at if first else own.line.length - at, kind, node)


def add_midblock_crossings(site: Site, network: Network, wishes: list[Point]) -> None:
    """Crossings between junctions, near schools and bus stops, where the next one is far."""
    lines = [s.line for s in site.draft.streets]
    for spot in wishes:
        street = min(range(len(lines)), key=lambda k: (round(lines[k].distance(spot), 2), k))
        if site.draft.streets[street].street_class == "underpass":
            continue
        at = lines[street].project(spot) + 12.0
        gaps = network.clear_m[street]
        here = lines[street].interpolate(at)
        x, y = site.recipe.number("district.x_min_m"), site.recipe.number("district.y_min_m")
        others = [row["geometry"] for row in site.tables["crossings"].rows]
        near = min((other.distance(Point(here.x + x, here.y + y)) for other in others), default=np.inf)
        if near > LEAST_MIDBLOCK_M and gaps[0] + 10 < at < lines[street].length - gaps[1] - 10:
            _add_crossing(site, network, street, at, "midblock", None)
