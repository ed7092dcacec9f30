"""What a water supply takes and gives, what is allowed there, and any EPANET file as its model."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Port, Values
from twin_sandbox.engines.supply.epanet import WHERE, Project
from twin_sandbox.engines.supply.model import Model, Service, Valve
from twin_sandbox.errors import TwinError
from twin_sandbox.formats.epanet_network import engine_reads

_MOST = {"demand_m3s": 10.0, "powered": 1.0, "valve_open": 1.0, "fire_m3s": 1.0, "leak_coefficient": 0.1}
"""Greatest value of each port; the least is 0."""


def taken_ports(model: Model) -> dict[str, Port]:
    """What may be handed over."""
    buildings = dict.fromkeys(service.building for service in model.services)
    ports = {
        "demand_m3s": _port(buildings, "m³/s", "water that a building would draw at full pressure, as designed"),
        "powered": _port(
            [*(booster.code for booster in model.boosters), *model.pumps], "1", "1 if the pumps have power, else 0"
        ),
        "valve_open": _port((valve.code for valve in model.valves), "1", "opening, 0 shut to 1 open"),
        "fire_m3s": _port(model.hydrants, "m³/s", "water that the fire brigade wants of a hydrant"),
        "leak_coefficient": _port(
            model.pipes, "m³/s/m^0.5", "C of a pipe's leak: flow = C √head at its downstream node"
        ),
    }
    return {name: replace(port, low=0.0, high=_MOST[name]) for name, port in ports.items() if port.codes}


def given_ports(model: Model) -> dict[str, Port]:
    """What is told."""
    buildings = dict.fromkeys(service.building for service in model.services)
    boosters = [booster.code for booster in model.boosters]
    ports = {
        "pressure_m": _port(model.junctions, "m", "pressure head above the junction; 0 where there is no water"),
        "service_pressure_m": _port(buildings, "m", "pressure head at a building's uppermost tap; 0 if it is dry"),
        "delivered_m3s": _port(buildings, "m³/s", "water out of a building's taps"),
        "flow_m3s": _port(model.pipes, "m³/s", "flow, above 0 from a pipe's first end to its second"),
        "leak_m3s": _port(model.pipes, "m³/s", "what a pipe leaks"),
        "inflow_m3s": _port(model.sources, "m³/s", "what a source gives"),
        "tank_level_m": _port(model.tanks, "m", "level above a tank's bottom"),
        "pump_kw": _port(model.pumps, "kW", "electric power of a pump of the net"),
        "booster_kw": _port(boosters, "kW", "electric power of secondary pumps"),
        "break_tank_m3": _port(boosters, "m³", "water before secondary pumps"),
        "roof_tank_m3": _port(boosters, "m³", "water above the taps that secondary pumps feed"),
        "hydrant_m": _port(model.hydrants, "m", "pressure head at a hydrant, its own loss taken off"),
        "fire_flow_m3s": _port(model.hydrants, "m³/s", "water that a hydrant gives, as long as 10 m remain"),
        "warning": _port(["epanet"], "1", "EPANET's warning code of this moment, 0 for none"),
    }
    if model.quality == "chlorine":
        ports["chlorine_mg_l"] = _port(model.junctions, "mg/L", "free chlorine")
    if model.age or model.quality == "age":
        ports["age_h"] = _port(model.junctions, "h", "time since the water came in")
    return {name: port for name, port in ports.items() if port.codes}


def _port(codes: Iterable[str], unit: str, means: str) -> Port:
    return Port(tuple(codes), unit, means)


def checked(ports: Mapping[str, Port], inputs: Values) -> dict[str, NDArray[np.float64]]:
    """The inputs as arrays of their own.

    Raises:
        TwinError: an unknown port, a wrong number of values, or one that is not allowed; NaN is.
    """
    if not isinstance(inputs, Mapping):
        raise TwinError(f"{WHERE}, step", f"inputs are a {type(inputs).__name__}", "Port → array of its values.")
    values = {}
    for name, given in inputs.items():
        if name not in ports:
            raise TwinError(f"{WHERE}, {name!r}", "no such port", f"One of: {', '.join(ports)}.")
        codes = ports[name].codes
        try:
            array = np.array(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise TwinError(f"{WHERE}, {name}", f"{given!r:.60}", "An array of numbers.") from None
        if array.shape != (len(codes),):
            told = f"values of shape {array.shape}"
            raise TwinError(f"{WHERE}, {name}", told, f"One for each of its {len(codes)} codes, in their order.")
        most = _MOST[name]
        wrong = np.flatnonzero(~(np.isnan(array) | ((array >= 0.0) & (array <= most))))
        if wrong.size:
            where = f"{WHERE}, {name} of {codes[wrong[0]]}"
            unit = "" if ports[name].unit == "1" else f" {ports[name].unit}"
            raise TwinError(where, f"{array[wrong[0]]:g}", f"0 to {most:g}{unit}, or NaN to leave it to the model.")
        values[name] = array
    return values


def read_model(path: Path, step_s: int | None, horizon_s: int | None) -> Model:
    """Any EPANET file as a model; names are the file's.

    Raises:
        TwinError: EPANET refuses the file, or a duration that is none.
    """
    found = engine_reads(path, path)  # a process of its own: a damaged file may break EPANET
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    names = {table: {row["epanet_id"]: row["epanet_id"] for row in rows} for table, rows in found["tables"].items()}
    own_step_s, own_horizon_s, quality = _times(text)
    step_s, horizon_s = step_s or own_step_s, own_horizon_s if horizon_s is None else horizon_s
    for what, value, least in (("step_s", step_s, 1), ("horizon_s", horizon_s, 0)):
        if not (math.isfinite(value) and value == int(value) and value >= least):
            raise TwinError(f"file {path}, {what}", f"{value}", f"Whole seconds, at least {least}.")
    turned = [row for row in found["tables"]["pipes"] if row["status"] != "check"] + found["tables"]["valves"]
    return Model(
        text,
        int(step_s),
        int(horizon_s),
        names["junctions"],
        names["pipes"],
        names["sources"],
        names["tanks"],
        names["pumps"],
        tuple(Valve(row["epanet_id"], row["epanet_id"], row["status"] != "closed") for row in turned),
        names["junctions"],
        services=tuple(Service(name, name) for name in names["junctions"]),
        quality=quality,
    )


def _times(text: str) -> tuple[int, int, Any]:
    """Hydraulic time step and duration of a file [s], and what quality it reckons."""
    project = Project(text)
    en = project.en
    step_s, horizon_s = (int(project.call("gettimeparam", name)) for name in (en.HYDSTEP, en.DURATION))
    quality = {en.CHEM: "chlorine", en.AGE: "age"}.get(project.quality, "")
    project.close()
    return step_s, horizon_s, quality
