"""A translation memory: the training documents of a task with their targets, from which the target of the most similar one is taken.

It is the baseline of every task whose targets have patterns that recur: translations, and titles, for which it gives the title
of the most similar document. Similar documents are found as translators' tools find them: an index of n-grams gives
candidates, and an edit distance ranks them.

Axes: D documents of the memory, Q documents that are looked up, F n-grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from scipy import sparse

from mgm.evaluation.copy_baselines import MAX_COPIED_WORDS, lead_and_copy
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.list_columns import flatten_ints, lengths, local_index, offsets

MAX_DOCUMENTS = 100_000
"""The most documents of a memory, which are spread evenly over training; each takes about 3 kB."""
NUM_CANDIDATES = 20
"""The number of documents that the edit distance ranks, the most similar ones by their n-grams."""
MAX_SHARE, MANY_DOCUMENTS = 0.2, 20_000
"""In a memory of many documents, n-grams that more than this share of them have are left out: they say little of what a document
is about, and are most of the work."""
_MAX_SCORES = 4_000_000
"""The number of similarities that are in memory at once, which bounds the documents that are looked up together."""


@dataclass(frozen=True)
class Matches:
    """The targets of the most similar training documents, (Q,) each; empty where none shares an n-gram.

    Attributes:
        nearest: that of the document with the most similar n-grams, by the cosine of their TF-IDF values.
        fuzzy: that of the one with the smallest edit distance, in proportion to the length, among `NUM_CANDIDATES`.
    """

    nearest: pl.Series
    fuzzy: pl.Series


class TranslationMemory:
    """The labelled training documents of a task. N-grams are those that features have of each word, of characters."""

    def __init__(self, parts: Sequence[FeaturePart], task: Task) -> None:
        """Index the documents of the training split that have a target; beyond `MAX_DOCUMENTS` a sample of them.

        Args:
            parts: the features of all corpora of the task.
            task: a task whose labels are texts.
        """
        labelled = [_select_training(part, task) for part in parts]
        num_documents = sum(part.documents.height for part in labelled)
        kept = np.zeros(num_documents, bool)
        kept[np.linspace(0, num_documents - 1, min(num_documents, MAX_DOCUMENTS)).astype(int)] = True
        first = offsets(np.array([part.documents.height for part in labelled], np.int64))
        labelled = [
            FeaturePart(part.documents.filter(pl.Series(kept[start:end])), part.types)
            for part, start, end in zip(labelled, first, first[1:], strict=False)
        ]
        labelled = [part for part in labelled if part.documents.height]
        empty = pl.Series(dtype=pl.String)
        self.targets = pl.concat([empty, *(part.documents[task.columns.label] for part in labelled)])
        self.groups = pl.concat([empty, *(part.documents["group"] for part in labelled)])
        self.sources = pl.concat([empty, *(source_texts(part) for part in labelled)])
        self.num_ngrams = 1 + max(
            (int(flatten_ints(p.types["ngrams"]).max(initial=0)) for p in parts), default=0
        )
        counts = [_count_ngrams(part, self.num_ngrams) for part in labelled]
        counts_DF = sparse.vstack(counts, format="csr") if counts else sparse.csr_array((0, self.num_ngrams))
        frequency_F = np.bincount(counts_DF.indices, minlength=self.num_ngrams)
        self.idf_F = np.log((1 + len(self.targets)) / (1 + frequency_F)).astype(np.float32) + np.float32(1)
        if len(self.targets) >= MANY_DOCUMENTS:
            self.idf_F[frequency_F > MAX_SHARE * len(self.targets)] = 0
        self.tfidf_FD = self._tfidf(counts_DF).T.tocsr()

    def look_up(self, part: FeaturePart) -> Matches:
        """Return the targets of the documents that are most similar to each of the part's; none is of the same group."""
        if not len(self.targets) or not part.documents.height:
            empty = pl.Series([""], dtype=pl.String).new_from_index(0, part.documents.height)
            return Matches(nearest=empty, fuzzy=empty)
        tfidf_QF = self._tfidf(_count_ngrams(part, self.num_ngrams))
        size = max(1, _MAX_SCORES // len(self.targets))
        sources, groups = source_texts(part), part.documents["group"]
        nearest: list[np.ndarray] = []
        fuzzy: list[np.ndarray] = []
        for first in range(0, part.documents.height, size):
            rows = slice(first, first + size)
            scores_QD = (tfidf_QF[rows] @ self.tfidf_FD).toarray()
            self._exclude_groups(scores_QD, groups[rows])
            candidates, similarity = _most_similar(scores_QD)
            ranked = self._rank_by_edits(sources[rows], candidates, similar=similarity > 0)
            for chosen, found in ((nearest, candidates[:, 0]), (fuzzy, ranked)):
                chosen.append(np.where(similarity[:, 0] > 0, found, -1))
        return Matches(
            nearest=self._targets(np.concatenate(nearest)), fuzzy=self._targets(np.concatenate(fuzzy))
        )

    def _tfidf(self, counts: sparse.csr_array) -> sparse.csr_array:
        """Return the TF-IDF values of the counts, with a logarithm of the count, each row of length 1."""
        values = counts.astype(np.float32)
        values.data = (1 + np.log(values.data)) * self.idf_F[values.indices]
        values.eliminate_zeros()
        norm = np.sqrt(values.multiply(values).sum(axis=1))
        values.data /= np.repeat(np.maximum(norm, 1e-9), np.diff(values.indptr)).astype(np.float32)
        return values

    def _exclude_groups(self, scores_QD: np.ndarray, groups: pl.Series) -> None:
        """Set the similarity of documents of one group to -1: they may be versions of one text."""
        for row in np.flatnonzero(groups.is_in(self.groups.unique().implode()).to_numpy()):
            scores_QD[row, (self.groups == groups[int(row)]).to_numpy()] = -1

    def _rank_by_edits(
        self, sources: pl.Series, candidates: np.ndarray, *, similar: np.ndarray
    ) -> np.ndarray:
        """Return the `similar` candidate of each source with the least edits; at a tie the first."""
        per_source = candidates.shape[1]
        distance = process.cpdist(
            np.repeat(sources.to_numpy(), per_source),
            self.sources.gather(candidates.ravel()).to_numpy(),
            scorer=Levenshtein.normalized_distance,
            workers=1,
        )
        best = np.where(similar, distance.reshape(-1, per_source), np.inf).argmin(1)
        return candidates[np.arange(len(candidates)), best]

    def _targets(self, documents: np.ndarray) -> pl.Series:
        found = pl.Series(np.where(documents >= 0, documents, 0))
        return pl.select(
            pl.when(pl.Series(documents >= 0)).then(self.targets.gather(found)).otherwise(pl.lit(""))
        ).to_series()


def source_texts(part: FeaturePart) -> pl.Series:
    """Return the first `MAX_COPIED_WORDS` words of each document as text."""
    return lead_and_copy(part.documents, part.types)[1]


def _select_training(part: FeaturePart, task: Task) -> FeaturePart:
    if task.columns.label not in part.documents.columns:
        return FeaturePart(part.documents.clear(), part.types)
    chosen = (pl.col("split") == "train") & pl.col(task.columns.label).is_not_null()
    return FeaturePart(part.documents.filter(chosen), part.types)


def _count_ngrams(part: FeaturePart, num_ngrams: int) -> sparse.csr_array:
    """Return the counts (D,F) of the n-grams in the first `MAX_COPIED_WORDS` words; n-grams from `num_ngrams` on are left out."""
    word, count = flatten_ints(part.documents["word"]), lengths(part.documents["word"])
    word = word[local_index(count) < MAX_COPIED_WORDS]
    count = np.minimum(count, MAX_COPIED_WORDS)
    used, word = np.unique(word, return_inverse=True)
    types = part.types["ngrams"].gather(used)
    ngram, ngram_count = flatten_ints(types), lengths(types)
    words_DW = sparse.csr_array(
        (np.ones(len(word), np.float32), word, offsets(count)), shape=(len(count), len(used))
    )
    ngrams_WF = sparse.csr_array(
        (np.ones(len(ngram), np.float32), ngram, offsets(ngram_count)),
        shape=(len(used), max(num_ngrams, int(ngram.max(initial=0)) + 1)),
    )
    counts = (words_DW @ ngrams_WF)[:, :num_ngrams]
    counts.sum_duplicates()
    return counts


def _most_similar(scores_QD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the documents with the highest similarity to each row, the best first, ties by their place; and the similarity."""
    count = min(NUM_CANDIDATES, scores_QD.shape[1])
    chosen = np.argpartition(-scores_QD, count - 1, axis=1)[:, :count]
    similarity = np.take_along_axis(scores_QD, chosen, 1)
    order = np.lexsort((chosen, -similarity), axis=1)
    return np.take_along_axis(chosen, order, 1), np.take_along_axis(similarity, order, 1)
