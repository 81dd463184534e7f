"""Mixup of documents' vectors.

Axes: B documents, D width. Sources: Zhang et al. 2018, arXiv:1710.09412 (mixup); Guo et al. 2019, arXiv:1905.08941 (of
the vectors of texts).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixup:
    """Each document becomes a `share` of itself and the rest of its `partner` (B,), in the input of heads and in the loss."""

    share: float
    partner: Tensor

    def vectors(self, vectors_BD: Tensor) -> Tensor:
        """Return the mixed vectors (B,D)."""
        return torch.lerp(vectors_BD[self.partner], vectors_BD, self.share)

    def loss(self, by_targets: Tensor, by_partners: Tensor) -> Tensor:
        """Return the mix of the losses by the documents' targets and by those of their partners."""
        return self.share * by_targets + (1 - self.share) * by_partners
