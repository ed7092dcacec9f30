"""Small grading runs for the isolation tests."""

import json
from pathlib import Path

from grader.isolation import Cell, Ground, Job, Limits, Pool

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
    """Grade one job alone."""
    with Pool(ground or a_ground(job.bundle.parent), limits) as pool:
        return pool.grade(job)


def scores(report):
    """Task id to points."""
    return {task: verdict.score for task, verdict in report.verdicts.items()}


def kinds(report):
    """Kinds of incidents, in order."""
    return [incident.kind for incident in report.incidents]


def shown(report, cell):
    """All text that a cell showed."""
    return "".join(str(output.get("text", output.get("data", ""))) for output in report.outputs[cell])
