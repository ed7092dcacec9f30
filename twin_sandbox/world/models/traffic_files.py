"""The files that SUMO reads: network, vehicles with their ways, bus stops, what it writes, and the configuration."""

from collections.abc import Iterator

from twin_sandbox.engines.traffic.engine import PERIOD_S
from twin_sandbox.world.models.traffic_buses import BUS_DWELL_S, BUS_FIRST_S, BUS_LAST_S, BusLine
from twin_sandbox.world.models.traffic_demand import DAY_S, Journey
from twin_sandbox.world.models.traffic_network import Streets
from twin_sandbox.world.models.traffic_paths import Paths

HEADWAY_S = 1.25
"""Time headway of drivers (Krauss, tau): with it a queue discharges at 1,650 to 1,800 vehicles an hour and lane."""
MESO_HEADWAY_S = 1.4
"""The same for the mesoscopic model, between vehicles that drive freely (``meso-tauff``)."""

# The mesoscopic model multiplies its own headways by a type's: there it stays at 1.
_TYPES = """
<vType id="resident" vClass="passenger" tau="{tau}"/>
<vType id="through" vClass="passenger" tau="{tau}"/>
<vType id="bus" vClass="bus" scale="1"/>
<vType id="ambulance" vClass="emergency" speedFactor="1.2" scale="1"/>
"""
_COMMON = (
    ("processing", "time-to-teleport", "-1"),
    ("processing", "ignore-route-errors", "true"),
    ("report", "no-step-log", "true"),
    ("report", "no-warnings", "true"),
    ("report", "error-log", "errors.log"),
    ("output", "precision", "4"),
)
_MESO = (
    ("mesoscopic", "mesosim", "true"),
    ("mesoscopic", "meso-edgelength", "160"),
    ("mesoscopic", "meso-tls-penalty", "1"),
    ("mesoscopic", "meso-tls-flow-penalty", "0.8"),  # part of the yellow is driven
    ("mesoscopic", "meso-minor-penalty", "2"),
    ("mesoscopic", "meso-tauff", str(MESO_HEADWAY_S)),
    ("mesoscopic", "meso-taufj", str(MESO_HEADWAY_S)),
)


def sumo_files(
    net: str, streets: Streets, paths: Paths, journeys: list[Journey], buses: list[BusLine],
    span_s: tuple[float, float], *, micro: bool, seed: int,
) -> dict[str, bytes]:  # fmt: skip
    """Everything that ``sumo -c run.sumocfg`` needs.

    Args:
        net: SUMO's network.
        streets: what it was made from.
        paths: edges in the order in which journeys count them.
        journeys: vehicles in the order of departure.
        buses: lines.
        span_s: beginning of the warm-up and end of the run [s since midnight]; SUMO's time counts from the former.
        micro: microscopic, else mesoscopic.
        seed: SUMO's own chance.
    """
    first_s, _ = span_s
    lengths = {name: edge.line.length for name, edge in streets.edges.items()}
    ways = {way: f"w{k}" for k, way in enumerate(dict.fromkeys(journey.way for journey in journeys))}
    rows = [
        (
            journey.depart_s - first_s,
            _vehicle(k, journey, ways[journey.way], lengths[paths.names[journey.way[0]]], first_s),
        )
        for k, journey in enumerate(journeys)
    ]
    rows += list(_bus_rows(buses, paths, span_s))
    rows.sort(key=lambda row: row[0])
    routes = "".join(
        f'<route id="{name}" edges="{" ".join(paths.names[edge] for edge in way)}"/>\n' for way, name in ways.items()
    )
    types = _TYPES.format(tau=HEADWAY_S if micro else 1)
    vehicles = f"<routes>{types}{routes}{chr(10).join(text for _, text in rows)}\n</routes>\n"
    stops = {
        name: f'<busStop id="{name}" lane="{paths.names[edge]}_0" startPos="{at_m - 8:.2f}" endPos="{at_m + 8:.2f}"/>\n'
        for line in buses
        for name, edge, at_m in line.stops
    }
    more = f"<additional>\n{''.join(stops.values())}{edge_data()}</additional>\n"
    return {
        "net.xml": net.encode(),
        "vehicles.rou.xml": vehicles.encode(),
        "more.add.xml": more.encode(),
        "run.sumocfg": configuration(
            (*_COMMON, *(() if micro else _MESO), ("random_number", "seed", str(seed)), ("time", "begin", "0"))
        ).encode(),
    }


def edge_data() -> str:
    """What SUMO writes of its edges: seconds that vehicles spent, and their mean speed, each minute."""
    return (
        f'<edgeData id="streets" file="edges.xml" freq="{PERIOD_S}" excludeEmpty="true" '
        'writeAttributes="sampledSeconds speed"/>\n'
    )


def configuration(options: tuple[tuple[str, str, str], ...]) -> str:
    """SUMO's configuration: section, option, value."""
    inputs = (("input", "net-file", "net.xml"), ("input", "route-files", "vehicles.rou.xml"),
              ("input", "additional-files", "more.add.xml"))  # fmt: skip
    text = "<configuration>\n"
    for section in dict.fromkeys(section for section, _, _ in (*inputs, *options)):
        own = "".join(f'  <{name} value="{value}"/>\n' for part, name, value in (*inputs, *options) if part == section)
        text += f" <{section}>\n{own} </{section}>\n"
    return text + "</configuration>\n"


def _vehicle(number: int, journey: Journey, way: str, length_m: float, first_s: float) -> str:
    # a through vehicle comes at speed, a resident's pulls out
    start = (
        'departSpeed="max"'
        if journey.kind == "through"
        else (f'departPos="{max(min(journey.from_m, length_m - 25.0), 0.0):.1f}"')
    )
    return (
        f'<vehicle id="{journey.kind[0]}{number}" type="{journey.kind}" depart="{journey.depart_s - first_s:.1f}" '
        f'{start} departLane="best" route="{way}"/>'
    )


def _bus_rows(buses: list[BusLine], paths: Paths, span_s: tuple[float, float]) -> Iterator[tuple[float, str]]:
    first_s, last_s = span_s
    for line in buses:
        stops = "".join(f'<stop busStop="{name}" duration="{BUS_DWELL_S}"/>' for name, _, _ in line.stops)
        route = f'<route edges="{" ".join(paths.names[edge] for edge in line.way)}"/>'
        for day in range(int(first_s // DAY_S), int(last_s // DAY_S) + 1):
            for at in range(BUS_FIRST_S, BUS_LAST_S + 1, round(60 * line.headway_min)):
                moment = at + DAY_S * day
                if first_s <= moment < last_s:
                    depart = f"{moment - first_s:.1f}"
                    head = f'<vehicle id="{line.name}:{moment}" type="bus" depart="{depart}">'
                    yield moment - first_s, f"{head}{route}{stops}</vehicle>"
