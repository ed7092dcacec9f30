"""What a run leaves: every quantity in time, the balances, and how it came to be."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.world.moment import nearest_row

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.engines.protocol import Finished
    from twin_sandbox.entities import District
    from twin_sandbox.world.reality import Reality
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.tracks import Tracks
    from twin_sandbox.world.water import Water


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One finished run: ``result["power.voltage_pu"]`` is a table, time × code, in the unit of its port.

    Args:
        district: where it was run.
        scenario: what was run.
        reality: how the city differed from the public model.
        tracks: the kept moments of every quantity.
        finished: engine → its balances and records; empty after a failure.
        log: commands, each with its time since the start [s].
        failed: why the run ended before its horizon; None when it did not.
    """

    district: "District | None"
    scenario: "Scenario"
    reality: "Reality"
    tracks: "Tracks"
    finished: "Mapping[str, Finished]"
    log: tuple[Mapping[str, Any], ...] = ()
    failed: TwinError | None = None

    def __repr__(self) -> str:
        told = f"; ended by {self.failed}" if self.failed else ""
        return f"<Result of {self.scenario.name!r}: {', '.join(self.quantities)}{told}>"

    @property
    def quantities(self) -> tuple[str, ...]:
        """What there is, as ``engine.quantity``."""
        return tuple(self.tracks)

    @property
    def times(self) -> "pd.DatetimeIndex":
        """The kept moments, as many as there are."""
        return self.scenario.times()[: self.tracks.kept]

    def __getitem__(self, quantity: str) -> "pd.DataFrame":
        return self.tracks.table(quantity, self.scenario.times())

    def unit(self, quantity: str) -> str:
        """Unit of a quantity."""
        self.tracks.array(quantity)
        return self.tracks.ports[quantity].unit

    def at(self, quantity: str, time: object) -> "pd.Series[float]":
        """A quantity at the kept moment nearest to ``time``, by code.

        Raises:
            TwinError: no such quantity, or the moment lies outside the run.
        """
        return self[quantity].iloc[nearest_row(self.times, time)]

    @functools.cached_property
    def water(self) -> "Water":
        """The water of sewers and streets as tables by time: for maps, charts and key figures.

        Raises:
            TwinError: a run without drainage, or one that failed.
        """
        from twin_sandbox.world.water import Water

        return Water(self)

    @property
    def balances(self) -> dict[str, Mapping[str, float]]:
        """Engine → what went in, out and stayed, and its errors as shares."""
        return {name: finished.balances for name, finished in self.finished.items()}


class RunFailedError(TwinError):
    """An engine failed in mid-run.

    Args:
        cause: the engine's own refusal.
        result: what had been found until then.
    """

    def __init__(self, cause: TwinError, result: Result) -> None:
        self.result = result
        at = result.times[-1]
        kept = f"What was found until {at:%Y-%m-%d %H:%M} is in this error's result."
        super().__init__(cause.where, cause.found, cause.allowed, f"{cause.then} {kept}".strip())
