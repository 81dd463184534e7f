"""Documents predicted by compiled kernels, where a bundle's network is one that they know."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.bundle.bundle import Bundle
from mgm.model.compiled import CompiledNetwork, DocumentWords
from mgm.model.heads import Outcome
from mgm.settings.text import SegmentationSettings
from mgm.tasks import Task
from mgm.text.features import describe_types
from mgm.text.list_columns import Array
from mgm.text.segmentation.sentences import find_sentences, group_lengths
from mgm.text.segmentation.words import Words
from mgm.text.vocabulary import UNKNOWN


class CompiledBundle:
    """A bundle's network by kernels, and the words that it has read before, whose states are kept.

    A word is known by its spelling: what the network reads of it is computed once.
    """

    def __init__(self, bundle: Bundle, network: CompiledNetwork) -> None:
        """Take the bundle's compiled network, whose table of words must be empty."""
        self.bundle = bundle
        self.network = network
        self._kept = 0
        self._rows: dict[str, dict[str, int]] = {}
        """The row of each spelling in the table of words, by the settings with which words are read."""

    def has_room(self, words: Words) -> bool:
        """Return whether the states of all these words can be kept at once."""
        return len(words.types) <= self.network.words.capacity

    def predict(
        self, words: Words, settings: SegmentationSettings, *, tasks: Sequence[Task], corpus: str | None
    ) -> dict[str, Outcome]:
        """Return the outcome of each task for the documents that have words.

        Args:
            words: the words of documents, for which there is room.
            settings: those of sentences.
            tasks: the tasks.
            corpus: the corpus whose text settings are used; None: the general ones.
        """
        begins, _ = find_sentences(words, settings)
        first_words = np.flatnonzero(begins)
        sentences = np.bincount(words.row[first_words])
        documents = DocumentWords(
            self._rows_of(words.types, corpus)[words.code],
            group_lengths(first_words, len(words.row)),
            sentences[sentences > 0],
        )
        return self.network.predict(documents, tasks)

    def _rows_of(self, types: pl.Series, corpus: str | None) -> Array:
        """Return the rows of distinct words in the table, to which new ones are added.

        Words of the vocabulary stay there. Others are seldom seen again: the next call overwrites them.
        """
        table, spelt = self.network.words, types.to_list()
        known = self._rows.setdefault(self._way_of_reading(corpus), {})
        row = np.array([known.get(word, -1) for word in spelt], dtype=np.int64)
        new = np.flatnonzero(row < 0)
        if self._kept + len(new) > table.capacity:
            self._kept = 0
            self._rows.clear()
            return self._rows_of(types, corpus)
        if len(new):
            described = self._describe(types.gather(new), corpus)
            self.network.truncate_words(self._kept)
            row[new] = self.network.add_words(described)
            kept = new[(described["id"] > UNKNOWN).to_numpy()]
            self._kept += len(kept)
            known.update(zip((spelt[i] for i in kept.tolist()), row[kept].tolist(), strict=True))
        return row

    def _describe(self, types: pl.Series, corpus: str | None) -> pl.DataFrame:
        return describe_types(
            types,
            self.bundle.vocabulary,
            settings=self.bundle.text_for(corpus).features,
            dictionary=self.bundle.dictionary_for(corpus),
        )

    def _way_of_reading(self, corpus: str | None) -> str:
        text = self.bundle.text_for(corpus)
        return f"{text.segmentation.dictionary} {text.features.model_dump_json()}"
