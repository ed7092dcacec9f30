"""Figures of people through an ordinary day and others: where they are, how they travel, what water they draw."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twin_sandbox.generate.sanity.value import RULE, Value, none_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twin_sandbox.world.twin import Twin

WEDNESDAY = "2026-07-15 00:00+08:00"
DAY_S = 86_400
SURVEYS = "GB 50647-2011 and urban travel surveys, practice"
LOCKDOWNS = "studies of residential use in the spring of 2020, from memory"

Found = dict[str, NDArray[np.float64]]


def day(twin: "Twin", day_kind: str | None = None, every_s: int = 60, stay_home_share: float = 0.0) -> Found:
    """What the engine tells of 24 hours from Wednesday's midnight on: quantity → one row a step.

    Raises:
        TwinError: an unknown kind of day.
    """
    from twin_sandbox.engines.people import People
    from twin_sandbox.world.models.people import people_model

    start = pd.Timestamp(WEDNESDAY)
    model = people_model(twin.district, start, DAY_S, day_kind=day_kind, stay_home_share=stay_home_share)
    engine = People(model)
    found = [engine.start().found]
    found += [engine.step(float(at), {}).found for at in range(every_s, DAY_S + 1, every_s)]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def values(twin: "Twin") -> Iterator[Value]:
    """Figures of an ordinary working day, of a weekend, and of a day on which all stay at home."""
    from twin_sandbox.world.models.people_days import population
    from twin_sandbox.world.models.people_water import designed

    ordinary = day(twin)
    people = population(twin.district)
    base_m3s, pattern, patterns = designed(twin.district, people)
    residents = len(twin.entities["residents"])
    yield from _where(ordinary, residents, len(people.home))
    yield from _ways(ordinary, twin.district.facts["trips"], set(twin.entities["residents"].index), residents)
    drawn = ordinary["water_m3s"][:1440]
    yield from _designed_water(drawn, base_m3s, pattern, patterns)
    home = pattern == "home"
    litres = round(float(drawn[:, home].mean(axis=0).sum()) * DAY_S * 1000.0 / residents, 1)
    yield Value("home_water_of_a_person", litres, 85, 180, "L/(person·d)", "GB/T 50331-2002, zones and amendments")
    hours = drawn.sum(axis=1).reshape(24, 60).mean(axis=1)
    yield Value(
        "greatest_hour_by_mean", round(float(hours.max() / hours.mean()), 3), 1.2, 1.6, "1", "GB 50013-2018, Kh"
    )
    off, still = day(twin, "weekend", 600)["water_m3s"][:144], day(twin, None, 600, 1.0)["water_m3s"][:144]
    yield _by("weekend_water_by_working_days", off, drawn, 0.9, 1.15, "municipal practice")
    yield _by("water_by_usual_if_all_stay_home", still, drawn, 0.85, 1.05, LOCKDOWNS)
    yield _by("home_water_by_usual_if_all_stay_home", still[:, home], drawn[:, home], 1.1, 1.45, LOCKDOWNS)


def _by(name: str, one: NDArray[np.float64], other: NDArray[np.float64], low: float, high: float, source: str) -> Value:
    return Value(name, round(float(one.mean(axis=0).sum() / other.mean(axis=0).sum()), 3), low, high, "1", source)


def _where(found: Found, residents: int, everyone: int) -> Iterator[Value]:
    where = found["whereabouts"]
    yield none_of("people_lost_or_doubled", float(np.abs(where.sum(axis=1) - everyone).max()), unit="people")
    night, noon = (float(where[60 * hour, 0] / residents) for hour in (3, 11))
    source = "National Time Use Survey of China 2018, order of magnitude, from memory"
    yield Value("residents_at_home_at_03", round(night, 3), 0.95, 1.0, "1", source)
    yield Value("residents_at_home_at_11", round(noon, 3), 0.3, 0.5, "1", source)
    moving = float(where[:, 2].max() / everyone)
    yield Value("most_people_under_way_at_once", round(moving, 3), 0.03, 0.12, "1", SURVEYS)
    yield Value(
        "most_people_in_the_district", float(where[:, [0, 1]].sum(axis=1).max()), 9000, everyone, "people", RULE
    )


def _ways(found: Found, trips: pd.DataFrame, residents: set[Any], count: int) -> Iterator[Value]:
    own = float(trips["person_code"].isin(residents).sum())
    yield Value("trips_of_a_resident", round(own / count, 2), 2.2, 2.6, "1/d", SURVEYS)
    hourly = found["departed"][1:].sum(axis=1).reshape(24, 60).sum(axis=1)
    peak = 100.0 * float(hourly.max() / hourly.sum())
    yield Value("trips_in_the_greatest_hour", round(peak, 1), 8, 14, "%", SURVEYS)


def _designed_water(
    drawn: NDArray[np.float64], base_m3s: NDArray[np.float64], pattern: NDArray[np.str_], patterns: pd.DataFrame
) -> Iterator[Value]:
    """An ordinary working day against what was designed."""
    with_use = base_m3s > 0.0
    off = 100.0 * float(np.abs(drawn.mean(axis=0)[with_use] / base_m3s[with_use] - 1.0).max())
    yield Value("greatest_error_of_a_buildings_day", round(off, 4), 0.0, 0.1, "%", "tables water_services; " + RULE)
    worst = 0.0
    for name in np.unique(pattern[with_use]):
        own = with_use & (pattern == name)
        hours = drawn[:, own].sum(axis=1).reshape(24, 60).mean(axis=1) / base_m3s[own].sum()
        worst = max(worst, float(np.abs(hours / patterns[str(name)].to_numpy() - 1.0).max()))
    yield Value(
        "greatest_error_of_a_uses_hour", round(100.0 * worst, 4), 0.0, 1.0, "%", "table demand_patterns; " + RULE
    )


_COLOURS = {"at_home": "#7fa7c9", "elsewhere": "#e0a458", "on_the_way": "#b3423a", "outside": "#c9ced4"}
_WORDS = {"at_home": "at home", "elsewhere": "elsewhere here", "on_the_way": "on the way", "outside": "outside"}
_KINDS = {"weekday": "#1e5092", "weekend": "#e0a458", "holiday": "#b3423a"}


def draw_days(twin: "Twin") -> "Figure":
    """Where everyone is on a working day and on a holiday, and the water that buildings draw then."""
    from matplotlib.figure import Figure

    from twin_sandbox.engines.people import WHEREABOUTS
    from twin_sandbox.world.models.people_days import population
    from twin_sandbox.world.models.people_water import designed

    found = {kind: day(twin, kind, 300) for kind in _KINDS}
    base_m3s, pattern, patterns = designed(twin.district, population(twin.district))
    hours = np.arange(289) / 12.0
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    (left, right), (below, beside) = figure.subplots(2, 2)
    for axes, kind in ((left, "weekday"), (right, "holiday")):
        parts = found[kind]["whereabouts"].T
        colours = [_COLOURS[name] for name in WHEREABOUTS]
        axes.stackplot(hours, parts, colors=colours, labels=[_WORDS[name] for name in WHEREABOUTS])
        axes.set(title=f"Where everyone is, {kind}", ylabel="people")
    left.legend(loc="lower left", framealpha=0.9, ncols=2)
    for axes, name, title in ((below, "home", "Water of homes"), (beside, "office", "Water of offices")):
        own = pattern == name
        for kind, colour in _KINDS.items():
            axes.plot(hours, 1000.0 * found[kind]["water_m3s"][:, own].sum(axis=1), color=colour, label=kind)
        designed_l_s = 1000.0 * patterns[name].to_numpy() * base_m3s[own].sum()
        axes.stairs(designed_l_s, np.arange(25), color="#5b6675", linestyle="--", label="designed, weekday")
        axes.set(title=title, ylabel="L/s", ylim=(0, None))
    below.legend(loc="lower center", ncols=2, fontsize="small")
    for axes in (left, right, below, beside):
        axes.set(xlim=(0, 24), xticks=range(0, 25, 4), xlabel="hour")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES: "Mapping[str, Callable[[Twin], Figure]]" = {
    "Where everyone is, and the water that homes and offices draw; dashed: what they were designed for": draw_days,
}
