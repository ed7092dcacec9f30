"""Water supply: the EPANET toolkit behind the engine protocol, driven by pressure, quality in step with hydraulics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.engines.supply.account import Account
from twin_sandbox.engines.supply.epanet import WHERE, Project, sums
from twin_sandbox.engines.supply.fire import throttled_m3s
from twin_sandbox.engines.supply.houses import Demands, Houses
from twin_sandbox.engines.supply.links import Links
from twin_sandbox.engines.supply.model import Model
from twin_sandbox.engines.supply.ports import checked, given_ports, read_model, taken_ports
from twin_sandbox.errors import TwinError

Array = NDArray[np.float64]

_HANDED_OVER = "handed-over-to-the-engine"


class Supply:
    """One water supply on EPANET.

    Args:
        model: what to run.

    Pressures below 0 m are given as 0: there is no water. EPANET's warnings are in the port ``warning`` and in the
    records. A leak on a pipe lies at the pipe's downstream node, as an emitter.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._projects: tuple[Project, ...] = ()
        self._takes, self._gives = taken_ports(model), given_ports(model)
        self._time_s = 0
        self._account = Account()

    @classmethod
    def from_input(cls, path: Path | str, step_s: int | None = None, horizon_s: int | None = None) -> Self:
        """Any EPANET input file. Ports speak in the file's own names; every junction is its own building.

        Args:
            path: the file; its demand model stays as it is.
            step_s: exchange step [s]; by default the file's hydraulic time step.
            horizon_s: length of the run [s]; by default the file's duration.

        Raises:
            TwinError: EPANET refuses the file; the message has its codes, their meaning and the lines.
        """
        return cls(read_model(Path(path), step_s, horizon_s))

    @property
    def step_s(self) -> int:
        """Shortest exchange step [s]."""
        return self.model.step_s

    @property
    def takes(self) -> Mapping[str, Port]:
        """What may be handed over at each step; what is not, or is NaN, follows the model."""
        return self._takes

    @property
    def gives(self) -> Mapping[str, Port]:
        """What is told, of the moment that is reached."""
        return self._gives

    def start(self) -> Outputs:
        """Open the net and solve its first moment.

        Raises:
            TwinError: EPANET refuses the net.
        """
        self.close()
        model = self.model
        first = {model.junctions[code]: hours for code, hours in model.first_age_h.items()}
        ages: tuple[bool | Mapping[str, float], ...] = (False, first) if model.age else (False,)
        self._projects = tuple(Project(model.text, model.step_s, model.horizon_s, age=age) for age in ages)
        self._net = net = self._projects[0]
        en = net.en
        self._demands = Demands(net, model)
        self._houses = Houses(model, self._demands.base(), model.step_s)
        self._links = Links(self._projects, model)
        self._junction, self._hydrant, self._source = (
            np.array([net.node(name) for name in names.values()], dtype=np.intp)
            for names in (model.junctions, model.hydrants, model.sources)
        )
        self._pipe = np.array([net.link(name) for name in model.pipes.values()], dtype=np.intp)
        self._pump = np.array([net.link(name) for name in model.pumps.values()], dtype=np.intp)
        self._tank = np.array([net.node(name) for name in model.tanks.values()], dtype=np.intp)
        self._tanks = net.node_types == en.TANK
        self._reservoirs = net.node_types == en.RESERVOIR
        self._extra_number = np.zeros(net.nodes, dtype=np.intp)
        for project in self._projects:
            project.call("addpattern", _HANDED_OVER)  # a demand that names no pattern would follow the file's default
            for node in np.flatnonzero(net.node_types == en.JUNCTION):
                project.call("adddemand", int(node) + 1, 0.0, _HANDED_OVER, "")
                self._extra_number[node] = project.call("getnumdemands", int(node) + 1)
        self._multiplier = float(net.call("getoption", en.DEMANDMULT)) or 1.0
        self._law = net.call("getdemandmodel")
        self._extra = np.zeros(net.nodes)
        self._fire_asked = np.zeros(len(model.hydrants))
        self._fire_had = np.zeros(len(model.hydrants))
        self._time_s, self._account = 0, Account()
        self._handing: set[str] = set()
        self._ask()
        self._solve()
        return self._outputs()

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Take the inputs now, hold them, and go on; the outputs are those of the moment reached.

        Raises:
            TwinError: an unknown port, a value that is not allowed, a moment that is not ahead; or EPANET failed:
                then `finish` still tells what was reached.
        """
        if not self._projects:
            raise TwinError(WHERE, "not running", then="Start it first.")
        ahead = self._time_s < until_s <= self.model.horizon_s
        if not ahead or (until_s % self.step_s and until_s != self.model.horizon_s):
            allowed = f"A multiple of {self.step_s} s after {self._time_s} s, at most {self.model.horizon_s} s."
            raise TwinError(f"{WHERE}, step", f"until {until_s} s", allowed)
        values = checked(self._takes, inputs)
        ended = {name: np.full(len(self._takes[name].codes), np.nan) for name in self._handing - values.keys()}
        self._handing = set(values)
        try:
            if self._take({**values, **ended}):
                self._ask()
                self._solve()
            while self._time_s < until_s:
                self._advance()
        except TwinError:
            self.close()
            raise
        return self._outputs()

    def finish(self) -> Finished:
        """Balances and records of what was run, also after a failure; then everything is freed."""
        self.close()
        return self._account.finished()

    def close(self) -> None:
        """Free the net; more than once does no harm."""
        for project in self._projects:
            project.close()
        self._projects = ()

    def _take(self, values: Mapping[str, Array]) -> bool:
        """Put the values where they belong; whether anything has changed."""
        houses, model = self._houses, self.model
        changed = False
        if "demand_m3s" in values:
            changed |= not np.array_equal(houses.wired_m3s, values["demand_m3s"], equal_nan=True)
            houses.wired_m3s = values["demand_m3s"]
        if "fire_m3s" in values:
            asked = np.nan_to_num(values["fire_m3s"])
            changed |= not np.array_equal(self._fire_asked, asked)
            self._fire_asked = asked
        if "powered" in values:
            powered = ~(values["powered"] < 0.5)  # NaN: as the model has it, with power
            count = len(model.boosters)
            changed |= not np.array_equal(houses.powered, powered[:count])
            houses.powered = powered[:count]
            changed |= self._links.power(powered[count:])
        if "valve_open" in values:
            changed |= self._links.turn(values["valve_open"])
        if "leak_coefficient" in values:
            changed |= self._links.leak(values["leak_coefficient"])
        return changed

    def _ask(self) -> None:
        """Reckon what is drawn at this moment, and hand EPANET what its own patterns do not tell."""
        own, self._leak_full = self._demands.at(self._time_s)
        foreign = self._houses.ask(own)
        self._demands.leave_out(foreign, self._projects)
        drawn = np.where(foreign, self._houses.drawn_m3s, 0.0)
        self._handed = sums(self._demands.node, drawn, self._net.nodes)

    def _hand_over(self, extra_m3s: Array) -> None:
        changed = np.flatnonzero(extra_m3s != self._extra)
        base = extra_m3s[changed] / (self._net.units.flow * self._multiplier)
        for project in self._projects:
            project.set_demands(changed.tolist(), self._extra_number[changed].tolist(), base.tolist())
        self._extra = extra_m3s

    def _solve(self) -> None:
        self._links.insist()
        fire = self._fire_asked.sum() > 0.0
        if fire:
            self._fire_had = throttled_m3s(self._fire_asked, self._fight, self._share_at, self.model.hydrant_loss)
        else:
            self._fire_had = np.zeros_like(self._fire_asked)
            self._hand_over(self._handed)
            self._code = self._net.solve()
        for other in self._projects[1:]:
            other.solve()
        en, net = self._net.en, self._net
        self._pressure = net.of_nodes(en.PRESSURE) * net.units.pressure
        self._lost = (net.of_nodes(en.EMITTERFLOW) + net.of_nodes(en.LEAKAGEFLOW)) * net.units.flow
        full = net.of_nodes(en.FULLDEMAND)
        self._share = (self._pressure > 0.0).astype(np.float64)
        np.divide(net.of_nodes(en.DEMANDFLOW), full, out=self._share, where=full > 0.0)

    def _fight(self, demand_m3s: Array) -> tuple[Array, Array]:
        """Solve with so much asked at the hydrants; pressures [m] and flows [m³/s] there."""
        net, en = self._net, self._net.en
        extra = self._handed + sums(self._hydrant, demand_m3s, net.nodes)
        self._hand_over(extra)
        self._code = net.solve()
        met, full = (net.of_nodes(name)[self._hydrant] for name in (en.DEMANDFLOW, en.FULLDEMAND))
        had = demand_m3s * met / np.where(full > 0.0, full, 1.0)
        return net.of_nodes(en.PRESSURE)[self._hydrant] * net.units.pressure, had

    def _share_at(self, pressure_m: Array) -> Array:
        """Wagner et al. (1988): nothing at the least pressure, all at the required one, a power between."""
        driven, least, required, exponent = self._law
        if driven != self._net.en.PDA:
            return np.ones_like(pressure_m)
        metre = self._net.units.pressure
        share = (pressure_m / metre - least) / (required - least)
        return np.asarray(np.clip(share, 0.0, 1.0) ** exponent, dtype=np.float64)

    def _advance(self) -> None:
        """Hold this moment's flows until EPANET's next event, count what flowed, and solve the next moment."""
        net, en = self._net, self._net.en
        produced_m3s = -float(net.of_nodes(en.DEMAND)[self._reservoirs].sum()) * net.units.flow
        held_m3 = self._held_m3()
        step_s = min([project.advance() for project in self._projects])
        if step_s <= 0:
            raise TwinError(WHERE, f"EPANET ended the run at {self._time_s} s", "", "See the statements of the run.")
        stored = self._held_m3() - held_m3
        share = self._share[self._demands.node]
        delivered = float(self._houses.had_m3s(share).sum()) * step_s
        stored += self._houses.hold(share, step_s)
        leaked = float((self._leak_full * self._share + self._lost).sum()) * step_s
        produced = produced_m3s * step_s
        fire = float(self._fire_had.sum()) * step_s
        self._account.add(self._time_s, step_s, (produced, delivered, leaked, fire, stored))
        if self._code:
            below = int((self._pressure < 0.0).sum())
            masked = f" Pressure below 0 m at {below} nodes, given as 0." if below else ""
            self._account.warn(self._time_s, step_s, self._code, net.meaning(self._code) + masked)
        self._time_s += step_s
        self._ask()
        self._solve()

    def _held_m3(self) -> float:
        """What the net's own tanks hold [m³]."""
        if not self._tanks.any():
            return 0.0
        return float(self._net.of_nodes(self._net.en.TANKVOLUME)[self._tanks].sum()) * self._net.units.length**3

    def _outputs(self) -> Outputs:
        net, en, units = self._net, self._net.en, self._net.units
        pressure = np.maximum(self._pressure, 0.0)
        share = self._share[self._demands.node]
        houses = self._houses
        flow = net.of_links(en.FLOW)
        found = {
            "pressure_m": pressure[self._junction],
            "service_pressure_m": houses.top_m(pressure[self._demands.node]),
            "delivered_m3s": houses.by_building(houses.had_m3s(share)),
            "flow_m3s": flow[self._pipe] * units.flow,
            "leak_m3s": self._links.leaking_m3s(self._lost),
            "inflow_m3s": -net.of_nodes(en.DEMAND)[self._source] * units.flow,
            "warning": np.array([float(self._code)]),
        }
        if self.model.hydrants:
            lost = self.model.hydrant_loss * self._fire_had**2
            found |= {"hydrant_m": np.maximum(pressure[self._hydrant] - lost, 0.0), "fire_flow_m3s": self._fire_had}
        if self.model.boosters:
            found |= {"booster_kw": houses.pump_kw(), "break_tank_m3": houses.break_m3, "roof_tank_m3": houses.roof_m3}
        if self.model.pumps:
            found["pump_kw"] = net.of_links(en.ENERGY)[self._pump]
        if self.model.tanks:
            found["tank_level_m"] = pressure[self._tank]
        if net.quality == en.CHEM:
            milligram = 1e-3 if net.quality_units.lower().startswith("u") else 1.0
            found["chlorine_mg_l"] = net.of_nodes(en.QUALITY)[self._junction] * milligram
        for project in self._projects:
            if project.quality == en.AGE:
                found["age_h"] = project.of_nodes(en.QUALITY)[self._junction]
        return Outputs(float(self._time_s), {name: found[name].copy() for name in self._gives if name in found})
