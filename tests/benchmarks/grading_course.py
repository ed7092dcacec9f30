"""A made-up course for the grading benchmark: one lab, as an answer key of this engine and as nbgrader's notebook."""

import json
from pathlib import Path

TASKS = 8

SETUP = "import time\nimport geopandas as gpd\nimport numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt"

_WORK = """
def work(own_cpu_s):
    until = time.process_time() + own_cpu_s
    total = 0
    while time.process_time() < until:
        total += sum(range(500))
    return total
"""


def solutions(own_cpu_s: float) -> dict[str, str]:
    """Six solution cells that together use about ``own_cpu_s`` seconds of processor time, by id."""
    return {
        "grid": _WORK
        + "x, y = np.meshgrid(np.arange(20.0), np.arange(20.0))\n"
        + "points = gpd.GeoDataFrame({'level_m': (x + y).ravel()}, geometry=gpd.points_from_xy(x.ravel(), y.ravel()))\n"
        + f"work({own_cpu_s / 4})",
        "low": "low = points[points.level_m < 10]\nlow_count = len(low)\nlow.head()",
        "levels": f"levels = points.level_m.groupby(points.geometry.x).mean()\nwork({own_cpu_s / 4})\nlevels.head(3)",
        "mean": f"mean_m = float(points.level_m.mean())\nwork({own_cpu_s / 4})\nprint('mean', mean_m)",
        "plot": "levels.plot(figsize=(3, 2))\nplt.show()",
        "rule": f"def rule(level_m):\n    return level_m > 20\nhighest_m = float(levels.max())\nwork({own_cpu_s / 4})",
    }


ASKED = {
    "grid_size": "assert len(points) == 400",
    "low_count": "assert low_count == 55",
    "low_table": "assert low.level_m.max() == 9",
    "levels_size": "assert len(levels) == 20",
    "levels_first": "assert levels.iloc[0] == 9.5",
    "mean_m": "assert mean_m == 19.0",
    "highest_m": "assert highest_m == 28.5",
    "rule_holds": "assert rule(30.0)",
}

_KEY = """
import os, time
from grader.checks.verdict import Verdict


class Asserts:
    def __init__(self, name, right):
        self.name, self.right = name, right

    def judge(self, task, answers, truth, max_score):
        good = bool(self.right(answers.value(self.name)))
        return Verdict(task, max_score if good else 0.0, max_score, "correct" if good else "incorrect", "")


class Calls:
    name = "rule"

    def judge(self, task, answers, truth, max_score):
        with answers.branch() as branch:
            good = branch.call("rule", truth["level_m"]) is True
        if os.fork() == 0:  # stands for the replay of a decision on the hidden twin
            until = time.process_time() + truth["replay_s"]
            while time.process_time() < until:
                pass
            os._exit(0)
        os.wait()
        return Verdict(task, max_score if good else 0.0, max_score, "correct" if good else "incorrect", "")


import geopandas

checks = {
    "grid_size": Asserts("points", lambda points: len(points) == 400),
    "low_count": Asserts("low_count", lambda count: count == 55),
    "low_table": Asserts("low", lambda low: low.level_m.max() == 9),
    "levels_size": Asserts("levels", lambda levels: len(levels) == 20),
    "levels_first": Asserts("levels", lambda levels: levels.iloc[0] == 9.5),
    "mean_m": Asserts("mean_m", lambda mean: mean == 19.0),
    "highest_m": Asserts("highest_m", lambda highest: highest == 28.5),
    "rule_holds": Calls(),
}
"""


def write_key(folder: Path) -> Path:
    """The lab's folder with its answer key and the lesson's imports."""
    folder.mkdir(parents=True)
    (folder / "key.py").write_text(_KEY)
    (folder / "lab.py").write_text(SETUP)
    return folder


def write_nbgrader_course(root: Path, own_cpu_s: float, students: list[str]) -> None:
    """nbgrader's course folder: source and submissions, each of which is the right one."""
    cells = [_cell("setup", SETUP)]
    cells += [_cell(name, source, solution=True) for name, source in solutions(own_cpu_s).items()]
    cells += [_cell(name, source, points=2) for name, source in ASKED.items()]
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    folders = [root / "source" / "bench", *(root / "submitted" / student / "bench" for student in students)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "bench.ipynb").write_text(json.dumps(notebook))
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")


def _cell(name: str, source: str, *, solution: bool = False, points: int = 0) -> dict[str, object]:
    marks: dict[str, object] = {
        "grade_id": name,
        "grade": points > 0,
        "solution": solution,
        "locked": points > 0,
        "task": False,
        "schema_version": 3,
    }
    if points:
        marks["points"] = points
    graded = solution or points > 0
    return {
        "cell_type": "code",
        "id": name.replace("_", "-"),
        "metadata": {"nbgrader": marks} if graded else {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
