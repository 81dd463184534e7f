"""Words as themselves: an embedding of each, and of its properties.

Axes: T distinct words, D width.
"""

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.granularity.character import INITIAL_SCALE
from mgm.text.features import PROPERTIES


class Word(nn.Module):
    """A word's vector plus one of each of its properties. Id 0 is the unknown word."""

    def __init__(self, vocabulary_size: int, width: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size + 1, width)
        self.properties = nn.ModuleList(nn.Embedding(size, width) for size in PROPERTIES.values())
        for table in (self.words, *self.properties):
            nn.init.normal_(table.weight, std=INITIAL_SCALE)

    def forward(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """(T,D); `dropout`: the probability that a word counts as unknown in this batch."""
        ids = batch.type_id
        if dropout > 0:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < dropout, 0)
        vectors = self.words(ids)
        for table, values in zip(self.properties, batch.type_property.unbind(1), strict=True):
            vectors = vectors + table(values)
        return vectors
