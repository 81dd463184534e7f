"""What the label set of a document is worth: the labels that may be wrong, the parts' divergence, and confident learning.

Axes: R documents, K labels.
"""

import numpy as np
import polars as pl

from mgm.active_learning.kinds.acquisition import (
    LABEL,
    TaskAcquisition,
    jensen_shannon,
    sort_doubts,
)
from mgm.evaluation.explanations.kinds import explanation_of
from mgm.model.calibration import log_probabilities
from mgm.model.heads import Outcome
from mgm.model.heads.outcome import probability_matrix
from mgm.tasks import Task


class MultilabelAcquisition(TaskAcquisition):
    """Measures of a set of labels a document."""

    def uncertainty(
        self, outcome: Outcome, task: Task, *, temperature: np.ndarray, word_count: np.ndarray
    ) -> np.ndarray:
        """Return the number of labels that a calibrated model expects to be wrong in the most probable set."""
        assert isinstance(outcome, np.ndarray)
        probs = outcome.astype(np.float64)
        logits = (log_probabilities(probs) - log_probabilities(1 - probs)) / temperature
        return (1 / (1 + np.exp(np.abs(logits)))).sum(1)

    def disagreement(self, deep: Outcome, wide: Outcome, *, task: Task, word_count: np.ndarray) -> np.ndarray:
        """Return the Jensen-Shannon divergence of the parts' probabilities, summed over the labels."""
        assert isinstance(deep, np.ndarray) and isinstance(wide, np.ndarray)
        pairs = [np.stack([p, 1 - p], axis=-1) for p in (deep.astype(np.float64), wide.astype(np.float64))]
        return jensen_shannon(*pairs).sum(1)

    def doubts(self, predicted: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the label issues of confident learning in their order, then the others by doubt.

        The doubt is the probability of the likeliest wrong label: one that is given and improbable, or probable and not given.
        A label that training never saw is suspected first.
        """
        labels = predicted[LABEL]
        probs = probability_matrix(predicted, task)
        index = {label: number for number, label in enumerate(task.labels)}
        given = np.zeros(probs.shape, bool)
        is_unknown = np.zeros(predicted.height, bool)
        for row, names in enumerate(labels):
            for name in names:
                if name in index:
                    given[row, index[name]] = True
                else:
                    is_unknown[row] = True
        doubt = np.where(given, 1 - probs, probs).max(1, initial=0.0)
        doubt[is_unknown] = 1.0
        issues = explanation_of(task).label_issues(probs, labels, task=task).issues["row"].to_numpy()
        is_suspected = is_unknown.copy()
        is_suspected[issues] = True
        return sort_doubts(doubt, is_suspected, first=issues)
