"""Traffic: Eclipse SUMO by libsumo behind the engine protocol, in a process of its own.

Mesoscopic (queues on segments) for a whole day, microscopic (every vehicle's own movement) for short horizons in which
signals are controlled. The engine knows a SUMO model and labels for its edges, no district.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.engines.workers.process import Worker
from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]

PERIOD_S = 60
"""SUMO adds up what it saw on each edge over this time."""
LEAST_GREEN_S = 10
MOST_STAGES = 8
"""Shortest green that is accepted. Rule of this project, in the range of practice."""
IMPASSABLE_M = 0.3
"""Depth of water that stops vehicles: Pregnolato et al. 2017."""
DRY_KMH = 86.9448
VEHICLE_M = 7.5
"""A standing vehicle with the gap before it: SUMO's ordinary car of 5 m and its gap of 2.5 m."""
PIECE_S = 3600.0
"""A longer step is asked of the worker in pieces of this time, so that a slow run is told from a dead worker."""
NAME = "traffic engine"
ADVICE = "The words are SUMO's; they name the object in the model's files."


def wet_speed_share(depth_m: float) -> float:
    """Share of the dry speed that is left on a street under water; 0 above 0.3 m, where it is impassable.

    Pregnolato, Ford, Wilkinson, Dawson 2017, "The impact of flooding on road transport: a depth-disruption function"
    (doi:10.1016/j.trd.2017.06.020): v(w) = 0.0009 w² − 0.5529 w + 86.9448 km/h, w in mm; here as a share of v(0), so
    that each street keeps its own limit.
    """
    if depth_m > IMPASSABLE_M:
        return 0.0
    w_mm = 1000.0 * depth_m
    return (0.0009 * w_mm**2 - 0.5529 * w_mm + DRY_KMH) / DRY_KMH


@dataclass(frozen=True)
class Call:
    """An ambulance that is called at ``at_s`` [s since the start] from one place to another."""

    at_s: float
    from_code: str
    to_code: str


@dataclass(frozen=True)
class TrafficModel:
    """A SUMO model ready to run; entity codes are only labels to it.

    Args:
        files: name → text of what SUMO reads, ``run.sumocfg`` among them: with these files SUMO alone does the same.
        streets: label → its edges.
        lengths_m: edge → length.
        limits_m_s: edge → speed limit.
        lanes: edge → number of lanes.
        signals: label → SUMO's traffic light.
        cycle_spare_s: label → green that the main and the last stage share [s].
        scaled: what ``demand_factor`` speaks of → SUMO's vehicle types.
        places: label → edges of a place, each with the way along it [m]: where an ambulance can be sent.
        calls: ambulances known beforehand.
        close_above_m: depth of water above which a street is shut [m].
        ambulances: how many there are.
        origin_m: what is added to SUMO's coordinates to get the map's.
        start_s: SUMO's time at the start of the run; before it, the streets fill.
        horizon_s: length of the run [s].
        micro: every vehicle's own movement, else mesoscopic.
    """

    files: Mapping[str, bytes]
    streets: Mapping[str, tuple[str, ...]]
    lengths_m: Mapping[str, float]
    limits_m_s: Mapping[str, float]
    lanes: Mapping[str, int]
    signals: Mapping[str, str]
    cycle_spare_s: Mapping[str, float]
    scaled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    close_above_m: float = IMPASSABLE_M
    ambulances: int = 2
    origin_m: tuple[float, float] = (0.0, 0.0)
    start_s: int = 0
    horizon_s: int = 86_400
    micro: bool = False

    def write(self, folder: Path) -> Path:
        """Write the files for SUMO alone (``sumo -c run.sumocfg``); gives the configuration's path."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder / "run.sumocfg"


@dataclass(frozen=True)
class Journey:
    """What became of one call of an ambulance.

    Args:
        ambulance: which.
        called_s: moment of the call [s since the start].
        from_code, to_code: places.
        travel_s: from the call to the arrival [s]; NaN if it never arrived.
        distance_m: way driven [m].
        edges: SUMO's edges driven over.
        track: moment [s since the start], x, y [m on the map], shape (n, 3).
    """

    ambulance: str
    called_s: float
    from_code: str
    to_code: str
    travel_s: float
    distance_m: float
    edges: tuple[str, ...]
    track: Floats


@dataclass(frozen=True)
class TrafficRecords:
    """What a run leaves, also one that failed: one row for each minute.

    Args:
        vehicles: mean number of vehicles on each street, minutes × streets.
        speed_kmh: their mean speed [km/h]; NaN where nobody drove.
        flow_vehicles_h: vehicles per hour, both directions together.
        queue_m: length of the queue, see :attr:`Traffic.gives` [m].
        journeys: the ambulances' calls.
    """

    vehicles: Floats
    speed_kmh: Floats
    flow_vehicles_h: Floats
    queue_m: Floats
    journeys: tuple[Journey, ...]


def sumo_root() -> Path:
    """The folder from which a worker imports SUMO."""
    import sumo

    return Path(sumo.SUMO_HOME).parent


class Traffic:
    """One SUMO simulation in a worker process.

    Args:
        model: what to run.

    The worker ends with :meth:`finish`, :meth:`close`, or when this object is no longer used.
    """

    elsewhere = True

    def __init__(self, model: TrafficModel) -> None:
        self.model = model
        self._worker: Worker | None = None
        self._failed = False
        self._time_s = 0.0
        edges = [edge for of in model.streets.values() for edge in of]
        self._edges = list(dict.fromkeys(edges))
        index = {edge: k for k, edge in enumerate(self._edges)}
        self._own = np.array([index[edge] for edge in edges], dtype=np.int64)
        self._first = np.cumsum([0, *(len(of) for of in model.streets.values())])[:-1]
        self._length_m = np.array([model.lengths_m[edge] for edge in self._edges])
        self._limit_m_s = np.array([model.limits_m_s[edge] for edge in self._edges])
        self._lanes = np.array([model.lanes[edge] for edge in self._edges])
        self._held: dict[str, bytes] = {}
        self._ambulances = tuple(f"ambulance_{k + 1}" for k in range(max(model.ambulances, len(model.calls), 1)))
        self._minutes: list[Floats] = []
        self._calls: dict[str, list[dict[str, Any]]] = {name: [] for name in self._ambulances}
        self._planned = sorted(model.calls, key=lambda call: call.at_s)
        self._asked: list[dict[str, Any]] = []
        self._halting: Floats = np.zeros(len(self._edges))
        self._sent: dict[str, dict[str, Any]] = {"streets": {}, "scale": {}, "signals": {}}

    @property
    def step_s(self) -> int:
        """A minute; ten seconds in the microscopic model, where signals are controlled."""
        return 10 if self.model.micro else PERIOD_S

    @property
    def takes(self) -> Mapping[str, Port]:
        """Water and closures of streets, power and greens of signals, demand."""
        model = self.model
        streets, signals = tuple(model.streets), tuple(model.signals)
        ports = {
            "depth_m": Port(streets, "m", "deepest water on the carriageway; above 0.3 m nobody passes", 0.0),
            "closed": Port(streets, "1", "1 shut to vehicles, 0 open", 0.0, 1.0, whole=True),
            "signal_powered": Port(
                signals, "1", "1 with power, 0 dark: first come, first served", 0.0, 1.0, whole=True
            ),
            "green_s": Port(
                signals,
                "s",
                "green of the main stage in a cycle kept as it is; NaN: the own programme",
                limits={code: (LEAST_GREEN_S, self._most_green_s(code)) for code in signals},
            ),
            "demand_factor": Port(tuple(model.scaled), "1", "vehicles that set out ÷ those of the model", 0.0),
        }
        if model.micro:
            ports["stage"] = Port(
                signals,
                "1",
                "number of the stage to show, from 0, the main street's",
                0.0,
                MOST_STAGES - 1.0,
                whole=True,
            )
        return ports

    @property
    def gives(self) -> Mapping[str, Port]:
        """The state of the streets as the mean over the step, by SUMO's edge data; where the ambulances are."""
        streets = tuple(self.model.streets)
        ports = {
            "speed_kmh": Port(streets, "km/h", "mean speed; on an empty street the one that is possible"),
            "vehicles": Port(streets, "1", "vehicles on the street"),
            "flow_vehicles_h": Port(streets, "1/h", "both directions together: metres driven ÷ length ÷ time"),
            "queue_m": Port(
                streets, "m", "vehicles kept from driving at the limit, standing in line; longer direction"
            ),
            "ambulance_x_m": Port(self._ambulances, "m", "easting; NaN before the first call"),
            "ambulance_y_m": Port(self._ambulances, "m", "northing; NaN before the first call"),
            "ambulance_s": Port(self._ambulances, "s", "time since its latest call, until it arrived; NaN before"),
            "ambulance_arrived": Port(self._ambulances, "1", "1 when it arrived; NaN before the first call"),
        }
        if self.model.micro:
            ports["halting"] = Port(tuple(self._edges), "1", "vehicles that stand, by SUMO's edge (one direction)")
        return ports

    def start(self) -> Outputs:
        """Start the worker, open the model, fill the streets, give the state at time 0.

        Raises:
            TwinError: SUMO refuses the model, in its own words.
        """
        model = self.model
        self._worker = Worker(
            NAME,
            "SUMO",
            "twin_sandbox.engines.traffic.worker",
            roots=[sumo_root()],
            files=dict(model.files),
            advice=ADVICE,
        )
        answer, block = self._ask(
            {
                "do": "start",
                "folder": str(self._worker.folder),
                "start_s": model.start_s,
                "edges": self._edges,
                "signals": list(model.signals.values()),
                "micro": model.micro,
                "period_s": PERIOD_S,
                "least_green_s": LEAST_GREEN_S,
            }
        )
        return self._outputs(answer, block)

    def dispatch(self, from_code: str, to_code: str) -> str:
        """Send an ambulance at the next step; gives its name.

        Raises:
            TwinError: an unknown place, or all are under way.
        """
        for code in (from_code, to_code):
            if code not in self.model.places:
                raise TwinError(f"{NAME}, ambulance", f"no place {code!r}", "A building, street, park or gate.")
        free = [name for name, calls in self._calls.items() if not calls or calls[-1].get("arrived_s") is not None]
        if not free:
            raise TwinError(f"{NAME}, ambulance", "all are under way", then="Wait until one has arrived.")
        places = self.model.places
        self._asked.append({"name": free[0], "from": places[from_code], "to": places[to_code]})
        self._calls[free[0]].append({"from_code": from_code, "to_code": to_code, "called_s": self._time_s, "track": []})
        return free[0]

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Take depths, closures, power, greens and demand now, hold them, and go on to ``until_s``.

        Raises:
            TwinError: no multiple of the step, a value out of its range, or SUMO failed; :meth:`finish` then gives
                what had been computed.
        """
        if not math.isfinite(until_s) or until_s % self.step_s or until_s <= self._time_s:
            raise TwinError(
                NAME, f"a step to {until_s:g} s at {self._time_s:g} s", f"Later multiples of {self.step_s} s."
            )
        request = self._changes(inputs)
        blocks = []
        while self._time_s < until_s:
            moments = [call.at_s for call in self._planned if call.at_s > self._time_s]
            due = [call for call in self._planned if call.at_s <= self._time_s]
            self._planned = self._planned[len(due) :]
            for call in due:
                self.dispatch(call.from_code, call.to_code)
            until = min([until_s, self._time_s + PIECE_S, *moments])
            answer, block = self._ask({"do": "step", "until_s": until, "calls": self._asked, **request})
            request, self._asked, self._time_s = {"streets": {}, "scale": {}, "signals": {}}, [], float(until)
            blocks.append(block)
            self._keep(answer)
        return self._outputs(answer, np.concatenate(blocks))

    def finish(self) -> Finished:
        """Close the model; give what every minute brought, the ambulances' journeys, and the count of vehicles.

        Balances: ``departed``, ``arrived``, ``running``, ``waiting`` (to depart, no room yet), ``removed`` (no way left
        to where they go: a closure), ``cancelled`` (removed before they departed), ``teleported`` (SUMO's own relief of
        a jam; switched off), ``vehicles_error`` (share of the departed that is nowhere).
        """
        if self._worker is None:
            raise TwinError(NAME, "not running", then="Start a new run.")
        balances: dict[str, float] = {}
        if not self._failed:
            answer, _ = self._ask({"do": "finish"})
            balances = {name: float(count) for name, count in answer.items()}
            lost = answer["departed"] - answer["arrived"] - answer["running"] - answer["removed"]
            balances["vehicles_error"] = lost / max(1, answer["departed"])
        self.close()
        rows = np.array(self._minutes).reshape(-1, 2 * len(self._edges))
        speed, vehicles, flow, queue = self._streets(rows)
        journeys = tuple(self._journey(name, call) for name, calls in self._calls.items() for call in calls)
        return Finished(balances, TrafficRecords(vehicles, speed, flow, queue, journeys))

    def close(self) -> None:
        """End the worker and remove its folder; more than once does no harm."""
        if self._worker is not None:
            self._worker.close()

    def _ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], Floats]:
        if self._worker is None:
            raise TwinError(NAME, "not running", then="Start a new run.")
        try:
            return self._worker.ask(request)
        except TwinError:
            self._failed = True
            raise

    def _given(self, inputs: Values, port: str) -> list[float]:
        """The values of a port that was handed over, else nothing known of any of its codes."""
        codes = self.takes[port].codes
        values = np.asarray(inputs.get(port, np.full(len(codes), np.nan)), dtype=np.float64)
        if values.shape != (len(codes),):
            raise TwinError(f"{NAME}, {port}", f"{values.size} values", f"{len(codes)}, one for each code.")
        return [float(value) for value in values]

    def _changes(self, inputs: Values) -> dict[str, Any]:
        """What the worker has to change since the last step; everything is checked before anything is sent."""
        unknown = sorted(set(inputs) - set(self.takes))
        if unknown:
            raise TwinError(NAME, f"no port {unknown[0]!r}", f"{', '.join(self.takes)}.")
        given = {port: np.asarray(values, dtype=np.float64).tobytes() for port, values in inputs.items()}
        if self._sent["streets"] and given == self._held:
            return {"streets": {}, "scale": {}, "signals": {}}
        wanted: dict[str, dict[str, Any]] = {
            "streets": self._wanted_streets(inputs),
            "scale": self._wanted_scale(inputs),
            "signals": self._wanted_signals(inputs),
        }
        changes = {
            part: {key: value for key, value in of.items() if self._sent[part].get(key, usual) != value}
            for (part, of), usual in zip(
                wanted.items(), (None, 1.0, {"powered": True, "green_s": None, "stage": None}), strict=True
            )
        }
        if not self._sent["streets"]:
            usual_streets = {edge: (limit, False) for edge, limit in self.model.limits_m_s.items()}
            changes["streets"] = {e: v for e, v in changes["streets"].items() if usual_streets[e] != v}
        self._sent, self._held = wanted, given
        return changes

    def _wanted_streets(self, inputs: Values) -> dict[str, tuple[float, bool]]:
        found = {}
        pairs = zip(
            self.model.streets.items(), self._given(inputs, "depth_m"), self._given(inputs, "closed"), strict=True
        )
        for (code, edges), depth, shut in pairs:
            if depth < 0.0 or math.isinf(depth):
                raise TwinError(f"{NAME}, depth_m of {code}", f"{depth:g}", "0 m or more.")
            if not (math.isnan(shut) or shut in {0.0, 1.0}):
                raise TwinError(f"{NAME}, closed of {code}", f"{shut:g}", "0 (open) or 1 (shut).")
            water = 0.0 if math.isnan(depth) else depth
            share = wet_speed_share(min(water, IMPASSABLE_M))
            for edge in edges:
                limit = self.model.limits_m_s[edge]
                found[edge] = (limit * share if water else limit, shut == 1.0 or water > self.model.close_above_m)
        return found

    def _wanted_scale(self, inputs: Values) -> dict[str, float]:
        found = {}
        for (code, kinds), factor in zip(self.model.scaled.items(), self._given(inputs, "demand_factor"), strict=True):
            if factor < 0.0 or math.isinf(factor):
                raise TwinError(f"{NAME}, demand_factor of {code}", f"{factor:g}", "0 or more.")
            found.update(dict.fromkeys(kinds, 1.0 if math.isnan(factor) else factor))
        return found

    def _most_green_s(self, code: str) -> float:
        return self.model.cycle_spare_s[code] - LEAST_GREEN_S

    def _wanted_signals(self, inputs: Values) -> dict[str, dict[str, Any]]:
        model, found = self.model, {}
        powered, greens = self._given(inputs, "signal_powered"), self._given(inputs, "green_s")
        asked = self._given(inputs, "stage") if model.micro else [math.nan] * len(greens)
        for (code, light), on, green, stage in zip(model.signals.items(), powered, greens, asked, strict=True):
            if not (math.isnan(on) or on in {0.0, 1.0}):
                raise TwinError(f"{NAME}, signal_powered of {code}", f"{on:g}", "0 (dark) or 1.")
            most = self._most_green_s(code)
            if not (math.isnan(green) or LEAST_GREEN_S <= green <= most):
                raise TwinError(f"{NAME}, green_s of {code}", f"{green:g} s", f"{LEAST_GREEN_S} to {most:g} s.")
            if not (math.isnan(stage) or stage in range(MOST_STAGES)):
                raise TwinError(f"{NAME}, stage of {code}", f"{stage:g}", "The number of a stage, from 0.")
            found[light] = {
                "powered": on != 0.0,
                "green_s": None if math.isnan(green) else green,
                "stage": None if math.isnan(stage) else int(stage),
            }
        return found

    def _keep(self, answer: Mapping[str, Any]) -> None:
        for name, told in answer["calls"].items():
            call = self._calls[name][-1]
            track = [*call["track"], *(tuple(spot) for spot in told["track"])]
            arrived = told["arrived_s"]
            since = None if arrived is None else arrived if arrived < 0 else arrived - self.model.start_s
            call.update(track=track, arrived_s=since, edges=told["edges"], distance_m=told["distance_m"])
            call["travel_s"] = math.nan if since is None or since < 0 else since - call["called_s"]

    def _streets(self, rows: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Speed, vehicles, flow and queue of each street from seconds and metres driven on each edge in each minute."""
        seconds, metres = rows[:, 0::2], rows[:, 1::2]
        flows = metres / self._length_m / PERIOD_S * 3600.0
        held = np.maximum(seconds - metres / self._limit_m_s, 0.0) / PERIOD_S * VEHICLE_M / self._lanes
        queue = np.minimum(held, self._length_m)
        time, way, flow = (
            np.add.reduceat(part[:, self._own], self._first, axis=1) for part in (seconds, metres, flows)
        )
        longest = np.maximum.reduceat(queue[:, self._own], self._first, axis=1)
        with np.errstate(invalid="ignore"):
            return 3.6 * way / time, time / PERIOD_S, flow, longest

    def _outputs(self, answer: Mapping[str, Any], block: Floats) -> Outputs:
        rows = block.reshape(-1, 2 * len(self._edges))
        self._minutes.extend(rows)
        if not len(rows):  # nothing new within a minute
            rows = np.array(self._minutes[-1:]).reshape(-1, 2 * len(self._edges))
        mean = rows.mean(axis=0, keepdims=True) if len(rows) else np.zeros((1, 2 * len(self._edges)))
        speed, vehicles, flow, queue = (part[0] for part in self._streets(mean))
        free = [3.6 * min(self._possible(edge) for edge in of) for of in self.model.streets.values()]
        found = {
            "speed_kmh": np.where(np.isnan(speed), free, speed),
            "vehicles": vehicles,
            "flow_vehicles_h": flow,
            "queue_m": queue,
            **self._where(),
        }
        if self.model.micro:
            found["halting"] = np.array(answer["halting"], dtype=np.float64)
        return Outputs(float(answer["time_s"]), found)

    def _possible(self, edge: str) -> float:
        speed, closed = self._sent["streets"].get(edge, (self.model.limits_m_s[edge], False))
        return 0.0 if closed else float(speed)

    def _where(self) -> dict[str, Floats]:
        found = {name: np.full(len(self._ambulances), np.nan) for name in ("x_m", "y_m", "s", "arrived")}
        for k, calls in enumerate(self._calls.values()):
            if not calls:
                continue
            call = calls[-1]
            if call["track"]:
                found["x_m"][k] = call["track"][-1][1] + self.model.origin_m[0]
                found["y_m"][k] = call["track"][-1][2] + self.model.origin_m[1]
            travel = call.get("travel_s", math.nan)
            found["arrived"][k] = float(math.isfinite(travel))
            found["s"][k] = travel if math.isfinite(travel) else self._time_s - call["called_s"]
        return {f"ambulance_{name}": values for name, values in found.items()}

    def _journey(self, name: str, call: Mapping[str, Any]) -> Journey:
        track = np.array(call["track"], dtype=np.float64).reshape(-1, 3) + np.array([0.0, *self.model.origin_m])
        return Journey(
            name, call["called_s"], call["from_code"], call["to_code"], call.get("travel_s", math.nan),
            call.get("distance_m", 0.0), tuple(call.get("edges", ())), track,
        )  # fmt: skip
