"""The process in which EPA SWMM runs: ``python -m twin_sandbox.engines.drainage_worker``.

SWMM keeps its model in global variables, so a process holds one simulation; and it prints to the C standard output, so
that descriptor is pointed elsewhere before SWMM is loaded. Requests come on standard input, answers leave on a copy of
the first standard output, both as frames (`twin_sandbox.engines.frames`).

Nothing but the standard library and SWMM is imported: the process starts in a few hundredths of a second.
"""

import contextlib
import os
from array import array
from typing import Any

from twin_sandbox.engines.frames import Answer, RefusedError, serve_standard

FT3_M3 = 0.3048**3
NODE, LINK = 2, 3
NODE_DEPTH, NODE_HEAD = 5, 6
LINK_FLOW, LINK_SETTING = 0, 5
"""Numbers of the toolkit's ObjectType, NodeResult and LinkResult: its own module of them takes longer to import than
all the rest of the worker (a test holds them equal)."""


class Simulation:
    """One open SWMM model: stepped, with the station's standing rules applied before every routing step.

    The rules are those of the exported input file, evaluated at the same instants and in the same way, so that a run
    without commands equals SWMM's own run of that file to the last digit:

    * a pump starts when the depth in its sump exceeds the start depth, and stops when it is under the stop depth;
    * a tide gate opens when the water inside stands higher than the sea, and shuts otherwise.

    A link that was commanded once leaves the rules and keeps its last command.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        from swmm.toolkit import solver

        self.solver = solver
        self.folder = request["folder"]
        self.step_s = int(request["step_s"])
        self.report_s = int(request["report_s"])
        self.horizon_s = int(request["horizon_s"])
        self.unattended = bool(request["unattended"])
        self.time_s = 0
        self.ended = False
        try:
            solver.swmm_open(*(os.path.join(self.folder, f"model.{end}") for end in ("inp", "rpt", "out")))  # noqa: PTH118 - pathlib would double the start-up time
            solver.swmm_start(False)
        except Exception as error:  # the toolkit raises plain Exception
            solver.swmm_close()
            raise RefusedError(self.reasons(str(error))) from error
        node = {name: solver.project_get_index(NODE, name) for name in request["nodes"]}
        link = {name: solver.project_get_index(LINK, name) for name in request["links"]}
        self.nodes, self.links = list(node.values()), list(link.values())
        self.rules = [
            (name, link[name], rule["kind"], node[rule["inside"]], node[rule["outside"]], rule)
            for name, rule in request["rules"].items()
        ]
        self.link_of = link
        self.now = {name: solver.link_get_result(at, LINK_SETTING) for name, at in self.controlled().items()}
        self.commanded: set[str] = set()
        self.running_s = dict.fromkeys(self.now, 0.0)
        self.starts = dict.fromkeys(self.now, 0)
        self.records = array("d")
        self.record()

    def remove_files(self) -> None:
        """Remove the model's files and folder: the caller does, but one that was killed cannot."""
        for name in ("model.inp", "model.rpt", "model.out", "console"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.folder, name))  # noqa: PTH108, PTH118 - as above
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)  # noqa: PTH106 - as above

    def controlled(self) -> dict[str, int]:
        """The links that have a rule or may be commanded."""
        return {name: at for name, at, *_ in self.rules}

    def reasons(self, fallback: str) -> str:
        """The errors that SWMM wrote to its report, which name the object and the line."""
        try:
            with open(os.path.join(self.folder, "model.rpt"), encoding="utf-8", errors="replace") as report:  # noqa: PTH118, PTH123 - as above
                lines = [line.strip() for line in report]
        except OSError:
            lines = []
        found = [line for line in lines if line.startswith("ERROR")]
        return "; ".join(found[:5]) or fallback.strip()

    def record(self) -> None:
        """Keep the state of this moment."""
        self.records.extend(self.state())

    def state(self) -> "array[float]":
        """Heads [m] of the nodes, flows [m³/s] of the links, settings of the controlled links."""
        solver = self.solver
        values = array("d", [solver.node_get_result(at, NODE_HEAD) for at in self.nodes])
        values.extend([solver.link_get_result(at, LINK_FLOW) for at in self.links])
        values.extend(self.now.values())
        return values

    def set_link(self, name: str, setting: float) -> None:
        """Point a link to a setting, and count a start."""
        if setting == self.now[name]:
            return
        if self.now[name] == 0.0:
            self.starts[name] += 1
        self.now[name] = setting
        self.solver.link_set_target_setting(self.link_of[name], setting)

    def obey_rules(self) -> None:
        """The standing rules, for every link that nobody commands."""
        solver, depth, head = self.solver, NODE_DEPTH, NODE_HEAD
        for name, _, kind, inside, outside, rule in self.rules:
            if name in self.commanded or kind == "fixed":
                continue
            if kind == "pump":
                level = solver.node_get_result(inside, depth)
                if self.now[name] > 0.0 and level < rule["stop_depth_m"]:
                    self.set_link(name, 0.0)
                elif self.now[name] == 0.0 and level > rule["start_depth_m"]:
                    self.set_link(name, 1.0)
            else:
                opens = solver.node_get_result(inside, head) > solver.node_get_result(outside, head)
                self.set_link(name, 1.0 if opens else 0.0)

    def advance(self, until_s: int, settings: dict[str, float]) -> None:
        """Take commands and go on to ``until_s``, recording at each report step."""
        for name, setting in settings.items():
            self.commanded.add(name)
            self.set_link(name, setting)
        solver = self.solver
        if self.unattended:
            self.watch(until_s)
            return
        while self.time_s < until_s and not self.ended:
            self.obey_rules()
            try:
                self.ended = solver.swmm_step() == 0.0
            except Exception as error:  # as above
                solver.swmm_close()
                raise RefusedError(self.reasons(str(error))) from error
            self.time_s += self.step_s
            for name, setting in self.now.items():
                if setting and solver.link_get_result(self.link_of[name], LINK_FLOW) > 0.0:
                    self.running_s[name] += setting * self.step_s
            if self.time_s % self.report_s == 0:
                self.record()

    def watch(self, until_s: int) -> None:
        """Let SWMM run on by its own steps and controls, recording at each report step."""
        solver = self.solver
        while self.time_s < until_s and not self.ended:
            try:
                self.ended = solver.swmm_stride(self.report_s) == 0.0
            except Exception as error:  # as above
                solver.swmm_close()
                raise RefusedError(self.reasons(str(error))) from error
            self.time_s += self.report_s
            for name, before in self.now.items():
                at = self.link_of[name]
                setting = solver.link_get_result(at, LINK_SETTING)
                self.starts[name] += before == 0.0 < setting
                if setting and solver.link_get_result(at, LINK_FLOW) > 0.0:
                    self.running_s[name] += setting * self.report_s
                self.now[name] = setting
            self.record()

    def finish(self) -> dict[str, Any]:
        """The balances of the whole run [m³], and what the pumps did."""
        solver = self.solver
        routing = solver.system_get_routing_totals()
        # The toolkit converts the totals to m³ but leaves the stored volumes in cubic feet.
        totals = {
            "inflow_m3": routing.wwInflow + routing.dwInflow + routing.exInflow + routing.gwInflow + routing.iiInflow,
            "runoff_m3": routing.wwInflow,
            "outflow_m3": routing.outflow,
            "overflow_m3": routing.flooding,
            "stored_start_m3": routing.initStorage * FT3_M3,
            "stored_end_m3": routing.finalStorage * FT3_M3,
        }
        solver.swmm_end()
        runoff_error, routing_error, _ = solver.swmm_get_mass_balance()
        solver.swmm_close()
        self.ended = True
        return {
            **totals,
            "runoff_error": runoff_error / 100.0,
            "routing_error": routing_error / 100.0,
            "running_s": self.running_s,
            "starts": self.starts,
        }


class Server:
    """What the worker says to each request; it holds one simulation."""

    def __init__(self) -> None:
        self.simulation: Simulation | None = None

    def answer(self, request: dict[str, Any], _: bytes) -> Answer:
        """Start, step or finish."""
        if request["do"] == "start":
            self.simulation = Simulation(request)
            return {}, self.simulation.state().tobytes()
        if self.simulation is None:
            return {"error": "not started"}, b""
        if request["do"] == "step":
            self.simulation.advance(int(request["until_s"]), request["settings"])
            return {"time_s": self.simulation.time_s}, self.simulation.state().tobytes()
        block = self.simulation.records.tobytes()
        return self.simulation.finish(), block


def main() -> None:
    """Serve until there are no more requests."""
    server = Server()
    serve_standard(server.answer)
    if server.simulation is not None:
        server.simulation.remove_files()


if __name__ == "__main__":
    main()
