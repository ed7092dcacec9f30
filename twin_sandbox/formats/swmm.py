"""EPA SWMM input: the district's drains as a file for SWMM alone, with a map and the unified codes in it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin_sandbox.errors import TwinError
from twin_sandbox.formats.beside import read_text, written_file

if TYPE_CHECKING:
    import pandas as pd

    from twin_sandbox.entities import District
    from twin_sandbox.world.scenario import Scenario

_NODES = ("junctions", "storages", "outfalls")
_OPEN_WITHIN_S = 60.0


def default_scenario() -> "Scenario":
    """The storm that a written file carries: once in ten years, two hours, its peak at high water."""
    import pandas as pd

    from twin_sandbox.world.scenario import Scenario
    from twin_sandbox.world.storm import Storm
    from twin_sandbox.world.tide import Tide

    start = pd.Timestamp("2026-07-18 18:00+08:00")
    begins = start + pd.Timedelta(hours=1)
    tide = Tide(0.0, 2.8, begins + pd.Timedelta(minutes=49))
    return Scenario("ten-year storm at high water", start, 6.0, Storm.chicago(10), begins, tide)


def write_swmm(district: "District", path: Path | str, scenario: "Scenario | None" = None) -> None:
    """Write the drains as a SWMM input file that SWMM 5.2 has opened.

    Beside what the engine computes with, the file holds what other programs draw: coordinates, bends, catchments;
    and as tags the unified code of each node, link and catchment. None of this changes a number of the run.

    Args:
        district: a built district.
        path: file to write, by custom ``*.inp``.
        scenario: rain, tide and time; None for `default_scenario`.

    Raises:
        TwinError: SWMM refuses the file, or it cannot be written.
    """
    from twin_sandbox.world.twin import Twin

    text = Twin(district).drainage_input(scenario or default_scenario())
    with written_file(Path(path)) as draft:
        draft.write_text(f";; CRS {district.crs}\n{text}\n" + "\n".join(_map(district, text)) + "\n", encoding="utf-8")
        refused = opened_by_swmm(draft)
        if refused:
            raise TwinError(str(path), f"SWMM refuses it: {refused[0]}")


def _map(district: "District", text: str) -> Iterator[str]:
    """The sections that draw the network and say which entity each part is."""
    from twin_sandbox.formats.swmm_reading import sections_of
    from twin_sandbox.world.models.network import short_names

    entities = district.entities
    places = {
        row.swmm_id: row.geometry.representative_point() for name in _NODES for row in entities[name].itertuples()
    }
    ends = {row.swmm_id: row.geometry.interpolate(1.0, normalized=True) for row in entities["conduits"].itertuples()}
    found = sections_of(text)
    x_min, y_min, x_max, y_max = entities["streets"].total_bounds
    yield f"[MAP]\nDIMENSIONS {x_min:.3f} {y_min:.3f} {x_max:.3f} {y_max:.3f}\nUNITS Meters\n\n[COORDINATES]"
    for section in ("JUNCTIONS", "OUTFALLS", "STORAGE"):
        for words in found.get(section, []):
            point = _place(words[0], places, ends)
            if point is not None:
                yield f"{words[0]} {point.x:.3f} {point.y:.3f}"
    yield "\n[VERTICES]"
    for row in entities["conduits"].itertuples():
        yield from (f"{row.swmm_id} {x:.3f} {y:.3f}" for x, y in list(row.geometry.coords)[1:-1])
    yield "\n[POLYGONS]"
    for row in entities["subcatchments"].itertuples():
        yield from (f"{row.swmm_id} {x:.3f} {y:.3f}" for x, y in row.geometry.exterior.coords)
    yield "\n[TAGS]"
    kinds = {"Node": _NODES, "Link": ("conduits",), "Subcatch": ("subcatchments",)}
    for word, names in kinds.items():
        for name in names:
            yield from (f"{word} {own} {code}" for code, own in entities[name]["swmm_id"].items())
    yield from (f"Link {own} {code}" for code, own in short_names(district).items())


def _place(name: str, places: dict[str, Any], ends: dict[str, Any]) -> Any:  # noqa: ANN401 - a point
    """Where a node lies; one that the model adds (a chamber before a flap, a spill into the sea) lies at its origin."""
    while name not in places and name not in ends and "_" in name:
        name = name.rsplit("_", 1)[0]
    return places.get(name, ends.get(name))


def opened_by_swmm(path: Path | str) -> list[str]:
    """What SWMM itself says against an input file: number and meaning of each error; nothing if it opens it.

    SWMM runs in a process of its own: a damaged file may end it.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "twin_sandbox.formats.swmm_opening", str(Path(path).resolve()), folder],
                capture_output=True,
                text=True,
                check=False,
                timeout=_OPEN_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            return [f"SWMM did not finish reading it within {_OPEN_WITHIN_S:g} s"]
        report = Path(folder) / "model.rpt"
        lines = report.read_text(encoding="utf-8", errors="replace").splitlines() if report.is_file() else []
    if done.returncode == 0:
        return []
    said = [line.strip() for line in lines if line.strip().startswith("ERROR")]
    return said or ["SWMM broke down over it"]


def read_swmm(path: Path | str, crs: str | None = None) -> "dict[str, pd.DataFrame]":
    """Read the network of a SWMM input file, of this practicum or of any town.

    Args:
        path: the file.
        crs: in what its coordinates are, e.g. ``"EPSG:4549"``; SWMM files don't say. None: what a file of this
            practicum says, else unknown.

    Returns:
        Tables junctions, outfalls, storages, conduits, pumps, orifices, weirs, subcatchments as far as there are any,
        indexed by code (of a foreign file: by SWMM's name), in metres and m³/s whatever the file's units, see
        `swmm_reading.tables`.

    Raises:
        TwinError: SWMM refuses the file (with its error number), or its coordinates are no places.
    """
    import geopandas as gpd

    from twin_sandbox.formats.swmm_reading import tables
    from twin_sandbox.formats.tables import check_table

    path = Path(path)
    text = read_text(path)
    read = tables(str(path), text, crs)
    refused = opened_by_swmm(path)
    if refused:
        raise TwinError(str(path), f"SWMM refuses it: {'; '.join(refused[:3])}", then="Mend the line that it names.")
    for name, table in read.items():
        if isinstance(table, gpd.GeoDataFrame):
            check_table(f"{path}, {name}", table, needs_crs=False)
    return dict(read)
