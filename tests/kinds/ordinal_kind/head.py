"""Cumulative logits over ordered classes: one score a document, cut by K - 1 ascending thresholds.

Source: McCullagh 1980, Regression models for ordinal data (the proportional odds model).

Axes: B documents, D width, K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mgm.model.heads import ClassificationHead, Head

MIN_PROBABILITY = 1e-6


class OrdinalHead(ClassificationHead):
    """Log-probabilities of the classes, which the losses and predictions of classification read as logits."""

    scale: Tensor
    bias_K: Tensor

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        """Make the head; the thresholds begin at even distances."""
        Head.__init__(self, width, labels)
        self.score = nn.Linear(width, 1)
        self.first_threshold = nn.Parameter(torch.zeros(()))
        self.log_gaps = nn.Parameter(torch.zeros(max(len(labels) - 2, 0)))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("bias_K", torch.zeros(len(labels)))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the scaled log-probabilities (B,K)."""
        gaps = torch.cat([self.first_threshold.view(1), self.log_gaps.exp()])
        below = torch.sigmoid(gaps.cumsum(0) - self.score(vectors))
        edges = torch.cat([torch.zeros_like(below[:, :1]), below, torch.ones_like(below[:, :1])], dim=1)
        probabilities_BK = (edges[:, 1:] - edges[:, :-1])[:, : len(self.bias_K)]
        return self.scale * probabilities_BK.clamp(min=MIN_PROBABILITY).log() + self.bias_K

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Leave the thresholds as they are."""

    @torch.no_grad()
    def add_logit_bias(self, logits_K: Tensor) -> None:
        """Add a bias to the logits."""
        self.bias_K.add_(logits_K)

    @torch.no_grad()
    def scale_outputs(self, factor: float) -> None:
        """Multiply the logits by a factor."""
        self.scale.mul_(factor)
        self.bias_K.mul_(factor)
