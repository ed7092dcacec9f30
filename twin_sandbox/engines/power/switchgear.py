"""Breakers and switches: commands, water, outages, and which buses hang together."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.power.model import BRANCHES, Floats, PowerModel, Rows, rows_of

DRY_M = 0.05
"""Water has gone when it stands so far below the level at which the switchgear fails."""
RECLOSE_S = 4 * 3600.0
"""Switchgear that was under water is dried and looked over so long before it closes (rule of this project)."""

Bools = NDArray[np.bool_]


class Switchgear:
    """The positions of all switches.

    A command moves a switch while it lasts; without one it stands as the model says. Water above the level of a site
    opens the switches that cut the site off, whatever is commanded. When the water has gone they stay open until
    commanded closed, or for `RECLOSE_S`.
    """

    def __init__(self, model: PowerModel) -> None:
        self._switches, self._sites, self._outages = model.switches, model.sites, model.outages
        self._wet = np.zeros(len(model.sites.codes), np.bool_)
        self._last_wet_s = np.full(len(model.switches.codes), -math.inf)
        self._site_last_wet_s = np.full(len(model.sites.codes), -math.inf)
        self.closed = model.switches.closed.copy()
        self.untouched = not model.outages

    def set(self, time_s: float, command: Floats, depth_m: Floats) -> None:
        """Positions at a moment, from commands (0, 1, NaN for none) and depths at the sites (NaN for dry)."""
        limit_m = self._sites.limit_m
        # Dry and uncommanded, as at almost every step: nothing can have moved.
        if self.untouched and np.isnan(command).all() and not (depth_m > limit_m).any():
            return
        self.untouched = False
        self._wet = (depth_m > limit_m) | (self._wet & (depth_m > np.maximum(limit_m - DRY_M, 0.0)))
        self._site_last_wet_s[self._wet] = time_s
        claimed = np.zeros(len(self._switches.codes), np.bool_)
        for site in np.flatnonzero(self._wet):
            claimed[self._sites.switches[site]] = True
        self._last_wet_s[claimed] = time_s
        self._last_wet_s[~claimed & (command == 1)] = -math.inf
        locked = claimed | (time_s - self._last_wet_s < RECLOSE_S)
        wanted = np.where(np.isnan(command), self._switches.closed, command == 1)
        self.closed = wanted & ~locked & ~self.out("switch", time_s, len(claimed))

    def drowned(self, time_s: float) -> Bools:
        """Which sites are under water, or have been within `RECLOSE_S`."""
        return self._wet | (time_s - self._site_last_wet_s < RECLOSE_S)

    def out(self, what: str, time_s: float, count: int) -> Bools:
        """Which of ``count`` rows are out of service at a moment."""
        out = np.zeros(count, np.bool_)
        if not self._outages:
            return out
        for outage in self._outages:
            if outage.what == what and outage.from_s <= time_s < outage.until_s:
                out[list(outage.rows)] = True
        return out

    def next_s(self, time_s: float) -> float:
        """The next moment after this one at which something moves although nobody commands it."""
        moments = [m for outage in self._outages for m in (outage.from_s, outage.until_s)]
        for last_s in (self._last_wet_s, self._site_last_wet_s):
            moments += (last_s[np.isfinite(last_s)] + RECLOSE_S).tolist()
        return min((m for m in moments if m > time_s), default=math.inf)


class Topology:
    """Which buses hang together, as the ends of branches are closed or open."""

    def __init__(self, model: PowerModel) -> None:
        self._switches, self._count = model.switches, len(model.buses)
        self._base: dict[str, NDArray[np.int8]] = {}
        self._ends: dict[str, tuple[Rows, Rows]] = {}
        for name, rows in model.components.items():
            if "from_node" in (rows.dtype.names or ()):
                status = np.stack([rows["from_status"], rows["to_status"]], axis=1).astype(np.int8)
                self._base[name] = status
                self._ends[name] = (model.bus_of(name, "from_node"), model.bus_of(name, "to_node"))
            elif "node_1" in (rows.dtype.names or ()):
                self._add_windings(name, rows, model.components["node"]["id"])
        self._of = {
            name: np.flatnonzero(np.array(self._switches.component) == name) for name in BRANCHES if name in self._base
        }
        for name, own in self._of.items():
            for end in (0, 1):
                here = own[np.isin(self._switches.ends[own], (end, 2))]
                self._base[name][self._switches.rows[here], end] = 1

    def _add_windings(self, name: str, rows: NDArray[Any], ids: NDArray[Any]) -> None:
        one = rows_of(ids, rows["node_1"])
        for winding in (2, 3):
            self._base[f"{name}_{winding}"] = np.stack([rows["status_1"], rows[f"status_{winding}"]], axis=1)
            self._ends[f"{name}_{winding}"] = (one, rows_of(ids, rows[f"node_{winding}"]))

    def statuses(self, closed: Bools, out: Mapping[str, Bools]) -> dict[str, NDArray[np.int8]]:
        """(rows, 2) of each branch component: whether each end is closed."""
        made = {name: base.copy() for name, base in self._base.items()}
        for name, own in self._of.items():
            is_open = own[~closed[own]]
            for end in (0, 1):
                here = is_open[np.isin(self._switches.ends[is_open], (end, 2))]
                made[name][self._switches.rows[here], end] = 0
        for name, rows in out.items():
            if name in made:
                made[name][rows] = 0
        return made

    def groups(self, statuses: Mapping[str, NDArray[np.int8]]) -> Rows:
        """A number for each bus, the same for buses that hang together."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        begins, ends = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
        for name, (one, two) in self._ends.items():
            whole = statuses[name].all(axis=1)
            begins.append(one[whole])
            ends.append(two[whole])
        a, b = np.concatenate(begins), np.concatenate(ends)
        graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(self._count, self._count))
        return np.asarray(connected_components(graph, directed=False)[1], np.intp)
