"""How fast the store takes observations, a tenth of which come twice: ``python -m tests.benchmarks.store [--json]``.

Prints the seconds, the ratio against a plain ``executemany`` into a table without key, and what was lost or doubled.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from twin_sandbox.things.store import Store

OBSERVATIONS = 154_000
REPEATS = 0.1


def observations(count: int = OBSERVATIONS, repeats: float = REPEATS, seed: int = 1) -> pd.DataFrame:
    """So many observations of 250 datastreams, of which a share are repeats, in random order."""
    rng = np.random.default_rng(seed)
    again = round(count * repeats)
    fresh = count - again
    k = np.arange(fresh)
    start = pd.Timestamp("2026-07-18", tz="Asia/Shanghai")
    table = pd.DataFrame(
        {
            "datastream": np.char.add("stream-", (k % 250).astype(str)),
            "time": start + pd.to_timedelta(60 * (k // 250), unit="s"),
            "value": rng.normal(size=fresh).round(2),
        }
    )
    both = pd.concat([table, table.iloc[rng.integers(fresh, size=again)]])
    return both.iloc[rng.permutation(count)].reset_index(drop=True)


def measure(table: pd.DataFrame) -> dict[str, float]:
    """Put a table into a store, and into a plain table."""
    with tempfile.TemporaryDirectory() as folder:
        plain_s = _plain(Path(folder) / "plain.db", table)
        with Store(Path(folder) / "store.db") as store:
            begin = time.perf_counter()
            new = store.add(table)
            seconds = time.perf_counter() - begin
            kept = store.read()
    once = table.drop_duplicates(["datastream", "time"])
    doubled = int(kept.duplicated(["datastream", "time"]).sum())
    found = once.merge(kept, on=["datastream", "time"], suffixes=("", "_kept"))
    lost = len(once) - int((found["value"] == found["value_kept"]).sum())
    return {
        "observations": len(table),
        "new": new,
        "seconds": round(seconds, 3),
        "per_s": round(len(table) / seconds),
        "ratio": round(seconds / plain_s, 2),
        "lost": lost,
        "doubled": doubled,
    }


def _plain(path: Path, table: pd.DataFrame) -> float:
    times = table["time"].astype("int64").tolist()
    rows = list(zip(table["datastream"].tolist(), times, table["value"].tolist(), strict=True))
    connection = sqlite3.connect(path)
    connection.execute("create table observation (datastream text, time_ms integer, value real)")
    begin = time.perf_counter()
    with connection:
        connection.executemany("insert into observation values (?, ?, ?)", rows)
    seconds = time.perf_counter() - begin
    connection.close()
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    figures = measure(observations())
    if parser.parse_args().json:
        print(json.dumps(figures))  # noqa: T201 - a command's output
    else:
        for name, value in figures.items():
            print(f"{name:<14}{value:>12}")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
