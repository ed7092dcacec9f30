"""The parts of a scenario's file: moments, storm, tide, weather, policies."""

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import moment
from twin_sandbox.world.policies import Policies
from twin_sandbox.world.scenario_nodes import Reading
from twin_sandbox.world.storm import FORMULAS, MAX_INTENSITY_MM_H, Storm
from twin_sandbox.world.tide import Tide

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.weather import Weather

_MOMENT = re.compile(
    r"(?:19|20|21)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_AFTER = re.compile(r"([+-])(\d{1,3}):([0-5]\d)", re.ASCII)
_ZONED = re.compile(r"(?:Z|[T ]\d\d:\d\d\S*[+-]\d\d:?\d\d)$", re.ASCII)
WEATHERS: dict[str, dict[str, tuple[float, float, str]]] = {
    "normal": {},
    "ordinary": {"seed": (0, 2**31, "")},
    "heat_wave": {"highest_c": (28.0, 50.0, "°C")},
    "cold_spell": {"lowest_c": (-40.0, 5.0, "°C")},
}
"""Kinds of weather, and the one figure of each with its limits."""


class Parts(Reading):
    """Reads the parts of one scenario; what is wrong is noted, and reading goes on.

    Attributes:
        start: of the run; None until it is known.
        horizon_h: of the run [h]; None until it is known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.start: pd.Timestamp | None = None
        self.horizon_h: float | None = None

    def whole(self, node: Any, where: str, low: int, high: int, unit: str) -> int | None:  # noqa: ANN401 - a node
        """A whole number within limits."""
        number = self.number(node, where, low, high, unit)
        if number is not None and number != int(number):
            self.wrong(node, where, f"{number:g}", f"a whole number, {low} to {high} {unit}")
            return None
        return None if number is None else int(number)

    def moment(self, node: Any, where: str) -> "pd.Timestamp | None":  # noqa: ANN401 - a node
        """A moment with its zone, or ``+h:mm`` after the start of the run."""
        import pandas as pd

        text = self.text(node, where)
        if text is None:
            return None
        after = _AFTER.fullmatch(text)
        if after is None or where == "start":
            return self._zoned(node, where, text)
        minutes = (int(after[2]) * 60 + int(after[3])) * (1 if after[1] == "+" else -1)
        return None if self.start is None else self.start + pd.Timedelta(minutes=minutes)

    def _zoned(self, node: Any, where: str, text: str) -> "pd.Timestamp | None":  # noqa: ANN401 - a node
        allowed = "a moment with its time zone, e.g. 2026-07-18 18:00+08:00"
        allowed += "" if where == "start" else ', or h:mm after the start, e.g. "+1:30"'
        if not _MOMENT.fullmatch(text):
            self.wrong(node, where, repr(text), allowed)
            return None
        if not _ZONED.search(text):
            fix = f"Write {text if ':' in text else f'{text} 00:00'}+08:00 for Beijing time."
            self.wrong(node, where, f"{text} without time zone", allowed, fix)
            return None
        try:
            return moment(where, text)
        except TwinError:
            self.wrong(node, where, repr(text), allowed, "Is there such a day, and such an hour?")
            return None

    def built(self, node: Any, where: str, make: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - what is made
        """What ``make`` makes of the values, or None and a mistake."""
        try:
            return make(**given)
        except TwinError as reason:
            self.refused(node, where, reason)
            return None

    def storm(self, node: Any) -> dict[str, Any]:  # noqa: ANN401 - a node
        """The storm and its start, as arguments of a scenario."""
        formula = ("formula", "return_period_a", "duration_min", "peak_share")
        series = ("series_mm_h", "step_min")
        nodes = self.mapping(node, "storm", (*formula, *series, "start"))
        found = {"storm_start": self.moment(nodes["start"], "storm.start")} if "start" in nodes else {}
        own, other = (series, formula) if "series_mm_h" in nodes else (formula, series)
        for key in (key for key in other if key in nodes):
            allowed = f"{', '.join(formula)}; or {', '.join(series)}"
            self.wrong(nodes[key], f"storm.{key}", f"a key that does not go with {own[0]}", allowed, "Remove it.")
        return {**found, "storm": (self._series if own is series else self._design_storm)(node, nodes)}

    def _series(self, node: Any, nodes: dict[str, Any]) -> Storm | None:  # noqa: ANN401 - a node
        rain = self.numbers(nodes["series_mm_h"], "storm.series_mm_h", (1, 10_000), (0, MAX_INTENSITY_MM_H), "mm/h")
        step_min = self.whole(nodes["step_min"], "storm.step_min", 1, 60, "min") if "step_min" in nodes else 5
        if rain is None or step_min is None:
            return None
        storm: Storm | None = self.built(node, "storm", Storm, {"step_s": 60 * step_min, "intensity_mm_h": rain})
        return storm

    def _design_storm(self, node: Any, nodes: dict[str, Any]) -> Storm | None:  # noqa: ANN401 - a node
        before = len(self.mistakes)
        if "return_period_a" not in nodes:
            self.wrong(node, "storm.return_period_a", "nothing", "0.25 to 1000 a", "Add return_period_a: 10")
        given: dict[str, Any] = {
            key: self.number(nodes[key], f"storm.{key}", low, high, unit)
            for key, low, high, unit in (("return_period_a", 0.25, 1000.0, "a"), ("peak_share", 0.05, 0.95, ""))
            if key in nodes
        }
        if "duration_min" in nodes:
            given["duration_min"] = self.whole(nodes["duration_min"], "storm.duration_min", 30, 1440, "min")
        if "formula" in nodes:
            given["city"] = self.choice(nodes["formula"], "storm.formula", FORMULAS)
        storm: Storm | None = None
        if len(self.mistakes) == before:
            storm = self.built(node, "storm", Storm.chicago, given)
        return storm

    def tide(self, node: Any) -> Tide | None:  # noqa: ANN401 - a node
        """The sea."""
        limits = {"mean_m": (-10.0, 10.0), "range_m": (0.0, 15.0), "surge_m": (-3.0, 6.0)}
        before = len(self.mistakes)
        nodes = self.mapping(node, "tide", (*limits, "high_at"), ("mean_m", "range_m", "high_at"))
        given: dict[str, Any] = {
            key: self.number(nodes[key], f"tide.{key}", *limits[key], "m") for key in limits if key in nodes
        }
        if "high_at" in nodes:
            given["high_at"] = self.moment(nodes["high_at"], "tide.high_at")
        if len(self.mistakes) > before or self.start is None:
            return None
        tide: Tide | None = self.built(node, "tide", Tide, given)
        return tide

    def weather(self, node: Any) -> "Weather | None":  # noqa: ANN401 - a node
        """The weather: a kind with its figure, or arrays."""
        from twin_sandbox.world.weather import QUANTITIES

        figures = tuple(key for of in WEATHERS.values() for key in of)
        arrays = ("step_s", *QUANTITIES)
        nodes = self.mapping(node, "weather", ("kind", *figures, "start", *arrays))
        own, other = (("kind", *figures), ("start", *arrays)) if "kind" in nodes else (arrays, ("kind", *figures))
        for key in (key for key in other if key in nodes):
            allowed = f"kind with its figure; or {', '.join(arrays)}"
            self.wrong(nodes[key], f"weather.{key}", f"a key that does not go with {own[0]}", allowed, "Remove it.")
        return self._weather_of_kind(node, nodes) if "kind" in nodes else self._weather_of_arrays(node, nodes)

    def _weather_of_kind(self, node: Any, nodes: dict[str, Any]) -> "Weather | None":  # noqa: ANN401 - a node
        from twin_sandbox.world.weather import Weather

        before, kind = len(self.mistakes), self.choice(nodes["kind"], "weather.kind", WEATHERS)
        figures: dict[str, Any] = {}
        for key, (low, high, unit) in WEATHERS.get(kind or "", {}).items():
            if key in nodes:
                read = self.whole if isinstance(low, int) else self.number
                figures[key] = read(nodes[key], f"weather.{key}", low, high, unit)  # type: ignore[arg-type]
        strange = {key for of in WEATHERS.values() for key in of} & set(nodes) - set(figures)
        for key in sorted(strange) if kind is not None else ():
            allowed = ", ".join(["kind", *WEATHERS[kind or ""]])
            self.wrong(nodes[key], f"weather.{key}", f"a key that does not go with {kind}", allowed, "Remove it.")
        if len(self.mistakes) > before or self.start is None or self.horizon_h is None:
            return None
        figures |= {"start": self.start, "horizon_s": round(self.horizon_h * 3600)}
        made: Weather | None = self.built(node, "weather", getattr(Weather, str(kind)), figures)
        return made

    def _weather_of_arrays(self, node: Any, nodes: dict[str, Any]) -> "Weather | None":  # noqa: ANN401 - a node
        from twin_sandbox.world.weather import QUANTITIES, STEPS_S, Weather

        before = len(self.mistakes)
        for key in ("step_s", *QUANTITIES):
            if key not in nodes:
                self.wrong(
                    node, f"weather.{key}", "nothing", "step_s and all arrays", "Add it, or write kind: ordinary."
                )
        given: dict[str, Any] = {
            key: self.numbers(nodes[key], f"weather.{key}", (2, 5000), (-1e6, 1e6), "")
            for key in QUANTITIES
            if key in nodes
        }
        if "step_s" in nodes:
            given["step_s"] = self.whole(nodes["step_s"], "weather.step_s", min(STEPS_S), max(STEPS_S), "s")
        begin = self.moment(nodes["start"], "weather.start") if "start" in nodes else self.start
        if len(self.mistakes) > before or begin is None:
            return None
        made: Weather | None = self.built(node, "weather", Weather, {"start": begin, **given})
        return made

    def policies(self, node: Any) -> Policies | None:  # noqa: ANN401 - a node
        """How the district is run."""
        before = len(self.mistakes)
        nodes = self.mapping(node, "policies", [one.name for one in fields(Policies)])
        given: dict[str, Any] = {}
        if "tariff_cny_kwh" in nodes:
            tariff = self.numbers(nodes["tariff_cny_kwh"], "policies.tariff_cny_kwh", (24, 24), (0.0, 10.0), "CNY/kWh")
            given["tariff_cny_kwh"] = tuple(tariff or ())
        for key, low, high, unit in (("close_street_above_m", 0.05, 1.0, "m"), ("stay_home_share", 0.0, 1.0, "")):
            if key in nodes:
                given[key] = self.number(nodes[key], f"policies.{key}", low, high, unit)
        if len(self.mistakes) > before:
            return None
        policies: Policies | None = self.built(node, "policies", Policies, given)
        return policies
