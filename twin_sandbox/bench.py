"""What the twin costs on this machine: opening, ten times the entities, observations into the store.

Ratios of two timings in one run are what to trust; seconds are this machine's of the moment.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from twin_sandbox.entities import District
from twin_sandbox.entities.history import AsOf
from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.tables import FACTS, TABLES

COPIES = 10
SHIFT_M = 5000.0
OBSERVATIONS = 154_000
REPEATED_SHARE = 0.1

_OPEN = """
import time, geopandas
begin = time.perf_counter()
import twin_sandbox
twin_sandbox.open_district({folder!r})
print(time.perf_counter() - begin)
"""


class Copies(Queries):
    """A district several times, side by side: codes get the copy's number, relations stay within a copy."""

    sheets: Mapping[str, Any] = {}  # type: ignore[assignment]

    def __init__(self, district: District, copies: int) -> None:
        self.entities: Mapping[str, gpd.GeoDataFrame] = {
            name: gpd.GeoDataFrame(
                pd.concat([self._copy(rows, TABLES[name].relations, k) for k in range(copies)]), crs=rows.crs
            )
            for name, rows in district.entities.items()
        }
        named = {"versions", *(name for name in FACTS if "describes" in FACTS[name].relations.values())}
        self.facts = {
            name: pd.concat([self._copy(district.facts[name], FACTS[name].relations, k) for k in range(copies)])
            for name in named
        }

    @staticmethod
    def _copy(rows: pd.DataFrame, relations: Mapping[str, str], k: int) -> pd.DataFrame:
        changed = rows.copy()
        for column in relations:
            changed[column] = changed[column].where(changed[column] == "", changed[column] + f"/{k}")
        if isinstance(changed, gpd.GeoDataFrame):
            changed.index = changed.index + f"/{k}"
            changed["geometry"] = changed.geometry.translate(SHIFT_M * k)
        return changed


def opening_s(district: District) -> float:
    """Least of three: seconds from ``import twin_sandbox`` to an open district, geopandas imported before."""
    code = _OPEN.format(folder=str(district.folder))
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(run.stdout) for run in runs)


def scale_costs(district: District, copies: int = COPIES) -> dict[str, float]:
    """How many times as long each kind of work takes on ``copies`` districts side by side as on one."""
    one, many = (_costs(Copies(district, count)) for count in (1, copies))
    return {name: many[name] / one[name] for name in one}


def _costs(district: Queries) -> dict[str, float]:
    from twin_sandbox.entities.graph import Graph
    from twin_sandbox.entities.networks import Networks

    house = str(district.entities["power_services"]["consumer_code"].iloc[0])
    district.near(house, 50)  # makes what is kept: the graph, the trees of places
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tables.gpkg"
        written = _least_s(lambda: _write(district, path), 1)
        read = _least_s(lambda: [gpd.read_file(path, layer=name) for name in district.entities], 2)
    return {
        "write": written,
        "read": read,
        "graph": _least_s(lambda: Graph(district.entities, district.facts)),
        "near": _least_s(lambda: district.near(house, 50)),
        "feeds": _least_s(lambda: Networks(district).path(house, "power")),
        "as_of": _least_s(lambda: list(AsOf(district, "2010-05-01").entities.values()), 3),  # type: ignore[arg-type]
    }


def _write(district: Queries, path: Path) -> None:
    for name, table in district.entities.items():
        table.reset_index().to_file(path, layer=name, driver="GPKG", engine="pyogrio")


def _least_s(what: Callable[[], object], times: int = 15) -> float:
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        what()
        spent.append(time.perf_counter() - begin)
    return min(spent)


def ingest(table: pd.DataFrame) -> dict[str, float]:
    """Observations into the store: how many were new, lost and doubled, and how long it took."""
    from twin_sandbox.things.store import Store

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.db") as store:
        begin = time.perf_counter()
        new = store.add(table)
        seconds = time.perf_counter() - begin
        kept = store.read()
    once = table.drop_duplicates(["datastream", "time"])
    found = once.merge(kept, on=["datastream", "time"], suffixes=("", "_kept"))
    return {
        "accepted": new,
        "ingest_s": seconds,
        "ingest_per_s": len(table) / seconds,
        "lost": len(once) - int((found["value"] == found["value_kept"]).sum()),
        "doubled": int(kept.duplicated(["datastream", "time"]).sum()),
    }


def observations(count: int = OBSERVATIONS, repeated_share: float = REPEATED_SHARE, seed: int = 1) -> pd.DataFrame:
    """So many observations of 250 datastreams, of which a share are repeats, in random order."""
    rng = np.random.default_rng(seed)
    again = round(count * repeated_share)
    k = np.arange(count - again)
    start = pd.Timestamp("2026-07-18", tz="Asia/Shanghai")
    fresh = pd.DataFrame(
        {
            "datastream": np.char.add("stream-", (k % 250).astype(str)),
            "time": start + pd.to_timedelta(60 * (k // 250), unit="s"),
            "value": rng.normal(size=k.size).round(2),
        }
    )
    both = pd.concat([fresh, fresh.iloc[rng.integers(k.size, size=again)]])
    return both.iloc[rng.permutation(count)].reset_index(drop=True)
