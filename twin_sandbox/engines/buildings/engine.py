"""Buildings: room temperature, heat and cold that they ask for, and electricity.

Rooms follow EN ISO 13790's five resistances and one capacity (`buildings_zone`). Electricity follows the district's
load profiles, which hold what an ordinary day's cooling takes; the engine adds what the weather asks beyond that day,
so that a heat wave shows and an ordinary day agrees with the profiles.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.buildings.rooms import Asked, BuildingsModel, Rooms, check, cop, usual_cooling_kw
from twin_sandbox.engines.protocol import Finished, Outputs, Port, Values
from twin_sandbox.errors import TwinError

Floats = NDArray[np.float64]

STANDING_SHARE = 0.35
"""Of the load, what runs whether people are there or not (rule of this project)."""
SHIFTABLE_SHARE = {"residential": 0.15, "shop": 0.05, "office": 0.08, "hospital": 0.03}
"""Of the load, what waits for a cheaper hour where the price tells (trials of time-of-use prices: 3 to 20 %)."""
RELEASE_S = 3.0 * 3600.0
"""Time over which waiting load is made up for once it is cheap."""
DEAR = 1.05
"""Price by the day's mean price above which load waits."""


class Buildings:
    """The buildings of a district as an engine.

    What is given at a moment is what was just then: rooms as they were over the step before, heat asked for and
    electricity from now on.
    """

    def __init__(self, model: BuildingsModel) -> None:
        check(model)
        self._model = model
        self._customers = tuple(sorted(set(model.customer)))
        self._of_customer = np.array([self._customers.index(name) for name in model.customer], dtype=np.int64)
        self._shiftable = np.array([SHIFTABLE_SHARE.get(name, 0.0) for name in model.customer])
        self._net = np.flatnonzero(model.on_net)
        self._gas = np.flatnonzero(~model.on_net & np.isfinite(model.heat_set_c))
        self._rooms: Rooms | None = None
        codes = model.codes
        on_net, on_gas = (tuple(codes[k] for k in rows) for rows in (self._net, self._gas))
        self._takes = {
            "occupants": Port(codes, "1", "people in the building", 0.0),
            "activity_factor": Port(codes, "1", "activity of the building by that of an ordinary working day", 0.0),
            "powered": Port(codes, "1", "1 with electricity, 0 without", 0.0, 1.0),
            "heat_supplied_kw": Port(on_net, "kW", "heat that the net hands over", 0.0),
            "tariff_cny_kwh": Port(self._customers, "CNY/kWh", "price of electricity for a kind of customer", 0.0),
        }
        self._gives = {
            "indoor_c": Port(codes, "°C", "air in the rooms, mean of a building"),
            "stay_c": Port(codes, "°C", "air where people stay: in the rooms that are cooled; else the mean"),
            "heat_demand_kw": Port(on_net, "kW", "heat asked of the net"),
            "cooling_kw": Port(codes, "kW", "electricity for cooling, part of electric_kw"),
            "electric_kw": Port(codes, "kW", "electricity drawn, panels apart"),
            "gas_kw": Port(on_gas, "kW", "gas burnt by houses that heat on their own"),
        }

    @property
    def step_s(self) -> int:
        """Step of the rooms' temperatures [s]."""
        return self._model.step_s

    @property
    def takes(self) -> Mapping[str, Port]:
        """People, power, heat that came, price."""
        return self._takes

    @property
    def gives(self) -> Mapping[str, Port]:
        """Rooms, heat, cold, electricity, gas."""
        return self._gives

    def start(self) -> Outputs:
        """Settle the rooms to the first day's weather; give what holds at the start."""
        model = self._model
        self._usual_kw = usual_cooling_kw(model)
        self._rooms = Rooms(model, model.outside_c, model.sun_w)
        self._now_s, self._waiting_kwh = 0, np.zeros(len(model.codes))
        self._energy = dict.fromkeys(("electric_kwh", "cooling_kwh", "heat_kwh", "gas_kwh"), 0.0)
        asked = self._asked(0, {})
        _, indoor_c = self._rooms.zones.heated(asked.mass_c, asked.air_c, asked.heat_w, asked.cold_w)
        return self._outputs(asked, {}, indoor_c, np.where(asked.cold_w > 0.0, asked.cooled_c, indoor_c))

    def step(self, until_s: float, inputs: Values) -> Outputs:
        """Go on to ``until_s``, with the inputs held.

        Raises:
            TwinError: not started; backwards, past the weather, or no multiple of the step; an input that is none.
        """
        rooms, model = self._rooms, self._model
        if rooms is None:
            raise TwinError("buildings engine", "stepped before it was started", then="Call start() first.")
        last_s = (model.moments - 1) * model.step_s
        if until_s % model.step_s or not self._now_s < until_s <= last_s:
            allowed = f"A multiple of {model.step_s} s after {self._now_s} s, up to {last_s} s."
            raise TwinError("buildings engine, until_s", f"{until_s:g} s", allowed)
        self._refuse(inputs)
        hours = model.step_s / 3600.0
        indoor_c = stay_c = np.empty(0)
        while self._now_s < until_s:
            k = self._now_s // model.step_s
            asked = self._asked(k, inputs)
            heat_w = asked.heat_w.copy()
            heat_w[self._net] = 1000.0 * self._given(inputs, "heat_supplied_kw", heat_w[self._net] / 1000.0)
            indoor_c = rooms.go(asked, heat_w, asked.cold_w)
            stay_c = np.where(asked.cold_w > 0.0, asked.cooled_c, indoor_c)
            electric_kw, put_off_kw = self._electric(k, asked, inputs)
            self._waiting_kwh = self._waiting_kwh + put_off_kw * hours
            self._energy["electric_kwh"] += float(electric_kw.sum()) * hours
            self._energy["cooling_kwh"] += float(self._cooling_kw(k, asked).sum()) * hours
            self._energy["heat_kwh"] += float(heat_w[self._net].sum()) / 1000.0 * hours
            self._energy["gas_kwh"] += float(self._gas_kw(asked).sum()) * hours
            self._now_s += model.step_s
        return self._outputs(self._asked(self._now_s // model.step_s, inputs), inputs, indoor_c, stay_c)

    def finish(self) -> Finished:
        """Energy over the run; load that still waits for a cheaper hour."""
        if self._rooms is None:
            return Finished()
        return Finished({**self._energy, "waiting_kwh": float(self._waiting_kwh.sum())})

    def close(self) -> None:
        """Forget the state."""
        self._rooms = None

    def _asked(self, k: int, inputs: Values) -> Asked:
        """What is asked from moment ``k`` on, given who is there and who has power."""
        model = self._model
        assert self._rooms is not None  # noqa: S101 - called by start and step alone
        powered = self._given(inputs, "powered", np.ones(len(model.codes)))
        people = self._given(inputs, "occupants", model.people[k])
        activity = self._activity(k, inputs)
        appliances_w = model.appliances_w[k] * activity * powered
        cooled = np.minimum(model.cooled_share[k] * activity, 1.0) * powered
        asked = self._rooms.ask(k, people, appliances_w, cooled)
        heat_w = np.where(model.on_net, asked.heat_w, asked.heat_w * powered)
        return Asked(asked.mass_c, asked.air_c, heat_w, asked.cold_w, asked.cooled_c)

    def _activity(self, k: int, inputs: Values) -> Floats:
        """Load without the weather's part, by the profiles of the day's own kind: 1 where nobody tells of people."""
        model = self._model
        factor = self._given(inputs, "activity_factor", np.full(len(model.codes), np.nan))
        told = model.working_kw[k] / model.load_kw[k] * (STANDING_SHARE + (1.0 - STANDING_SHARE) * factor)
        found: Floats = np.where(np.isnan(factor), 1.0, told)
        return found

    def _cooling_kw(self, k: int, asked: Asked) -> Floats:
        return asked.cold_w / 1000.0 / cop(float(self._model.outside_c[k]))

    def _gas_kw(self, asked: Asked) -> Floats:
        return asked.heat_w[self._gas] / 1000.0 / self._model.boiler_efficiency

    def _electric(self, k: int, asked: Asked, inputs: Values) -> tuple[Floats, Floats]:
        """Load: profile × people, cooling beyond an ordinary day's, what the tariff moves; what of it is put off.

        Load put off is negative where load is made up.
        """
        model = self._model
        powered = self._given(inputs, "powered", np.ones(len(model.codes)))
        price = self._given(inputs, "tariff_cny_kwh", np.full(len(self._customers), model.price_cny_kwh[k]))
        base_kw = model.load_kw[k] * self._activity(k, inputs)
        beyond_kw = self._cooling_kw(k, asked) - self._usual_kw[k]
        base_kw = np.maximum(base_kw + beyond_kw, 0.1 * base_kw) * powered
        dear = price[self._of_customer] > DEAR * float(model.price_cny_kwh.mean())
        made_up_kw = self._waiting_kwh / (RELEASE_S / 3600.0) * powered
        put_off_kw: Floats = np.where(dear, self._shiftable * base_kw, -made_up_kw)
        return base_kw - put_off_kw, put_off_kw

    def _outputs(self, asked: Asked, inputs: Values, indoor_c: Floats, stay_c: Floats) -> Outputs:
        k = self._now_s // self._model.step_s
        found = {
            "indoor_c": indoor_c,
            "stay_c": stay_c,
            "heat_demand_kw": asked.heat_w[self._net] / 1000.0,
            "cooling_kw": self._cooling_kw(k, asked),
            "electric_kw": self._electric(k, asked, inputs)[0],
            "gas_kw": self._gas_kw(asked),
        }
        return Outputs(float(self._now_s), found)

    @staticmethod
    def _given(inputs: Values, name: str, own: Floats) -> Floats:
        """What was handed in, and the engine's own where that is NaN."""
        given = inputs.get(name)
        return own if given is None else np.where(np.isnan(given), own, given)

    def _refuse(self, inputs: Values) -> None:
        for name, values in inputs.items():
            port = self.takes.get(name)
            if port is None:
                raise TwinError(f"buildings engine, {name}", "no such input", f"One of {', '.join(self.takes)}.")
            array = np.asarray(values)
            if array.shape != (len(port.codes),):
                raise TwinError(f"buildings engine, {name}", f"shape {array.shape}", f"({len(port.codes)},).")
            most = 1.0 if name == "powered" else np.inf
            wrong = (array < 0.0) | (array > most) | np.isinf(array)
            if wrong.any():
                k = int(np.argmax(wrong))
                allowed = f"0 to {most:g}, or NaN." if np.isfinite(most) else "0 or more, or NaN."
                raise TwinError(f"buildings engine, {name} of {port.codes[k]}", f"{array[k]:g}", allowed)
