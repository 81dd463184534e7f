"""Evaluation of a number a document: Pearson's and Spearman's coefficients and the mean absolute error."""

import numpy as np
import polars as pl
from scipy import sparse
from scipy.stats import rankdata

from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS, TaskEvaluation, labelled_values
from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio
from mgm.tasks import Task


class RegressionEvaluation(TaskEvaluation):
    """Correlation and absolute error."""

    slice_metric = "mae"
    is_slice_metric_an_error = True

    def statistics(self, rows: pl.DataFrame, task: Task) -> Statistics:
        """See the base class.

        The columns are documents, absolute error, the five moments of the values and the five of their ranks. Spearman's
        coefficient is Pearson's over ranks (ties averaged); resamples keep the ranks of the whole sample.
        """
        predicted = rows[task.columns.prediction].cast(pl.Float64).to_numpy()
        true = rows[task.columns.label].cast(pl.Float64).to_numpy()
        columns = [np.ones(len(true)), np.abs(predicted - true)]
        for x, y in ((predicted, true), (rankdata(predicted), rankdata(true))):
            x, y = _centre(x), _centre(y)
            columns += [x, y, x * x, y * y, x * y]
        return Statistics(documents=sparse.csr_array(np.stack(columns, axis=1)), metrics=_metrics)

    def lacks_prediction(self, task: Task) -> pl.Expr:
        """See the base class. A number must be finite."""
        return pl.col(task.columns.prediction).is_null() | ~pl.col(task.columns.prediction).is_finite()

    def majority_prediction(self, train_labels: pl.Series, task: Task) -> float:
        """Return the mean."""
        return float(labelled_values(train_labels, task).cast(pl.Float64).to_numpy().mean())

    def wrong_predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return every prediction that is not exact; the score is its error."""
        name, truth = pl.col(task.columns.prediction), pl.col(task.columns.label)
        return rows.select(
            "doc_id",
            "corpus",
            "lang",
            predicted=name.round(2).cast(pl.String),
            true=truth.round(2).cast(pl.String),
            score=(name - truth).abs(),
            **NO_OFFSETS,
        ).filter(pl.col("score") > 0)


def _metrics(sums: Sums) -> dict[str, np.ndarray]:
    n = sums[:, 0]
    return {
        "pearson": _correlation(n, sums[:, 2:7]),
        "spearman": _correlation(n, sums[:, 7:12]),
        "mae": ratio(sums[:, 1], n),
    }


def _centre(values: np.ndarray) -> np.ndarray:
    """Return the values less their mean, exactly 0 for a constant: moments of large values would lose their digits."""
    return values - values.mean() if len(values) and np.ptp(values) > 0 else np.zeros(len(values))


def _correlation(n: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return Pearson's coefficient; 0 where either side is constant, since a constant explains nothing of the order."""
    x, y, xx, yy, xy = moments.T
    n_safe = np.where(n > 0, n, 1)
    var_x, var_y = xx - x * x / n_safe, yy - y * y / n_safe
    varies = (var_x > 1e-9 * np.maximum(xx, 1e-30)) & (var_y > 1e-9 * np.maximum(yy, 1e-30))
    scale = np.sqrt(np.where(varies, var_x * var_y, 1.0))
    value = np.where(varies, (xy - x * y / n_safe) / scale, 0.0)
    return np.where(n > 0, np.clip(value, -1.0, 1.0), np.nan)
