"""Scales the values of n-grams by how much each tells of a label or a value, before a linear model is solved for.

A linear model with regularisation pays for the size of its weights. The weight of an n-gram that is scaled up costs less, so that
n-grams whose frequency differs between documents with and without a label are preferred.

Axes: n documents, F n-grams.
Source: Wang and Manning 2012, "Baselines and Bigrams" (support vector machine on Naive Bayes features).
"""

import numpy as np
from scipy import sparse

SMOOTHING = 0.3
"""The sum of values that is added to that of each n-gram, with a label and without."""


def label_scale(features: sparse.csr_matrix, has_label: np.ndarray) -> np.ndarray:
    """Return the absolute log-count ratio (F,) float32 of each n-gram between documents with the label (n,) and without."""
    sums = np.stack([features.T @ side.astype(np.float32) for side in (has_label, ~has_label)]) + SMOOTHING
    logs = np.log(sums / sums.sum(axis=1, keepdims=True))
    return _normalized(np.abs(logs[0] - logs[1]), features)


def value_scale(features: sparse.csr_matrix, values: np.ndarray) -> np.ndarray:
    """Return the absolute mean (F,) float32 of the values (n,) less their mean, over the documents of each n-gram, shrunk to 0."""
    centred = (values - values.mean()).astype(np.float32)
    mean = (features.T @ centred) / (features.T @ np.ones_like(centred) + SMOOTHING)
    return _normalized(np.abs(mean), features)


def _normalized(scale: np.ndarray, features: sparse.csr_matrix) -> np.ndarray:
    """Return the scale with a root mean square of 1 over the squares of all values, so that documents keep their mean length."""
    mass = np.bincount(
        features.indices, weights=features.data.astype(np.float64) ** 2, minlength=features.shape[1]
    )
    square = float((mass * scale**2).sum()) / max(float(mass.sum()), 1e-30)
    return (scale / np.sqrt(square) if square > 0 else np.ones_like(scale)).astype(np.float32)
