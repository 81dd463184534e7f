"""In how many training documents of each label each word stands: what typical words and leaks are told from."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.tasks import Task
from mgm.text.list_columns import Array, factorize, flatten, flatten_ints, lengths, local_index, offsets
from mgm.text.vocabulary import UNKNOWN

KINDS = ("classification", "multilabel")

_EVERY = 0
"""The number of no label: it counts every labelled document."""


class LabelWords:
    """Gathers, part by part, in how many documents of each label a word stands; a word counts once a document.

    Of split train alone; words of the vocabulary, in lower case. Memory: 32 bytes for each label and word that occur
    together, 200 bytes a word.
    """

    def __init__(self, tasks: Sequence[Task], content_only: bool) -> None:
        """`content_only`: whether only words that carry content count; without a column `content` all do."""
        self.counts = {task.name: Pairs() for task in tasks if task.kind in KINDS}
        self.words: dict[str, int] = {}
        self.content_only = content_only

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Counts the tables of a part of features, with each task's labels in the column of its name."""
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
        word = flatten_ints(rows["word"])
        kept = known[word]
        if self.content_only and "content" in rows.columns:
            kept &= flatten(rows["content"]).to_numpy()
        row = np.repeat(np.arange(rows.height), lengths(rows["word"]))
        found = np.unique(row[kept] << 32 | numbers[word[kept]])
        return np.bincount(found >> 32, minlength=rows.height), found & 0xFFFFFFFF


class Pairs:
    """A task's counts of documents by label and word, sparse.

    documents: how many have each label; labelled: how many have any, or an empty set.
    """

    def __init__(self) -> None:
        self.documents: Counter[str] = Counter()
        self.labelled = 0
        self._labels: dict[str, int] = {}
        self._keys = np.zeros(0, np.int64)  # label << 32 | word, in order
        self._count = np.zeros(0, np.int64)
        self._pending: list[tuple[Array, Array]] = []

    def add(self, column: pl.Series, counts: Array, words: Array) -> None:
        """`column`: the labels of a part's rows; `counts` and `words`: their distinct words."""
        labelled = column.is_not_null().to_numpy()
        self.labelled += int(labelled.sum())
        several = column.dtype == pl.List
        values = flatten(column) if several else column.drop_nulls()
        row = np.repeat(np.arange(len(column)), lengths(column)) if several else np.flatnonzero(labelled)
        place, distinct = factorize(values)
        for label, n in zip(distinct, np.bincount(place, minlength=len(distinct)).tolist(), strict=True):
            self._labels.setdefault(label, len(self._labels) + 1)
            self.documents[label] += n
        numbers = np.array([self._labels[label] for label in distinct], np.int64)
        row = np.concatenate([row, np.flatnonzero(labelled)])
        label = np.concatenate([numbers[place], np.full(int(labelled.sum()), _EVERY)])
        begin = offsets(counts)[:-1]
        flat_words = words[np.repeat(begin[row], counts[row]) + local_index(counts[row])]
        self._pending.append(np.unique(np.repeat(label, counts[row]) << 32 | flat_words, return_counts=True))
        # Merged only once the new ones outweigh the old, so that the work stays linear.
        if sum(len(keys) for keys, _ in self._pending) > len(self._keys):
            self._merge()

    def _merge(self) -> None:
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        count = np.concatenate([self._count, *(n for _, n in self._pending)])
        self._keys, inverse = np.unique(keys, return_inverse=True)
        self._count = np.bincount(inverse, count, len(self._keys)).astype(np.int64)
        self._pending = []

    def of(self, label: str | None) -> tuple[Array, Array]:
        """The words of a label's documents, by number, and in how many of them each stands; None: of any label."""
        if self._pending:
            self._merge()
        number = _EVERY if label is None else self._labels[label]
        begin, end = np.searchsorted(self._keys, [number << 32, (number + 1) << 32])
        return self._keys[begin:end] & 0xFFFFFFFF, self._count[begin:end]

    def dense(self, label: str | None, size: int) -> Array:
        """The same for every word: (size,)."""
        words, count = self.of(label)
        dense = np.zeros(size, np.int64)
        dense[words] = count
        return dense
