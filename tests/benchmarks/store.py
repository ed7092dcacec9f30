"""How fast the store takes observations, a tenth of which come twice: ``python -m tests.benchmarks.store [--json]``.

Prints the seconds, the ratio against a plain ``executemany`` into a table without key, and what was lost or doubled.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from pathlib import Path

import pandas as pd

from twin_sandbox.bench import ingest, observations


def measure(table: pd.DataFrame) -> dict[str, float]:
    """Put a table into a store, and into a plain table."""
    with tempfile.TemporaryDirectory() as folder:
        plain_s = _plain(Path(folder) / "plain.db", table)
    figures = ingest(table)
    return {"observations": len(table), **figures, "ratio": round(figures["ingest_s"] / plain_s, 2)}


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
            print(f"{name:<14}{value:>12.2f}")  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
