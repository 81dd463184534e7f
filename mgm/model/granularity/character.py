"""Words as the sum of their characters: hashed character n-grams.

Axes: T distinct words, D width.
"""

from typing import Self

from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.embedding_table import EmbeddingTable
from mgm.model.granularity.level import TypeGranularity
from mgm.settings.model import ModelSettings

INITIAL_SCALE = 0.1
"""The standard deviation of random word vectors."""


class Character(TypeGranularity):
    """A word's vector is the mean of its n-grams' vectors, so no word is unknown.

    Source: Bojanowski et al. 2017, arXiv:1607.04606.
    """

    name = "character"

    def __init__(self, ngram_buckets: int, width: int) -> None:
        super().__init__()
        self.ngrams = EmbeddingTable(ngram_buckets, width)
        nn.init.normal_(self.ngrams.weight, std=INITIAL_SCALE)

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        if not settings.character.enabled:
            return None
        level = cls(ngram_buckets, settings.width)
        level.widths = {cls.name: settings.width}
        level.selection = settings.character.words
        return level

    def forward(self, batch: Batch, word_dropout: float = 0.0) -> Tensor:
        """Return (T,D); n-grams are never dropped."""
        return self.ngrams.mean(batch.type_ngram, batch.type_ngram_offset)
