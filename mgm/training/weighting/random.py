"""Random loss weighting."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mgm.training.weighting.weighting import DynamicWeighting, total


class RandomWeighting(DynamicWeighting):
    """Factors drawn anew for each batch: a softmax of normal numbers, times the number of its tasks, so that their mean
    is 1; the set weights multiply them.

    What a learned weighting must beat. Source: Lin et al. 2022, arXiv:2111.10603 (RLW). The numbers are torch's own,
    which training seeds for each batch, alike in all processes.
    """

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        drawn = torch.randn(len(losses)).softmax(0) * len(losses)
        factors = {
            task: self.weights[task] * factor for task, factor in zip(losses, drawn.tolist(), strict=True)
        }
        self.note(factors)
        return total(factors[task] * loss for task, loss in losses.items())
