"""Behind the junctions: what each building draws, and the tanks and pumps of tall houses.

A house with secondary pumps takes its lower storeys' water straight from the main. The rest goes through a break
tank, which the main fills, and pumps, which feed the upper storeys and keep a roof tank full. As long as both tanks are
full and the pumps have power, the house draws from the main what its people draw, so EPANET's own patterns say it all;
only when something is missing is its draught on the main reckoned here and handed to EPANET.
"""

import numpy as np
from numpy.typing import NDArray

from twin_sandbox.engines.supply.epanet import Project, sums
from twin_sandbox.engines.supply.model import Booster, Model

Array = NDArray[np.float64]

GRAVITY = 9.81
_FULL = 0.99
"""A tank's float valve is shut from here on."""


class Demands:
    """The demand categories of the net's junctions, and which part of each is which service's.

    Args:
        project: the net, open.
        model: with its services.
    """

    def __init__(self, project: Project, model: Model) -> None:
        en = project.en
        services = model.services
        self._project = project
        self.node = np.array([project.node(service.junction) for service in services], dtype=np.intp)
        self._period_s = int(project.call("gettimeparam", en.PATTERNSTEP))
        self._offset_s = int(project.call("gettimeparam", en.PATTERNSTART))
        self._factor = float(project.call("getoption", en.DEMANDMULT))
        patterns = int(project.call("getcount", en.PATCOUNT))
        names = [""] + [project.call("getpatternid", k + 1) for k in range(patterns)]
        self._patterns = [np.ones(1)] + [self._pattern(k + 1) for k in range(patterns)]
        self._patterns[0] = self._patterns[
            int(project.call("getoption", en.DEMANDPATTERN))
        ]  # of demands that name none
        rows = []
        for node in np.flatnonzero(project.node_types == en.JUNCTION):
            for number in range(1, int(project.call("getnumdemands", int(node) + 1)) + 1):
                base = float(project.call("getbasedemand", int(node) + 1, number))
                rows.append((int(node), number, base, int(project.call("getdemandpattern", int(node) + 1, number))))
        self.category_node = np.array([row[0] for row in rows], dtype=np.intp)
        self._number = np.array([row[1] for row in rows], dtype=np.intp)
        self._base = np.array([row[2] for row in rows])
        self._pattern_of = np.array([row[3] for row in rows], dtype=np.intp)
        by_node: dict[int, list[int]] = {}
        for k, row in enumerate(rows):
            by_node.setdefault(row[0], []).append(k)
        pairs = [
            (k, category, service.share)
            for k, service in enumerate(services)
            for category in by_node.get(int(self.node[k]), [])
            if service.pattern in (None, names[rows[category][3]])
        ]
        self._pair_service = np.array([pair[0] for pair in pairs], dtype=np.intp)
        self._pair_category = np.array([pair[1] for pair in pairs], dtype=np.intp)
        self._pair_share = np.array([pair[2] for pair in pairs])
        leaks = [k for k, row in enumerate(rows) if model.leakage and names[row[3]] == model.leakage]
        self._leaks = np.array(leaks, dtype=np.intp)
        self._period = -1
        self._multiplier = np.ones(len(rows))
        self._kept = np.ones(len(rows))
        self._out = np.zeros(len(services), dtype=bool)

    def _pattern(self, index: int) -> Array:
        length = int(self._project.call("getpatternlen", index))
        return np.array([self._project.call("getpatternvalue", index, k + 1) for k in range(length)])

    def at(self, time_s: int) -> tuple[Array, Array]:
        """Each service's own demand, and what leaks at each node at full pressure [m³/s]."""
        period = (time_s + self._offset_s) // self._period_s
        if period != self._period:
            now = np.array([pattern[period % pattern.size] for pattern in self._patterns])
            self._multiplier, self._period = now[self._pattern_of], period
            drawn = self._base * self._multiplier * (self._factor * self._project.units.flow)
            shares = drawn[self._pair_category] * self._pair_share
            self._own = sums(self._pair_service, shares, self.node.size)
            leaks = self._leaks
            self._leak = sums(self.category_node[leaks], drawn[leaks], self._project.nodes)
        return self._own, self._leak

    def base(self) -> Array:
        """Each service's mean demand, by which a building's is parted among its services."""
        return sums(self._pair_service, self._base[self._pair_category] * self._pair_share, self.node.size)

    def leave_out(self, services: NDArray[np.bool_], projects: "tuple[Project, ...]") -> None:
        """Take these services out of EPANET's own categories, all others back in."""
        if np.array_equal(services, self._out):
            return
        self._out = services
        out = services[self._pair_service] * self._pair_share
        kept = 1.0 - sums(self._pair_category, out, self._base.size)
        kept[np.abs(kept) < 1e-9] = 0.0
        for k in np.flatnonzero(kept != self._kept):
            for project in projects:
                node, number = int(self.category_node[k]) + 1, int(self._number[k])
                project.call("setbasedemand", node, number, float(self._base[k] * kept[k]))
        self._kept = kept


class Houses:
    """Draught of every service, and the state of the tall houses' tanks.

    Args:
        model: with its services and boosters.
        base_m3s: each service's mean demand [m³/s].
        step_s: longest time over which a draught is held [s].
    """

    def __init__(self, model: Model, base_m3s: Array, step_s: int) -> None:
        services = model.services
        self.buildings = tuple(dict.fromkeys(service.building for service in services))
        place = {code: k for k, code in enumerate(self.buildings)}
        self.building = np.array([place[service.building] for service in services], dtype=np.intp)
        whole = sums(self.building, base_m3s, len(place))[self.building]
        count = np.bincount(self.building, minlength=len(place))[self.building]
        self._part = np.where(whole > 0, base_m3s / np.where(whole > 0, whole, 1.0), 1.0 / np.maximum(count, 1))
        self._factor = np.array([service.factor for service in services])
        self._rise_m = np.array([service.rise_m + service.loss_m for service in services])
        first = {service.building: k for k, service in reversed(list(enumerate(services)))}
        self._at = np.array([first[booster.building] for booster in model.boosters], dtype=np.intp)
        self._step_s = step_s
        self._read(model.boosters)
        self.wired_m3s = np.full(len(place), np.nan)
        self.powered = np.ones(len(model.boosters), dtype=bool)
        self._pumped = np.zeros(len(model.boosters))
        self.asked_m3s = self.drawn_m3s = np.zeros(len(services))

    def _read(self, boosters: tuple[Booster, ...]) -> None:
        def column(name: str) -> Array:
            return np.array([getattr(booster, name) for booster in boosters], dtype=np.float64)

        self._lifted, self._rated, self._head = column("lifted_share"), column("rated_m3s"), column("head_m")
        self._top_m = self._head - column("lift_m")
        self._break_full, self._roof_full = column("break_tank_m3"), column("roof_tank_m3")
        self._roof_head, self._efficiency = column("roof_head_m"), column("efficiency")
        self.break_m3, self.roof_m3 = self._break_full.copy(), self._roof_full.copy()

    def ask(self, own_m3s: Array) -> NDArray[np.bool_]:
        """Reckon every service's draught on the main [m³/s]; which of them EPANET's patterns do not tell."""
        wired = self.wired_m3s[self.building]
        foreign = ~np.isnan(wired)
        self.asked_m3s = np.where(foreign, wired * self._part * self._factor, own_m3s)
        self.drawn_m3s = self.asked_m3s.copy()
        if self._at.size:
            asked = self.asked_m3s[self._at]
            self._up = asked * self._lifted
            roof = np.maximum(self._roof_full - self.roof_m3, 0.0) / self._step_s
            room = np.maximum(self._break_full - self.break_m3, 0.0) / self._step_s
            wanted = np.minimum(self._rated, self._up + roof)
            self._pumped = np.where(self.powered, np.minimum(wanted, self.break_m3 / self._step_s), 0.0)
            self._intake = np.minimum(np.maximum(self._rated, self._up), self._pumped + room)
            usual = (
                self.powered
                & (self._up <= self._rated)
                & (self.roof_m3 >= _FULL * self._roof_full)
                & (self.break_m3 >= _FULL * self._break_full)
            )
            self._pumped = np.where(usual, self._up, self._pumped)
            self._intake = np.where(usual, self._up, self._intake)
            self.drawn_m3s[self._at] = np.where(usual, asked, asked - self._up + self._intake)
            foreign[self._at] |= ~usual
        self._up_had = (
            np.minimum(self._up, self.roof_m3 / self._step_s + self._pumped) if self._at.size else np.zeros(0)
        )
        return np.asarray(foreign)

    def had_m3s(self, share: Array) -> Array:
        """What comes out of each service's taps, if its junction gives this share of what is drawn [m³/s]."""
        had = self.asked_m3s * share
        if self._at.size:
            direct = (self.asked_m3s[self._at] - self._up) * share[self._at]
            had[self._at] = direct + self._up_had
        return had

    def hold(self, share: Array, step_s: float) -> float:
        """Let the tanks fill and empty for a while; how much more they hold then [m³]."""
        if not self._at.size:
            return 0.0
        before = float(self.break_m3.sum() + self.roof_m3.sum())
        self.break_m3 = np.maximum(self.break_m3 + (self._intake * share[self._at] - self._pumped) * step_s, 0.0)
        self.roof_m3 = np.maximum(self.roof_m3 + (self._pumped - self._up_had) * step_s, 0.0)
        return float(self.break_m3.sum() + self.roof_m3.sum()) - before

    def top_m(self, pressure_m: Array) -> Array:
        """Pressure at each building's uppermost tap [m], 0 where it is dry; of its services, the best."""
        top = np.maximum(pressure_m - self._rise_m, 0.0)
        if self._at.size:
            dry = self._up_had < 0.99 * self._up
            still = np.where(self.roof_m3 > 0.0, self._roof_head, 0.0)
            lifted = np.where(self.powered & (self.break_m3 > 0.0), self._top_m, still)
            top[self._at] = np.where(dry, 0.0, lifted)
        highest = np.zeros(len(self.buildings))
        np.maximum.at(highest, self.building, top)
        return highest

    def pump_kw(self) -> Array:
        """Electric power of each set of pumps [kW]: P = ρ g Q H / η."""
        return GRAVITY * self._pumped * self._head / self._efficiency

    def by_building(self, of_services: Array) -> Array:
        """Sums of the services of each building."""
        return sums(self.building, of_services, len(self.buildings))
