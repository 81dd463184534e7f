"""Training of tagging: span-F1.

Axes: N words.
"""

import numpy as np

from mgm.model.batch import flatten_lists
from mgm.model.heads import Outcome, Tags
from mgm.model.spans import WordSpans, word_spans
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.kinds.base import Pair, TaskTraining


class TaggingTraining(TaskTraining):
    """Predictions are the number of right spans, truth that of predicted spans plus that of true ones.

    Both have one entry (1,) a part, which the metric sums.
    """

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return the F1 of whole spans with their labels."""
        return float(2 * pair.predicted.sum() / max(pair.truth.sum(), 1))

    def pair(self, outcome: Outcome, rows: PartRows, *, task: Task) -> Pair:
        """Return the counts of spans in the labelled rows."""
        assert isinstance(outcome, Tags)
        tags, count = flatten_lists(rows.labels_of(task))
        sentence, sentence_count = flatten_lists(rows.part.documents["sentence"][rows.rows])
        is_labelled = count > 0
        words = np.repeat(is_labelled, rows.length)
        sentences = sentence[np.repeat(is_labelled, sentence_count)]
        predicted = _keys(word_spans(outcome.tags[words], outcome.score[words], sentence_length=sentences))
        truth = _keys(
            word_spans(tags.astype(np.int64), np.zeros(len(tags), np.float32), sentence_length=sentences)
        )
        num_right = len(np.intersect1d(predicted, truth, assume_unique=True))
        return Pair(predicted=np.array([num_right]), truth=np.array([len(predicted) + len(truth)]))


def _keys(spans: WordSpans) -> np.ndarray:
    """Return one key a span (first word, last word, label) that compares as a whole."""
    triple = np.stack([spans.first, spans.last, spans.label], axis=1).astype(np.int64)
    return np.ascontiguousarray(triple).view([("first", "i8"), ("last", "i8"), ("label", "i8")]).ravel()
