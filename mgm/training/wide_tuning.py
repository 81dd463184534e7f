"""Chooses how the linear model of a task is solved for: by cross-validation on its training documents.

Each problem is solved with and without scaled n-grams; the mean of both models is a linear model, too, and mostly better than
either. The validation split is not read: of a small corpus it has a few hundred documents, whose choice was hardly better than
none, and the weight of the wide part is tuned on it.

Axes: n labelled training documents, F n-grams, K outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy import sparse

from mgm.settings.model import WideSettings
from mgm.training.linear_models import Features, LinearModel, mean_model
from mgm.training.sparse_rows import SparseRows

Scaling = Literal["none", "nb", "mean"]
CANDIDATE_CS = (1.0, 3.0, 0.3)
CANDIDATE_SCALINGS: tuple[Scaling, ...] = ("mean", "none", "nb")
NUM_FOLDS = 3
MIN_DOCUMENTS = 100
"""The number of documents below which nothing is tuned, since the choice would be one of chance."""
MAX_DOCUMENTS = 3_000
"""The number of documents, evenly over all, that are tuned on at most: it bounds the time."""
SOLVED: dict[Scaling, tuple[bool, ...]] = {"none": (False,), "nb": (True,), "mean": (False, True)}
"""Whether n-grams are scaled in each of the models whose mean is taken."""


@dataclass(frozen=True, kw_only=True)
class WideMethod:
    """How a linear model is solved for.

    Attributes:
        c: the weight of the errors.
        scaling: none; nb: n-grams are scaled; mean: the mean of both models.
        taught_weight: the weight of the model that learns from teachers beside that of the labels alone (mgm.training.wide_teaching).
        label_weight: the weight of the label in that model's targets where a teacher has a prediction too.
    """

    c: float = 1.0
    scaling: Scaling = "mean"
    taught_weight: float = 0.0
    label_weight: float = 1.0


class Solve(Protocol):
    """A function that solves for the linear model of a task."""

    def __call__(self, features: Features, targets: np.ndarray, *, c: float, is_scaled: bool) -> LinearModel:
        """Return the model of features (n,F) and targets."""


def solve_method(features: Features, targets: np.ndarray, *, method: WideMethod, solve: Solve) -> LinearModel:
    """Return the model of a method."""
    return mean_model(
        [solve(features, targets, c=method.c, is_scaled=scaled) for scaled in SOLVED[method.scaling]]
    )


def candidate_methods(settings: WideSettings) -> list[WideMethod]:
    """Return the methods to choose from, the default first."""
    cs = CANDIDATE_CS if settings.c is None else (settings.c,)
    scalings = CANDIDATE_SCALINGS if settings.scaling == "tuned" else (settings.scaling,)
    return [WideMethod(c=c, scaling=scaling) for c in cs for scaling in scalings]


def tune_method(
    features: Features,
    targets: np.ndarray,
    *,
    folds: np.ndarray,
    methods: Sequence[WideMethod],
    solve: Solve,
    score: Callable[[np.ndarray, np.ndarray], float],
) -> WideMethod:
    """Return the method with the best score on documents that its models were not fitted on; the first at a tie.

    Args:
        features: (n,F) the values of n-grams.
        targets: (n,) or (n,K), as in `Batch.targets`.
        folds: (n,) the fold of each document.
        methods: the candidates.
        solve: solves the problem.
        score: gives the score of outputs (n,K) for targets; more is better.
    """
    if len(methods) == 1 or len(targets) < MIN_DOCUMENTS or len(np.unique(folds)) < 2:
        return methods[0]
    if len(targets) > MAX_DOCUMENTS:
        chosen = np.linspace(0, len(targets) - 1, MAX_DOCUMENTS).astype(np.int64)
        features, targets, folds = features[chosen], targets[chosen], folds[chosen]
    elif isinstance(features, SparseRows):
        features = features.read_all()
    outputs = {
        (c, scaled): held_out_outputs(features, targets, folds=folds, solve=solve, c=c, is_scaled=scaled)
        for c, scaled in dict.fromkeys((m.c, scaled) for m in methods for scaled in SOLVED[m.scaling])
    }

    def of_method(method: WideMethod) -> float:
        of_models = [outputs[method.c, scaled] for scaled in SOLVED[method.scaling]]
        return score(np.mean(of_models, axis=0), targets)

    return max(methods, key=of_method)


def held_out_outputs(
    features: sparse.csr_matrix,
    targets: np.ndarray,
    *,
    folds: np.ndarray,
    solve: Solve,
    c: float,
    is_scaled: bool,
) -> np.ndarray:
    """Return the outputs (n,K) for each document by the model of the other folds.

    Args:
        features: (n,F) the values of n-grams.
        targets: (n,) or (n,K), as in `Batch.targets`.
        folds: (n,) the fold of each document.
        solve: solves the problem.
        c: the weight of the errors.
        is_scaled: whether n-grams are scaled.
    """
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for fold in np.unique(folds):
        is_held_out = folds == fold
        model = solve(features[~is_held_out], targets[~is_held_out], c=c, is_scaled=is_scaled)
        parts.append((is_held_out, features[is_held_out] @ model.weight.T + model.intercept))
    outputs = np.zeros((len(targets), parts[0][1].shape[1]))
    for is_held_out, of_fold in parts:
        outputs[is_held_out] = of_fold
    return outputs
