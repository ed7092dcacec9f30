"""power-grid-model behind plain arrays: what is set, what was found, and what its errors mean.

Newton–Raphson at the library's own tolerance (1e-8 of a per-unit voltage). Several moments at once go through the
library's batch calculation, which gives the same bits as one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.power.model import Floats, Rows
from twin_sandbox.errors import TwinError

_MEANS = {
    "IterationDiverge": "no voltages carry these loads: the network is overloaded, or an impedance or voltage is wrong",
    "MaxIterationReached": "no voltages carry these loads: the network is overloaded, or an impedance is wrong",
    "SparseMatrixError": "its equations have no solution: an impedance is 0, or a part hangs on nothing",
    "ConflictID": "two components have one id",
    "IDNotFound": "a component names an id that no component has",
    "IDWrongType": "a component names one of the wrong kind",
    "InvalidBranch": "a branch begins and ends at one bus",
    "InvalidBranch3": "two windings of a transformer end at one bus",
    "ConflictVoltage": "a line or link joins buses of different rated voltage",
    "InvalidTransformerClock": "a transformer's clock number does not suit its windings",
    "MissingCaseForEnumError": "a state or type has a value that the library does not know",
}
_LOSSY = ("line", "link", "transformer", "generic_branch", "asym_line")
_READ = (
    "node",
    "sym_load",
    "asym_load",
    "sym_gen",
    "asym_gen",
    "source",
    "shunt",
    "three_winding_transformer",
    *_LOSSY,
)


def meaning(error: Exception) -> str:
    """The library's first line, and what it means."""
    lines = str(error).strip().splitlines()
    told = lines[0] if lines else type(error).__name__
    means = _MEANS.get(type(error).__name__)
    return f"{told} ({type(error).__name__}: {means})" if means else f"{told} ({type(error).__name__})"


class FlowError(Exception):
    """The library found no solution; the message is its own, with its meaning."""


@dataclass(frozen=True)
class Flow:
    """The state of the network at n moments; every array is (n, rows of the component).

    Attributes:
        voltage_pu: of buses; 0 where nothing feeds.
        energised: whether anything feeds the bus.
        line_load: current ÷ rated current.
        transformer_load: apparent ÷ rated power.
        load_w: what consumers get.
        gen_w: what panels and batteries give (batteries that charge: below 0).
        source_w: what feeds and diesel sets give.
        losses_w: in lines, transformers and shunts, (n,).
    """

    voltage_pu: Floats
    energised: NDArray[np.bool_]
    line_load: Floats
    transformer_load: Floats
    load_w: Floats
    gen_w: Floats
    source_w: Floats
    losses_w: Floats

    def at(self, rows: Rows) -> "Flow":
        """The flow at these of its moments."""
        return Flow(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def gap_share(self) -> Floats:
        """What the balance of active power lacks at each moment, by what is turned over (at least 100 kW), (n,)."""
        given = self.source_w.sum(1) + self.gen_w.sum(1)
        turned = np.maximum(np.abs(self.source_w).sum(1) + np.abs(self.gen_w).sum(1), 1e5)
        return np.asarray(np.abs(given - self.load_w.sum(1) - self.losses_w) / turned)


class PowerFlow:
    """A network that is changed and solved again and again.

    Args:
        components: power-grid-model's input.

    Raises:
        TwinError: the library refuses the network; its message and what it means.
    """

    def __init__(self, components: Mapping[str, NDArray[Any]]) -> None:
        from power_grid_model import PowerGridModel
        from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # public, not declared so

        self._refusal = PowerGridError
        try:
            self._model = PowerGridModel(dict(components))
        except (PowerGridError, KeyError, TypeError, ValueError) as error:
            raise TwinError(
                "power network", f"power-grid-model refuses it: {meaning(error)}", then="Mend the network."
            ) from None
        self._rows = {name: len(rows) for name, rows in components.items()}
        self._ids = {name: rows["id"] for name, rows in components.items()}
        self._read = [name for name in _READ if name in components]
        self._last: tuple[tuple[Floats, Floats, Floats], Flow] | None = None
        self._kept: dict[tuple[str, int], NDArray[Any]] = {}

    def change(self, component: str, **columns: NDArray[Any]) -> None:
        """Set columns of every row of a component from now on."""
        rows = self._update(component, 1)[0]
        for column, values in columns.items():
            rows[column] = values
        self._model.update(update_data={component: rows})
        self._last = None

    def solve(self, load_w: Floats, load_var: Floats, gen_w: Floats, *, linear: bool = False) -> Flow:
        """Solve at n moments.

        Args:
            load_w: (n, rows of sym_load).
            load_var: likewise.
            gen_w: (n, rows of sym_gen).
            linear: loads as impedances: an estimate that exists even where the flow has no solution.

        Raises:
            FlowError: no solution at one of the moments.
        """
        if linear:
            return self._calculate(load_w, load_var, gen_w, linear=True)
        told = (load_w, load_var, gen_w)
        # What has not changed since the moment before has the same solution, to the bit: it is not sought again.
        if len(load_w) == 1:
            if self._last is None or not all(np.array_equal(a, b) for a, b in zip(told, self._last[0], strict=True)):
                self._last = None
                self._last = (told, self._calculate(*told))
            return self._last[1]
        new = np.ones(len(load_w), np.bool_)
        new[1:] = (load_w[1:] != load_w[:-1]).any(1) | (gen_w[1:] != gen_w[:-1]).any(1)
        new[1:] |= (load_var[1:] != load_var[:-1]).any(1)
        flow = self._calculate(*(values[new] for values in told))
        return flow if new.all() else flow.at(np.cumsum(new) - 1)

    def _calculate(self, load_w: Floats, load_var: Floats, gen_w: Floats, *, linear: bool = False) -> Flow:
        changes: dict[str, NDArray[Any]] = {}
        if self._rows.get("sym_load"):
            loads = changes["sym_load"] = self._update("sym_load", len(load_w))
            loads["p_specified"], loads["q_specified"] = load_w, load_var
        if self._rows.get("sym_gen"):
            gens = changes["sym_gen"] = self._update("sym_gen", len(load_w))
            gens["p_specified"] = gen_w
        options: dict[str, Any] = {"output_component_types": self._read}
        if linear:
            options["calculation_method"] = "linear"
        try:
            if len(load_w) == 1:
                self._model.update(update_data={name: rows[0] for name, rows in changes.items()})
                found = self._model.calculate_power_flow(**options)
                found = {name: rows[None, :] for name, rows in found.items()}
            else:
                found = self._model.calculate_power_flow(update_data=changes, **options)
        except self._refusal as error:
            raise FlowError(meaning(error)) from None
        return self._flow({str(name.value): rows for name, rows in found.items()}, len(load_w))

    def _update(self, component: str, moments: int) -> NDArray[Any]:
        from power_grid_model import initialize_array

        if (component, moments) not in self._kept:
            if moments > 1:
                self._kept = {key: rows for key, rows in self._kept.items() if key[1] == 1 or key[1] == moments}
            rows = initialize_array("update", component, (moments, self._rows[component]))
            rows["id"] = self._ids[component]
            self._kept[component, moments] = rows
        return self._kept[component, moments]

    def _flow(self, found: Mapping[str, NDArray[Any]], moments: int) -> Flow:
        none = np.zeros((moments, 0))

        def column(component: str, name: str) -> Floats:
            return found[component][name] if component in found else none

        losses = np.zeros(moments)
        for name in _LOSSY:
            if name in found:
                losses += (found[name]["p_from"] + found[name]["p_to"]).sum(1)
        if "three_winding_transformer" in found:
            rows = found["three_winding_transformer"]
            losses += (rows["p_1"] + rows["p_2"] + rows["p_3"]).sum(1)
        losses += column("shunt", "p").sum(1)
        load = np.concatenate([column("sym_load", "p"), column("asym_load", "p")], axis=1)
        gen = np.concatenate([column("sym_gen", "p"), column("asym_gen", "p")], axis=1)
        return Flow(
            column("node", "u_pu"), column("node", "energized").astype(bool), column("line", "loading"),
            column("transformer", "loading"), load, gen, column("source", "p"), losses,
        )  # fmt: skip
