"""Linear models on dense vectors of documents, such as those of a pretrained encoder: their outputs are a teacher's scores.

Axes: n documents, D numbers of a vector, K outputs.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from mgm.training.linear_models import LinearModel

ABSENT_LOGIT = -14.0
"""The logit of a label that no document has; that of one which all have is its opposite."""
_MAX_ITERATIONS = 200


def fit_dense_values(vectors: np.ndarray, values: np.ndarray, *, c: float) -> LinearModel:
    """Return ridge regression of the values (n,) on the vectors (n,D)."""
    model = Ridge(alpha=1 / c).fit(vectors, values)
    return LinearModel(weight=model.coef_[None], intercept=np.array([model.intercept_]))


def fit_dense_classes(vectors: np.ndarray, ids: np.ndarray, *, num_classes: int, c: float) -> LinearModel:
    """Return logistic regression of the class (n,): log-odds up to a constant."""
    present = np.unique(ids)
    weight = np.zeros((num_classes, vectors.shape[1]), np.float32)
    intercept = np.full(num_classes, ABSENT_LOGIT)
    intercept[present] = 0.0
    if len(present) > 1:
        model = _fit_logistic(vectors, ids, c=c)
        both = len(present) == 2  # of two classes the difference of the logits is what is fitted
        weight[present] = np.concatenate([-model.weight / 2, model.weight / 2]) if both else model.weight
        intercept[present] = (
            np.concatenate([-model.intercept / 2, model.intercept / 2]) if both else model.intercept
        )
    return LinearModel(weight=weight, intercept=intercept)


def fit_dense_labels(vectors: np.ndarray, labels: np.ndarray, *, c: float) -> LinearModel:
    """Return logistic regression of each label (n,K): its log-odds."""
    weight = np.zeros((labels.shape[1], vectors.shape[1]), np.float32)
    intercept = np.where(labels.all(0), -ABSENT_LOGIT, ABSENT_LOGIT)
    for label in np.flatnonzero(labels.any(0) & ~labels.all(0)):
        model = _fit_logistic(vectors, labels[:, label], c=c)
        weight[label], intercept[label] = model.weight[0], model.intercept[0]
    return LinearModel(weight=weight, intercept=intercept)


def _fit_logistic(vectors: np.ndarray, targets: np.ndarray, *, c: float) -> LinearModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a student does not learn the last digits
        model = LogisticRegression(C=c, max_iter=_MAX_ITERATIONS).fit(vectors, targets)
    return LinearModel(weight=model.coef_, intercept=model.intercept_)
