"""The beginning of a document that the decoder reads, where no task reads more of it.

Axes: B documents, P paragraphs, S sentences, N words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from mgm.settings.model import ModelSettings
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.text.list_columns import (
    Array,
    Flags,
    flatten,
    flatten_ints,
    lengths,
    local_index,
    offsets,
    row_ids,
    sum_rows,
    unflatten,
)


@dataclass(frozen=True)
class SourceCut:
    """Leaves out what follows the source of the decoder: the texts that are generated stay the same, for less reading.

    The source is the first whole sentences of at most `max_subwords` subwords, or the beginning of a longer first one
    (mgm.model.generation.source_memory). Behind it stay the sentences that windows around its last words read, at least one,
    by which a source is known not to be the whole document.

    Attributes:
        max_subwords: the most subwords of the source.
        reach: the words, without stopwords, that a window reads behind its own.
    """

    max_subwords: int
    reach: int

    @classmethod
    def of(cls, settings: ModelSettings, tasks: Sequence[Task]) -> Self | None:
        """Return the cut of documents for these tasks; None: one of them, or a part of the network, reads whole documents."""
        reads_all = settings.pretrained.enabled or settings.fusion == "stacked_autoencoder"
        if reads_all or not tasks or not all(task.spec.generates_text for task in tasks):
            return None
        sizes = settings.window.sizes if settings.window.enabled else []
        reach = max((size // 2 for size in sizes), default=0)
        return cls(max_subwords=settings.generation.max_source_subwords, reach=max(reach, 1))

    def apply(self, documents: pl.DataFrame, types: pl.DataFrame) -> pl.DataFrame:
        """Return documents with the words that stay.

        Args:
            documents: the columns `word`, `content`, `sentence` and `paragraph` of features, and others, which do not change.
            types: the distinct words of their part.
        """
        is_kept_S = self._is_kept(documents, types)
        sentence_S, sentences_B = flatten_ints(documents["sentence"]), lengths(documents["sentence"])
        paragraph_P, paragraphs_B = flatten_ints(documents["paragraph"]), lengths(documents["paragraph"])
        kept_P = sum_rows(is_kept_S.astype(np.int64), paragraph_P)
        is_kept_P = (kept_P > 0) | (paragraph_P == 0)
        is_kept_N = np.repeat(is_kept_S, sentence_S)
        words_B = sum_rows(np.where(is_kept_S, sentence_S, 0), sentences_B)
        kept = {
            "word": (is_kept_N, words_B),
            "content": (is_kept_N, words_B),
            "sentence": (is_kept_S, sum_rows(is_kept_S.astype(np.int64), sentences_B)),
        }
        shorter = [
            unflatten(flatten(documents[name]).filter(pl.Series(mask)), count, name=name)
            for name, (mask, count) in kept.items()
        ]
        counts = sum_rows(is_kept_P.astype(np.int64), paragraphs_B)
        return documents.with_columns(
            *shorter, unflatten(pl.Series(kept_P[is_kept_P].astype(np.int32)), counts, name="paragraph")
        )

    def _is_kept(self, documents: pl.DataFrame, types: pl.DataFrame) -> Flags:
        """Return whether each sentence (S,) stays: those of the source, and behind it those that begin within reach."""
        words_B, sentences_B = lengths(documents["word"]), lengths(documents["sentence"])
        sentence_S, document_S = flatten_ints(documents["sentence"]), row_ids(sentences_B)
        subwords_N = lengths(types["subwords"])[flatten_ints(documents["word"])]
        content_N = flatten(documents["content"]).to_numpy().astype(np.int64)
        end_S = np.cumsum(sentence_S)
        start_S, first_B = end_S - sentence_S, offsets(words_B)[:-1]
        # subwords and content words before each word of the part, and at last of all
        subwords, content = offsets(subwords_N), offsets(content_N)
        through_S = subwords[end_S] - subwords[first_B[document_S]]
        in_source_S = (through_S <= self.max_subwords) | (local_index(sentences_B) == 0)
        source_B = first_B + sum_rows(np.where(in_source_S, sentence_S, 0), sentences_B)
        between_S = content[start_S] - content[source_B[document_S]]
        return in_source_S | (between_S < self.reach)


def read_words(part: FeaturePart, rows: np.ndarray, *, cut: SourceCut | None) -> Array:
    """Return the words (B,) that are read of rows of a part; `cut`: what is left out, None: nothing."""
    if cut is None:
        return lengths(part.documents["word"])[rows]
    documents = part.documents.select("word", "content", "sentence", "paragraph")[rows]
    return lengths(cut.apply(documents, part.types)["word"])
