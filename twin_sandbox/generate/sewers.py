"""Storm sewers along the streets: manholes, a tree of pipes to the station and the gravity outfalls, their sizes.

Sizes follow the rational method of GB 50014-2021, 4.1: Q = ψ q F, with the intensity of the recipe's city,
i = a (1 + c lg P) / (t + b)^n in mm/min, q = 167 i in L/(s·ha), and t the inlet time plus the time in the pipes.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shapely.geometry import LineString, Point
from shapely.ops import substring

from twin_sandbox.errors import TwinError
from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.ground import Grid, Sag
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.streets import Street

CLASS_COST = {"arterial": 0.85, "collector": 0.9, "local": 1.0, "underpass": 8.0}
MOST_SLOPE = 0.04
CROSSING_COST = 25.0  # a pipe that crosses the underpass must lie below its floor


@dataclass
class Manhole:
    """A junction in local metres; inverts are set by `size_pipes`."""

    x_m: float
    y_m: float
    street: int
    rim_m: float = 0.0
    invert_m: float = 0.0
    area_ha: float = 0.0
    coefficient: float = 0.0


@dataclass
class Pipe:
    """A conduit from manhole ``start`` down to manhole ``end``; ``ground`` holds (distance, height) along it."""

    start: int
    end: int
    line: LineString
    ground: list[tuple[float, float]]
    diameter_m: float = 0.0
    inlet_m: float = 0.0
    outlet_m: float = 0.0
    design_m3s: float = 0.0

    @property
    def length_m(self) -> float:
        """Length in plan, to the decimetre."""
        return round(float(self.line.length), 1)

    @property
    def slope(self) -> float:
        """Fall by length."""
        return (self.inlet_m - self.outlet_m) / self.length_m


@dataclass
class Sewers:
    """Manholes and the pipes among them; ``pipes[k]`` leaves one manhole each, roots have none."""

    manholes: list[Manhole]
    links: list[tuple[int, int, LineString, str]]
    pipes: list[Pipe] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def root_of(self, manhole: int) -> int:
        """The root that a manhole drains to."""
        down = {pipe.start: pipe.end for pipe in self.pipes}
        while manhole in down:
            manhole = down[manhole]
        return manhole


def place_manholes(recipe: Recipe, streets: list[Street], sags: list[Sag]) -> Sewers:
    """Manholes at crossings, in sags, at the underpass's floor, and between where a segment is long."""
    spacing = recipe.number("drainage.manhole_spacing_m")
    by_place: dict[tuple[float, float], int] = {}
    manholes: list[Manhole] = []
    links: list[tuple[int, int, LineString, str]] = []

    def manhole(at: Sequence[float], street: int) -> int:
        key = (round(at[0], 2), round(at[1], 2))
        if key not in by_place:
            by_place[key] = len(manholes)
            manholes.append(Manhole(*key, street))
        return by_place[key]

    for k, street in enumerate(streets):
        line = street.line
        stops = {0.0, line.length}
        if street.street_class == "underpass":
            stops.add(line.length / 2)
        for sag in sags:
            spot = Point(sag.x_m, sag.y_m)
            at = line.project(spot)
            if line.distance(spot) < 0.5 and 15.0 < at < line.length - 15.0:
                stops.add(at)
        ordered = sorted(stops)
        for a, b in pairwise(ordered):
            parts = max(1, math.ceil((b - a) / spacing - 0.15))
            cuts = [a + (b - a) * part / parts for part in range(parts + 1)]
            for c, d in pairwise(cuts):
                piece = substring(line, c, d)
                ends = [manhole(piece.coords[end], k) for end in (0, -1)]
                links.append((ends[0], ends[1], piece, street.street_class))
    return Sewers(manholes, links)


def lay_pipes(recipe: Recipe, sewers: Sewers, grid: Grid, height_m: Floats) -> None:
    """Choose a tree: from each manhole the cheapest way to a root, cheap meaning short, on main streets, downhill."""
    station = recipe.value("drainage.station")
    spots = [station, *recipe.value("drainage.gravity_outfalls")]
    manholes = sewers.manholes
    sewers.roots = [
        min(range(len(manholes)), key=lambda k: (_gap(manholes[k], spot["x"], spot["y"]), k)) for spot in spots
    ]
    beside: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    cuts = [line for _, _, line, sort in sewers.links if sort == "underpass"]
    for number, (a, b, line, sort) in enumerate(sewers.links):
        crosses = sort != "underpass" and any(line.crosses(cut) for cut in cuts)
        factor = CROSSING_COST if crosses else CLASS_COST[sort]
        for end, start in ((a, b), (b, a)):
            climb = max(0.0, manholes[end].rim_m - manholes[start].rim_m)
            beside[end].append((start, line.length * factor + 60.0 * climb, number))
    cost = {root: 40.0 * (k > 0) for k, root in enumerate(sewers.roots)}
    via: dict[int, tuple[int, int]] = {}
    heap = sorted((value, root) for root, value in cost.items())
    done: set[int] = set()
    while heap:
        value, end = heapq.heappop(heap)
        if end in done:
            continue
        done.add(end)
        for start, extra, number in beside[end]:
            if value + extra < cost.get(start, math.inf) - 1e-9:
                cost[start] = value + extra
                via[start] = (end, number)
                heapq.heappush(heap, (cost[start], start))
    lost = [k for k in range(len(manholes)) if k not in done]
    if lost:
        x, y = manholes[lost[0]].x_m, manholes[lost[0]].y_m
        raise TwinError(
            f"{recipe.path}, street",
            f"the street at x = {x:.0f}, y = {y:.0f} is joined to no other",
            "Every street must meet another one",
            "Lengthen its line until it crosses its neighbour.",
        )
    for start in sorted(via):
        end, number = via[start]
        a, _, line, _ = sewers.links[number]
        downward = line if a == start else LineString(list(line.coords)[::-1])
        sewers.pipes.append(Pipe(start, end, downward, _along(downward, grid, height_m)))


def _along(line: LineString, grid: Grid, height_m: Floats) -> list[tuple[float, float]]:
    spots = [(s, line.interpolate(s)) for s in range(0, int(line.length) + 1, max(1, int(grid.cell_m / 2)))]
    return [(float(s), float(height_m[grid.cell(spot.x, spot.y)])) for s, spot in spots]


def _gap(manhole: Manhole, x: float, y: float) -> float:
    return math.hypot(manhole.x_m - x, manhole.y_m - y)


def intensity_l_s_ha(recipe: Recipe, return_period_a: float, minutes: float) -> float:
    """Design intensity q in L/(s·ha): 167 a (1 + c lg P) / (t + b)^n."""
    a, c, b, n = (recipe.number(f"drainage.rainfall.{key}") for key in "acbn")
    return float(167.0 * a * (1.0 + c * math.log10(return_period_a)) / (minutes + b) ** n)


def full_flow_m3s(diameter_m: float, slope: float, roughness_n: float) -> float:
    """Full-bore flow of a circular pipe by Manning's equation."""
    return float(math.pi / 4 * diameter_m**2 * (diameter_m / 4) ** (2 / 3) * math.sqrt(slope) / roughness_n)


def upstream_first(sewers: Sewers) -> list[Pipe]:
    """Pipes such that each comes after all that flow into it."""
    leaving = {pipe.start: pipe for pipe in sewers.pipes}
    waiting: dict[int, int] = defaultdict(int)
    for pipe in sewers.pipes:
        waiting[pipe.end] += 1
    ready = sorted(k for k in leaving if not waiting[k])
    ordered = []
    while ready:
        pipe = leaving[ready.pop(0)]
        ordered.append(pipe)
        waiting[pipe.end] -= 1
        if not waiting[pipe.end] and pipe.end in leaving:
            ready.append(pipe.end)
    return ordered


@dataclass
class Load:
    """What arrives at a manhole from above, its own catchment included."""

    area_ha: float = 0.0
    effective_ha: float = 0.0
    minutes: float = 0.0
    diameter_m: float = 0.0
    soffit_m: float = math.inf
    invert_m: float = math.inf


def _bared(pipe: Pipe, inlet_soffit_m: float, outlet_soffit_m: float, cover_m: float) -> float:
    """By how much cover is short where the ground dips between two manholes."""
    fall = (inlet_soffit_m - outlet_soffit_m) / pipe.length_m
    return max(0.0, *(inlet_soffit_m - fall * s + cover_m - ground for s, ground in pipe.ground))


def size_pipes(recipe: Recipe, sewers: Sewers) -> dict[int, Load]:
    """Diameters and inverts from the top down; soffits level with soffits, cover kept, every pipe falling.

    Returns:
        What arrives at each root.
    """
    sizes, slopes = recipe.value("drainage.diameters_m"), recipe.value("drainage.least_slopes")
    cover, n = recipe.number("drainage.cover_m"), recipe.number("drainage.roughness_n")
    loads = {k: Load(minutes=recipe.number("drainage.inlet_time_min")) for k in range(len(sewers.manholes))}
    for k, hole in enumerate(sewers.manholes):
        loads[k].area_ha = hole.area_ha
        loads[k].effective_ha = hole.area_ha * hole.coefficient
    for pipe in upstream_first(sewers):
        load, top, foot = loads[pipe.start], sewers.manholes[pipe.start], sewers.manholes[pipe.end]
        flow = (
            load.effective_ha
            * intensity_l_s_ha(recipe, recipe.number("drainage.return_period_a"), load.minutes)
            / 1000.0
        )
        for size, least in zip(sizes, slopes, strict=True):
            if size < load.diameter_m:
                continue
            inlet = min(top.rim_m - cover - size, load.soffit_m - size, load.invert_m)
            ground = (inlet - (foot.rim_m - cover - size)) / pipe.length_m
            slope = min(max(ground, least), MOST_SLOPE)
            if full_flow_m3s(size, slope, n) >= flow or size == sizes[-1]:
                break
        outlet = min(inlet - slope * pipe.length_m, foot.rim_m - cover - size)
        # on steep ground the pipe lies deeper at its head instead of racing down
        inlet = min(inlet, outlet + MOST_SLOPE * pipe.length_m)
        deeper = _bared(pipe, inlet + size, outlet + size, cover)
        pipe.diameter_m, pipe.design_m3s = float(size), round(flow, 3)
        pipe.inlet_m, pipe.outlet_m = round(inlet - deeper - 0.0005, 3), round(outlet - deeper - 0.001, 3)
        top.invert_m = pipe.inlet_m
        speed = full_flow_m3s(size, pipe.slope, n) / (math.pi / 4 * size**2)
        below = loads[pipe.end]
        below.area_ha += load.area_ha
        below.effective_ha += load.effective_ha
        below.minutes = max(below.minutes, load.minutes + pipe.length_m / speed / 60.0)
        below.diameter_m = max(below.diameter_m, float(size))
        below.soffit_m = min(below.soffit_m, pipe.outlet_m + size)
        below.invert_m = min(below.invert_m, pipe.outlet_m)
    return {root: loads[root] for root in sewers.roots}
