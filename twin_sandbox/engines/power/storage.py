"""Batteries that even out, and chargers whose limit makes vehicles wait."""

import math

import numpy as np

from twin_sandbox.engines.power.model import Floats, PowerModel, Rows
from twin_sandbox.engines.power.switchgear import Bools

START_SHARE = 0.5
"""How full batteries are at the start."""
CATCH_UP_H = 1.0
"""What a limit held back is charged in about so long, once there is room."""


class Storage:
    """The batteries' energy, and what they do.

    With a tariff a battery charges in the cheapest hours and discharges in the dearest, never beyond what its board
    draws, so that nothing is sold. Without one it takes its board's surplus of sun and gives it back as soon as the
    board draws more than its sun gives. The root of the round trip's efficiency is lost on either way.
    """

    def __init__(self, model: PowerModel) -> None:
        self._batteries = model.batteries
        self._way = np.sqrt(model.batteries.efficiency)
        self._price = np.array(model.batteries.tariff_cny_kwh)
        self.kwh = model.batteries.kwh * START_SHARE

    def dispatch(
        self, times_s: Floats, hours: float, load_w: Floats, panel_w: Floats, command_kw: Floats, mains: Bools
    ) -> tuple[Floats, Floats]:
        """What each battery gives over the steps that end at these moments, and what it then holds.

        Args:
            times_s: (n,).
            hours: length of a step [h].
            load_w: of consumers, (n, c).
            panel_w: of panels, (n, p).
            command_kw: (b,), feeding positive; NaN leaves a battery to its rule.
            mains: whether its bus is on the mains; a battery that is not stands still.

        Returns:
            kW, feeding positive, (n, b), and kWh, (n, b).
        """
        own = self._batteries
        power, stored = np.zeros((len(times_s), len(own.codes))), np.zeros((len(times_s), len(own.codes)))
        if not own.codes:
            return power, stored
        wanted = self._wanted(times_s, load_w, panel_w)
        wanted = np.where(np.isnan(command_kw), wanted, command_kw)
        kwh = self.kwh
        for n in range(len(times_s)):
            most = np.minimum(own.kw, kwh * self._way / hours)
            least = -np.minimum(own.kw, (own.kwh - kwh) / self._way / hours)
            power[n] = np.clip(wanted[n], least, most) * mains
            kwh = kwh - np.where(power[n] > 0, power[n] / self._way, power[n] * self._way) * hours
            stored[n] = kwh
        return power, stored

    def _of_boards(self, watts: Floats, members: tuple[Rows, ...]) -> Floats:
        """Sum over the members of each battery's board, (n, b)."""
        sums = np.zeros((len(watts), len(members)))
        for k, rows in enumerate(members):
            sums[:, k] = watts[:, rows].sum(1)
        return sums

    def _wanted(self, times_s: Floats, load_w: Floats, panel_w: Floats) -> Floats:
        own = self._batteries
        if not own.tariff_cny_kwh:
            return self._net_kw(load_w, panel_w)
        # A moment ends its step, so 22:00 still belongs to the hour before.
        hour = np.ceil(times_s / 3600.0 + own.start_h).astype(int) - 1
        now = self._price[hour % 24]
        dear, cheap = now == self._price.max(), now == self._price.min()
        wanted = np.zeros((len(times_s), len(own.codes)))
        if self._price.max() == self._price.min():
            return wanted
        wanted[cheap] = -own.kw
        if dear.any():
            net_kw = self._net_kw(load_w[dear], panel_w[dear])
            wanted[dear] = np.minimum(own.kw, np.maximum(net_kw, 0.0))
        return wanted

    def _net_kw(self, load_w: Floats, panel_w: Floats) -> Floats:
        """What each battery's board draws beyond its sun, (n, b)."""
        return (
            self._of_boards(load_w, self._batteries.consumers) - self._of_boards(panel_w, self._batteries.panels)
        ) / 1e3

    def keep(self, kwh: Floats) -> None:
        """Hold so much from now on."""
        self.kwh = kwh.copy()


class Chargers:
    """What chargers draw: their sessions' demand, unless a limit holds it back until there is room."""

    def __init__(self, model: PowerModel) -> None:
        self._rows, self._most_w = model.chargers, model.charger_kw * 1e3
        self.waiting_kwh = np.zeros(len(model.chargers))

    def waits(self, limit_kw: Floats) -> bool:
        """Whether a limit holds, or vehicles wait."""
        return not bool(np.isnan(limit_kw).all()) or bool(self.waiting_kwh.any())

    def draw(self, load_w: Floats, limit_kw: Floats, hours: float) -> Floats:
        """Consumers' demand (c,) with the chargers' limited, and what had waited; NaN limits nothing."""
        if not self.waits(limit_kw):
            return load_w
        made = load_w.copy()
        wanted = load_w[self._rows]
        room = np.maximum(self._most_w, wanted)
        limit = np.where(np.isnan(limit_kw), math.inf, limit_kw * 1e3)
        drawn = np.minimum(np.minimum(room, limit), wanted + self.waiting_kwh * 1e3 / CATCH_UP_H)
        self.waiting_kwh = np.maximum(self.waiting_kwh + (wanted - drawn) / 1e3 * hours, 0.0)
        self.waiting_kwh[self.waiting_kwh < 1e-6] = 0.0
        made[self._rows] = drawn
        return made
