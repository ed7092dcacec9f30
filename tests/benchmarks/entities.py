"""What ten times the entities costs: the graph, what is near, what feeds what, the district as of a day.

    python -m tests.benchmarks.entities [--json]

Prints seconds on the sample district, on ten copies of it side by side, and their ratio (at most 12 is the aim).
"""

import json
import sys
import time
from collections.abc import Callable, Mapping

import geopandas as gpd
import pandas as pd

import twin_sandbox
from twin_sandbox.entities import District
from twin_sandbox.entities.history import AsOf
from twin_sandbox.entities.queries import Queries
from twin_sandbox.entities.tables import FACTS, TABLES

COPIES = 10
SHIFT_M = 5000.0


class Copies(Queries):
    """A district several times, side by side: codes get the copy's number, relations stay within a copy."""

    sheets: dict[str, object] = {}  # noqa: RUF012 - never changed

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


def seconds(what: Callable[[], object]) -> float:
    """Least of five."""
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        what()
        spent.append(time.perf_counter() - begin)
    return min(spent)


def costs(district: Queries) -> dict[str, float]:
    """Seconds of each question; tables are in memory, and what is kept (graph, trees) is made anew where it counts."""
    from twin_sandbox.entities.graph import Graph
    from twin_sandbox.entities.networks import Networks

    house = str(district.entities["power_services"]["consumer_code"].iloc[0])
    district.near(house, 50)
    return {
        "graph_s": seconds(lambda: Graph(district.entities, district.facts)),
        "near_s": seconds(lambda: district.near(house, 50)),
        "feeds_s": seconds(lambda: Networks(district).path(house, "power")),
        "as_of_s": seconds(lambda: list(AsOf(district, "2010-05-01").entities.values())),  # type: ignore[arg-type]
    }


def main() -> None:
    """Measure and print."""
    district = twin_sandbox.open_district().district
    one, ten = costs(Copies(district, 1)), costs(Copies(district, COPIES))
    entities = sum(len(rows) for rows in district.entities.values())
    ratios = {name: round(ten[name] / one[name], 2) for name in one}
    if "--json" in sys.argv:
        print(json.dumps({"entities": entities, "one": one, "ten": ten, "ratio": ratios}))  # noqa: T201
        return
    print(f"{entities:,} entities, then {COPIES} times as many")  # noqa: T201
    for name, ratio in ratios.items():
        print(f"{name:10} {one[name]:8.4f} {ten[name]:8.4f}  × {ratio}")  # noqa: T201


if __name__ == "__main__":
    main()
