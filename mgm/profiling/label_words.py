"""Counts of the training documents of each label in which each word stands; typical words and leaks are computed from them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.tasks import Task, TaskColumns
from mgm.text.list_columns import Array, factorize, flatten, flatten_ints, lengths, local_index, offsets
from mgm.text.vocabulary import UNKNOWN

_ANY_LABEL = 0
"""The number that counts every labelled document."""


class LabelWords:
    """Counts, part by part, the documents of each label in which a word stands; a word counts once a document.

    Only the split train counts, and only words of the vocabulary, in lower case. Tasks whose labels belong to words or that
    have no label space are left out. Memory: 32 bytes for each label and word that occur together, 200 bytes a word.
    """

    def __init__(self, tasks: Sequence[Task], *, content_only: bool) -> None:
        """Begin without any document.

        Args:
            content_only: whether only words that carry content count; without a column `content` all do.
        """
        self.counts = {
            task.name: LabelWordCounts()
            for task in tasks
            if task.spec.has_label_space and not task.spec.predicts_words
        }
        self.words: dict[str, int] = {}
        self.content_only = content_only

    def add(self, documents: pl.DataFrame, types: pl.DataFrame) -> None:
        """Count the tables of a part of features, with the columns of the tasks' labels."""
        columns = {name: TaskColumns(name).label for name in self.counts}
        columns = {name: column for name, column in columns.items() if column in documents.columns}
        is_labelled = [pl.col(column).is_not_null() for column in columns.values()]
        labelled = pl.any_horizontal(is_labelled) if columns else pl.lit(False)
        rows = documents.filter((pl.col("split") == "train") & labelled)
        if rows.is_empty():
            return
        num_words, words = self._distinct_words(rows, types)
        for name, column in columns.items():
            self.counts[name].add(rows[column], num_words=num_words, words=words)

    def merge(self, other: "LabelWords") -> None:
        """Add the counts of other parts."""
        numbers = [self.words.setdefault(word, len(self.words)) for word in other.words]
        for name, counts in other.counts.items():
            self.counts[name].merge(counts, np.array(numbers, np.int64))

    def _distinct_words(self, rows: pl.DataFrame, types: pl.DataFrame) -> tuple[Array, Array]:
        """Return the distinct words of each document: their count, and their numbers, flat."""
        known = types["id"].to_numpy() != UNKNOWN
        place, distinct = factorize(types["text"].filter(known).str.to_lowercase())
        numbers_of_distinct = [self.words.setdefault(word, len(self.words)) for word in distinct]
        numbers = np.zeros(len(known), np.int64)
        numbers[known] = np.array(numbers_of_distinct, np.int64)[place]
        word = flatten_ints(rows["word"])
        kept = known[word]
        if self.content_only and "content" in rows.columns:
            kept &= flatten(rows["content"]).to_numpy()
        row = np.repeat(np.arange(rows.height), lengths(rows["word"]))
        pairs = np.unique(row[kept] << 32 | numbers[word[kept]])
        return np.bincount(pairs >> 32, minlength=rows.height), pairs & 0xFFFFFFFF


class LabelWordCounts:
    """A task's counts of documents by label and word, sparse."""

    def __init__(self) -> None:
        """Begin without any document."""
        self.num_documents: Counter[str] = Counter()
        """The documents that have each label."""
        self.num_labelled = 0
        """The documents that have any label, or an empty set."""
        self._labels: dict[str, int] = {}
        self._keys = np.zeros(0, np.int64)  # label << 32 | word, in order
        self._count = np.zeros(0, np.int64)
        self._pending: list[tuple[Array, Array]] = []

    def add(self, column: pl.Series, *, num_words: Array, words: Array) -> None:
        """Add the labels of a part's rows, and the distinct words of each row: their count, and their numbers, flat."""
        labelled = column.is_not_null().to_numpy()
        self.num_labelled += int(labelled.sum())
        is_set = column.dtype == pl.List
        values = flatten(column) if is_set else column.drop_nulls()
        row = np.repeat(np.arange(len(column)), lengths(column)) if is_set else np.flatnonzero(labelled)
        place, distinct = factorize(values)
        for label, n in zip(distinct, np.bincount(place, minlength=len(distinct)).tolist(), strict=True):
            self._labels.setdefault(label, len(self._labels) + 1)
            self.num_documents[label] += n
        numbers = np.array([self._labels[label] for label in distinct], np.int64)
        row = np.concatenate([row, np.flatnonzero(labelled)])
        label = np.concatenate([numbers[place], np.full(int(labelled.sum()), _ANY_LABEL)])
        begin = offsets(num_words)[:-1]
        flat_words = words[np.repeat(begin[row], num_words[row]) + local_index(num_words[row])]
        self._add_counts(*np.unique(np.repeat(label, num_words[row]) << 32 | flat_words, return_counts=True))

    def merge(self, other: "LabelWordCounts", words: Array) -> None:
        """Add the counts of other parts, of which `words` has the number here of each word."""
        self.num_documents.update(other.num_documents)
        self.num_labelled += other.num_labelled
        if other._pending:
            other._merge()
        labels = np.full(len(other._labels) + 1, _ANY_LABEL)
        for label, number in other._labels.items():
            labels[number] = self._labels.setdefault(label, len(self._labels) + 1)
        self._add_counts(labels[other._keys >> 32] << 32 | words[other._keys & 0xFFFFFFFF], other._count)

    def _add_counts(self, keys: Array, counts: Array) -> None:
        self._pending.append((keys, counts))
        # Merged only once the new ones outweigh the old, so that the work stays linear.
        if sum(len(keys) for keys, _ in self._pending) > len(self._keys):
            self._merge()

    def _merge(self) -> None:
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        count = np.concatenate([self._count, *(n for _, n in self._pending)])
        self._keys, inverse = np.unique(keys, return_inverse=True)
        self._count = np.bincount(inverse, count, len(self._keys)).astype(np.int64)
        self._pending = []

    def words_of(self, label: str | None) -> tuple[Array, Array]:
        """Return the words of a label's documents, by number, and the number of documents of each; None: of any label."""
        if self._pending:
            self._merge()
        number = _ANY_LABEL if label is None else self._labels[label]
        begin, end = np.searchsorted(self._keys, [number << 32, (number + 1) << 32])
        return self._keys[begin:end] & 0xFFFFFFFF, self._count[begin:end]

    def dense(self, label: str | None, size: int) -> Array:
        """Return the number of a label's documents in which each word stands: (size,); None: of any label."""
        words, count = self.words_of(label)
        dense = np.zeros(size, np.int64)
        dense[words] = count
        return dense
