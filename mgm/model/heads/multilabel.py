"""A set of labels a document.

Axes: B documents, K labels, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.heads.head import Head, mixed


class Multilabel(Head):
    """A probability for each label; binary cross-entropy, summed over the labels: the document's likelihood.

    Labels are not smoothed: most are absent from most documents, and smoothing would call each a little
    present.
    """

    def __init__(self, width: int, labels: list[str]) -> None:
        super().__init__()
        self.logits = nn.Linear(width, len(labels))

    def forward(self, vectors: Tensor) -> Tensor:
        """(B,K) logits."""
        return self.logits(vectors)

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        labelled = ~target.isnan().any(1)
        if not labelled.any():
            return None
        loss = F.binary_cross_entropy_with_logits(output[labelled], target[labelled], reduction="none")
        return loss.sum(1).mean()

    def distil(
        self,
        output: Tensor,
        target: Tensor,
        teacher: Tensor,
        batch: Batch,
        label_weight: float,
        smoothing: float,
    ) -> Tensor | None:
        return self.loss(output, mixed(target, teacher, label_weight), batch, smoothing)

    def decode(self, output: Tensor, batch: Batch) -> Tensor:
        """(B,K) probabilities."""
        return output.sigmoid()

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """The bias becomes each label's log odds, after one more document with it and one without."""
        known = targets[~targets.isnan().any(1)].to(self.logits.bias)
        self.logits.bias.copy_(((known.sum(0) + 1) / (known.shape[0] + 2)).logit())
