"""Lets the wide part learn from teachers: the mean of the model of the labels alone and of a ridge regression on soft targets.

A soft target is label_weight * label + (1 - label_weight) * prediction where a document has both, else the one that it has, so that
documents without a label are learned from as well. A ridge regression is linear in its targets: two solutions, on labels and on
predictions, give that of every weight, and the best on validation costs no further one.

Axes: n training documents, v validation documents, F n-grams, K outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from mgm.training.linear_models import Features, LinearModel, fit_ridge, mean_model, weighted_model
from mgm.training.wide_tuning import SOLVED, WideMethod

LABEL_WEIGHTS = (0.25, 0.5, 0.0, 0.75, 1.0)
"""The weights of the label in a soft target that are tried."""
TAUGHT_WEIGHTS = (0.5, 0.75, 1.0)
"""The weights of the taught model in the mean that are tried, beside 0."""
DEFAULT_WEIGHT = 0.5
"""Either of them, for a task without a label in validation."""


@dataclass(frozen=True, kw_only=True)
class SoftTargets:
    """Documents to learn from, and what labels and teachers say of them in the units of the outputs.

    Attributes:
        features: (n,F) the values of n-grams.
        labels: (n,K); NaN where a document has none.
        predictions: (n,K) those of teachers; NaN where a document has none.
    """

    features: Features
    labels: np.ndarray
    predictions: np.ndarray


def solve_taught(targets: SoftTargets, *, method: WideMethod) -> tuple[LinearModel, LinearModel]:
    """Return the ridge regressions on the labels and on the teachers' predictions, each filled up by the other."""
    labels = np.where(np.isnan(targets.labels), targets.predictions, targets.labels)
    predictions = np.where(np.isnan(targets.predictions), targets.labels, targets.predictions)
    on_labels, on_predictions = (
        mean_model(
            [fit_ridge(targets.features, values, c=method.c, is_scaled=s) for s in SOLVED[method.scaling]]
        )
        for values in (labels, predictions)
    )
    return on_labels, on_predictions


def blend_taught(
    labelled: LinearModel, taught: tuple[LinearModel, LinearModel], *, method: WideMethod
) -> LinearModel:
    """Return the mean of the model of the labels alone and the taught one, with the weights of the method."""
    soft = weighted_model(*taught, weight=method.label_weight)
    return weighted_model(soft, labelled, weight=method.taught_weight)


def tune_taught(
    labelled: LinearModel,
    taught: tuple[LinearModel, LinearModel],
    *,
    features: sparse.csr_matrix,
    method: WideMethod,
    score: Callable[[np.ndarray], float],
) -> WideMethod:
    """Return the method with the weights that are best on validation; those of no teaching at a tie.

    Args:
        labelled: the model of the labels alone.
        taught: the models of `solve_taught`.
        features: (v,F) the values of n-grams of the validation documents.
        method: how both were solved for.
        score: gives the score of outputs (v,K) for the validation labels; more is better.
    """
    plain, on_labels, on_predictions = (
        features @ model.weight.T + model.intercept for model in (labelled, *taught)
    )

    def of_weights(candidate: WideMethod) -> float:
        soft = candidate.label_weight * on_labels + (1 - candidate.label_weight) * on_predictions
        return score(candidate.taught_weight * soft + (1 - candidate.taught_weight) * plain)

    candidates = [
        replace(method, taught_weight=taught_weight, label_weight=label_weight)
        for taught_weight in TAUGHT_WEIGHTS
        for label_weight in LABEL_WEIGHTS
    ]
    return max([method, *candidates], key=of_weights)
