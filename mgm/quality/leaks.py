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

from mgm.profiling.label_words import LabelWords, Pairs
from mgm.tasks import Task

LEAST_DOCUMENTS = 20  # of a label; of fewer, a word that stands in half of them is soon found
LEAST_PRECISION, LEAST_RECALL = 0.5, 0.1  # what is reported at all; thresholds can only be stricter
CHANCE = 1e-3
ERRORS = 0.5

_DIGITS = 4

Found = list[dict[str, Any]]


class Leaks(LabelWords):
    """Counts all words, with content or without, and names those that predict a label.

    Spans are left out: which words stand inside them is the task itself.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(tasks, content_only=False)

    def result(self) -> Found:
        """By task and label, the best words, each as task, label, word, precision, recall, n (documents of the label).

        Of a label, only words that no other word beats in both precision and recall (of equals the first by name): so
        whatever two thresholds are set, one of these words reaches both if any word of the label does.

        Left out: labels of fewer than LEAST_DOCUMENTS documents; words below LEAST_PRECISION or LEAST_RECALL; words whose
        precision leaves more than ERRORS of the mistakes of always giving this label, as any word does of a class that
        nearly all documents have; and what may be chance: as many documents with both as here, or more, are
        expected among all words in more than CHANCE of all tasks, if a word's documents were drawn independently of the
        label (a binomial tail times the number of words).
        """
        names = np.array(list(self.words), dtype=object)
        return [
            {"task": task, "label": label, **row}
            for task, pairs in self.counts.items()
            for label, n in sorted(pairs.documents.items())
            if n >= LEAST_DOCUMENTS
            for row in _best(pairs, label, names)
        ]


def _best(pairs: Pairs, label: str, names: npt.NDArray[np.object_]) -> Found:
    n, share = pairs.documents[label], pairs.documents[label] / pairs.labelled
    words, both = pairs.of(label)
    every_word, every = pairs.of(None)
    with_word = every[np.searchsorted(every_word, words)]  # each word of a label is one of all
    precision, recall = both / with_word, both / n
    # P(X >= both), X ~ Binomial(with_word, share)
    chance = betainc(both, with_word - both + 1, share) * len(every)
    kept = np.flatnonzero(
        (precision >= LEAST_PRECISION)
        & (recall >= LEAST_RECALL)
        & (1 - precision <= ERRORS * (1 - share))
        & (chance <= CHANCE)
    )
    order = sorted(kept.tolist(), key=lambda i: (-precision[i], -recall[i], names[words[i]]))
    found, reached = [], 0.0
    for i in order:
        if recall[i] > reached:
            reached = float(recall[i])
            found.append(
                {
                    "word": str(names[words[i]]),
                    "precision": round(float(precision[i]), _DIGITS),
                    "recall": round(reached, _DIGITS),
                    "n": n,
                }
            )
    return found
