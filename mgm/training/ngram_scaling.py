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
    sums = np.stack([features.T @ side.astype(np.float32) for side in (has_label, ~has_label)])
    return scale_of_sums(sums, square_sums(features))


def value_scale(features: sparse.csr_matrix, values: np.ndarray) -> np.ndarray:
    """Return the absolute mean (F,) float32 of the values (n,) less their mean, over the documents of each n-gram, shrunk to 0."""
    centred = (values - values.mean()).astype(np.float32)
    sums, weight = features.T @ centred, features.T @ np.ones_like(centred)
    return scale_of_values(sums, weight, squares=square_sums(features))


def scale_of_sums(sums: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the scale of `label_scale`.

    Args:
        sums: (2,F) the sum of each n-gram's values over documents with the label, and over those without.
        squares: (F,) the sum of their squares over all documents.
    """
    sums = sums + SMOOTHING
    logs = np.log(sums / sums.sum(axis=1, keepdims=True))
    return _normalized(np.abs(logs[0] - logs[1]), squares)


def scale_of_values(sums: np.ndarray, weight: np.ndarray, *, squares: np.ndarray) -> np.ndarray:
    """Return the scale of `value_scale`.

    Args:
        sums: (F,) the sum of each n-gram's values times the centred value of the document.
        weight: (F,) the sum of its values.
        squares: (F,) the sum of their squares.
    """
    return _normalized(np.abs(sums / (weight + SMOOTHING)), squares)


def square_sums(features: sparse.csr_matrix) -> np.ndarray:
    """Return the sum (F,) of the squares of each n-gram's values."""
    squares = features.data.astype(np.float64) ** 2
    return np.bincount(features.indices, weights=squares, minlength=features.shape[1])


def _normalized(scale: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the scale with a root mean square of 1 over the squares of all values, so that documents keep their mean length."""
    square = float((squares * scale**2).sum()) / max(float(squares.sum()), 1e-30)
    return (scale / np.sqrt(square) if square > 0 else np.ones_like(scale)).astype(np.float32)
