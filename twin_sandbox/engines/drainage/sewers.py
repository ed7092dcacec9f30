"""Drains and street stores: EPA SWMM 5.2 behind the engine protocol, in a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.rules import Rule, swmm_root
from twin_sandbox.engines.protocol import Outputs
from twin_sandbox.engines.workers.process import Worker
from twin_sandbox.errors import TwinError

__all__ = ["Drainage", "Model", "Records", "Rule"]

ADVICE = "The code is SWMM's; the message names the object in the model's input."


@dataclass(frozen=True)
class Model:
    """A drainage model ready to run.

    Args:
        text: SWMM input without controls (the standing rules come in ``rules``).
        nodes: names of the nodes whose levels are wanted.
        links: names of the links whose flows are wanted.
        rules: link → its rule; exactly these links can be commanded.
        step_s: fixed routing step [s].
        report_s: records are kept every so many seconds.
        horizon_s: length of the run [s].
        unattended: nobody commands: ``text`` carries the rules as SWMM's controls, and SWMM chooses its own steps.
            What the pumps did is then known at the kept moments alone.
    """

    text: str
    nodes: tuple[str, ...]
    links: tuple[str, ...]
    rules: Mapping[str, Rule]
    step_s: int
    report_s: int
    horizon_s: int
    unattended: bool = False


@dataclass(frozen=True)
class Records:
    """What a finished run leaves: one row a report step, the first at the start.

    Args:
        levels_m: water level of each node [m above datum], records × nodes.
        flows_m3s: flow of each link [m³/s], records × links.
        settings: setting of each controllable link, records × rules.
        totals_m3: inflow, runoff, outflow, overflow (lost), stored at start and end [m³].
        running_s: pump → seconds at full speed that its energy is worth (setting × time while water flowed).
        starts: pump → how often it was started.
        runoff_error: SWMM's own continuity error of the surface runoff, as a share.
        routing_error: SWMM's own continuity error of the routing, as a share.
    """

    levels_m: NDArray[np.float64]
    flows_m3s: NDArray[np.float64]
    settings: NDArray[np.float64]
    totals_m3: Mapping[str, float]
    running_s: Mapping[str, float]
    starts: Mapping[str, int]
    runoff_error: float
    routing_error: float


class Drainage:
    """One SWMM simulation in a worker process.

    Args:
        model: what to run.

    The worker ends with :meth:`finish`, :meth:`close`, or when this object is no longer used.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._worker: Worker | None = None

    def start(self) -> Outputs:
        """Start the worker, open the model, give the state at time 0."""
        self._worker = Worker(
            "drainage engine",
            "EPA SWMM",
            "twin_sandbox.engines.drainage.sewers_worker",
            roots=[swmm_root()],
            files={"model.inp": self.model.text.encode()},
            advice=ADVICE,
        )
        rules = {name: vars(rule) for name, rule in self.model.rules.items()}
        _, state = self._ask(
            {
                "do": "start",
                "folder": str(self._worker.folder),
                "nodes": self.model.nodes,
                "links": self.model.links,
                "rules": rules,
                "step_s": self.model.step_s,
                "report_s": self.model.report_s,
                "horizon_s": self.model.horizon_s,
                "unattended": self.model.unattended,
            }
        )
        return self._outputs(0.0, state)

    def step(self, until_s: float, inputs: Mapping[str, float]) -> Outputs:
        """Command links (setting 0 to 1) now, and go on to ``until_s``."""
        answer, state = self._ask({"do": "step", "until_s": until_s, "settings": dict(inputs)})
        return self._outputs(float(answer["time_s"]), state)

    def finish(self) -> Records:
        """Close the model and give the records and balances of the run."""
        answer, block = self._ask({"do": "finish"})
        self.close()
        nodes, links, rules = len(self.model.nodes), len(self.model.links), len(self.model.rules)
        rows = block.reshape(-1, nodes + links + rules)
        return Records(
            levels_m=rows[:, :nodes].copy(),
            flows_m3s=rows[:, nodes : nodes + links].copy(),
            settings=rows[:, nodes + links :].copy(),
            totals_m3={name: value for name, value in answer.items() if name.endswith("_m3")},
            running_s=answer["running_s"],
            starts=answer["starts"],
            runoff_error=answer["runoff_error"],
            routing_error=answer["routing_error"],
        )

    def _ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], NDArray[np.float64]]:
        if self._worker is None:
            raise TwinError("drainage engine", "not running", then="Start a new run.")
        return self._worker.ask(request)

    def close(self) -> None:
        """End the worker and remove its folder."""
        if self._worker is not None:
            self._worker.close()

    def _outputs(self, time_s: float, state: NDArray[np.float64]) -> Outputs:
        nodes, links = len(self.model.nodes), len(self.model.links)
        return Outputs(
            time_s,
            {
                "level_m": state[:nodes],
                "flow_m3s": state[nodes : nodes + links],
                "setting": state[nodes + links :],
            },
        )
