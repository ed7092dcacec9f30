"""A scenario as the text of a file, short where it can be and exact always."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from twin_sandbox.world.events import EVENTS, Event
from twin_sandbox.world.policies import Policies
from twin_sandbox.world.scenario import Scenario
from twin_sandbox.world.scenario_reading import FAULTS
from twin_sandbox.world.storm import FORMULAS, Storm
from twin_sandbox.world.tide import Tide

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.world.weather import Weather

_PLAIN = ("pumps", "sump_start_m", "grid_m", "report_step_s", "seed")


def scenario_text(scenario: Scenario) -> str:
    """The YAML of a scenario; what stands at its default is left out."""
    import yaml

    content: dict[str, Any] = {
        "name": scenario.name,
        "start": _moment(scenario.start),
        "horizon_h": scenario.horizon_h,
        "engines": list(scenario.engines),
    }
    if scenario.day_kind is not None:
        content["day_kind"] = scenario.day_kind
    if scenario.storm != Storm.dry() or scenario.storm_start != scenario.start:
        content["storm"] = _storm(scenario.storm) | {"start": _moment(scenario.storm_start)}
    if "drainage" in scenario.engines or scenario.tide != Tide(0.0, 0.0, scenario.start):
        content["tide"] = _values(scenario.tide)
    if scenario.weather is not None:
        content["weather"] = _weather(scenario.weather, scenario)
    for event in scenario.events:
        section, entry = _event(event)
        content.setdefault(section, []).append(entry)
    if scenario.policies != Policies():
        content["policies"] = _values(scenario.policies)
    defaults = {one.name: one.default for one in fields(Scenario)}
    content |= {key: getattr(scenario, key) for key in _PLAIN if getattr(scenario, key) != defaults[key]}
    text: str = yaml.safe_dump(_plain(content), sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return text


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever YAML has
    """The same without numpy's numbers."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _moment(at: "pd.Timestamp") -> str:
    return at.isoformat(sep=" ")


def _values(part: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the dataclasses
    """The fields of a dataclass that are not at their defaults, as YAML has them."""
    import pandas as pd

    found: dict[str, Any] = {}
    for one in fields(part):
        value = getattr(part, one.name)
        if value is None or value == one.default:
            continue
        found[one.name] = (
            _moment(value) if isinstance(value, pd.Timestamp) else list(value) if isinstance(value, tuple) else value
        )
    return found


def _storm(storm: Storm) -> dict[str, Any]:
    """A formula where one gives these very intensities, the series itself otherwise."""
    step_min, rain = storm.step_s // 60, storm.intensity_mm_h
    duration_min = storm.duration_s // 60
    if step_min == 1 and 30 <= duration_min <= 1440 and rain.any():
        for city, formula in FORMULAS.items():
            growth = storm.depth_mm / float(formula.depth_mm(duration_min, 1.0))
            period_a = round(10.0 ** ((growth - 1.0) / formula.c), 4)
            peak = int(np.argmax(rain)) / duration_min
            first, last = (round(1000 * (peak + away / duration_min)) for away in (-2, 3))
            for share in range(max(50, first), min(950, last) + 1):
                given = {"return_period_a": period_a, "duration_min": duration_min, "peak_share": share / 1000}
                if 0.25 <= period_a <= 1000.0 and Storm.chicago(**given, city=city) == storm:  # type: ignore[arg-type]
                    return {"formula": city, **given}
    return {"series_mm_h": rain.tolist(), "step_min": step_min}


def _weather(weather: "Weather", scenario: Scenario) -> dict[str, Any]:
    """A kind where it gives this very weather, the arrays otherwise."""
    from twin_sandbox.world.weather import QUANTITIES, Weather

    span = (scenario.start, scenario.horizon_s)
    if weather.step_s == 300 and weather.start == scenario.start and weather.horizon_s >= scenario.horizon_s:
        first_c = float(weather.temperature_c[0])
        # a hot or cold day moves up and down as a whole with its one figure
        hot, cold = Weather.heat_wave(*span), Weather.cold_spell(*span)
        highest_c = round(36.0 + first_c - float(hot.temperature_c[0]), 6)
        lowest_c = round(-12.0 + first_c - float(cold.temperature_c[0]), 6)
        tried: list[tuple[str, dict[str, Any]]] = [("ordinary", {"seed": 0}), ("normal", {})]
        tried += [("heat_wave", {"highest_c": highest_c})] if 28.0 <= highest_c <= 50.0 else []
        tried += [("cold_spell", {"lowest_c": lowest_c})] if -40.0 <= lowest_c <= 5.0 else []
        for kind, figure in tried:
            if weather == getattr(Weather, kind)(*span, **figure):
                return {"kind": kind, **figure}
    begin = {} if weather.start == scenario.start else {"start": _moment(weather.start)}
    return {**begin, "step_s": weather.step_s, **{name: getattr(weather, name).tolist() for name in QUANTITIES}}


def _event(event: Event) -> tuple[str, dict[str, Any]]:
    """The section of an event, and its entry there."""
    kind = next(name for name, one in EVENTS.items() if one is type(event))
    section = "closures" if kind == "street_closed" else "faults" if kind in FAULTS else "events"
    values = _values(event)
    ordered = {key: values[key] for key in sorted(values, key=lambda key: key in ("start", "end"))}
    return section, ordered if section == "closures" else {"kind": kind, **ordered}
