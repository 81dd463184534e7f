"""Training of multilabel tasks: micro-F1, thresholds, a wide hyperplane a label.

Axes: n documents, K labels, F n-grams.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, logit

from mgm.model.batch import flatten_lists
from mgm.model.calibration import Calibration, fit_label_calibration
from mgm.model.heads import Head
from mgm.model.thresholds import Thresholds, best_threshold, micro_f1, tune, untuned
from mgm.training.dense_models import fit_dense_labels
from mgm.training.kinds.base import Pair, TaskTraining
from mgm.training.linear_models import LOGITS_PER_MARGIN, Features, LinearModel, fit_labels

MIN_PROBABILITY = 1e-7
"""Probabilities are kept this far from 0 and 1, so that their logits are finite."""


class MultilabelTraining(TaskTraining):
    """Predictions are probabilities (n,K); truth is a mask (n,K)."""

    is_tuned = True

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return micro-F1 at the best common threshold."""
        predicted, truth = pair
        if not truth.any():
            return 0.0
        return micro_f1(predicted >= best_threshold(predicted.ravel(), truth.ravel()), truth)

    def truth(self, labels: pl.Series, num_labels: int) -> np.ndarray:
        """Return the sets of labels as a mask (n,K)."""
        ids, count = flatten_lists(labels)
        mask = np.zeros((len(count), num_labels), bool)
        mask[np.repeat(np.arange(len(count)), count), ids] = True
        return mask

    def activate(self, outputs: np.ndarray) -> np.ndarray:
        """Return the sigmoid of each logit."""
        return np.asarray(expit(outputs))

    def tune_thresholds(self, pair: Pair | None, num_labels: int) -> Thresholds:
        """Return the tuned thresholds; one half for every label without a labelled row."""
        return untuned(num_labels) if pair is None else tune(pair.predicted, pair.truth)

    def calibrate(
        self, pair: Pair, *, thresholds: Thresholds | None, adjustment: np.ndarray | None
    ) -> Calibration:
        """Return the temperatures by label, and the precision of the labels that reach their thresholds."""
        chosen = pair.predicted >= (thresholds or untuned(pair.predicted.shape[1])).values
        return fit_label_calibration(pair.predicted, pair.truth, is_predicted_RK=chosen)

    def solve_wide(
        self,
        features: Features,
        targets: np.ndarray,
        *,
        head: Head,
        num_outputs: int,
        c: float,
        is_scaled: bool,
    ) -> LinearModel:
        """Return one hyperplane a label."""
        return fit_labels(features, targets > 0, c=c, is_scaled=is_scaled)

    def fit_dense(
        self, vectors: np.ndarray, targets: np.ndarray, *, num_outputs: int, c: float
    ) -> LinearModel:
        """Return logistic regression of each label."""
        return fit_dense_labels(vectors, targets > 0, c=c)

    def soft_outputs(self, values: np.ndarray, *, head: Head) -> np.ndarray:
        """Return margins between -1 and 1 as log-odds."""
        return LOGITS_PER_MARGIN * (2 * values - 1)

    def score_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Return micro-F1 at the best common threshold."""
        return super().score_outputs(outputs, targets > 0)

    def scores(self, predictions: np.ndarray) -> npt.NDArray[np.float32]:
        """Return log-odds."""
        return np.asarray(
            logit(np.clip(predictions.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)), np.float32
        )

    def teacher_predictions(
        self, scores: npt.NDArray[np.float32], temperature: float
    ) -> npt.NDArray[np.float32]:
        """Return the sigmoid of each logit."""
        return np.asarray(expit(scores.astype(np.float64) / temperature), np.float32)

    def agreement(self, predictions: npt.NDArray[np.float32], labels: pl.Series) -> float:
        """Return the micro-F1 of the labels with a probability of at least 0.5."""
        predicted, truth = predictions >= 0.5, self.truth(labels, predictions.shape[1])
        return float(2 * (predicted & truth).sum() / max(predicted.sum() + truth.sum(), 1))
