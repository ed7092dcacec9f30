"""Which buildings share a transformer, and where it stands."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Point

from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.power_cables import LARGEST_KW, Rating, choose_rating
from twin_sandbox.generate.layers.power_demand import Demand

OWN_KW = 180.0
"""From this peak on a building has a transformer room of its own."""
AREA_KW = 365.0
"""What a street cabinet of 630 kVA feeds at most."""
LEAST_KW = 110.0
REACH_M = 105.0
"""From the middle of an area to its furthest building; low voltage is to reach 150 to 250 m at most (DL/T 5729)."""
WALL_M = 3.0
APART_M = 14.0


@dataclass
class Area:
    """Buildings, by number, behind one transformer; ``host`` is the building whose room it stands in, -1 for a street.

    ``standby`` is the area whose transformer can take this one's load over, -1 for none.
    """

    members: list[int]
    host: int
    at: Point
    rating: Rating
    standby: int = -1


def draw_areas(draft: Draft, demands: list[Demand], pumps_kw: float) -> list[Area]:
    """Split the blocks' buildings into areas and find a place for each transformer.

    The drainage pumping station has two transformers, each strong enough for all its pumps (GB 50014-2021: two feeds).
    """
    spots = np.array([shapely.centroid(b.footprint).coords[0] for b in draft.buildings])
    peaks = np.array([demand.peak_kw for demand in demands])
    uses = [b.use for b in draft.buildings]
    hosts = [k for k in range(len(peaks)) if peaks[k] >= OWN_KW or uses[k] == "hospital"]
    station = next((k for k, use in enumerate(uses) if use == "pumping station"), -1)
    shared: dict[int, list[int]] = {}
    for k, building in enumerate(draft.buildings):
        if k not in hosts and k != station:
            middle = shapely.centroid(building.footprint)
            block = min(range(len(draft.blocks)), key=lambda n: (draft.blocks[n].shape.distance(middle), n))
            shared.setdefault(block, []).append(k)
    groups = [part for block in sorted(shared) for part in _split(shared[block], spots, peaks)]
    owned = [[k] for k in hosts] + ([[station]] if station >= 0 else [])
    kinds = _merge([*owned, *groups], len(owned), spots, peaks, uses)
    areas: list[Area] = []
    kerbs = _kerbside(draft)
    for members, owner in kinds:
        load = float(peaks[members].sum())
        if owner:
            host = members[0]
            at = _room(draft, host)
            rating = choose_rating(pumps_kw + load, 0.95) if host == station else choose_rating(load)
            areas.append(Area(members, host, at, rating))
            if host == station:
                areas.append(Area([], host, Point(at.x + 6.0, at.y), rating))
        else:
            areas.append(Area(members, -1, _cabinet(kerbs, spots[members], peaks[members], areas), choose_rating(load)))
    _pair(areas, uses)
    return areas


def _split(members: list[int], spots: Floats, peaks: Floats) -> list[list[int]]:
    """Halve a group by load across its longer side until it is small enough for one transformer."""
    points = spots[members]
    middle = points.mean(axis=0)
    reach = float(np.sqrt(((points - middle) ** 2).sum(axis=1)).max())
    if len(members) == 1 or (peaks[members].sum() <= AREA_KW and reach <= REACH_M):
        return [members]
    axis = int(np.ptp(points[:, 1]) > np.ptp(points[:, 0]))
    ordered = sorted(members, key=lambda k: (float(spots[k, axis]), k))
    load = np.cumsum(peaks[ordered])
    cut = min(max(1, int(np.searchsorted(load, load[-1] / 2))), len(ordered) - 1)
    return [*_split(ordered[:cut], spots, peaks), *_split(ordered[cut:], spots, peaks)]


def _merge(
    groups: list[list[int]], owned: int, spots: Floats, peaks: Floats, uses: list[str]
) -> list[tuple[list[int], bool]]:
    """Give areas too small for a transformer of their own to the neighbour that has room for them."""
    live = {k: list(group) for k, group in enumerate(groups)}
    for k in sorted((k for k in live if k >= owned), key=lambda k: (float(peaks[live[k]].sum()), k)):
        load = float(peaks[live[k]].sum())
        if load >= LEAST_KW:
            continue
        options = []
        for other, group in live.items():
            if other == k or uses[group[0]] == "hospital":
                continue
            together = float(peaks[group].sum()) + load
            middle = spots[group[0]] if other < owned else spots[group].mean(axis=0)
            reach = float(np.sqrt(((spots[live[k]] - middle) ** 2).sum(axis=1)).max())
            if together <= (LARGEST_KW if other < owned else AREA_KW) and (reach <= 1.35 * REACH_M or load < 5.0):
                options.append((reach, other))
        if options:
            live[min(options)[1]] += live.pop(k)
    return [(group, k < owned) for k, group in live.items()]


def _room(draft: Draft, building: int) -> Point:
    """A place inside a building, by the wall nearest to a street."""
    footprint = draft.buildings[building].footprint
    inner = footprint.buffer(-WALL_M)
    inner = footprint.representative_point() if inner.is_empty else inner
    street = min((s.line for s in draft.streets if s.street_class != "underpass"), key=footprint.distance)
    spot = shapely.shortest_line(inner, street).coords[0]
    return Point(round(spot[0], 2), round(spot[1], 2))


def _kerbside(draft: Draft) -> Floats:
    """Places for cabinets behind the pavement, clear of buildings and crossings, [n, 2]."""
    ends = shapely.multipoints([street.line.coords[k] for street in draft.streets for k in (0, -1)])
    taken = shapely.union_all([b.footprint for b in draft.buildings]).buffer(2.5)
    roads = shapely.union_all([s.line.buffer(s.width_m / 2 + 1.0) for s in draft.streets])
    spots = []
    for street in draft.streets:
        if street.street_class == "underpass":
            continue
        for side in (1, -1):
            edge = street.line.offset_curve(side * (street.width_m / 2 + 2.5))
            steps = np.arange(12.0, max(12.1, edge.length - 12.0), 6.0)
            spots += [shapely.line_interpolate_point(edge, steps)]
    points = np.concatenate(spots)
    shapely.prepare(taken)
    shapely.prepare(roads)
    fine = ~shapely.intersects(taken, points) & ~shapely.intersects(roads, points)
    fine &= shapely.distance(ends, points) > 16.0
    shapely.prepare(draft.coast.land)
    fine &= shapely.contains(draft.coast.land, points)
    return np.asarray(shapely.get_coordinates(points[fine]))


def _cabinet(kerbs: Floats, spots: Floats, peaks: Floats, areas: list[Area]) -> Point:
    """The kerbside place with the least sum of load times distance, away from other transformers."""
    distance = np.sqrt(((kerbs[:, None, :] - spots[None]) ** 2).sum(axis=2))
    moment = (distance * np.maximum(peaks, 1.0)).sum(axis=1)
    for area in areas:
        near = (kerbs[:, 0] - area.at.x) ** 2 + (kerbs[:, 1] - area.at.y) ** 2 < APART_M**2
        moment = np.where(near, np.inf, moment)
    x, y = kerbs[int(np.argmin(np.round(moment, 3)))]
    return Point(round(float(x), 2), round(float(y), 2))


def _pair(areas: list[Area], uses: list[str]) -> None:
    """Let transformers of the pumping station, and of the hospital, stand in for each other two by two."""
    for use in ("pumping station", "hospital"):
        own = [k for k, area in enumerate(areas) if area.host >= 0 and uses[area.host] == use]
        for a, b in zip(own[::2], own[1::2], strict=False):
            areas[a].standby, areas[b].standby = b, a
