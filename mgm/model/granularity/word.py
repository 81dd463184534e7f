"""Words as themselves: an embedding of each, and of its properties.

Axes: T distinct words, D width.
"""

from typing import Self

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.embedding_table import EmbeddingTable
from mgm.model.granularity.character import INITIAL_SCALE
from mgm.model.granularity.level import TypeGranularity
from mgm.settings.model import ModelSettings
from mgm.text.features import PROPERTIES


class Word(TypeGranularity):
    """A word's vector plus one of each of its properties. Id 0 is the unknown word."""

    name = "word"

    def __init__(self, vocabulary_size: int, width: int) -> None:
        super().__init__()
        self.words = EmbeddingTable(vocabulary_size + 1, width)
        self.properties = nn.ModuleList(nn.Embedding(size, width) for size in PROPERTIES.values())
        for table in (self.words, *self.properties):
            nn.init.normal_(table.weight, std=INITIAL_SCALE)

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off.

        Without characters the levels above need word vectors, even where this granularity is off.
        """
        if not settings.word.enabled and settings.character.enabled:
            return None
        level = cls(vocabulary_size, settings.width)
        if settings.word.enabled:
            level.widths = {cls.name: settings.width}
        level.selection = settings.word.words
        return level

    def forward(self, batch: Batch, word_dropout: float = 0.0) -> Tensor:
        """Return (T,D); `word_dropout`: the probability that a word counts as unknown in this batch."""
        ids = batch.type_id
        if word_dropout > 0:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < word_dropout, 0)
        vectors = self.words(ids)
        for table, values in zip(self.properties, batch.type_property.unbind(1), strict=True):
            vectors = vectors + table(values)
        return vectors
