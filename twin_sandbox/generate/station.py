"""The pumping station by the quay: tank, pumps, tide gate; and the outfalls."""

import math
from dataclasses import dataclass

from shapely.geometry import LineString

from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.sewers import Load, Sewers, full_flow_m3s, intensity_l_s_ha

SUMP_M = 2.2  # the tank's floor below the inlet culvert
LIFT_EFFICIENCY = 0.72
# The standing rules spare energy and starts: the tank fills before pumps run. Who knows the forecast can do better.
# Shares of the depth from stop level to culvert soffit at which the first and the last pump start:
FIRST_START, LAST_START = 0.8, 1.2
CHAMBER_RIM_M = 3.6
GATE_SILL_M = -0.6
GATE_M = (1.8, 1.6)  # width and height
OUTFALL_FALL = 0.002


@dataclass(frozen=True)
class Outlet:
    """The last conduit of a system, from a manhole or chamber to an outfall."""

    line: LineString
    diameter_m: float
    inlet_m: float
    outlet_m: float


@dataclass(frozen=True)
class Pump:
    """One pump: it starts and stops at levels in the tank."""

    rated_m3s: float
    start_level_m: float
    stop_level_m: float
    power_kw: float


@dataclass(frozen=True)
class Station:
    """Everything by the quay, heights above datum, plan in local metres."""

    tank: tuple[float, float]
    tank_invert_m: float
    tank_depth_m: float
    tank_area_m2: float
    inlet: Outlet
    pumps: list[Pump]
    pressure: Outlet
    gravity: Outlet
    chamber: tuple[float, float]
    gate_chamber: tuple[float, float]


def _size_for(recipe: Recipe, flow_m3s: float, slope: float) -> float:
    n = recipe.number("drainage.roughness_n")
    sizes = recipe.value("drainage.diameters_m")
    return float(next((d for d in sizes if full_flow_m3s(d, slope, n) >= flow_m3s), sizes[-1]))


def _toward(a: tuple[float, float], b: tuple[float, float], metres: float) -> tuple[float, float]:
    size = math.hypot(b[0] - a[0], b[1] - a[1])
    return round(a[0] + (b[0] - a[0]) * metres / size, 2), round(a[1] + (b[1] - a[1]) * metres / size, 2)


def build_station(recipe: Recipe, sewers: Sewers, load: Load, ground_m: float) -> Station:
    """Size the station for what arrives at its root.

    Pumps together lift ``pump_share`` of the five-year peak; the tank holds ``tank_m3_per_ha`` between the lowest
    stop level and the soffit of the culvert that fills it.
    """
    plan = recipe.value("drainage.station")
    root = sewers.manholes[sewers.roots[0]]
    tank = (float(plan["tank_x"]), float(plan["tank_y"]))
    culvert = LineString([(root.x_m, root.y_m), tank])
    slope = 0.003
    flow = load.effective_ha * intensity_l_s_ha(recipe, recipe.number("drainage.return_period_a"), load.minutes) / 1000
    size = max(_size_for(recipe, flow, slope), load.diameter_m)
    inlet = round(min(load.invert_m, load.soffit_m - size, root.rim_m - recipe.number("drainage.cover_m") - size), 3)
    root.invert_m = inlet
    outlet = round(inlet - slope * culvert.length, 3)
    floor = round(outlet - SUMP_M, 2)
    stop = round(floor + 0.6, 2)
    area = math.ceil(recipe.number("drainage.tank_m3_per_ha") * load.area_ha / (outlet + size - stop) / 10) * 10
    peak = load.effective_ha * intensity_l_s_ha(recipe, 5.0, load.minutes) / 1000
    count = int(recipe.number("drainage.pumps"))
    each = round(recipe.number("drainage.pump_share") * peak / count, 1)
    pumps = []
    for k in range(count):
        power = 9.81 * each * (2.5 - stop) / LIFT_EFFICIENCY
        start = stop + (outlet + size - stop) * (FIRST_START + (LAST_START - FIRST_START) * k / max(1, count - 1))
        pumps.append(Pump(each, round(start, 2), round(stop + 0.15 * k, 2), math.ceil(power / 5) * 5))
    sea, sill_sea = (plan["outfall_x"], plan["outfall_y"]), (plan["gravity_x"], plan["gravity_y"])
    chamber, gate_chamber = _toward(tank, sea, 12.0), _toward(tank, sill_sea, 12.0)
    pressure, gravity = LineString([chamber, sea]), LineString([gate_chamber, sill_sea])
    pipe = _size_for(recipe, each * count, 0.004)
    return Station(
        tank,
        floor,
        round(ground_m + 0.3 - floor, 2),
        float(area),
        Outlet(culvert, size, inlet, outlet),
        pumps,
        Outlet(pressure, pipe, -0.3, round(-0.3 - OUTFALL_FALL * pressure.length, 3)),
        Outlet(gravity, 2.0, GATE_SILL_M, round(GATE_SILL_M - OUTFALL_FALL * gravity.length, 3)),
        chamber,
        gate_chamber,
    )


def gravity_outlet(recipe: Recipe, sewers: Sewers, k: int, load: Load) -> Outlet:
    """The pipe from the root of gravity system ``k`` to its outfall."""
    spot = recipe.value("drainage.gravity_outfalls")[k]
    root = sewers.manholes[sewers.roots[k + 1]]
    line = LineString([(root.x_m, root.y_m), (spot["outfall_x"], spot["outfall_y"])])
    slope = 0.0015
    flow = load.effective_ha * intensity_l_s_ha(recipe, recipe.number("drainage.return_period_a"), load.minutes) / 1000
    size = max(_size_for(recipe, flow, slope), load.diameter_m)
    inlet = round(min(load.invert_m, load.soffit_m - size, root.rim_m - recipe.number("drainage.cover_m") - size), 3)
    root.invert_m = inlet
    return Outlet(line, size, inlet, round(inlet - slope * line.length, 3))
