"""Folds of a cross-validation: features whose split column assigns rows to training, validation or the held-out part of a fold.

The vocabulary is refitted for each fold: which words have an id, and how frequent they are (the property `bucket`). Label
spaces, derived stopwords (the marks `content`) and trained word vectors are not refitted, and so know the held-out rows too:
they come from the corpus's train split. A word that reaches `min_count` only with rows of valid stays unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl

from mgm.text.features import FeaturePart
from mgm.text.list_columns import Array, flatten_ints
from mgm.text.vocabulary import UNKNOWN, frequency_bucket

POOL = ("train", "valid")
"""The splits whose rows the folds share. The others, test above all, are in no fold."""
HELD_OUT = "test"
"""The split of a fold's held-out rows, so that the evaluation of the test split evaluates them."""
LEFT_OUT = "left_out"


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A fold, whose groups are held out; a share of the other groups is validated on.

    A hash of the group and the seed decides, so that a group is in the same fold in all corpora, and stays there when rows are added.

    Attributes:
        number: the number of the fold, from 0.
        count: the number of folds.
        validation: the share of the other groups that is validated on.
        seed: the seed of the hash.
    """

    number: int
    count: int
    validation: float
    seed: int

    def split_of(self, group: str) -> str:
        """Return train, valid or `HELD_OUT`."""
        if _hash(f"{self.seed}:{group}") % self.count == self.number:
            return HELD_OUT
        return "valid" if _hash(f"{self.seed}:{self.number}:{group}") < self.validation * 2**64 else "train"

    def splits(self, documents: pl.DataFrame) -> pl.Series:
        """Return the split of each row; `LEFT_OUT` outside `POOL`."""
        is_in_pool = documents["split"].is_in(list(POOL))
        groups = documents["group"].filter(is_in_pool).unique(maintain_order=True)
        split = pl.Series([self.split_of(group) for group in groups], dtype=pl.String)
        rows = documents["group"].replace_strict(groups, split, default=LEFT_OUT, return_dtype=pl.String)
        # a group may have rows in POOL and, where the corpus brings its own splits, outside
        return pl.select(
            pl.when(is_in_pool).then(rows).otherwise(pl.lit(LEFT_OUT)).alias("split")
        ).to_series()


def apply_fold(
    parts: Mapping[str, Sequence[FeaturePart]], fold: Fold, *, vocabulary_size: int, min_count: int
) -> dict[str, list[FeaturePart]]:
    """Return the parts of every corpus with a fold's splits and vocabulary.

    Args:
        parts: the features of each corpus.
        fold: the fold that decides the splits.
        vocabulary_size: the largest word id.
        min_count: a word that occurs fewer times in the fold's training rows is unknown.
    """
    split = {
        corpus: [FeaturePart(p.documents.with_columns(fold.splits(p.documents)), p.types) for p in of_corpus]
        for corpus, of_corpus in parts.items()
    }
    counts = _word_counts((part for of_corpus in split.values() for part in of_corpus), vocabulary_size)
    return {
        corpus: [
            FeaturePart(part.documents, _refit_vocabulary(part.types, counts, min_count=min_count))
            for part in of_corpus
        ]
        for corpus, of_corpus in split.items()
    }


def _word_counts(parts: Iterable[FeaturePart], vocabulary_size: int) -> Array:
    """Return the count (V + 1,) of each word id in the rows of train."""
    counts = np.zeros(vocabulary_size + 1, np.int64)
    for part in parts:
        words = flatten_ints(part.documents.filter(pl.col("split") == "train")["word"])
        counts += np.bincount(part.types["id"].to_numpy()[words], minlength=len(counts))
    return counts


def _refit_vocabulary(types: pl.DataFrame, counts: Array, *, min_count: int) -> pl.DataFrame:
    """Return the word types with the ids and frequencies that these counts give."""
    ids = types["id"].to_numpy()
    is_known = (ids != UNKNOWN) & (counts[ids] >= min_count)
    bucket = frequency_bucket(pl.Series(np.where(is_known, counts[ids], 0)))
    return types.with_columns(
        pl.Series("id", np.where(is_known, ids, UNKNOWN).astype(np.int32)), bucket.alias("bucket")
    )


def _hash(text: str) -> int:
    return int(blake2b(text.encode("utf-8"), digest_size=8).hexdigest(), 16)
