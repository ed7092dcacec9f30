"""Who drives in a district: trips of persons, and traffic that only passes through; each with its way.

Of the trips of persons those are driven here that have a driver of their own (``drives``); who rides along, takes a
taxi, a bus, an e-bike or walks adds no car. Traffic that passes through is what the design peak hour of the streets
(``vehicles_per_h``) leaves over those trips.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.world.models.people_days import DAY_BEGINS_S, kind_of, plan_day, population
from twin_sandbox.world.models.traffic_network import Streets
from twin_sandbox.world.models.traffic_paths import Paths

if TYPE_CHECKING:
    import geopandas as gpd

    from twin_sandbox.entities import District

DAY_S = 86_400
HOURLY_PERCENT = (
    1.0, 0.7, 0.5, 0.5, 0.7, 1.5, 4.0, 7.7, 9.0, 6.4, 5.3, 5.1,
    5.0, 5.1, 5.3, 5.8, 6.9, 8.6, 7.5, 5.0, 3.6, 2.4, 1.4, 1.0,
)  # fmt: skip
"""Traffic through the gates by hour of a weekday, as a share of the day's: two peaks, the higher 9 %. Rule of this
project."""
PEAK_H = 8
GATE_SIDES = {"W": (0, -1.0), "N": (1, 1.0), "E": (0, 1.0)}
"""Side of the frame → axis and direction in which it lies."""
AT_FRAME_M = 30.0


_COLUMNS = ("depart_s", "from_place", "to_place", "distance_m", "outside_distance_m", "duration_s")


@dataclass(frozen=True)
class Spot:
    """A place on the streets: an edge of either direction, each with the way along it [m]."""

    edges: tuple[tuple[int, float], ...]
    enters: bool = False
    """Whether the place is a gate, where vehicles come from and go to the streets beyond."""


@dataclass(frozen=True)
class Journey:
    """One vehicle: when it departs, its edges (indices), and where on the first and the last it starts and ends [m]."""

    depart_s: float
    way: tuple[int, ...]
    from_m: float
    to_m: float
    kind: str


class Places:
    """Where every code lies on the streets.

    Args:
        district: whose.
        streets: the street graph.
        paths: the quickest ways through it.
    """

    def __init__(self, district: "District", streets: Streets, paths: Paths) -> None:
        import shapely

        self._district, self._streets, self._paths = district, streets, paths
        self._codes = [name for name in paths.names if not name.startswith("-")]
        self._lines = [streets.edges[name].line for name in self._codes]
        self._tree = shapely.STRtree(self._lines)

    def gates(self) -> dict[str, list[tuple[int, int]]]:
        """Side of the frame → (edge in, edge out) of each street end there."""
        nodes = np.array([[x, y] for _, _, x, y in self._streets.nodes])
        far = {1.0: nodes.max(axis=0), -1.0: nodes.min(axis=0)}
        found: dict[str, list[tuple[int, int]]] = {}
        ends = [k for k, (_, kind, _, _) in enumerate(self._streets.nodes) if kind == "frame_edge"]
        for node in ends:
            enter = next(k for k, name in enumerate(self._paths.names) if self._streets.edges[name].start == node)
            leave = next(k for k, name in enumerate(self._paths.names) if self._streets.edges[name].end == node)
            for side, (axis, sign) in GATE_SIDES.items():
                if abs(nodes[node, axis] - far[sign][axis]) <= AT_FRAME_M:
                    found.setdefault(side, []).append((enter, leave))
        return found

    def of_table(self, table: "gpd.GeoDataFrame") -> dict[str, Spot]:
        """The spot of each row of a table: the point of the nearest street."""
        import shapely

        middles = shapely.centroid(table.geometry.to_numpy())
        middles = shapely.transform(middles, lambda xy: xy - self._streets.origin_m)
        nearest = self._tree.nearest(middles)
        along = shapely.line_locate_point(np.asarray(self._lines)[nearest], middles)
        return {
            str(code): self._spot(self._codes[street], float(m))
            for code, street, m in zip(table.index, nearest, along, strict=True)
        }

    def _spot(self, code: str, along_m: float) -> Spot:
        length = self._streets.edges[code].line.length
        pairs = [(code, along_m), (f"-{code}", length - along_m)]
        return Spot(tuple((self._paths.index[name], m) for name, m in pairs if name in self._paths.index))

    def all(self) -> dict[str, Spot]:
        """Buildings, parks, streets, street nodes and gates (``"W"`` …) by code."""
        spots: dict[str, Spot] = {}
        for name in ("buildings", "parks", "street_nodes", "streets"):
            spots.update(self.of_table(self._district.entities[name]))
        for code in self._codes:
            spots[code] = self._spot(code, self._streets.edges[code].line.length / 2)
        for side, pairs in self.gates().items():
            spots[side] = Spot(tuple((edge, 0.0) for pair in pairs for edge in pair), enters=True)
        return spots


def connect(paths: Paths, lengths_m: NDArray[np.float64], start: Spot, end: Spot) -> Journey | None:
    """The quickest journey from one spot to another, or none."""
    best: tuple[float, int, int, float, float] | None = None
    for a, from_m in start.edges:
        for b, to_m in end.edges:
            goal_m = float(lengths_m[b]) if end.enters else to_m
            if a == b and goal_m < from_m + 5.0:
                continue
            cost = (
                paths.cost_s[a, b]
                + (goal_m / lengths_m[b]) * paths.edge_s[b]
                - (from_m / lengths_m[a]) * paths.edge_s[a]
            )
            if math.isfinite(cost) and (best is None or cost < best[0]):
                best = (float(cost), a, b, from_m, goal_m)
    if best is None:
        return None
    _, a, b, from_m, goal_m = best
    return Journey(0.0, tuple(paths.way(a, b)), from_m, goal_m, "resident")


def person_journeys(
    trips: "pd.DataFrame", paths: Paths, spots: dict[str, Spot], lengths_m: NDArray[np.float64]
) -> list[Journey]:
    """The driven ones of some trips (rows of the district's table ``trips``).

    Who comes from beyond a gate appears there after the part of the trip's time that belongs to the way outside.
    """
    trips = trips[trips["drives"].astype(bool)]
    known: dict[tuple[str, str], Journey | None] = {}
    journeys = []
    for depart, origin, destination, distance, outside, duration in zip(
        *(trips[column].tolist() for column in _COLUMNS), strict=True
    ):
        pair = (origin, destination)
        if pair not in known:
            known[pair] = connect(paths, lengths_m, spots[origin], spots[destination])
        way = known[pair]
        if way is None:
            continue
        late_s = duration * outside / distance if spots[origin].enters and distance else 0.0
        journeys.append(Journey(round(depart + late_s, 1), way.way, way.from_m, way.to_m, "resident"))
    return journeys


def trips_of_days(
    district: "District",
    midnight: "pd.Timestamp",
    first_s: float,
    last_s: float,
    day_kind: str | None,
    seed: int,
    stay_home_share: float = 0.0,
) -> "pd.DataFrame":
    """The trips that people make from one moment to another [s since that midnight], on each day by its kind.

    The same days as the people engine's (`twin_sandbox.world.models.people_days`), with the gates kept.

    Raises:
        TwinError: no such kind of day.
    """
    people = population(district)
    table = district.facts["trips"]
    person = pd.Index(people.codes).get_indexer(pd.Index(table["person_code"]))
    table = table.assign(person=person).sort_values(["person", "depart_s"], kind="stable", ignore_index=True)
    kept = {column: table[column] for column in _COLUMNS if column not in {"depart_s", "duration_s"}}
    people = replace(people, trips=people.trips.assign(**kept))
    found = []
    for number in range(math.floor((first_s - DAY_BEGINS_S) / DAY_S), math.ceil((last_s - DAY_BEGINS_S) / DAY_S)):
        date = midnight + pd.Timedelta(days=number)
        kind = day_kind or kind_of(date)
        trips = plan_day(people, kind, (seed, date.toordinal()), stay_home_share).trips
        found.append(trips.assign(depart_s=trips["depart_s"] + DAY_S * number))
    return pd.concat(found, ignore_index=True)


def through_flows(
    streets: Streets,
    paths: Paths,
    gates: dict[str, list[tuple[int, int]]],
    design_per_h: dict[str, float],
    journeys: list[Journey],
) -> dict[tuple[int, int], float]:
    """Vehicles in the peak hour from gate to gate: those that bring each direction closest to half its design flow.

    Nonnegative least squares over the edges, after what persons drive in the peak hour.
    """
    from scipy.optimize import nnls

    every = [pair for pairs in gates.values() for pair in pairs]
    pairs = [
        (enter, leave)
        for enter, back in every
        for _, leave in every
        if back != leave and math.isfinite(paths.cost_s[enter, leave])
    ]
    target = np.array([design_per_h[streets.edges[name].code] / 2 for name in paths.names])
    for journey in journeys:
        if PEAK_H * 3600 <= journey.depart_s < (PEAK_H + 1) * 3600:
            target[list(journey.way)] -= 1.0
    use = np.zeros((len(target), len(pairs)))
    for k, pair in enumerate(pairs):
        use[paths.way(*pair), k] = 1.0
    flows, _ = nnls(use, np.maximum(target, 0.0))
    return {pair: float(flow) for pair, flow in zip(pairs, flows, strict=True) if flow > 0.5}


def through_journeys(
    paths: Paths,
    lengths_m: NDArray[np.float64],
    flows: dict[tuple[int, int], float],
    day: int,
    span_s: tuple[float, float],
    rng: np.random.Generator,
) -> list[Journey]:
    """Traffic from gate to gate on one day, as far as it falls in a span of time.

    Hourly numbers are rounded by chance, moments drawn evenly within the hour and a quarter of one around it.

    Args:
        paths: ways.
        lengths_m: of the edges.
        flows: vehicles in the peak hour from one edge to another.
        day: number of the day; day 0 begins at second 0.
        span_s: from when to when.
        rng: chance of that day.
    """
    journeys = []
    for (enter, leave), flow in flows.items():
        way, to_m = tuple(paths.way(enter, leave)), float(lengths_m[leave])
        counts = [int(flow * percent / HOURLY_PERCENT[PEAK_H] + rng.random()) for percent in HOURLY_PERCENT]
        hour = np.repeat(np.arange(24), counts)
        # half an hour of blur, so that no hour begins with a jolt
        clock_h = hour + rng.random(len(hour)) + 0.5 * (rng.random(len(hour)) - 0.5)
        moments = np.round(DAY_S * day + 3600.0 * (clock_h % 24.0), 1)
        moments = moments[(moments >= span_s[0]) & (moments < span_s[1])]
        journeys += [Journey(moment, way, 0.0, to_m, "through") for moment in moments.tolist()]
    return journeys


def of_run(
    district: "District",
    streets: Streets,
    paths: Paths,
    places: Places,
    midnight: "pd.Timestamp",
    span_s: tuple[float, float],
    day_kind: str | None,
    seed: int,
    stay_home_share: float = 0.0,
) -> list[Journey]:
    """Everybody who drives from one moment to another [s since that midnight], in the order of departure.

    As many pass through on a day off as on a working day: the district's tables say nothing of them.
    """
    lengths_m = np.array([streets.edges[name].line.length for name in paths.names])
    spots = places.all()
    first_s, last_s = span_s
    journeys = person_journeys(
        trips_of_days(district, midnight, first_s, last_s, day_kind, seed, stay_home_share), paths, spots, lengths_m
    )
    design = {str(code): float(flow) for code, flow in district.entities["streets"]["vehicles_per_h"].items()}
    ordinary = person_journeys(district.facts["trips"], paths, spots, lengths_m)
    flows = through_flows(streets, paths, places.gates(), design, ordinary)
    for number in range(math.floor(first_s / DAY_S), math.ceil(last_s / DAY_S)):
        rng = np.random.default_rng((seed, 7, (midnight + pd.Timedelta(days=number)).toordinal()))
        journeys += through_journeys(paths, lengths_m, flows, number, span_s, rng)
    return sorted((way for way in journeys if first_s <= way.depart_s < last_s), key=lambda way: way.depart_s)


def through_edges(journeys: list[Journey], paths: Paths, kept: frozenset[str]) -> list[Journey]:
    """What is left of journeys on a few edges: each at the time at which it gets there when streets are empty."""
    here = {paths.index[name] for name in kept}
    found = []
    for journey in journeys:
        own = [k for k, edge in enumerate(journey.way) if edge in here]
        if len(own) < 2:
            continue
        first, last = own[0], own[-1]
        if last - first != len(own) - 1:
            continue
        late_s = paths.cost_s[journey.way[0], journey.way[first]]
        found.append(
            Journey(
                round(journey.depart_s + float(late_s), 1),
                journey.way[first : last + 1],
                journey.from_m if first == 0 else 0.0,
                journey.to_m,
                journey.kind,
            )
        )
    return sorted(found, key=lambda journey: journey.depart_s)
