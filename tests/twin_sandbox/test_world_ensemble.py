"""Many runs at once: in the order of the question, whoever answers, and whoever dies on the way."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.twin_sandbox.killing_scenario import Killing
from twin_sandbox import Storm, Tide
from twin_sandbox.errors import TwinError


def quiet(done, total):
    assert 0 < done <= total


@pytest.fixture(scope="module")
def storms(night):
    return [replace(night(years), horizon_h=1.5, name=f"{years} years") for years in (1, 10, 50)]


def test_results_come_in_the_order_of_the_question_and_equal_runs_one_by_one(twin, storms):
    told = []
    results = twin.ensemble(storms, jobs=2, progress=lambda done, total: told.append((done, total)))
    assert [result.scenario.name for result in results] == ["1 years", "10 years", "50 years"]
    assert told == [(1, 3), (2, 3), (3, 3)]
    for result, storm in zip(results, storms, strict=True):
        alone = twin.run(storm)
        pd.testing.assert_frame_equal(result["drainage.level_m"], alone["drainage.level_m"], check_exact=True)
        assert result.district is twin.district


def test_each_scenario_meets_each_seed(twin, storms):
    results = twin.ensemble(storms[:1], seeds=(3, 1), jobs=1, progress=quiet)
    assert [result.scenario.seed for result in results] == [3, 1]


def killing(night, path, lives):
    path.write_text(str(lives), encoding="utf-8")
    given = night(5)
    return Killing(
        "killing", given.start, 1.0, Storm.chicago(5), given.start, Tide(0.0, 2.8, given.start), lives=str(path)
    )


def test_a_killed_workers_runs_are_run_again(twin, storms, night, tmp_path):
    runs = [storms[0], killing(night, tmp_path / "lives", 1), storms[1]]
    results = twin.ensemble(runs, jobs=2, progress=quiet)
    assert [result.scenario.name for result in results] == ["1 years", "killing", "10 years"]
    assert (tmp_path / "lives").read_text(encoding="utf-8") == "0"


def test_a_run_that_kills_its_worker_every_time_is_named(twin, night, tmp_path):
    with pytest.raises(TwinError, match=r"run 1 \('killing', seed 0\): its worker was killed 3 times"):
        twin.ensemble([killing(night, tmp_path / "lives", 99)], jobs=1, progress=quiet)


def test_a_dask_cluster_gives_the_same_results_in_the_same_order(twin, storms):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        results = twin.ensemble(storms[:2], dask=cluster.scheduler_address, progress=quiet)
    assert [result.scenario.name for result in results] == ["1 years", "10 years"]
    alone = twin.run(storms[1])
    pd.testing.assert_frame_equal(results[1]["drainage.level_m"], alone["drainage.level_m"], check_exact=True)


def test_absurd_ensembles_are_refused(twin, storms):
    with pytest.raises(TwinError, match="no scenario"):
        twin.ensemble([])
    with pytest.raises(TwinError, match="jobs: 0"):
        twin.ensemble(storms, jobs=0)
    with pytest.raises(TwinError, match=r"no cluster answers at tcp://127\.0\.0\.1:9"):
        twin.ensemble(storms, dask="tcp://127.0.0.1:9", progress=quiet)
