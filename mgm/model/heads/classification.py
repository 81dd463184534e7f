"""One label a document.

Axes: B documents, K labels, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads.head import Head, mixed


class Classification(Head):
    """Softmax over the labels; cross-entropy with label smoothing."""

    def __init__(self, width: int, labels: list[str]) -> None:
        super().__init__()
        self.logits = nn.Linear(width, len(labels))

    def forward(self, vectors: Tensor) -> Tensor:
        """(B,K) logits."""
        return self.logits(vectors)

    def loss(self, output: Tensor, target: Tensor, batch: Batch, smoothing: float) -> Tensor | None:
        if not (target != NO_LABEL).any():
            return None
        return F.cross_entropy(output, target, ignore_index=NO_LABEL, label_smoothing=smoothing)

    def distil(
        self,
        output: Tensor,
        target: Tensor,
        teacher: Tensor,
        batch: Batch,
        label_weight: float,
        smoothing: float,
    ) -> Tensor | None:
        label = F.one_hot(target.clamp(min=0), output.shape[1]).to(output)
        label = label * (1 - smoothing) + smoothing / output.shape[1]
        label[target == NO_LABEL] = torch.nan
        goal = mixed(label, teacher, label_weight)
        known = ~goal.isnan().any(1)
        return F.cross_entropy(output[known], goal[known]) if known.any() else None

    def decode(self, output: Tensor, batch: Batch) -> Tensor:
        """(B,K) probabilities."""
        return output.softmax(1)

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """The bias becomes the log of each label's share, with one added to every count."""
        labels = self.logits.out_features
        count = torch.bincount(targets[targets != NO_LABEL], minlength=labels).to(self.logits.bias) + 1
        self.logits.bias.copy_((count / count.sum()).log())
