"""Who loses supply when the network cannot carry what is asked, and for how long.

A line or transformer beyond its emergency rating for its time, or a flow without solution: consumers behind the worst
branch are cut, least rank first, the last of them in part, until the branch would carry its rated load. One branch a
step: what is cut behind one relieves those above it.
"""

import numpy as np

from twin_sandbox.engines.power.flow import Flow, FlowError, PowerFlow
from twin_sandbox.engines.power.model import Floats, PowerModel, Rows
from twin_sandbox.engines.power.standby import LEAST_W, Supply
from twin_sandbox.engines.power.switchgear import Bools, Topology
from twin_sandbox.errors import TwinError

EMERGENCY_LOAD = 1.3
"""Load of a line or transformer [of its rating] that it bears for `EMERGENCY_S` and no longer (rule of this project, of
the order of GB/T 1094.7 and 1094.12 for transformers after a failure)."""
EMERGENCY_S = 1800.0
TRIP_LOAD = 2.0
"""Beyond this, it is relieved at the next step."""
RESTORE_S = 3600.0
"""Who was cut is fed again after so long, and cut again if it is still too much."""
_TRIALS, _AT_ONCE = 200, 40


class Relief:
    """The share of its demand that each consumer is left."""

    def __init__(self, model: PowerModel, topology: Topology) -> None:
        self._model, self._topology = model, topology
        self.left = np.ones(len(model.consumers))
        self._until_s = np.zeros(len(model.consumers))
        self._cuts = self._strained = False
        self._over_s = {name: np.zeros(len(codes)) for name, codes in self._codes.items()}

    @property
    def _codes(self) -> dict[str, tuple[str, ...]]:
        return {"line": self._model.lines, "transformer": self._model.transformers}

    @property
    def acts(self) -> bool:
        """Whether anyone is cut, or a branch is beyond its emergency rating."""
        return self._cuts or self._strained

    def restore(self, time_s: float) -> None:
        """Feed those again whose time is over."""
        if self._cuts:
            self.left[self._until_s <= time_s] = 1.0
            self._cuts = bool((self.left < 1).any())

    def watch(self, time_s: float, step_s: float, flow: Flow, at: int, supply: Supply, bus: Rows) -> None:
        """Count the time of overloads, and cut when it is over; ``at`` is the moment's row in the flow."""
        if not self._strained and self.first_overload(flow) > at:
            return
        overdue: list[tuple[float, str, int]] = []
        for name, load in (("line", flow.line_load[at]), ("transformer", flow.transformer_load[at])):
            over = self._over_s[name]
            over[:] = np.where(load > EMERGENCY_LOAD, over + step_s, 0.0)
            late = np.flatnonzero((over >= EMERGENCY_S) | (load > TRIP_LOAD))
            overdue += [(float(load[row]), name, int(row)) for row in late]
        for load_share, name, row in sorted(overdue, reverse=True):
            behind = self._behind(name, row, supply)
            if self._cut(time_s, behind, load_share, flow.load_w[at], supply, bus):
                break
        self._strained = any(bool(over.any()) for over in self._over_s.values())

    def first_overload(self, flow: Flow) -> int:
        """Row of the first moment with a branch beyond its emergency rating; the number of moments if none."""
        if max(flow.line_load.max(initial=0.0), flow.transformer_load.max(initial=0.0)) <= EMERGENCY_LOAD:
            return len(flow.line_load)
        lines, transformers = flow.line_load > EMERGENCY_LOAD, flow.transformer_load > EMERGENCY_LOAD
        over = np.flatnonzero(lines.any(1) | transformers.any(1))
        return int(over[0]) if len(over) else len(lines)

    def solve(
        self,
        time_s: float,
        network: PowerFlow,
        load_w: Floats,
        load_var: Floats,
        gen_w: Floats,
        supply: Supply,
        bus: Rows,
    ) -> Flow:
        """Solve at one moment, cutting consumers until there is a solution.

        Args:
            time_s: now.
            network: the network as it stands.
            load_w: (1, rows of sym_load), what is asked of who is cut taken off as it is here.
            load_var: likewise.
            gen_w: (1, rows of sym_gen).
            supply: how everything is fed.
            bus: bus of each consumer.

        Raises:
            TwinError: no solution with everyone cut; the library's message.
        """
        load_w, load_var = load_w.copy(), load_var.copy()
        told = ""
        for _ in range(_TRIALS):
            try:
                return network.solve(load_w, load_var, gen_w)
            except FlowError as error:
                told = str(error)
            before = self.left.copy()
            self._cut_worst(time_s, network.solve(load_w, load_var, gen_w, linear=True), supply, bus)
            with np.errstate(divide="ignore", invalid="ignore"):
                factor = np.where(before > 0, self.left / before, 0.0)
            rows = np.concatenate([np.arange(len(before)), self._model.dual[self._model.dual >= 0]])
            by = np.concatenate([factor, factor[self._model.dual >= 0]])
            load_w[:, rows] *= by
            load_var[:, rows] *= by
            if np.array_equal(before, self.left):
                break
        raise TwinError(
            f"power network at {time_s:g} s",
            f"power-grid-model finds no voltages, whoever is cut: {told}",
            then="Look at impedances, rated voltages and what is fed in.",
        )

    def _cut_worst(self, time_s: float, flow: Flow, supply: Supply, bus: Rows) -> None:
        """Cut behind the most loaded branch of an estimate; everywhere, if none is beyond its rating."""
        loads = {"line": np.nan_to_num(flow.line_load[0]), "transformer": np.nan_to_num(flow.transformer_load[0])}
        ranked = sorted(
            ((float(load[row]), name, int(row)) for name, load in loads.items() for row in np.flatnonzero(load > 1)),
            reverse=True,
        )
        hit = np.zeros(len(self._model.buses), np.bool_)
        for load, name, row in ranked[:_AT_ONCE]:
            behind = self._behind(name, row, supply)
            if not (behind & hit).any() and self._cut(time_s, behind, load, flow.load_w[0], supply, bus):
                hit |= behind
        if hit.any():
            return
        fed = np.flatnonzero(self.left > 0)
        if len(fed):
            least = fed[self._model.rank[fed] == self._model.rank[fed].min()]
            self._leave(time_s, least, np.zeros(len(least)))

    def _cut(
        self, time_s: float, behind_branch: Bools, load: float, load_w: Floats, supply: Supply, bus: Rows
    ) -> bool:  # fmt: skip
        """Cut consumers on buses behind a branch until it carries its rated load; False if nobody is left there."""
        got_w = load_w[: len(self.left)].copy()
        moved = np.flatnonzero(supply.standby)
        got_w[moved] = load_w[self._model.dual[moved]]
        behind = np.flatnonzero(behind_branch[bus] & (self.left > 0) & (got_w > LEAST_W))
        if not len(behind):
            return False
        behind = behind[np.lexsort((behind, self._model.rank[behind]))]
        too_much_w = got_w[behind].sum() * (1 - 1 / load)
        before = np.concatenate([[0.0], np.cumsum(got_w[behind])[:-1]])
        gone = np.clip((too_much_w - before) / got_w[behind], 0.0, 1.0)
        gone = np.where((gone > 0) & (self._model.whole_w[behind] > 0), 1.0, gone)
        hit = gone > 0
        self._leave(time_s, behind[hit], self.left[behind[hit]] * (1 - gone[hit]))
        return bool(hit.any())

    def _leave(self, time_s: float, consumers: Rows, left: Floats) -> None:
        self.left[consumers] = np.where(left < 0.01, 0.0, left)
        self._until_s[consumers] = time_s + RESTORE_S
        self._cuts = True

    def _behind(self, name: str, row: int, supply: Supply) -> Bools:
        """Buses that lose their source without this branch; all, where it is part of a mesh."""
        without = {key: rows.copy() for key, rows in supply.statuses.items()}
        without[name][row] = 0
        sources = self._model.source_bus[supply.sources]
        groups = self._topology.groups(without)
        behind = np.isin(supply.groups, supply.groups[sources]) & ~np.isin(groups, groups[sources])
        return behind if behind.any() else np.ones(len(groups), np.bool_)
