"""Documents predicted by compiled kernels, where a bundle's network is one that they know."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.bundle.bundle import Bundle
from mgm.model.compiled import CompiledNetwork, DocumentWords
from mgm.model.heads import Outcome
from mgm.tasks import Task
from mgm.text.features import describe_types
from mgm.text.list_columns import Array
from mgm.text.segmentation.numbered_words import NumberedWords, Spellings, number_words
from mgm.text.segmentation.sentences import classify_words
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
        self._known: dict[str, Spellings] = {}
        """The words of the table with their rows, by the settings with which words are read."""
        self._classes = np.zeros(network.words.capacity, np.uint16)
        """The classes of each word of the table, for sentences."""

    def find_words(self, texts: pl.Series, corpus: str | None) -> NumberedWords | None:
        """Return the words of cleaned texts; None: their distinct words are more than can be kept at once.

        A word is its row of the table, where it has one. `predict` takes the words of the last call.
        """
        capacity, settings = self.network.words.capacity, self.bundle.text_for(corpus).segmentation
        for _ in range(2):
            known = self._known.setdefault(self._way_of_reading(corpus), Spellings())
            words = number_words(texts, settings, known=known, dictionary=self.bundle.dictionary_for(corpus))
            if self._kept + len(words.new) <= capacity:
                return words
            self._kept = 0
            self._known.clear()
        return None

    def predict(
        self, words: NumberedWords, *, tasks: Sequence[Task], corpus: str | None
    ) -> dict[str, Outcome]:
        """Return the outcome of each task for the documents that have words.

        Args:
            words: the words of documents.
            tasks: the tasks.
            corpus: the corpus whose text settings are used; None: the general ones.
        """
        rows = self._add(words.new, corpus)
        lengths, sentences = words.count_sentences(
            rows, classes=self._classes, settings=self.bundle.text_for(corpus).segmentation
        )
        documents = DocumentWords(words.word, lengths, sentences[sentences > 0])
        return self.network.predict(documents, tasks)

    def _add(self, new: pl.Series, corpus: str | None) -> Array:
        """Add new words to the table, and return their rows.

        Words of the vocabulary stay there. Others are seldom seen again: the next call overwrites them.
        """
        if len(new) == 0:
            return np.zeros(0, np.int64)
        described = self._describe(new, corpus)
        self.network.truncate_words(self._kept)
        rows = self.network.add_words(described)
        self._classes[rows] = classify_words(new)
        is_kept = (described["id"] > UNKNOWN).to_numpy()
        self._known[self._way_of_reading(corpus)].add(new.filter(is_kept), rows[is_kept])
        self._kept += int(is_kept.sum())
        return rows

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
