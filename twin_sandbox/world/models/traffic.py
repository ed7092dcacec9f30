"""The district as a SUMO model: its streets and signals, who drives on a day, its buses; and any other SUMO model."""

from typing import TYPE_CHECKING

from twin_sandbox.data import cache_folder
from twin_sandbox.engines.traffic.engine import IMPASSABLE_M, Call, Traffic, TrafficModel
from twin_sandbox.errors import TwinError
from twin_sandbox.world.models import traffic_demand as demand
from twin_sandbox.world.models.traffic_buses import bus_lines
from twin_sandbox.world.models.traffic_files import sumo_files
from twin_sandbox.world.models.traffic_network import around, network, read_streets
from twin_sandbox.world.models.traffic_paths import quickest

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario

WARM_UP_S = 900
"""The streets fill for this time before a run begins."""
MICRO_MOST_S = 6 * 3600
"""The microscopic model costs twenty times the mesoscopic: no longer horizon than this."""


def traffic_model(
    district: "District",
    start: "pd.Timestamp",
    horizon_s: int,
    *,
    day_kind: str | None = None,
    calls: tuple[Call, ...] = (),
    micro: bool = False,
    junction: str | None = None,
    seed: int = 0,
    stay_home_share: float = 0.0,
    close_above_m: float = IMPASSABLE_M,
) -> TrafficModel:
    """The district's traffic from a moment on.

    Args:
        district: whose streets and people.
        start: moment, with its zone.
        horizon_s: length [s].
        day_kind: kind of day by the district's table ``day_kinds``; None: by the calendar.
        calls: ambulances known beforehand.
        micro: microscopic; at most 6 h.
        junction: code of a signal: that junction alone with the streets that meet there, microscopic, each vehicle
            coming when it would get there through empty streets.
        seed: of SUMO and of the moments at which vehicles pass through.
        stay_home_share: share of people who make none of their trips.
        close_above_m: depth of water above which streets are shut [m]; nobody drives where it is deeper than 0.3 m.

    Raises:
        TwinError: no such kind of day or signal, a horizon that is not allowed, or netconvert refuses the streets.
    """
    micro = micro or junction is not None
    if horizon_s <= 0 or (micro and horizon_s > MICRO_MOST_S):
        allowed = f"1 s to {MICRO_MOST_S} s microscopic" if micro else "more than 0 s"
        raise TwinError("traffic model, horizon_s", f"{horizon_s}", f"{allowed}.")
    streets = read_streets(district)
    paths = quickest(streets)
    begin = start.tz_convert("Asia/Shanghai")
    midnight = begin.normalize()
    # SUMO's time begins with the warm-up, so that it is never negative
    first_s = (begin - midnight).total_seconds() - WARM_UP_S
    span_s = (first_s, first_s + WARM_UP_S + horizon_s)
    places = demand.Places(district, streets, paths)
    journeys = demand.of_run(district, streets, paths, places, midnight, span_s, day_kind, seed, stay_home_share)
    buses = bus_lines(district, streets, paths)
    if junction is not None:
        streets = around(streets, junction)
        journeys, buses = demand.through_edges(journeys, paths, frozenset(streets.edges)), []
    net = network(streets, cache_folder() / "networks")
    files = sumo_files(net, streets, paths, journeys, buses, span_s, micro=micro, seed=seed)
    own: dict[str, list[str]] = {}
    for name, edge in streets.edges.items():
        own.setdefault(edge.code, []).append(name)
    return TrafficModel(
        files=files,
        streets={code: tuple(names) for code, names in own.items()},
        lengths_m={name: edge.line.length for name, edge in streets.edges.items()},
        limits_m_s={name: edge.speed_m_s for name, edge in streets.edges.items()},
        lanes={name: edge.lanes for name, edge in streets.edges.items()},
        signals={str(row["code"]): str(row["code"]) for row in streets.signals.values()},
        cycle_spare_s={
            str(row["code"]): float(row["main_green_s"] + row["side_green_s"])  # type: ignore[operator]
            for row in streets.signals.values()
        },
        scaled={"trips": ("resident",), "through": ("through",)},
        places={
            code: tuple((paths.names[edge], round(along, 1)) for edge, along in spot.edges)
            for code, spot in places.all().items()
            if junction is None
        },
        calls=calls,
        close_above_m=min(close_above_m, IMPASSABLE_M),
        origin_m=streets.origin_m,
        start_s=WARM_UP_S,
        horizon_s=horizon_s,
        micro=micro,
    )


def engine(district: "District", scenario: "Scenario", reality: "Reality") -> Traffic:
    """The traffic engine of a run."""
    del reality  # none of its deviations is the traffic's
    from twin_sandbox.world.events import AmbulanceCall

    calls = tuple(
        Call((event.start - scenario.start).total_seconds(), event.origin, event.destination)
        for event in scenario.events
        if isinstance(event, AmbulanceCall)
    )
    return Traffic(
        traffic_model(
            district,
            scenario.start,
            round(scenario.horizon_h * 3600),
            day_kind=scenario.day_kind,
            calls=calls,
            seed=scenario.seed,
            stay_home_share=scenario.policies.stay_home_share,
            close_above_m=scenario.policies.close_street_above_m or IMPASSABLE_M,
        )
    )
