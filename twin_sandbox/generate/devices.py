"""Where the district is measured: rain, tide, levels, street depths, pumps."""

from dataclasses import dataclass

import numpy as np
from shapely.geometry import Point

from twin_sandbox.generate.draft import Draft


@dataclass(frozen=True)
class Device:
    """One device with its one datastream."""

    at: Point
    kind: str
    name_en: str
    name_zh: str
    host: str
    quantity: str
    unit: str
    resolution: float
    interval_s: int
    datastream: str
    range_low: float
    range_high: float


LEVEL_SENSORS = 6


def place_devices(
    draft: Draft, junctions: list[str], low_codes: list[str], hosts: dict[str, tuple[str, Point]]
) -> list[Device]:
    """Two rain gauges, a tide gauge, level sensors in tank and trunks, a gauge in each low area, pump status."""
    width, height = draft.recipe.width_m, draft.recipe.height_m
    devices = []
    for k, (x, y) in enumerate(((0.29, 0.67), (0.81, 0.48))):
        devices.append(
            Device(Point(round(width * x, 1), round(height * y, 1)), "rain_gauge", f"Rain gauge {k + 1}",
                   f"{k + 1}号雨量计", "", "rain intensity", "mm/h", 0.1, 300, f"rain-{k + 1:02d}", 0.0, 300.0)
        )  # fmt: skip
    code, spot = hosts["outfall_1"]
    devices.append(
        Device(Point(spot.x, spot.y), "tide_gauge", "Tide gauge", "潮位计", code, "sea level", "m", 0.01, 300,
               "tide-01", -4.0, 5.0)
    )  # fmt: skip
    code, spot = hosts["tank"]
    tank = draft.station
    devices.append(
        Device(spot, "level_sensor", "Level sensor 1, storage tank", "1号液位计（调蓄池）", code, "water level", "m",
               0.01, 300, "level-01", tank.tank_invert_m, round(tank.tank_invert_m + tank.tank_depth_m, 2))
    )  # fmt: skip
    for k, hole in enumerate(_gauged(draft)):
        manhole = draft.sewers.manholes[hole]
        street = draft.streets[manhole.street]
        devices.append(
            Device(Point(manhole.x_m, manhole.y_m), "level_sensor", f"Level sensor {k + 2}, {street.name_en}",
                   f"{k + 2}号液位计（{street.name_zh}）", junctions[hole], "water level", "m", 0.01, 300,
                   f"level-{k + 2:02d}", manhole.invert_m, round(manhole.rim_m + 1.0, 2))
        )  # fmt: skip
    for k, (hollow, low_code) in enumerate(zip(draft.hollows, low_codes, strict=True)):
        cell = hollow.cells[int(np.argmin(draft.height_m.flat[hollow.cells]))]
        at = Point(float(draft.grid.x_m.flat[cell]), float(draft.grid.y_m.flat[cell]))
        devices.append(
            Device(at, "street_depth", f"Street depth gauge {k + 1}", f"{k + 1}号积水计", low_code,
                   "depth of water on the street", "m", 0.01, 300, f"depth-{k + 1:02d}", 0.0, 4.0)
        )  # fmt: skip
    for k in range(len(draft.station.pumps)):
        code, spot = hosts[f"pump_{k + 1}"]
        devices.append(
            Device(spot, "pump_status", f"Status of pump {k + 1}", f"{k + 1}号水泵状态", code, "pump setting", "1",
                   0.01, 300, f"pump-{k + 1:02d}", 0.0, 1.0)
        )  # fmt: skip
    return devices


def _gauged(draft: Draft) -> list[int]:
    """Manholes with a level sensor: the trunks' ends, then up the largest trunk and at the gravity outfalls."""
    sewers = draft.sewers
    load = {pipe.start: pipe.design_m3s for pipe in sewers.pipes}
    chosen = list(sewers.roots)
    trunk = sorted(
        (pipe.start for pipe in sewers.pipes if sewers.root_of(pipe.start) == sewers.roots[0]),
        key=lambda k: (-load[k], k),
    )
    for hole in trunk:
        if len(chosen) >= LEVEL_SENSORS:
            break
        place = sewers.manholes[hole]
        far = all(
            Point(place.x_m, place.y_m).distance(Point(sewers.manholes[c].x_m, sewers.manholes[c].y_m)) > 150
            for c in chosen
        )
        if far:
            chosen.append(hole)
    return chosen
