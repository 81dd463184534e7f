"""What the spans of a document are worth: how sure its tags are, whether the parts agree on them, and spans that were not given.

Axes: R documents, N words.
"""

import numpy as np
import polars as pl

from mgm.active_learning.kinds.acquisition import LABEL, TaskAcquisition, sort_doubts
from mgm.model.heads import Outcome
from mgm.model.heads.outcome import Tags
from mgm.tasks import Task

SUSPECTED = 0.9
"""The score from which a predicted span that was not given is suspected to be missing."""
MISSED_DOUBT = 0.5
"""The doubt of a given span that is not predicted: the model gives no probability for it."""


class TaggingAcquisition(TaskAcquisition):
    """Measures of spans of a document."""

    with_probs = False

    def uncertainty(
        self, outcome: Outcome, task: Task, *, temperature: np.ndarray, word_count: np.ndarray
    ) -> np.ndarray:
        """Return 1 less the geometric mean of the probabilities of the words' tags, so that long documents are not preferred.

        Source: Shen et al. 2018, Deep Active Learning for Named Entity Recognition (maximum normalised log-probability).
        """
        assert isinstance(outcome, Tags)
        log = np.log(np.clip(outcome.score.astype(np.float64), 1e-6, 1.0))
        return 1 - np.exp(_sum_by_document(log, word_count) / np.maximum(word_count, 1))

    def disagreement(self, deep: Outcome, wide: Outcome, *, task: Task, word_count: np.ndarray) -> np.ndarray:
        """Return the share of the words in a span of either part whose tags differ."""
        assert isinstance(deep, Tags) and isinstance(wide, Tags)
        in_span = _sum_by_document((deep.tags > 0) | (wide.tags > 0), word_count)
        return _sum_by_document(deep.tags != wide.tags, word_count) / np.maximum(in_span, 1)

    def doubts(self, predicted: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the documents by the score of the surest span that is predicted and not given.

        A given span that is not predicted counts `MISSED_DOUBT`; from a score of `SUSPECTED` on labels are suspected.
        """
        doubt = np.zeros(predicted.height)
        for row, (spans, labels) in enumerate(predicted.select(task.columns.prediction, LABEL).iter_rows()):
            given = {(span["start"], span["end"], span["label"]) for span in labels}
            scores = {(span["start"], span["end"], span["label"]): span["score"] for span in spans}
            extra = [score for key, score in scores.items() if key not in given]
            missed = MISSED_DOUBT if given - scores.keys() else 0.0
            doubt[row] = max(extra, default=0.0) if extra and max(extra) > missed else missed
        return sort_doubts(doubt, doubt >= SUSPECTED)


def _sum_by_document(values: np.ndarray, word_count: np.ndarray) -> np.ndarray:
    document = np.repeat(np.arange(len(word_count)), word_count)
    return np.bincount(document, values.astype(np.float64), minlength=len(word_count))
