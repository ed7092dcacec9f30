"""Who draws and who feeds in at low voltage: services, lighting, chargers, sun, batteries, diesel sets."""

from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import MultiLineString, Point

from twin_sandbox.generate.layers.power_areas import Area
from twin_sandbox.generate.layers.power_demand import Demand
from twin_sandbox.generate.layers.power_low import Outlet
from twin_sandbox.generate.layers.power_medium import LV, Board, Network

ONE_PHASE_KW = 12.0
PUMP_BOARD = (0, 1, 0)
"""On which of the station's two boards the first, second, third pump hangs."""
LAMP_SPACING_M, LAMP_W = 30.0, 120.0
HOME_CHARGER_KW, HOME_SHARE = 7.0, 0.3
KERB_KW, FAST_KW = 7.0, 60.0
FAST_FROM_SPACES = 40
E_BIKE_KW, E_BIKE_OUTLETS = 0.4, 12
COINCIDENT = {"home_charger": 0.4, "kerb_charger": 0.4, "fast_charger": 0.5, "e_bike_charger": 0.6}
PROFILE = {
    "home_charger": "home_charging",
    "kerb_charger": "public_charging",
    "fast_charger": "public_charging",
    "e_bike_charger": "e_bike_charging",
}
PV_CHANCE = {"residential": 0.17, "school": 0.7, "port": 0.6, "office": 0.25, "shop": 0.2, "hospital": 0.5}
FLAT_ROOF_KWP_M2 = 0.1
"""80 to 120 W/m² of flat roof (common practice); what of a roof is free stands in the roofs' facts."""
FREE_ROOF = 0.6
PV_MOST = 0.6
"""Sum of the panels behind a transformer to its rating (back-feed at most 80 %: DL/T 2041)."""
BATTERY_KWH, BATTERY_KW, BATTERIES = 215.0, 100.0, 4


class Feeding:
    """Low-voltage buses by place, and the rows that hang on them."""

    def __init__(self, net: Network, areas: list[Area], boards: list[Board], outlets: dict[int, Outlet]) -> None:
        self.net, self.site = net, net.site
        self.areas, self.boards, self.outlets = areas, boards, outlets
        self.x_min, self.y_min = (net.site.recipe.number(f"district.{key}") for key in ("x_min_m", "y_min_m"))
        self.buildings = net.site.tables["buildings"].rows
        own = [row for row in net.site.tables["power_buses"].rows if row["kv"] == LV]
        pumps = {board.bus for area, board in zip(areas, boards, strict=True) if self.use(area) == "pumping station"}
        self.low = [row["code"] for row in own if row["code"] not in pumps]
        self.low_at = np.array([row["geometry"].coords[0] for row in own if row["code"] not in pumps])
        self.area_of = {outlets[k].bus: n for n, area in enumerate(areas) for k in area.members}
        self.area_of |= {board.bus: n for n, board in enumerate(boards)}

    def use(self, area: Area) -> str:
        """Use of the building that an area's transformer stands in."""
        return str(self.buildings[area.host]["use"]) if area.host >= 0 else ""

    def nearest(self, at: Point, codes: set[str] | None = None) -> tuple[str, float]:
        """The low-voltage bus (of ``codes``, no pumps' board) nearest to a place on the map, and how far it is."""
        metres = np.sqrt((self.low_at[:, 0] - at.x) ** 2 + (self.low_at[:, 1] - at.y) ** 2)
        if codes is not None:
            metres = np.where([code in codes for code in self.low], metres, np.inf)
        k = int(np.argmin(np.round(metres, 3)))
        return self.low[k], float(metres[k])

    def local(self, shape: shapely.Geometry) -> Any:  # noqa: ANN401 - the geometry's own type
        """From map coordinates to local metres."""
        return translate(shape, -self.x_min, -self.y_min)

    def standby(self, bus: str) -> str:
        """The board that stands in for this bus' transformer, "" for none."""
        other = self.areas[self.area_of[bus]].standby if bus in self.area_of else -1
        return self.boards[other].bus if other >= 0 else ""

    def serve(
        self, at: Point, consumer: dict[str, Any], bus: str, metres: float, connected: float, peak: float, profile: str,
    ) -> None:  # fmt: skip
        """Add a service: the metered connection of a consumer."""
        table = self.site.tables["power_services"]
        single = connected <= ONE_PHASE_KW and profile not in {"drainage_pump", "booster_pump"}
        table.add(
            at,
            "service",
            f"Service, {consumer['name_en']}",
            f"{consumer['name_zh']}接户点",
            consumer_code=consumer["code"],
            bus_code=bus,
            standby_bus_code=self.standby(bus),
            phases="ABC"[len(table.rows) % 3] if single else "ABC",
            length_m=round(metres, 1),
            connected_kw=round(connected, 1),
            coincident_peak_kw=round(peak, 2),
            profile=profile,
            valid_from=self.net.year(2000, 2020),
        )


def add_consumers(
    net: Network, areas: list[Area], boards: list[Board], outlets: dict[int, Outlet], demands: list[Demand]
) -> None:
    """Add services of buildings, pumps and lamps, then chargers, sun, batteries and diesel sets."""
    feeding = Feeding(net, areas, boards, outlets)
    for k, demand in enumerate(demands):
        outlet, footprint = outlets[k], net.site.draft.buildings[k].footprint
        at = Point(shapely.get_coordinates(footprint.exterior.interpolate(0.0))[0])
        feeding.serve(
            at, feeding.buildings[k], outlet.bus, outlet.length_m, demand.connected_kw, demand.peak_kw, demand.profile
        )
    _pumps(feeding)
    _lighting(feeding)
    _chargers(feeding)
    panels = _sun(feeding)
    _batteries(feeding, panels)
    _diesel(feeding)


def _pumps(feeding: Feeding) -> None:
    site = feeding.site
    station = [b for a, b in zip(feeding.areas, feeding.boards, strict=True) if feeding.use(a) == "pumping station"]
    for k, row in enumerate(site.tables["pumps"].rows):
        at = feeding.local(row["geometry"])
        bus = station[PUMP_BOARD[k % 3]].bus if len(station) == 2 else feeding.nearest(row["geometry"])[0]
        feeding.serve(at, row, bus, 15.0, float(row["power_kw"]), float(row["power_kw"]), "drainage_pump")
    codes = {row["code"]: k for k, row in enumerate(feeding.buildings)}
    for table, column, profile in (
        ("booster_pumps", "power_kw", "booster_pump"),
        ("heat_substations", "pump_kw", "plant"),
    ):
        for row in site.tables[table].rows if table in site.tables else []:
            home = codes.get(row.get("building_code", ""))
            bus = feeding.outlets[home].bus if home is not None else feeding.nearest(row["geometry"])[0]
            power = float(row[column])
            feeding.serve(feeding.local(row["geometry"]), row, bus, 20.0, power, 0.6 * power, profile)


def _lighting(feeding: Feeding) -> None:
    """Lamps of each street hang on the nearest board."""
    site = feeding.site
    frame = shapely.box(0, 0, site.recipe.width_m, site.recipe.height_m)
    boards = {board.bus: board for board in feeding.boards}
    lamps: dict[str, list[float]] = {}
    for pole in site.tables["poles"].rows if "poles" in site.tables else []:
        if pole["lamp_w"] > 0:
            lamps.setdefault(pole["street_code"], []).append(float(pole["lamp_w"]))
    circuits: dict[str, list[tuple[Any, int, float]]] = {}
    for street, row in zip(site.draft.streets, site.tables["streets"].rows, strict=True):
        own = lamps.get(row["code"]) or [LAMP_W] * max(1, round(street.line.length / LAMP_SPACING_M))
        bus, _ = feeding.nearest(row["geometry"].interpolate(0.5, normalized=True), set(boards))
        side = street.line.offset_curve(-(street.width_m / 2 + 0.8)).intersection(frame)
        circuits.setdefault(bus, []).append((side, len(own), sum(own) / 1000))
    for bus in sorted(circuits, key=list(boards).index):
        parts = circuits[bus]
        board = boards[bus]
        shape = MultiLineString([line for part, _, _ in parts for line in shapely.get_parts(part)])
        kw = round(sum(power for _, _, power in parts), 2)
        name = (f"Street lighting, board {board.name_en}", f"{board.name_zh}配电屏路灯回路")
        code = site.tables["lighting_circuits"].add(
            shape,
            "lighting_circuit",
            *name,
            bus_code=bus,
            length_m=round(shape.length, 1),
            lamps=sum(count for _, count, _ in parts),
            kw=kw,
            valid_from=feeding.net.year(2005, 2021),
        )
        row = {"code": code, "name_en": name[0], "name_zh": name[1]}
        feeding.serve(board.at, row, bus, 10.0, kw, kw, "street_lighting")


def _chargers(feeding: Feeding) -> None:
    site, rng = feeding.site, feeding.site.rng
    boards = {board.bus for board in feeding.boards}
    for k, building in enumerate(site.draft.buildings):
        row = feeding.buildings[k]
        near = Point(building.footprint.bounds[2] + 2.0, building.footprint.bounds[1])
        if building.zone == "villas" and rng.random() < HOME_SHARE:
            _charger(feeding, near, "home_charger", row, feeding.outlets[k].bus, HOME_CHARGER_KW, 1)
        if building.zone in {"slabs", "towers"} and row["residents"] > 0 and rng.random() < 0.5:
            kw = E_BIKE_KW * E_BIKE_OUTLETS
            _charger(feeding, near, "e_bike_charger", row, feeding.outlets[k].bus, kw, E_BIKE_OUTLETS)
    for row in site.tables["parking"].rows if "parking" in site.tables else []:
        at, spaces = row["geometry"].representative_point(), int(row["spaces"])
        if spaces >= FAST_FROM_SPACES:
            bus, outlets = feeding.nearest(at, boards)[0], min(6, 2 + spaces // 60 * 2)
            _charger(feeding, feeding.local(at), "fast_charger", row, bus, FAST_KW * outlets / 2, outlets)
        elif spaces >= 6 and rng.random() < 0.3:
            outlets = max(2, spaces // 8)
            bus = feeding.nearest(at)[0]
            _charger(feeding, feeding.local(at), "kerb_charger", row, bus, KERB_KW * outlets, outlets)


CHARGER_NAMES = {
    "home_charger": ("Home charger", "家用充电桩"),
    "kerb_charger": ("Kerbside chargers", "路侧充电桩"),
    "fast_charger": ("Fast chargers", "快充站"),
    "e_bike_charger": ("E-bike charging point", "电动自行车充电点"),
}


def _charger(feeding: Feeding, at: Point, kind: str, host: dict[str, Any], bus: str, kw: float, outlets: int) -> None:
    name = (f"{CHARGER_NAMES[kind][0]}, {host['name_en']}", f"{host['name_zh']}{CHARGER_NAMES[kind][1]}")
    code = feeding.site.tables["chargers"].add(
        at,
        kind,
        *name,
        host_code=host["code"],
        bus_code=bus,
        kw=round(kw, 1),
        outlets=outlets,
        valid_from=feeding.net.year(2018, 2023),
    )
    row = {"code": code, "name_en": name[0], "name_zh": name[1]}
    feeding.serve(at, row, bus, 10.0, kw, kw * COINCIDENT[kind], PROFILE[kind])


def _sun(feeding: Feeding) -> dict[int, float]:
    """Panels on roofs; the sum of their peaks by area."""
    site, rng = feeding.site, feeding.site.rng
    roofs = {row["building_code"]: row for row in site.facts.get("roofs", [])}
    panels: dict[int, float] = {}
    for k, building in enumerate(site.draft.buildings):
        row = feeding.buildings[k]
        draw, turn = float(rng.random()), float(rng.random())
        if draw >= PV_CHANCE.get(row["use"], 0.0):
            continue
        roof = roofs.get(row["code"], {})
        free = float(roof.get("usable_pv_m2", FREE_ROOF * building.footprint.area))
        kwp = round(min(free / FREE_ROOF, building.footprint.area) * FREE_ROOF * FLAT_ROOF_KWP_M2, 1)
        bus = feeding.outlets[k].bus
        area = feeding.area_of[bus]
        if kwp < 2.0 or panels.get(area, 0.0) + kwp > PV_MOST * feeding.areas[area].rating.kva:
            continue
        panels[area] = panels.get(area, 0.0) + kwp
        pitch = float(roof.get("pitch_deg", 0.0))
        across = (float(roof.get("ridge_direction_deg", 90.0)) + 90.0) % 180.0
        azimuth = across if across >= 90.0 else across + 180.0
        site.tables["pv_systems"].add(
            building.footprint.representative_point(),
            "roof_pv",
            f"Solar panels, {row['name_en']}",
            f"{row['name_zh']}屋顶光伏",
            building_code=row["code"],
            bus_code=bus,
            kwp=kwp,
            inverter_kw=round(kwp / 1.15, 1),
            tilt_deg=round(pitch) if pitch > 8.0 else 25,
            azimuth_deg=round(azimuth) if pitch > 8.0 else 165 + round(30 * turn),
            valid_from=feeding.net.year(2015, 2023),
        )
    return panels


def _batteries(feeding: Feeding, panels: dict[int, float]) -> None:
    """Beside the transformers with the most panels."""
    for k in sorted(panels, key=lambda k: (-round(panels[k], 1), k))[:BATTERIES]:
        board = feeding.boards[k]
        feeding.site.tables["batteries"].add(
            Point(board.at.x + 2.5, board.at.y),
            "battery",
            f"Battery, board {board.name_en}",
            f"{board.name_zh}配电屏储能柜",
            building_code=board.building,
            bus_code=board.bus,
            kwh=BATTERY_KWH,
            kw=BATTERY_KW,
            round_trip_efficiency=0.88,
            valid_from=feeding.net.year(2021, 2023),
        )


def _diesel(feeding: Feeding) -> None:
    """Diesel sets of the pumping station (most of its pumps) and of the hospital (its essential load)."""
    plans = {
        "pumping station": (400.0, 8.0, 30.0, "Diesel set, pumping station", "泵站柴油发电机"),
        "hospital": (500.0, 24.0, 12.0, "Diesel set, hospital", "医院柴油发电机"),
    }
    for area, board in zip(feeding.areas, feeding.boards, strict=True):
        plan = plans.pop(feeding.use(area), None)
        if plan is not None:
            kw, fuel_h, start_s, name_en, name_zh = plan
            feeding.site.tables["generators"].add(
                Point(board.at.x + 1.5, board.at.y - 2.0),
                "diesel",
                name_en,
                name_zh,
                building_code=board.building,
                bus_code=board.bus,
                kw=kw,
                fuel_h=fuel_h,
                start_s=start_s,
                valid_from=feeding.net.year(2008, 2018),
            )
