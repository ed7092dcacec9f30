"""The heat loop: hot water from the station through pairs of pipes to substations, and back.

Water moves as plugs: what enters a pipe leaves it after the pipe's mass has passed, cooled by the ground as long as it
was under way (`heat_pipe`; Benonysson 1991, van der Heijde et al. 2017). Substations are counter-flow exchangers, whose
valve lets in the primary flow that the heat asked for needs (`heat_substation`). Pumps and pressure are not modelled:
flow follows the valves.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.heat.pipe import HEAT_J_KGK, Pipe
from twin_sandbox.engines.heat.substation import ROOM_C, Exchangers, HeatModel, check
from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]
_SETTLING = 20


class HeatLoop:
    """District heat as an engine.

    What is given at a moment is the mean over the step before; heat asked for at a moment sets the valves from then on.
    """

    def __init__(self, model: HeatModel) -> None:
        check(model)
        self._model = model
        self._exchangers = Exchangers(model)
        self._order = _outward(model)
        self._takes = {
            "heat_demand_kw": Port(model.buildings, "kW", "heat that a building asks for", 0.0),
            "powered": Port(model.substations, "1", "1 if the substation's pump has power", 0.0, 1.0),
        }
        self._gives = {
            "heat_supplied_kw": Port(model.buildings, "kW", "heat handed to a building"),
            "supply_c": Port(model.substations, "°C", "primary water that reaches a substation"),
            "return_c": Port(model.substations, "°C", "primary water that leaves a substation"),
            "secondary_supply_c": Port(model.substations, "°C", "water to the houses"),
            "secondary_return_c": Port(model.substations, "°C", "water from the houses"),
            "mass_kg_s": Port(model.substations, "kg/s", "primary flow of a substation"),
            "source_kw": Port((model.source,), "kW", "heat that the station puts in"),
            "source_return_c": Port((model.source,), "°C", "primary water that comes back to the station"),
        }
        self._out: list[Pipe] = []

    @property
    def step_s(self) -> int:
        """Step of the loop [s]."""
        return self._model.step_s

    @property
    def takes(self) -> Mapping[str, Port]:
        """Heat that houses ask for; whether a substation's pump has power."""
        return self._takes

    @property
    def gives(self) -> Mapping[str, Port]:
        """Heat at houses, temperatures at substations, power of the station."""
        return self._gives

    def start(self) -> Outputs:
        """Fill the pipes as if the first hour's own demand had been met for ever."""
        model = self._model
        self._now_s = 0
        self._out, self._back = (
            [
                Pipe(float(mass), float(cooling), model.ground_c)
                for mass, cooling in zip(model.pipe_mass_kg, model.pipe_cooling_per_s, strict=True)
            ]
            for _ in range(2)
        )
        demand_kw = self._own_kw(0)
        asked_w = self._asked_w(demand_kw, np.ones(len(model.substations)))
        self._arrives_c = np.full(len(model.substations), model.supply_c if model.in_season[0] else model.ground_c)
        for _ in range(_SETTLING):
            flow = self._exchangers.valves(asked_w, self._arrives_c)
            self._arrives_c = self._filled(flow)
        handed_w = self._exchangers.hands_w(asked_w, flow, self._arrives_c)
        self._leaves_c = self._cooled_by(handed_w, flow)
        self._return_c = self._filled_back(flow)
        self._balance = dict.fromkeys(("station_kwh", "handed_kwh", "lost_kwh"), 0.0)
        self._before_j = self._holds()
        source_w = HEAT_J_KGK * float(flow.sum()) * (model.supply_c - self._return_c)
        return self._outputs(self._shared(handed_w, demand_kw), flow, handed_w, asked_w, source_w)

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Go on to ``until_s``, with the inputs held; what is given are means over the last step.

        Raises:
            TwinError: not started; backwards, past the model's moments or no multiple of the step; an input that is
                none.
        """
        model = self._model
        last_s = (model.outside_c.size - 1) * model.step_s
        if not self._out:
            raise TwinError("heat engine", "stepped before it was started", then="Call start() first.")
        if until_s % model.step_s or not self._now_s < until_s <= last_s:
            allowed = f"A multiple of {model.step_s} s after {self._now_s} s, up to {last_s} s."
            raise TwinError("heat engine, until_s", f"{until_s:g} s", allowed)
        _refuse(inputs, self._takes)
        outputs = None
        while self._now_s < until_s:
            outputs = self._one(inputs)
        assert outputs is not None  # noqa: S101 - until_s lies ahead
        return outputs

    def finish(self) -> Finished:
        """Heat put in, handed over, lost and stored over the run, and what does not add up as a share."""
        if not self._out:
            return Finished()
        held_j, lost_j = self._holds()
        stored_kwh = (held_j - self._before_j[0]) / 3.6e6
        # what still stands in the pipes has lost heat too, some of it before the run
        lost_kwh = self._balance["lost_kwh"] + (lost_j - self._before_j[1]) / 3.6e6
        put_in = self._balance["station_kwh"]
        error = put_in - self._balance["handed_kwh"] - lost_kwh - stored_kwh
        return Finished(
            {**self._balance, "lost_kwh": lost_kwh, "stored_kwh": stored_kwh, "heat_error": error / max(put_in, 1.0)}
        )

    def close(self) -> None:
        """Forget the state."""
        self._out = []

    def _one(self, inputs: Values) -> Outputs:
        """One step: valves by what arrived last, water through the pipes, heat handed over, water back."""
        model, step_s = self._model, self._model.step_s
        middle_s = self._now_s + step_s / 2
        k = self._now_s // step_s
        demand_kw = _given(inputs, "heat_demand_kw", self._own_kw(k)) * float(model.in_season[k])
        powered = _given(inputs, "powered", np.ones(len(model.substations)))
        asked_w = self._asked_w(demand_kw, powered)
        flow = self._exchangers.valves(asked_w, self._arrives_c)
        whole = float(flow.sum())
        supply_c = model.supply_c
        if whole > 0.0:  # a station at its limit sends cooler water
            supply_c = min(supply_c, self._return_c + 1000.0 * model.rated_kw / (HEAT_J_KGK * whole))
        mass, lost_j = self._through(flow), 0.0
        at_c: dict[int, float] = {0: supply_c}
        for pipe in self._order:
            start, end = int(model.pipe_from[pipe]), int(model.pipe_to[pipe])
            if mass[pipe] > 0.0:
                at_c[end], lost = self._out[pipe].passes(float(mass[pipe]) * step_s, at_c[start], middle_s)
                lost_j += lost
            else:
                at_c[end] = self._out[pipe].outlet_c(middle_s)
        self._arrives_c = np.array([at_c[int(node)] for node in model.substation_node])
        handed_w = self._exchangers.hands_w(asked_w, flow, self._arrives_c)
        self._leaves_c = self._cooled_by(handed_w, flow)
        self._return_c, lost = self._come_back(flow, mass, middle_s)
        source_w = HEAT_J_KGK * whole * (supply_c - self._return_c)
        hours = step_s / 3600.0
        self._balance["station_kwh"] += source_w / 1000.0 * hours
        self._balance["handed_kwh"] += float(handed_w.sum()) / 1000.0 * hours
        self._balance["lost_kwh"] += (lost_j + lost) / 3.6e6
        self._now_s += step_s
        return self._outputs(self._shared(handed_w, demand_kw), flow, handed_w, asked_w, source_w)

    def _come_back(self, flow: Floats, mass: Floats, middle_s: float) -> tuple[float, float]:
        """Water from the substations back to the station: its temperature there, heat lost on the way [J]."""
        model, step_s, lost_j = self._model, self._model.step_s, 0.0
        degrees = np.zeros(int(model.pipe_to.max()) + 1)
        np.add.at(degrees, model.substation_node, flow * self._leaves_c)
        for pipe in reversed(self._order):
            if mass[pipe] > 0.0:
                end = int(model.pipe_to[pipe])
                left_c, lost = self._back[pipe].passes(
                    float(mass[pipe]) * step_s, float(degrees[end] / mass[pipe]), middle_s
                )
                degrees[int(model.pipe_from[pipe])] += mass[pipe] * left_c
                lost_j += lost
        whole = float(flow.sum())
        return (float(degrees[0]) / whole if whole > 0.0 else self._return_c), lost_j

    def _through(self, flow: Floats) -> Floats:
        """Flow of each pair of pipes: of all substations beyond it [kg/s]."""
        model = self._model
        at_node = np.zeros(int(model.pipe_to.max()) + 1)
        np.add.at(at_node, model.substation_node, flow)
        mass = np.zeros(len(model.pipes))
        for pipe in reversed(self._order):
            mass[pipe] = at_node[int(model.pipe_to[pipe])]
            at_node[int(model.pipe_from[pipe])] += mass[pipe]
        return mass

    def _filled(self, flow: Floats) -> Floats:
        """Fill the pipes outward as for a steady flow; what then arrives at the substations."""
        model, mass = self._model, self._through(flow)
        at_c = {0: model.supply_c if model.in_season[0] else model.ground_c}
        for pipe in self._order:
            came = at_c[int(model.pipe_from[pipe])]
            at_c[int(model.pipe_to[pipe])] = self._out[pipe].fill(came, float(mass[pipe]), model.step_s)
        return np.array([at_c[int(node)] for node in model.substation_node])

    def _filled_back(self, flow: Floats) -> float:
        """Fill the pipes back, likewise; what then comes to the station."""
        model, mass = self._model, self._through(flow)
        degrees = np.zeros(int(model.pipe_to.max()) + 1)
        np.add.at(degrees, model.substation_node, flow * self._leaves_c)
        for pipe in reversed(self._order):
            end = int(model.pipe_to[pipe])
            came = float(degrees[end] / mass[pipe]) if mass[pipe] > 0.0 else model.ground_c
            left = self._back[pipe].fill(came, float(mass[pipe]), model.step_s)
            degrees[int(model.pipe_from[pipe])] += mass[pipe] * left
        whole = float(flow.sum())
        return float(degrees[0]) / whole if whole > 0.0 else model.ground_c

    def _own_kw(self, k: int) -> Floats:
        """Heat asked for if nobody tells: the design load by how cold it is."""
        model = self._model
        cold = (ROOM_C - model.outside_c[k]) / (ROOM_C - model.design_outside_c)
        return model.building_design_kw * (min(max(float(cold), 0.0), 1.1) * float(model.in_season[k]))

    def _asked_w(self, demand_kw: Floats, powered: Floats) -> Floats:
        whole = np.bincount(self._model.building_substation, demand_kw, len(self._model.substations))
        return 1000.0 * np.minimum(whole, 1.5 * self._model.design_kw) * powered

    def _cooled_by(self, handed_w: Floats, flow: Floats) -> Floats:
        return np.where(flow > 0.0, self._arrives_c - handed_w / (HEAT_J_KGK * np.maximum(flow, 1e-9)), self._arrives_c)

    def _shared(self, handed_w: Floats, demand_kw: Floats) -> Floats:
        """Each building's part of what its substation hands over: by what it asked for."""
        row = self._model.building_substation
        asked_kw = np.bincount(row, demand_kw, len(self._model.substations))
        share = np.divide(handed_w / 1000.0, asked_kw, out=np.zeros_like(asked_kw), where=asked_kw > 0.0)
        return demand_kw * share[row]

    def _holds(self) -> tuple[float, float]:
        """Heat that stands in all pipes above 0 °C, and what that water has lost since it came in [J]."""
        held = [pipe.holds(float(self._now_s)) for pipe in (*self._out, *self._back)]
        return sum(each for each, _ in held), sum(lost for _, lost in held)

    def _outputs(
        self, supplied_kw: Floats, flow: Floats, handed_w: Floats, asked_w: Floats, source_w: float
    ) -> Outputs:
        _, from_houses = self._exchangers.houses_c(asked_w)
        found = {
            "heat_supplied_kw": supplied_kw,
            "supply_c": self._arrives_c.copy(),
            "return_c": self._leaves_c.copy(),
            "secondary_supply_c": from_houses + handed_w / self._exchangers.houses_w_k,
            "secondary_return_c": from_houses,
            "mass_kg_s": flow,
            "source_kw": np.array([source_w / 1000.0]),
            "source_return_c": np.array([self._return_c]),
        }
        return Outputs(float(self._now_s), found)


def _outward(model: HeatModel) -> list[int]:
    """Rows of the pipes, each after the one that feeds it."""
    leaving: dict[int, list[int]] = {}
    for pipe, node in enumerate(model.pipe_from):
        leaving.setdefault(int(node), []).append(pipe)
    order, ready = [], list(leaving.get(0, []))
    while ready:
        pipe = ready.pop(0)
        order.append(pipe)
        ready += leaving.get(int(model.pipe_to[pipe]), [])
    if len(order) < len(model.pipes):
        raise TwinError("HeatModel.pipe_from", "pipes that the station does not feed", "A tree from the station.")
    return order


def _given(inputs: Values, name: str, own: Floats) -> Floats:
    """What was handed in, and the engine's own where that is NaN."""
    given = inputs.get(name)
    return own if given is None else np.where(np.isnan(given), own, given)


def _refuse(inputs: Values, takes: Mapping[str, Port]) -> None:
    for name, values in inputs.items():
        port = takes.get(name)
        if port is None:
            raise TwinError(f"heat engine, {name}", "no such input", f"One of {', '.join(takes)}.")
        array = np.asarray(values)
        if array.shape != (len(port.codes),):
            raise TwinError(f"heat engine, {name}", f"shape {array.shape}", f"({len(port.codes)},).")
        most = 1.0 if name == "powered" else np.inf
        wrong = (array < 0.0) | (array > most) | np.isinf(array)
        if wrong.any():
            k = int(np.argmax(wrong))
            allowed = f"0 to {most:g}, or NaN." if np.isfinite(most) else "0 or more, or NaN."
            raise TwinError(f"heat engine, {name} of {port.codes[k]}", f"{array[k]:g}", allowed)
