"""Low voltage: cabinets near buildings, and cables from the board that go round buildings."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString, Point

from twin_sandbox.generate.draft import Draft
from twin_sandbox.generate.layers.power_areas import Area
from twin_sandbox.generate.layers.power_cables import choose_low
from twin_sandbox.generate.layers.power_demand import Demand
from twin_sandbox.generate.layers.power_medium import LV, Board, Network

SHARED_KW = 30.0
"""Buildings that ask for less share a cabinet with their neighbours."""
SHARED_M = 30.0
SHARED = 4
DETOUR = 0.6
"""How much a way already gone counts when a cabinet picks whom to hang on: 0 gives the shortest cables in all,
1 the shortest way from the board to each cabinet."""
MARGIN_M = 45.0
ROAD_COST = 1.8
"""A metre of trench in the carriageway costs so many in the ground beside it."""


@dataclass(frozen=True)
class Outlet:
    """A building's low-voltage bus and the length of its service cable."""

    bus: str
    length_m: float


class Ground:
    """Where a trench may run, on the district's grid: free ground, dear carriageway, no buildings, no water."""

    def __init__(self, draft: Draft) -> None:
        self.grid = draft.grid
        built = shapely.union_all([b.footprint for b in draft.buildings]).buffer(0.2)
        roads = shapely.union_all([s.line.buffer(s.width_m / 2) for s in draft.streets])
        self.free: NDArray[np.bool_] = (draft.cover > 0) & ~self.grid.inside(built)
        self.cost = np.where(self.grid.inside(roads), ROAD_COST, 1.0)
        self.stand = self.free & (self.cost == 1.0)
        self.taken: set[int] = set()

    def place(self, at: Point) -> Point:
        """The nearest cell beside the carriageway that no cabinet stands in, and take it."""
        metres = (self.grid.x_m - at.x) ** 2 + (self.grid.y_m - at.y) ** 2
        metres = np.where(self.stand, metres, np.inf).ravel()
        metres[list(self.taken)] = np.inf
        cell = int(np.argmin(np.round(metres, 3)))
        self.taken.add(cell)
        return Point(float(self.grid.x_m.flat[cell]), float(self.grid.y_m.flat[cell]))

    def ways(self, points: list[Point]) -> tuple[NDArray[np.float64], list[list[LineString]]]:
        """Lengths of trench [m of free ground], and paths, between all points."""
        rows, columns = zip(*(self.grid.cell(p.x, p.y) for p in points), strict=True)
        margin = int(MARGIN_M / self.grid.cell_m)
        top, left = max(min(rows) - margin, 0), max(min(columns) - margin, 0)
        window = np.s_[top : max(rows) + margin + 1, left : max(columns) + margin + 1]
        free, cost = self.free[window].copy(), self.cost[window]
        nodes = [(r - top) * free.shape[1] + c - left for r, c in zip(rows, columns, strict=True)]
        free.flat[nodes] = True
        graph = _graph(free, cost, self.grid.cell_m)
        lengths, before = dijkstra(graph, directed=False, indices=nodes, return_predecessors=True)
        xs, ys = self.grid.x_m[window].ravel(), self.grid.y_m[window].ravel()
        paths = [
            [_trace(before[a], nodes[b], (points[a], points[b]), xs, ys) for b in range(len(points))]
            for a in range(len(points))
        ]
        return lengths[:, nodes], paths


def _graph(free: NDArray[np.bool_], cost: NDArray[np.float64], cell_m: float) -> coo_array:
    number = np.arange(free.size).reshape(free.shape)
    begins, ends, weights = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        height, width = free.shape
        a = np.s_[: height - down, max(0, -right) : width - max(0, right)]
        b = np.s_[down:, max(0, right) : width - max(0, -right)]
        both = free[a] & free[b]
        metres = cell_m * (2.0**0.5 if down and right else 1.0)
        begins.append(number[a][both])
        ends.append(number[b][both])
        weights.append((metres * (cost[a] + cost[b]) / 2)[both])
    size = free.size
    joined = (np.concatenate(begins), np.concatenate(ends))
    return coo_array((np.concatenate(weights), joined), shape=(size, size)).tocsr()


def _trace(
    before: NDArray[np.int32], target: int, ends: tuple[Point, Point], xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> LineString:
    cells = [target]
    while before[cells[-1]] >= 0:
        cells.append(int(before[cells[-1]]))
    inner = [(float(xs[c]), float(ys[c])) for c in cells[-2:0:-1]]
    line = LineString([ends[0].coords[0], *inner, ends[1].coords[0]])
    return shapely.simplify(line, 2.6)


def add_low(net: Network, areas: list[Area], boards: list[Board], demands: list[Demand]) -> dict[int, Outlet]:
    """Add cabinets and low-voltage cables; the outlet of each building."""
    ground = Ground(net.site.draft)
    outlets: dict[int, Outlet] = {}
    for area, board in zip(areas, boards, strict=True):
        cabinets: list[tuple[list[int], Point]] = []
        for members in _cabinets(net, area, demands):
            if members == [area.host]:
                outlets[area.host] = Outlet(board.bus, 5.0)
            else:
                cabinets.append((members, ground.place(_beside(net, members, board.at))))
        if cabinets:
            _lay(net, board, cabinets, demands, ground, outlets)
    return outlets


def _cabinets(net: Network, area: Area, demands: list[Demand]) -> list[list[int]]:
    """Buildings of an area by cabinet: large ones alone, small ones with neighbours."""
    buildings = net.site.draft.buildings
    groups: list[list[int]] = []
    for k in area.members:
        small = demands[k].peak_kw < SHARED_KW
        near = [
            (buildings[k].footprint.distance(buildings[group[0]].footprint), n)
            for n, group in enumerate(groups)
            if small and len(group) < SHARED and group[0] != area.host and demands[group[0]].peak_kw < SHARED_KW
        ]
        if near and min(near)[0] <= SHARED_M:
            groups[min(near)[1]].append(k)
        else:
            groups.append([k])
    return groups


def _beside(net: Network, members: list[int], board: Point) -> Point:
    """A place for a cabinet: by the wall towards the transformer, or amid several buildings."""
    footprints = [net.site.draft.buildings[k].footprint for k in members]
    if len(footprints) == 1:
        wall = shapely.shortest_line(footprints[0], board)
        return Point(wall.interpolate(min(4.0, wall.length)))
    return shapely.centroid(shapely.multipoints([shapely.centroid(f) for f in footprints]))


def _lay(
    net: Network, board: Board, cabinets: list[tuple[list[int], Point]], demands: list[Demand], ground: Ground,
    outlets: dict[int, Outlet],
) -> None:  # fmt: skip
    points = [board.at, *(at for _, at in cabinets)]
    lengths, paths = ground.ways(points)
    above, order = _tree(lengths)
    loads = [0.0] + [sum(demands[k].peak_kw for k in members) for members, _ in cabinets]
    for node in reversed(order):
        loads[above[node]] += loads[node]
    buses = {0: board.bus}
    for count, node in enumerate(order):
        members, at = cabinets[node - 1]
        name = (f"Cabinet {count + 1} of board {board.name_en}", f"{board.name_zh}配电屏{count + 1}号分支箱")
        buses[node] = net.bus(at, "lv_cabinet", name, LV, board.feeder)
        path = paths[above[node]][node]
        sort, cables = choose_low(loads[node], path.length)
        line = net.line(
            LineString([(round(x, 2), round(y, 2)) for x, y in path.coords]), "low_voltage",
            (f"Cable to c{name[0][1:]}", f"至{name[1]}电缆"), (buses[above[node]], buses[node]), board.feeder, LV,
            sort, cables,
        )  # fmt: skip
        if above[node] == 0:
            net.switch(
                board.at, "lv_breaker", (f"Breaker to c{name[0][1:]}", f"至{name[1]}开关"), board.bus, branch=line,
                rated_a=sort.capacity_a * cables,
            )  # fmt: skip
        for k in members:
            metres = net.site.draft.buildings[k].footprint.distance(at)
            outlets[k] = Outlet(buses[node], round(metres * 1.2 + 3.0, 1))


def _tree(lengths: NDArray[np.float64]) -> tuple[dict[int, int], list[int]]:
    """A radial net from node 0: what each node hangs on, and the order in which they were joined (Prim-Dijkstra)."""
    far = {0: 0.0}
    above: dict[int, int] = {}
    order: list[int] = []
    finite = np.where(np.isfinite(lengths), lengths, 1e6)
    while len(far) < len(lengths):
        options = [
            (round(float(finite[a, b]) + DETOUR * far[a], 3), a, b)
            for a in far
            for b in range(len(lengths))
            if b not in far
        ]
        _, a, b = min(options)
        above[b], far[b] = a, far[a] + float(finite[a, b])
        order.append(b)
    return above, order
