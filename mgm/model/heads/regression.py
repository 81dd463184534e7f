"""A number a document; ordinal scales too.

Axes: B documents, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.heads.head import Head, mixed


class Regression(Head):
    """Linear on the standardised scale; smooth L1 loss, which one far-off rating cannot dominate."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, labels: list[str]) -> None:
        super().__init__()
        self.value = nn.Linear(width, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def forward(self, vectors: Tensor) -> Tensor:
        """(B,) values in standard deviations from the mean."""
        return self.value(vectors)[:, 0]

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        labelled = ~target.isnan()
        if not labelled.any():
            return None
        return F.smooth_l1_loss(output[labelled], (target[labelled] - self.mean) / self.deviation)

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
        """(B,) values in the task's own units."""
        return output * self.deviation + self.mean

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Stores the labelled targets' mean and standard deviation; a constant keeps the deviation 1."""
        known = targets[~targets.isnan()].double()
        if known.numel():
            spread = known.std(correction=0)
            self.mean.copy_(known.mean())
            self.deviation.copy_(spread if spread > 0 else torch.ones(()))
