"""Gradient descent with an L1 penalty for a table of sparse features, which keeps most of its weights at 0.

A weight whose feature is not in a batch does not change: the penalty of an epoch is spread over the batches that have the feature.

Source: Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization" (the
composite mirror descent update of section 5).

Axes: R features, T outputs.
"""

from typing import Any

import torch
from torch import Tensor

from mgm.settings.model import WideTaggingSettings

MIN_SQUARE = 1e-10


class ProximalAdagrad:
    """The optimizer of one weight table.

    Args:
        weight: (R,T), with sparse gradients.
        batches: (R,) the number of batches of an epoch that have each feature; 0 for a feature that is never trained.
        widths: the number of outputs of each task, in their order.
        settings: the learning rate and the penalty.
    """

    def __init__(
        self, weight: Tensor, batches: Tensor, *, widths: dict[str, int], settings: WideTaggingSettings
    ) -> None:
        """Start with empty sums of squares; the class has the arguments."""
        self.weight, self.batches, self.widths = weight, batches, widths
        self.learning_rate, self.l1 = settings.learning_rate, settings.l1
        self.squares = torch.full_like(weight, MIN_SQUARE, requires_grad=False)

    @torch.no_grad()
    def step(self, share: float, labelled: dict[str, int]) -> None:
        """Take one step.

        Args:
            share: the present share (0..1) of the learning rate.
            labelled: the number of labelled words of each task in the batch; losses are means over them. The outputs of a task
                without any do not change.
        """
        if self.weight.grad is None:
            return
        count = torch.tensor([labelled.get(task, 0) for task in self.widths])
        labelled_T = count.repeat_interleave(torch.tensor(list(self.widths.values()))).to(self.weight.device)
        gradient = self.weight.grad.coalesce()
        row, slope = gradient.indices()[0], gradient.values()
        squares = self.squares[row] + slope.square()
        rate = self.learning_rate * share / squares.sqrt()
        shrink = rate * (self.l1 / self.batches[row].clamp(min=1))[:, None] / labelled_T.clamp(min=1)
        old = self.weight[row]
        new = old - rate * slope
        new = new.sign() * (new.abs() - shrink).clamp(min=0)
        self.squares[row] = squares
        self.weight[row] = torch.where(labelled_T > 0, new, old)
        self.weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of squared gradients."""
        return {"squares": self.squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.squares.copy_(state["squares"])
