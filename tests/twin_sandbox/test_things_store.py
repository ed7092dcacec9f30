"""The store: nothing lost, nothing doubled, with two writers and when a writer is killed."""

import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.store import measure
from twin_sandbox import TwinError
from twin_sandbox.bench import observations
from twin_sandbox.things.store import Store

WRITER = """
import sys
import pandas as pd
from twin_sandbox.bench import observations
from twin_sandbox.things.store import Store

with Store(sys.argv[1]) as store:
    table = observations(20_000, seed=1)
    print("ready", flush=True)
    while True:
        for first in range(0, len(table), 500):
            store.add(table.iloc[first : first + 500])
            print(first + 500, flush=True)
        if sys.argv[2] == "once":
            break
        table = table.assign(time=table["time"] + pd.Timedelta("30D"))
"""


def writer(path, mode):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), mode], stdout=subprocess.PIPE, text=True)


def test_nothing_is_lost_or_doubled():
    figures = measure(observations(15_400))
    assert (figures["accepted"], figures["lost"], figures["doubled"]) == (13_860, 0, 0)


def test_two_processes_write_the_same_observations_at_once(tmp_path):
    path = tmp_path / "both.db"
    Store(path).close()
    writers = [writer(path, "once") for _ in range(2)]
    for process in writers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    table = observations(20_000, seed=1).drop_duplicates(["datastream", "time"])
    with Store(path) as store:
        kept = store.read()
    expected = table.sort_values(["datastream", "time"], ignore_index=True)
    pd.testing.assert_frame_equal(kept, expected, check_dtype=False)


def test_a_killed_writer_leaves_whole_batches_and_loses_none_that_was_kept(tmp_path):
    path = tmp_path / "killed.db"
    told = 0
    with writer(path, "forever") as process:
        for line in process.stdout:
            told = int(line) if line.strip().isdigit() else 0
            if told >= 5_000:
                break
        process.send_signal(signal.SIGKILL)
    table = observations(20_000, seed=1)
    keys = [tuple(row) for row in table[["datastream", "time"]].itertuples(index=False)]
    with Store(path) as store:
        kept = set(
            store.read(end=table["time"].max() + pd.Timedelta("1D"))[["datastream", "time"]].itertuples(
                index=False, name=None
            )
        )
        # what was reported is there, and what is there ends with a whole batch
        assert set(keys[:told]) <= kept
        assert kept in [set(keys[:count]) for count in range(told, len(keys) + 1, 500)]
        assert store.add(table) == len(set(keys) - kept)


def test_reading_by_kind_span_and_list(twin, ten_year_night):
    table = twin.observe(ten_year_night, np.random.default_rng(1))
    with Store(":memory:", twin.things) as store:
        store.add(table)
        assert set(store.read(kind="rain_gauge")["datastream"]) == {"rain-01", "rain-02"}
        assert set(store.read(["rain-01", "tide-01"], kind="rain_gauge")["datastream"]) == {"rain-01"}
        wide = store.resampled("30min", kind="rain_gauge", begin="2026-07-18 18:00+08:00", end="2026-07-18 20:00+08:00")
        assert list(wide.columns) == ["rain-01", "rain-02"]
        assert len(wide) == 4
        first = table[(table["datastream"] == "rain-01") & (table["time"] < "2026-07-18 18:30+08:00")]["value"]
        assert wide["rain-01"].iloc[0] == pytest.approx(first.mean())
        assert store.resampled("1h", "rain-01", begin="2030-01-01T00:00Z").empty
        for wrong in ("soon", "-1h"):
            with pytest.raises(TwinError, match="span of time"):
                store.resampled(wrong)
        with pytest.raises(TwinError, match="no device of kind 'crystal_ball'"):
            store.read(kind="crystal_ball")
    with Store(":memory:") as store, pytest.raises(TwinError, match="knows no kinds"):
        store.read(kind="rain_gauge")
