"""Runs of the water supply made for its figures: a day, every hydrant in turn, failures of power, water and mains."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin_sandbox.engines.protocol import Finished
    from twin_sandbox.engines.supply.model import Model
    from twin_sandbox.world.twin import Twin

MONDAY = pd.Timestamp("2026-07-13 00:00+08:00")
HOUR_S, DAY_S, STEP_S = 3600, 86_400, 300
BURST_M3S = 0.02
"""C of a burst main [m³/s/m^0.5]: 110 L/s at 30 m."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """A run of the engine.

    Args:
        model: what was run.
        hours: moments since the start of the run [h].
        found: quantity → one row a moment.
        finished: balances and statements.
    """

    model: "Model"
    hours: Array
    found: Mapping[str, Array]
    finished: "Finished"


def run(
    twin: "Twin",
    start: pd.Timestamp,
    horizon_s: int,
    inputs: "Callable[[Model, int], Mapping[str, Array]] | None" = None,
    step_s: int = STEP_S,
) -> Run:
    """Run the supply from a moment on; ``inputs`` tells from the model and the second what is handed over.

    Raises:
        TwinError: the engine refuses the model or an input.
    """
    from twin_sandbox.engines.supply.engine import Supply
    from twin_sandbox.world.models.supply import supply_model

    model = supply_model(twin.district, start, horizon_s, step_s=step_s)
    engine = Supply(model)
    rows = [engine.start()]
    for second in range(0, horizon_s, step_s):
        rows += [engine.step(second + step_s, inputs(model, second) if inputs else {})]
    hours = np.array([row.time_s for row in rows]) / HOUR_S
    found = {name: np.array([row.found[name] for row in rows]) for name in engine.gives}
    return Run(model, hours, found, engine.finish())


def sweep(twin: "Twin", peak_s: int, flow_m3s: float) -> tuple[Array, Array]:
    """Each hydrant alone in the greatest hour, one a second: head left [m] and flow had [m³/s]."""
    count = len(twin.entities["hydrants"])

    def fire(_: "Model", second: int) -> Mapping[str, Array]:
        return {"fire_m3s": np.where(np.arange(count) == second, flow_m3s, 0.0)}

    found = run(twin, MONDAY + pd.Timedelta(seconds=peak_s), count, fire, step_s=1).found
    alone = np.arange(count)
    return found["hydrant_m"][alone + 1, alone], found["fire_flow_m3s"][alone + 1, alone]


def shut_feeds(twin: "Twin", model: "Model", numbers: tuple[int, ...]) -> dict[str, Array]:
    """These feeds' reducing valves shut."""
    valves = twin.entities["water_valves"]
    codes = valves.index[valves["kind"] == "prv"][list(numbers)]
    return {"valve_open": np.where(np.isin([valve.code for valve in model.valves], codes), 0.0, np.nan)}


def outage(twin: "Twin") -> Run:
    """All secondary pumps without power from seven to eleven, and four hours after."""

    def powered(model: "Model", second: int) -> Mapping[str, Array]:
        return {"powered": np.full(len(model.boosters), float(second >= 4 * HOUR_S))}

    return run(twin, MONDAY + pd.Timedelta(hours=7), 8 * HOUR_S, powered)


def burst(twin: "Twin") -> Run:
    """The main to the harbour bursts at seven; the gates around it are shut at nine."""
    pipes = twin.entities["water_pipes"]
    code = str(pipes.index[pipes["kind"] == "branch main"][0])
    near = gates_around(twin, code)

    def inputs(model: "Model", second: int) -> Mapping[str, Array]:
        leak = np.where(np.array(list(model.pipes)) == code, BURST_M3S, np.nan)
        shut = second >= 2 * HOUR_S
        if not shut:
            return {"leak_coefficient": leak}
        opening = np.where(np.isin([valve.code for valve in model.valves], near), 0.0, np.nan)
        return {"leak_coefficient": leak, "valve_open": opening}

    return run(twin, MONDAY + pd.Timedelta(hours=7), 8 * HOUR_S, inputs)


def gates_around(twin: "Twin", pipe: str) -> list[str]:
    """Gates that cut off a leak on a pipe: all around the part of the net in which the pipe's lower end lies."""
    pipes, valves = twin.entities["water_pipes"], twin.entities["water_valves"]
    gates = valves[valves["kind"] == "gate"]
    gate = dict(zip(zip(gates["pipe_code"], gates["junction_code"], strict=True), gates.index, strict=True))
    legs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for code, one, other in zip(pipes.index, pipes["from_code"], pipes["to_code"], strict=True):
        legs[one].append((code, other))
        legs[other].append((code, one))
    found, reached, waiting = set(), set(), [str(pipes["to_code"][pipe])]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        for code, other in legs[node]:
            shut = gate.get((code, node)) or gate.get((code, other))
            if shut:
                found.add(str(shut))
            elif other not in reached:
                waiting.append(other)
    return sorted(found)


def no_water(twin: "Twin") -> Run:
    """Both feeds shut from seven to eleven, and four hours after."""

    def inputs(model: "Model", second: int) -> Mapping[str, Array]:
        shut = shut_feeds(twin, model, (0, 1))
        return shut if second < 4 * HOUR_S else {"valve_open": np.full(len(model.valves), np.nan)}

    return run(twin, MONDAY + pd.Timedelta(hours=7), 8 * HOUR_S, inputs)


def buildings(model: "Model") -> list[str]:
    """Codes of the buildings, in the order of their ports."""
    return list(dict.fromkeys(service.building for service in model.services))
