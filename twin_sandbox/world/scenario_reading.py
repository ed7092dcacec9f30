"""A scenario's file as a scenario: its keys, its engines, and what befalls the district."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.world.events import EVENTS, Event
from twin_sandbox.world.scenario import DRY_HORIZON_H, Scenario
from twin_sandbox.world.scenario_parts import Parts

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District

KEYS = (
    *("name", "start", "horizon_h", "engines", "day_kind", "storm", "tide", "weather"),
    *("closures", "faults", "events", "policies", "pumps", "sump_start_m", "grid_m", "report_step_s", "seed"),
)
FAULTS = (
    *("signal_dark", "switch_open", "power_outage", "pipe_break", "valve_shut", "booster_failed", "pump_failed"),
    "gate_stuck",
)
"""Kinds of events that a file may list as ``faults``."""
SECTIONS: Mapping[str, tuple[str, ...]] = {"closures": ("street_closed",), "faults": FAULTS, "events": tuple(EVENTS)}
"""Section of a file → the kinds of events that it may list."""
MOST_EVENTS = 500


class ScenarioReading(Parts):
    """Reads one scenario.

    Args:
        district: where codes and kinds of days are looked up; None: nowhere.
    """

    def __init__(self, district: "District | None") -> None:
        super().__init__()
        self.district = district

    def scenario(self, root: Any) -> Scenario | None:  # noqa: ANN401 - a node
        """The scenario, or None where there were mistakes."""
        nodes = self.mapping(root, "", KEYS, ("name", "start", "horizon_h"))
        # In this order: what comes later needs start and horizon_h.
        readers: dict[str, Callable[[Any], Any]] = {
            "name": lambda node: self.text(node, "name"),
            "start": self._start,
            "horizon_h": self._horizon,
            "engines": self.engines,
            "day_kind": self.day_kind,
            "storm": self.storm,
            "tide": self.tide,
            "weather": self.weather,
            "policies": self.policies,
            "pumps": lambda node: self.choice(node, "pumps", ("rules", "off", "on")),
            "sump_start_m": lambda node: self.number(node, "sump_start_m", -50.0, 50.0, "m"),
            "grid_m": lambda node: self.whole(node, "grid_m", 5, 10, "m"),
            "report_step_s": lambda node: self.whole(node, "report_step_s", 60, 86_400, "s"),
            "seed": lambda node: self.whole(node, "seed", 0, 2**31 - 1, ""),
        }
        given = {key: read(nodes[key]) for key, read in readers.items() if key in nodes}
        given |= given.pop("storm", {})
        given["events"] = [event for section in SECTIONS if section in nodes for event in self.events(nodes, section)]
        if self.mistakes:
            return None
        try:
            return Scenario(**given)
        except TwinError as reason:
            key = reason.where.rsplit(", ", 1)[-1].split(".")[0]
            node = nodes.get("storm" if key == "storm_start" else key, root)
            fix = reason.then
            if key == "tide":
                fix = 'Add tide: {mean_m: 0, range_m: 2.8, high_at: "+1:00"}, or name engines without drainage.'
            self.wrong(node, key, reason.found, reason.allowed, fix)
            return None

    def _start(self, node: Any) -> "pd.Timestamp | None":  # noqa: ANN401 - a node
        self.start = self.moment(node, "start")
        return self.start

    def _horizon(self, node: Any) -> float | None:  # noqa: ANN401 - a node
        self.horizon_h = self.number(node, "horizon_h", 0.5, DRY_HORIZON_H, "h")
        return self.horizon_h

    def engines(self, node: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - a node
        """Names of engines that the twin has, each once."""
        from twin_sandbox.world.assemble import EVERY

        names = [self.choice(item, f"engines[{k}]", EVERY) for k, item in enumerate(self.items(node, "engines", 50))]
        if None not in names and len(set(names)) < max(1, len(names)):
            self.wrong(node, "engines", f"{len(names)} names", "at least one, and each once")
        return tuple(name for name in names if name is not None)

    def day_kind(self, node: Any) -> str | None:  # noqa: ANN401 - a node
        """A kind of day that the district has."""
        if self.district is None:
            return self.text(node, "day_kind")
        from twin_sandbox.world.models.people_days import MORE_KINDS

        known = dict.fromkeys([*self.district.facts["day_kinds"]["day_kind"], *MORE_KINDS])
        return self.choice(node, "day_kind", known)

    def events(self, nodes: dict[str, Any], section: str) -> list[Event]:
        """What a section lists."""
        found = [
            self.event(node, SECTIONS[section], f"{section}[{k}]")
            for k, node in enumerate(self.items(nodes[section], section, MOST_EVENTS))
        ]
        return [event for event in found if event is not None]

    def event(self, node: Any, kinds: tuple[str, ...], where: str) -> Event | None:  # noqa: ANN401 - a node
        """One closure, fault or event."""
        before = len(self.mistakes)
        every = tuple(dict.fromkeys(one.name for kind in kinds for one in fields(EVENTS[kind])))
        nodes = self.mapping(node, where, ("kind", *every))
        kind: str | None = None
        if "kind" in nodes:
            kind = self.choice(nodes["kind"], f"{where}.kind", kinds)
        elif len(kinds) == 1:
            kind = kinds[0]
        elif len(self.mistakes) == before:
            self.wrong(node, f"{where}.kind", "nothing", ", ".join(kinds), "Add kind: …")
        if kind is None:
            return None
        given = self._fields(node, nodes, kind, where)
        if len(self.mistakes) > before or self.start is None:
            return None
        event: Event | None = self.built(node, where, EVENTS[kind], given)
        if event is not None and self.district is not None:
            self.looked_up(event, nodes, node, where)
        return event

    def _fields(self, node: Any, nodes: dict[str, Any], kind: str, where: str) -> dict[str, Any]:  # noqa: ANN401 - a node
        """The values of an event's own fields."""
        own = {one.name: one for one in fields(EVENTS[kind])}
        for key in (key for key in nodes if key not in own and key != "kind"):
            allowed = ", ".join(["kind", *own])
            self.wrong(nodes[key], f"{where}.{key}", f"a key that does not go with {kind}", allowed, "Remove it.")
        given: dict[str, Any] = {}
        for key, one in own.items():
            if key not in nodes:
                if one.default is MISSING:
                    self.wrong(node, f"{where}.{key}", "nothing", "a value", f"Add {key}: …")
            elif key in ("start", "end"):
                given[key] = self.event_moment(nodes[key], f"{where}.{key}", late=key == "end")
            elif "unit" in one.metadata:
                limits = (one.metadata["low"], one.metadata["high"])
                given[key] = self.number(nodes[key], f"{where}.{key}", *limits, one.metadata["unit"])
            else:
                given[key] = self.text(nodes[key], f"{where}.{key}")
        return given

    def event_moment(self, node: Any, where: str, *, late: bool) -> "pd.Timestamp | None":  # noqa: ANN401 - a node
        """A moment within the run; an end may be the run's end or later."""
        import pandas as pd

        at = self.moment(node, where)
        if at is None or self.start is None or self.horizon_h is None:
            return at
        end = self.start + pd.Timedelta(hours=self.horizon_h)
        if at < self.start or (at >= end and not late):
            told = "before the start of the run" if at < self.start else "not before the end of the run"
            span = f"from {self.start:%Y-%m-%d %H:%M%z} to before {end:%Y-%m-%d %H:%M%z}"
            self.wrong(node, where, f"{at:%Y-%m-%d %H:%M%z}, {told}", span, "Move it, or lengthen horizon_h.")
        return at

    def looked_up(self, event: Event, nodes: dict[str, Any], node: Any, where: str) -> None:  # noqa: ANN401 - a node
        """Note codes that the district has not."""
        if self.district is None:
            return
        try:
            event.check(self.district)
        except TwinError as reason:
            key = reason.where.split(".", 1)[-1]
            self.refused(nodes.get(key, node), f"{where}.{key}", reason)
