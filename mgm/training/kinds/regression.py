"""Training of regression: Pearson's r, ridge regression for the wide part.

Axes: n documents, F n-grams.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import pearsonr

from mgm.model.heads import Head, RegressionHead
from mgm.tasks import Task
from mgm.training.dense_models import fit_dense_values
from mgm.training.kinds.base import Pair, TaskTraining
from mgm.training.linear_models import Features, LinearModel, fit_ridge

VALUE = "value"


class RegressionTraining(TaskTraining):
    """Predictions and truth are values (n,)."""

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return Pearson's r; 0 where either side is constant."""
        predicted, truth = pair
        if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
            return 0.0
        return float(pearsonr(predicted, truth).statistic)

    def solve_wide(
        self,
        features: Features,
        targets: np.ndarray,
        *,
        head: Head,
        num_outputs: int,
        c: float,
        is_scaled: bool,
    ) -> LinearModel:
        """Return ridge regression on the standardised targets."""
        assert isinstance(head, RegressionHead)
        return fit_ridge(
            features, (targets - float(head.mean)) / float(head.deviation), c=c, is_scaled=is_scaled
        )

    def fit_dense(
        self, vectors: np.ndarray, targets: np.ndarray, *, num_outputs: int, c: float
    ) -> LinearModel:
        """Return ridge regression of the values in the task's own units."""
        return fit_dense_values(vectors, targets, c=c)

    def soft_outputs(self, values: np.ndarray, *, head: Head) -> np.ndarray:
        """Return the standardised values."""
        assert isinstance(head, RegressionHead)
        return (values - float(head.mean)) / float(head.deviation)

    def score_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Return Pearson's r."""
        return self.metric(Pair(predicted=outputs.ravel(), truth=targets), 1)

    def score_columns(self, task: Task) -> list[str]:
        """Return the one column of values."""
        return [VALUE]

    def describe_score_columns(self, task: Task) -> str:
        """Return the name of that column."""
        return VALUE

    def scores(self, predictions: np.ndarray) -> npt.NDArray[np.float32]:
        """Return the values as a column."""
        return predictions[:, None].astype(np.float32)

    def teacher_predictions(
        self, scores: npt.NDArray[np.float32], temperature: float
    ) -> npt.NDArray[np.float32]:
        """Return the values as they are."""
        return scores[:, 0]

    def agreement(self, predictions: npt.NDArray[np.float32], labels: pl.Series) -> float | None:
        """Return Pearson's r; None where either side is constant."""
        values = labels.to_numpy()
        if np.ptp(predictions) == 0 or np.ptp(values) == 0:
            return None
        return float(np.corrcoef(predictions, values)[0, 1])
