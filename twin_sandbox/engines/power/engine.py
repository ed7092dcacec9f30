"""Medium and low voltage: power-grid-model (LF Energy) solved at each step, with what stands beside the network.

Balanced three-phase power flow of a network in which switches, feeds, taps, loads, panels and batteries change. The
library solves; what it does not know is here and beside: who is cut when the flow has no solution, breakers under
water, second feeds, diesel sets, tap changers with their delay, the energy in batteries. Nothing of these acting, the
voltages are the library's own, to the last digit.

Where nothing but loads and sun can change until the next exchange, all steps up to there are solved in one batch.
"""

import math

import numpy as np

from twin_sandbox.engines.power.flow import Flow, FlowError, PowerFlow
from twin_sandbox.engines.power.model import Floats, PowerModel
from twin_sandbox.engines.power.ports import Intake, gives
from twin_sandbox.engines.power.relief import Relief
from twin_sandbox.engines.power.standby import Standby, Supply
from twin_sandbox.engines.power.storage import Chargers, Storage
from twin_sandbox.engines.power.switchgear import Bools, Switchgear, Topology
from twin_sandbox.engines.power.taps import Taps
from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError

VAR_PER_W = 0.33
"""Of a consumer whose own model draws nothing when a load is wired to it (cos φ 0.95)."""
BATCH = 288
"""At most so many moments are solved at once: a bound on memory, not on results."""
_ENERGIES = ("feed", "pv", "battery", "diesel", "served", "unserved", "losses")


class Power:
    """A network on the clock.

    Args:
        model: the network and what hangs on it.
    """

    def __init__(self, model: PowerModel) -> None:
        self._model = model
        self._intake = Intake(model)
        self._gives = gives(model)
        self._others = np.array(list(model.others.values()), np.intp)
        self._network: PowerFlow | None = None

    @property
    def step_s(self) -> int:
        """Shortest time over which the engine exchanges values [s]."""
        return self._model.step_s

    @property
    def takes(self) -> dict[str, Port]:
        """What may be handed to `step`."""
        return self._intake.ports

    @property
    def gives(self) -> dict[str, Port]:
        """What `start` and `step` tell."""
        return self._gives

    def start(self) -> Outputs:
        """Open the network and give its state at time 0.

        Raises:
            TwinError: power-grid-model refuses the network, or finds no voltages whoever is cut.
        """
        model = self._model
        self._network = PowerFlow(model.components)
        self._switchgear, topology = Switchgear(model), Topology(model)
        self._standby, self._relief = Standby(model, topology), Relief(model, topology)
        self._storage, self._chargers, self._taps = Storage(model), Chargers(model), Taps(model)
        self._applied: dict[str, bytes] = {}
        self._supply: Supply | None = None
        self._kwh = dict.fromkeys(_ENERGIES, 0.0)
        self._gap = 0.0
        self._time_s = -float(model.step_s)
        self._advance(0.0, self._intake.read({}), counted=False)
        return self._outputs()

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Take ``inputs``, hold them, and go on to ``until_s``; see `takes` for what NaN leaves to the engine.

        Raises:
            TwinError: a value out of its limits, a moment that no step ends at, or no voltages whoever is cut.
        """
        self._opened("step")
        ahead = until_s - self._time_s
        if not (math.isfinite(until_s) and ahead > 0 and ahead % self.step_s == 0):
            raise TwinError(
                "Power.step", f"until {until_s:g} s", f"Whole steps of {self.step_s} s after {self._time_s:g} s."
            )
        taken = self._intake.read(inputs)
        while self._time_s < until_s:
            self._advance(until_s, taken)
        return self._outputs()

    def finish(self) -> Finished:
        """Energies over the run [kWh], and the greatest gap in any step's balance of power as a share.

        Raises:
            TwinError: the engine has not been started.
        """
        self._opened("finish")
        stored = self._storage.kwh.sum() - self._model.batteries.kwh.sum() / 2
        energies = {f"{name}_kwh": kwh for name, kwh in self._kwh.items()}
        told = {**energies, "stored_kwh": float(stored), "tap_moves": float(self._taps.moves)}
        return Finished({**told, "balance_error": self._gap})

    def _opened(self, call: str) -> PowerFlow:
        if self._network is None:
            raise TwinError(f"Power.{call}", "the engine has not been started", then="Call start() first.")
        return self._network

    def close(self) -> None:
        """Free the library's model."""
        self._network = None

    def _advance(self, until_s: float, taken: Values, *, counted: bool = True) -> None:
        """Go on by as many steps as can be solved at once, at least one."""
        model, step_s = self._model, self._model.step_s
        first_s = self._time_s + step_s
        self._switchgear.set(first_s, taken["switch_closed"], taken["site_depth_m"])
        supply = self._standby.supply(self._time_s, first_s, self._switchgear)
        self._relief.restore(first_s)
        self._taps.command(taken["tap_pos"])
        self._apply(supply)
        busy = self._standby.waits or self._relief.acts or self._chargers.waits(taken["charger_kw"])
        until_s = min(until_s, self._switchgear.next_s(first_s) - step_s)
        steps = 1 if busy else max(1, min(int((until_s - self._time_s) // step_s), BATCH))
        flow, steps = self._solve(first_s + float(step_s) * np.arange(steps, dtype=np.float64), taken, supply)
        bus = self._standby.bus(supply)
        accepted = min(steps, self._relief.first_overload(flow) + 1)
        accepted = self._taps.follow(flow.voltage_pu[:accepted], step_s)
        last = accepted - 1
        self._time_s += accepted * step_s
        self._flow, self._at, self._supply = flow, last, supply
        if counted:
            self._relief.watch(self._time_s, step_s, flow, last, supply, bus)
            self._storage.keep(self._stored[last])
            self._standby.burn(flow.source_w[last, model.diesels.sources] / 1e3, step_s / 3600)
            self._count(flow, accepted)
        self._gap = max(self._gap, float(flow.gap_share[:accepted].max()))

    def _solve(self, times_s: Floats, taken: Values, supply: Supply) -> tuple[Flow, int]:
        """The flow at these moments; at the first alone, where one of them has no solution."""
        model, network = self._model, self._opened("step")
        hours = model.step_s / 3600.0
        load_w, load_var = self._wanted(times_s, taken, hours)
        self._want_w = load_w
        share = np.minimum(self._relief.left, self._standby.rationed(supply, load_w[0]))
        share[self._switchgear.out("consumer", float(times_s[0]), len(share))] = 0.0
        self._share = share
        if share.min(initial=1.0) < 1:
            load_w, load_var = load_w * share, load_var * share
        panel_w = self._panels(times_s, taken["pv_kw"], supply.mains)
        ready = supply.mains[model.gen_bus[model.batteries.gens]] & ~self._switchgear.out(
            "battery", float(times_s[0]), len(model.batteries.codes)
        )
        self._battery_kw, self._stored = self._storage.dispatch(
            times_s, hours, load_w, panel_w, taken["battery_kw"], ready
        )
        gen_w = np.zeros((len(times_s), len(model.gen_bus)))
        gen_w[:, model.panels.gens], gen_w[:, model.batteries.gens] = panel_w, self._battery_kw * 1e3
        rows_w, rows_var = self._rows(load_w, supply.standby), self._rows(load_var, supply.standby)
        try:
            return network.solve(rows_w, rows_var, gen_w), len(times_s)
        except FlowError:
            bus = self._standby.bus(supply)
            now, one = float(times_s[0]), np.s_[:1]
            flow = self._relief.solve(now, network, rows_w[one], rows_var[one], gen_w[one], supply, bus)
            self._share = np.minimum(share, self._relief.left)
            return flow, 1

    def _wanted(self, times_s: Floats, taken: Values, hours: float) -> tuple[Floats, Floats]:
        """What consumers ask for [W, var], (n, c): their own course, or what is wired, then what chargers may."""
        own_w, own_var = self._model.load_w.at(times_s), self._model.load_var.at(times_s)
        wired, limit_kw = taken["load_kw"] * 1e3, taken["charger_kw"]
        if np.isnan(wired).all() and not self._chargers.waits(limit_kw):
            return own_w, own_var
        load_w = np.where(np.isnan(wired), own_w, wired)
        if self._chargers.waits(limit_kw):
            load_w = self._chargers.draw(load_w[0], limit_kw, hours)[None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            per_w = np.where(own_w > 0, own_var / own_w, VAR_PER_W)
        return load_w, np.where(load_w == own_w, own_var, load_w * per_w)

    def _panels(self, times_s: Floats, wired_kw: Floats, mains: Bools) -> Floats:
        panels = self._model.panels
        watts = np.where(np.isnan(wired_kw), panels.watts.at(times_s), wired_kw * 1e3)
        if not panels.codes:
            return watts
        # Inverters stop when the mains are gone, on a diesel set's island too (NB/T 32004).
        out = self._switchgear.out("panel", float(times_s[0]), len(panels.codes))
        return np.where(mains[self._model.gen_bus[panels.gens]] & ~out, watts, 0.0)

    def _rows(self, of_consumers: Floats, standby: Bools) -> Floats:
        """Values of consumers as rows of sym_load: each at the board it hangs on now."""
        model = self._model
        if "sym_load" not in model.components:
            return of_consumers
        rows = np.zeros((len(of_consumers), len(model.components["sym_load"])))
        rows[:, : len(model.consumers)] = of_consumers
        moved = np.flatnonzero(standby)
        rows[:, model.dual[moved]] = of_consumers[:, moved]
        rows[:, moved] = 0.0
        return rows

    def _apply(self, supply: Supply) -> None:
        """Tell the library what has changed of switches, sources and taps."""
        model, network = self._model, self._opened("step")
        if supply is self._supply and not self._taps.moved:
            return
        self._taps.moved = False
        u_ref = model.components["source"]["u_ref"].copy()
        u_ref[: len(model.feeds)] += self._taps.feed_pu
        told = {"source": {"status": supply.sources.astype(np.int8), "u_ref": u_ref}}
        for name in ("line", "link", "transformer"):
            if name in model.components:
                ends = supply.statuses[name]
                told[name] = {"from_status": ends[:, 0], "to_status": ends[:, 1]}
        if "transformer" in told:
            told["transformer"]["tap_pos"] = self._taps.transformers
        for name, columns in told.items():
            key = b"".join(np.ascontiguousarray(values).tobytes() for values in columns.values())
            if self._applied.get(name) != key:
                network.change(name, **columns)
                self._applied[name] = key

    def _served_w(self) -> Floats:
        """What each consumer gets now, at whichever board."""
        assert self._supply is not None  # noqa: S101 - start() made it
        model, got = self._model, self._flow.load_w[self._at]
        served: Floats = got[: len(model.consumers)].copy()
        moved = np.flatnonzero(self._supply.standby)
        served[moved] = got[model.dual[moved]]
        return served

    def _count(self, flow: Flow, steps: int) -> None:
        model = self._model
        hours, part = model.step_s / 3600.0 / 1e3, np.s_[:steps]
        served = flow.load_w[part].sum()
        of_consumers = flow.load_w[part, : len(model.components.get("sym_load", ()))].sum()
        on_batteries = flow.gen_w[part, model.batteries.gens].sum()
        told = {
            "feed": flow.source_w[part, : len(model.feeds)].sum(),
            "pv": flow.gen_w[part].sum() - on_batteries,
            "battery": on_batteries,
            "diesel": flow.source_w[part, model.diesels.sources].sum(),
            "served": served,
            "unserved": self._want_w[part].sum() - of_consumers,
            "losses": flow.losses_w[part].sum(),
        }
        for name, watts in told.items():
            self._kwh[name] += float(watts) * hours

    def _outputs(self) -> Outputs:
        model, flow, at = self._model, self._flow, self._at
        assert self._supply is not None  # noqa: S101 - start() made it
        bus = self._standby.bus(self._supply)
        has_power = flow.energised[at][bus] & (self._share > 0)
        feeding, gens = flow.source_w[at] / 1e3, flow.gen_w[at] / 1e3
        found = {
            "voltage_pu": flow.voltage_pu[at].copy(),
            "energised": np.concatenate([has_power, flow.energised[at][self._others]]).astype(np.float64),
            "line_load": flow.line_load[at].copy(),
            "transformer_load": flow.transformer_load[at].copy(),
            "served_kw": self._served_w() / 1e3,
            "feed_kw": feeding[: len(model.feeds)],
            "losses_kw": flow.losses_w[at : at + 1] / 1e3,
            "pv_given_kw": gens[model.panels.gens],
            "battery_given_kw": self._battery_kw[at].copy(),
            "battery_kwh": self._storage.kwh.copy(),
            "diesel_kw": feeding[model.diesels.sources],
            "switch_position": self._switchgear.closed.astype(np.float64),
            "tap_position": self._taps.positions,
        }
        return Outputs(self._time_s, found)
