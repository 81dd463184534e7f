"""Random loss weighting."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mgm.training.weighting.weighting import DynamicWeighting, total


class RandomWeighting(DynamicWeighting):
    """Factors drawn anew for each batch: a softmax of normal numbers, times the number of its tasks, so that their mean is 1.

    The weights of the settings multiply them. It is the baseline for learned weightings. The random numbers are torch's, which
    training seeds for each batch, alike in all processes. Source: Lin et al. 2022, arXiv:2111.10603 (RLW).
    """

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the randomly weighted sum, a scalar."""
        drawn = torch.randn(len(losses)).softmax(0) * len(losses)
        factors = {
            task: self.weights[task] * factor for task, factor in zip(losses, drawn.tolist(), strict=True)
        }
        self.record_factors(factors)
        return total(factors[task] * loss for task, loss in losses.items())
