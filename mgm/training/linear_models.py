"""Linear models over sparse n-grams: support vector machines for labels, ridge regression for values.

Features that do not fit into memory are `SparseRows`, which solvers of their own read in blocks.

Axes: n documents, F n-grams, K outputs.
Source: Hsieh et al. 2008 (dual coordinate descent), in Fan et al. 2008, LIBLINEAR, JMLR 9.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge

from mgm.training.ngram_scaling import label_scale, value_scale
from mgm.training.ridge_blocks import solve_ridge_in_blocks
from mgm.training.sparse_rows import SparseRows
from mgm.training.svm import solve_svms
from mgm.training.svm_blocks import solve_svms_in_blocks

Features: TypeAlias = sparse.csr_matrix | SparseRows
"""The values (n,F) of n-grams, in memory or on disk."""

LOGITS_PER_MARGIN = 4.0
"""The log-odds at margin 1. For the wide part alone the log-loss on validation is lowest at 1.7 (`polarity`) to 4.6 (`section`),
depending on the task; the tuned weight of the wide part makes up for some of the difference."""


class LinearModel(NamedTuple):
    """Weights (K,F), and the output (K,) of a document without a known n-gram."""

    weight: np.ndarray
    intercept: np.ndarray


def fit_ridge(features: Features, targets: np.ndarray, *, c: float, is_scaled: bool = False) -> LinearModel:
    """Return ridge regression of the targets (n,) or (n,K) on the features (n,F)."""
    # each output has a scale of its own
    if targets.ndim == 2 and (is_scaled or isinstance(features, SparseRows)):
        models = [fit_ridge(features, column, c=c, is_scaled=is_scaled) for column in targets.T]
        return LinearModel(*(np.concatenate(arrays) for arrays in zip(*models, strict=True)))
    if isinstance(features, SparseRows):
        weight, intercept = solve_ridge_in_blocks(features, targets, c=c, is_scaled=is_scaled)
        return LinearModel(weight=weight[None], intercept=np.array([intercept]))
    scale = value_scale(features, targets) if is_scaled else np.ones(features.shape[1], np.float32)
    values = features.data * scale[features.indices] if is_scaled else features.data
    scaled = sparse.csr_matrix((values, features.indices, features.indptr), features.shape)
    model = Ridge(alpha=1 / c, solver="sparse_cg").fit(scaled, targets)
    return LinearModel(
        weight=np.atleast_2d(model.coef_) * scale, intercept=np.atleast_1d(np.asarray(model.intercept_))
    )


def fit_labels(features: Features, labels: np.ndarray, *, c: float, is_scaled: bool = False) -> LinearModel:
    """Return a model of each label (n,K); a constant where all documents or none have it."""
    is_varied = labels.any(0) & ~labels.all(0)
    weight = np.zeros((labels.shape[1], features.shape[1]), np.float32)
    intercept = np.where(labels.all(0), LOGITS_PER_MARGIN, -LOGITS_PER_MARGIN)
    if is_varied.any():
        weight[is_varied], intercept[is_varied] = _fit_svms(
            features, labels[:, is_varied], c=c, is_scaled=is_scaled
        )
    return LinearModel(weight=weight, intercept=intercept)


def fit_classes(
    features: Features, ids: np.ndarray, *, num_classes: int, c: float, is_scaled: bool = False
) -> LinearModel:
    """Return a model of each class against the others; a class without a document gets a constant negative logit."""
    present = np.unique(ids)
    if len(present) != 2:
        return fit_labels(features, ids[:, None] == np.arange(num_classes), c=c, is_scaled=is_scaled)
    # one hyperplane separates both classes: the difference of their logits is its margin
    model = _fit_svms(features, ids[:, None] == present[1], c=c, is_scaled=is_scaled)
    weight = np.zeros((num_classes, features.shape[1]), np.float32)
    intercept = np.full(num_classes, -LOGITS_PER_MARGIN)
    weight[present], intercept[present] = (np.concatenate([-array / 2, array / 2]) for array in model)
    return LinearModel(weight=weight, intercept=intercept)


def mean_model(models: Sequence[LinearModel]) -> LinearModel:
    """Return the model whose outputs are the mean of those of the models: one table, however many they are."""
    weight, intercept = (np.mean(arrays, axis=0) for arrays in zip(*models, strict=True))
    return LinearModel(weight=weight, intercept=intercept)


def with_columns(model: LinearModel, present: np.ndarray, *, columns: np.ndarray) -> LinearModel:
    """Return the model of more n-grams, with weights of 0 for those that it does not know.

    Args:
        model: the model.
        present: the n-grams of its weights, ascending.
        columns: those of the result, among which these are, ascending.
    """
    weight = np.zeros((len(model.weight), len(columns)), np.float32)
    weight[:, np.searchsorted(columns, present)] = model.weight
    return LinearModel(weight=weight, intercept=model.intercept)


def weighted_model(first: LinearModel, second: LinearModel, *, weight: float) -> LinearModel:
    """Return the model whose outputs are weight * those of the first + (1 - weight) * those of the second."""
    return LinearModel(*(weight * a + (1 - weight) * b for a, b in zip(first, second, strict=True)))


def _fit_svms(features: Features, labels: np.ndarray, *, c: float, is_scaled: bool) -> LinearModel:
    if isinstance(features, SparseRows):
        weight, intercept = solve_svms_in_blocks(features, labels, c=c, is_scaled=is_scaled)
    else:
        weight, intercept = solve_svms(features, labels, c=c, scale=label_scale if is_scaled else None)
    return LinearModel(weight=LOGITS_PER_MARGIN * weight, intercept=LOGITS_PER_MARGIN * intercept)
