"""From a recipe to the tables and rasters of a district, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point

from twin_sandbox.entities.tables import FACTS, TABLES
from twin_sandbox.generate.devices import Device, place_devices
from twin_sandbox.generate.draft import Draft, draft_district
from twin_sandbox.generate.layers import LAYERS, Site
from twin_sandbox.generate.low_areas import stage_storage
from twin_sandbox.generate.network import add_network
from twin_sandbox.generate.recipe import Recipe
from twin_sandbox.generate.rows import Rows

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
    facts: dict[str, pd.DataFrame]
    stages: pd.DataFrame
    elevation_m: NDArray[np.float32]
    land_cover: NDArray[np.uint8]
    low_area: NDArray[np.int16]


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
    hosts = add_network(draft, tables, junctions)
    facts: dict[str, list[dict[str, Any]]] = {name: [] for name in FACTS}
    for device in place_devices(draft, junctions, low_codes, hosts):
        _device_row(tables["devices"], facts["datastreams"], device)
    for layer in LAYERS:
        name = layer.__name__.rpartition(".")[2]
        stream = np.random.SeedSequence([recipe.seed, *name.encode()])
        layer.add(Site(recipe, draft, tables, facts, np.random.Generator(np.random.PCG64(stream))))
    return Plan(
        {name: rows.frame() for name, rows in tables.items()},
        {name: pd.DataFrame(rows, columns=list(FACTS[name].columns)) for name, rows in facts.items()},
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
    for building, people, floor in zip(draft.buildings, draft.people, draft.floors_m, strict=True):
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
            floor_m=floor,
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


def _device_row(rows: Rows, datastreams: list[dict[str, Any]], device: Device) -> None:
    code = rows.add(device.at, device.kind, device.name_en, device.name_zh, host=device.host)
    datastreams.append(
        {
            "datastream": device.datastream,
            "device_code": code,
            "quantity": device.quantity,
            "unit": device.unit,
            "resolution": device.resolution,
            "interval_s": device.interval_s,
            "range_low": device.range_low,
            "range_high": device.range_high,
        }
    )


def _stages(draft: Draft, codes: Iterable[str]) -> pd.DataFrame:
    rows = []
    for k, code in enumerate(codes):
        heights = draft.height_m[draft.extent == k]
        for level, area, volume in stage_storage(heights, draft.hollows[k].sill_m, draft.grid.cell_m):
            rows.append((code, level, area, volume))
    return pd.DataFrame(rows, columns=["code", "level_m", "area_m2", "volume_m3"])
