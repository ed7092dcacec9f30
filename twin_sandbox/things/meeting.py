"""Where devices meet the engines: which quantity of a run a device measures, and which it commands.

What no engine carries (visibility, a bin's filling, a cover's tilt) a device of a run doesn't report;
`twin_sandbox.things.reference` has typical courses for these.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from twin_sandbox.world.models.network import short_names

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.result import Result

MPA_PER_M = 9.80665e-3
"""Pressure of a metre of water [MPa]."""
WATER_KJ_KG_K = 4.19


def _same(_: "District", host: str) -> str:
    return host


def _street(district: "District", host: str) -> str:
    """The street in which a pole, a lane or a low area lies."""
    for table in ("low_areas", "lanes", "poles"):
        rows = district.entities[table]
        if host in rows.index:
            return str(rows["street_code"][host])
    return ""


def _short(district: "District", host: str) -> str:
    return short_names(district).get(host, "")


def _low_side(district: "District", host: str) -> str:
    return str(district.entities["transformers"]["to_code"].get(host, ""))


def _once(_: "District", __: str) -> float:
    return 1.0


def _phase_volt(district: "District", host: str) -> float:
    """Volts between phase and neutral at rated voltage."""
    return float(district.entities["transformers"]["secondary_kv"][host]) * 1000.0 / math.sqrt(3.0)


def _lane_share(district: "District", host: str) -> float:
    """One lane's part of a street's flow in both directions."""
    lanes = district.entities["lanes"]
    return 1.0 / max(1, int((lanes["street_code"] == lanes["street_code"][host]).sum()))


def _always(factor: float) -> "Callable[[District, str], float]":
    return lambda _, __: factor


class Meeting(NamedTuple):
    """What a device measures: a quantity of an engine, at the entity that its host stands for, times a factor."""

    quantity: str
    code: "Callable[[District, str], str]" = _same
    factor: "Callable[[District, str], float]" = _once


MEASURED: Mapping[tuple[str, str], Meeting] = {
    ("level_sensor", "water level"): Meeting("drainage.level_m"),
    ("street_depth", "depth of water on the street"): Meeting("drainage.street_depth_m", _street),
    ("pump_status", "pump setting"): Meeting("drainage.setting", _short),
    ("gate_actuator", "gate opening"): Meeting("drainage.setting", _short),
    ("water_pressure", "water pressure"): Meeting("supply.pressure_m", _same, _always(MPA_PER_M)),
    ("hydrant_pressure", "hydrant pressure"): Meeting("supply.hydrant_m", _same, _always(MPA_PER_M)),
    ("water_flow", "water flow"): Meeting("supply.flow_m3s", _same, _always(3600.0)),
    ("water_meter", "building water flow"): Meeting("supply.delivered_m3s", _same, _always(3600.0)),
    ("chlorine_probe", "free chlorine"): Meeting("supply.chlorine_mg_l"),
    ("electricity_meter", "electric power"): Meeting("power.served_kw"),
    ("ev_charger", "charging power"): Meeting("power.served_kw"),
    ("pv_inverter", "PV power"): Meeting("power.pv_given_kw"),
    ("transformer_monitor", "voltage"): Meeting("power.voltage_pu", _low_side, _phase_volt),
    ("heat_meter", "supply temperature"): Meeting("heat.supply_c"),
    ("heat_meter", "return temperature"): Meeting("heat.return_c"),
    ("loop_detector", "lane flow"): Meeting("traffic.flow_vehicles_h", _street, _lane_share),
    ("traffic_camera", "vehicle flow"): Meeting("traffic.flow_vehicles_h", _street),
    ("traffic_camera", "vehicle speed"): Meeting("traffic.speed_kmh", _street),
}
"""(kind of device, quantity) → what it meets."""

_SUMMED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("electricity_meter", "electric energy"): ("electricity_meter", "electric power"),
    ("water_meter", "water volume"): ("water_meter", "building water flow"),
}
"""Counters → the rate by the hour that they add up from the run's start."""

_AIR: Mapping[str, str] = {
    "air temperature": "temperature_c",
    "global irradiance": "ghi_w_m2",
    "relative humidity": "humidity_percent",
    "wind speed": "wind_m_s",
}


def measured(district: "District", result: "Result", kind: str, quantity: str, host: str) -> "pd.Series[float] | None":
    """The true values that a device meets at each kept moment, in its own unit; None if the run doesn't carry them."""
    if (kind, quantity) == ("heat_meter", "heat power"):
        return _heat_power(result, host)
    if (kind, quantity) in _SUMMED:
        rate = measured(district, result, *_SUMMED[kind, quantity], host)
        return None if rate is None else _counted(rate, result.scenario.report_step_s)
    meeting = MEASURED.get((kind, quantity))
    if meeting is None:
        return _outdoors(result, kind, quantity)
    values = _at(result, meeting.quantity, meeting.code(district, host))
    if values is None:
        return None
    # A flow meter counts one way; the sign says which, and stays with the engine.
    return (values.abs() if quantity == "water flow" else values) * meeting.factor(district, host)


def _outdoors(result: "Result", kind: str, quantity: str) -> "pd.Series[float] | None":
    """What comes from outside: rain, sea and weather."""
    import pandas as pd

    scenario, times = result.scenario, result.times
    if kind == "rain_gauge":
        return scenario.rain_mm_h()[: len(times)] * result.reality.rain_factor
    if kind == "tide_gauge":
        return pd.Series(scenario.tide.level_m(times), index=times)
    if kind == "weather_station" and quantity in _AIR:
        return scenario.weather_or_ordinary().at(times)[_AIR[quantity]]
    return None


def _at(result: "Result", quantity: str, code: str) -> "pd.Series[float] | None":
    import pandas as pd

    if quantity not in result.quantities:
        return None
    codes = result.tracks.ports[quantity].codes
    if code not in codes:
        return None
    return pd.Series(result.tracks.array(quantity)[:, codes.index(code)].astype(float), index=result.times)


def _heat_power(result: "Result", host: str) -> "pd.Series[float] | None":
    parts = [_at(result, f"heat.{name}", host) for name in ("mass_kg_s", "supply_c", "return_c")]
    mass, supply, back = parts
    if mass is None or supply is None or back is None:
        return None
    return mass * WATER_KJ_KG_K * (supply - back)


def _counted(rate: "pd.Series[float]", step_s: int) -> "pd.Series[float]":
    return rate.shift(1, fill_value=0.0).cumsum() * (step_s / 3600.0)


COMMANDED: Mapping[tuple[str, str], Meeting] = {
    ("pump_status", "set_speed"): Meeting("drainage.setting", _short),
    ("gate_actuator", "set_opening"): Meeting("drainage.setting", _short),
    ("valve_actuator", "set_opening"): Meeting("supply.valve_open", _same, _always(0.01)),
    ("ev_charger", "limit_power"): Meeting("power.charger_kw"),
}
"""(kind of device, action) → what it sets: the action's value times the factor."""


def commanded(
    district: "District", kind: str, action: str, host: str, value: float
) -> tuple[str, dict[str, Any]] | None:
    """What a command sets, as ``("engine.quantity", {code: value})``; None if no engine listens to it."""
    meeting = COMMANDED.get((kind, action))
    if meeting is None:
        return None
    code = meeting.code(district, host)
    return (meeting.quantity, {code: value * meeting.factor(district, host)}) if code else None
