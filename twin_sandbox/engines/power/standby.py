"""Second feeds: consumers that change over to another board, and diesel sets that start when their board is dead.

A consumer with two feeds has a transfer switch of its own (GB 50052-2009 asks this of loads of the first class); it
acts within seconds, so here within a step, and goes back as soon as the first feed is there. A diesel set runs
``start_s`` after its board went dead. Before it feeds, the board parts from the mains and from its neighbour; it stops
when the mains are back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.power.model import Floats, PowerModel, Rows
from twin_sandbox.engines.power.switchgear import Bools, Switchgear, Topology

LEAST_W = 1e-3
"""What draws less is nothing."""
ISLAND_RESERVE = 0.03
"""Of a diesel set's power, what is kept for losses on its island."""


@dataclass(frozen=True)
class Supply:
    """How everything is fed at a moment.

    Attributes:
        statuses: (rows, 2) of each branch component: whether each end is closed.
        sources: whether each row of source is on.
        mains: whether each bus is joined to a feed.
        island: diesel set on whose island each bus lies; -1 for none.
        standby: whether each consumer hangs on its other board.
        groups: a number for each bus, the same for buses that hang together.
    """

    statuses: Mapping[str, NDArray[np.int8]]
    sources: Bools
    mains: Bools
    island: Rows
    standby: Bools
    groups: Rows


class Standby:
    """Changes over and starts diesel sets."""

    def __init__(self, model: PowerModel, topology: Topology) -> None:
        self._model, self._topology = model, topology
        self._feeds = model.source_bus[: len(model.feeds)]
        self._main = model.load_bus[: len(model.consumers)]
        dual = np.flatnonzero(model.dual >= 0)
        self._other = self._main.copy()
        self._other[dual] = model.load_bus[model.dual[dual]]
        count = len(model.diesels.codes)
        self._dead_since_s = np.full(count, np.nan)
        self.fuel_kwh = model.diesels.fuel_kwh.copy()
        site = {code: k for k, code in enumerate(model.sites.codes)}
        self._site = np.array([site.get(model.buses[bus], -1) for bus in model.diesels.buses], np.intp)
        self._known: tuple[bytes, Supply] | None = None

    @property
    def waits(self) -> bool:
        """Whether a diesel set is about to start, or runs."""
        return not bool(np.isnan(self._dead_since_s).all())

    def supply(self, began_s: float, time_s: float, switchgear: Switchgear) -> Supply:
        """How everything is fed at ``time_s``, when positions have stood since ``began_s``."""
        if self._known is not None and switchgear.untouched and not self.waits:
            return self._known[1]
        model, diesels = self._model, self._model.diesels
        out = {
            name: switchgear.out(name, time_s, len(model.components[name]))
            for name in ("line", "transformer")
            if name in model.components
        }
        sources = model.components["source"]["status"].astype(bool)
        sources[: len(model.feeds)] &= ~switchgear.out("source", time_s, len(model.feeds))
        ready = ~switchgear.out("diesel", time_s, len(diesels.codes)) & (self.fuel_kwh > 0)
        drowned = switchgear.drowned(time_s)
        ready[self._site >= 0] &= ~drowned[self._site[self._site >= 0]]
        key = b"".join(a.tobytes() for a in (switchgear.closed, *out.values(), sources, ready))
        if self._known is not None and self._known[0] == key and not self.waits:
            return self._known[1]
        statuses = self._topology.statuses(switchgear.closed, out)
        groups = self._topology.groups(statuses)
        mains = np.isin(groups, groups[self._feeds[sources[: len(model.feeds)]]])
        runs = self._start(began_s, time_s, ~mains[diesels.buses] & ready)
        island = np.full(len(mains), -1)
        if runs.any():
            closed = switchgear.closed.copy()
            for k in np.flatnonzero(runs):
                closed[diesels.interlock[k]] = False
            statuses = self._topology.statuses(closed, out)
            groups = self._topology.groups(statuses)
            mains = np.isin(groups, groups[self._feeds[sources[: len(model.feeds)]]])
            for k in np.flatnonzero(runs):
                island[groups == groups[diesels.buses[k]]] = k
            sources[diesels.sources] |= runs
        fed = mains | (island >= 0)
        standby = ~mains[self._main] & (mains[self._other] | (~fed[self._main] & fed[self._other]))
        made = Supply(statuses, sources, mains, island, standby, groups)
        self._known = (key, made)
        return made

    def _start(self, began_s: float, time_s: float, dead: Bools) -> Bools:
        since = self._dead_since_s
        since[~dead] = np.nan
        since[dead & np.isnan(since)] = began_s
        with np.errstate(invalid="ignore"):
            return np.asarray(dead & (time_s - since >= self._model.diesels.start_s))

    def burn(self, diesel_kw: Floats, hours: float) -> None:
        """Take the fuel for what the sets gave."""
        self.fuel_kwh = np.maximum(self.fuel_kwh - diesel_kw * hours, 0.0)

    def rationed(self, supply: Supply, want_w: Floats) -> Floats:
        """The share of its demand that each consumer gets: on a diesel set's island the first in rank get all."""
        share = np.ones(len(want_w))
        if not supply.sources[self._model.diesels.sources].any():
            return share
        bus, need_w = self.bus(supply), np.maximum(want_w, self._model.whole_w)
        for k in np.unique(supply.island[supply.island >= 0]):
            there = np.flatnonzero(supply.island[bus] == k)
            there = there[np.lexsort((there, -self._model.rank[there]))]
            left_w = self._model.diesels.kw[k] * 1e3 * (1 - ISLAND_RESERVE)
            for one in there[need_w[there] > LEAST_W]:
                part = min(left_w / need_w[one], 1.0)
                share[one] = 0.0 if part < 1 and self._model.whole_w[one] else part
                left_w -= share[one] * need_w[one]
        return share

    def bus(self, supply: Supply) -> Rows:
        """The bus that each consumer hangs on now."""
        return np.where(supply.standby, self._other, self._main)
