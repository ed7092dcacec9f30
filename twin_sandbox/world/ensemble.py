"""Many runs at once: in a pool of processes on this machine, or on a Dask cluster by its address.

Results come in the order of the scenarios and seeds, whoever ran them and however many worked. A run whose worker is
killed is run again; one that kills its worker every time is refused by its number.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError, refuse_other
from twin_sandbox.world.reality import AS_DESIGNED, Reality

if TYPE_CHECKING:
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.twin import Twin

TRIES = 3
"""How often a run is begun before its worker's death is called its own fault."""

Progress = Callable[[int, int], None]
"""Called with the number of runs that are done, and of all."""


@lru_cache(maxsize=2)
def _twin(folder: str) -> "Twin":
    from twin_sandbox.world.twin import open_district

    return open_district(folder)


def _run(folder: str, scenario: "Scenario", reality: Reality) -> "Result":
    """One run, without its district: that is the caller's. An engine's failure comes back inside the result."""
    from twin_sandbox.world.result import RunFailedError

    try:
        result = _twin(folder).run(scenario, reality)
    except RunFailedError as failed:
        result = failed.result
    return replace(result, district=None)


def ensemble(
    twin: "Twin",
    scenarios: "Iterable[Scenario]",
    seeds: Sequence[int] = (),
    *,
    reality: Reality = AS_DESIGNED,
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> "list[Result]":
    """Run every scenario with every seed.

    Args:
        twin: where.
        scenarios: what happens.
        seeds: seeds of chance, each tried with each scenario; none: each scenario with its own.
        reality: how the real city differs from the public model.
        jobs: processes at once; by default as many as the machine has cores.
        dask: address of a Dask scheduler, e.g. ``"tcp://127.0.0.1:8786"``, instead of processes here; its workers need
            the practicum and the built district at the same path.
        progress: by default a line on standard error.

    Returns:
        One result a scenario and seed, scenario by scenario. One whose engine failed has ``failed`` set.

    Raises:
        TwinError: no scenario, a scenario that is refused, a run that kills its worker, or no such cluster.
    """
    from twin_sandbox.world.scenario import Scenario

    scenarios = list(scenarios)
    for number, one in enumerate(scenarios, start=1):
        refuse_other(f"ensemble, scenario {number}", one, Scenario)
    refuse_other("ensemble, reality", reality, Reality)
    if jobs is not None:
        refuse_other("ensemble, jobs", jobs, int)
    runs = [replace(one, seed=seed) for one in scenarios for seed in seeds] if len(seeds) else scenarios
    if not runs:
        raise TwinError("ensemble", "no scenario", "At least one.")
    if jobs is not None and jobs < 1:
        raise TwinError("ensemble, jobs", f"{jobs}", "1 or more.")
    tell = progress or _line()
    folder = str(Path(twin.district.folder).resolve())
    finished: dict[int, Result] = {}
    work = _on_dask(dask, folder, runs, reality) if dask else _here(folder, runs, reality, jobs or os.cpu_count() or 1)
    for number, result in work:
        finished[number] = replace(result, district=twin.district)
        tell(len(finished), len(runs))
    return [finished[number] for number in range(len(runs))]


def _here(folder: str, runs: "Sequence[Scenario]", reality: Reality, jobs: int) -> Iterator[tuple[int, "Result"]]:
    tries = dict.fromkeys(range(len(runs)), 0)
    left = list(tries)
    while left:
        # Where a worker died, nobody knows whose fault it was: those that were under way are tried one by one.
        suspects = [number for number in left if tries[number]]
        batch, at_once = ([suspects[0]], 1) if suspects else (left, jobs)
        with ProcessPoolExecutor(min(at_once, len(batch)), mp_context=get_context("spawn")) as pool:
            waiting: dict[Future[Result], int] = {}
            queue = iter(batch)
            try:
                while True:
                    for number in queue:
                        waiting[pool.submit(_run, folder, runs[number], reality)] = number
                        if len(waiting) >= 2 * at_once:
                            break
                    if not waiting:
                        break
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        result = future.result()
                        number = waiting.pop(future)
                        left.remove(number)
                        yield number, result
            except BrokenProcessPool:
                for number in waiting.values():
                    tries[number] += 1
                    if tries[number] >= TRIES:
                        raise TwinError(
                            f"ensemble, run {number + 1} ({runs[number].name!r}, seed {runs[number].seed})",
                            f"its worker was killed {TRIES} times",
                            then="Run it alone; perhaps the memory does not suffice: fewer jobs need less.",
                        ) from None


def _on_dask(address: str, folder: str, runs: "Sequence[Scenario]", reality: Reality) -> Iterator[tuple[int, "Result"]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise TwinError("ensemble, dask", "Dask is not installed", then="pip install 'practicum[dask]'.") from error
    try:
        client = distributed.Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise TwinError("ensemble, dask", f"no cluster answers at {address}", then="Start its scheduler.") from error
    with client, client.as_current():
        futures = [client.submit(_run, folder, run, reality, pure=False, retries=TRIES - 1) for run in runs]
        number_of = {future.key: number for number, future in enumerate(futures)}
        for future in distributed.as_completed(futures):
            yield number_of[future.key], future.result()


def _line() -> Progress:
    began = time.monotonic()

    def tell(done: int, total: int) -> None:
        left_s = (time.monotonic() - began) / done * (total - done)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total} runs, about {left_s:.0f} s left {end}")
        sys.stderr.flush()

    return tell
