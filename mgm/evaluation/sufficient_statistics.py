"""Metrics as functions of sums over documents, so that values, tables and the bootstrap read the same counts.

Axes: R resamples, D documents, K labels, M columns of the sums.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

Sums = np.ndarray
"""(R, M) float64: the sums over the documents of each resample."""
Metrics = Callable[[Sums], dict[str, np.ndarray]]

DECIMALS = 4
"""The decimals of numbers in reports."""


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The sufficient statistics of a set of metrics.

    Attributes:
        documents: (D, M) sparse; the contribution of each document to the sums.
        metrics: maps sums (R, M) to the value (R,) of each metric by name, nan where it is undefined.
    """

    documents: sparse.csr_array
    metrics: Metrics

    def score(self) -> dict[str, float]:
        """Return the metrics over all documents, nan where undefined."""
        if not self.documents.shape[0]:
            return {name: float("nan") for name in self.metrics(np.zeros((1, self.documents.shape[1])))}
        return {name: float(values[0]) for name, values in self.metrics(column_sums(self.documents)).items()}

    def select(self, rows: np.ndarray) -> "Statistics":
        """Return the statistics of some of the documents."""
        return Statistics(documents=self.documents[rows], metrics=self.metrics)


def column_sums(documents: sparse.csr_array) -> Sums:
    """Return the sums (1, M) over all documents."""
    return np.asarray(documents.sum(axis=0), dtype=np.float64).reshape(1, -1)


def sparse_counts(
    row: np.ndarray, column: np.ndarray, *, shape: tuple[int, int], value: np.ndarray | None = None
) -> sparse.csr_array:
    """Return the count of each (row, column), or the sum of its values, as a sparse array of floats."""
    added = np.ones(len(row)) if value is None else value.astype(np.float64)
    return sparse.coo_array((added, (row, column)), shape=shape).tocsr()


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, nan where the whole is not positive."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def mean_defined(values_RK: np.ndarray, counts_RK: np.ndarray) -> np.ndarray:
    """Return the mean (R,) over the labels that count, an undefined value as 0; nan where no label counts."""
    return ratio(np.where(counts_RK, np.nan_to_num(values_RK), 0.0).sum(1), counts_RK.sum(1).astype(float))


def rounded(value: float) -> float | None:
    """Return a number as reports hold it: rounded to `DECIMALS`, nan as null."""
    return None if math.isnan(value) else round(float(value), DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
