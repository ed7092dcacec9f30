"""The kinds of device in the district: whose they are, where they sit, what they measure and how finely.

The choice follows the sensing system that the reports ask for: above ground, below, in the air, on the water; posts
that carry several sensors; and the classes of a port district with its parks, public works, streets and neighbourhoods.
Resolution and range are those of ordinary instruments of the kind, rounded; intervals are chosen so that the district
sends about 140,000 values a day, as the reports' port district does.
"""

from typing import NamedTuple


class Stream(NamedTuple):
    """One datastream of a device: the first part of its id, what it measures, how finely, how often."""

    prefix: str
    quantity: str
    unit: str
    resolution: float
    interval_s: int
    range_low: float
    range_high: float


class Kind(NamedTuple):
    """One kind of device.

    ``hosts`` are the two-letter kinds of the tables whose entities it watches, the first that has rows is taken;
    ``mount_height_m`` is counted from the ground and negative below it. ``number`` 0 means that the recipe places each.
    """

    name_en: str
    name_zh: str
    owner: str
    space: str
    number: int
    mount_height_m: float
    hosts: tuple[str, ...]
    streams: tuple[Stream, ...]


DRAINAGE = "Drainage Company"
WATER = "Water Company"
HEAT = "Heating Company"
GRID = "Grid Company"
POLICE = "Traffic Police"
URBAN = "Urban Management Bureau"
ECOLOGY = "Ecology Bureau"
WEATHER = "Meteorological Office"
PORT = "Port Company"
FIRE = "Fire and Rescue"
HOUSING = "Property Management"
OCEAN = "Marine Office"
GAS = "Gas Company"
DIGITAL = "City Operation Centre"

OWNERS_ZH = {
    DRAINAGE: "排水公司",
    WATER: "供水公司",
    HEAT: "供热公司",
    GRID: "电网公司",
    POLICE: "交通警察支队",
    URBAN: "城市管理局",
    ECOLOGY: "生态环境局",
    WEATHER: "气象局",
    PORT: "港口公司",
    FIRE: "消防救援支队",
    HOUSING: "物业公司",
    OCEAN: "海洋预报台",
    GAS: "燃气公司",
    DIGITAL: "城市运行中心",
}
"""Departments that own devices; none stands for a real one."""

ABOVE, BELOW, AIR, ON_WATER = "above ground", "below ground", "air", "water"

FIRST: dict[str, tuple[str, str, float]] = {
    "rain_gauge": (WEATHER, ABOVE, 10.0),
    "tide_gauge": (OCEAN, ON_WATER, 0.0),
    "level_sensor": (DRAINAGE, BELOW, -1.0),
    "street_depth": (URBAN, ABOVE, 0.0),
    "pump_status": (DRAINAGE, BELOW, -1.0),
}
"""Owner, space and mounting height [m] of the kinds that watch the drains."""

KINDS: dict[str, Kind] = {
    "gateway": Kind(
        "Radio gateway", "无线网关", DIGITAL, ABOVE, 4, 25.0, ("BD",),
        (Stream("gateway", "connected devices", "1", 1.0, 900, 0.0, 500.0),),
    ),
    "weather_station": Kind(
        "Weather station", "气象站", WEATHER, ABOVE, 2, 2.0, ("PK", "RD"),
        (
            Stream("airtemp", "air temperature", "°C", 0.1, 60, -40.0, 60.0),
            Stream("humidity", "relative humidity", "%", 1.0, 300, 0.0, 100.0),
            Stream("wind", "wind speed", "m/s", 0.1, 60, 0.0, 60.0),
            Stream("winddir", "wind direction", "°", 1.0, 60, 0.0, 360.0),
            Stream("airpress", "air pressure", "hPa", 0.1, 300, 850.0, 1080.0),
            Stream("sun", "global irradiance", "W/m²", 1.0, 60, 0.0, 1600.0),
        ),
    ),
    "air_quality": Kind(
        "Air quality monitor", "空气质量微站", ECOLOGY, ABOVE, 4, 4.0, ("PL", "RD"),
        (
            Stream("pm25", "PM2.5 concentration", "µg/m³", 1.0, 300, 0.0, 1000.0),
            Stream("pm10", "PM10 concentration", "µg/m³", 1.0, 300, 0.0, 2000.0),
            Stream("no2", "nitrogen dioxide concentration", "µg/m³", 1.0, 300, 0.0, 1000.0),
            Stream("o3", "ozone concentration", "µg/m³", 1.0, 300, 0.0, 1000.0),
        ),
    ),
    "noise_meter": Kind(
        "Noise meter", "噪声监测仪", ECOLOGY, ABOVE, 4, 4.0, ("PL", "RD"),
        (Stream("noise", "sound level", "dB(A)", 0.1, 60, 30.0, 130.0),),
    ),
    "water_pressure": Kind(
        "Water pressure sensor", "供水压力计", WATER, BELOW, 6, -1.2, ("WJ", "RD"),
        (Stream("pressure", "water pressure", "MPa", 0.001, 60, 0.0, 1.0),),
    ),
    "water_flow": Kind(
        "Water flow meter", "供水流量计", WATER, BELOW, 4, -1.2, ("WP", "RD"),
        (Stream("flow", "water flow", "m³/h", 0.1, 60, 0.0, 800.0),),
    ),
    "chlorine_probe": Kind(
        "Water quality probe", "水质余氯仪", WATER, BELOW, 3, -1.2, ("WJ", "RD"),
        (
            Stream("chlorine", "free chlorine", "mg/L", 0.01, 300, 0.0, 4.0),
            Stream("turbidity", "turbidity", "NTU", 0.01, 300, 0.0, 20.0),
        ),
    ),
    "water_meter": Kind(
        "Building water meter", "楼栋水表", WATER, ABOVE, 5, 0.5, ("BD",),
        (
            Stream("volume", "water volume", "m³", 0.1, 900, 0.0, 1_000_000.0),
            Stream("use", "building water flow", "m³/h", 0.01, 900, 0.0, 60.0),
        ),
    ),
    "hydrant_pressure": Kind(
        "Hydrant pressure sensor", "消火栓压力计", FIRE, ABOVE, 4, 0.6, ("WH", "RD"),
        (Stream("hydrant", "hydrant pressure", "MPa", 0.001, 300, 0.0, 1.6),),
    ),
    "valve_actuator": Kind(
        "Valve actuator", "阀门执行器", WATER, BELOW, 3, -1.2, ("WV", "RD"),
        (Stream("valve", "valve opening", "%", 1.0, 300, 0.0, 100.0),),
    ),
    "heat_meter": Kind(
        "Heat meter", "热量表", HEAT, BELOW, 3, -2.0, ("HX", "BD"),
        (
            Stream("supply", "supply temperature", "°C", 0.1, 300, 0.0, 150.0),
            Stream("return", "return temperature", "°C", 0.1, 300, 0.0, 150.0),
            Stream("heat", "heat power", "kW", 1.0, 300, 0.0, 10_000.0),
        ),
    ),
    "transformer_monitor": Kind(
        "Transformer monitor", "变压器监测终端", GRID, ABOVE, 6, 1.0, ("ET", "BD"),
        (
            Stream("load", "transformer load", "kW", 0.1, 60, 0.0, 1600.0),
            Stream("voltage", "voltage", "V", 0.1, 60, 0.0, 300.0),
            Stream("winding", "winding temperature", "°C", 0.1, 300, -20.0, 200.0),
        ),
    ),
    "electricity_meter": Kind(
        "Electricity meter", "智能电表", GRID, ABOVE, 4, 1.5, ("BD",),
        (
            Stream("power", "electric power", "kW", 0.01, 300, 0.0, 800.0),
            Stream("energy", "electric energy", "kWh", 0.01, 900, 0.0, 1_000_000.0),
        ),
    ),
    "pv_inverter": Kind(
        "PV inverter", "光伏逆变器", GRID, ABOVE, 4, 10.0, ("EG", "BD"),
        (Stream("pv", "PV power", "kW", 0.01, 60, 0.0, 250.0),),
    ),
    "ev_charger": Kind(
        "EV charger", "充电桩", GRID, ABOVE, 5, 1.2, ("EC", "PS", "BD"),
        (
            Stream("charging", "charging power", "kW", 0.1, 300, 0.0, 120.0),
            Stream("plug", "charger occupied", "1", 1.0, 300, 0.0, 1.0),
        ),
    ),
    "lamp_controller": Kind(
        "Street lamp controller", "路灯控制器", URBAN, ABOVE, 8, 8.0, ("PL", "RD"),
        (
            Stream("dimming", "lamp dimming", "%", 1.0, 900, 0.0, 100.0),
            Stream("lamp", "lamp power", "W", 0.1, 900, 0.0, 400.0),
        ),
    ),
    "signal_controller": Kind(
        "Traffic signal controller", "交通信号控制机", POLICE, ABOVE, 4, 1.5, ("SG", "RD"),
        (Stream("plan", "signal plan", "1", 1.0, 300, 1.0, 16.0),),
    ),
    "traffic_camera": Kind(
        "Traffic camera", "交通摄像机", POLICE, ABOVE, 5, 6.5, ("PL", "RD"),
        (
            Stream("camera", "vehicle flow", "1/h", 1.0, 300, 0.0, 6000.0),
            Stream("speed", "vehicle speed", "km/h", 1.0, 300, 0.0, 150.0),
        ),
    ),
    "loop_detector": Kind(
        "Loop detector", "地磁线圈", POLICE, BELOW, 6, -0.1, ("LN", "RD"),
        (
            Stream("loop", "lane flow", "1/h", 1.0, 60, 0.0, 2400.0),
            Stream("occupancy", "lane occupancy", "%", 0.1, 60, 0.0, 100.0),
        ),
    ),
    "pedestrian_counter": Kind(
        "Pedestrian counter", "人流计数器", URBAN, ABOVE, 4, 4.5, ("CX", "RD"),
        (Stream("people", "pedestrian flow", "1/h", 1.0, 300, 0.0, 12_000.0),),
    ),
    "parking_sensor": Kind(
        "Parking sensor", "车位传感器", URBAN, ABOVE, 5, 0.0, ("PS", "RD"),
        (Stream("bay", "parking bay occupied", "1", 1.0, 300, 0.0, 1.0),),
    ),
    "manhole_tilt": Kind(
        "Manhole cover sensor", "井盖传感器", URBAN, BELOW, 5, -0.1, ("MH",),
        (Stream("cover", "cover tilt", "°", 0.1, 900, 0.0, 90.0),),
    ),
    "methane_sensor": Kind(
        "Methane sensor", "甲烷传感器", GAS, BELOW, 6, -1.5, ("CS", "MH"),
        (Stream("methane", "methane, share of lower explosive limit", "%", 0.1, 60, 0.0, 100.0),),
    ),
    "groundwater_well": Kind(
        "Groundwater level sensor", "地下水位计", ECOLOGY, BELOW, 4, -8.0, ("GW", "PK", "RD"),
        (Stream("groundwater", "groundwater level", "m", 0.01, 900, -15.0, 10.0),),
    ),
    "structure_tilt": Kind(
        "Structure tilt sensor", "结构倾角仪", URBAN, ABOVE, 3, 3.0, ("BD",),
        (Stream("tilt", "structure tilt", "mm/m", 0.01, 300, -20.0, 20.0),),
    ),
    "fire_detector": Kind(
        "Fire detector", "火灾探测器", FIRE, ABOVE, 6, 3.0, ("BD",),
        (
            Stream("smoke", "smoke obscuration", "%/m", 0.01, 60, 0.0, 20.0),
            Stream("roomtemp", "room temperature", "°C", 0.1, 60, -20.0, 150.0),
            Stream("co", "carbon monoxide", "ppm", 1.0, 60, 0.0, 1000.0),
        ),
    ),
    "lift_sensor": Kind(
        "Lift sensor", "电梯传感器", HOUSING, ABOVE, 4, 2.0, ("BD",),
        (
            Stream("lift", "lift vibration", "mm/s", 0.1, 60, 0.0, 50.0),
            Stream("door", "lift door cycles", "1/h", 1.0, 900, 0.0, 400.0),
        ),
    ),
    "bin_level": Kind(
        "Bin level sensor", "垃圾桶满溢传感器", URBAN, ABOVE, 5, 1.0, ("PL", "RD"),
        (Stream("bin", "bin fill level", "%", 1.0, 900, 0.0, 100.0),),
    ),
    "gate_actuator": Kind(
        "Gate actuator", "闸门执行器", DRAINAGE, BELOW, 1, -1.0, ("GT",),
        (Stream("gate", "gate opening", "1", 0.01, 300, 0.0, 1.0),),
    ),
    "rfid_gate": Kind(
        "Port RFID gate", "港区射频识别道口", PORT, ABOVE, 0, 4.0, ("BD",),
        (Stream("passes", "lorry passes", "1/h", 1.0, 300, 0.0, 400.0),),
    ),
    "wave_buoy": Kind(
        "Wave buoy", "波浪浮标", OCEAN, ON_WATER, 0, 0.0, (),
        (
            Stream("wave", "significant wave height", "m", 0.01, 900, 0.0, 15.0),
            Stream("period", "wave period", "s", 0.1, 900, 0.0, 30.0),
        ),
    ),
    "water_quality_buoy": Kind(
        "Water quality buoy", "水质浮标", OCEAN, ON_WATER, 0, 0.0, ("BC",),
        (
            Stream("seatemp", "water temperature", "°C", 0.01, 900, -2.0, 40.0),
            Stream("salinity", "salinity", "PSU", 0.01, 900, 0.0, 42.0),
            Stream("oxygen", "dissolved oxygen", "mg/L", 0.01, 900, 0.0, 20.0),
            Stream("clarity", "sea turbidity", "NTU", 0.1, 900, 0.0, 400.0),
        ),
    ),
    "drone": Kind(
        "Patrol drone", "巡检无人机", DIGITAL, AIR, 0, 60.0, (),
        (
            Stream("altitude", "flight height", "m", 0.1, 60, 0.0, 120.0),
            Stream("battery", "battery charge", "%", 1.0, 60, 0.0, 100.0),
        ),
    ),
    "aerostat": Kind(
        "Tethered balloon", "系留浮空平台", WEATHER, AIR, 0, 100.0, (),
        (
            Stream("windaloft", "wind speed aloft", "m/s", 0.1, 60, 0.0, 60.0),
            Stream("visibility", "visibility", "km", 0.1, 300, 0.0, 35.0),
        ),
    ),
}  # fmt: skip
"""Kinds beyond those that watch the drains."""
