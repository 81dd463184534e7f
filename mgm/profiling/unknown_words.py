"""Words outside the vocabulary, by split: their number, and their share of each document."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from mgm.profiling.layout import Profile
from mgm.profiling.streaming_histograms import (
    DIGITS,
    SHARE_BOUNDS,
    ClusteredCounts,
    add_histograms,
    histogram,
    mean_design_effect,
)
from mgm.text.list_columns import Array


class UnknownWords:
    """Counts the words outside the vocabulary, part by part."""

    def __init__(self) -> None:
        """Begin without any document."""
        self._words = ClusteredCounts()
        self._histogram = np.zeros(len(SHARE_BOUNDS) + 1, dtype=np.int64)

    def add(self, *, row_ids: Array, is_unknown: Array, num_documents: int) -> None:
        """Add one part: the document of each word, as its row, and whether the word is outside the vocabulary."""
        self._words.add(
            row_ids=row_ids,
            codes=is_unknown.astype(np.int64),
            names=pl.Series(["known", "unknown"]),
            num_documents=num_documents,
        )
        sizes = np.bincount(row_ids, minlength=num_documents)
        shares = np.bincount(row_ids[is_unknown], minlength=num_documents)[sizes > 0] / sizes[sizes > 0]
        self._histogram += histogram(shares, np.ones(len(shares)), bounds=SHARE_BOUNDS)["counts"]

    def merge(self, other: "UnknownWords") -> None:
        """Add the counts of other parts."""
        self._words.merge(other._words)
        self._histogram += other._histogram

    def result(self) -> Profile:
        """Return the section of one split: n (words), unknown, design_effect, per_document."""
        counts = self._histogram.tolist()
        return {
            "n": self._words.n,
            "unknown": self._words.counts(2).get("unknown", 0),
            "design_effect": self._words.design_effect_of("unknown"),
            "per_document": {"n": sum(counts), "bounds": SHARE_BOUNDS, "counts": counts},
        }


def pool_unknown_words(sections: Sequence[Profile]) -> Profile:
    """Return the section of the documents of several sections together."""
    if not sections:
        return UnknownWords().result()
    return {
        "n": sum(section["n"] for section in sections),
        "unknown": sum(section["unknown"] for section in sections),
        "design_effect": mean_design_effect(sections),
        "per_document": add_histograms([section["per_document"] for section in sections]),
    }


def held_out_unknown_words(profile: Profile) -> Profile:
    """Return the unknown words of the splits valid and test together; of all documents where there are no such splits.

    The words of training documents are known by construction, so their share of unknown words does not predict that of later ones.
    """
    unknown = profile["unknown"]
    held_out = [unknown[split] for split in ("valid", "test") if split in unknown]
    return pool_unknown_words(held_out or list(unknown.values()))


def unknown_shares(unknown: Mapping[str, Profile]) -> Profile:
    """Return the words of each split, and the share of them that the vocabulary does not hold."""
    return {
        "words": {split: section["n"] for split, section in unknown.items()},
        "unknown_words": {
            split: round(section["unknown"] / section["n"], DIGITS)
            for split, section in unknown.items()
            if section["n"]
        },
    }
