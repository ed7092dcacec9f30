"""The twin of a district: its entities and terrain, and the runs that can be made in it."""

import time as clock
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError, refuse_other
from twin_sandbox.world.reality import AS_DESIGNED, Reality

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import shapely

    from twin_sandbox.entities import District
    from twin_sandbox.entities.entity import Entity
    from twin_sandbox.entities.graph import Graph
    from twin_sandbox.entities.history import AsOf
    from twin_sandbox.entities.terrain import Terrain
    from twin_sandbox.things.faults import Fault
    from twin_sandbox.views.widget import MapWidget
    from twin_sandbox.world.ensemble import Progress
    from twin_sandbox.world.result import Result
    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.session import Session
    from twin_sandbox.world.wiring import Wiring

Controller = Callable[[dict[str, Any]], Mapping[str, float]]

CONTROLLER_S = 10.0
"""Longest answer of a controller [s]."""


class Twin:
    """A district that can be run. Made by :func:`open_district`.

    Args:
        district: the district, read lazily.
    """

    def __init__(self, district: "District") -> None:
        self.district = district

    def __repr__(self) -> str:
        return f"<Twin of {self.district!r}>"

    @property
    def entities(self) -> "Mapping[str, gpd.GeoDataFrame]":
        """The tables by name, e.g. ``twin.entities["streets"]``; each is indexed by unified code."""
        return self.district.entities

    @property
    def terrain(self) -> "Terrain":
        """Ground heights, land cover and low areas on a grid; row 0 is the north."""
        return self.district.terrain

    @property
    def things(self) -> "pd.DataFrame":
        """The ledger of devices, one row a datastream."""
        from twin_sandbox.things.ledger import ledger

        return ledger(self.district)

    @property
    def graph(self) -> "Graph":
        """The tables' facts as a graph: entities, and what is stated between two (`twin.graph.edges`)."""
        return self.district.graph

    def entity(self, code: str) -> "Entity":
        """One entity by its unified code: names, geometry, life, attributes with unit and source, relations.

        Raises:
            TwinError: no entity has this code.
        """
        return self.district.entity(code)

    def as_of(self, day: object) -> "AsOf":
        """The district as of a day, e.g. ``twin.as_of("2019-05-01").entities["streets"]``.

        Raises:
            TwinError: no day.
        """
        return self.district.as_of(day)

    def near(
        self, place: "str | tuple[float, float] | shapely.Geometry", within_m: float, table: str | None = None
    ) -> "gpd.GeoDataFrame":
        """What stands within so many metres of a code, a point (x, y) or a geometry, nearest first.

        See `twin_sandbox.entities.queries.Queries.near`.
        """
        return self.district.near(place, within_m, table)

    def related(self, code: str, predicate: str | None = None) -> "gpd.GeoDataFrame":
        """Entities that an entity is related to, in either direction.

        See `twin_sandbox.entities.queries.Queries.related`.
        """
        return self.district.related(code, predicate)

    def feeds(self, code: str, network: str) -> "gpd.GeoDataFrame":
        """What feeds an entity with ``"water"``, ``"heat"`` or ``"power"``, up to the source; its ``"drains"`` outward.

        See `twin_sandbox.entities.queries.Queries.feeds`.
        """
        return self.district.feeds(code, network)

    def fed_by(self, code: str, network: str | None = None) -> "gpd.GeoDataFrame":
        """What loses supply, or its way to the outfall, if an entity fails.

        See `twin_sandbox.entities.queries.Queries.fed_by`.
        """
        return self.district.fed_by(code, network)

    def run(
        self,
        scenario: "Scenario",
        reality: Reality | None = None,
        controller: Controller | None = None,
        step_s: int = 300,
        wiring: "Wiring | None" = None,
    ) -> "Result":
        """Run a scenario to its end.

        Args:
            scenario: what happens, and which engines take part.
            reality: how the real city differs from the public model; by default not at all.
            controller: called with the measurements at each control step, gives settings; by default the standing
                rules of the scenario work the station.
            step_s: control step of the controller [s].
            wiring: what feeds what; by default the practicum's own (`twin_sandbox.world.wiring`).

        Raises:
            TwinError: an engine refuses the model, or the controller's settings are not allowed.
            RunFailedError: an engine failed in mid-run; what had been found is in its ``result``.
        """
        with self.session(scenario, reality, step_s, wiring) as session:
            while controller is not None and not session.done:
                session.step(_asked(controller, session.measurements(), session.time))
            return session.result()

    def session(
        self,
        scenario: "Scenario",
        reality: Reality | None = None,
        step_s: int = 300,
        wiring: "Wiring | None" = None,
    ) -> "Session":
        """Open a run that stops every ``step_s`` seconds; several may be open at once.

        Raises:
            TwinError: something else than a scenario, a step that does not fit, or the engine refuses the model.
        """
        from twin_sandbox.world.scenario import Scenario
        from twin_sandbox.world.wiring import Wiring

        reality = AS_DESIGNED if reality is None else reality
        refuse_other("session, scenario", scenario, Scenario)
        refuse_other("session, reality", reality, Reality)
        refuse_other("session, step_s", step_s, int)
        if wiring is not None:
            refuse_other("session, wiring", wiring, Wiring)
        from twin_sandbox.world.session import Session

        return Session(self.district, scenario, reality, step_s, wiring)

    def resume(self, path: Path | str) -> "Session":
        """Take up a session that ``session.save(path)`` has saved, at the moment where it was.

        Raises:
            TwinError: no saved session, or it was saved in another district.
        """
        from twin_sandbox.world.written import resume

        return resume(self.district, path)

    def ensemble(
        self,
        scenarios: "Iterable[Scenario]",
        seeds: Sequence[int] = (),
        *,
        reality: Reality | None = None,
        jobs: int | None = None,
        dask: str | None = None,
        progress: "Progress | None" = None,
    ) -> "list[Result]":
        """Run every scenario with every seed, many at once; results in this order.

        See :func:`twin_sandbox.world.ensemble.ensemble`.
        """
        from twin_sandbox.world.ensemble import ensemble

        return ensemble(self, scenarios, seeds, reality=reality or AS_DESIGNED, jobs=jobs, dask=dask, progress=progress)

    def observe(
        self,
        result: "Result",
        stream: "np.random.Generator | Mapping[str, np.random.Generator]",
        faults: "Sequence[Fault]" = (),
    ) -> "pd.DataFrame":
        """What the devices report of a run: one row an observation (datastream, time, value).

        See :func:`twin_sandbox.things.observation.observe`, which also gives the truth of the faults.
        """
        from twin_sandbox.things.observation import observe

        return observe(self.district, result, stream, faults).table

    def map(
        self,
        result: "Result | None" = None,
        time: object | None = None,
        height: int = 520,
        language: str = "en",
        *,
        under: bool = False,
    ) -> "MapWidget":
        """The district in 3-D; with a result, the water that stands in it at a moment (by default the deepest).

        With ``under``, what lies below ground instead: pipes, cables, tunnels, rooms, deeper than they are.

        See :func:`twin_sandbox.views.district_map`.
        """
        from twin_sandbox.views.maps import district_map

        return district_map(self, result, time, height, language, under=under)

    def drainage_input(self, scenario: "Scenario", reality: Reality | None = None) -> str:
        """The scenario's sewers as an input file for EPA SWMM alone, standing rules included.

        See :func:`twin_sandbox.world.models.sewers.sewers_input`.
        """
        from twin_sandbox.world.models.sewers import sewers_input

        return sewers_input(self.district, scenario, reality or AS_DESIGNED)


def _asked(controller: Controller, seen: dict[str, Any], time: "pd.Timestamp") -> Mapping[str, float]:
    """What a controller says; its own errors get the moment of the run, and one that dawdles is refused."""
    began = clock.perf_counter()
    try:
        said = controller(seen)
    except Exception as error:
        error.add_note(f"The controller was asked at {time:%Y-%m-%d %H:%M} of the run.")
        raise
    took_s = clock.perf_counter() - began
    if took_s > CONTROLLER_S:
        raise TwinError(
            f"controller, at {time:%Y-%m-%d %H:%M}",
            f"it took {took_s:.1f} s to answer",
            f"{CONTROLLER_S:g} s.",
            "Prepare what takes long before the run.",
        )
    if not isinstance(said, Mapping):
        raise TwinError(
            f"controller, at {time:%Y-%m-%d %H:%M}",
            f"it gave {'nothing' if said is None else f'a {type(said).__name__}'}",
            'A dict like {"pump_1": 1.0}; {} changes nothing.',
            "Did it forget to return?" if said is None else "",
        )
    return said


def open_district(folder: Path | str | None = None) -> Twin:
    """Open a built district; without a folder the sample district, which is built into the user's cache if missing.

    Raises:
        TwinError: the folder is no district, or is damaged.
    """
    from twin_sandbox.entities import read_district

    if folder is None:
        from twin_sandbox.generate import build_district

        folder = build_district()
    return Twin(read_district(folder))
