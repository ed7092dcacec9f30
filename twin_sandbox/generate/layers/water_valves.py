"""Valves of the supply: gates that shut a burst off, reducing and check valves at the feeds."""

from collections import defaultdict

from shapely.geometry import LineString, Point

from twin_sandbox.generate.layers.site import Site
from twin_sandbox.generate.layers.water_design import Design
from twin_sandbox.generate.layers.water_mains import Feed

VALVE_OFF_M = 1.6  # a valve stands so far from its junction


def add_valves(site: Site, design: Design, nodes: list[str], codes: list[str]) -> None:
    """Reducing and check valves at the feeds; at each junction of n ≥ 3 pipes n − 1 gates, so that a burst can be shut.

    The widest pipe goes without, unless all are wide: then each has its gate.
    """
    net, pipes = design.net, design.pipes
    zone_head = site.draft.recipe.number("water.zone_head_m")
    legs: dict[int, list[int]] = defaultdict(list)
    for k, pipe in enumerate(pipes):
        legs[pipe.a].append(k)
        legs[pipe.b].append(k)
    for count, feed in enumerate(net.feeds, 1):
        _feed_valves(site, design, nodes, feed, codes[legs[feed.source][0]], zone_head, count)
    wide = site.draft.recipe.number("water.diameter_m.arterial")
    for node in sorted(legs):
        if len(legs[node]) < 3:
            continue
        ordered = sorted(legs[node], key=lambda k: (pipes[k].diameter_m, k))
        gated = ordered if pipes[ordered[0]].diameter_m >= wide else ordered[:-1]
        for k in gated:
            line = net.mains[k].line
            off = min(VALVE_OFF_M, line.length / 3)
            spot = line.interpolate(off if net.mains[k].a == node else line.length - off)
            _gate(site, spot, codes[k], nodes[node], pipes[k].diameter_m, design.since(node))


def _gate(site: Site, spot: Point, pipe: str, junction: str, size_m: float, since: str) -> None:
    count = len(site.tables["water_valves"].rows) + 1
    site.tables["water_valves"].add(
        spot,
        "gate",
        f"Gate valve {count} DN{round(size_m * 1000)}",
        f"{count}号闸阀DN{round(size_m * 1000)}",
        from_code="",
        to_code="",
        pipe_code=pipe,
        junction_code=junction,
        diameter_m=size_m,
        setting_m=0.0,
        epanet_id="",
        valid_from=since,
    )


def _feed_valves(
    site: Site, design: Design, nodes: list[str], feed: Feed, pipe_code: str, zone_head_m: float, count: int
) -> None:
    net = design.net
    before, behind = Point(net.at[feed.before]), Point(net.at[feed.behind])
    size = site.draft.recipe.number("water.diameter_m.feed")
    since = design.since(feed.source)
    site.tables["water_valves"].add(
        LineString([before, behind]).interpolate(0.5, normalized=True),
        "prv",
        f"Pressure reducing valve {count}",
        f"{count}号减压阀",
        from_code=nodes[feed.before],
        to_code=nodes[feed.behind],
        pipe_code="",
        junction_code="",
        diameter_m=size,
        setting_m=round(zone_head_m - design.ground_m[feed.behind], 2),
        epanet_id=f"V{count}",
        valid_from=since,
    )
    site.tables["water_valves"].add(
        LineString([net.at[feed.source], before]).interpolate(0.8, normalized=True),
        "check",
        f"Check valve {count}",
        f"{count}号止回阀",
        from_code="",
        to_code="",
        pipe_code=pipe_code,
        junction_code=nodes[feed.before],
        diameter_m=size,
        setting_m=0.0,
        epanet_id="",
        valid_from=since,
    )
