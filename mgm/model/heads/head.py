"""What every head does.

Axes: B documents, N words, K labels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch


class Tagged(NamedTuple):
    """The BIO ids of N words, int64, and the probability of each, float32."""

    tags: Tensor
    score: Tensor


Decoded = Tensor | Tagged
"""Probabilities (B,K) of classification and multilabel, values (B,) of regression, or the tags of N words."""


def mixed(label: Tensor, teacher: Tensor, label_weight: float) -> Tensor:
    """label_weight * label + (1 - label_weight) * teacher, of the same shape; where only one is there, that one; NaN where neither is.

    Source: Clark et al. 2019, arXiv:1907.04829 (BAM), equation of teacher annealing.
    """
    both = torch.lerp(teacher, label, label_weight)
    return torch.where(label.isnan(), teacher, torch.where(teacher.isnan(), label, both))


class Head(nn.Module):
    """From the vectors that a task reads to its outputs, their loss, and what they mean."""

    def forward(self, vectors: Tensor) -> Tensor:
        raise NotImplementedError

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        """The mean loss, a scalar, over what is labelled; None where nothing is."""
        raise NotImplementedError

    def distil(
        self,
        output: Tensor,
        target: Tensor,
        teacher: Tensor,
        batch: Batch,
        label_weight: float,
        smoothing: float,
    ) -> Tensor | None:
        """The mean loss, a scalar, over what has a label or a teacher's answer, against the mix of both (`mixed`).

        `teacher`: probabilities (B,K) or values (B,), NaN where there is none.
        """
        raise NotImplementedError

    def decode(self, output: Tensor, batch: Batch) -> Decoded:
        raise NotImplementedError

    def fit(self, targets: Tensor) -> None:
        """Starts the head from the targets of the training split, shaped as `Batch.targets`."""
