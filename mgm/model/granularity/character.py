"""Words as the sum of their characters: hashed character n-grams.

Axes: T distinct words, D width.
"""

from torch import Tensor, nn

from mgm.model.batch import Batch

INITIAL_SCALE = 0.1


class Character(nn.Module):
    """A word's vector is the mean of its n-grams' vectors, so no word is unknown.

    Source: Bojanowski et al. 2017, arXiv:1607.04606.
    """

    def __init__(self, ngram_buckets: int, width: int) -> None:
        super().__init__()
        self.ngrams = nn.EmbeddingBag(ngram_buckets, width, mode="mean", include_last_offset=True)
        nn.init.normal_(self.ngrams.weight, std=INITIAL_SCALE)

    def forward(self, batch: Batch) -> Tensor:
        """(T,D)"""
        return self.ngrams(batch.type_ngram, batch.type_ngram_offset)
