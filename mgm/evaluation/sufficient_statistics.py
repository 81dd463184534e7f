"""Metrics as functions of sums over documents, so that the point value, the tables and the bootstrap
(significance.py) read the same counts.

Axes: R resamples, D documents, K labels, M columns of the sums.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

Sums = np.ndarray
Metrics = Callable[[Sums], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Statistics:
    """What each document adds to the sums that metrics are made of.

    documents (D, M) sparse; metrics maps sums (R, M) to name -> (R,), nan where a metric is undefined.
    """

    documents: sparse.csr_array
    metrics: Metrics

    def score(self) -> dict[str, float]:
        """The metrics over all documents, nan where undefined."""
        if not self.documents.shape[0]:
            return {name: float("nan") for name in self.metrics(np.zeros((1, self.documents.shape[1])))}
        sums = np.asarray(self.documents.sum(axis=0), dtype=np.float64).reshape(1, -1)
        return {name: float(values[0]) for name, values in self.metrics(sums).items()}

    def of(self, rows: np.ndarray) -> "Statistics":
        """The same metrics over some of the documents."""
        return Statistics(self.documents[rows], self.metrics)


def counts(
    row: np.ndarray, column: np.ndarray, shape: tuple[int, int], value: np.ndarray | None = None
) -> sparse.csr_array:
    """How often each (row, column) occurs, or the sum of its values, as a sparse array of floats."""
    added = np.ones(len(row)) if value is None else value.astype(np.float64)
    return sparse.coo_array((added, (row, column)), shape=shape).tocsr()


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, nan where the whole is not positive."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def mean_defined(values_RK: np.ndarray, counted_RK: np.ndarray) -> np.ndarray:
    """The mean of the counted labels' values (R,), where undefined ones are 0; nan where none counts."""
    return ratio(np.where(counted_RK, np.nan_to_num(values_RK), 0.0).sum(1), counted_RK.sum(1).astype(float))
