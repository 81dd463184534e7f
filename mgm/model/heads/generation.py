"""A text a document: what is one task's own of it. The decoder of all such tasks is mgm.model.generation.decoder.

Axes: B documents, T places of a target, D width.
"""

import torch
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads.head import Head


class Generation(Head):
    """The vector that a task's outputs begin with, and its loss: cross-entropy a subword, under teacher forcing.

    Smoothing is towards all pieces that can be written. Its outputs come from `Writer.forced`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(width))

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        known = target[:, : output.shape[1]] != NO_LABEL
        if not known.any():
            return None
        own, spread = output[known].unbind(1)
        return -((1 - smoothing) * own + smoothing * spread).mean()
