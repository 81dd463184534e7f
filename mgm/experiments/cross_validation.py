"""Folds: features whose split column says what a fold of a cross-validation trains on, validates on and holds out, with the
vocabulary that its own training rows give.

Refitted for each fold: which words have an id, and how frequent they are (the property `bucket`). Not refitted, and so known
from the held-out rows too: the label spaces, the derived stopwords (the marks `content`), and trained word vectors, all of
which come from the corpus's train split. A word that reaches `min_count` only with rows of valid stays unknown.
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
"""The splits whose rows are dealt out. The others, test above all, are in no fold."""
HELD_OUT = "test"
"""What the held-out rows of a fold are called, so that whatever evaluates the test split evaluates them."""
LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Fold:
    """Fold `number` (from 0) of `count`: its groups are held out, and a share `validation` of the others is validated on.

    A hash of the group and the seed decides, so that a group is in one place in all corpora, whatever rows are added.
    """

    number: int
    count: int
    validation: float
    seed: int

    def split_of(self, group: str) -> str:
        """train, valid or HELD_OUT."""
        if _hash(f"{self.seed}:{group}") % self.count == self.number:
            return HELD_OUT
        return "valid" if _hash(f"{self.seed}:{self.number}:{group}") < self.validation * 2**64 else "train"

    def splits(self, documents: pl.DataFrame) -> pl.Series:
        """The split of each row; LEFT_OUT outside POOL."""
        inside = documents["split"].is_in(list(POOL))
        known = documents["group"].filter(inside).unique(maintain_order=True)
        found = pl.Series([self.split_of(group) for group in known], dtype=pl.String)
        rows = documents["group"].replace_strict(known, found, default=LEFT_OUT, return_dtype=pl.String)
        # a group may have rows in POOL and, where the corpus brings its own splits, outside
        return pl.select(pl.when(inside).then(rows).otherwise(pl.lit(LEFT_OUT)).alias("split")).to_series()


def apply_fold(
    parts: Mapping[str, Sequence[FeaturePart]], fold: Fold, vocabulary_size: int, min_count: int
) -> dict[str, list[FeaturePart]]:
    """The parts of every corpus as the fold sees them; `vocabulary_size`: the largest word id."""
    found = {
        corpus: [FeaturePart(p.documents.with_columns(fold.splits(p.documents)), p.types) for p in own]
        for corpus, own in parts.items()
    }
    every = [part for own in found.values() for part in own]
    counts = _counts(every, vocabulary_size)
    return {
        corpus: [FeaturePart(part.documents, _recounted(part.types, counts, min_count)) for part in own]
        for corpus, own in found.items()
    }


def _counts(parts: Iterable[FeaturePart], vocabulary_size: int) -> Array:
    """(V+1,) how often each word id occurs in the rows of train."""
    counts = np.zeros(vocabulary_size + 1, np.int64)
    for part in parts:
        words = flatten_ints(part.documents.filter(pl.col("split") == "train")["word"])
        counts += np.bincount(part.types["id"].to_numpy()[words], minlength=len(counts))
    return counts


def _recounted(types: pl.DataFrame, counts: Array, min_count: int) -> pl.DataFrame:
    """The types with the ids and frequencies that these counts give."""
    ids = types["id"].to_numpy()
    known = (ids != UNKNOWN) & (counts[ids] >= min_count)
    bucket = frequency_bucket(pl.Series(np.where(known, counts[ids], 0)))
    return types.with_columns(
        pl.Series("id", np.where(known, ids, UNKNOWN).astype(np.int32)), bucket.alias("bucket")
    )


def _hash(text: str) -> int:
    return int(blake2b(text.encode("utf-8"), digest_size=8).hexdigest(), 16)
