"""Drains and street stores: EPA SWMM 5.2 behind the engine protocol, in a process of its own."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage_worker import HEADER
from twin_sandbox.engines.protocol import Outputs
from twin_sandbox.errors import TwinError

ANSWER_WITHIN_S = 60.0
"""A request that takes longer than this has gone wrong: a whole night takes about half a second."""


@dataclass(frozen=True)
class Rule:
    """The standing rule of one pump or gate.

    Args:
        kind: "pump" (start and stop depth), "gate" (open while the water inside is higher), or "fixed".
        inside: node whose water the link takes.
        outside: node to which it goes.
        start_depth_m: depth in ``inside`` above which a pump starts [m].
        stop_depth_m: depth below which it stops [m].
    """

    kind: Literal["pump", "gate", "fixed"]
    inside: str
    outside: str
    start_depth_m: float = 0.0
    stop_depth_m: float = 0.0


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


@dataclass
class _Process:
    """The worker, its pipes and its folder, and how to be rid of them all."""

    popen: "subprocess.Popen[bytes]"
    folder: Path
    owner: int = field(default_factory=os.getpid)

    def end(self) -> None:
        # A fork of this process holds copies of the pipes; the worker and its folder aren't its to remove.
        if os.getpid() != self.owner:
            return
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self.popen.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _start_process(text: str) -> _Process:
    import swmm.toolkit

    folder = Path(tempfile.mkdtemp(prefix="practicum-drainage-"))
    try:
        (folder / "model.inp").write_text(text, encoding="utf-8")
        # The worker must find this package and SWMM wherever they came from, and nothing in the caller's folder.
        roots = [Path(__file__).parents[2], Path(next(iter(swmm.toolkit.__path__))).parents[1]]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(root) for root in roots)}
        with (folder / "console").open("wb") as console:
            popen = subprocess.Popen(
                [sys.executable, "-m", "twin_sandbox.engines.drainage_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                cwd=folder,
                env=environment,
                bufsize=0,
            )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TwinError("drainage engine", f"its process did not start ({error.strerror})") from error
    return _Process(popen, folder)


class Drainage:
    """One SWMM simulation in a worker process.

    Args:
        model: what to run.

    The worker ends with :meth:`finish`, :meth:`close`, or when this object is no longer used.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._process: _Process | None = None
        self._finalizer: weakref.finalize[[], Drainage] | None = None

    def start(self) -> Outputs:
        """Start the worker, open the model, give the state at time 0."""
        self._process = _start_process(self.model.text)
        self._finalizer = weakref.finalize(self, self._process.end)
        rules = {name: vars(rule) for name, rule in self.model.rules.items()}
        _, state = self._ask(
            {
                "do": "start",
                "folder": str(self._process.folder),
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

    def close(self) -> None:
        """End the worker and remove its folder."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = None

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

    def _ask(self, request: Mapping[str, Any]) -> tuple[dict[str, Any], NDArray[np.float64]]:
        if self._process is None:
            raise TwinError("drainage engine", "not running", then="Start a new run.")
        if self._process.owner != os.getpid():
            raise TwinError(
                "drainage engine", "opened by another process", then="Open a session in the process that steps it."
            )
        popen = self._process.popen
        assert popen.stdin is not None  # noqa: S101 - both were asked for as pipes
        assert popen.stdout is not None  # noqa: S101 - likewise
        body = json.dumps(request).encode()
        deadline = time.monotonic() + ANSWER_WITHIN_S
        try:
            popen.stdin.write(HEADER.pack(len(body), 0) + body)
            sizes = HEADER.unpack(self._read(popen.stdout.fileno(), HEADER.size, deadline))
            answer: dict[str, Any] = json.loads(self._read(popen.stdout.fileno(), sizes[0], deadline))
            block = np.frombuffer(self._read(popen.stdout.fileno(), sizes[1], deadline), dtype=np.float64)
        except (OSError, EOFError) as error:
            raise self._death() from error
        if "error" in answer:
            self.close()
            raise TwinError(
                "drainage engine (EPA SWMM)",
                answer["error"],
                then="The code is SWMM's; the message names the object in the model's input.",
            )
        return answer, block

    def _read(self, descriptor: int, size: int, deadline: float) -> bytes:
        parts = bytearray()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while len(parts) < size:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self.close()
                raise TwinError("drainage engine", f"no answer within {ANSWER_WITHIN_S:g} s; it was stopped")
            part = os.read(descriptor, size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _death(self) -> TwinError:
        """Why the worker is gone, from its exit and its last words."""
        process = self._process
        if process is None:
            return TwinError("drainage engine", "not running")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(timeout=2.0)
        code = process.popen.returncode
        words = ""
        with contextlib.suppress(OSError):
            lines = (process.folder / "console").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            words = lines[-1].strip() if lines else ""
        how = "ended"
        if code is not None and code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        elif code is not None:
            how = f"ended with code {code}"
        self.close()
        return TwinError("drainage engine (EPA SWMM)", f"its process {how}" + (f" ({words})" if words else ""))
