"""Training of classification: macro-F1, logit adjustment, one-against-the-rest wide weights.

Axes: n documents, K classes, F n-grams.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import softmax

from mgm.model.batch import NO_LABEL
from mgm.model.calibration import Calibration, fit_class_calibration
from mgm.model.heads import Head
from mgm.model.thresholds import Thresholds
from mgm.training.dense_models import fit_dense_classes
from mgm.training.kinds.base import Pair, TaskTraining
from mgm.training.linear_models import LOGITS_PER_MARGIN, Features, LinearModel, fit_classes
from mgm.training.logit_adjustment import log_class_prior, macro_f1, tune_tau

MIN_PROBABILITY = 1e-7
"""Probabilities are kept this far from 0 and 1, so that their logarithms are finite."""


class ClassificationTraining(TaskTraining):
    """Predictions are probabilities (n,K); truth is ids (n,), negative for a class that training never saw."""

    is_tuned = True

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return macro-F1 over the classes of training."""
        return macro_f1(pair.predicted.argmax(axis=1), pair.truth, num_classes=num_labels)

    def tune_tau(self, pair: Pair | None, log_prior: np.ndarray) -> float:
        """Return the strength of the adjustment; 0 without a labelled row."""
        return 0.0 if pair is None else tune_tau(pair.predicted, pair.truth, log_prior=log_prior)

    def calibrate(
        self, pair: Pair, *, thresholds: Thresholds | None, adjustment: np.ndarray | None
    ) -> Calibration:
        """Return the temperature, and the precision of the most probable class, of the adjusted predictions."""
        probs = pair.predicted
        if adjustment is not None:
            # float64 throughout, and a floor below any probability of float32
            probs = softmax(np.log(np.maximum(probs.astype(np.float64), 1e-45)) - adjustment, axis=1)
        return fit_class_calibration(probs, pair.truth)

    def log_prior(self, labels: pl.Series, num_labels: int) -> np.ndarray:
        """Return the log frequency (K,) of each class."""
        ids = labels.drop_nulls().to_numpy()
        return log_class_prior(ids[ids >= 0], num_labels)

    def is_known(self, labels: pl.Series) -> pl.Series:
        """Return which rows have a class that training knows."""
        return labels.is_not_null() & (labels.fill_null(NO_LABEL) >= 0)

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
        """Return one hyperplane a class."""
        return fit_classes(features, targets, num_classes=num_outputs, c=c, is_scaled=is_scaled)

    def fit_dense(
        self, vectors: np.ndarray, targets: np.ndarray, *, num_outputs: int, c: float
    ) -> LinearModel:
        """Return logistic regression."""
        return fit_dense_classes(vectors, targets, num_classes=num_outputs, c=c)

    def label_values(self, targets: np.ndarray, num_outputs: int) -> np.ndarray:
        """Return 1 for the class, 0 for the others."""
        values = (targets[:, None] == np.arange(num_outputs)).astype(np.float32)
        values[targets == NO_LABEL] = np.nan
        return values

    def soft_outputs(self, values: np.ndarray, *, head: Head) -> np.ndarray:
        """Return margins between -1 and 1 as log-odds."""
        return LOGITS_PER_MARGIN * (2 * values - 1)

    def score_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean of accuracy and macro-F1: macro-F1 alone hangs on the rarest classes, accuracy alone forgets them."""
        return (
            super().score_outputs(outputs, targets) + float((outputs.argmax(axis=1) == targets).mean())
        ) / 2

    def scores(self, predictions: np.ndarray) -> npt.NDArray[np.float32]:
        """Return log-probabilities."""
        return np.log(np.clip(predictions.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)).astype(
            np.float32
        )

    def teacher_predictions(
        self, scores: npt.NDArray[np.float32], temperature: float
    ) -> npt.NDArray[np.float32]:
        """Return the softmax of each row."""
        return np.asarray(softmax(scores.astype(np.float64) / temperature, axis=1), np.float32)

    def agreement(self, predictions: npt.NDArray[np.float32], labels: pl.Series) -> float:
        """Return the share of documents whose most probable class is their label."""
        return float((predictions.argmax(1) == labels.to_numpy()).mean())
