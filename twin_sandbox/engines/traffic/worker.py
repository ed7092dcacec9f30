"""The process in which SUMO runs: ``python -m twin_sandbox.engines.traffic.worker``.

libsumo keeps its simulation in global variables, so a process holds one. It is linked against an Arrow library of its
own and warns where another version is installed; nothing here imports pyarrow (nor pandas), so the warning is switched
off, by the one variable that libsumo asks.
"""

import contextlib
import os
import re
import sys
from array import array
from typing import Any

from twin_sandbox.engines.traffic.signal import Signal
from twin_sandbox.engines.workers.frames import Answer, RefusedError, serve_standard

os.environ["LIBSUMO_AS_TRACI"] = "quiet"

CONFIG, EDGES = "run.sumocfg", "edges.xml"
WATCH_S = 10
"""While streets are closed or under water, who departs is looked at every so many seconds."""
SHUT_S = 1e6
"""Time that a way over a shut street is reckoned to take [s]: nobody takes it who has another."""
REMOVED = 3
"""TraCI's reason for a removal: vaporized."""

_SAMPLE = re.compile(r'<edge id="([^"]*)" sampledSeconds="([^"]*)"(?:[^>]*? speed="([^"]*)")?')


class Simulation:
    """One open SUMO simulation.

    Args:
        request: ``start_s`` (where the run begins, after the warm-up), ``edges``, ``signals``, ``micro``, ``period_s``,
            ``least_green_s``.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        import libsumo

        self.sumo = libsumo
        self.start_s = int(request["start_s"])
        self.period_s = int(request["period_s"])
        self.least_green_s = int(request["least_green_s"])
        self.micro = bool(request["micro"])
        self.edges: dict[str, int] = {name: k for k, name in enumerate(request["edges"])}
        self.counts = {"loaded": 0, "departed": 0, "arrived": 0, "removed": 0, "cancelled": 0, "teleported": 0}
        self.closed: set[str] = set()
        self.slow: set[str] = set()
        self.seen: set[str] = set()
        self.calls: dict[str, dict[str, Any]] = {}
        self.read_to = 0
        self.rows = array("d")
        self.rest = ""
        try:
            libsumo.start(["sumo", "-c", CONFIG])
            self.signals = {name: Signal(libsumo, name, self.least_green_s) for name in request["signals"]}
            first = {name: f"{name}_0" for name in request["edges"]}
            self.limit = {name: libsumo.lane.getMaxSpeed(lane) for name, lane in first.items()}
            self.length = {name: libsumo.lane.getLength(lane) for name, lane in first.items()}
            self.go_on(self.start_s)
        except Exception as error:  # libsumo raises its own kinds, all of them Exception
            raise RefusedError(said(error)) from error
        self.read()

    def go_on(self, until_s: int) -> None:
        """Step SUMO to a moment, in pieces where something has to be watched."""
        sumo = self.sumo
        now = round(sumo.simulation.getTime())
        while now < until_s:
            piece = until_s
            if self.closed or self.slow:
                piece = min(piece, now + WATCH_S - now % WATCH_S)
            if any(call["arrived_s"] is None for call in self.calls.values()):
                piece = now + 1
            changes = [signal.next_s for signal in self.signals.values() if signal.next_s is not None]
            piece = min([piece, *(max(moment, now + 1) for moment in changes)])
            sumo.simulationStep(piece)
            now = piece
            self.count()
            for signal in self.signals.values():
                signal.advance(now)
            self.follow(now)
            if self.closed or self.slow:
                self.divert()

    def count(self) -> None:
        """Add up what SUMO reports of its last steps."""
        simulation, counts = self.sumo.simulation, self.counts
        counts["loaded"] += simulation.getLoadedNumber()
        counts["departed"] += simulation.getDepartedNumber()
        counts["arrived"] += simulation.getArrivedNumber()
        counts["teleported"] += simulation.getStartingTeleportNumber()

    def read(self) -> None:
        """Take over the periods that SUMO has written of its edges since: seconds and metres driven on each."""
        try:
            with open(EDGES, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double the start-up time
                file.seek(self.read_to)
                text = self.rest + file.read()
                self.read_to = file.tell()
        except OSError:
            return
        *whole, self.rest = text.split("</interval>")
        for part in whole:
            begin = part.find('<interval begin="') + 17
            if float(part[begin : part.index('"', begin)]) < self.start_s - 0.5:
                continue
            row = [0.0] * (2 * len(self.edges))
            for name, seconds, speed in _SAMPLE.findall(part):
                if name in self.edges:
                    k = self.edges[name]
                    row[2 * k] = float(seconds)
                    row[2 * k + 1] = float(seconds) * float(speed or 0.0)
            self.rows.extend(row)

    def set_street(self, edge: str, speed_m_s: float, closed: bool) -> None:  # noqa: FBT001 - one of the two states
        """Let vehicles drive this fast on an edge, and enter it or not."""
        sumo = self.sumo
        sumo.edge.setMaxSpeed(edge, speed_m_s)
        # Who drives on a street as it is shut leaves it at its far end. SUMO's permissions would hold him there for
        # ever in the mesoscopic model; so ways are told to shun the street, and nobody is sent in.
        sumo.edge.adaptTraveltime(edge, SHUT_S if closed else self.length[edge] / max(speed_m_s, 0.1))
        if closed != (edge in self.closed):
            (self.closed.add if closed else self.closed.discard)(edge)
        (self.slow.add if speed_m_s < 0.75 * self.limit[edge] else self.slow.discard)(edge)
        self.seen.clear()

    def divert(self) -> None:
        """Whose way leads over a closed street looks for another; so does every other one before a slow street.

        Once for each change. Who has no way left is taken off the streets, and counted.
        """
        vehicle, avoid = self.sumo.vehicle, self.closed | self.slow
        there = set(vehicle.getIDList())
        for name in vehicle.getLoadedIDList():
            if name in self.seen:
                continue
            self.seen.add(name)
            way, at = vehicle.getRoute(name), vehicle.getRouteIndex(name) if name in there else 0
            ahead = way[at + 1 :] if name in there else way
            if avoid.isdisjoint(ahead) or (self.closed.isdisjoint(ahead) and not informed(name)):
                continue
            with contextlib.suppress(Exception):  # no way at all: told apart below
                self.send_on(name, way, at)
            way, at = vehicle.getRoute(name), vehicle.getRouteIndex(name) if name in there else 0
            ahead = way[at + 1 :] if name in there else way
            if not self.closed.isdisjoint(ahead):
                vehicle.remove(name, REMOVED)
                self.counts["removed" if name in there else "cancelled"] += 1

    def send_on(self, name: str, way: tuple[str, ...], at: int) -> None:
        """Give a vehicle the quickest way from the edge where it is.

        Not by ``rerouteTraveltime``: in the mesoscopic model that sets vehicles under way back to the edge where they
        departed (libsumo 1.28), and the process dies of it.
        """
        vehicle = self.sumo.vehicle
        found = self.sumo.simulation.findRoute(way[at], way[-1], vehicle.getTypeID(name))
        vehicle.setRoute(name, found.edges)
        for call in self.calls.values():
            if call.get("vehicle") == name and vehicle.getRouteIndex(name) < at:
                call["driven"] += way[:at]

    def dispatch(self, call: dict[str, Any], now: int) -> None:
        """Send an ambulance by the quickest way as streets are now."""
        sumo, best = self.sumo, None
        for start, from_m in call["from"]:
            for end, to_m in call["to"]:
                if start in self.closed or end in self.closed or (start == end and to_m < from_m):
                    continue
                found = sumo.simulation.findRoute(start, end, "ambulance")
                if not found.edges or not self.closed.isdisjoint(found.edges):
                    continue
                cost = found.travelTime + to_m / self.limit[end] - from_m / self.limit[start]
                if end != start:
                    cost -= self.length[end] / self.limit[end]
                if best is None or cost < best[0]:
                    best = (cost, found.edges, from_m, to_m)
        name = call["name"]
        trail: dict[str, Any] = {
            "called_s": now, "departed_s": None, "arrived_s": None,
            "track": [], "driven": [], "edges": [], "distance_m": 0.0,
        }  # fmt: skip
        if best is None:
            trail["arrived_s"] = -1
        else:
            _, edges, from_m, to_m = best
            vehicle = f"{name}:{now}"
            trail["vehicle"], trail["edges"] = vehicle, list(edges)
            trail["from_m"], trail["to_m"] = min(from_m, self.length[edges[0]]), min(to_m, self.length[edges[-1]])
            sumo.route.add(vehicle, edges)
            sumo.vehicle.add(
                vehicle, vehicle, "ambulance", departPos=str(min(from_m, self.length[edges[0]] - 1.0)),
                departLane="best", departSpeed="max", arrivalPos=str(min(to_m, self.length[edges[-1]])),
            )  # fmt: skip
        self.calls[name] = trail

    def follow(self, now: int) -> None:
        """Note where the ambulances are."""
        vehicle = self.sumo.vehicle
        under_way = [call for call in self.calls.values() if call["arrived_s"] is None]
        if not under_way:
            return
        there = set(vehicle.getIDList())
        waiting = set(vehicle.getLoadedIDList())
        for call in under_way:
            name = call["vehicle"]
            if name in there:
                if call["departed_s"] is None:
                    call["departed_s"] = now
                x_m, y_m = vehicle.getPosition(name)
                call["track"].append((now - self.start_s, round(x_m, 2), round(y_m, 2)))
                at = vehicle.getRouteIndex(name)
                call["edges"] = [*call["driven"], *vehicle.getRoute(name)]
                # not getDistance: in the mesoscopic model it counts from the start again after each new way
                passed = sum(self.length[edge] for edge in call["edges"][: len(call["driven"]) + at])
                call["distance_m"] = round(passed - call["from_m"] + vehicle.getLanePosition(name), 1)
            elif call["departed_s"] is not None or name not in waiting:
                call["arrived_s"] = now if call["departed_s"] is not None else -1
                whole = sum(self.length[edge] for edge in call["edges"])
                call["distance_m"] = round(whole - call["from_m"] - self.length[call["edges"][-1]] + call["to_m"], 1)

    def step(self, request: dict[str, Any]) -> None:
        """Take what changes now, and go on."""
        sumo = self.sumo
        now = round(sumo.simulation.getTime())
        try:
            for edge, (speed, closed) in request["streets"].items():
                self.set_street(edge, speed, closed)
            for kind, factor in request["scale"].items():
                sumo.vehicletype.setScale(kind, factor)
            for name, wanted in request["signals"].items():
                self.signals[name].command(now, self.micro, **wanted)
            for call in request["calls"]:
                self.dispatch(call, now)
            if request["streets"]:
                self.divert()
            self.go_on(self.start_s + int(request["until_s"]))
        except Exception as error:  # as above
            raise RefusedError(said(error)) from error
        self.read()

    def told(self) -> Answer:
        """The periods since the last answer, with where ambulances are, and how many vehicles are where."""
        rows, self.rows = self.rows, array("d")
        answer: dict[str, Any] = {"time_s": round(self.sumo.simulation.getTime()) - self.start_s, "calls": {}}
        for name, call in self.calls.items():
            answer["calls"][name] = {**call, "track": call["track"][call.get("told", 0) :]}
            call["told"] = len(call["track"])
        if self.micro:
            answer["halting"] = [self.sumo.edge.getLastStepHaltingNumber(name) for name in self.edges]
        return answer, rows.tobytes()

    def balances(self) -> dict[str, int]:
        """How many vehicles were loaded, departed, arrived, are running, wait to depart, were removed."""
        counts = dict(self.counts)
        counts["running"] = self.sumo.vehicle.getIDCount()
        counts["waiting"] = len(self.sumo.simulation.getPendingVehicles())
        return counts


def informed(vehicle: str) -> bool:
    """Whether a driver hears of slow streets ahead: every other one, by number."""
    return vehicle[-1:] in "02468"


def said(error: Exception) -> str:
    """SUMO's own words: what it printed as errors, else the exception's."""
    for name in ("errors.log", "console"):  # the latter holds what SUMO says before it has opened the former
        with contextlib.suppress(OSError), open(name, encoding="utf-8", errors="replace") as log:  # noqa: PTH123 - as above
            words = [line.strip().removeprefix("Error: ") for line in log if line.startswith("Error")]
            if words:
                return " ".join(dict.fromkeys(words[:4]))
    return str(error).strip()


def main() -> None:
    """Serve one simulation."""
    running: list[Simulation] = []

    def answer(request: dict[str, Any], _: bytes) -> Answer:
        if request["do"] == "start":
            os.chdir(request["folder"])
            running.append(Simulation(request))
            return running[0].told()
        if request["do"] == "step":
            running[0].step(request)
            return running[0].told()
        found = running[0].balances()
        running[0].sumo.close()
        return found, b""

    serve_standard(answer)


if __name__ == "__main__":
    main()
    sys.exit(0)
