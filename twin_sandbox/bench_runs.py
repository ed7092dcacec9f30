"""What runs of the living district cost on this machine: a coupled day, a flood night, an ensemble.

Ratios of two timings in one run are what to trust; seconds are this machine's of the moment.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pandas as pd

from twin_sandbox.entities import read_district
from twin_sandbox.world.assemble import EVERY, assemble
from twin_sandbox.world.reality import AS_DESIGNED
from twin_sandbox.world.scenario import Scenario
from twin_sandbox.world.session import Session
from twin_sandbox.world.storm import Storm
from twin_sandbox.world.tide import Tide
from twin_sandbox.world.wiring import read_wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin_sandbox.engines.protocol import Engine
    from twin_sandbox.entities import District
    from twin_sandbox.world.twin import Twin

DAY = pd.Timestamp("2026-07-15T00:00+08:00")
NIGHT = pd.Timestamp("2026-07-18T18:00+08:00")
MIB = 1024.0


def _tide(start: pd.Timestamp) -> Tide:
    return Tide(0.0, 2.8, start + pd.Timedelta("80min"), 0.0)


def dry_day() -> Scenario:
    """An ordinary summer day of the whole district, every engine."""
    return Scenario("an ordinary day", DAY, 24.0, tide=_tide(DAY), engines=EVERY)


def flood_night(grid_m: int = 5, horizon_h: float = 6.0) -> Scenario:
    """A 30-year storm on the rising tide: sewers and streets of the whole district."""
    return Scenario(
        "a flood night",
        NIGHT,
        horizon_h,
        storm=Storm.chicago(30),
        tide=_tide(NIGHT),
        engines=("drainage",),
        grid_m=grid_m,
    )


def day_costs(district: "District") -> dict[str, float]:
    """A coupled dry day and the same engines alone, in a process of their own.

    Returns:
        ``day_s``, ``day_ratio`` (coupled ÷ the sum of the engines alone), ``day_peak_mib`` (greatest memory of that
        process, and of the greatest worker).
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_day_costs, str(district.folder), dry_day()).result()


def _day_costs(folder: str, scenario: Scenario) -> dict[str, float]:
    district = read_district(folder)
    wiring = read_wiring()
    _close(assemble(district, scenario, AS_DESIGNED))  # what is made once a process, is made now
    alone_s = 0.0
    for name, engine in assemble(district, scenario, AS_DESIGNED).items():
        alone_s += _alone_s(engine, int((wiring.every_s or {}).get(name, engine.step_s)), scenario.horizon_s)
    with Session(district, scenario) as session:
        began = time.perf_counter()
        session.result()
        coupled_s = time.perf_counter() - began
    own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"day_s": coupled_s, "day_ratio": coupled_s / alone_s, "day_peak_mib": (own + workers) / MIB}


def _alone_s(engine: "Engine", every_s: int, horizon_s: int) -> float:
    """Time that an engine takes to step to the end with nothing wired [s], its start left out as in a session."""
    try:
        engine.start()
        began = time.perf_counter()
        for until_s in range(every_s, horizon_s + 1, every_s):
            engine.step(until_s, {})
        engine.finish()
        return time.perf_counter() - began
    finally:
        engine.close()


def _close(engines: "Mapping[str, Engine]") -> None:
    for engine in engines.values():
        engine.start()
        engine.close()


def night_costs(district: "District") -> dict[str, float]:
    """The flood night on the fine grid, and two hours of it on the coarse one.

    Returns:
        ``flood_night_s``, ``flood_2h_10m_s``.
    """
    costs = {}
    for key, scenario in {"flood_night_s": flood_night(), "flood_2h_10m_s": flood_night(10, 2.0)}.items():
        _close(assemble(district, scenario, AS_DESIGNED))
        began = time.perf_counter()
        with Session(district, scenario) as session:
            session.result()
        costs[key] = time.perf_counter() - began
    return costs


def ensemble_speedup(twin: "Twin", storms: int = 200) -> dict[str, float]:
    """So many storms in one worker, and in two.

    Returns:
        ``ensemble_speedup``, ``ensemble_storms``.
    """
    night = replace(flood_night(10, 2.0), name="one of many")
    runs = [replace(night, storm=Storm.chicago(2.0 + years)) for years in range(storms)]
    taken = []
    for jobs in (1, 2):
        began = time.perf_counter()
        twin.ensemble(runs, jobs=jobs, progress=lambda *_: None)
        taken.append(time.perf_counter() - began)
    return {"ensemble_speedup": taken[0] / taken[1], "ensemble_storms": float(storms)}
