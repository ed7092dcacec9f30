"""Small grading runs for the isolation tests."""

import atexit
import json
import os
import tempfile
from functools import cache
from pathlib import Path

from grader.isolation import Cell, Ground, Job, Limits, Pool
from grader.isolation.tiers import FORCE

LAB = Path(__file__).parent / "fixtures" / "isolation" / "labs" / "walls"
TRUTH = {"volume_m3": 12.5, "level_m": 3.25, "inputs": [3, 1415, 92653]}
RIGHT = {
    "volume": "volume_m3 = 12.5",
    "level": "level_m = 3.25",
    "double": "def double(x):\n    return 2 * x",
    "step": "count = 0\ndef step():\n    global count\n    count += 1\n    return count",
}
LIMITS = Limits(cell_s=20.0, run_s=60.0, call_s=2.0, check_s=60.0)


def a_job(folder, cells, points=("volume_m3", "double"), truth=TRUTH):
    """A job with ``cells`` (id to source) whose tasks are worth 2 points each."""
    (folder / "bundle").mkdir(exist_ok=True)
    (folder / "bundle" / "levels.csv").write_text("time,value\n0,1\n")
    return Job(
        cells=[Cell(name, source) for name, source in cells.items()],
        truth=json.dumps(truth).encode(),
        bundle=folder / "bundle",
        points=dict.fromkeys(points, 2.0),
    )


def a_ground(folder, lab=LAB):
    """An empty district, no datasets, and the lab."""
    for name in ("datasets", "district"):
        (folder / name).mkdir(exist_ok=True)
    return Ground(lab=lab, datasets=folder / "datasets", district=folder / "district")


def grade(job, limits=LIMITS, ground=None):
    """Grade one job; on the ground of all, in a pool that stays warm for the next."""
    if ground is not None:
        with Pool(ground, limits) as pool:
            return pool.grade(job)
    wanted = (os.environ.get(FORCE, ""), limits)
    if wanted not in _kept:
        while len(_kept) > 1:
            _kept.pop(next(iter(_kept))).close()
        _kept[wanted] = Pool(a_ground(_folder()), limits)
    return _kept[wanted].grade(job)


_kept = {}


@cache
def _folder():
    folder = tempfile.TemporaryDirectory(prefix="practicum-test-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def close_pools():
    """End what :func:`grade` has kept warm."""
    while _kept:
        _kept.popitem()[1].close()


def scores(report):
    """Task id to points."""
    return {task: verdict.score for task, verdict in report.verdicts.items()}


def kinds(report):
    """Kinds of incidents, in order."""
    return [incident.kind for incident in report.incidents]


def shown(report, cell):
    """All text that a cell showed."""
    return "".join(str(output.get("text", output.get("data", ""))) for output in report.outputs[cell])
