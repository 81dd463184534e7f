"""The words most typical of each label, among the training documents of a task.

Source: weighted log-odds ratio with an informative Dirichlet prior, Monroe, Colaresi and Quinn 2008, "Fightin'
Words", section 3.3.5. A word counts once a document, so that one document that repeats a word cannot make it typical.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mgm.profiling.label_words import LabelWords, Pairs
from mgm.tasks import Task
from mgm.text.list_columns import Array

WORDS = 10
LABELS = 30
PRIOR = 1_000.0
"""The weight of what holds whatever the label, in occurrences: that many, spread over the words as in all documents."""

_DIGITS = 3

Result = dict[str, dict[str, list[list[str | float]]]]


class TopWords(LabelWords):
    """Counts the words that carry content, and names the most typical of each label."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(tasks, content_only=True)

    def result(self) -> Result:
        """Task to label to its words with their z-scores, highest first: at most `WORDS` of each of the `LABELS` most
        frequent labels, only where the score is above 0."""
        names = np.array(list(self.words), dtype=object)
        return {task: _typical(pairs, names) for task, pairs in self.counts.items() if pairs.documents}


def _typical(pairs: Pairs, names: npt.NDArray[np.object_]) -> dict[str, list[list[str | float]]]:
    every = pairs.dense(None, len(names))
    frequent = sorted(pairs.documents, key=lambda label: (-pairs.documents[label], label))[:LABELS]
    result: dict[str, list[list[str | float]]] = {}
    for label in frequent:
        score = z_scores(pairs.dense(label, len(names)), every)
        # Candidates by score alone, then ties by the word: names are many, the best few.
        least = np.partition(score, -WORDS)[-WORDS] if len(score) > WORDS else -np.inf
        best = np.flatnonzero((score >= least) & (score > 0))
        order = sorted(best.tolist(), key=lambda i: (-score[i], names[i]))[:WORDS]
        result[label] = [[str(names[i]), round(float(score[i]), _DIGITS)] for i in order]
    return result


def z_scores(count: Array, every: Array) -> npt.NDArray[np.float64]:
    """The z-score of each word's log-odds ratio between a label's documents and the rest: (W,).

    `count`: how often a word occurs with the label, `every`: with and without. The prior is `PRIOR` occurrences
    spread as `every`; where the label has all documents or none, all scores are 0.
    """
    total, size = every.sum(), count.sum()
    if not 0 < size < total:
        return np.zeros(len(count))
    # A word that nobody uses says nothing, and neither does one that is all there is: its odds are endless.
    here = (every > 0) & (every < total)
    count, every = count[here], every[here]
    prior = every / total * PRIOR
    own, rest = count + prior, every - count + prior
    odds = np.log(own / (size + PRIOR - own)) - np.log(rest / (total - size + PRIOR - rest))
    scores = np.zeros(len(here))
    scores[here] = odds / np.sqrt(1 / own + 1 / rest)
    return scores
