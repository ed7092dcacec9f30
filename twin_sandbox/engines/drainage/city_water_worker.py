"""The process in which EPA SWMM and the street surface run together, and exchange water while it is wet.

In one interval: gullies and covers say what they would take (`exchange.offer`), the surface moves and gives what it
has, SWMM gets exactly that and moves, and what it then floods stands on the street in the next interval. So no water
is made or lost between the two. While there is neither rain nor flow on the streets, nor water over a rim, nor a sea
above the shore, SWMM runs alone. While the last water only runs off, minutes after the rain, they exchange less often.

What a run keeps is written to the folder as it is found, so that it outlives a failure and this process.
"""

import ctypes
import math
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.drainage.surface import RAIN_STEP_S, Grid, Surface
from twin_sandbox.engines.drainage.swmm import LINK_FLOW, NODE, NODE_HEAD, Swmm
from twin_sandbox.engines.workers.frames import Answer, RefusedError, serve

Floats = NDArray[np.float64]

STILL_M = 1e-4
STILL_S = 60
STILL_M3S = 1e-4
"""The surface rests when within a minute no depth changed by more, and all gullies together take less."""

CALM_AFTER_S = 600
"""So long after the last rain, spill or sea over the shore the streets are calm."""
CALM_S = 30
"""Interval of the exchange on calm streets; SWMM takes its longer steps meanwhile."""

ROUTE_STEP = 3
"""SWMM's number of the routing step among its properties (``swmm_ROUTESTEP``; a test holds it equal)."""

MM_H = 1e-3 / 3600.0


class Exchange:
    """Street and sewer at all manholes: what goes up and down between a surface and an open SWMM.

    Args:
        surface: the street surface.
        manholes: SWMM's number of each.
        cells: flat cell where each spills.
        inlets: cell, manhole, opening [m²] and edge [m] of each gully.
    """

    def __init__(
        self,
        surface: Surface,
        manholes: NDArray[np.int32],
        cells: NDArray[np.int64],
        inlets: tuple[Any, ...],
    ) -> None:
        from swmm.toolkit import solver

        from twin_sandbox.engines.drainage.compiled import exchange
        from twin_sandbox.engines.drainage.exchange_swmm import STATISTICS

        self._library = library = ctypes.CDLL(str(Path(solver.__file__).with_name("libswmm5.so")))
        self._at = [
            ctypes.cast(getattr(library, name), ctypes.c_void_p).value
            for name in ("swmm_getNodeResult", "swmm_getNodeStats", "swmm_setNodeInflow", "swmm_getLinkResult")
        ]
        self._offer, self._settle, self._read, self._pour, self._gather = exchange()
        self.surface, self.manholes, self.cells, self.inlets = surface, manholes, cells, inlets
        count = manholes.size
        self.head, self.flooded_m3, self.up_m3 = np.zeros(count), np.zeros(count), np.zeros(count)
        self.taken_m3s, self._node_wanted = np.zeros(count), np.zeros(count)
        self._wanted = np.zeros(inlets[0].size)
        self._cell_wanted = np.zeros(surface.depth_m.size)
        self._room = np.zeros(STATISTICS)
        self._ground = np.nan_to_num(surface.grid.ground_m).ravel()
        self.down_m3 = 0.0
        self.read()

    def read(self) -> bool:
        """Read all heads and what flooded since the last time; say whether anything did."""
        failed = self._read(
            self._at[0],
            self._at[1],
            self.manholes,
            self._room.ctypes.data,
            self._room,
            self.flooded_m3,
            self.head,
            self.up_m3,
        )
        if failed:
            raise RefusedError(f"SWMM's toolkit, error {failed}: a manhole could not be read")
        return bool(self.up_m3.any())

    def sewers(self, nodes: NDArray[np.int32], links: NDArray[np.int32]) -> Floats:
        """Head of each node [m above datum] and flow of each link [m³/s]."""
        found = np.zeros(nodes.size + links.size)
        room = (self._room.ctypes.data, self._room)
        failed = self._gather(self._at[0], nodes, NODE_HEAD, *room, found[: nodes.size])
        failed |= self._gather(self._at[3], links, LINK_FLOW, *room, found[nodes.size :])
        if failed:
            raise RefusedError(f"SWMM's toolkit, error {failed}: a level or flow could not be read")
        return found

    def street(self, seconds: int, rain: Floats, sea_m: float) -> None:
        """Move the surface by one interval, and give SWMM what went down."""
        surface, area = self.surface, self.surface.grid.cell_m**2
        cell, node, opening, edge = self.inlets
        source = surface.source_m_s.ravel()
        self._offer(
            float(seconds), area, surface.depth_m.ravel(), self._ground, cell, node, opening, edge, self.head,
            self.cells, self.up_m3, self.taken_m3s, self._wanted, self._node_wanted, source,
        )  # fmt: skip
        # no rain falls on calm streets: nothing to cut into lumps
        surface.advance(seconds, rain, sea_m, lump_s=CALM_S if seconds == CALM_S else RAIN_STEP_S)
        self.down_m3 += self._settle(
            float(seconds), area, source, surface.moved_m3.ravel(), cell, node, self._wanted, self._cell_wanted,
            self.taken_m3s,
        )  # fmt: skip
        self.pour()

    def pace(self, swmm: Swmm, seconds: int) -> None:
        """Set SWMM's routing step, by its own interface."""
        if swmm.step_s != seconds:
            self._library.swmm_setValue(ROUTE_STEP, 0, ctypes.c_double(seconds))
            swmm.step_s = seconds

    def rest(self) -> None:
        """Nothing goes down any more."""
        self.taken_m3s[:] = 0.0
        self.surface.source_m_s[:] = 0.0
        self.pour()

    def pour(self) -> None:
        """Give each manhole what it takes, until the next time."""
        if failed := self._pour(self._at[2], self.manholes, self.taken_m3s):
            raise RefusedError(f"SWMM's toolkit, error {failed}: a manhole took no inflow")


class Simulation:
    """SWMM and the surface, from the files ``model.inp`` and ``surface.npz`` of a folder."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.folder = Path(request["folder"])
        self.swmm = Swmm(request["folder"], request["nodes"], request["links"], request["rules"], request["step_s"])
        with np.load(self.folder / "surface.npz") as file:
            given = {name: file[name] for name in file.files}
        self.given, self.step_s, self.report_s = given, int(request["step_s"]), int(request["report_s"])
        self.rest_s = int(request["rest_s"])
        self.coupled, self.forcing_s = bool(request["coupled"]), int(request["forcing_s"])
        names = ("ground_m", "roughness_n", "face_x_m", "face_y_m", "sea")
        parts = {name: given[name] for name in names}
        self.surface = Surface(Grid(cell_m=float(request["cell_m"]), **parts))
        numbers = [self.swmm.solver.project_get_index(NODE, name) for name in request["manholes"]]
        inlets = (given["inlet_cell"], given["inlet_node"], given["inlet_opening_m2"], given["inlet_edge_m"])
        self.exchange = Exchange(self.surface, np.array(numbers, np.int32), given["manhole_cell"], inlets)
        self.pumps_kw: dict[str, float] = request["pumps_kw"]
        self.every, self.ground_m2 = int(request["map_cells"]), float(request["ground_m2"])
        self.awake, self.shore_m = not self.coupled, _shore_m(self.surface.grid, given["inland"])
        self.quiet_s, self.ahead_until_s, self.before = 0, 0, self.surface.depth_m.copy()
        self.deepest = np.zeros_like(self.surface.depth_m)
        self.nodes, self.links = np.array(self.swmm.nodes, np.int32), np.array(self.swmm.links, np.int32)
        self.groups_m: Floats | None = None
        self.rains_mm_h, self.rains_m_s = math.nan, np.zeros(0)
        self.rain_mm_h, self.sea_m = given["rain_mm_h"].tolist(), given["sea_m"].tolist()
        self.failed = ""
        self.states = (self.folder / "states").open("r+b", buffering=0)
        self.maps = (self.folder / "maps").open("r+b", buffering=0)
        self.kept = 0
        self.record()

    def state(self) -> Floats:
        """Heads, flows, settings; power of the pumps; deepest water of each street and site."""
        swmm = self.swmm
        sewers = self.exchange.sewers(self.nodes, self.links)
        flow = dict(zip(swmm.link_of, sewers[self.nodes.size :], strict=True))
        power = [kw * swmm.now[name] * (flow[name] > 0.0) for name, kw in self.pumps_kw.items()]
        if self.groups_m is None:
            depth, starts = self.surface.depth_m.ravel()[self.given["group_cells"]], self.given["group_starts"]
            self.groups_m = np.maximum.reduceat(depth, starts) if starts.size else depth
        return np.concatenate([sewers, list(swmm.now.values()), power, self.groups_m])

    def record(self) -> None:
        """Keep the state of this moment, and the map of depths."""
        os.write(self.states.fileno(), self.state().tobytes())
        size = self.every
        rows, columns = self.surface.depth_m.shape
        chart = self.surface.depth_m.reshape(rows // size, size, columns // size, size).max(axis=(1, 3))
        chart = np.where(self.surface.grid.sea[::size, ::size], 0.0, chart).astype(np.float32)
        at = self.kept * chart.nbytes
        if chart.any():
            os.pwrite(self.maps.fileno(), chart.tobytes(), at)
        self.maps.truncate(at + chart.nbytes)  # a dry map is a hole in the file
        self.kept += 1

    def advance(self, until_s: int, settings: dict[str, float], powered: dict[str, float]) -> None:
        """Take what was set, and go on to ``until_s``, recording at each report step; a failure is kept, not raised."""
        self.swmm.commands = settings
        self.swmm.unpowered = {name for name, has in powered.items() if not has}
        try:
            while self.swmm.time_s < until_s and not self.swmm.ended and not self.failed:
                if self.resting():
                    self.rest()
                elif self.swmm.time_s < self.ahead_until_s:
                    self.follow()
                else:
                    self.interval()
                if self.swmm.time_s % self.report_s == 0:
                    self.record()
        except RefusedError as error:
            self.failed = str(error)
        except OSError as error:
            self.failed = f"the run's folder could not be written ({error.strerror})"

    def forcing(self) -> tuple[float, float]:
        """Rain [mm/h] and level of the sea [m above datum] now."""
        minute, since_s = divmod(self.swmm.time_s, self.forcing_s)
        rain, sea = self.rain_mm_h, self.sea_m
        before, after = sea[min(minute, len(sea) - 1)], sea[min(minute + 1, len(sea) - 1)]
        return rain[min(minute, len(rain) - 1)], before + (after - before) * (since_s / self.forcing_s)

    def rain(self, mm_h: float) -> Floats:
        """Rain on each cell [m/s], the same array while it rains the same, so that the surface knows it again."""
        if mm_h != self.rains_mm_h:
            self.rains_mm_h, self.rains_m_s = mm_h, self.given["rain_share"] * (mm_h * MM_H)
            self.rains_m_s.flags.writeable = False
        return self.rains_m_s

    def resting(self) -> bool:
        """Whether the streets may be left alone for a longer step of SWMM."""
        if self.awake or self.swmm.time_s % self.rest_s:
            return False
        mm_h, sea_m = self.forcing()
        return mm_h == 0.0 and sea_m <= self.shore_m and not self.exchange.up_m3.any()

    def rest(self) -> None:
        """One step of SWMM alone."""
        self.exchange.pace(self.swmm, self.rest_s)
        self.swmm.step()
        self.exchange.read()

    def follow(self) -> None:
        """One step of SWMM towards the streets, which are ahead; what it floods waits for them."""
        waiting_m3 = self.exchange.up_m3.copy()
        self.exchange.pace(self.swmm, self.rest_s)
        self.swmm.step()
        self.exchange.read()
        self.exchange.up_m3 += waiting_m3

    def calm(self) -> bool:
        """Whether the last water only runs off, and a longer interval may begin."""
        fits = self.swmm.time_s % CALM_S == self.forcing_s % CALM_S == CALM_S % self.rest_s == 0
        return fits and self.awake and self.quiet_s >= CALM_AFTER_S

    def interval(self) -> None:
        """One exchange interval; on calm streets a longer one, in which SWMM follows in steps of its own."""
        mm_h, sea_m = self.forcing()
        if not self.coupled:
            self.exchange.pace(self.swmm, self.step_s)
            self.surface.advance(self.step_s, self.rain(mm_h), sea_m)
            np.maximum(self.deepest, self.surface.depth_m, out=self.deepest)
            self.groups_m = None
            self.swmm.step()
            return
        exchange = self.exchange
        wet = mm_h > 0.0 or sea_m > self.shore_m or bool(exchange.up_m3.any())
        calm = not wet and self.calm()
        seconds, pace = (CALM_S, self.rest_s) if calm else (self.step_s, self.step_s)
        if wet or self.awake:
            if not self.awake:
                self.surface.rest_at(sea_m, ~self.given["inland"])
            exchange.street(seconds, self.rain(mm_h), sea_m)
            np.maximum(self.deepest, self.surface.depth_m, out=self.deepest)
            self.awake = wet or not self.still(seconds)
            if wet:
                self.quiet_s = 0
            if not self.awake:
                exchange.rest()
            self.groups_m = None
            self.ahead_until_s = self.swmm.time_s + seconds
        exchange.pace(self.swmm, pace)
        self.swmm.step()
        exchange.read()

    def still(self, seconds: int) -> bool:
        """Whether nothing has happened on the streets for a minute."""
        minutes = self.quiet_s // STILL_S
        self.quiet_s += seconds
        if self.quiet_s // STILL_S == minutes:
            return False
        moved = np.abs(self.surface.depth_m - self.before)[self.given["inland"]].max(initial=0.0)
        self.before[:] = self.surface.depth_m
        return bool(moved < STILL_M and self.exchange.taken_m3s.sum() < STILL_M3S)

    def remove_files(self) -> None:
        """Remove the run's files and folder: the caller does, but one that was killed cannot."""
        for name in ("surface.npz", "states", "maps"):
            (self.folder / name).unlink(missing_ok=True)
        self.swmm.remove_files()

    def finish(self) -> tuple[dict[str, Any], Floats]:
        """The balances of the whole run, and the greatest depth of each cell."""
        exchange, book = self.exchange, self.surface.ledger
        # of streets that are ahead of a run that ends: what SWMM would still have got
        ahead_m3 = float(exchange.taken_m3s.sum()) * max(0, self.ahead_until_s - self.swmm.time_s)
        self.states.close()
        self.maps.close()
        said: dict[str, Any] = {"kept": self.kept, "running_s": self.swmm.running_s, "starts": self.swmm.starts}
        if not self.swmm.ended or not self.failed:
            said["balances"] = {
                **_ground(self.swmm.solver, self.ground_m2),
                "street_rain_m3": book.rain_m3,
                "street_sea_m3": book.sea_m3,
                "street_stored_m3": self.surface.stored_m3,
                "up_m3": float(exchange.flooded_m3.sum()),
                "waiting_m3": (float(exchange.up_m3.sum()) if self.coupled else 0.0) + ahead_m3,
                "down_m3": exchange.down_m3 - ahead_m3,
                "street_error": book.error,
                **{key: value for key, value in self.swmm.finish().items() if not isinstance(value, dict)},
            }
        return said, np.where(self.surface.grid.sea, 0.0, self.deepest)


def _ground(solver: Any, area_m2: float) -> dict[str, float]:  # noqa: ANN401 - the toolkit is untyped
    """Rain on the subcatchments and what became of it [m³]; the toolkit gives mm over all of them."""
    if not area_m2:
        return {"ground_rain_m3": 0.0, "infiltration_m3": 0.0, "ground_m3": 0.0}
    totals = solver.system_get_runoff_totals()
    found = {
        "ground_rain_m3": totals.rainfall,
        "infiltration_m3": totals.infil,
        "ground_m3": totals.finalStorage - totals.initStorage,
    }
    return {name: depth_mm / 1000.0 * area_m2 for name, depth_mm in found.items()}


def _shore_m(grid: Grid, inland: NDArray[np.bool_]) -> float:
    """Level above which the sea runs over the shore [m above datum]."""
    ground, washed = np.nan_to_num(grid.ground_m), np.isfinite(grid.ground_m) & ~inland
    lowest = np.inf
    for one, other, face in (
        (np.s_[:, :-1], np.s_[:, 1:], grid.face_x_m[:, 1:-1]),
        (np.s_[:-1], np.s_[1:], grid.face_y_m[1:-1]),
    ):
        meet = (inland[one] & washed[other]) | (washed[one] & inland[other])
        crest = np.maximum(np.maximum(ground[one], ground[other]), face)
        lowest = min(lowest, crest[meet].min(initial=np.inf))
    return float(lowest)


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
            self.simulation.advance(int(request["until_s"]), request["settings"], request["powered"])
            said = {"time_s": self.simulation.swmm.time_s, "failed": self.simulation.failed}
            return said, b"" if self.simulation.failed else self.simulation.state().tobytes()
        said, deepest = self.simulation.finish()
        return said, deepest.tobytes()


def warm() -> None:
    """Load the libraries and the kernels."""
    from swmm.toolkit import solver  # noqa: F401 - to have it loaded

    from twin_sandbox.engines.drainage.compiled import exchange, surface_advance, surface_ready

    surface_ready()
    surface_advance()
    exchange()


def serve_on(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Serve until there are no more requests."""
    server = Server()
    serve(requests, answers, server.answer)
    if server.simulation is not None:
        server.simulation.remove_files()
