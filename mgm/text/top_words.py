"""The words most typical of each label, among the training documents of a task.

Source: weighted log-odds ratio with an informative Dirichlet prior, Monroe, Colaresi and Quinn 2008, "Fightin'
Words", section 3.3.5. A word counts once a document, so that one document that repeats a word cannot make it typical.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.tasks import Task
from mgm.text.lists import Array, factorize, flat, flat_array, lengths, offsets, ranges
from mgm.text.vocabulary import UNKNOWN

KINDS = ("classification", "multilabel")
WORDS = 10
LABELS = 30
PRIOR = 1_000.0
"""The weight of what holds whatever the label, in occurrences: that many, spread over the words as in all documents."""

_DIGITS = 3
_EVERY = 0
"""The number of no label: it counts every labelled document."""

Result = dict[str, dict[str, list[list[str | float]]]]


class TopWords:
    """Gathers, part by part, in how many documents of each label a word stands.

    Of split train alone; words of the vocabulary, in lower case, that carry content. Memory: 32 bytes for each label
    and word that occur together, 200 bytes a word.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.counts = {task.name: _Pairs() for task in tasks if task.kind in KINDS}
        self.words: dict[str, int] = {}

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Counts the tables of a part of features, with each task's labels in the column of its name; without
        `content` every word counts."""
        names = [name for name in self.counts if name in documents.columns]
        labelled = pl.any_horizontal(pl.col(name).is_not_null() for name in names) if names else pl.lit(False)
        rows = documents.filter((pl.col("split") == "train") & labelled)
        if rows.is_empty():
            return
        counts, words = self._distinct(rows, types)
        for name in names:
            self.counts[name].add(rows[name], counts, words)

    def _distinct(self, rows: pl.DataFrame, types: pl.DataFrame) -> tuple[Array, Array]:
        """The distinct words of each document: how many, and their numbers, flat."""
        known = types["id"].to_numpy() != UNKNOWN
        place, distinct = factorize(types["text"].filter(known).str.to_lowercase())
        own = [self.words.setdefault(word, len(self.words)) for word in distinct]
        numbers = np.zeros(len(known), np.int64)
        numbers[known] = np.array(own, np.int64)[place]
        word = flat_array(rows["word"])
        kept = known[word]
        if "content" in rows.columns:
            kept &= flat(rows["content"]).to_numpy()
        row = np.repeat(np.arange(rows.height), lengths(rows["word"]))
        found = np.unique(row[kept] << 32 | numbers[word[kept]])
        return np.bincount(found >> 32, minlength=rows.height), found & 0xFFFFFFFF

    def result(self) -> Result:
        """Task to label to its words with their z-scores, highest first: at most `WORDS` of each of the `LABELS` most
        frequent labels, only where the score is above 0."""
        names = np.array(list(self.words), dtype=object)
        return {task: pairs.typical(names) for task, pairs in self.counts.items() if pairs.documents}


class _Pairs:
    """A task's counts of documents by label and word, sparse."""

    def __init__(self) -> None:
        self.labels: dict[str, int] = {}
        self.documents: Counter[str] = Counter()
        self.keys = np.zeros(0, np.int64)  # label << 32 | word, in order
        self.count = np.zeros(0, np.int64)
        self.pending: list[tuple[Array, Array]] = []

    def add(self, column: pl.Series, counts: Array, words: Array) -> None:
        """`column`: the labels of a part's rows; `counts` and `words`: their distinct words."""
        labelled = column.is_not_null().to_numpy()
        several = column.dtype == pl.List
        values = flat(column) if several else column.drop_nulls()
        row = np.repeat(np.arange(len(column)), lengths(column)) if several else np.flatnonzero(labelled)
        place, distinct = factorize(values)
        for label, n in zip(distinct, np.bincount(place, minlength=len(distinct)).tolist(), strict=True):
            self.labels.setdefault(label, len(self.labels) + 1)
            self.documents[label] += n
        numbers = np.array([self.labels[label] for label in distinct], np.int64)
        row = np.concatenate([row, np.flatnonzero(labelled)])
        label = np.concatenate([numbers[place], np.full(int(labelled.sum()), _EVERY)])
        begin = offsets(counts)[:-1]
        flat_words = words[np.repeat(begin[row], counts[row]) + ranges(counts[row])]
        self.pending.append(np.unique(np.repeat(label, counts[row]) << 32 | flat_words, return_counts=True))
        # Merged only once the new ones outweigh the old, so that the work stays linear.
        if sum(len(keys) for keys, _ in self.pending) > len(self.keys):
            self._merge()

    def _merge(self) -> None:
        keys = np.concatenate([self.keys, *(k for k, _ in self.pending)])
        count = np.concatenate([self.count, *(n for _, n in self.pending)])
        self.keys, inverse = np.unique(keys, return_inverse=True)
        self.count = np.bincount(inverse, count, len(self.keys)).astype(np.int64)
        self.pending = []

    def typical(self, names: npt.NDArray[np.object_]) -> dict[str, list[list[str | float]]]:
        self._merge()
        every = self._of(_EVERY, len(names))
        frequent = sorted(self.documents, key=lambda label: (-self.documents[label], label))[:LABELS]
        result: dict[str, list[list[str | float]]] = {}
        for label in frequent:
            score = z_scores(self._of(self.labels[label], len(names)), every)
            # Candidates by score alone, then ties by the word: names are many, the best few.
            least = np.partition(score, -WORDS)[-WORDS] if len(score) > WORDS else -np.inf
            best = np.flatnonzero((score >= least) & (score > 0))
            order = sorted(best.tolist(), key=lambda i: (-score[i], names[i]))[:WORDS]
            result[label] = [[str(names[i]), round(float(score[i]), _DIGITS)] for i in order]
        return result

    def _of(self, label: int, size: int) -> Array:
        """A label's count of every word: (size,)."""
        begin, end = np.searchsorted(self.keys, [label << 32, (label + 1) << 32])
        dense = np.zeros(size, np.int64)
        dense[self.keys[begin:end] & 0xFFFFFFFF] = self.count[begin:end]
        return dense


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
