"""Mixup of documents' vectors.

Axes: B documents, D width. Sources: Zhang et al. 2018, arXiv:1710.09412 (mixup); Guo et al. 2019, arXiv:1905.08941 (of
the vectors of texts).
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixup:
    """Each document becomes a `share` of itself and the rest of its `partner` (B,), in what heads read and in its loss."""

    share: float
    partner: Tensor

    def vectors(self, own_BD: Tensor) -> Tensor:
        """(B,D)"""
        return torch.lerp(own_BD[self.partner], own_BD, self.share)

    def loss(self, own: Tensor, partners: Tensor) -> Tensor:
        """Of the loss by a document's own target, and by its partner's."""
        return self.share * own + (1 - self.share) * partners
