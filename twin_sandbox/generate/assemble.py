"""From a recipe to the tables and rasters of a district, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import LineString, Point

from twin_sandbox.entities.code import CLASSES, make_code
from twin_sandbox.entities.tables import TABLES
from twin_sandbox.errors import TwinError
from twin_sandbox.generate import blocks as blocks_
from twin_sandbox.generate import low_areas as low
from twin_sandbox.generate.catchments import Catchment, draw_catchments
from twin_sandbox.generate.coast import Coast, draw_coast
from twin_sandbox.generate.cover import cover_land
from twin_sandbox.generate.curves import Floats
from twin_sandbox.generate.devices import Device, place_devices
from twin_sandbox.generate.ground import Grid, place_sags, shape_ground
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.sewers import Sewers, lay_pipes, place_manholes, size_pipes
from twin_sandbox.generate.station import Outlet, Station, build_station, gravity_outlet
from twin_sandbox.generate.streets import Street, lay_streets

USE_ZH = {
    "residential": "住宅",
    "shop": "商铺",
    "office": "办公楼",
    "port": "港口仓库",
    "school": "学校",
    "hospital": "医院",
}


@dataclass(frozen=True)
class Plan:
    """All tables and rasters of a district."""

    tables: dict[str, gpd.GeoDataFrame]
    stages: pd.DataFrame
    elevation_m: NDArray[np.float32]
    land_cover: NDArray[np.uint8]
    low_area: NDArray[np.int16]


class Rows:
    """Collects the rows of one table and gives each its code."""

    def __init__(self, recipe: Recipe, table: str) -> None:
        self.table, self.recipe = TABLES[table], recipe
        self.rows: list[dict[str, Any]] = []

    def add(self, shape: shapely.Geometry, kind: str, name_en: str, name_zh: str, **values: object) -> str:
        """Append one entity in local metres; return its code."""
        at = shape if shape.geom_type == "Point" else shape.representative_point()
        column, row = (int(min(max(value, 0.0), 9999.0) // 100) for value in (at.x, at.y))
        district = self.recipe.tree["district"]
        code = make_code(district["area_code"], column, row, self.table.letter, self.table.kind, len(self.rows) + 1)
        moved = translate(shape, district["x_min_m"], district["y_min_m"])
        self.rows.append(
            {
                "code": code,
                "entity_class": CLASSES[self.table.letter],
                "kind": kind,
                "name_en": name_en,
                "name_zh": name_zh,
                "valid_from": district["valid_from"],
                **values,
                "geometry": shapely.set_precision(moved, 0.01),
            }
        )
        return code

    def frame(self) -> gpd.GeoDataFrame:
        """The table, indexed by code."""
        columns = ["code", "entity_class", "kind", "name_en", "name_zh", "valid_from", *self.table.columns, "geometry"]
        return gpd.GeoDataFrame(self.rows, columns=columns, crs=f"EPSG:{self.recipe.value('district.epsg')}").set_index(
            "code"
        )


@dataclass
class Draft:
    """The district in local metres, before it becomes tables."""

    recipe: Recipe
    grid: Grid
    coast: Coast
    streets: list[Street]
    blocks: list[blocks_.Block]
    buildings: list[blocks_.Building]
    height_m: Floats
    cover: NDArray[np.uint8]
    hollows: list[low.Hollow]
    sink: NDArray[np.int16]
    extent: NDArray[np.int16]
    spills: list[int]
    sewers: Sewers
    catchments: list[Catchment]
    station: Station
    outlets: list[Outlet]
    people: list[int]


def draft_district(recipe: Recipe) -> Draft:
    """Draw the district: coast, streets, ground, blocks, low areas, sewers, in this order.

    Each part has its own stream of chance, so that a change to one leaves the others as they are.

    Raises:
        TwinError: the recipe's parts do not fit together.
    """
    chance = [np.random.Generator(np.random.PCG64(seq)) for seq in np.random.SeedSequence(recipe.seed).spawn(6)]
    grid, coast = Grid.of(recipe), draw_coast(recipe)
    streets = lay_streets(recipe, coast.land, chance[0])
    if sum(street.street_class == "underpass" for street in streets) != 1:
        raise TwinError(f"{recipe.path}, street", "the underpass lies outside the land", then="Move its line.")
    sags = place_sags(recipe, streets, chance[1])
    height = shape_ground(recipe, grid, coast, streets, sags, chance[2])
    sewers = place_manholes(recipe, streets, sags)

    ashore = grid.inside(coast.land) | grid.inside(coast.moles)
    keep = np.array([np.ravel_multi_index(grid.cell(h.x_m, h.y_m), height.shape) for h in sewers.manholes])
    height, found, hollows = low.condition(
        height,
        ~ashore,
        keep,
        recipe.number("terrain.least_depth_m"),
        recipe.number("terrain.least_volume_m3"),
        grid.cell_m,
    )
    height = np.round(height, 2)
    sink = low.sinks(found, hollows)
    extent = low.extents(height, found, hollows, sink)
    spills = [int(sink[hollow.outlet]) for hollow in hollows]

    blocks = blocks_.cut_blocks(recipe, coast, streets)
    station_plan = recipe.value("drainage.station")
    site = Point(station_plan["tank_x"], station_plan["tank_y"]).buffer(24.0)
    clear = coast.beach.union(site)
    landmarks = blocks_.raise_landmarks(recipe)
    clear = shapely.union_all([clear, *(landmark.footprint.buffer(7.0) for landmark in landmarks)])
    buildings = [*landmarks, *blocks_.build_blocks(blocks, clear, chance[3])]
    cover = cover_land(grid, coast, blocks, buildings, streets, chance[4])

    for hole in sewers.manholes:
        hole.rim_m = round(float(height[grid.cell(hole.x_m, hole.y_m)]), 2)
    frame = shapely.box(0, 0, recipe.width_m, recipe.height_m)
    land = coast.land.intersection(frame)
    catchments = draw_catchments(sewers.manholes, land, grid, cover, height)
    for hole, catchment in zip(sewers.manholes, catchments, strict=True):
        hole.area_ha, hole.coefficient = catchment.area_m2 / 1e4, catchment.coefficient
    lay_pipes(recipe, sewers)
    loads = size_pipes(recipe, sewers)
    tank_ground = float(height[grid.cell(station_plan["tank_x"], station_plan["tank_y"])])
    station = build_station(recipe, sewers, loads[sewers.roots[0]], tank_ground)
    outlets = [gravity_outlet(recipe, sewers, k, loads[root]) for k, root in enumerate(sewers.roots[1:])]
    people = blocks_.house_people(buildings, int(recipe.number("district.residents")))
    return Draft(
        recipe,
        grid,
        coast,
        streets,
        blocks,
        buildings,
        height,
        cover,
        hollows,
        sink,
        extent,
        spills,
        sewers,
        catchments,
        station,
        outlets,
        people,
    )


def assemble(recipe: Recipe) -> Plan:
    """Draw the district and put it into tables."""
    draft = draft_district(recipe)
    tables: dict[str, Rows] = {name: Rows(recipe, name) for name in TABLES}
    street_codes = _street_rows(draft, tables["streets"])
    _building_rows(draft, tables["buildings"])
    _park_rows(draft, tables["parks"])
    low_codes = _low_area_rows(draft, tables["low_areas"], street_codes)
    junctions = _junction_rows(draft, tables["junctions"], low_codes)
    _catchment_rows(draft, tables["subcatchments"], junctions)
    hosts = _network_rows(draft, tables, junctions)
    for device in place_devices(draft, junctions, low_codes, hosts):
        _device_row(tables["devices"], device)
    return Plan(
        {name: rows.frame() for name, rows in tables.items()},
        _stages(draft, low_codes),
        draft.height_m.astype(np.float32),
        draft.cover,
        draft.extent,
    )


def _street_rows(draft: Draft, rows: Rows) -> list[str]:
    return [
        rows.add(
            street.line,
            "street",
            street.name_en,
            street.name_zh,
            street_class=street.street_class,
            width_m=street.width_m,
            lanes=street.lanes,
            speed_kmh=street.speed_kmh,
            vehicles_per_h=street.vehicles_per_h,
        )
        for street in draft.streets
    ]


def _address(draft: Draft, shape: shapely.Geometry, numbers: dict[str, int]) -> tuple[str, str]:
    """The nearest street's name and the next number there."""
    above = [street for street in draft.streets if street.street_class != "underpass"]
    street = min(above, key=lambda s: s.line.distance(shape))
    numbers[street.name_en] = numbers.get(street.name_en, 0) + 1
    number = numbers[street.name_en]
    return f"{street.name_en} {number}", f"{street.name_zh}{number}号"


def _building_rows(draft: Draft, rows: Rows) -> None:
    numbers: dict[str, int] = {}
    chance = np.random.Generator(np.random.PCG64(np.random.SeedSequence(draft.recipe.seed).spawn(6)[5]))
    for building, people in zip(draft.buildings, draft.people, strict=True):
        ground = draft.height_m[draft.grid.inside(building.footprint.buffer(draft.grid.cell_m * 0.71))]
        step = {"old_town": 0.05, "shops": 0.05, "port": 0.10, "landmark": 0.12}.get(building.zone, 0.15)
        floor = float(np.median(ground)) + step + 0.25 * float(chance.random())
        name_en, name_zh = building.name_en, building.name_zh
        if not name_en:
            name_en, name_zh = _address(draft, building.footprint, numbers)
            name_zh += USE_ZH[building.use]
        rows.add(
            building.footprint,
            building.use,
            name_en,
            name_zh,
            use=building.use,
            storeys=building.storeys,
            height_m=building.height_m,
            floor_m=round(floor, 2),
            residents=people,
        )


def _park_rows(draft: Draft, rows: Rows) -> None:
    parks = draft.recipe.value("park")
    for block in draft.blocks:
        if block.zone == "park":
            park = min(parks, key=lambda p: block.shape.distance(Point(p["x"], p["y"])))
            rows.add(block.shape, "park", park["name_en"], park["name_zh"])


def _street_at(draft: Draft, x: float, y: float) -> int:
    spot = Point(x, y)
    return min(range(len(draft.streets)), key=lambda k: (round(draft.streets[k].line.distance(spot), 3), k))


def _low_area_rows(draft: Draft, rows: Rows, street_codes: list[str]) -> list[str]:
    grid, shape = draft.grid, draft.height_m.shape
    codes, pending = [], []
    for k, hollow in enumerate(draft.hollows):
        row, column = np.unravel_index(hollow.cells, shape)
        squares = shapely.box(
            grid.x_m[row, column] - grid.cell_m / 2,
            grid.y_m[row, column] - grid.cell_m / 2,
            grid.x_m[row, column] + grid.cell_m / 2,
            grid.y_m[row, column] + grid.cell_m / 2,
        )
        # a hair of overlap joins cells that meet at a corner: one low area, one polygon
        pool = shapely.union_all(squares).buffer(0.4, cap_style="square", join_style="mitre")
        pool = max(shapely.get_parts(pool), key=lambda part: part.area)
        lowest = hollow.cells[int(np.argmin(draft.height_m.flat[hollow.cells]))]
        r, c = np.unravel_index(lowest, shape)
        below = _underpass_floor(draft)
        kind = "underpass" if draft.extent[grid.cell(below.x, below.y)] == k else "street"
        street = (
            next(n for n, s in enumerate(draft.streets) if s.street_class == "underpass")
            if kind == "underpass"
            else _street_at(draft, float(grid.x_m[r, c]), float(grid.y_m[r, c]))
        )
        named = draft.streets[street]
        codes.append(
            rows.add(
                pool,
                kind,
                f"{named.name_en} low area {k + 1}",
                f"{named.name_zh}低洼区{k + 1}",
                bottom_m=round(hollow.bottom_m, 2),
                sill_m=round(hollow.sill_m, 2),
                spills_to="",
                street_code=street_codes[street],
                swmm_id=f"LA{k + 1:02d}",
            )
        )
        pending.append(draft.spills[k])
    for row_, target in zip(rows.rows, pending, strict=True):
        row_["spills_to"] = codes[target] if target >= 0 else ""
    return codes


def _underpass_floor(draft: Draft) -> Point:
    (street,) = (s for s in draft.streets if s.street_class == "underpass")
    return street.line.interpolate(0.5, normalized=True)


def _junction_rows(draft: Draft, rows: Rows, low_codes: list[str]) -> list[str]:
    codes = []
    for k, hole in enumerate(draft.sewers.manholes):
        cell = draft.grid.cell(hole.x_m, hole.y_m)
        flat = int(np.ravel_multi_index(cell, draft.height_m.shape))
        sink = int(draft.sink[flat])
        own = next((n for n, hollow in enumerate(draft.hollows) if flat in hollow.cells), -1)
        street = draft.streets[hole.street]
        codes.append(
            rows.add(
                Point(hole.x_m, hole.y_m),
                "manhole",
                f"Manhole {k + 1}, {street.name_en}",
                f"{street.name_zh}{k + 1}号检查井",
                invert_m=hole.invert_m,
                rim_m=hole.rim_m,
                low_area=low_codes[own] if own >= 0 else "",
                overflow_to=low_codes[sink] if sink >= 0 else "",
                swmm_id=f"J{k + 1:03d}",
            )
        )
    return codes


def _catchment_rows(draft: Draft, rows: Rows, junctions: list[str]) -> None:
    for k, (catchment, outlet) in enumerate(zip(draft.catchments, junctions, strict=True)):
        rows.add(
            catchment.shape,
            "subcatchment",
            f"Subcatchment {k + 1}",
            f"{k + 1}号汇水区",
            area_m2=catchment.area_m2,
            impervious_share=catchment.impervious_share,
            runoff_coefficient=catchment.coefficient,
            slope=catchment.slope,
            width_m=catchment.width_m,
            outlet=outlet,
            swmm_id=f"S{k + 1:03d}",
        )


def _chamber(rows: Rows, at: tuple[float, float], name_en: str, name_zh: str, invert_m: float, rim_m: float) -> str:
    return rows.add(
        Point(at),
        "chamber",
        name_en,
        name_zh,
        invert_m=invert_m,
        rim_m=rim_m,
        low_area="",
        overflow_to="",
        swmm_id=f"J{len(rows.rows) + 1:03d}",
    )


def _network_rows(draft: Draft, tables: dict[str, Rows], junctions: list[str]) -> dict[str, tuple[str, Point]]:
    """Conduits, tank, pumps, gate, outfalls; returns code and place of what carries devices."""
    station, sewers = draft.station, draft.sewers
    conduits, limit = tables["conduits"], draft.recipe.number("drainage.trunk_diameter_m")
    roughness = draft.recipe.number("drainage.roughness_n")

    def conduit(
        line: LineString,
        ends: tuple[str, str],
        size: float,
        levels: tuple[float, float],
        at: tuple[float, float],
        label: tuple[str, str],
    ) -> str:  # noqa: E501
        length = round(line.length, 1)
        return conduits.add(
            line, "storm sewer", *label, from_code=ends[0], to_code=ends[1], length_m=length, diameter_m=size,
            roughness_n=roughness, slope=round((levels[0] - levels[1]) / length, 5),
            inlet_offset_m=round(levels[0] - at[0], 3), outlet_offset_m=round(levels[1] - at[1], 3),
            is_trunk=size >= limit, swmm_id=f"C{len(conduits.rows) + 1:03d}",
        )  # fmt: skip

    for pipe in sewers.pipes:
        top, foot = sewers.manholes[pipe.start], sewers.manholes[pipe.end]
        street = draft.streets[top.street]
        conduit(
            pipe.line, (junctions[pipe.start], junctions[pipe.end]), pipe.diameter_m, (pipe.inlet_m, pipe.outlet_m),
            (top.invert_m, foot.invert_m),
            (f"Sewer DN{round(pipe.diameter_m * 1000)}, {street.name_en}", f"{street.name_zh}雨水管DN{round(pipe.diameter_m * 1000)}"),
        )  # fmt: skip

    tank = tables["storages"].add(
        Point(station.tank), "tank", "Gulls' Quay storage tank", "鸥港调蓄池",
        invert_m=station.tank_invert_m, max_depth_m=station.tank_depth_m, area_m2=station.tank_area_m2, swmm_id="T1",
    )  # fmt: skip
    inlet = station.inlet
    root = sewers.manholes[sewers.roots[0]]
    conduit(inlet.line, (junctions[sewers.roots[0]], tank), inlet.diameter_m, (inlet.inlet_m, inlet.outlet_m),
            (root.invert_m, station.tank_invert_m), ("Inlet culvert of the tank", "调蓄池进水管"))  # fmt: skip

    rim = draft.station.tank_invert_m + draft.station.tank_depth_m
    pump_chamber = _chamber(
        tables["junctions"],
        station.chamber,
        "Pump discharge chamber",
        "泵站出水井",
        station.pressure.inlet_m,
        round(rim + 0.6, 2),
    )
    gate_chamber = _chamber(
        tables["junctions"],
        station.gate_chamber,
        "Tide gate chamber",
        "挡潮闸井",
        station.gravity.inlet_m,
        round(rim, 2),
    )
    hosts: dict[str, tuple[str, Point]] = {"tank": (tank, Point(station.tank))}
    for k, pump in enumerate(station.pumps):
        spot = Point(station.tank[0] + 3.0 * k - 3.0, station.tank[1] - 4.0)
        hosts[f"pump_{k + 1}"] = (
            tables["pumps"].add(
                spot, "pump", f"Pump {k + 1}", f"{k + 1}号水泵", from_code=tank, to_code=pump_chamber,
                rated_m3s=pump.rated_m3s, start_level_m=pump.start_level_m, stop_level_m=pump.stop_level_m,
                power_kw=pump.power_kw, swmm_id=f"P{k + 1}",
            ),
            spot,
        )  # fmt: skip
    gate_spot = Point(station.gate_chamber)
    hosts["gate_1"] = (
        tables["gates"].add(
            gate_spot, "tide gate", "Tide gate", "挡潮闸", from_code=tank, to_code=gate_chamber,
            sill_m=station.gravity.inlet_m, height_m=1.6, width_m=1.8, swmm_id="G1",
        ),
        gate_spot,
    )  # fmt: skip
    ends = [
        (pump_chamber, station.pressure, "Pumped outfall", "泵站排口"),
        (gate_chamber, station.gravity, "Tide gate outfall", "挡潮闸排口"),
        *(
            (junctions[root], outlet, f"Gravity outfall {k + 1}", f"{k + 1}号自流排口")
            for k, (root, outlet) in enumerate(zip(sewers.roots[1:], draft.outlets, strict=True))
        ),
    ]
    for k, (start, outlet, name_en, name_zh) in enumerate(ends):
        spot = Point(outlet.line.coords[-1])
        outfall = tables["outfalls"].add(
            spot, "outfall", name_en, name_zh, invert_m=outlet.outlet_m, tidal=True, swmm_id=f"OF{k + 1}"
        )
        conduit(outlet.line, (start, outfall), outlet.diameter_m, (outlet.inlet_m, outlet.outlet_m),
                (outlet.inlet_m, outlet.outlet_m), (f"Pipe to the {name_en[0].lower()}{name_en[1:]}", f"{name_zh}管"))  # fmt: skip
        hosts[f"outfall_{k + 1}"] = (outfall, spot)
    return hosts


def _device_row(rows: Rows, device: Device) -> None:
    rows.add(
        device.at, device.kind, device.name_en, device.name_zh, host=device.host, quantity=device.quantity,
        unit=device.unit, resolution=device.resolution, interval_s=device.interval_s, datastream=device.datastream,
        range_low=device.range_low, range_high=device.range_high,
    )  # fmt: skip


def _stages(draft: Draft, codes: Iterable[str]) -> pd.DataFrame:
    rows = []
    for k, code in enumerate(codes):
        heights = draft.height_m[draft.extent == k]
        for level, area, volume in low.stage_storage(heights, draft.hollows[k].sill_m, draft.grid.cell_m):
            rows.append((code, level, area, volume))
    return pd.DataFrame(rows, columns=["code", "level_m", "area_m2", "volume_m3"])
