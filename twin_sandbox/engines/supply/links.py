"""Valves, pumps without power and leaks: what is done to the links of an open EPANET net."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.supply.epanet import Project, sums
from twin_sandbox.engines.supply.model import Model

Array = NDArray[np.float64]

_OPENING = (0.25, 0.5, 0.75, 1.0)
_GATE_LOSS = (24.0, 4.5, 0.9, 0.17)
"""Loss coefficient of a gate valve by its opening (Perry's Chemical Engineers' Handbook, table 6-4)."""
_SHUT = 0.01
"""A valve that stands open less than this counts as shut."""
_NO_LEAK = 1e-9
"""EPANET keeps the last flow of an emitter whose coefficient becomes 0; this coefficient makes it nought."""


def gate_loss(opening: float) -> float:
    """Loss coefficient that a gate valve has more than an open one; below a quarter as the open area squared."""
    if opening < _OPENING[0]:
        return _GATE_LOSS[0] * (_OPENING[0] / opening) ** 2
    return float(np.exp(np.interp(opening, _OPENING, np.log(_GATE_LOSS)))) - _GATE_LOSS[-1]


class Links:
    """What is done to links, and how to undo it.

    Args:
        projects: the net, open, as often as it runs; all are treated alike.
        model: with its valves, pumps, pipes and leaks.
    """

    def __init__(self, projects: tuple[Project, ...], model: Model) -> None:
        net, en = projects[0], projects[0].en
        self._projects, self._en = projects, en
        self._own = np.array([float(valve.is_open) for valve in model.valves])
        links = [net.link(valve.link) for valve in model.valves]
        self._turned = tuple(dict.fromkeys(links))
        place = {link: k for k, link in enumerate(self._turned)}
        self._link_of = np.array([place[link] for link in links], dtype=np.intp)
        self._opening = self._narrowest(self._own)
        self._loss = [float(net.call("getlinkvalue", link + 1, en.MINORLOSS)) for link in self._turned]
        self._pumps = [net.link(name) for name in model.pumps.values()]
        self._powered = np.ones(len(self._pumps), dtype=bool)
        self._settings = {link: float(net.call("getlinkvalue", link + 1, en.INITSETTING)) for link in self._turned}
        self._before: dict[int, tuple[bool, float, int]] = {}
        self._controls: dict[int, list[int]] = {}
        for number in range(1, int(net.call("getcount", en.CONTROLCOUNT)) + 1):
            self._controls.setdefault(int(net.call("getcontrol", number)[1]) - 1, []).append(number)
        self._pipe_node = np.array(
            [int(net.call("getlinknodes", net.link(name) + 1)[1]) - 1 for name in model.pipes.values()], dtype=np.intp
        )
        exponent = float(net.call("getoption", en.EMITEXPON))
        self._per_file = net.units.flow / net.units.pressure**exponent  # C of a file's unit in m³/s/m^n
        self._own_leaks = np.array([model.leaks.get(code, 0.0) for code in model.pipes])
        self._leaks = self._own_leaks
        junctions = net.node_types == en.JUNCTION
        self._emitters = np.where(junctions, net.of_nodes(en.EMITTER), 0.0) * self._per_file
        self._others = np.maximum(self._emitters - self._at_nodes(self._own_leaks), 0.0)

    def _narrowest(self, opening: Array) -> Array:
        narrowest = np.ones(len(self._turned))
        np.minimum.at(narrowest, self._link_of, opening)
        return narrowest

    def turn(self, valve_open: Array) -> bool:
        """Open or shut valves, 0 to 1, NaN as in the model; whether any link has changed by it."""
        wanted = self._narrowest(np.where(np.isnan(valve_open), self._own, valve_open))
        changed = np.flatnonzero(wanted != self._opening)
        for k in changed:
            link, opening = self._turned[k], float(wanted[k])
            if opening < _SHUT:
                if self._opening[k] >= _SHUT:
                    self._shut(link)
                continue
            if self._opening[k] < _SHUT:
                self._let_go(link)
            loss = self._loss[k] + (gate_loss(opening) if opening < 1.0 else 0.0)
            for project in self._projects:
                project.call("setlinkvalue", link + 1, self._en.MINORLOSS, loss)
        self._opening = wanted
        return bool(changed.size)

    def power(self, powered: NDArray[np.bool_]) -> bool:
        """Stop the pumps of the net that have no power; whether any has changed."""
        changed = np.flatnonzero(powered != self._powered)
        for k in changed:
            (self._let_go if powered[k] else self._shut)(self._pumps[k])
        self._powered = powered
        return bool(changed.size)

    def _shut(self, link: int) -> None:
        """Close a link, whatever the file's controls say of it."""
        net, en = self._projects[0], self._en
        running = bool(net.call("getlinkvalue", link + 1, en.STATUS))
        is_pump = int(net.call("getlinktype", link + 1)) == en.PUMP
        pattern = int(net.call("getlinkvalue", link + 1, en.LINKPATTERN)) if is_pump else 0
        self._before[link] = running, float(net.call("getlinkvalue", link + 1, en.SETTING)), pattern
        self._enable(self._controls.get(link, ()), 0)
        for project in self._projects:
            if pattern:  # a pattern of speeds would start it again
                project.call("setlinkvalue", link + 1, en.LINKPATTERN, 0)
            project.call("setlinkvalue", link + 1, en.STATUS, 0)

    def _let_go(self, link: int) -> None:
        """Give a link back to its own status and controls."""
        en = self._en
        sort = int(self._projects[0].call("getlinktype", link + 1))
        running, setting, pattern = self._before.pop(link, (True, self._settings.get(link, 0.0), 0))
        self._enable(self._controls.get(link, ()), 1)
        for project in self._projects:
            if sort in {en.PRV, en.PSV, en.PBV, en.FCV, en.TCV} and setting:
                project.call("setlinkvalue", link + 1, en.SETTING, setting)  # also makes it active again
            else:
                project.call("setlinkvalue", link + 1, en.STATUS, int(running))
            if pattern:
                project.call("setlinkvalue", link + 1, en.LINKPATTERN, pattern)

    def _enable(self, controls: Iterable[int], flag: int) -> None:
        for project in self._projects:
            for number in controls:
                project.call("setcontrolenabled", number, flag)

    def insist(self) -> None:
        """Close again what a rule of the file has opened meanwhile."""
        for project in self._projects:
            for link in self._before:
                if project.call("getlinkvalue", link + 1, self._en.STATUS):
                    project.call("setlinkvalue", link + 1, self._en.STATUS, 0)

    def leak(self, coefficient: Array) -> bool:
        """Let pipes leak, flow = C √head at their downstream nodes; NaN as in the model; whether any has changed."""
        self._leaks = np.where(np.isnan(coefficient), self._own_leaks, coefficient)
        wanted = self._others + self._at_nodes(self._leaks)
        changed = np.flatnonzero(np.abs(wanted - self._emitters) > 1e-15)
        for node in changed:
            value = max(float(wanted[node]) / self._per_file, _NO_LEAK)
            for project in self._projects:
                project.call("setnodevalue", int(node) + 1, self._en.EMITTER, value)
        self._emitters = wanted
        return bool(changed.size)

    def leaking_m3s(self, lost_m3s: Array) -> Array:
        """What each pipe leaks, of what is lost at the nodes [m³/s]."""
        whole = (self._others + self._at_nodes(self._leaks))[self._pipe_node]
        share = np.where(whole > 0.0, self._leaks / np.where(whole > 0.0, whole, 1.0), 0.0)
        return np.where(share > 0.0, share * lost_m3s[self._pipe_node], 0.0)

    def _at_nodes(self, of_pipes: Array) -> Array:
        return sums(self._pipe_node, of_pipes, self._projects[0].nodes)
