"""Predictions with the model's confidence in them, from which calibration and coverage are measured.

Axes: N predictions, C classes of a prediction.
"""

from dataclasses import dataclass

import numpy as np

from mgm.model.calibration import binary_logits, log_softmax

Temperature = float | np.ndarray
"""That of all predictions, or (N, 1) that of each."""


@dataclass(frozen=True, kw_only=True)
class ClassPredictions:
    """Predictions of one of C classes.

    Attributes:
        row: (N,) the row of the predictions frame.
        logits: (N, C) log-probabilities up to a constant.
        target: (N,) the true class; -1 where training never saw it.
        predicted: (N,) the class whose probability is the confidence.
    """

    row: np.ndarray
    logits: np.ndarray
    target: np.ndarray
    predicted: np.ndarray

    @property
    def is_correct(self) -> np.ndarray:
        """(N,) whether the predicted class is the true one."""
        return self.target == self.predicted

    def confidence(self, temperature: Temperature = 1.0) -> np.ndarray:
        """Return the probability (N,) of the predicted class, the logits divided by a temperature."""
        return np.exp(log_softmax(self.logits / temperature)[np.arange(len(self.predicted)), self.predicted])

    def negative_log_likelihood(self, temperature: Temperature = 1.0) -> np.ndarray:
        """Return the negative log-likelihood (N,) of the true class in nats; nan where training never saw it."""
        loss = -log_softmax(self.logits / temperature)[np.arange(len(self.target)), self.target]
        return np.where(self.target >= 0, loss, np.nan)


@dataclass(frozen=True, kw_only=True)
class ScoredPredictions:
    """Predictions with a score each: a class, a label of a set, a span.

    Attributes:
        row: (N,) the row of the predictions frame.
        score: (N,) the scores, in [0, 1].
        is_correct: (N,) bool.
    """

    row: np.ndarray
    score: np.ndarray
    is_correct: np.ndarray


def binary_predictions(row: np.ndarray, *, probability: np.ndarray, is_true: np.ndarray) -> ClassPredictions:
    """Return predictions of class 1 of two, with these probabilities (N,)."""
    return ClassPredictions(
        row=row,
        logits=binary_logits(probability),
        target=is_true.astype(np.int64),
        predicted=np.ones(len(row), np.int64),
    )
