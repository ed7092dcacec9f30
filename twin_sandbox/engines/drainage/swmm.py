"""EPA SWMM inside a worker process: one open model, stepped, with the station's standing rules.

SWMM keeps its model in global variables, so a process holds one simulation; and it prints to the C standard output, so
that descriptor must point elsewhere before it is loaded. Nothing but the standard library and SWMM is imported.
"""

import contextlib
import os
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from twin_sandbox.engines.workers.frames import RefusedError

FT3_M3 = 0.3048**3
NODE, LINK = 2, 3
NODE_DEPTH, NODE_HEAD = 5, 6
LINK_FLOW, LINK_SETTING = 0, 5
"""Numbers of the toolkit's ObjectType, NodeResult and LinkResult: its own module of them takes longer to import than
all the rest of the worker (a test holds them equal)."""


class Swmm:
    """One open SWMM model: stepped, with the station's standing rules applied before every routing step.

    The rules are those of the exported input file, evaluated at the same instants and in the same way, so that a run
    without commands equals SWMM's own run of that file to the last digit:

    * a pump starts when the depth in its sump exceeds the start depth, and stops when it is under the stop depth;
    * a tide gate opens when the water inside stands higher than the sea, and shuts when that stands higher by a hold.

    Args:
        folder: holds ``model.inp``; SWMM's report goes there.
        nodes: names of the nodes whose heads are wanted; they include those of the rules.
        links: names of the links whose flows are wanted; they include those with rules.
        rules: link → the fields of its rule.
        step_s: fixed routing step [s].

    Attributes:
        commands: link → setting that holds instead of its rule.
        unpowered: links that stand still whatever commands them.
        running_s, starts: of each link with a rule, since the start.

    Raises:
        RefusedError: SWMM refuses the model.
    """

    def __init__(
        self, folder: str, nodes: Sequence[str], links: Sequence[str], rules: Mapping[str, Any], step_s: int
    ) -> None:
        from swmm.toolkit import solver

        self.solver, self.folder, self.step_s = solver, folder, step_s
        self.time_s = 0
        self.ended = False
        try:
            solver.swmm_open(*(os.path.join(folder, f"model.{end}") for end in ("inp", "rpt", "out")))  # noqa: PTH118 - pathlib would double the start-up time
            solver.swmm_start(False)
        except Exception as error:  # the toolkit raises plain Exception
            solver.swmm_close()
            raise RefusedError(self.reasons(str(error))) from error
        node = {name: solver.project_get_index(NODE, name) for name in nodes}
        link = {name: solver.project_get_index(LINK, name) for name in links}
        self.nodes, self.links = list(node.values()), list(link.values())
        self.rules = [
            (name, link[name], rule["kind"], node[rule["inside"]], node[rule["outside"]], rule)
            for name, rule in rules.items()
        ]
        self.link_of = link
        self.now = {name: solver.link_get_result(at, LINK_SETTING) for name, at, *_ in self.rules}
        self.commands: dict[str, float] = {}
        self.unpowered: set[str] = set()
        self.running_s = dict.fromkeys(self.now, 0.0)
        self.starts = dict.fromkeys(self.now, 0)

    def remove_files(self) -> None:
        """Remove the model's files and folder: the caller does, but one that was killed cannot."""
        for name in ("model.inp", "model.rpt", "model.out", "console"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.folder, name))  # noqa: PTH108, PTH118 - as above
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)  # noqa: PTH106 - as above

    def reasons(self, fallback: str) -> str:
        """The errors that SWMM wrote to its report, which name the object and the line."""
        try:
            with open(os.path.join(self.folder, "model.rpt"), encoding="utf-8", errors="replace") as report:  # noqa: PTH118, PTH123 - as above
                lines = [line.strip() for line in report]
        except OSError:
            lines = []
        found = [line for line in lines if line.startswith("ERROR")]
        return "; ".join(found[:5]) or fallback.strip()

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

    def obey(self) -> None:
        """Stop what has no power, hold what is commanded, and apply the standing rules to the rest."""
        for name, _, kind, inside, outside, rule in self.rules:
            if name in self.unpowered:
                self.set_link(name, 0.0)
            elif name in self.commands:
                self.set_link(name, self.commands[name])
            elif kind == "pump":
                self._keep_level(name, inside, rule)
            elif kind == "gate":
                self._keep_out(name, inside, outside, rule)

    def _keep_level(self, pump: str, inside: int, rule: Mapping[str, Any]) -> None:
        depth_m = self.solver.node_get_result(inside, NODE_DEPTH)
        if self.now[pump] > 0.0 and depth_m < rule["stop_depth_m"]:
            self.set_link(pump, 0.0)
        elif self.now[pump] == 0.0 and depth_m > rule["start_depth_m"]:
            self.set_link(pump, 1.0)

    def _keep_out(self, gate: str, inside: int, outside: int, rule: Mapping[str, Any]) -> None:
        head = self.solver.node_get_result
        fall_m = head(inside, NODE_HEAD) - head(outside, NODE_HEAD)
        if fall_m > 0.0:
            self.set_link(gate, 1.0)
        elif fall_m < -rule["hold_m"]:
            self.set_link(gate, 0.0)

    def step(self) -> None:
        """One routing step.

        Raises:
            RefusedError: SWMM fails; the model is closed then.
        """
        self.obey()
        solver = self.solver
        try:
            self.ended = solver.swmm_step() == 0.0
        except Exception as error:  # as above
            self.ended = True
            solver.swmm_close()
            raise RefusedError(self.reasons(str(error))) from error
        self.time_s += self.step_s
        for name, setting in self.now.items():
            if setting and solver.link_get_result(self.link_of[name], LINK_FLOW) > 0.0:
                self.running_s[name] += setting * self.step_s

    def finish(self) -> dict[str, Any]:
        """Close the model; its balances of the whole run [m³], and what the pumps did."""
        solver = self.solver
        routing = solver.system_get_routing_totals()
        # The toolkit converts the totals to m³ but leaves the stored volumes in cubic feet.
        totals = {
            "inflow_m3": routing.wwInflow + routing.dwInflow + routing.exInflow + routing.gwInflow + routing.iiInflow,
            "runoff_m3": routing.wwInflow,
            "dry_weather_m3": routing.dwInflow,
            "outside_m3": routing.exInflow,
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
