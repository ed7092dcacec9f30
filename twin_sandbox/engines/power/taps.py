"""Tap changers: on load at the feeds, with deadband and delay; of distribution transformers, as set."""

import numpy as np

from twin_sandbox.engines.power.model import Floats, PowerModel

DEAD_PU = 0.5
"""A feed whose bus stands below this is off: its regulator rests."""


class Taps:
    """Positions of all taps, and the regulators of the feeds."""

    def __init__(self, model: PowerModel) -> None:
        self._changer = model.tap_changer
        count = len(model.feeds)
        self._buses = model.source_bus[:count]
        self._feed = np.zeros(count)
        self._outside_s = np.zeros(count)
        self._automatic = np.full(count, self._changer is not None)
        rows = model.components.get("transformer")
        self._fixed = np.zeros(0) if rows is None else rows["tap_pos"].astype(np.float64)
        self._now = self._fixed
        self._commanded = False
        self.moves = 0
        self.moved = True

    def command(self, wanted: Floats) -> None:
        """Set taps; NaN leaves a feed to its regulator, a transformer to the tap it was built with."""
        if np.isnan(wanted).all() and not self._commanded:
            return
        self.moved, self._commanded = True, not bool(np.isnan(wanted).all())
        feeds = len(self._feed) if self._changer is not None else 0
        self._automatic[:feeds] = np.isnan(wanted[:feeds])
        self._feed[:feeds] = np.where(self._automatic[:feeds], self._feed[:feeds], wanted[:feeds])
        self._now = np.where(np.isnan(wanted[feeds:]), self._fixed, wanted[feeds:])

    @property
    def feed_pu(self) -> Floats:
        """What the taps add to each feed's voltage [pu]."""
        return self._feed * (self._changer.step_pu if self._changer is not None else 0.0)

    @property
    def transformers(self) -> Floats:
        """Positions of the transformers' taps."""
        return self._now.astype(np.int8)

    @property
    def positions(self) -> Floats:
        """Positions as the port counts them: feeds that have a regulator, then transformers."""
        return np.concatenate([self._feed, self._now]) if self._changer is not None else self._now.copy()

    def follow(self, voltage_pu: Floats, step_s: float) -> int:
        """Watch the voltages of a row of steps, (n, buses); the number of steps up to the first move, or n."""
        steps = len(voltage_pu)
        changer = self._changer
        if changer is None:
            return steps
        seen = voltage_pu[:, self._buses]
        low, high = changer.target_pu - changer.band_pu, changer.target_pu + changer.band_pu
        if seen.min(initial=high) >= low and seen.max(initial=low) <= high:
            self._outside_s[:] = 0.0
            return steps
        off = np.where(seen < low, 1, 0) - (seen > high)
        off = np.where((seen < DEAD_PU) | ~self._automatic, 0, off)
        if not off.any():
            self._outside_s[:] = 0.0
            return steps
        for n in range(steps):
            self._outside_s = np.where(off[n] != 0, self._outside_s + step_s, 0.0)
            room = np.abs(self._feed + off[n]) <= changer.most
            moves = (self._outside_s >= changer.delay_s) & room
            if moves.any():
                self._feed = self._feed + off[n] * moves
                self._outside_s[moves] = 0.0
                self.moves += int(moves.sum())
                self.moved = True
                return n + 1
        return steps
