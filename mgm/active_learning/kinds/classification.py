"""What the class of a document is worth: its margin, the parts' divergence, and confident learning.

Axes: R documents, K labels.
"""

import numpy as np
import polars as pl

from mgm.active_learning.kinds.acquisition import LABEL, TaskAcquisition, jensen_shannon, sort_doubts
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.model.calibration import log_probabilities
from mgm.model.heads import Outcome
from mgm.model.heads.outcome import probability_matrix
from mgm.tasks import Task


class ClassificationAcquisition(TaskAcquisition):
    """Measures of one label a document."""

    def uncertainty(
        self, outcome: Outcome, task: Task, *, temperature: np.ndarray, word_count: np.ndarray
    ) -> np.ndarray:
        """Return 1 less the difference of the two largest calibrated probabilities.

        Source: Scheffer et al. 2001, Active Hidden Markov Models for Information Extraction (margin sampling).
        """
        assert isinstance(outcome, np.ndarray)
        if outcome.shape[1] < 2:
            return np.zeros(len(outcome))
        largest = np.sort(calibrated(outcome, temperature), axis=1)
        return 1 - (largest[:, -1] - largest[:, -2])

    def disagreement(self, deep: Outcome, wide: Outcome, *, task: Task, word_count: np.ndarray) -> np.ndarray:
        """Return the Jensen-Shannon divergence of the parts' probabilities."""
        assert isinstance(deep, np.ndarray) and isinstance(wide, np.ndarray)
        return jensen_shannon(deep.astype(np.float64), wide.astype(np.float64))

    def predicted_class(self, predicted: pl.DataFrame, task: Task) -> pl.Series:
        """Return the predicted class."""
        return predicted[task.columns.prediction]

    def doubts(self, predicted: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the label issues of confident learning in their order, then the others by doubt.

        The doubt is the largest probability of another label less that of the given one. A label that training never saw is
        suspected first: the model can say nothing for it.
        """
        labels = predicted[LABEL]
        probs = probability_matrix(predicted, task)
        doubt = np.ones(predicted.height)
        known = np.flatnonzero(labels.is_in(list(task.labels)).to_numpy())
        ids = np.array([task.labels.index(label) for label in labels.gather(known)], np.int64)
        given = probs[known, ids]
        others = probs[known]
        others[np.arange(len(known)), ids] = -1.0
        doubt[known] = np.maximum(others.max(1, initial=0.0), 0.0) - given
        issues = explanation_of(task).label_issues(probs, labels, task=task).issues["row"].to_numpy()
        is_suspected = np.ones(predicted.height, bool)
        is_suspected[known] = False
        is_suspected[issues] = True
        return sort_doubts(doubt, is_suspected, first=issues)


def calibrated(probs: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """Return probabilities (R,K) after their logits were divided by a temperature."""
    logits = log_probabilities(probs.astype(np.float64)) / temperature
    scaled = np.exp(logits - logits.max(1, keepdims=True))
    return scaled / scaled.sum(1, keepdims=True)
