"""Leaks: one word alone that gives a label away, in the training documents of a task.

A word predicts a label with precision = documents with both / documents with the word, and recall = documents with both /
documents with the label, both of the task's labelled training documents. Whether that is a leak (a header that names
the class) or a fact of the language (a genre's own word) only a person can tell.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from mgm.profiling.label_words import LabelWordCounts, LabelWords
from mgm.tasks import Task

MIN_DOCUMENTS = 20
"""The fewest documents of a label: among fewer, some word is in half of them by chance."""
MIN_PRECISION, MIN_RECALL = 0.5, 0.1
"""Words below are not reported; thresholds can only be stricter."""
MAX_CHANCE = 1e-3
MAX_ERROR_RATIO = 0.5

_DIGITS = 4

LeakRows = list[dict[str, Any]]


class Leaks(LabelWords):
    """Counts all words, with content or without, and names those that predict a label.

    Tagging is left out: to predict a span's label from its words is the task itself.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Begin without any document."""
        super().__init__(tasks, content_only=False)

    def result(self) -> LeakRows:
        """Return by task and label the best words, each as task, label, word, precision, recall, n (documents of the label).

        Of a label, only words that no other word beats in both precision and recall (of equals the first by name): so
        for any two thresholds, one of these words reaches both if any word of the label does.

        Left out: labels of fewer than MIN_DOCUMENTS documents; words below MIN_PRECISION or MIN_RECALL; words whose
        precision leaves more than MAX_ERROR_RATIO of the mistakes of always giving this label, as any word does of a class that
        nearly all documents have; and words that may be chance: as many documents with both as here, or more, are
        expected among all words in more than MAX_CHANCE of all tasks, if a word's documents were drawn independently of the
        label (a binomial tail times the number of words).
        """
        names = np.array(list(self.words), dtype=object)
        return [
            {"task": task, "label": label, **row}
            for task, pairs in self.counts.items()
            for label, n in sorted(pairs.num_documents.items())
            if n >= MIN_DOCUMENTS
            for row in _best_words(pairs, label, names=names)
        ]


def _best_words(pairs: LabelWordCounts, label: str, *, names: npt.NDArray[np.object_]) -> LeakRows:
    n, share = pairs.num_documents[label], pairs.num_documents[label] / pairs.num_labelled
    words, both = pairs.words_of(label)
    all_words, num_documents = pairs.words_of(None)
    with_word = num_documents[np.searchsorted(all_words, words)]  # each word of a label is one of all
    precision, recall = both / with_word, both / n
    # P(X >= both), X ~ Binomial(with_word, share)
    chance = betainc(both, with_word - both + 1, share) * len(num_documents)
    kept = np.flatnonzero(
        (precision >= MIN_PRECISION)
        & (recall >= MIN_RECALL)
        & (1 - precision <= MAX_ERROR_RATIO * (1 - share))
        & (chance <= MAX_CHANCE)
    )
    order = sorted(kept.tolist(), key=lambda i: (-precision[i], -recall[i], names[words[i]]))
    rows, best_recall = [], 0.0
    for i in order:
        if recall[i] > best_recall:
            best_recall = float(recall[i])
            rows.append(
                {
                    "word": str(names[words[i]]),
                    "precision": round(float(precision[i]), _DIGITS),
                    "recall": round(best_recall, _DIGITS),
                    "n": n,
                }
            )
    return rows
