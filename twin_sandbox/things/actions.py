"""What devices can be told to do, kind by kind."""

from typing import NamedTuple


class Action(NamedTuple):
    """One command that a kind of device takes: its name, what it sets, and the values allowed.

    ``step`` is the smallest difference between two values that the device tells apart.
    """

    name: str
    title_en: str
    title_zh: str
    unit: str
    low: float
    high: float
    step: float


ACTIONS: dict[str, tuple[Action, ...]] = {
    "pump_status": (Action("set_speed", "Set pump speed, share of full", "设定水泵转速比", "1", 0.0, 1.0, 0.01),),
    "gate_actuator": (Action("set_opening", "Set gate opening, share of full", "设定闸门开度", "1", 0.0, 1.0, 0.01),),
    "valve_actuator": (Action("set_opening", "Set valve opening", "设定阀门开度", "%", 0.0, 100.0, 1.0),),
    "lamp_controller": (Action("set_dimming", "Set lamp dimming", "设定路灯亮度", "%", 0.0, 100.0, 1.0),),
    "ev_charger": (Action("limit_power", "Limit charging power", "限制充电功率", "kW", 0.0, 120.0, 0.1),),
    "pv_inverter": (Action("limit_power", "Limit power fed in", "限制馈入功率", "kW", 0.0, 250.0, 0.1),),
    "signal_controller": (Action("set_plan", "Choose signal plan", "切换信号方案", "1", 1.0, 16.0, 1.0),),
    "traffic_camera": (
        Action("pan", "Turn camera, clockwise from north", "云台方位角", "°", 0.0, 359.0, 1.0),
        Action("tilt", "Tilt camera, below the horizon", "云台俯角", "°", 0.0, 90.0, 1.0),
    ),
    "drone": (Action("set_height", "Fly at height", "设定飞行高度", "m", 0.0, 120.0, 1.0),),
    "rfid_gate": (Action("set_barrier", "Open barrier (1) or close it (0)", "道闸开关", "1", 0.0, 1.0, 1.0),),
}
"""Kind → its actions; kinds that are not here only measure."""
