"""The words most typical of each label, among the training documents of a task.

Source: weighted log-odds ratio with an informative Dirichlet prior, Monroe, Colaresi and Quinn 2008, "Fightin'
Words", section 3.3.5. A word counts once a document, so that one document that repeats a word cannot make it typical.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mgm.profiling.label_words import LabelWordCounts, LabelWords
from mgm.tasks import Task
from mgm.text.list_columns import Array

NUM_WORDS = 10
NUM_LABELS = 30
PRIOR = 1_000.0
"""The weight of the prior, in occurrences: that many, spread over the words as in all documents."""

_DIGITS = 3

Result = dict[str, dict[str, list[list[str | float]]]]


class TypicalWords(LabelWords):
    """Counts the words that carry content, and names the most typical of each label."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Begin without any document."""
        super().__init__(tasks, content_only=True)

    def result(self) -> Result:
        """Return by task and label the words with their z-scores, highest first.

        At most `NUM_WORDS` of each of the `NUM_LABELS` most frequent labels, only where the score is above 0.
        """
        names = np.array(list(self.words), dtype=object)
        return {
            task: _typical_words(pairs, names) for task, pairs in self.counts.items() if pairs.num_documents
        }


def _typical_words(
    pairs: LabelWordCounts, names: npt.NDArray[np.object_]
) -> dict[str, list[list[str | float]]]:
    any_label = pairs.dense(None, len(names))
    num_documents = pairs.num_documents
    frequent = sorted(num_documents, key=lambda label: (-num_documents[label], label))[:NUM_LABELS]
    result: dict[str, list[list[str | float]]] = {}
    for label in frequent:
        score = z_scores(pairs.dense(label, len(names)), any_label)
        # Candidates by score alone, then ties by the word: names are many, the best few.
        lowest = np.partition(score, -NUM_WORDS)[-NUM_WORDS] if len(score) > NUM_WORDS else -np.inf
        best = np.flatnonzero((score >= lowest) & (score > 0))
        order = sorted(best.tolist(), key=lambda i: (-score[i], names[i]))[:NUM_WORDS]
        result[label] = [[str(names[i]), round(float(score[i]), _DIGITS)] for i in order]
    return result


def z_scores(count: Array, total_count: Array) -> npt.NDArray[np.float64]:
    """Return the z-score of each word's log-odds ratio between a label's documents and the rest: (W,).

    Args:
        count: (W,), the occurrences of each word with the label.
        total_count: (W,), its occurrences with and without; the prior is `PRIOR` occurrences that are spread alike.

    Returns:
        All 0 where the label has all documents or none.
    """
    total, size = total_count.sum(), count.sum()
    if not 0 < size < total:
        return np.zeros(len(count))
    # The odds of a word that never occurs, and of one that is the only word, are not defined.
    defined = (total_count > 0) & (total_count < total)
    count, total_count = count[defined], total_count[defined]
    prior = total_count / total * PRIOR
    inside, rest = count + prior, total_count - count + prior
    odds = np.log(inside / (size + PRIOR - inside)) - np.log(rest / (total - size + PRIOR - rest))
    scores = np.zeros(len(defined))
    scores[defined] = odds / np.sqrt(1 / inside + 1 / rest)
    return scores
