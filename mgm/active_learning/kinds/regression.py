"""What the number of a document is worth: the distance of the parts' values, and the error of the given one.

A predicted number has no probability, so there is no uncertainty but this distance.
"""

import numpy as np
import polars as pl

from mgm.active_learning.kinds.acquisition import LABEL, TaskAcquisition, sort_doubts
from mgm.model.heads import Outcome
from mgm.tasks import Task

OUTLIER = 3.5
"""The robust z-score above which an error is suspected to be one of the label.

Source: Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers.
"""
_DEVIATIONS_PER_MAD = 1.4826


class RegressionAcquisition(TaskAcquisition):
    """Measures of a number a document."""

    with_probs = False

    def uncertainty(
        self, outcome: Outcome, task: Task, *, temperature: np.ndarray, word_count: np.ndarray
    ) -> None:
        """Return nothing: a number has no probability."""
        return

    def disagreement(self, deep: Outcome, wide: Outcome, *, task: Task, word_count: np.ndarray) -> np.ndarray:
        """Return the distance of the parts' values."""
        assert isinstance(deep, np.ndarray) and isinstance(wide, np.ndarray)
        return np.abs(deep.astype(np.float64) - wide.astype(np.float64))

    def doubts(self, predicted: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return all labels by their distance from the prediction; those that are `OUTLIER` deviations off are suspected."""
        error = (predicted[task.columns.prediction] - predicted[LABEL]).cast(pl.Float64).to_numpy()
        distance = np.abs(error - np.median(error)) if len(error) else error
        deviation = _DEVIATIONS_PER_MAD * float(np.median(distance)) if len(error) else 0.0
        is_suspected = distance > OUTLIER * deviation if deviation > 0 else np.zeros(len(error), bool)
        return sort_doubts(np.abs(error), is_suspected)
