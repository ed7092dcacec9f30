"""A series over time, matched to the truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grader.checks.reading import ZONE, answer, as_series
from grader.checks.verdict import Verdict
from grader.isolation.answers import Answers

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """Judges a series by time; see :func:`series`."""

    name: str
    column: str
    quantity: str
    unit: str
    truth: Callable[[Truth], Mapping[str, float]]
    rmse_within: Callable[[Truth], float]
    because: str
    look_at: str

    def judge(self, task: str, answers: Answers, truth: Truth, max_score: float) -> Verdict:
        """Full points when complete and near the truth, a third when complete and only the total is right."""
        right = pd.Series(self.truth(truth), dtype=float)
        right.index = pd.DatetimeIndex(pd.to_datetime(right.index)).tz_convert(ZONE)
        grid = pd.DatetimeIndex(right.index)
        found = as_series(self.name, answer(answers, self.name), self.column, grid)
        holes = int(found.isna().sum())
        if holes:
            told = f"{self.quantity}: {holes} of {len(grid)} times have no value. {self.look_at}"
            return Verdict(task, 0.0, max_score, "incorrect", told)
        rmse = float(np.sqrt(np.mean((found.to_numpy() - right.to_numpy()) ** 2)))
        if rmse <= self.rmse_within(truth):
            told = f"{self.quantity}: complete, and close to what really fell at every time."
            return Verdict(task, max_score, max_score, "correct", told)
        total_near = abs(float(found.sum()) / float(right.sum()) - 1.0) <= 0.05
        wide = f"its root mean square error is above the tolerance ({self.because})"
        if total_near:
            told = f"{self.quantity}: the total is right, but {wide}: the values stand at wrong times. {self.look_at}"
            return Verdict(task, round(max_score / 3, 6), max_score, "partly", told)
        told = f"{self.quantity}: complete, but {wide}, and the total is off as well. {self.look_at}"
        return Verdict(task, 0.0, max_score, "incorrect", told)


def series(
    name: str,
    *,
    column: str,
    quantity: str,
    unit: str,
    truth: Callable[[Truth], Mapping[str, float]],
    rmse_within: Callable[[Truth], float],
    because: str,
    look_at: str,
) -> Series:
    """A check for a series on a grid of times.

    Args:
        name: the variable that holds the answer.
        column: the column's name, where the answer is a table.
        quantity: what it is, in words.
        unit: its unit.
        truth: takes the student's reality, gives ISO times with zone → values; its times are the grid.
        rmse_within: the largest root mean square error that is right, in the unit.
        because: the reason for that width.
        look_at: where to look when it is wrong.
    """
    return Series(name, column, quantity, unit, truth, rmse_within, because, look_at)
