"""Metrics of a regression task: Pearson's and Spearman's coefficients and the mean absolute error."""

import numpy as np
import polars as pl
from scipy import sparse
from scipy.stats import rankdata

from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio
from mgm.tasks import Task


def regression_statistics(rows: pl.DataFrame, task: Task) -> Statistics:
    """Columns of the sums: documents, absolute error, the five moments of the values, the five of their ranks.

    Spearman's coefficient is Pearson's over ranks (ties averaged); resamples keep the ranks of the whole
    sample.
    """
    predicted = rows[task.name].cast(pl.Float64).to_numpy()
    true = rows[f"{task.name}_true"].cast(pl.Float64).to_numpy()
    columns = [np.ones(len(true)), np.abs(predicted - true)]
    for x, y in ((predicted, true), (rankdata(predicted), rankdata(true))):
        x, y = _centre(x), _centre(y)
        columns += [x, y, x * x, y * y, x * y]
    return Statistics(sparse.csr_array(np.stack(columns, axis=1)), _metrics)


def _metrics(sums: Sums) -> dict[str, np.ndarray]:
    n = sums[:, 0]
    return {
        "pearson": _correlation(n, sums[:, 2:7]),
        "spearman": _correlation(n, sums[:, 7:12]),
        "mae": ratio(sums[:, 1], n),
    }


def _centre(values: np.ndarray) -> np.ndarray:
    """Less the mean, or the moments lose their digits; exactly zero for a constant."""
    return values - values.mean() if len(values) and np.ptp(values) > 0 else np.zeros(len(values))


def _correlation(n: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Pearson's coefficient; 0 where either side is constant, since a constant explains nothing of the
    order."""
    x, y, xx, yy, xy = moments.T
    n_safe = np.where(n > 0, n, 1)
    var_x, var_y = xx - x * x / n_safe, yy - y * y / n_safe
    varies = (var_x > 1e-9 * np.maximum(xx, 1e-30)) & (var_y > 1e-9 * np.maximum(yy, 1e-30))
    scale = np.sqrt(np.where(varies, var_x * var_y, 1.0))
    value = np.where(varies, (xy - x * y / n_safe) / scale, 0.0)
    return np.where(n > 0, np.clip(value, -1.0, 1.0), np.nan)
