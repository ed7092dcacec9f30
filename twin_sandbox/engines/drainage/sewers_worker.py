"""The process in which EPA SWMM runs alone: ``python -m twin_sandbox.engines.drainage.sewers_worker``.

Requests come on standard input, answers leave on a copy of the first standard output, both as frames
(`twin_sandbox.engines.workers.frames`).
"""

from array import array
from typing import Any

from twin_sandbox.engines.drainage.swmm import LINK_FLOW, LINK_SETTING, Swmm
from twin_sandbox.engines.workers.frames import Answer, RefusedError, serve_standard


class Simulation(Swmm):
    """A SWMM model that keeps its state at each report step.

    A link that was commanded once leaves the rules and keeps its last command.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__(
            request["folder"], request["nodes"], request["links"], request["rules"], int(request["step_s"])
        )
        self.report_s = int(request["report_s"])
        self.unattended = bool(request["unattended"])
        self.records = array("d")
        self.record()

    def record(self) -> None:
        """Keep the state of this moment."""
        self.records.extend(self.state())

    def advance(self, until_s: int, settings: dict[str, float]) -> None:
        """Take commands and go on to ``until_s``, recording at each report step."""
        self.commands.update(settings)
        if self.unattended:
            self.watch(until_s)
            return
        while self.time_s < until_s and not self.ended:
            self.step()
            if self.time_s % self.report_s == 0:
                self.record()

    def watch(self, until_s: int) -> None:
        """Let SWMM run on by its own steps and controls, recording at each report step."""
        solver = self.solver
        while self.time_s < until_s and not self.ended:
            try:
                self.ended = solver.swmm_stride(self.report_s) == 0.0
            except Exception as error:  # the toolkit raises plain Exception
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
